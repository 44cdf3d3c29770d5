"""The notes of one voice with written values.

A `Timeline` knows when each note comes on the grid and in the recording; `written` writes a voice down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.analysis import quantise
from abcscribe.analysis.lines import WrittenNote
from abcscribe.analysis.placing import Placed
from abcscribe.score.grid import TICKS
from abcscribe.score.model import PlayedNote

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
