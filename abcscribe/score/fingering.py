"""Notes -> strings and frets that a hand can play.

Every attack (the notes of a part that begin together) has a few ways to be fingered; dynamic programming picks the
sequence with the least effort: short stretches, low frets, few changes of position. What an instrument does not reach
is moved by octaves, and of a chord too rich for the hand the inner notes are left out; both are counted and reported.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, pairwise

from abcscribe.score.model import Note, Part, Pitch

HIGHEST_FRET = 19
COMFORTABLE_FRET = 12  # up to which a whole part should lie
FINGERS = 4  # one for each of the frets at a position
WIDEST_STRETCH = 4  # frets between the first and the last finger; open strings do not count
MOST_INNER = 8  # notes of a chord looked at between the lowest and the highest: the number of choices explodes
MOST_SHAPES = 24  # kept for one attack
# Effort, in frets of one change of position:
STRETCH_EFFORT = 0.6  # for each fret that the hand spans
HEIGHT_EFFORT = 0.2  # for each fret up the neck
FINGER_EFFORT = 0.3  # for each string that is stopped
CUT_EFFORT = 4.0  # for each string that still sounds and is taken away
SHAPE_EFFORT = 6.0  # for a chord of the same intervals as the one before on other strings: a riff moves one shape
MOST_OUTSIDE = 0.25  # share of notes out of reach up to which they are folded one by one and the part stays where it is

Place = tuple[int, int]  # (string index from the lowest in the tuning's order, fret)


@dataclass(frozen=True, slots=True)
class Attack:
    """Notes of a part that begin together."""

    onset: Fraction  # quarters from the start of the piece
    notes: tuple[tuple[int, Note], ...]  # (bar index, note)
    ends: tuple[Fraction, ...]  # where each note stops sounding, ties included


@dataclass(frozen=True, slots=True)
class Fingering:
    """Where a part is played."""

    places: Mapping[tuple[int, Note], Place]  # by (bar index, note); tied notes keep the place of their first
    struck: frozenset[tuple[int, Note]]  # those of the notes that are not tied over from another
    octaves: int  # by which the whole part was moved
    folded: int  # single notes that were moved by octaves
    left_out: int  # notes of chords that cannot be held


@dataclass(frozen=True, slots=True)
class _Shape:
    """One way to finger an attack."""

    places: tuple[Place | None, ...]  # of each of its notes; None: left out
    lowest: int  # fret that is stopped, 0: open strings only
    highest: int
    effort: float

    def hand(self, before: int | None) -> int | None:
        """Fret of the first finger: as near as can be to where it was; open strings leave the hand where it is."""
        if not self.lowest:
            return before
        if before is None:
            return self.lowest
        return min(max(before, self.highest - FINGERS + 1), self.lowest)


def finger(part: Part, starts: Sequence[Fraction], tuning: Sequence[Pitch], capo: int = 0) -> Fingering:
    """The easiest fingering of a part. Strings and frets that its notes say are kept where they give their pitch.

    Args:
        part: with sounding pitches.
        starts: onsets of its bars (``Score.bar_starts``).
        tuning: open strings.
        capo: fret from which frets are counted.
    """
    attacks, followers = _attacks(part, starts)
    strings = [pitch.midi + capo for pitch in tuning]
    octaves = _octaves([note.pitch.midi for attack in attacks for _, note in attack.notes], strings)
    shapes = _easiest(
        attacks,
        [_given(attack, strings) or _shapes(_reachable(attack, strings, octaves), strings) for attack in attacks],
    )
    places: dict[tuple[int, Note], Place] = {}
    folded = left_out = 0
    for attack, shape in zip(attacks, shapes, strict=True):
        for key, place in zip(attack.notes, shape.places, strict=True):
            if place is None:
                left_out += 1
                continue
            folded += strings[place[0]] + place[1] not in (key[1].pitch.midi, key[1].pitch.midi + 12 * octaves)
            places[key] = place
    struck = frozenset(places)
    places |= {key: places[first] for key, first in followers.items() if first in places}
    return Fingering(places, struck, octaves, folded, left_out)


def _attacks(part: Part, starts: Sequence[Fraction]) -> tuple[list[Attack], dict[tuple[int, Note], tuple[int, Note]]]:
    """The attacks of a part in order, and for each note that goes on from a tie the note that was struck."""
    ends: dict[tuple[int, Note], Fraction] = {}
    followers: dict[tuple[int, Note], tuple[int, Note]] = {}
    open_ties: dict[tuple[int, int], tuple[int, Note]] = {}  # (voice, pitch) -> the note that was struck
    for index, notes in enumerate(part.bars):
        for note in sorted(notes, key=lambda n: n.start):
            voice = (note.voice, note.pitch.midi)
            struck = open_ties.pop(voice, None)
            if struck and ends[struck] == starts[index] + note.start:
                followers[index, note] = struck
            else:
                struck = (index, note)
            ends[struck] = starts[index] + note.end
            if note.tie:
                open_ties[voice] = struck
    by_onset: dict[Fraction, list[tuple[int, Note]]] = {}
    for index, note in sorted(ends, key=lambda key: starts[key[0]] + key[1].start):
        by_onset.setdefault(starts[index] + note.start, []).append((index, note))
    attacks = []
    for onset, members in by_onset.items():
        ordered = sorted(members, key=lambda key: key[1].pitch.midi)
        attacks.append(Attack(onset, tuple(ordered), tuple(ends[key] for key in ordered)))
    return attacks, followers


def _given(attack: Attack, strings: Sequence[int]) -> list[_Shape]:
    """The places that all notes of an attack say themselves, if they sound right on these strings."""
    places = []
    for _, note in attack.notes:
        if note.fret is None or not 0 < note.string <= len(strings):
            return []
        string = len(strings) - note.string
        if strings[string] + note.fret != note.pitch.midi:
            return []
        places.append((string, note.fret))
    stopped = [fret for _, fret in places if fret]
    return [_Shape(tuple(places), min(stopped, default=0), max(stopped, default=0), 0.0)]


def _octaves(pitches: Sequence[int], strings: Sequence[int]) -> int:
    """Octaves by which to move a part: none while most of it can be played, otherwise as few as will do."""
    lowest = min(strings)

    def outside(octaves: int, fret: int) -> int:
        return sum(not lowest <= pitch + 12 * octaves <= max(strings) + fret for pitch in pitches)

    if outside(0, HIGHEST_FRET) <= MOST_OUTSIDE * len(pitches):
        return 0
    return min(range(-4, 5), key=lambda octaves: (outside(octaves, COMFORTABLE_FRET), abs(octaves)))


def _reachable(attack: Attack, strings: Sequence[int], octaves: int) -> list[int]:
    """Sounding pitches of an attack, single ones folded into the range of the instrument."""
    lowest, highest = min(strings), max(strings) + HIGHEST_FRET
    pitches = []
    for _, note in attack.notes:
        pitch = note.pitch.midi + 12 * octaves
        while pitch < lowest:
            pitch += 12
        while pitch > highest:
            pitch -= 12
        pitches.append(pitch)
    return pitches


def _shapes(pitches: Sequence[int], strings: Sequence[int]) -> list[_Shape]:
    """The easiest ways to finger an attack. Where there is none, as few notes as possible are left out: never the
    highest, which is the melody, and the lowest only at last."""
    options = [
        [(s, pitch - open_) for s, open_ in enumerate(strings) if 0 <= pitch - open_ <= HIGHEST_FRET]
        for pitch in pitches
    ]
    top, inner = len(pitches) - 1, range(1, len(pitches) - 1)[-MOST_INNER:]
    for count in range(min(len(pitches), len(strings)), 1, -1):
        ways = [way for some in combinations(inner, count - 2) for way in _ways(options, (0, *some, top))]
        if ways:
            return heapq.nsmallest(MOST_SHAPES, ways, key=lambda shape: shape.effort)
    return list(_ways(options, (top,)))


def _ways(options: Sequence[Sequence[Place]], kept: Sequence[int]) -> Iterator[_Shape]:
    """All shapes in which the notes ``kept`` lie on strings of their own and within one stretch."""
    for places in _placed([options[i] for i in kept], ()):
        stopped = [fret for _, fret in places if fret]
        stretch = max(stopped) - min(stopped) if stopped else 0
        effort = STRETCH_EFFORT * stretch + FINGER_EFFORT * len(stopped) + HEIGHT_EFFORT * max(stopped, default=0)
        by_note = dict(zip(kept, places, strict=True))
        yield _Shape(
            tuple(by_note.get(i) for i in range(len(options))), min(stopped, default=0), max(stopped, default=0), effort
        )


def _placed(options: Sequence[Sequence[Place]], places: tuple[Place, ...]) -> Iterator[tuple[Place, ...]]:
    if len(places) == len(options):
        yield places
        return
    taken = {string for string, _ in places}
    for string, fret in options[len(places)]:
        stopped = [f for f in (*(f for _, f in places), fret) if f]
        if string not in taken and (not stopped or max(stopped) - min(stopped) <= WIDEST_STRETCH):
            yield from _placed(options, (*places, (string, fret)))


def _easiest(attacks: Sequence[Attack], shapes: Sequence[Sequence[_Shape]]) -> list[_Shape]:
    """The sequence of shapes with the least effort (Viterbi)."""
    if not attacks:
        return []
    paths = [(shape.effort, shape.hand(None)) for shape in shapes[0]]  # (effort so far, where the hand is)
    origins: list[list[int]] = []
    for i in range(1, len(attacks)):
        held = [_held(attacks[i - 1], shape, attacks[i].onset) for shape in shapes[i - 1]]
        similar = _intervals(attacks[i]) == _intervals(attacks[i - 1]) != ()
        before = [_strings(shape) if similar else None for shape in shapes[i - 1]]
        steps = [_best_step(shape, paths, held, before) for shape in shapes[i]]
        origins.append([origin for origin, _, _ in steps])
        paths = [(effort, hand) for _, effort, hand in steps]
    best = min(range(len(paths)), key=lambda i: paths[i][0])
    chosen = [shapes[-1][best]]
    for column, options in zip(reversed(origins), reversed(shapes[:-1]), strict=True):
        best = column[best]
        chosen.append(options[best])
    return chosen[::-1]


def _best_step(
    shape: _Shape,
    paths: Sequence[tuple[float, int | None]],
    held: Sequence[set[int]],
    shapes: Sequence[tuple[int, ...] | None],
) -> tuple[int, float, int | None]:
    """(index of the path that leads to a shape with the least effort, that effort, where the hand is then). ``shapes``
    are the strings of the shapes before where they hold a chord of the same intervals."""
    taken = {place[0] for place in shape.places if place}
    own = _strings(shape)
    steps = []
    for i, ((effort, before), strings, similar) in enumerate(zip(paths, held, shapes, strict=True)):
        hand = shape.hand(before)
        shift = abs(hand - before) if hand is not None and before is not None else 0
        changed = SHAPE_EFFORT if similar is not None and similar != own else 0.0
        steps.append((effort + shift + changed + CUT_EFFORT * len(taken & strings) + shape.effort, i, hand))
    effort, origin, hand = min(steps, key=lambda step: step[:2])
    return origin, effort, hand


def _intervals(attack: Attack) -> tuple[int, ...]:
    """Semitones between the notes of a chord; () for a single note."""
    pitches = [note.pitch.midi for _, note in attack.notes]
    return tuple(b - a for a, b in pairwise(pitches))


def _strings(shape: _Shape) -> tuple[int, ...]:
    return tuple(place[0] for place in shape.places if place)


def _held(attack: Attack, shape: _Shape, onset: Fraction) -> set[int]:
    """Strings of an attack that still sound at a later onset."""
    return {place[0] for place, end in zip(shape.places, attack.ends, strict=True) if place and end > onset}
