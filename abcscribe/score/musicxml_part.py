"""One part of a score as MusicXML measures: attributes, notes and rests in every voice, and the signs beside them.

Rhythm comes from ``durations``, single notes from ``musicxml_notes``, signs and bar lines from ``musicxml_signs``.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from abcscribe.score import instruments, percussion
from abcscribe.score.durations import Value, bar_offsets, chords, write_rhythm
from abcscribe.score.harmony import moved
from abcscribe.score.model import Bar, Note, Part, Pitch, Syllable
from abcscribe.score.musicxml_notes import (
    WrittenNote,
    accidental_signs,
    add,
    add_pitch,
    beam_marks,
    needs_bracket,
    syllabic,
)
from abcscribe.score.musicxml_signs import (
    Sign,
    add_harmony,
    add_left_barline,
    add_right_barline,
    add_signs,
    add_tempo,
    bar_end_signs,
    bar_start_signs,
    direction_signs,
)
from abcscribe.score.repeats import ending_stops
from abcscribe.score.transpose import as_written

_CLEFS = {  # sign, line, octave change
    "treble": ("G", 2, 0), "treble-8": ("G", 2, -1), "treble+8": ("G", 2, 1), "bass": ("F", 4, 0),
    "bass-8": ("F", 4, -1), "alto": ("C", 3, 0), "tenor": ("C", 4, 0), "soprano": ("C", 1, 0),
    "mezzo": ("C", 2, 0), "baritone": ("F", 3, 0), "perc": ("percussion", 2, 0),
}  # fmt: skip
MOST_SLURS = 16  # that MusicXML numbers at once in a part


@dataclass(frozen=True, slots=True)
class TabStaff:
    """Where the notes of a part lie on a fretted instrument; such a part is written as tablature."""

    tuning: tuple[Pitch, ...]  # open strings, from the lowest
    positions: Mapping[
        tuple[int, Note], tuple[int, int]
    ]  # (bar index, note) -> (string, fret); string 1 is the highest
    capo: int = 0


@dataclass(frozen=True, slots=True)
class _Voice:
    """One voice in one bar, laid out."""

    events: list[tuple[Note, ...]]
    values: tuple[Value, ...]


class PartWriter:
    """Writes one part bar by bar; remembers the ties, slurs and words that are open over the bar lines."""

    def __init__(
        self, bars: Sequence[Bar], part: Part, id: str, tab: TabStaff | None, is_first: bool, concert: bool
    ) -> None:
        sounding = concert or tab is not None or part.program == instruments.PERCUSSION
        as_is = (bars, part, [(0, 0)] * len(bars))
        self.bars, self.part, self.intervals = as_is if sounding else as_written(bars, part)
        self.id, self.tab = id, tab
        self.is_first = is_first  # carries what belongs to all: tempo, chord symbols, jumps
        self.is_drums = part.program == instruments.PERCUSSION
        self.offsets = bar_offsets(bars)
        self.voices = [self._laid_out(index) for index in range(len(bars))]
        durations = [bar.length for bar in bars]
        durations += [value.duration for bar in self.voices for voice in bar.values() for value in voice.values]
        durations += [sign.start for bar in bars for sign in bar.harmonies]
        durations += [sign.start for bar in part.directions for sign in bar]
        self.divisions = math.lcm(*(duration.denominator for duration in durations))
        self.measure_repeats = {
            i: d.text for i, signs in enumerate(part.directions) for d in signs if d.kind == "measure-repeat"
        }
        self.open_ties: set[tuple[int, int]] = set()  # (voice, MIDI pitch) that sounds into the next event
        self.slurs: dict[int, list[int]] = {}  # voice -> numbers of its open slurs
        self.words: dict[tuple[int, int], bool] = {}  # (voice, verse) -> whether a hyphen leads on

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
        numbers, stops = measure_numbers(self.bars, self.offsets), ending_stops(self.bars)
        for index, (bar, number) in enumerate(zip(self.bars, numbers, strict=True)):
            measure = add(parent, "measure", number=number)
            if number == "0" or not number.isdigit():
                measure.set("implicit", "yes")
            add_left_barline(measure, bar)
            self._add_attributes(measure, index)
            if self.is_first:
                before = self.bars[index - 1].tempo if index else None
                add_tempo(measure, bar.tempo if bar.tempo != before else None, bar.words)
                bar_start_signs(measure, bar)
            self._add_staves(measure, index)
            if self.is_first:
                bar_end_signs(measure, bar)
            add_right_barline(measure, bar, stops.get(index, ""), last=index + 1 == len(self.bars))

    def _add_attributes(self, measure: ET.Element, index: int) -> None:
        bar, before = self.bars[index], self.bars[index - 1] if index else None
        attributes = ET.Element("attributes")
        if before is None:
            add(attributes, "divisions", self.divisions)
        if not self.is_drums and (before is None or bar.key != before.key):
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
        interval = self.intervals[index]
        if interval != (self.intervals[index - 1] if index else (0, 0)):
            add_transpose(attributes, *interval)
        if repeat := self._measure_repeat(index):
            style = add(attributes, "measure-style")
            add(style, "measure-repeat", repeat if repeat != "0" else None, type="stop" if repeat == "0" else "start")
        if len(attributes):
            measure.append(attributes)

    def _measure_repeat(self, index: int) -> str:
        """Of how many bars a repeat sign begins here, "0" where one ends, otherwise ""."""
        if self.tab:
            return ""
        if index in self.measure_repeats:
            return self.measure_repeats[index]
        begun = next((i for i in range(index - 1, max(index - 9, -1), -1) if i in self.measure_repeats), None)
        return "0" if begun is not None and index == begun + int(self.measure_repeats[begun]) else ""

    def _add_clefs(self, attributes: ET.Element) -> None:
        if len(self.part.staves) > 1:
            add(attributes, "staves", len(self.part.staves))
        for number, staff in enumerate(self.part.staves, 1):
            sign, line, octaves = ("TAB", 5, 0) if self.tab else _CLEFS[staff.clef]
            _add_clef(attributes, number, sign, line, octaves)
        strings, capo = (self.tab.tuning, self.tab.capo) if self.tab else (self.part.tuning, self.part.capo)
        if strings or capo:
            details = add(attributes, "staff-details")
            if self.tab:
                add(details, "staff-lines", len(strings))
            for line, pitch in enumerate(strings, 1):
                add_pitch(add(details, "staff-tuning", line=str(line)), pitch, prefix="tuning-")
            if capo:
                add(details, "capo", capo)

    def _add_staves(self, measure: ET.Element, index: int) -> None:
        """Voice after voice, each from the bar line; a staff on which nobody plays shows a whole-bar rest."""
        length = int(self.bars[index].length * self.divisions)
        for number, staff in enumerate(self.part.staves, 1):
            staff_number = number if len(self.part.staves) > 1 else None
            playing = [voice for voice in staff.voices if voice in self.voices[index]]
            signs = {} if self.tab or self.is_drums else self._signs(index, number, staff.voices)
            beside = self._beside(index, number)
            for voice in playing or staff.voices[:1]:
                if measure.find("note") is not None:
                    add(add(measure, "backup"), "duration", length)
                if playing:
                    alone = self.is_drums and len(playing) == 1  # the stems of one voice of drums all go up
                    blank = WrittenNote(voice, staff_number, stem="up" if alone else "")
                    self._add_voice(measure, index, blank, signs, beside)
                else:
                    self._add_silence(measure, index, WrittenNote(voice, staff_number), beside)
                beside = []

    def _beside(self, index: int, staff: int) -> list[Sign]:
        """What stands beside the notes of a staff, by start."""
        signs: list[Sign] = []
        staff_number = staff if len(self.part.staves) > 1 else None
        if self.is_first and staff == 1:
            steps, semitones = self.intervals[index]
            fifths = 12 * steps - 7 * semitones
            signs += [(h.start, add_harmony(moved(h, fifths), staff_number)) for h in self.bars[index].harmonies]
        for direction in self.part.directions[index] if self.part.directions and not self.tab else ():
            if direction.staff == staff and direction.kind == "clef":
                attributes = ET.Element("attributes")
                _add_clef(attributes, staff, *_CLEFS[direction.text])
                signs.append((direction.start, attributes))
            elif direction.staff == staff and direction.kind != "measure-repeat":
                signs.append((direction.start, direction_signs(direction, staff_number)))
        return sorted(signs, key=lambda sign: sign[0])

    def _add_silence(self, measure: ET.Element, index: int, blank: WrittenNote, beside: list[Sign]) -> None:
        """A whole-bar rest; in a pickup or a divided bar the rests that it really is long (music21 would otherwise
        read a full bar)."""
        bar = self.bars[index]
        blank = replace(blank, hidden=self.tab is not None)
        add_signs(measure, beside, Fraction(0), bar.length, self.divisions)
        if bar.metre is None or bar.length >= bar.metre.length:
            replace(blank, ticks=int(bar.length * self.divisions)).add_to(measure)
            return
        note_after = ((bar.length, Fraction(1)),)  # write_rhythm says nothing of a bar without any note
        for value in write_rhythm(note_after, bar.length + 1, bar.metre, self.offsets[index]):
            if value.event is None:
                replace(blank, ticks=int(value.duration * self.divisions), value=value).add_to(measure)

    def _signs(self, index: int, number: int, voices: Sequence[int]) -> dict[tuple[Note, Pitch], str]:
        """The accidentals that the notes on a staff need; some are of voices of another staff."""
        notes = [n for n in self.part.bars[index] if n.staff == number or (not n.staff and n.voice in voices)]
        own = [n for n in self.part.bars[index] if n.voice in voices and n.staff not in (0, number)]
        held = {n for n in (*notes, *own) if n.start == 0 and (n.voice, n.pitch.midi) in self.open_ties}
        key = self.bars[index].key
        return accidental_signs(own, key, held) | accidental_signs(notes, key, held)

    def _add_voice(
        self,
        measure: ET.Element,
        index: int,
        blank: WrittenNote,
        signs: Mapping[tuple[Note, Pitch], str],
        beside: list[Sign],
    ) -> None:
        """All notes and rests of one voice; ``blank`` knows its voice and staff."""
        voice, length = self.voices[index][blank.voice], self.bars[index].length
        begun: set[int] = set()
        for i, (value, beams) in enumerate(zip(voice.values, beam_marks(voice.values), strict=True)):
            following = voice.values[i + 1].start if i + 1 < len(voice.values) else length
            ending = i + 1 == len(voice.values) or voice.values[i + 1].event != value.event
            bracket = value.bracket_start and needs_bracket(voice.values, i)
            written = replace(blank, ticks=int(value.duration * self.divisions), value=value, bracket=bracket)
            if value.event is None:
                self._close_ties(blank.voice)
                add_signs(measure, beside, value.start, following, self.divisions)
                replace(written, hidden=self.tab is not None).add_to(measure)
                continue
            event = voice.events[value.event]
            first = value.event not in begun
            begun.add(value.event)
            if first:
                self._add_grace(measure, blank, event, signs)
            add_signs(measure, beside, value.start, following, self.divisions)
            self._add_chord(measure, index, written, event, beams, (first, ending), signs)
            if ending:
                self._add_grace(measure, blank, event, signs, after=True)
        add_signs(measure, beside, length, length, self.divisions)

    def _add_chord(
        self,
        measure: ET.Element,
        index: int,
        written: WrittenNote,
        event: tuple[Note, ...],
        beams: tuple[str, ...],
        edges: tuple[bool, bool],
        signs: Mapping[tuple[Note, Pitch], str],
    ) -> None:
        """The notes of one value. ``edges``: whether it is the first and the last of the tied values of its event."""
        first, last = edges
        assert written.value
        tied_in = self._close_ties(written.voice)
        for note in event:
            tie = written.value.tied or note.tie
            if tie:
                self.open_ties.add((written.voice, note.pitch.midi))
            leads = note is event[0]
            position = self.tab.positions.get((index, note)) if self.tab else _position(note)
            self._placed(
                replace(
                    written,
                    staff=note.staff or written.staff,
                    chord=not leads,
                    tie_stop=note.pitch.midi in tied_in,
                    tie_start=tie,
                    sign=signs.get((note, note.pitch), "") if first else "",
                    beams=beams if leads else (),
                    position=position if first or self.tab else None,
                    marks=_marks(event, first, last) if leads and not self.tab else (),
                    slurs=self._slurs(written.voice, event, first, last) if leads and not self.tab else (),
                    lyrics=self._lyrics(event) if leads and first and not self.tab else (),
                ),
                note,
            ).add_to(measure)

    def _placed(self, written: WrittenNote, note: Note) -> WrittenNote:
        """With its pitch, or where a drum stands."""
        if not self.is_drums:
            return replace(written, pitch=note.pitch, head=note.head)
        line, head = percussion.place(note)
        return replace(written, line=line, head=head, instrument=f"{self.id}-I{note.pitch.midi + 1}")

    def _slurs(self, voice: int, event: tuple[Note, ...], first: bool, last: bool) -> tuple[tuple[str, int], ...]:
        """Slurs that end or begin at one of the values of an event, with their numbers."""
        stack = self.slurs.setdefault(voice, [])
        found: list[tuple[str, int]] = []
        if last:
            stops = min(sum(note.slur_stop for note in event), len(stack))
            found += [("stop", stack.pop()) for _ in range(stops)]
        if first:
            taken = {number for numbers in self.slurs.values() for number in numbers}
            free = (number for number in range(1, MOST_SLURS + 1) if number not in taken)
            for _, number in zip(range(sum(note.slur_start for note in event)), free, strict=False):
                stack.append(number)
                found.append(("start", number))
        return tuple(found)

    def _lyrics(self, event: tuple[Note, ...]) -> tuple[tuple[str, Syllable] | None, ...]:
        sung: list[tuple[str, Syllable] | None] = []
        for verse, syllable in enumerate(next((note.lyrics for note in event if note.lyrics), ())):
            key = (event[0].voice, verse)
            sung.append((syllabic(syllable, self.words.get(key, False)), syllable) if syllable else None)
            if syllable:
                self.words[key] = syllable.joined
        return tuple(sung)

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
        after: bool = False,
    ) -> None:
        """The small notes before an event, or those ``after`` it."""
        if self.tab:
            return
        graces = [(note, pitch) for note in event for pitch in (note.after if after else note.grace)]
        base = Fraction(1, 2) if len(graces) == 1 else Fraction(1, 4)
        values = [Value(Fraction(0), base, 0, base, beam=int(len(graces) > 1))] * len(graces)
        for (note, pitch), value, beams in zip(graces, values, beam_marks(values), strict=True):
            small = replace(blank, value=value, sign=signs.get((note, pitch), ""), beams=beams, after=after)
            self._placed(small, replace(note, pitch=pitch)).add_to(measure)


def _marks(event: tuple[Note, ...], first: bool, last: bool) -> tuple[str, ...]:
    """The marks of a chord: of tied values a fermata stands on the last, all others on the first."""
    names = dict.fromkeys(name for note in event for name in note.marks)
    return tuple(name for name in names if (last if name in ("fermata", "breath-mark", "caesura") else first))


def _position(note: Note) -> tuple[int, int] | None:
    return (note.string, note.fret) if note.string and note.fret is not None else None


def _add_clef(attributes: ET.Element, number: int, sign: str, line: int, octaves: int) -> None:
    clef = add(attributes, "clef", number=str(number))
    add(clef, "sign", sign)
    add(clef, "line", line)
    if octaves:
        add(clef, "clef-octave-change", octaves)


def add_transpose(attributes: ET.Element, steps: int, semitones: int) -> None:
    """From written to sounding pitch; whole octaves stand by themselves, as all programs expect."""
    octaves = int(steps / 7)
    transpose = add(attributes, "transpose")
    add(transpose, "diatonic", steps - 7 * octaves)
    add(transpose, "chromatic", semitones - 12 * octaves)
    if octaves:
        add(transpose, "octave-change", octaves)


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
