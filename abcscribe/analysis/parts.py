"""Placed notes -> parts with instruments, staves, clefs and voices.

Families are heard badly note by note, so they are decided for whole lines, by the sum of confidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.analysis import hands, named_players, player_count, players
from abcscribe.analysis.lines import Line
from abcscribe.analysis.voices import Timeline, two_voices, written
from abcscribe.score import instruments
from abcscribe.score.model import Staff

# How far a family is believed. The tower hears a fifth to a half of a real piano's notes as plucked strings, and finds
# mallets and organs in the sound of ensembles.
BELIEF = {"plucked": 0.3, "mallet": 0.5, "organ": 0.5}
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
    """The parts, from high to low; ``program`` overrides what is heard, and makes it one part. A system that names the
    program of each note has decided who plays what."""
    everything = [i for group in line.groups for i in group]
    if program is not None:
        return [_part(line, everything, program)]
    if named := named_players.by_program(line.notes):
        ordered = sorted(named.items(), key=lambda player: -_usual(line, player[1]))
        return [_part(line, own, number) for number, own in ordered]
    lines, chords = player_count.texture(line.notes, line.groups)
    if lines + chords == 1:  # one has one instrument, whatever single notes sound like
        return [_part(line, everything, _chordal(line, everything) if chords else _instrument(line, everything))]
    player = players.cast(line.notes, line.groups, lines, chords)
    members = [[i for i in everything if player[i] == number] for number in range(lines + chords)]
    solo = sorted((own for own in members[:lines] if own), key=lambda own: -_usual(line, own))
    made = [_one_staff(line, _single(line, own), _instrument(line, own)) for own in solo]
    if chords and members[-1]:
        made.append(_part(line, members[-1], _chordal(line, members[-1])))
    return made


def _usual(line: Timeline, indices: Sequence[int]) -> float:
    return float(np.median(line.pitches(indices)))


def _chordal(line: Timeline, indices: Sequence[int]) -> int:
    weight = _families(line, indices)
    return instruments.FAMILY_PROGRAM[max(players.CHORDAL, key=lambda f: weight.get(f, 0.0))]


def _families(line: Timeline, indices: Sequence[int]) -> dict[str, float]:
    """Summed confidence of each family, as far as it is believed."""
    weight: dict[str, float] = defaultdict(float)
    for i in indices:
        family = line.notes[i].family
        weight[family] += BELIEF.get(family, 1.0) * line.notes[i].confidence
    return weight


def _instrument(line: Timeline, indices: Sequence[int]) -> int:
    """The program of one player: the family that is heard most, and of it the instrument of his register."""
    weight = _families(line, indices)
    family = max(weight, key=weight.__getitem__)
    limits = BY_REGISTER.get(family, ((0, instruments.FAMILY_PROGRAM.get(family, 0)),))
    return next(program for limit, program in limits if _usual(line, indices) >= limit)


def _part(line: Timeline, indices: list[int], program: int) -> Line:
    if program in GRAND and not _fits_one_staff(line, indices):
        return _two_hands(line, indices, program)
    chords = instruments.family(program) in players.CHORDAL and program not in GRAND
    return _one_staff(line, indices if chords else _single(line, indices), program)


def _one_staff(line: Timeline, indices: list[int], program: int) -> Line:
    staff = Staff(instruments.usual_clef(program, _usual(line, indices)))
    return Line(tuple(written(line, indices, 1)), program, instruments.name(program), (staff,), (tuple(indices),))


def _fits_one_staff(line: Timeline, indices: Sequence[int]) -> bool:
    pitches = line.pitches(indices)
    notes = [line.notes[i] for i in indices]
    return player_count.is_one_line(notes) and max(pitches) - min(pitches) <= ONE_STAFF


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
    return Line(tuple(notes), program, instruments.name(program), staves, (tuple(right), tuple(left)))


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
