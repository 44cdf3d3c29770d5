"""The tune of a recording: which of the written notes one line of it takes, whichever part they stand in.

The parts of a recorded score are told apart by ear, and a tune is seldom in one of them from end to end. How likely
each note is the tune's: what the trees of `abcscribe.analysis.soloist` say, how much its voice has of such notes,
whether it sounds like these, how clearly it is heard, and how far it lies from where the tune usually lies. A search
makes a line of the likely ones, one note at a time.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from abcscribe.analysis import cleaning, player_features, soloist
from abcscribe.arranging.lines import Tone, pitched, single, tones
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.timing import followed

# Weights of a logistic regression on 79 rendered songs of the train split (docs/log, 2026-11-28-songs-suite).
ODDS, VOICE, TIMBRE, FAMILY, CLEAR, APART, BIAS = 0.29, 0.61, 1.44, 0.95, 6.08, -1.5, -4.86
MOST_ODDS = 5.0  # of the trees
UNHEARD = -1.0  # odds of a written note that no heard one is known of
STEP_PRICE, FREE_STEP, MOST_STEP = 0.05, 2, 1.5  # nats for each semitone beyond a step, and at most
OVERLAP, OVERLAP_PRICE = Fraction(1, 4), 1.0  # quarters that a note may be held into the next of the line
LEAST_ALONE = 0.8  # mean log odds of a line in the part of one player, from which another has played it (20 songs)
SHORT_REST = Fraction(1, 2)  # quarters
BACK = 60  # notes before a note from which the line may come


class Placed(NamedTuple):
    """A written note and where it stands."""

    tone: Tone
    part: int
    voice: int


def is_uncertain(score: Score) -> bool:
    """Whether a score is of a recording whose players were told apart by ear."""
    notes = [note for note in score.performance if not note.drum]
    return bool(notes) and all(note.families and note.program is None for note in notes)


def heard_tune(score: Score) -> list[Placed]:
    """The notes of the tune, one at a time; [] if none is likely, as where one plays all there is.

    Args:
        score: of a recording, with what was heard in it.
    """
    written = [
        Placed(tone, part, voice)
        for part in pitched(score) for voice in score.parts[part].voices
        for tone in tones(score, score.parts[part], (voice,))
    ]  # fmt: skip
    written.sort(key=lambda own: (own.tone.start, own.tone.pitch))
    if not written:
        return []
    likely = _likely(score, written)
    chosen = _line(written, likely)
    alone = len({own.part for own in written}) == 1
    if alone and chosen and likely[chosen].mean() < LEAST_ALONE:
        return []
    line = [written[i] for i in chosen]
    cut = _held(score, single([own.tone for own in line]))
    return [own._replace(tone=tone) for own, tone in zip(line, cut, strict=True)]


def _held(score: Score, line: Sequence[Tone]) -> list[Tone]:
    """The notes without the short rests between them: up to a next one that is near, others to the end of their beat.
    A note that was taken out of a chord, or whose end a room hid, is seldom detached on purpose."""
    starts = score.bar_starts()
    held = []
    for tone, following in zip(line, [*line[1:], None], strict=True):
        index = bisect_right(starts, tone.end) - 1 if tone.end < starts[-1] else len(score.bars) - 1
        bar = score.bars[index]
        beat = bar.metre.beat if bar.metre else Fraction(1)
        end = min(starts[index] + -(-(tone.end - starts[index]) // beat) * beat, starts[index + 1])
        if following is not None:
            near = following.start - tone.end <= SHORT_REST
            end = following.start if near else min(end, following.start)
        held.append(dataclasses.replace(tone, end=max(end, tone.end)))
    return held


def _likely(score: Score, written: Sequence[Placed]) -> np.ndarray:
    """(n,) log odds that each written note is the tune's."""
    _, found = followed(score)
    odds_of = _odds(score)
    keys = ((own.part, own.tone.start, own.tone.pitch) for own in written)
    heard = [score.performance[found[key]] if key in found else None for key in keys]
    odds = np.array([odds_of.get((n.onset, n.pitch), UNHEARD) if n else UNHEARD for n in heard])
    sure = 1 / (1 + np.exp(-odds))
    pitch = np.array([own.tone.pitch for own in written], float)
    voices = {(own.part, own.voice) for own in written}
    members = {name: np.array([(own.part, own.voice) == name for own in written]) for name in voices}
    share = {name: float(sure[own].mean()) for name, own in members.items()}
    own_share = np.array([share[own.part, own.voice] for own in written]) - max(share.values())
    apart = np.abs(pitch - np.average(pitch, weights=sure + 1e-3)) / 12
    clear = np.array([n.confidence if n else 0.5 for n in heard])
    timbre, families = (_nearer(heard, name, sure) for name in ("timbre", "families"))
    return np.asarray(
        ODDS * odds + VOICE * own_share + TIMBRE * timbre + FAMILY * families + CLEAR * clear + APART * apart + BIAS
    )


def _odds(score: Score) -> dict[tuple[float, int], float]:
    """What the soloist's trees say of each heard note, by onset and pitch."""
    notes = cleaning.clean([note for note in score.performance if not note.drum])
    music = player_features.heard(notes, cleaning.chords(notes))
    probability = np.clip(soloist.likely(music), 1e-6, 1 - 1e-6)
    odds = np.clip(np.log(probability / (1 - probability)), -MOST_ODDS, MOST_ODDS)
    return {(notes[i].onset, notes[i].pitch): float(one) for i, one in zip(music.order, odds, strict=True)}


def _nearer(heard: Sequence[PlayedNote | None], name: str, sure: np.ndarray) -> np.ndarray:
    """(n,) how much nearer each note's vector is to the mean of the likely notes than to that of the others."""
    known = [getattr(note, name) for note in heard if note and getattr(note, name)]
    if not known:
        return np.zeros(len(heard))
    mean = np.mean(known, axis=0)
    vectors = np.array([getattr(note, name) if note and getattr(note, name) else mean for note in heard])
    one, other = (
        (vectors * weight[:, None]).sum(axis=0) / max(float(weight.sum()), 1e-6) for weight in (sure, 1 - sure)
    )
    return np.asarray(((vectors - other) ** 2).sum(axis=1) - ((vectors - one) ** 2).sum(axis=1))


def _line(written: Sequence[Placed], likely: np.ndarray) -> list[int]:
    """Indices of the line whose notes are the likeliest, by dynamic programming."""
    best, before = likely.copy(), np.full(len(written), -1)
    for i, own in enumerate(written):
        for j in range(max(0, i - BACK), i):
            earlier = written[j].tone
            if earlier.start >= own.tone.start:
                break
            value = best[j] + likely[i] - _price(earlier, own.tone)
            if value > best[i]:
                best[i], before[i] = value, j
    line = [int(best.argmax())]
    if best[line[0]] <= 0:
        return []
    while before[line[-1]] >= 0:
        line.append(int(before[line[-1]]))
    return line[::-1]


def _price(earlier: Tone, later: Tone) -> float:
    step = abs(earlier.pitch - later.pitch)
    price = min(STEP_PRICE * max(step - FREE_STEP, 0), MOST_STEP)
    return price + OVERLAP_PRICE * (earlier.end > later.start + OVERLAP)
