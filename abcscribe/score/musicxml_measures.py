"""The measures of one MusicXML part -> DraftPart: notes in exact time, with what belongs to them.

Time: a position is kept in the file's divisions and, beside them, as the exact sum of note values, since programs round
the divisions of tuplets. A tempo inside a bar counts from the next bar line on; cue notes are silence.
"""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from abcscribe.score import percussion
from abcscribe.score.drafts import MOST_VERSES, DraftBar, DraftPart, add_voice, one_line
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.marks import MARKS
from abcscribe.score.model import MODE_FIFTHS, STEPS, Direction, Key, Metre, Note, Pitch, Syllable
from abcscribe.score.musicxml_directions import (
    LONGEST_BAR,
    VALUES,
    Event,
    Measure,
    SignReader,
    integer,
    note_value,
    number,
)
from abcscribe.score.transpose import interval_pitch

CLEFS = {
    ("G", 2, 0): "treble", ("G", 2, -1): "treble-8", ("G", 2, 1): "treble+8", ("F", 4, 0): "bass", ("F", 4,
    -1): "bass-8",
    ("F", 3, 0): "baritone", ("C", 1, 0): "soprano", ("C", 2, 0): "mezzo", ("C", 3, 0): "alto", ("C", 4, 0): "tenor",
    ("C", 5, 0): "baritone",
}  # fmt: skip
_LINES = {"G": 2, "F": 4, "C": 3}  # where a clef stands that does not say it


@dataclass(frozen=True, slots=True)
class Instrument:
    """One of the instruments that a part's notes may name."""

    name: str
    key: int | None  # of the drum map


class PartReader(SignReader):
    """Reads one part; ``left_out`` counts what a Score has no place for."""

    def __init__(self, name: str, program: int, instruments: dict[str, Instrument], left_out: Counter[str]) -> None:
        super().__init__(left_out)
        self.draft = DraftPart(name, program)
        self.instruments = instruments
        self.metre: Metre | None = Metre()
        self.unpitched = self.pitched = 0  # notes
        self.tab_staves: set[int] = set()
        self.graces: dict[str, list[Pitch]] = {}  # waiting for the next note of a voice, over bar lines
        self.homes: dict[str, Counter[int]] = {}  # voice -> how many of its notes stood on which staff
        self.handlers: dict[str, Callable[[ET.Element, Measure], None]] = {
            "attributes": self._attributes, "note": self._note, "backup": self._backup, "forward": self._forward,
            "direction": self._direction, "harmony": self._harmony, "barline": self._barline, "sound": self._sound,
        }  # fmt: skip

    def read(self, part: ET.Element) -> DraftPart:
        """The whole part."""
        for element in part.iterfind("measure"):
            self._measure(element)
        self._repeat_measures()
        if self.unpitched > self.pitched:
            self.draft.program = PERCUSSION
        if self.draft.program == PERCUSSION:
            self.draft.clefs = dict.fromkeys(self.draft.clefs or {1: ""}, "perc")
        self._merge_tablature()
        return self.draft

    def _measure(self, element: ET.Element) -> None:
        measure = Measure(DraftBar())
        self.draft.bars.append(measure.bar)
        for child in element:
            if handler := self.handlers.get(str(child.tag)):
                handler(child, measure)
            elif child.tag == "figured-bass":
                self.left_out["figures of a bass"] += 1
        for count, (name, events) in enumerate(measure.voices.items(), 1):
            self._close_graces(name, events)
            self._add_voice(measure.bar, integer(name) or count, events, self.homes.setdefault(name, Counter()))
        for i, event in enumerate(measure.bar.directions):
            if event.start > measure.bar.length:
                measure.bar.directions[i] = dataclasses.replace(event, start=measure.bar.length)

    def _close_graces(self, name: str, events: list[Event]) -> None:
        """Grace notes at the end of a bar end the note before them."""
        graces = self.graces.get(name)
        if graces and events:
            first = events[-1].notes[0]
            events[-1].notes[0] = dataclasses.replace(first, after=first.after + tuple(graces))
            graces.clear()

    def _add_voice(self, bar: DraftBar, number: int, events: list[Event], homes: Counter[int]) -> None:
        """A voice stands on the staff of most of its notes, of as many on the one where it was most often (``homes``).
        Where lines of two staves have the same number and sound together they are two voices."""
        counts = Counter(event.staff for event in events for _ in event.notes)
        home = max(sorted(counts), key=lambda staff: (counts[staff], homes[staff]), default=1)
        homes.update(counts)
        groups: dict[int, list[Note]] = {}
        crossing = len(counts) == 1 or not _overlap(events)
        for event in events:
            staff = home if crossing else event.staff
            away = event.staff if crossing and event.staff != home else 0
            groups.setdefault(staff, []).extend(dataclasses.replace(n, staff=away) if away else n for n in event.notes)
        for staff, notes in groups.items():
            add_voice(bar, staff, number, notes)

    # --- attributes ---------------------------------------------------------------------------------------------------

    def _attributes(self, element: ET.Element, measure: Measure) -> None:
        self.divisions = number(element.findtext("divisions")) or self.divisions
        for transpose in element.iterfind("transpose"):
            octaves = integer(transpose.findtext("octave-change")) or 0
            steps, semitones = integer(transpose.findtext("diatonic")), integer(transpose.findtext("chromatic")) or 0
            steps = round(semitones * 7 / 12) if steps is None else steps
            self.shift = (steps + 7 * octaves, semitones + 12 * octaves)
        if self.draft.transposition is None:
            self.draft.transposition = self.shift
        elif self.draft.transposition[1] != self.shift[1]:
            self.left_out["A change of transposition is written at the pitch of the beginning"] = 1
        for key in element.iterfind("key"):
            self._key(key, measure.bar)
        for time in element.iterfind("time"):
            measure.bar.metre = (_metre(time),)
            if measure.bar.metre[0] is None and time.find("beats") is not None:
                self.left_out["metres that cannot be read"] += 1
            self.metre = measure.bar.metre[0]
        self.draft.staves = max(self.draft.staves, min(integer(element.findtext("staves")) or 0, 16))
        for clef in element.iterfind("clef"):
            self._clef(clef, measure)
        for details in element.iterfind("staff-details"):
            self._strings(details)
        for style in element.iterfind("measure-style"):
            self._measure_style(style, measure)

    def _key(self, element: ET.Element, bar: DraftBar) -> None:
        fifths = integer(element.findtext("fifths"))
        if fifths is None:
            self.left_out["key signatures of single accidentals"] += 1
            return
        mode = (element.findtext("mode") or "major").strip().lower()
        steps, semitones = self.shift
        # an interval of d steps and c semitones is 7c - 12d places on the line of fifths: a whole tone (1, 2) is two
        fifths = max(-14, min(14, fifths)) + 7 * semitones - 12 * steps
        bar.key = bar.key or Key(fifths, mode if mode in MODE_FIFTHS or mode == "none" else "major")

    def _clef(self, element: ET.Element, measure: Measure) -> None:
        staff, sign = integer(element.get("number")) or 1, (element.findtext("sign") or "").strip()
        line = integer(element.findtext("line")) or _LINES.get(sign, 2)
        octaves = integer(element.findtext("clef-octave-change")) or 0
        if sign == "TAB":
            self.tab_staves.add(staff)
            name = "treble-8"
        elif sign == "percussion":
            name = "perc"
        else:
            name = CLEFS.get((sign, line, octaves), CLEFS.get((sign, line, 0), "treble"))
        if staff not in self.draft.clefs:
            self.draft.clefs[staff] = name
        elif not (len(self.draft.bars) == 1 and measure.raw == 0):
            measure.bar.directions.append(Direction(measure.now, "clef", name, staff))

    def _strings(self, details: ET.Element) -> None:
        strings = []
        for tuning in details.iterfind("staff-tuning"):
            step, octave = (tuning.findtext("tuning-step") or "").strip(), integer(tuning.findtext("tuning-octave"))
            if step in tuple(STEPS) and octave is not None and 0 <= octave <= 9:
                alter = integer(tuning.findtext("tuning-alter")) or 0
                strings.append((integer(tuning.get("line")) or 1, Pitch(step, max(-2, min(2, alter)), octave)))
        self.draft.tuning = tuple(p for _, p in sorted(strings, key=lambda s: s[0])) or self.draft.tuning
        self.draft.capo = max(0, min(integer(details.findtext("capo")) or 0, 24)) or self.draft.capo

    def _measure_style(self, style: ET.Element, measure: Measure) -> None:
        repeat = style.find("measure-repeat")
        if repeat is None:
            return
        if repeat.get("type") != "start":
            measure.bar.directions.append(Direction(Fraction(0), "measure-repeat", "0"))
            return
        count = max(1, min(integer(repeat.text) or 1, 8))
        measure.bar.directions.append(
            Direction(Fraction(0), "measure-repeat", str(count), integer(style.get("number")) or 0)
        )

    # --- notes --------------------------------------------------------------------------------------------------------

    def _note(self, element: ET.Element, measure: Measure) -> None:
        voice, staff = one_line(element.findtext("voice")) or "1", integer(element.findtext("staff")) or 1
        staff = max(1, min(staff, 16))
        grace = element.find("grace")
        pitch = self._pitch(element)
        if grace is not None:
            self._grace(grace, element, voice, pitch, measure)
            return
        if element.find("chord") is None:
            raw, exact = self._duration(element)
            start = measure.now
            measure.last_span = (start, exact)
            measure.advance(raw, exact)
            measure.last = None
        start, duration = measure.last_span
        if pitch is None or element.find("cue") is not None or duration <= 0:
            if pitch is not None:
                self.left_out["cue notes" if element.find("cue") is not None else "notes without a duration"] += 1
            return
        if start + duration > LONGEST_BAR:
            self.left_out[f"notes beyond {LONGEST_BAR} quarters of a bar"] += 1
            return
        note = self._with_place(element, Note(start, duration, pitch, tie=_ties(element)))
        if measure.last:
            self._add_to_chord(measure.last, self._with_notations(element, note, measure))
            return
        note = self._with_notations(element, note, measure)
        if graces := self.graces.get(voice):
            note = dataclasses.replace(note, grace=tuple(graces))
            graces.clear()
        measure.last = Event(staff, [self._with_lyrics(element, note)])
        measure.voices.setdefault(voice, []).append(measure.last)

    def _add_to_chord(self, event: Event, note: Note) -> None:
        """Notes of a chord are ordered from the lowest, and the lowest carries what belongs to all."""
        first = event.notes[0]
        event.notes.append(note)
        event.notes.sort(key=lambda n: n.pitch.midi)
        whole = dataclasses.replace(
            event.notes[0],
            grace=first.grace,
            after=first.after,
            lyrics=first.lyrics,
            marks=tuple(dict.fromkeys(first.marks + note.marks)),
            slur_start=first.slur_start + note.slur_start,
            slur_stop=first.slur_stop + note.slur_stop,
        )
        others = [
            dataclasses.replace(n, grace=(), after=(), lyrics=(), marks=(), slur_start=0, slur_stop=0)
            for n in event.notes[1:]
        ]
        event.notes[:] = [whole, *others]

    def _grace(self, grace: ET.Element, element: ET.Element, voice: str, pitch: Pitch | None, measure: Measure) -> None:
        if pitch is None or element.find("cue") is not None:
            return
        slurs = sum(slur.get("type") == "start" for slur in element.iterfind("notations/slur"))
        if slurs and grace.get("steal-time-previous"):
            self.left_out["slurs of grace notes"] += slurs
        events = measure.voices.get(voice, [])
        if grace.get("steal-time-previous") and events:
            first = events[-1].notes[0]
            events[-1].notes[0] = dataclasses.replace(first, after=(*first.after, pitch))
        else:
            self.graces.setdefault(voice, []).append(pitch)

    def _pitch(self, element: ET.Element) -> Pitch | None:
        """The sounding pitch, of unpitched notes their key in the drum map; None for a rest or what cannot be read."""
        written, unpitched = element.find("pitch"), element.find("unpitched")
        key = self._drum(element, unpitched)
        if key is not None:
            return percussion.key_pitch(key)
        if written is None:
            return None
        step, octave = (written.findtext("step") or "").strip(), integer(written.findtext("octave"))
        exact = number(written.findtext("alter"), signed=True) or Fraction(0)
        alter = round(exact)
        if step not in tuple(STEPS) or octave is None or not 0 <= octave <= 9 or abs(alter) > 2:
            self.left_out["notes outside of the octaves 0 to 9 or altered by more than two semitones"] += 1
            return None
        self.pitched += 1
        self.left_out["quarter tones (written as the nearest pitch)"] += alter != exact
        return interval_pitch(Pitch(step, alter, octave), *self.shift)

    def _drum(self, element: ET.Element, unpitched: ET.Element | None) -> int | None:
        """The drum that a note means: by its instrument, by where it stands; None for a note with a pitch."""
        if unpitched is None and self.draft.program != PERCUSSION:
            return None
        named = element.find("instrument")
        instrument = self.instruments.get(named.get("id", "")) if named is not None else None
        if instrument is None and len(self.instruments) == 1:
            instrument = next(iter(self.instruments.values()))
        key = instrument.key if instrument else None
        if unpitched is None:
            return key
        self.unpitched += 1
        line, head = _display(unpitched), (element.findtext("notehead") or "").strip()
        key = key if key is not None else percussion.named(self.draft.name)
        found = key if key is not None else percussion.at_place(line, head) if line else None
        if found is None:
            self.left_out["drums that the file does not name (written as snare drum)"] += 1
        return 38 if found is None else found

    def _with_place(self, element: ET.Element, note: Note) -> Note:
        """Where a drum stands and a finger lies, the head of the note."""
        head = (element.findtext("notehead") or "").strip()
        unpitched = element.find("unpitched")
        usual, usual_head = percussion.usual_place(note.pitch.midi) if unpitched is not None else (None, "")
        line = _display(unpitched) if unpitched is not None else None
        head = "" if head == usual_head or (head == "normal" and not usual_head) else head or "normal"
        string = integer(element.findtext("notations/technical/string")) or 0
        fret = integer(element.findtext("notations/technical/fret"))
        playable = 0 < string <= 16 and fret is not None and 0 <= fret <= 36
        if not (head or line or playable):
            return note
        return dataclasses.replace(
            note, head=head if head != "normal" or usual_head else "", line=None if line == usual else line,
            string=string if playable else 0, fret=fret if playable else None,
        )  # fmt: skip

    def _duration(self, element: ET.Element) -> tuple[Fraction, Fraction]:
        """(by the file's divisions, by the note's value) in quarters: the value unless it says something else."""
        raw = (number(element.findtext("duration")) or Fraction(0)) / self.divisions
        rest = element.find("rest")
        if rest is not None and rest.get("measure") == "yes" and not raw and self.metre:
            raw = self.metre.length
        raw = min(raw, Fraction(LONGEST_BAR))
        kind = (element.findtext("type") or "").strip()
        if kind not in VALUES or (rest is not None and rest.get("measure") == "yes"):
            return raw, raw
        changed = element.find("time-modification")
        actual = changed.findtext("actual-notes") if changed is not None else None
        normal = changed.findtext("normal-notes") if changed is not None else None
        value = note_value(kind, min(len(element.findall("dot")), 8), number(actual), number(normal))
        return raw, value if not raw or abs(value - raw) <= 1 / self.divisions else raw

    def _with_lyrics(self, element: ET.Element, note: Note) -> Note:
        verses: dict[int, Syllable] = {}
        for i, lyric in enumerate(element.iterfind("lyric")):
            verse = (integer(re.sub(r"\D", "", lyric.get("number", ""))[:3]) or i + 1) - 1
            pieces = [
                e.text or " " if e.tag == "elision" else e.text or "" for e in lyric if e.tag in ("text", "elision")
            ]
            pieces[:1] = [re.sub(r"^\s*-\s+", "", piece) for piece in pieces[:1]]  # a hyphen that was typed
            syllabic, extend = lyric.findtext("syllabic") or "single", lyric.find("extend")
            held = extend is not None and extend.get("type") in (None, "start")
            if text := one_line("".join(pieces)):
                verses[verse] = Syllable(text, syllabic in ("begin", "middle"), held)
        if not verses:
            return note
        if max(verses) >= MOST_VERSES:
            self.left_out[f"syllables of verses beyond {MOST_VERSES}"] += 1
        return dataclasses.replace(note, lyrics=tuple(verses.get(v) for v in range(min(max(verses) + 1, MOST_VERSES))))

    def _with_notations(self, element: ET.Element, note: Note, measure: Measure) -> Note:
        marks: list[str] = []
        starts = stops = 0
        for notations in element.iterfind("notations"):
            for child in notations:
                if child.tag == "slur":
                    starts, stops = starts + (child.get("type") == "start"), stops + (child.get("type") == "stop")
                elif child.tag == "dynamics":
                    self.dynamics(child, note.start, integer(element.findtext("staff")) or 1, measure)
                elif child.tag in ("fermata", "arpeggiate"):
                    marks.append(str(child.tag))
                elif child.tag in ("articulations", "ornaments", "technical"):
                    marks.extend(name for sign in child if (name := self._mark(sign)))
                elif child.tag in ("glissando", "slide", "non-arpeggiate", "other-notation"):
                    self.left_out["glissandos" if child.tag in ("glissando", "slide") else "signs on notes"] += 1
        if not (marks or starts or stops):
            return note
        return dataclasses.replace(note, marks=tuple(dict.fromkeys(marks)), slur_start=starts, slur_stop=stops)

    def _mark(self, sign: ET.Element) -> str:
        tag, text = str(sign.tag), (sign.text or "").strip()
        if tag == "tremolo" and sign.get("type") in (None, "single") and text in ("1", "2", "3"):
            return f"tremolo-{text}"
        if tag == "fingering" and f"finger-{text}" in MARKS:
            return f"finger-{text}"
        if tag == "other-ornament" and text == "roll":
            return "roll"
        if tag in MARKS:
            return tag
        if tag not in ("string", "fret", "accidental-mark", "wavy-line"):
            self.left_out[f"{tag.replace('-', ' ')} signs"] += 1
        return ""

    def _backup(self, element: ET.Element, measure: Measure) -> None:
        measure.raw = max(Fraction(0), measure.raw - (number(element.findtext("duration")) or 0) / self.divisions)
        measure.last = None

    def _forward(self, element: ET.Element, measure: Measure) -> None:
        raw = (number(element.findtext("duration")) or Fraction(0)) / self.divisions
        if raw > LONGEST_BAR:
            self.left_out[f"jumps beyond {LONGEST_BAR} quarters of a bar"] += 1
            return
        measure.advance(raw, raw)
        measure.last = None

    # --- the whole part -----------------------------------------------------------------------------------------------

    def _repeat_measures(self) -> None:
        """Write out the bars that a sign stands for."""
        running: tuple[int, int] | None = None  # (bars, staff)
        begun = 0
        for i, bar in enumerate(self.draft.bars):
            sign = next((d for d in bar.directions if d.kind == "measure-repeat"), None)
            if sign:
                bar.directions.remove(sign)
                running, begun = (int(sign.text), sign.staff) if sign.text != "0" else None, i
            if running is None or i < running[0]:
                continue
            count, staff = running
            source = self.draft.bars[i - count]
            own = {key: notes for key, notes in bar.voices.items() if notes and staff in (0, key[0])}
            if own and own != {key: notes for key, notes in source.voices.items() if staff in (0, key[0])}:
                continue
            bar.voices |= {key: list(notes) for key, notes in source.voices.items() if staff in (0, key[0])}
            bar.length = max(bar.length, source.length)
            if (i - begun) % count == 0:
                bar.directions.append(Direction(Fraction(0), "measure-repeat", str(count), staff or 1))

    def _merge_tablature(self) -> None:
        """A staff of tablature below the same notes only says where they are played."""
        staves = {key[0] for bar in self.draft.bars for key in bar.voices}
        notation = staves - self.tab_staves
        if not notation or not (staves & self.tab_staves):
            return
        for bar in self.draft.bars:
            tabbed = {key: bar.voices.pop(key) for key in list(bar.voices) if key[0] in self.tab_staves}
            places = {(n.start, n.pitch.midi): n for notes in tabbed.values() for n in notes if n.string}
            for key, notes in bar.voices.items():
                twins = [places.get((n.start, n.pitch.midi)) for n in notes]
                bar.voices[key] = [
                    dataclasses.replace(n, string=t.string, fret=t.fret) if t else n
                    for n, t in zip(notes, twins, strict=True)
                ]
        self.draft.staves = max(notation)
        self.draft.clefs = {staff: clef for staff, clef in self.draft.clefs.items() if staff in notation}


def _overlap(events: list[Event]) -> bool:
    ordered = sorted(events, key=lambda e: e.notes[0].start)
    return any(b.notes[0].start < a.notes[0].end for a, b in pairwise(ordered))


def _ties(element: ET.Element) -> bool:
    ties = (*element.iterfind("tie"), *element.iterfind("notations/tied"))
    return any(tie.get("type") == "start" for tie in ties)


def _display(unpitched: ET.Element) -> Pitch | None:
    step, octave = (unpitched.findtext("display-step") or "").strip(), integer(unpitched.findtext("display-octave"))
    return Pitch(step, 0, octave) if step in tuple(STEPS) and octave is not None and 0 <= octave <= 9 else None


def _metre(time: ET.Element) -> Metre | None:
    """The metre, of several groups (3/8 + 2/4) their sum; None if it is free or cannot be read."""
    length, units = Fraction(0), [1]
    for beats, below in zip(time.iterfind("beats"), time.iterfind("beat-type"), strict=False):
        counts = [integer(text) for text in (beats.text or "").split("+")]
        unit = integer(below.text)
        if None in counts or unit is None or unit not in (1, 2, 4, 8, 16, 32, 64, 128):
            return None
        units.append(unit)
        length += Fraction(4 * sum(c for c in counts if c), unit)
    unit = max(units)
    beats_in_all = length * unit / 4
    return Metre(int(beats_in_all), unit) if 0 < beats_in_all <= 128 else None
