"""Score -> MusicXML 4.0, complete enough to engrave: beams, tuplet brackets, ties, accidentals, voices and staves.

Written here and not through lytk's writer, because that knows no tablature and no ending for several turns ("1, 2").
Rhythm comes from ``durations``, single notes from ``musicxml_notes``; this module lays out parts, bars and bar lines.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

from abcscribe.score import instruments
from abcscribe.score.durations import DOT_FACTORS, Value, bar_offsets, chords, write_rhythm
from abcscribe.score.model import Bar, Note, Part, Pitch, Score, Tempo
from abcscribe.score.musicxml_notes import (
    TYPE_OF,
    WrittenNote,
    accidental_signs,
    add,
    add_pitch,
    beam_marks,
    needs_bracket,
)

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_CLEFS = {  # sign, line, octave change
    "treble": ("G", 2, 0), "treble-8": ("G", 2, -1), "treble+8": ("G", 2, 1), "bass": ("F", 4, 0),
    "bass-8": ("F", 4, -1), "alto": ("C", 3, 0), "tenor": ("C", 4, 0), "soprano": ("C", 1, 0),
    "mezzo": ("C", 2, 0), "baritone": ("F", 3, 0), "perc": ("percussion", 2, 0),
}  # fmt: skip
_ILLEGAL_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BRACKETED = ("strings", "ensemble", "brass", "reed", "pipe")  # GM groups that share a bracket when they stand together
_PERCUSSION_CHANNEL = 10


@dataclass(frozen=True, slots=True)
class TabStaff:
    """Where the notes of a part lie on a fretted instrument; such a part is written as tablature."""

    tuning: tuple[Pitch, ...]  # open strings, from the lowest
    positions: Mapping[
        tuple[int, Note], tuple[int, int]
    ]  # (bar index, note) -> (string, fret); string 1 is the highest


@dataclass(frozen=True, slots=True)
class _Voice:
    """One voice in one bar, laid out."""

    events: list[tuple[Note, ...]]
    values: tuple[Value, ...]


def to_musicxml(score: Score, tabs: Mapping[int, TabStaff] | None = None) -> str:
    """MusicXML text of a score; ``tabs`` tells which parts (by index) are tablature."""
    root = ET.Element("score-partwise", version="4.0")
    if score.title:
        add(add(root, "work"), "work-title", score.title)
    identification = add(root, "identification")
    if score.composer:
        add(identification, "creator", score.composer, type="composer")
    add(add(identification, "encoding"), "software", "abcscribe")
    for kind, text, side, height in (
        ("title", score.title, "center", "top"),
        ("composer", score.composer, "right", "bottom"),
    ):
        if text:
            credit = add(root, "credit", page="1")
            add(credit, "credit-type", kind)
            add(credit, "credit-words", text, justify=side, halign=side, valign=height)
    _add_part_list(add(root, "part-list"), score.parts)
    for index, part in enumerate(score.parts):
        writer = _PartWriter(score.bars, part, (tabs or {}).get(index), is_first=index == 0)
        writer.write(add(root, "part", id=f"P{index + 1}"))
    ET.indent(root, " ")
    return _HEAD + _ILLEGAL_XML.sub("", ET.tostring(root, encoding="unicode")) + "\n"


def _add_part_list(part_list: ET.Element, parts: Sequence[Part]) -> None:
    groups = groupby(enumerate(parts, 1), key=lambda indexed: instruments.group(indexed[1].program))
    for number, (group, members) in enumerate(groups, 1):
        family = list(members)
        bracketed = len(family) > 1 and group in _BRACKETED
        if bracketed:
            start = add(part_list, "part-group", number=str(number), type="start")
            add(start, "group-symbol", "bracket")
            add(start, "group-barline", "no" if group == "ensemble" else "yes")  # words stand between singers' staves
        for index, part in family:
            _add_score_part(part_list, index, part)
        if bracketed:
            add(part_list, "part-group", number=str(number), type="stop")


def _add_score_part(part_list: ET.Element, index: int, part: Part) -> None:
    drums = part.program == instruments.PERCUSSION
    score_part = add(part_list, "score-part", id=f"P{index}")
    add(score_part, "part-name", part.name)
    add(add(score_part, "score-instrument", id=f"P{index}-I1"), "instrument-name", instruments.name(part.program))
    midi = add(score_part, "midi-instrument", id=f"P{index}-I1")
    channel = (index - 1) % 15 + 1  # one of the 15 that are not percussion
    add(midi, "midi-channel", _PERCUSSION_CHANNEL if drums else channel + (channel >= _PERCUSSION_CHANNEL))
    add(midi, "midi-program", 1 if drums else part.program + 1)


class _PartWriter:
    """Writes one part bar by bar; remembers the ties that are open over the bar lines."""

    def __init__(self, bars: Sequence[Bar], part: Part, tab: TabStaff | None, is_first: bool) -> None:
        self.bars, self.part, self.tab = bars, part, tab
        self.is_first = is_first  # carries the tempo marks
        self.offsets = bar_offsets(bars)
        self.voices = [self._laid_out(index) for index in range(len(bars))]
        durations = [bar.length for bar in bars]
        durations += [value.duration for bar in self.voices for voice in bar.values() for value in voice.values]
        self.divisions = math.lcm(*(duration.denominator for duration in durations))
        self.open_ties: set[tuple[int, int]] = set()  # (voice, MIDI pitch) that sounds into the next event

    def _laid_out(self, index: int) -> dict[int, _Voice]:
        """The voices that play in a bar."""
        bar, voices = self.bars[index], {}
        for voice in self.part.voices:
            events = chords([note for note in self.part.bars[index] if note.voice == voice])
            if events:
                rhythm = tuple((event[0].start, event[0].duration) for event in events)
                voices[voice] = _Voice(events, write_rhythm(rhythm, bar.length, bar.metre, self.offsets[index]))
        return voices

    def write(self, parent: ET.Element) -> None:
        numbers, stops = measure_numbers(self.bars, self.offsets), _ending_stops(self.bars)
        for index, (bar, number) in enumerate(zip(self.bars, numbers, strict=True)):
            measure = add(parent, "measure", number=number)
            if number == "0" or not number.isdigit():
                measure.set("implicit", "yes")
            _add_left_barline(measure, bar)
            self._add_attributes(measure, index)
            if self.is_first and bar.tempo and (index == 0 or bar.tempo != self.bars[index - 1].tempo):
                _add_tempo(measure, bar.tempo)
            self._add_staves(measure, index)
            _add_right_barline(measure, bar, stops.get(index, ""), last=index + 1 == len(self.bars))

    def _add_attributes(self, measure: ET.Element, index: int) -> None:
        bar, before = self.bars[index], self.bars[index - 1] if index else None
        attributes = ET.Element("attributes")
        if before is None:
            add(attributes, "divisions", self.divisions)
        if before is None or bar.key != before.key:
            key = add(attributes, "key")
            add(key, "fifths", bar.key.fifths)
            add(key, "mode", bar.key.mode)
        if before is None or bar.metre != before.metre:
            time = add(attributes, "time")
            if bar.metre:
                add(time, "beats", bar.metre.beats)
                add(time, "beat-type", bar.metre.unit)
            else:
                add(time, "senza-misura")
        if before is None:
            self._add_clefs(attributes)
        if len(attributes):
            measure.append(attributes)

    def _add_clefs(self, attributes: ET.Element) -> None:
        if len(self.part.staves) > 1:
            add(attributes, "staves", len(self.part.staves))
        for number, staff in enumerate(self.part.staves, 1):
            sign, line, octaves = ("TAB", 5, 0) if self.tab else _CLEFS[staff.clef]
            clef = add(attributes, "clef", number=str(number))
            add(clef, "sign", sign)
            add(clef, "line", line)
            if octaves:
                add(clef, "clef-octave-change", octaves)
        if self.tab:
            details = add(attributes, "staff-details")
            add(details, "staff-lines", len(self.tab.tuning))
            for line, pitch in enumerate(self.tab.tuning, 1):
                add_pitch(add(details, "staff-tuning", line=str(line)), pitch, prefix="tuning-")

    def _add_staves(self, measure: ET.Element, index: int) -> None:
        """Voice after voice, each from the bar line; a staff on which nobody plays shows a whole-bar rest."""
        length = int(self.bars[index].length * self.divisions)
        for number, staff in enumerate(self.part.staves, 1):
            staff_number = number if len(self.part.staves) > 1 else None
            playing = [voice for voice in staff.voices if voice in self.voices[index]]
            signs = {} if self.tab else self._signs(index, playing)
            for voice in playing or staff.voices[:1]:
                if measure.find("note") is not None:
                    add(add(measure, "backup"), "duration", length)
                if playing:
                    self._add_voice(measure, index, WrittenNote(voice, staff_number), signs)
                else:
                    self._add_silence(measure, index, WrittenNote(voice, staff_number))

    def _add_silence(self, measure: ET.Element, index: int, blank: WrittenNote) -> None:
        """A whole-bar rest; in a pickup or a divided bar the rests that it really is long (music21 would otherwise
        read a full bar)."""
        bar = self.bars[index]
        if bar.metre is None or bar.length >= bar.metre.length:
            replace(blank, ticks=int(bar.length * self.divisions)).add_to(measure)
            return
        note_after = ((bar.length, Fraction(1)),)  # write_rhythm says nothing of a bar without any note
        for value in write_rhythm(note_after, bar.length + 1, bar.metre, self.offsets[index]):
            if value.event is None:
                replace(blank, ticks=int(value.duration * self.divisions), value=value).add_to(measure)

    def _signs(self, index: int, voices: Sequence[int]) -> dict[tuple[Note, Pitch], str]:
        notes = [note for note in self.part.bars[index] if note.voice in voices]
        held = {n for n in notes if n.start == 0 and (n.voice, n.pitch.midi) in self.open_ties}
        return accidental_signs(notes, self.bars[index].key, held)

    def _add_voice(
        self, measure: ET.Element, index: int, blank: WrittenNote, signs: Mapping[tuple[Note, Pitch], str]
    ) -> None:
        """All notes and rests of one voice; ``blank`` knows its voice and staff."""
        voice = self.voices[index][blank.voice]
        begun: set[int] = set()
        for i, (value, beams) in enumerate(zip(voice.values, beam_marks(voice.values), strict=True)):
            bracket = value.bracket_start and needs_bracket(voice.values, i)
            written = replace(blank, ticks=int(value.duration * self.divisions), value=value, bracket=bracket)
            if value.event is None:
                self._close_ties(blank.voice)
                written.add_to(measure)
                continue
            event = voice.events[value.event]
            first = value.event not in begun
            begun.add(value.event)
            if first:
                self._add_grace(measure, blank, event, signs)
            tied_in = self._close_ties(blank.voice)
            for note in event:
                tie = value.tied or note.tie
                if tie:
                    self.open_ties.add((blank.voice, note.pitch.midi))
                replace(
                    written,
                    pitch=note.pitch,
                    chord=note is not event[0],
                    tie_stop=note.pitch.midi in tied_in,
                    tie_start=tie,
                    sign=signs.get((note, note.pitch), "") if first else "",
                    beams=beams if note is event[0] else (),
                    position=self.tab.positions.get((index, note)) if self.tab else None,
                ).add_to(measure)

    def _close_ties(self, voice: int) -> set[int]:
        """Take the pitches whose ties end at the next event of a voice."""
        ending = {key for key in self.open_ties if key[0] == voice}
        self.open_ties -= ending
        return {pitch for _, pitch in ending}

    def _add_grace(
        self,
        measure: ET.Element,
        blank: WrittenNote,
        event: tuple[Note, ...],
        signs: Mapping[tuple[Note, Pitch], str],
    ) -> None:
        graces = [(note, pitch) for note in event for pitch in note.grace]
        base = Fraction(1, 2) if len(graces) == 1 else Fraction(1, 4)
        values = [Value(Fraction(0), base, 0, base, beam=int(len(graces) > 1))] * len(graces)
        for key, value, beams in zip(graces, values, beam_marks(values), strict=True):
            replace(blank, pitch=key[1], value=value, sign=signs.get(key, ""), beams=beams).add_to(measure)


def measure_numbers(bars: Sequence[Bar], offsets: Sequence[Fraction]) -> list[str]:
    """Printed bar numbers: a pickup is 0, the rest of a divided bar has an X number and does not count."""
    numbers: list[str] = []
    count = extra = 0
    for index, (bar, offset) in enumerate(zip(bars, offsets, strict=True)):
        if index == 0 and offset > 0 and len(bars) > 1:
            numbers.append("0")
        elif index and offset > 0 and bar.length < (bar.metre.length if bar.metre else bar.length):
            extra += 1
            numbers.append(f"X{extra}")
        else:
            count += 1
            numbers.append(str(count))
    return numbers


def _add_tempo(measure: ET.Element, tempo: Tempo) -> None:
    direction = add(measure, "direction", placement="above")
    metronome = add(add(direction, "direction-type"), "metronome")
    beat, dots = next(
        ((tempo.beat / factor, dots) for dots, factor in enumerate(DOT_FACTORS) if tempo.beat / factor in TYPE_OF),
        (Fraction(1), 0),
    )
    written = tempo.quarter_bpm / float(beat * DOT_FACTORS[dots])
    add(metronome, "beat-unit", TYPE_OF[beat])
    for _ in range(dots):
        add(metronome, "beat-unit-dot")
    add(metronome, "per-minute", f"{written:.1f}".removesuffix(".0"))
    add(direction, "sound", tempo=f"{tempo.quarter_bpm:.6g}")


def _add_left_barline(measure: ET.Element, bar: Bar) -> None:
    if not (bar.repeat_start or bar.ending):
        return
    barline = add(measure, "barline", location="left")
    if bar.repeat_start:
        add(barline, "bar-style", "heavy-light")
    if bar.ending:
        add(barline, "ending", number=bar.ending.replace(",", ", "), type="start")
    if bar.repeat_start:
        add(barline, "repeat", direction="forward")


def _add_right_barline(measure: ET.Element, bar: Bar, ending: str, last: bool) -> None:
    if not (bar.repeat_end or last or ending):
        return
    barline = add(measure, "barline", location="right")
    if bar.repeat_end or last:
        add(barline, "bar-style", "light-heavy")
    if ending:
        add(barline, "ending", number=ending.replace(",", ", "), type="stop" if bar.repeat_end else "discontinue")
    if bar.repeat_end:
        add(barline, "repeat", direction="backward")


def _ending_stops(bars: Sequence[Bar]) -> dict[int, str]:
    """The bars at which ending brackets close, with the ending's numbers.

    The model stores where an ending begins. The first goes to its repeat sign; the next ones to theirs if it comes as
    soon, otherwise they are as long as the first.
    """
    stops: dict[int, str] = {}
    begins = [i for i, bar in enumerate(bars) if bar.ending]
    longest = len(bars)
    for begin, following in pairwise([*begins, len(bars)]):
        if not (begin and bars[begin - 1].repeat_end):
            longest = len(bars)  # a first ending
        limit = min(following, begin + longest)
        stop = next((i for i in range(begin, limit) if bars[i].repeat_end), None)
        if stop is None:
            stop = begin if longest == len(bars) else limit - 1
        stops[stop] = bars[begin].ending
        longest = stop - begin + 1
    return stops
