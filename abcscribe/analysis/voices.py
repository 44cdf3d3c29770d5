"""The notes of one staff -> voices with written values.

A `Timeline` knows when each note comes on the grid and in the recording; the functions decide which notes of a hand
are a voice of their own, and write a voice down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.analysis import quantise
from abcscribe.analysis.lines import WrittenNote
from abcscribe.analysis.placing import Placed
from abcscribe.score.grid import TICKS, bar_ticks
from abcscribe.score.model import PlayedNote

LONG = 1.8  # times the way to the next onset of its hand: such a note may be a voice of its own ...
LONG_TICKS = 0.7 * TICKS  # ... if it is about a quarter at least
PEDALLED = 0.6  # share of long notes in a bar from which they are the pedal's doing
FASTEST = 0.005  # seconds of a tick, where onsets are too close to tell the tempo


class Timeline:
    """Notes and their places on the grid. Notes are meant by their index in ``notes``."""

    def __init__(self, notes: Sequence[PlayedNote], placed: Placed, end: int) -> None:
        self.notes, self.groups, self.metre = notes, placed.groups, placed.metre
        self.end = end  # tick of the last bar line
        self.tick: dict[int, int] = {}
        self._tick_seconds: dict[int, float] = {}
        for group, tick, quarter in zip(placed.groups, placed.ticks.tolist(), placed.quarter.tolist(), strict=True):
            for index in group:
                self.tick[index], self._tick_seconds[index] = tick, quarter / TICKS
        self._grid, first = np.unique(placed.ticks, return_index=True)
        self._seconds = placed.onsets[first]

    def pitches(self, indices: Sequence[int]) -> list[int]:
        return [self.notes[i].pitch for i in indices]

    def chords(self, indices: Sequence[int]) -> dict[int, list[int]]:
        """The notes by tick, in order."""
        chords: dict[int, list[int]] = defaultdict(list)
        for i in indices:
            chords[self.tick[i]].append(i)
        return dict(sorted(chords.items()))

    def sounded(self, i: int, following: int) -> float:
        """Ticks for which a note sounds, in the tempo up to the tick ``following``."""
        note, tick, pace = self.notes[i], self.tick[i], self._tick_seconds[i]
        if self._grid[-1] >= following > tick:
            until = float(np.interp(following, self._grid, self._seconds))
            pace = max((until - note.onset) / (following - tick), FASTEST)
        return (note.offset - note.onset) / pace


def two_voices(line: Timeline, indices: Sequence[int]) -> tuple[list[int], list[int]]:
    """Upper and lower voice of a hand. A bar has two if its highest or its lowest notes are held over others."""
    upper: list[int] = []
    lower: list[int] = []
    bars: dict[int, list[int]] = defaultdict(list)
    for i in indices:
        bars[line.tick[i] // bar_ticks(line.metre)].append(i)
    held = _held(line, indices)
    for own in bars.values():
        above, below = _divided(line, own, held)
        upper, lower = upper + above, lower + below
    return upper, lower


def _divided(line: Timeline, own: list[int], held: set[int]) -> tuple[list[int], list[int]]:
    """The notes of one bar and hand as (upper, lower)."""
    long = [i for i in own if i in held]
    others = [i for i in own if i not in held]
    if not long or len(long) > PEDALLED * len(own) or not _both_fill(line, long, others):
        return own, []
    if min(line.pitches(long)) > max(line.pitches(others)):
        return long, others
    if max(line.pitches(long)) < min(line.pitches(others)):
        return others, long
    return own, []


def _both_fill(line: Timeline, long: list[int], others: list[int]) -> bool:
    """Both groups enter in the first beat of the bar: a voice that rests half the bar is harder to read than none."""
    latest = max(min(line.tick[i] for i in group) for group in (long, others))
    return latest % bar_ticks(line.metre) < line.metre.beat * TICKS


def _held(line: Timeline, indices: Sequence[int]) -> set[int]:
    """Which notes sound far beyond the next onset of their hand."""
    ticks = sorted({line.tick[i] for i in indices})
    following = dict(zip(ticks, [*ticks[1:], *(t + TICKS for t in ticks[-1:])], strict=True))
    found = set()
    for i in indices:
        after = following[line.tick[i]]
        if line.sounded(i, after) > max(LONG * (after - line.tick[i]), LONG_TICKS):
            found.add(i)
    return found


def written(line: Timeline, indices: Sequence[int], voice: int) -> list[WrittenNote]:
    """A voice written down: chords of one value each, without overlaps."""
    chords = line.chords(indices)
    if not chords:
        return []
    starts = list(chords)
    following = [*starts[1:], line.end]
    sounded = [
        max(line.sounded(i, after) for i in chord) for chord, after in zip(chords.values(), following, strict=True)
    ]
    values = quantise.lengths(starts, sounded, line.metre, line.end)
    return [
        WrittenNote(start, value, pitch, voice)
        for (start, chord), value in zip(chords.items(), values, strict=True)
        for pitch in sorted(set(line.pitches(chord)))
    ]
