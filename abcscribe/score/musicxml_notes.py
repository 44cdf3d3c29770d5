"""One bar of one staff as MusicXML ``note`` elements: which signs, beams and ties each written note needs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from abcscribe.score.durations import Value
from abcscribe.score.marks import MARKS
from abcscribe.score.model import Key, Note, Pitch, Syllable

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
    pitch: Pitch | None = None  # as written; None: a rest or a drum
    line: Pitch | None = None  # where a drum stands
    ticks: int | None = None  # sounding duration in divisions; None: a grace note
    value: Value | None = None  # None: a rest of the whole bar
    after: bool = False  # a grace note that ends the note before it
    chord: bool = False  # stands over the note before it
    tie_stop: bool = False
    tie_start: bool = False
    instrument: str = ""  # id of the drum
    head: str = ""
    stem: str = ""  # "up", where it is not the engraver's choice
    sign: str = ""  # a name of MusicXML's accidental-value
    beams: tuple[str, ...] = ()  # begin, continue, end or hook, by level
    bracket: bool = False  # whether a tuplet that starts here needs a bracket
    position: tuple[int, int] | None = None  # (string, fret)
    marks: tuple[str, ...] = ()
    slurs: tuple[tuple[str, int], ...] = ()  # ("start" or "stop", number)
    lyrics: tuple[tuple[str, Syllable] | None, ...] = ()  # by verse, each with its place in the word (``syllabic``)
    hidden: bool = False  # takes its time, but is not printed

    def add_to(self, measure: ET.Element) -> None:
        """Append the element; the order of its children is fixed by the schema."""
        note = add(measure, "note", **({"print-object": "no"} if self.hidden else {}))
        if self.ticks is None:
            add(note, "grace", **({"steal-time-previous": "20"} if self.after else {"slash": "yes"}))
        if self.chord:
            add(note, "chord")
        if self.pitch:
            add_pitch(add(note, "pitch"), self.pitch)
        elif self.line:
            add_pitch(add(note, "unpitched"), self.line, prefix="display-")
        else:
            add(note, "rest", **({} if self.value else {"measure": "yes"}))
        if self.ticks is not None:
            add(note, "duration", self.ticks)
        for kind, present in (("stop", self.tie_stop), ("start", self.tie_start)):
            if present:
                add(note, "tie", type=kind)
        if self.instrument:
            add(note, "instrument", id=self.instrument)
        add(note, "voice", self.voice)
        if self.value:
            self._add_value(note, self.value)
        if self.stem and (self.pitch or self.line):
            add(note, "stem", self.stem)
        if self.head:
            add(note, "notehead", self.head)
        if self.staff:
            add(note, "staff", self.staff)
        for level, mark in enumerate(self.beams, 1):
            add(note, "beam", mark, number=str(level))
        self._add_notations(note)
        for verse, sung in enumerate(self.lyrics, 1):
            if sung:
                _add_lyric(note, verse, *sung)

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
        for kind, number in self.slurs:
            add(notations, "slur", type=kind, number=str(number))
        if self.value and not self.chord:
            if self.value.bracket_start:
                add(notations, "tuplet", type="start", bracket="yes" if self.bracket else "no")
            if self.value.bracket_stop:
                add(notations, "tuplet", type="stop")
        for name in self.marks:
            _add_mark(notations, name)
        if self.position:
            string, fret = self.position
            technical = _group(notations, "technical")
            add(technical, "string", string)
            add(technical, "fret", fret)
        if len(notations):
            note.append(notations)


def _group(notations: ET.Element, tag: str) -> ET.Element:
    found = notations.find(tag)
    return add(notations, tag) if found is None else found


def _add_mark(notations: ET.Element, name: str) -> None:
    """A name of marks.MARKS as MusicXML has it."""
    group = MARKS[name].group
    parent = _group(notations, group) if group else notations
    kind, _, number = name.rpartition("-")
    if kind == "tremolo":
        add(parent, "tremolo", number, type="single")
    elif kind == "finger":
        add(parent, "fingering", number)
    elif name == "roll":
        add(parent, "other-ornament", name)
    else:
        add(parent, name)


def _add_lyric(note: ET.Element, verse: int, place: str, syllable: Syllable) -> None:
    lyric = add(note, "lyric", number=str(verse))
    add(lyric, "syllabic", place)
    add(lyric, "text", syllable.text)
    if syllable.held:
        add(lyric, "extend")


def syllabic(syllable: Syllable, continues: bool) -> str:
    """MusicXML's name for the place of a syllable in its word; ``continues``: one with a hyphen is before it."""
    return ("middle" if continues else "begin") if syllable.joined else "end" if continues else "single"


def accidental_signs(notes: Iterable[Note], key: Key, held: set[Note]) -> dict[tuple[Note, Pitch], str]:
    """The signs that the notes of one staff and bar need, by (note, pitch): the pitch of the note or of a grace note.

    ``held`` are the notes tied over from the bar before: they need no sign, and theirs does not count for later ones.
    """
    in_force: dict[tuple[str, int], int] = {}
    signs: dict[tuple[Note, Pitch], str] = {}
    ordered: list[tuple[Fraction, int, int, int, Note, Pitch]] = []
    for note in notes:
        ordered.extend((note.start, 1, note.voice, note.pitch.midi, note, pitch) for pitch in (*note.grace, note.pitch))
        ordered.extend((note.end, 0, note.voice, note.pitch.midi, note, pitch) for pitch in note.after)
    for _, _, _, _, note, pitch in sorted(ordered, key=lambda item: item[:4]):
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
