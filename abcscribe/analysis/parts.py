"""Placed notes -> parts with instruments, staves, clefs and voices.

Families are heard badly note by note, so they are decided for whole lines, by the sum of confidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from abcscribe.analysis import hands, named_players, player_count, players, soloist
from abcscribe.analysis.lines import Line
from abcscribe.analysis.player_count import Texture
from abcscribe.analysis.player_features import CHORDAL
from abcscribe.analysis.voices import Timeline, written
from abcscribe.hints import Hints
from abcscribe.score import instruments
from abcscribe.score.grid import TICKS, bar_ticks
from abcscribe.score.instruments import GRAND, PERCUSSION
from abcscribe.score.model import Staff

# How far a family is believed. The tower hears a fifth to a half of a real piano's notes as plucked strings, and finds
# mallets and organs in the sound of ensembles.
BELIEF = {"plucked": 0.3, "mallet": 0.5, "organ": 0.5}
DOUBLE_STOPS = 0.25  # share of chords from which a line instrument is taken to play several notes at once
ONE_STAFF = 31  # semitones that a single line may range over on one staff
# Where instruments that a user names usually play, MIDI; others of their families in the middle of the family.
CENTRES = {
    40: 74, 41: 62, 42: 52, 43: 40, 56: 69, 57: 53, 58: 41, 60: 58, 64: 70, 65: 65, 66: 58, 67: 51, 68: 73, 69: 66,
    70: 50, 71: 67, 72: 84,
}  # fmt: skip
FAMILY_CENTRES = {"voice": 65, "pipe": 76, "strings": 66, "brass": 62, "reed": 64, "bass": 40, "plucked": 57}
LOW_LINE = 48  # MIDI median: the tower hears three in four notes of a bass as a piano's or a guitar's
UNUSUAL = 6.0  # price of chords for who plays one note at a time, and the other way round
# Within a family, the instrument by the line's median pitch: the first whose limit is not above it.
BY_REGISTER = {
    "strings": ((65, 40), (57, 41), (42, 42), (0, 43)),
    "reed": ((62, 71), (52, 66), (0, 70)),
    "brass": ((62, 56), (54, 60), (44, 57), (0, 58)),
    "pipe": ((86, 72), (0, 73)),
}


class Parts(NamedTuple):
    """Who plays, and what the hints cost."""

    lines: list[Line]  # from high to low, a player of chords last
    remarks: tuple[str, ...] = ()  # sentences for the user: which notes the hints leave out


def parts(line: Timeline, hints: Hints = Hints()) -> Parts:
    """The parts of a recording. Hints say who plays: they select, merge, and make monophonic."""
    said = None if hints.instruments is None else [p for p in hints.instruments if p != PERCUSSION]
    remarks: list[str] = []
    if hints.instruments is None and hints.parts is None and not hints.solo:
        named = named_players.by_program(line.notes)  # a system that names programs has decided who plays what
        if named:
            ordered = sorted(named, key=lambda player: -_usual(line, player[1]))
            return Parts([_part(line, own, number) for number, own in ordered])
    lines, chords = _texture(line, hints.parts, said)
    members = [own for own in _members(line, lines, chords, melody=hints.solo) if own]
    playing_chords = chords and len(members) == lines + chords
    solo = sorted(members[:-1] if playing_chords else members, key=lambda own: -_usual(line, own))
    members = [*solo, *members[len(solo) :]]
    programs = _named(line, members, said) if said else _heard_as(line, members, bool(playing_chords))
    if hints.solo:
        remarks += _left_out(sum(map(len, members[1:])), "of others are left out: only the soloist is written")
        members, programs = members[:1], programs[:1]
    made = []
    for own, program in zip(members, programs, strict=True):
        alone = len(members) == 1 and said is None and not hints.solo
        part = _part(line, own, program) if alone or _plays_chords(program) else _one_player(line, own, program)
        if said or hints.solo:
            lost = len(own) - sum(map(len, part.heard))
            remarks += _left_out(lost, f"are left out: {part.name} plays one note at a time")
        made.append(part)
    return Parts(made, tuple(remarks))


def _left_out(count: int, why: str) -> list[str]:
    return [f"{count} note{'s' * (count != 1)} {why}."] if count else []


def _plays_chords(program: int) -> bool:
    return instruments.family(program) in CHORDAL


def _one_player(line: Timeline, indices: list[int], program: int) -> Line:
    """The part of a player who is named, or alone: winds and singers have one note at a time, whatever is heard."""
    double = instruments.family(program) not in ("voice", "brass", "reed", "pipe")
    return _one_staff(line, _single(line, indices, DOUBLE_STOPS if double else 1.0), program)


def _texture(line: Timeline, count: int | None, said: list[int] | None) -> Texture:
    """As heard, or as the hints want it: ``count`` players, or players of the programs ``said``."""
    if said:
        chords = any(map(_plays_chords, said))
        return Texture(len(said) - chords, chords)
    if count is None:
        return player_count.texture(line.notes, line.groups)
    if player_count.is_one_line(line.notes):
        return Texture(count, False)
    alone, soloist_there, lines = np.exp(player_count.kinds(line.notes, line.groups))
    chords = count == 1 or alone * (count > 2) + soloist_there > lines
    return Texture(count - chords, bool(chords))


def _members(line: Timeline, lines: int, chords: bool, *, melody: bool) -> list[list[int]]:
    """The notes of each player, the one of chords last. ``melody``: of one player of chords, too, the melody first."""
    everything = [i for group in line.groups for i in group]
    if (lines, chords) == (1, True) or (lines + chords == 1 and _has_others(line, chords, melody)):
        own = soloist.chosen(line.notes, line.groups)
        solo = [i for i in everything if i in own]
        others = [i for i in everything if i not in own]
        return [solo, others] if lines + chords > 1 or melody else [solo]
    if lines + chords == 1:  # one has one instrument, whatever single notes sound like
        return [everything]
    player = players.cast(line.notes, line.groups, lines, chords)
    return [[i for i in everything if player[i] == number] for number in range(lines + chords)]


def _has_others(line: Timeline, chords: bool, melody: bool) -> bool:
    """Whether the notes of one player are to be selected from more."""
    if player_count.is_one_line(line.notes) or (chords and not melody):
        return False
    return melody or int(player_count.kinds(line.notes, line.groups).argmax()) == 1


def _heard_as(line: Timeline, members: Sequence[Sequence[int]], chords: bool) -> list[int]:
    """The program of each player by what is heard."""
    if len(members) == 1 and not chords:
        return [_instrument(line, members[0])]
    single = [len(members) > 1 and player_count.is_one_line([line.notes[i] for i in own]) for own in members]
    if not chords or single[-1]:
        return [_of_ensemble(line, own, _instrument(line, own), one) for own, one in zip(members, single, strict=True)]
    return [*(_instrument(line, own) for own in members[:-1]), _chordal(line, members[-1])]


def _of_ensemble(line: Timeline, indices: Sequence[int], program: int, single: bool) -> int:
    """The program of a line beside others: one that is low throughout and struck or plucked is a bass."""
    low = single and _usual(line, indices) <= LOW_LINE
    return (
        instruments.FAMILY_PROGRAM["bass"] if low and instruments.family(program) in ("piano", "plucked") else program
    )


def _named(line: Timeline, members: Sequence[Sequence[int]], said: Sequence[int]) -> list[int]:
    """Of the programs that the user names the one of each player: by register, and by what is heard."""
    weights = [_families(line, own) for own in members]

    def price(program: int, own: Sequence[int], weight: dict[str, float]) -> float:
        share = weight.get(instruments.family(program), 0.0) / max(sum(weight.values()), 1e-9)
        centre = CENTRES.get(program, FAMILY_CENTRES.get(instruments.family(program), 64))
        chordal = UNUSUAL * (_plays_chords(program) != (own is members[-1])) if any(map(_plays_chords, said)) else 0.0
        return abs(_usual(line, own) - centre) / 6 - float(np.log(share + 0.05)) + chordal

    ways = permutations(said, len(members))
    each = list(zip(members, weights, strict=True))
    return list(min(ways, key=lambda way: sum(price(p, *one) for p, one in zip(way, each, strict=True))))


def _usual(line: Timeline, indices: Sequence[int]) -> float:
    return float(np.median(line.pitches(indices)))


def _chordal(line: Timeline, indices: Sequence[int]) -> int:
    weight = _families(line, indices)
    return instruments.FAMILY_PROGRAM[max(CHORDAL, key=lambda f: weight.get(f, 0.0))]


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
    chords = instruments.family(program) in CHORDAL and program not in GRAND
    return _one_staff(line, indices if chords else _single(line, indices), program)


def _one_staff(line: Timeline, indices: list[int], program: int) -> Line:
    staff = Staff(instruments.usual_clef(program, _usual(line, indices)))
    return Line(tuple(written(line, indices, 1)), program, instruments.name(program), (staff,), (tuple(indices),))


def _fits_one_staff(line: Timeline, indices: Sequence[int]) -> bool:
    pitches = line.pitches(indices)
    notes = [line.notes[i] for i in indices]
    return player_count.is_one_line(notes) and max(pitches) - min(pitches) <= ONE_STAFF


def _two_hands(line: Timeline, indices: Sequence[int], program: int) -> Line:
    ordered = [i for chord in line.chords(indices).values() for i in sorted(chord, key=lambda i: line.notes[i].pitch)]
    tick = np.array([line.tick[i] for i in ordered])
    bar = bar_ticks(line.metre)
    following = np.append(np.unique(tick), line.end)[np.unique(tick, return_inverse=True)[1] + 1]
    sounded = np.array([line.sounded(i, int(after)) for i, after in zip(ordered, following, strict=True)])
    timed = tick / TICKS, sounded / TICKS, np.array(line.pitches(ordered)), tick % bar / TICKS
    voice = hands.divided(*timed, bar / TICKS, float(line.metre.beat))
    voices = {number: [i for i, own in zip(ordered, voice, strict=True) if own == number] for number in (1, 2, 3, 4)}
    right, left = (
        [i for i, own in zip(ordered, voice, strict=True) if own in hand] for hand in (hands.RIGHT, hands.LEFT)
    )
    staves = (
        Staff(_hand_clef(line.pitches(right), "treble"), hands.RIGHT if voices[2] else hands.RIGHT[:1]),
        Staff(_hand_clef(line.pitches(left), "bass"), hands.LEFT if voices[4] else hands.LEFT[:1]),
    )
    notes = [note for number, own in voices.items() for note in written(line, own, number)]
    return Line(tuple(notes), program, instruments.name(program), staves, (tuple(right), tuple(left)))


def _single(line: Timeline, indices: Sequence[int], often: float = DOUBLE_STOPS) -> list[int]:
    """One note at a time, the most substantial, unless more than this share of the chords is of several."""
    chords = line.chords(indices)
    if sum(len(chord) > 1 for chord in chords.values()) > often * len(chords):
        return list(indices)

    def substance(i: int) -> float:
        note = line.notes[i]
        return note.confidence * note.velocity * min(note.offset - note.onset, 1.0)

    return [max(chord, key=substance) for chord in chords.values()]


def _hand_clef(pitches: Sequence[int], usual: str) -> str:
    return instruments.hand_clef(usual, float(np.median(pitches))) if pitches else usual
