"""Placed notes -> parts with instruments, staves, clefs and voices.

Families are heard badly note by note, so they are decided for whole lines, by the sum of confidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.engines.notes_to_score import hands, quantise, streams
from abcscribe.engines.notes_to_score.assemble import Line, WrittenNote
from abcscribe.engines.notes_to_score.metre import Placed
from abcscribe.engines.notes_to_score.rhythm import TICKS, bar_ticks
from abcscribe.score import instruments
from abcscribe.score.model import PlayedNote, Staff

CHORDAL = {"piano", "mallet", "organ", "plucked", "synth"}  # one player, many notes
SECOND_PART = 0.2  # share of the confidence that makes a family a part beside a chordal one
DOUBLE_STOPS = 0.25  # share of chords from which a line instrument is taken to play several notes at once
LONG = 1.8  # times the way to the next onset of its hand: such a note may be a voice of its own
ONE_STAFF = 31  # semitones that a single line may range over on one staff
PEDALLED = 0.6  # share of long notes in a bar from which they are the pedal's doing
GRAND = {0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 46}  # programs written on two staves
# Within a family, the instrument by the line's median pitch: the first whose limit lies below it.
BY_REGISTER = {
    "strings": ((65, 40), (57, 41), (42, 42), (0, 43)),
    "reed": ((62, 71), (52, 66), (0, 70)),
    "brass": ((62, 56), (54, 60), (44, 57), (0, 58)),
    "pipe": ((86, 72), (0, 73)),
}
VOICE_LIMITS = ((57, "treble"), (50, "treble-8"), (0, "bass"))  # clef of a singer by median pitch


class Arranger:
    """Writes lines of notes whose ticks are known."""

    def __init__(self, notes: Sequence[PlayedNote], placed: Placed, end: int) -> None:
        self.notes, self.groups, self.metre, self.end = notes, placed.groups, placed.metre, end
        self.tick = [0] * len(notes)
        self.quarter = [1.0] * len(notes)
        for group, tick, quarter in zip(placed.groups, placed.ticks.tolist(), placed.quarter.tolist(), strict=True):
            for index in group:
                self.tick[index], self.quarter[index] = tick, quarter
        distinct, first = np.unique(placed.ticks, return_index=True)
        self.ticks, self.seconds = distinct, placed.onsets[first]

    def lines(self, program: int | None = None) -> list[Line]:
        """The parts, from high to low; ``program`` overrides what is heard, and makes it one part."""
        everything = [i for group in self.groups for i in group]
        if program is not None:
            return [self._part(everything, program)]
        weight = self._families(everything)
        if self._lines(everything) == 1:  # one line has one player, whatever single notes sound like
            return [self._part(everything, self._instrument(everything))]
        total = sum(weight.values()) or 1.0
        chordal = max((f for f in weight if f in CHORDAL), key=weight.__getitem__, default="")
        melodic = [f for f in weight if f not in CHORDAL and f]
        share = sum(weight[f] for f in melodic) / total
        if not melodic or (chordal and share < SECOND_PART):
            return [self._part(everything, instruments.FAMILY_PROGRAM.get(chordal, 0))]
        if not chordal or share > 1 - SECOND_PART:
            return self._melodic(everything)
        solo = [i for i in everything if self.notes[i].family not in CHORDAL]
        rest = [i for i in everything if self.notes[i].family in CHORDAL]
        if self._lines(solo) > 1:  # no soloist: notes of one player heard as two families
            return [self._part(everything, instruments.FAMILY_PROGRAM[chordal])]
        return [*self._melodic(solo), self._part(rest, instruments.FAMILY_PROGRAM[chordal])]

    def _lines(self, indices: Sequence[int]) -> int:
        return streams.count([self.notes[i] for i in indices])

    def _families(self, indices: Sequence[int]) -> dict[str, float]:
        weight: dict[str, float] = defaultdict(float)
        for i in indices:
            weight[self.notes[i].family] += self.notes[i].confidence
        return weight

    def _melodic(self, indices: list[int]) -> list[Line]:
        """Players of one line each."""
        inside = set(indices)
        groups = [own for group in self.groups if (own := [i for i in group if i in inside])]
        count = self._lines(indices)
        if count == 1:
            return [self._part(indices, self._instrument(indices, melodic=True))]
        stream = streams.split(self.notes, groups, count)
        members = [[i for i in indices if stream[i] == line] for line in range(count)]
        return [self._part(own, self._instrument(own, melodic=True)) for own in members if own]

    def _instrument(self, indices: Sequence[int], melodic: bool = False) -> int:
        """The program of a line; ``melodic`` rules out instruments that play chords."""
        weight = self._families(indices)
        if melodic:
            weight = {f: w for f, w in weight.items() if f and f not in CHORDAL} or weight
        family = max(weight, key=weight.__getitem__)
        median = float(np.median([self.notes[i].pitch for i in indices]))
        limits = BY_REGISTER.get(family, ((0, instruments.FAMILY_PROGRAM.get(family, 0)),))
        return next(program for limit, program in limits if median >= limit)

    def _part(self, indices: list[int], program: int) -> Line:
        name = instruments.name(program)
        if program in GRAND and not self._is_one_line(indices):
            right, left = self._hands(indices)
            above, below = self._two_voices(right), self._two_voices(left)
            staves = (Staff(_clef(self._pitches(right), "treble"), (1, 2) if above[1] else (1,)),
                      Staff(_clef(self._pitches(left), "bass"), (3, 4) if below[1] else (3,)))  # fmt: skip
            written = [note for v, voice in enumerate((*above, *below), 1) for note in self._written(voice, v)]
            return Line(tuple(written), program, name, staves)
        chordal = instruments.family(program) in CHORDAL and program not in GRAND
        kept = indices if chordal else self._single(indices)
        return Line(tuple(self._written(kept, 1)), program, name, (Staff(self._solo_clef(program, kept)),))

    def _is_one_line(self, indices: Sequence[int]) -> bool:
        """A melody that fits on one staff."""
        pitches = self._pitches(indices)
        return self._lines(indices) == 1 and max(pitches) - min(pitches) <= ONE_STAFF

    def _pitches(self, indices: Sequence[int]) -> list[int]:
        return [self.notes[i].pitch for i in indices]

    def _solo_clef(self, program: int, indices: Sequence[int]) -> str:
        median = float(np.median(self._pitches(indices))) if indices else 60.0
        family = instruments.family(program)
        if family == "voice":
            return next(clef for limit, clef in VOICE_LIMITS if median >= limit)
        if family == "plucked":
            return "treble-8"
        if program == 41:
            return "alto"
        return "treble" if median >= 57 else "bass"

    def _chords(self, indices: Sequence[int]) -> dict[int, list[int]]:
        chords: dict[int, list[int]] = defaultdict(list)
        for i in indices:
            chords[self.tick[i]].append(i)
        return dict(sorted(chords.items()))

    def _single(self, indices: Sequence[int]) -> list[int]:
        """One note at a time, the surest, unless the player often plays several."""
        chords = self._chords(indices)
        if sum(len(c) > 1 for c in chords.values()) > DOUBLE_STOPS * len(chords):
            return list(indices)
        return [max(chord, key=self._weight) for chord in chords.values()]

    def _weight(self, i: int) -> float:
        note = self.notes[i]
        return note.confidence * note.velocity * min(note.offset - note.onset, 1.0)

    def _hands(self, indices: Sequence[int]) -> tuple[list[int], list[int]]:
        chords = list(self._chords(indices).values())
        sides = hands.right_hand([[self.notes[i].pitch for i in chord] for chord in chords])
        right = [
            i
            for chord, side in zip(chords, sides, strict=True)
            for i, is_right in zip(chord, side, strict=True)
            if is_right
        ]
        return right, sorted(set(indices) - set(right))

    def _two_voices(self, indices: list[int]) -> tuple[list[int], list[int]]:
        """Upper and lower voice of a hand. A bar has two if its highest or its lowest notes are held over others."""
        upper: list[int] = []
        lower: list[int] = []
        bars: dict[int, list[int]] = defaultdict(list)
        for i in indices:
            bars[self.tick[i] // bar_ticks(self.metre)].append(i)
        ends = self._ends(indices)
        for own in bars.values():
            held = [i for i in own if ends[i]]
            others = [i for i in own if not ends[i]]
            if not held or len(held) > PEDALLED * len(own):
                upper += own
            elif min(self._pitches(held)) > max(self._pitches(others)):
                upper, lower = upper + held, lower + others
            elif max(self._pitches(held)) < min(self._pitches(others)):
                upper, lower = upper + others, lower + held
            else:
                upper += own
        return upper, lower

    def _ends(self, indices: Sequence[int]) -> dict[int, bool]:
        """Which notes sound far beyond the next onset of their hand."""
        ticks = sorted({self.tick[i] for i in indices})
        following = dict(zip(ticks, [*ticks[1:], ticks[-1] + TICKS], strict=True)) if ticks else {}
        return {
            i: self._sounded(i, following[self.tick[i]])
            > max(LONG * (following[self.tick[i]] - self.tick[i]), 0.7 * TICKS)
            for i in indices
        }

    def _sounded(self, i: int, following: int) -> float:
        """Ticks for which a note sounds, in the tempo up to the tick ``following``."""
        note, tick = self.notes[i], self.tick[i]
        pace = self.quarter[i] / TICKS
        if self.ticks[-1] >= following > tick:
            pace = max((float(np.interp(following, self.ticks, self.seconds)) - note.onset) / (following - tick), 0.005)
        return (note.offset - note.onset) / pace

    def _written(self, indices: Sequence[int], voice: int) -> list[WrittenNote]:
        chords = self._chords(indices)
        starts = list(chords)
        if not starts:
            return []
        following = [*starts[1:], self.end]
        sounded = [
            max(self._sounded(i, after) for i in chord) for chord, after in zip(chords.values(), following, strict=True)
        ]
        values = quantise.lengths(starts, sounded, self.metre, self.end)
        return [
            WrittenNote(start, value, pitch, voice)
            for (start, chord), value in zip(chords.items(), values, strict=True)
            for pitch in sorted({self.notes[i].pitch for i in chord})
        ]


def _clef(pitches: Sequence[int], usual: str) -> str:
    """The usual clef of a hand unless it plays far away from it."""
    if not pitches:
        return usual
    median = float(np.median(pitches))
    return "treble" if median >= 62 else "bass" if median <= 54 else usual
