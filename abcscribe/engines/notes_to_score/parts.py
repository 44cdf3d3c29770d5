"""Placed notes -> parts with instruments, staves, clefs and voices.

Families are heard badly note by note, so they are decided for whole lines, by the sum of confidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.engines.notes_to_score import hands, streams
from abcscribe.engines.notes_to_score.assemble import Line
from abcscribe.engines.notes_to_score.voices import Timeline, two_voices, written
from abcscribe.score import instruments
from abcscribe.score.model import Staff

CHORDAL = {"piano", "mallet", "organ", "plucked", "synth"}  # one player, many notes
# How far a family is believed. The tower hears a fifth to a half of a real piano's notes as plucked strings, and finds
# mallets and organs in the sound of ensembles.
BELIEF = {"plucked": 0.3, "mallet": 0.5, "organ": 0.5}
# Share of melodic families from which all notes belong to players of one line each. Ensembles of strings and winds
# reach .65 to .75 (stray notes sound like a piano or an organ), pianos stay below .05.
PLAYERS = 0.6
SECOND_PART = 0.2  # share of the confidence that makes a family a part beside a chordal one
DOUBLE_STOPS = 0.25  # share of chords from which a line instrument is taken to play several notes at once
GRAND = {0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18, 19, 20, 46}  # programs written on two staves
ONE_STAFF = 31  # semitones that a single line may range over on one staff
# Within a family, the instrument by the line's median pitch: the first whose limit is not above it.
BY_REGISTER = {
    "strings": ((65, 40), (57, 41), (42, 42), (0, 43)),
    "reed": ((62, 71), (52, 66), (0, 70)),
    "brass": ((62, 56), (54, 60), (44, 57), (0, 58)),
    "pipe": ((86, 72), (0, 73)),
}


def parts(line: Timeline, program: int | None = None) -> list[Line]:
    """The parts, from high to low; ``program`` overrides what is heard, and makes it one part."""
    everything = [i for group in line.groups for i in group]
    if program is not None:
        return [_part(line, everything, program)]
    if _count(line, everything) == 1:  # one line has one player, whatever single notes sound like
        return [_part(line, everything, _instrument(line, everything))]
    weight = _families(line, everything)
    chordal = max((f for f in weight if f in CHORDAL), key=weight.__getitem__, default="")
    share = sum(w for f, w in weight.items() if f and f not in CHORDAL) / (sum(weight.values()) or 1.0)
    if share > (PLAYERS if chordal else 0):
        return _players(line, everything)
    solo = [i for i in everything if line.notes[i].family not in CHORDAL]
    # Notes heard as a second family are a second part only if they make one line: else it is one player, heard as two.
    if share < SECOND_PART or _count(line, solo) > 1:
        return [_part(line, everything, instruments.FAMILY_PROGRAM.get(chordal, 0))]
    rest = [i for i in everything if line.notes[i].family in CHORDAL]
    return [*_players(line, solo), _part(line, rest, instruments.FAMILY_PROGRAM[chordal])]


def _count(line: Timeline, indices: Sequence[int]) -> int:
    return streams.count([line.notes[i] for i in indices])


def _families(line: Timeline, indices: Sequence[int]) -> dict[str, float]:
    """Summed confidence of each family, as far as it is believed."""
    weight: dict[str, float] = defaultdict(float)
    for i in indices:
        family = line.notes[i].family
        weight[family] += BELIEF.get(family, 1.0) * line.notes[i].confidence
    return weight


def _players(line: Timeline, indices: list[int]) -> list[Line]:
    """Players of one line each."""
    count = _count(line, indices)
    if count == 1:
        return [_part(line, indices, _instrument(line, indices, melodic=True))]
    inside = set(indices)
    groups = [own for group in line.groups if (own := [i for i in group if i in inside])]
    stream = streams.split(line.notes, groups, count)
    members = [[i for i in indices if stream[i] == number] for number in range(count)]
    return [_part(line, own, _instrument(line, own, melodic=True)) for own in members if own]


def _instrument(line: Timeline, indices: Sequence[int], melodic: bool = False) -> int:
    """The program of a line; ``melodic`` rules out instruments that play chords."""
    weight = _families(line, indices)
    if melodic:
        weight = {f: w for f, w in weight.items() if f and f not in CHORDAL} or weight
    family = max(weight, key=weight.__getitem__)
    median = float(np.median(line.pitches(indices)))
    limits = BY_REGISTER.get(family, ((0, instruments.FAMILY_PROGRAM.get(family, 0)),))
    return next(program for limit, program in limits if median >= limit)


def _part(line: Timeline, indices: list[int], program: int) -> Line:
    name = instruments.name(program)
    if program in GRAND and not _fits_one_staff(line, indices):
        return _two_hands(line, indices, program)
    chords = instruments.family(program) in CHORDAL and program not in GRAND
    kept = indices if chords else _single(line, indices)
    staff = Staff(instruments.usual_clef(program, float(np.median(line.pitches(kept)))))
    return Line(tuple(written(line, kept, 1)), program, name, (staff,))


def _fits_one_staff(line: Timeline, indices: Sequence[int]) -> bool:
    pitches = line.pitches(indices)
    return _count(line, indices) == 1 and max(pitches) - min(pitches) <= ONE_STAFF


def _two_hands(line: Timeline, indices: Sequence[int], program: int) -> Line:
    chords = list(line.chords(indices).values())
    sides = hands.right_hand([line.pitches(chord) for chord in chords])
    both = [pair for chord, side in zip(chords, sides, strict=True) for pair in zip(chord, side, strict=True)]
    right, left = [i for i, is_right in both if is_right], [i for i, is_right in both if not is_right]
    voices = (*two_voices(line, right), *two_voices(line, left))
    staves = (
        Staff(_hand_clef(line.pitches(right), "treble"), (1, 2) if voices[1] else (1,)),
        Staff(_hand_clef(line.pitches(left), "bass"), (3, 4) if voices[3] else (3,)),
    )
    notes = [note for number, own in enumerate(voices, 1) for note in written(line, own, number)]
    return Line(tuple(notes), program, instruments.name(program), staves)


def _single(line: Timeline, indices: Sequence[int]) -> list[int]:
    """One note at a time, the most substantial, unless the player often plays several."""
    chords = line.chords(indices)
    if sum(len(chord) > 1 for chord in chords.values()) > DOUBLE_STOPS * len(chords):
        return list(indices)

    def substance(i: int) -> float:
        note = line.notes[i]
        return note.confidence * note.velocity * min(note.offset - note.onset, 1.0)

    return [max(chord, key=substance) for chord in chords.values()]


def _hand_clef(pitches: Sequence[int], usual: str) -> str:
    return instruments.hand_clef(usual, float(np.median(pitches))) if pitches else usual
