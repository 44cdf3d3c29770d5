"""A score -> two staves that two hands can play.

The tune is the top of the right hand. Of all other notes a hand gets what it can reach beside what it already holds:
the left hand the bass first, the right hand what lies close below the tune. Nothing moves to another octave.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from abcscribe.analysis.hands import SPAN, right_hand
from abcscribe.arranging.lines import Tone, in_bars, pitched, tones
from abcscribe.arranging.melody import find_melody
from abcscribe.score import instruments
from abcscribe.score.model import Part, Score, Staff

PIANO = 0


@dataclass(frozen=True, slots=True)
class Level:
    """What a player can do."""

    span: int  # semitones that a hand reaches
    right: int  # notes at once beside the tune
    left: int  # notes at once
    beats_only: bool = False  # whether only the tune moves within a beat


LEVELS = {"full": Level(SPAN, 2, 3), "easy": Level(12, 0, 2, beats_only=True)}


def piano(score: Score, level: str = "full") -> tuple[Score, list[str]]:
    """A reduction for piano, and a sentence about what is left out. A piano alone is written in full as it is.

    Args:
        score: of any parts; drums are left out.
        level: a name of LEVELS.
    """
    parts = pitched(score)
    alone = len(parts) == 1 and instruments.family(score.parts[parts[0]].program) == "piano"
    tune = find_melody(score)
    if tune is None or (alone and level == "full" and len(score.parts) == 1):
        return score, []
    every = sorted((t for i in parts for t in tones(score, score.parts[i])), key=lambda t: (t.start, t.pitch))
    own = {(tone.start, tone.pitch) for tone in tune.tones}
    others = list({(t.start, t.pitch): t for t in every if (t.start, t.pitch) not in own}.values())
    right, left = _hands(tune.tones, others)
    limits = LEVELS[level]
    if limits.beats_only:
        right, left = ([t for t in hand if on_a_beat(score, t.start)] for hand in (right, left))
    inner = playable(right, limits.span, limits.right, tune.tones)
    low = playable(left, limits.span, limits.left)
    made = _part(score, tune.tones, inner, low)
    kept = len(tune.tones) + len(inner) + len(low)
    sentences = _left_out(len(every), len(every) - len(own) - len(others), len(own) + len(others) - kept)
    drums = [part.name or "Percussion" for part in score.parts if part.program == instruments.PERCUSSION]
    sentences += [f"{name} is left out: a piano has no drums." for name in drums]
    return dataclasses.replace(score, parts=(made,)), sentences


def _left_out(total: int, doubled: int, count: int) -> list[str]:
    if not count:
        return []
    besides = f", besides {doubled} that double others" if doubled else ""
    return [f"{count} of {total} notes are left out{besides}: two hands do not reach them."]


def _hands(tune: Sequence[Tone], others: Sequence[Tone]) -> tuple[list[Tone], list[Tone]]:
    """The other notes by the hand that plays them; above the tune there is none."""
    chords = [list(chord) for _, chord in groupby(others, key=lambda t: t.start)]
    above = _sounding(tune)
    pitches = [[*(t.pitch for t in chord), *(t.pitch for t in above(chord[0].start))] for chord in chords]
    right: list[Tone] = []
    left: list[Tone] = []
    for chord, sides in zip(chords, right_hand(pitches), strict=True):
        top = min((t.pitch for t in above(chord[0].start)), default=128)
        for tone, is_right in zip(chord, sides, strict=False):
            if tone.pitch < top:
                (right if is_right else left).append(tone)
    return right, left


def _sounding(line: Sequence[Tone]) -> Callable[[Fraction], list[Tone]]:
    """Which of a line's notes, by start, sound at a time; asked for times that never fall."""
    at = 0

    def now(time: Fraction) -> list[Tone]:
        nonlocal at
        while at < len(line) - 1 and line[at + 1].start <= time:
            at += 1
        return [line[at]] if line and line[at].start <= time < line[at].end else []

    return now


def playable(hand: Sequence[Tone], span: int, most: int, tune: Sequence[Tone] = ()) -> list[Tone]:
    """The notes that a hand plays in one voice: chords that end together, within its reach.

    Args:
        hand: by start and pitch.
        span: semitones from the lowest to the highest note, the tune's included.
        most: notes of a chord.
        tune: what the same hand plays above; without it the lowest note of a chord is kept first.
    """
    chords: list[list[Tone]] = []
    above = _sounding(tune)
    for start, group in groupby(hand, key=lambda t: t.start):
        chord = sorted(group, key=lambda t: t.pitch, reverse=bool(tune))
        edge = next((t.pitch for t in above(start)), chord[0].pitch)
        reached = [t for t in chord if abs(t.pitch - edge) <= span]
        if reached[:most]:
            chords.append(_thinned(reached, most))
    return [tone for chord in _ended(chords, tune, span) for tone in chord]


def _thinned(chord: list[Tone], most: int) -> list[Tone]:
    """The first note and, of the others, one of each pitch class before any is doubled."""
    new = {t.pitch % 12: t for t in reversed(chord[1:]) if t.pitch % 12 != chord[0].pitch % 12}
    doubled = [t for t in chord[1:] if t not in new.values()]
    return sorted([chord[0], *list(new.values()), *doubled][:most], key=lambda t: t.pitch)


def _ended(chords: Sequence[list[Tone]], tune: Sequence[Tone], span: int) -> Iterator[list[Tone]]:
    """Chords with one end each: before the next chord, and before the tune moves out of reach."""
    for index, chord in enumerate(chords):
        end = max(t.end for t in chord)
        if index + 1 < len(chords):
            end = min(end, chords[index + 1][0].start)
        low, high = chord[0].pitch, chord[-1].pitch
        leaves = (t.start for t in tune if chord[0].start < t.start < end and not (high < t.pitch <= low + span))
        end = min(end, next(leaves, end))
        yield [dataclasses.replace(t, end=end) for t in chord]


def on_a_beat(score: Score, at: Fraction) -> bool:
    starts = score.bar_starts()
    index = max(i for i, start in enumerate(starts[:-1]) if start <= at)
    bar = score.bars[index]
    beat = bar.metre.beat if bar.metre else Fraction(1)
    pickup = bar.metre.length - bar.length if index == 0 and bar.metre and bar.length < bar.metre.length else 0
    return (at - starts[index] + pickup) % beat == 0


def _part(score: Score, tune: Sequence[Tone], inner: Sequence[Tone], low: Sequence[Tone]) -> Part:
    bars = in_bars(score, (tune, inner, low))
    medians = [_median([t.pitch for t in hand]) for hand in ([*tune, *inner], low)]
    staves = (
        Staff(instruments.hand_clef("treble", medians[0]), (1, 2) if inner else (1,)),
        Staff(instruments.hand_clef("bass", medians[1]) if low else "bass", (3,)),
    )
    return Part(bars, instruments.name(PIANO), PIANO, staves)


def _median(pitches: list[int]) -> float:
    return sorted(pitches)[len(pitches) // 2] if pitches else 60.0
