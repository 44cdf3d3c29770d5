"""Humdrum **kern -> Score, spines that split, join and change places included.

lytk refuses files with ``*^``, as most kern of piano music has. Here every column knows the spine it comes from and
when its note ends; a line stands at the time at which the first of the notes before it ends. **text and **silbe are
words, **fing fingers, **dynam dynamics and hairpins, **mxhm chord symbols, all of the **kern spine to their left.
Layout comments have texts and noteheads, labels of sections and their order the endings.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score import instruments, kern_tokens
from abcscribe.score.drafts import DraftBar, DraftPart, add_voice, build, counted, one_line
from abcscribe.score.kern_sections import take_sections
from abcscribe.score.marks import DYNAMICS
from abcscribe.score.model import Direction, Key, Note, Pitch, Score, Tempo
from abcscribe.score.repeats import jump_named

MOST_COLUMNS = 256
MOST_BARS = 20_000
LONGEST_BAR = 1024  # quarters
_KEYBOARDS = (range(0, 8), range(16, 24), range(46, 47))  # programs that play on two staves


@dataclass(slots=True)
class _Column:
    """A column of the file: a spine or one half of it."""

    kind: str  # "kern", "text", ...; "" before it is known
    track: int
    end: Fraction = Fraction(0)  # when its note ends
    leader: tuple[int, int, int] | None = None  # the last chord's (bar, voice, index)
    heads: dict[int, str] = field(default_factory=dict)  # note of the next chord, 1-based -> notehead


@dataclass(slots=True)
class _Track:
    """A **kern spine: one staff."""

    part: DraftPart
    part_number: str = ""
    staff_number: int | None = None
    voices: list[dict[int, list[Note]]] = field(default_factory=list)  # by bar: voice -> notes
    graces: dict[int, list[Pitch]] = field(default_factory=dict)  # voice -> waiting
    hairpin: bool = False
    clef: str = ""  # the one in force
    program: int | None = None  # by its code


def read_kern(path: str | Path) -> tuple[Score, list[str]]:
    """A Humdrum file with **kern spines and the problems that were worked around. Raises ScoreError."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ScoreError(f"{path} cannot be read as Humdrum **kern: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    score, problems = kern_score(text)
    if not any(notes for part in score.parts for notes in part.bars):
        raise ScoreError(f"{path} holds no notes that can be read as Humdrum **kern.")
    return score, problems


def kern_score(text: str) -> tuple[Score, list[str]]:
    """The score in the text of a Humdrum file; an empty one if there is none."""
    reader = _Reader()
    for line in text.splitlines():
        reader.line(line)
    return reader.score(), counted(reader.left_out)


class _Reader:
    """Reads line by line."""

    def __init__(self) -> None:
        self.columns: list[_Column] = []
        self.tracks: dict[int, _Track] = {}  # of **kern spines
        self.bar = -1
        self.starts: list[Fraction] = []  # of the bars
        self.now = Fraction(0)
        self.references: dict[str, str] = {}
        self.left_out: Counter[str] = Counter()
        self.labels: dict[int, str] = {}  # bar -> the section that begins there
        self.order: list[str] = []  # of the sections, as they are played
        self.designation: tuple[str, Tempo | None] | None = None  # of the next bar that begins

    def line(self, line: str) -> None:
        if line.startswith("!!!"):
            name, _, value = line[3:].partition(":")
            self.references.setdefault(name.split("@")[0].strip(), one_line(value))
            if name == "OMD" and value.strip():
                self._designate(value)
        elif line.startswith("!") and not line.startswith("!!"):
            self._layouts(line.split("\t"))
        elif line.strip() and not line.startswith("!"):
            tokens = line.split("\t")
            if tokens[0].startswith("**"):
                self._begin(tokens)
            elif len(tokens) != len(self.columns):
                self.left_out["lines whose columns do not fit the spines"] += 1
            elif tokens[0].startswith("="):
                self._bar_line(tokens[0])
            elif all(token.startswith("*") for token in tokens):
                self._interpretations(tokens)
            else:
                self._data(tokens)

    def _begin(self, tokens: list[str]) -> None:
        self.columns = []
        for token in tokens[:MOST_COLUMNS]:
            track = len(self.columns) + 1
            kind = token[2:].split("-")[0] if token.startswith("**") else ""
            self.columns.append(_Column(kind, track, self.now))
            if kind == "kern":
                self.tracks[track] = _Track(DraftPart())
            elif kind not in ("text", "silbe", "fing", "dynam", "mxhm"):
                self.left_out[f"spines of **{kind[:20]}"] += 1

    # --- interpretations ----------------------------------------------------------------------------------------------

    def _interpretations(self, tokens: list[str]) -> None:
        if any(token in ("*^", "*v", "*-", "*+", "*x") or token.startswith("**") for token in tokens):
            self._rearrange(tokens)
            return
        if any(token.startswith("*>") for token in tokens):
            self._section(next(token for token in tokens if token.startswith("*>")))
            return
        if self.bar < 0:
            self._open_bar()
        due = self._due()
        for column, token in zip(self.columns, tokens, strict=True):
            if column.kind == "kern" and token != "*":
                self._interpret(self.tracks[column.track], due - self.starts[self.bar], token)

    def _rearrange(self, tokens: list[str]) -> None:
        """Split, join, exchange, add and end spines."""
        columns: list[_Column] = []
        exchanged: int | None = None
        joining: int | None = None  # track of the running join
        for column, token in zip(self.columns, tokens, strict=True):
            if token == "*v" and joining == column.track:
                columns[-1].end = max(columns[-1].end, column.end)
                continue
            joining = column.track if token == "*v" else None
            if token == "*-":
                self.now = max(self.now, column.end)
                continue
            if token.startswith("**"):
                column = dataclasses.replace(column, kind=token[2:])
            columns.append(column)
            if token == "*^":
                columns.append(dataclasses.replace(column, heads={}))
            elif token == "*+":
                columns.append(_Column("", 1000 + len(columns), self.now))
            elif token == "*x":
                if exchanged is None:
                    exchanged = len(columns) - 1
                else:
                    columns[exchanged], columns[-1] = columns[-1], columns[exchanged]
                    exchanged = None
        self.columns = columns[:MOST_COLUMNS]
        for column in self.columns:
            if column.kind == "kern" and column.track not in self.tracks:
                self.tracks[column.track] = _Track(DraftPart())

    def _interpret(self, track: _Track, start: Fraction, token: str) -> None:
        bar, part = self._draft_bar(track), track.part
        if key := kern_tokens.key(token):
            if token.startswith("*k") or bar.key is None or bar.key.fifths == key.fifths:
                bar.key = key
        elif token == "*?:":
            bar.key = dataclasses.replace(bar.key or Key(), mode="none")
        elif metre := kern_tokens.metre(token):
            bar.metre = metre
        elif match := re.fullmatch(r"\*MM\[?(\d{1,4}(?:\.\d{1,3})?)\]?", token):
            tempo = Tempo(float(match[1])) if float(match[1]) >= 1 else None
            if tempo and bar.tempo and abs(bar.tempo.quarter_bpm - tempo.bpm) < 0.01:
                return  # !!!OMD has said it with its beat
            bar.tempo, bar.later_tempo = (tempo, bar.later_tempo) if not start else (bar.tempo, tempo)
        elif clef := kern_tokens.clef(token):
            if not part.clefs:
                part.clefs[1] = clef
            elif track.clef != clef:
                bar.directions.append(Direction(start, "clef", clef))
            track.clef = clef
        elif token.startswith('*I"'):
            part.name = one_line(token[3:])
        elif match := re.fullmatch(r"\*ITrd([+-]?\d{1,2})c([+-]?\d{1,2})", token):
            part.transposition = (-int(match[1]), -int(match[2]))
        elif match := re.fullmatch(r"\*staff(\d{1,3})", token):
            track.staff_number = int(match[1])
        elif match := re.fullmatch(r"\*part(\d{1,3})", token):
            track.part_number = match[1]
        elif token.startswith("*I") and (code := token[2:].strip().lower()) in kern_tokens.PROGRAMS:
            track.program = kern_tokens.PROGRAMS[code]
        elif re.match(r"\*M\d", token):
            self.left_out["metres that cannot be read"] += 1

    def _due(self) -> Fraction:
        """The time of the next line of notes."""
        ends = (column.end for column in self.columns if column.kind == "kern")
        return max(self.now, min(ends, default=self.now))

    def _section(self, token: str) -> None:
        """``*>A`` begins a section, ``*>A2`` an ending of it, ``*>[A,A1,A,A2]`` is their order."""
        if match := re.fullmatch(r"\*>\[(.{1,10000})\]", token):
            self.order = match[1].split(",")
        elif "[" not in token:
            within = self.bar >= 0 and self._due() > self.starts[self.bar]
            self.labels[max(self.bar, 0) + within] = token[2:]

    def _designate(self, text: str) -> None:
        """Words of tempo: of the first bar, of the one that has begun, or of the next one."""
        said = kern_tokens.designation(text)
        if self.bar < 0 or self._due() > self.starts[self.bar]:
            self.designation = said
        else:
            self._take_designation(*said)

    def _take_designation(self, words: str, tempo: Tempo | None) -> None:
        for track in self.tracks.values():
            bar = self._draft_bar(track)
            bar.words, bar.tempo = bar.words or words, tempo or bar.tempo

    def _layouts(self, tokens: Sequence[str]) -> None:
        """The comments of a line that say how a **kern spine looks, or **dynam at its right."""
        if self.bar < 0 or not any(token.startswith("!LO:") for token in tokens):
            return
        start = self._due() - self.starts[self.bar]
        track: _Track | None = None
        for column, token in zip(self.columns, tokens, strict=False):
            track = self.tracks[column.track] if column.kind == "kern" else track
            if track and token.startswith("!LO:") and column.kind in ("kern", "dynam"):
                self._layout(track, column, start, token)

    def _layout(self, track: _Track, column: _Column, start: Fraction, token: str) -> None:
        """Texts and noteheads; those that say what is odd about a source are none."""
        kind, said = kern_tokens.parameters(token)
        if kind == "N" and "head" in said:
            number = said.get("n", "1")
            column.heads[int(number) if number.isdigit() else 1] = kern_tokens.HEADS.get(said["head"], said["head"])
        elif kind == "TX" and "problem" not in said and (text := one_line(said.get("t", ""))) not in ("", "P"):
            sign = jump_named(text) or {"[segno]": "segno", "[coda]": "coda"}.get(text, "")
            bar = self._draft_bar(track)
            if sign:
                bar.signs.append(sign)
            else:
                bar.directions.append(Direction(start, "words", text))

    # --- bars ---------------------------------------------------------------------------------------------------------

    def _open_bar(self) -> None:
        self.bar += 1
        self.starts.append(self.now)
        if self.designation and self.tracks:
            self._take_designation(*self.designation)
            self.designation = None

    def _draft_bar(self, track: _Track) -> DraftBar:
        track.part.bars += [DraftBar() for _ in range(self.bar + 1 - len(track.part.bars))]
        track.voices += [{} for _ in range(self.bar + 1 - len(track.voices))]
        return track.part.bars[self.bar]

    def _bar_line(self, token: str) -> None:
        kern = [column for column in self.columns if column.kind == "kern"]
        self.now = max((column.end for column in kern), default=self.now)
        for column in kern:
            column.end = self.now
        self._end_with_graces()
        signs = token.lstrip("=").lstrip("0123456789abcdefgh")
        if self.bar < 0:
            self._open_bar()
        elif self.now > self.starts[self.bar]:
            for track in self.tracks.values():
                bar = self._draft_bar(track)
                bar.length = max(bar.length, self.now - self.starts[self.bar])
                bar.repeat_end |= signs.startswith(":")
                bar.line = _line_named(token, signs)
            if self.bar + 1 < MOST_BARS:
                self._open_bar()
        if (signs.endswith((":", ":|:")) and "|" in signs and signs != ":|") or re.search(r"[!|]:", signs):
            for track in self.tracks.values():
                self._draft_bar(track).repeat_start = True

    def _end_with_graces(self) -> None:
        """Grace notes in front of a bar line end the last note of their voice."""
        for track in self.tracks.values() if self.bar >= 0 else ():
            voices = track.voices[self.bar] if self.bar < len(track.voices) else {}
            for voice in [voice for voice in track.graces if voices.get(voice)]:
                last = max(note.start for note in voices[voice])
                first = next(k for k, note in enumerate(voices[voice]) if note.start == last)
                if voices[voice][first].end == self.now - self.starts[self.bar]:
                    small = tuple(track.graces.pop(voice))
                    voices[voice][first] = dataclasses.replace(voices[voice][first], after=small)

    # --- data ---------------------------------------------------------------------------------------------------------

    def _data(self, tokens: list[str]) -> None:
        if self.bar < 0:
            self._open_bar()
        fresh = [c for c, t in zip(self.columns, tokens, strict=True) if c.kind == "kern" and t not in (".", "")]
        if fresh:
            self.now = max(self.now, min(column.end for column in fresh))
        if self.now - self.starts[self.bar] > LONGEST_BAR:
            self.left_out[f"lines beyond {LONGEST_BAR} quarters of a bar"] += 1
            return
        voices: Counter[int] = Counter()
        last: _Column | None = None  # the **kern column to the left
        verse = 0
        for column, token in zip(self.columns, tokens, strict=True):
            if column.kind == "kern":
                last, verse = (last if last and last.track == column.track else column), 0
                self._notes(column, voices[column.track], token)
                voices[column.track] += 1
            elif last and token not in (".", ""):
                self._beside(self.tracks[last.track], last, column.kind, verse, token)
            verse += column.kind in ("text", "silbe")

    def _notes(self, column: _Column, voice: int, token: str) -> None:
        if token in (".", ""):
            return
        track = self.tracks[column.track]
        self._draft_bar(track)
        first: Fraction | None = None
        chord: list[kern_tokens.Token] = []
        for text in token.split(" "):
            found = kern_tokens.note(text, first)
            if found is None:
                self.left_out["tokens without a note"] += bool(text)
                continue
            first = first or found.duration
            head = column.heads.get(len(chord) + 1, "")
            chord.append(dataclasses.replace(found, head=head) if head else found)
        column.heads.clear()
        if not chord:
            return
        if chord[0].duration is None:
            track.graces.setdefault(voice, []).extend(t.pitch for t in chord if t.pitch)
            return
        column.end = self.now + chord[0].duration
        pitched = sorted((t for t in chord if t.pitch), key=lambda t: t.pitch.midi if t.pitch else 0)
        if pitched:
            self._add_chord(track, column, voice, pitched)

    def _add_chord(self, track: _Track, column: _Column, voice: int, chord: list[kern_tokens.Token]) -> None:
        start, notes = self.now - self.starts[self.bar], track.voices[self.bar].setdefault(voice, [])
        column.leader = (self.bar, voice, len(notes))
        marks = tuple(dict.fromkeys(mark for token in chord for mark in token.marks))
        grace = tuple(track.graces.pop(voice, ()))
        for i, token in enumerate(chord):
            assert token.pitch
            assert chord[0].duration
            note = Note(start, chord[0].duration, token.pitch, tie=token.tie, head=token.head)
            if i == 0:
                note = dataclasses.replace(
                    note, grace=grace, marks=marks, slur_start=sum(t.slur_start for t in chord),
                    slur_stop=sum(t.slur_stop for t in chord),
                )  # fmt: skip
            notes.append(note)

    def _beside(self, track: _Track, column: _Column, kind: str, verse: int, token: str) -> None:
        """A token of a spine that belongs to a **kern spine."""
        start, bar = self.now - self.starts[self.bar], self._draft_bar(track)
        if kind in ("text", "silbe") and column.leader:
            self._sing(track, column.leader, verse, token)
        elif kind == "fing" and column.leader:
            self._finger(track, column.leader, token)
        elif kind == "dynam":
            self._dynamic(track, bar, start, token)
        elif kind == "mxhm" and (symbol := kern_tokens.chord_symbol(token, start)):
            bar.harmonies.append(symbol)

    def _sing(self, track: _Track, place: tuple[int, int, int], verse: int, token: str) -> None:
        syllable = kern_tokens.syllable(token)
        bar, voice, index = place
        note = track.voices[bar][voice][index]
        if syllable and bar == self.bar and note.start == self.now - self.starts[self.bar]:
            lyrics = [*note.lyrics, *[None] * (verse + 1 - len(note.lyrics))]
            lyrics[verse] = syllable
            track.voices[bar][voice][index] = dataclasses.replace(note, lyrics=tuple(lyrics))

    def _finger(self, track: _Track, place: tuple[int, int, int], token: str) -> None:
        """``3``, ``23`` for a change of fingers, or ``1 . 5`` for the notes of a chord from the lowest."""
        bar, voice, index = place
        notes = track.voices[bar][voice] if bar == self.bar else []
        start = self.now - self.starts[self.bar]
        for k, text in enumerate(token.split(), index):
            if k < len(notes) and notes[k].start == start:
                fingers = tuple(f"finger-{digit}" for digit in text if digit in "012345")
                notes[k] = dataclasses.replace(notes[k], marks=(*notes[k].marks, *fingers))

    def _dynamic(self, track: _Track, bar: DraftBar, start: Fraction, token: str) -> None:
        if any(sign in token for sign in "[]"):
            bar.directions.append(Direction(start, "hairpin", "!"))
            track.hairpin = False
        for text in re.findall(r"[a-z]+", token):
            if text in DYNAMICS:
                bar.directions.append(Direction(start, "dynamic", text))
        if sign := next((sign for sign in "<>" if sign in token), ""):
            bar.directions.append(Direction(start, "hairpin", sign))
            track.hairpin = True

    # --- the whole ----------------------------------------------------------------------------------------------------

    def score(self) -> Score:
        end = max([self.now, *(column.end for column in self.columns if column.kind == "kern")])
        for track in self.tracks.values() if self.bar >= 0 else ():
            if end > self.starts[-1] or self.bar == 0:
                bar = self._draft_bar(track)
                bar.length = max(bar.length, end - self.starts[-1])
            else:  # nothing stands behind the last bar line
                del track.part.bars[self.bar :], track.voices[self.bar :]
            if track.hairpin:
                last = track.part.bars[-1]
                last.directions.append(Direction(last.length, "hairpin", "!"))
        if top := next(reversed(self.tracks.values()), None):  # whose bars count for its part
            take_sections(top.part.bars, self.labels, self.order)
        groups: list[list[_Track]] = []
        for track in reversed(list(self.tracks.values())):  # the lowest part stands leftmost
            if groups and _together(groups[-1][-1], track):
                groups[-1].append(track)
            else:
                groups.append([track])
        title = self.references.get("OTL") or self.references.get("OPR", "")
        return build([self._joined(group) for group in groups], title, self.references.get("COM", ""))

    def _joined(self, tracks: list[_Track]) -> DraftPart:
        """One part of the staves of several spines, from the top."""
        tracks = sorted(tracks, key=lambda track: track.staff_number or 0)
        whole = tracks[0].part
        whole.name = next((t.part.name for t in tracks if t.part.name), "")
        coded = next((t.program for t in tracks if t.program is not None), None)
        whole.program = coded if coded is not None else instruments.named(whole.name) or 0
        staff = shift = 0
        before: _Track | None = None
        for track in tracks:
            if before and before.staff_number == track.staff_number is not None:  # a spine for another voice
                shift += max((voice + 1 for voices in before.voices for voice in voices), default=0)
            else:
                staff, shift = staff + 1, 0
                whole.clefs[staff] = track.part.clefs.get(1, "treble")
            before = track
            whole.bars += [DraftBar() for _ in range(len(track.part.bars) - len(whole.bars))]
            for i, (bar, voices) in enumerate(zip(track.part.bars, track.voices, strict=False)):
                shifted = {voice + shift: notes for voice, notes in voices.items()}
                self._take_bar(whole.bars[i], bar, shifted, staff, track is tracks[0])
        whole.staves = staff
        return whole

    def _take_bar(self, bar: DraftBar, own: DraftBar, voices: dict[int, list[Note]], staff: int, first: bool) -> None:
        for voice, notes in voices.items():
            add_voice(bar, staff, voice + 1, notes)
            bar.length = max([bar.length, *(note.end for note in notes)])
        if not first:
            bar.directions += [dataclasses.replace(direction, staff=staff) for direction in own.directions]
            bar.harmonies += own.harmonies
            bar.signs += own.signs
            bar.length = max(bar.length, own.length)


def _line_named(token: str, signs: str) -> str:
    """A name of BAR_LINES."""
    if "||" in signs:
        return "double"
    return "final" if token.startswith("==") or signs == "|!" else "dashed" if '"' in signs else ""


def _together(upper: _Track, lower: _Track) -> bool:
    """Whether two spines are staves of one part: by their number or, without any, as the hands of a keyboard."""
    if upper.part_number or lower.part_number:
        return upper.part_number == lower.part_number
    program = upper.program or 0
    named = "piano" in upper.part.name.casefold() or program
    return bool(named) and program == (lower.program or 0) and any(program in programs for programs in _KEYBOARDS)
