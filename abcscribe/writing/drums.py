"""Transcribed drums -> a percussion part in a score that is already written.

Systems that transcribe drums (the MT3 family) give hits without length. A hit is placed by the seconds of the bar lines
around it, on the nearest sixteenth or triplet of an eighth, and lasts to the next hit, an eighth at most.
"""

from __future__ import annotations

import dataclasses
import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from abcscribe.score import instruments
from abcscribe.score.model import Note, Part, PlayedNote, Score, Staff
from abcscribe.score.spelling import pitch_at

PLACES = tuple(sorted({Fraction(i, 4) for i in range(4)} | {Fraction(i, 3) for i in range(3)}))  # in a quarter
LONGEST = Fraction(1, 2)  # quarters


def with_drums(score: Score, hits: Sequence[PlayedNote]) -> Score:
    """Add a percussion part below the others, if there are hits and the bars have times.

    Args:
        score: of the pitched notes.
        hits: drum notes, in seconds.
    """
    performance = tuple(sorted([*score.performance, *hits], key=lambda n: (n.onset, n.pitch)))
    seconds = [bar.seconds for bar in score.bars]
    known = [second for second in seconds if second is not None]
    if not hits or not known or len(known) < len(seconds):
        return dataclasses.replace(score, performance=performance) if hits else score
    bars: list[dict[Fraction, set[int]]] = [defaultdict(set) for _ in score.bars]
    for hit in hits:
        index, place = _place(score, known, hit.onset)
        if index is not None:
            bars[index][place].add(hit.pitch)
    part = Part(
        tuple(_notes(hits_of_bar, bar.length) for hits_of_bar, bar in zip(bars, score.bars, strict=True)),
        instruments.name(instruments.PERCUSSION), instruments.PERCUSSION, (Staff("perc"),),
    )  # fmt: skip
    return dataclasses.replace(score, parts=(*score.parts, part), performance=performance)


def _place(score: Score, seconds: Sequence[float], onset: float) -> tuple[int | None, Fraction]:
    """Bar and place in it; no bar for a hit before the first bar line or behind the last."""
    index = bisect_right(seconds, onset) - 1
    if index < 0:
        index = 0
    pace = _pace(score, seconds, index)
    position = (onset - seconds[index]) / pace
    beat = int(position // 1)
    nearest = min((*PLACES, Fraction(1)), key=lambda place: abs(float(beat + place) - position))
    place = beat + nearest
    if place >= score.bars[index].length:
        place, index = place - score.bars[index].length, index + 1
    inside = 0 <= index < len(score.bars) and 0 <= place < score.bars[index].length
    return (index if inside else None), place


def _pace(score: Score, seconds: Sequence[float], index: int) -> float:
    """Seconds of a quarter in a bar; in the last one as before it, or by its tempo."""
    last = min(index, len(seconds) - 2)
    if last >= 0 and seconds[last + 1] > seconds[last]:
        return (seconds[last + 1] - seconds[last]) / float(score.bars[last].length)
    tempo = score.bars[index].tempo
    return 60 / tempo.quarter_bpm if tempo else 0.5


def _notes(hits: dict[Fraction, set[int]], length: Fraction) -> tuple[Note, ...]:
    places = [*sorted(hits), length]
    return tuple(
        Note(place, min(following - place, LONGEST), pitch_at(key, _fifth(key)))
        for place, following in itertools.pairwise(places)
        for key in sorted(hits[place])
    )


def _fifth(key: int) -> int:
    """Place on the line of fifths of a key's plain spelling: naturals and sharps."""
    return (0, 7, 2, 9, 4, -1, 6, 1, 8, 3, 10, 5)[key % 12]
