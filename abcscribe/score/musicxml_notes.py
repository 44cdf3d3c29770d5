"""One bar of one staff as MusicXML ``note`` elements: which signs, beams and ties each written note needs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from abcscribe.score.durations import Value
from abcscribe.score.model import Key, Note, Pitch

_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th", "512th", "1024th")
TYPE_OF = {Fraction(8) / 2**i: name for i, name in enumerate(_TYPES)}  # by undotted quarters
_SIGNS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


def add(parent: ET.Element, tag: str, text: object = None, **attributes: str) -> ET.Element:
    """Append an element to its parent and return it."""
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = str(text)
    return element


def add_pitch(parent: ET.Element, pitch: Pitch, prefix: str = "") -> None:
    """step, alter and octave; ``prefix`` is "tuning-" for an open string."""
    add(parent, f"{prefix}step", pitch.step)
    if pitch.alter:
        add(parent, f"{prefix}alter", pitch.alter)
    add(parent, f"{prefix}octave", pitch.octave)


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """One note head or rest as it stands on the page."""

    voice: int
    staff: int | None = None  # None: the part has one staff
    pitch: Pitch | None = None  # None: a rest
    ticks: int | None = None  # sounding duration in divisions; None: a grace note
    value: Value | None = None  # None: a rest of the whole bar
    chord: bool = False  # stands over the note before it
    tie_stop: bool = False
    tie_start: bool = False
    sign: str = ""  # a name of MusicXML's accidental-value
    beams: tuple[str, ...] = ()  # begin, continue, end or hook, by level
    bracket: bool = False  # whether a tuplet that starts here needs a bracket
    position: tuple[int, int] | None = None  # (string, fret) in tablature

    def add_to(self, measure: ET.Element) -> None:
        """Append the element; the order of its children is fixed by the schema."""
        note = add(measure, "note")
        if self.ticks is None:
            add(note, "grace", slash="yes")
        if self.chord:
            add(note, "chord")
        if self.pitch:
            add_pitch(add(note, "pitch"), self.pitch)
        else:
            add(note, "rest", **({} if self.value else {"measure": "yes"}))
        if self.ticks is not None:
            add(note, "duration", self.ticks)
        for kind, present in (("stop", self.tie_stop), ("start", self.tie_start)):
            if present:
                add(note, "tie", type=kind)
        add(note, "voice", self.voice)
        if self.value:
            self._add_value(note, self.value)
        if self.staff:
            add(note, "staff", self.staff)
        for level, mark in enumerate(self.beams, 1):
            add(note, "beam", mark, number=str(level))
        self._add_notations(note)

    def _add_value(self, note: ET.Element, value: Value) -> None:
        add(note, "type", TYPE_OF[value.base])
        for _ in range(value.dots):
            add(note, "dot")
        if self.sign:
            add(note, "accidental", self.sign)
        if value.actual != value.normal:
            modification = add(note, "time-modification")
            add(modification, "actual-notes", value.actual)
            add(modification, "normal-notes", value.normal)

    def _add_notations(self, note: ET.Element) -> None:
        notations = ET.Element("notations")
        for kind, present in (("stop", self.tie_stop), ("start", self.tie_start)):
            if present:
                add(notations, "tied", type=kind)
        if self.value and not self.chord:
            if self.value.bracket_start:
                add(notations, "tuplet", type="start", bracket="yes" if self.bracket else "no")
            if self.value.bracket_stop:
                add(notations, "tuplet", type="stop")
        if self.position:
            string, fret = self.position
            technical = add(notations, "technical")
            add(technical, "string", string)
            add(technical, "fret", fret)
        if len(notations):
            note.append(notations)


def accidental_signs(notes: Iterable[Note], key: Key, held: set[Note]) -> dict[tuple[Note, Pitch], str]:
    """The signs that the notes of one staff and bar need, by (note, pitch): the pitch of the note or of a grace note.

    ``held`` are the notes tied over from the bar before: they need no sign, and theirs does not count for later ones.
    """
    in_force: dict[tuple[str, int], int] = {}
    signs: dict[tuple[Note, Pitch], str] = {}
    for note in sorted(notes, key=lambda n: (n.start, n.voice, n.pitch.midi)):
        for pitch in (*note.grace, note.pitch):
            if note in held and pitch == note.pitch:
                continue
            place = (pitch.step, pitch.octave)
            if in_force.get(place, key.alter(pitch.step)) != pitch.alter:
                signs.setdefault((note, pitch), _SIGNS[pitch.alter])
            in_force[place] = pitch.alter
    return signs


def beam_marks(values: Sequence[Value]) -> list[tuple[str, ...]]:
    """For each value of a voice its beams by level, () without any."""
    marks: list[tuple[str, ...]] = []
    for beam, group in groupby(values, key=lambda value: value.beam):
        members = list(group)
        levels = [_beam_count(value) for value in members]
        marks.extend(_marks_at(i, levels) if beam else () for i in range(len(members)))
    return marks


def _beam_count(value: Value) -> int:
    """Beams of a value: 1 for an eighth, 2 for a sixteenth ..."""
    return max(0, value.base.denominator.bit_length() - 1)


def _marks_at(index: int, levels: Sequence[int]) -> tuple[str, ...]:
    marks = []
    for level in range(1, levels[index] + 1):
        before = index > 0 and levels[index - 1] >= level
        after = index + 1 < len(levels) and levels[index + 1] >= level
        hook = "backward hook" if index else "forward hook"
        marks.append(
            {(True, True): "continue", (True, False): "end", (False, True): "begin"}.get((before, after), hook)
        )
    return tuple(marks)


def needs_bracket(values: Sequence[Value], start: int) -> bool:
    """Whether the tuplet that starts at ``values[start]`` needs a bracket: no if one beam already joins all of it."""
    stop = next((i for i in range(start, len(values)) if values[i].bracket_stop), len(values) - 1)
    return len({value.beam or -1 for value in values[start : stop + 1]}) > 1 or not values[start].beam
