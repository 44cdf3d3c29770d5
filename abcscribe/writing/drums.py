"""Transcribed drums -> a percussion part in a score that is already written, or a score of drums alone.

Systems that transcribe drums (the MT3 family, a tower with that head) give hits without length. A hit is placed by the
bar lines and the other players' notes around it; each beat has sixteenths or triplets, whichever its hits fit, and of
the two what the drummer plays elsewhere. What hands play has stems up, what feet play stems down; a hit lasts to the
next of its voice, to the end of its beat at most, so that rests are few. A bar like the one before it is marked as its
repeat.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from abcscribe.analysis.drum_beats import drum_bars
from abcscribe.hints import Hints
from abcscribe.score import instruments, percussion
from abcscribe.score.model import Bar, Direction, Note, Part, PlayedNote, Score, Staff, Tempo
from abcscribe.score.timing import time_map

# Places in a quarter, and how many nats rarer a hit is there than on the beat.
SIXTEENTHS = {Fraction(0): 0.0, Fraction(1, 4): 1.0, Fraction(1, 2): 0.2, Fraction(3, 4): 1.0, Fraction(1): 0.0}
TRIPLETS = {Fraction(0): 0.0, Fraction(1, 3): 1.0, Fraction(2, 3): 0.5, Fraction(1): 0.0}
LOOSE = 0.05  # quarters: standard deviation of a hit from its place
SWINGS = 0.25  # share of drummers who play triplets
OWN = 0.8  # share of the beats that are as a drummer plays most of them
MOST_NATS = 50.0  # for or against triplets in a beat
FEET = (35, 36, 44)  # kicks, and the pedal of the hi-hat
# Of a drummer who is heard, not known. Consonants and tongued reeds of 31 real recordings without drums are taken for
# .2 hits a second at most, of 51 rendered clips for .3; 27 of 29 clips with drums have .8 and more.
LEAST_HITS, LEAST_A_SECOND = 4, 0.5
TOLD_A_SECOND = 0.3  # hits that are left out though no consonants make so many: this is said
SURE = 0.35  # confidence of the hits that count in this
PHRASE = 4  # bars: after so many equal ones the bar is written again, so that the eye finds its way
HANDS_VOICE, FEET_VOICE = 1, 2


def of_drummer(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """The hits among all notes of a recording; none if they are too few and unsure for somebody who plays drums."""
    hits = [note for note in notes if note.drum]
    certain = any(hit.confidence >= 1 for hit in hits)
    return hits if certain or _sure(notes) >= max(LEAST_HITS, LEAST_A_SECOND * _seconds(notes)) else []


def left_out(notes: Sequence[PlayedNote]) -> list[str]:
    """A sentence, if so many hits are heard that somebody may play drums whom `of_drummer` does not write."""
    sure = _sure(notes)
    if of_drummer(notes) or sure < max(LEAST_HITS, TOLD_A_SECOND * _seconds(notes)):
        return []
    return [f"{sure} hits of drums are left out: they are too few, or too unsure, for somebody who plays drums."]


def _sure(notes: Sequence[PlayedNote]) -> int:
    return sum(note.drum and note.confidence > SURE for note in notes)


def _seconds(notes: Sequence[PlayedNote]) -> float:
    onsets = [note.onset for note in notes]
    return max(onsets, default=0.0) - min(onsets, default=0.0)


def score_of_drums(hits: Sequence[PlayedNote], hints: Hints, seconds: float | None = None) -> Score:
    """The score of a recording of drums alone.

    Args:
        hits: one at least.
        hints: tempo, metre and downbeat are used.
        seconds: length of the recording.
    """
    found = drum_bars(hits, hints)
    metre = found.metre
    tempo = Tempo(round(found.quarter_bpm / float(metre.beat)), metre.beat)
    bars = tuple(Bar(metre.length, metre, tempo=tempo, seconds=round(float(at), 3)) for at in found.lines[:-1])
    return with_drums(Score(bars, (), seconds=seconds), hits)


def with_drums(score: Score, hits: Sequence[PlayedNote]) -> Score:
    """Add a percussion part below the others, if there are hits and the bars have times.

    Args:
        score: of the pitched notes.
        hits: drum notes, in seconds.
    """
    performance = tuple(sorted([*score.performance, *hits], key=lambda n: (n.onset, n.pitch)))
    seconds = [bar.seconds for bar in score.bars]
    if not hits or not seconds or None in seconds:
        return dataclasses.replace(score, performance=performance) if hits else score
    bars: list[dict[Fraction, set[int]]] = [defaultdict(set) for _ in score.bars]
    starts = score.bar_starts()
    for place, key in _placed(score, hits):
        index = bisect_right(starts, place) - 1
        if 0 <= index < len(bars):
            bars[index][place - starts[index]].add(key)
    part = _part([_notes(hits_of_bar, bar) for hits_of_bar, bar in zip(bars, score.bars, strict=True)])
    return dataclasses.replace(score, parts=(*score.parts, part), performance=performance)


def _placed(score: Score, hits: Sequence[PlayedNote]) -> Iterator[tuple[Fraction, int]]:
    """Quarters from the start of the piece and key of each hit."""
    clock, starts = time_map(score), score.bar_starts()
    beats: dict[Fraction, list[tuple[float, int]]] = defaultdict(list)
    whole: set[Fraction] = set()  # beats that may have triplets
    for hit in hits:
        at = clock.quarter(hit.onset)
        index = min(max(bisect_right(starts, at) - 1, 0), len(score.bars) - 1)
        metre = score.bars[index].metre
        beat = starts[index] + math.floor(at - float(starts[index]))
        beats[beat].append((at - float(beat), hit.pitch))
        if metre is None or metre.beat.numerator % 3:
            whole.add(beat)
    odds = {beat: _cost(beats[beat], SIXTEENTHS) - _cost(beats[beat], TRIPLETS) for beat in whole}
    usual = math.log(OWN / (1 - OWN)) * (1 if _swings(odds.values()) else -1)
    for beat, own in beats.items():
        grid = TRIPLETS if odds.get(beat, -math.inf) + usual > 0 else SIXTEENTHS
        for inside, key in own:
            yield beat + _nearest(inside, grid), key


def _swings(odds: Iterable[float]) -> bool:
    """Whether a drummer plays triplets rather than sixteenths, by the log odds of each beat."""
    nats = math.log(SWINGS / (1 - SWINGS))
    for one in odds:
        ratio = math.exp(max(min(one, MOST_NATS), -MOST_NATS))
        nats += math.log((OWN * ratio + 1 - OWN) / ((1 - OWN) * ratio + OWN))
    return nats > 0


def _cost(hits: Sequence[tuple[float, int]], grid: dict[Fraction, float]) -> float:
    """Nats of the hits of a beat on the places of a grid; those that are struck together count once."""
    places = {_nearest(inside, grid) for inside, _ in hits}
    return sum(grid[place] for place in places) + sum(_off(inside, _nearest(inside, grid)) for inside, _ in hits)


def _nearest(inside: float, grid: dict[Fraction, float]) -> Fraction:
    return min(grid, key=lambda place: _off(inside, place) + grid[place])


def _off(inside: float, place: Fraction) -> float:
    return 0.5 * ((inside - float(place)) / LOOSE) ** 2


def _part(bars: Sequence[tuple[Note, ...]]) -> Part:
    """The part, with the signs of bars that repeat the one before."""
    same: list[bool] = []
    for index, bar in enumerate(bars):
        phrase = same[-PHRASE + 1 :]
        same.append(
            index > 0 and bool(bar) and bar == bars[index - 1] and not (len(phrase) == PHRASE - 1 and all(phrase))
        )
    signs = tuple((Direction(Fraction(0), "measure-repeat", "1"),) if repeated else () for repeated in same)
    voices = sorted({note.voice for bar in bars for note in bar}) or [HANDS_VOICE]
    return Part(
        tuple(bars), instruments.name(instruments.PERCUSSION), instruments.PERCUSSION, (Staff("perc", tuple(voices)),),
        signs if any(same) else (),
    )  # fmt: skip


def _notes(hits: dict[Fraction, set[int]], bar: Bar) -> tuple[Note, ...]:
    feet = {place: keys & set(FEET) for place, keys in hits.items() if keys & set(FEET)}
    hands = {place: keys - set(FEET) for place, keys in hits.items() if keys - set(FEET)}
    return (*_voice(hands, bar, HANDS_VOICE), *_voice(feet, bar, FEET_VOICE))


def _voice(hits: dict[Fraction, set[int]], bar: Bar, voice: int) -> Iterator[Note]:
    beat = bar.metre.beat if bar.metre else Fraction(1)
    for place, following in itertools.pairwise([*sorted(hits), bar.length]):
        end = min(following, (place // beat + 1) * beat)
        for key in sorted(hits[place]):
            yield Note(place, end - place, percussion.key_pitch(key), voice)
