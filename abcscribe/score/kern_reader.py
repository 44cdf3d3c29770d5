"""Humdrum **kern -> Score, spines that split, join and change places included.

lytk refuses files with ``*^``, as most kern of piano music has. Here every column knows the spine it comes from and
when
its note ends; a line of data stands at the time at which the notes before it end. **text and **silbe are words,
**dynam dynamics and hairpins, **mxhm chord symbols, all of the **kern spine to their left.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score import instruments, kern_tokens
from abcscribe.score.drafts import DraftBar, DraftPart, add_voice, build, one_line
from abcscribe.score.marks import DYNAMICS
from abcscribe.score.model import Direction, Note, Pitch, Score, Tempo

MOST_COLUMNS = 256
MOST_BARS = 20_000
LONGEST_BAR = 1024  # quarters
_CODES = {  # of *I: a program
    "piano": 0, "cemba": 6, "organ": 19, "guitr": 24, "violn": 40, "viola": 41, "cello": 42, "cbass": 43, "harp": 46,
    "vox": 52, "soprn": 52, "alto": 52, "cntlt": 52, "tenor": 52, "barit": 52, "bass": 52, "calto": 52, "cant": 52,
    "canto": 52, "mezzo": 52, "tromp": 56, "trmb": 57,
    "tromb": 57, "tuba": 58, "cor": 60, "oboe": 68, "cangl": 69, "fagot": 70, "clars": 71, "clart": 71, "picco": 72,
    "flt": 73, "flt,": 73, "fltds": 74, "timpa": 47, "drmsp": instruments.PERCUSSION,
}  # fmt: skip
_KEYBOARDS = (range(0, 8), range(16, 24), range(46, 47))  # programs that play on two staves


@dataclass(slots=True)
class _Column:
    """A column of the file: a spine or one half of it."""

    kind: str  # "kern", "text", ...; "" before it is known
    track: int
    end: Fraction = Fraction(0)  # when its note ends
    leader: tuple[int, int, int] | None = None  # the last chord's (bar, voice, index)


@dataclass(slots=True)
class _Track:
    """A **kern spine: one staff."""

    part: DraftPart
    part_number: str = ""
    staff_number: int | None = None
    voices: list[dict[int, list[Note]]] = field(default_factory=list)  # by bar: voice -> notes
    graces: dict[int, list[Pitch]] = field(default_factory=dict)  # voice -> waiting
    hairpin: bool = False


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
    return reader.score(), [f"{count} {what} left out" for what, count in reader.left_out.items()]


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
        self.modes: dict[int, bool] = {}  # track -> whether a *G: has been seen behind its *k[]

    def line(self, line: str) -> None:
        if line.startswith("!!!"):
            name, _, value = line[3:].partition(":")
            self.references.setdefault(name.split("@")[0].strip(), one_line(value))
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
            elif kind not in ("text", "silbe", "dynam", "mxhm"):
                self.left_out[f"spines of **{kind[:20]}"] += 1

    # --- interpretations ----------------------------------------------------------------------------------------------

    def _interpretations(self, tokens: list[str]) -> None:
        if any(token in ("*^", "*v", "*-", "*+", "*x") or token.startswith("**") for token in tokens):
            self._rearrange(tokens)
            return
        if self.bar < 0:
            self._open_bar()
        for column, token in zip(self.columns, tokens, strict=True):
            if column.kind == "kern" and token != "*":
                self._interpret(self.tracks[column.track], column.track, token)

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
                columns.append(dataclasses.replace(column))
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

    def _interpret(self, track: _Track, number: int, token: str) -> None:
        bar, part, at_start = self._draft_bar(track), track.part, self.now == self.starts[self.bar]
        if key := kern_tokens.key(token):
            if token.startswith("*k"):
                bar.key, self.modes[number] = key, False
            elif bar.key is None or bar.key.fifths == key.fifths:
                bar.key = key
        elif metre := kern_tokens.metre(token):
            bar.metre = metre
        elif match := re.fullmatch(r"\*MM\[?(\d{1,4}(?:\.\d{1,3})?)\]?", token):
            tempo = Tempo(float(match[1])) if float(match[1]) >= 1 else None
            bar.tempo, bar.later_tempo = (tempo, bar.later_tempo) if at_start else (bar.tempo, tempo)
        elif clef := kern_tokens.clef(token):
            if not part.clefs:
                part.clefs[1] = clef
            elif part.clefs[1] != clef or not at_start:
                bar.directions.append(Direction(self.now - self.starts[self.bar], "clef", clef))
        elif token.startswith('*I"'):
            part.name = one_line(token[3:])
        elif match := re.fullmatch(r"\*ITrd([+-]?\d{1,2})c([+-]?\d{1,2})", token):
            part.transposition = (-int(match[1]), -int(match[2]))
        elif match := re.fullmatch(r"\*staff(\d{1,3})", token):
            track.staff_number = int(match[1])
        elif match := re.fullmatch(r"\*part(\d{1,3})", token):
            track.part_number = match[1]
        elif token.startswith("*I") and (code := token[2:].strip().lower()) in _CODES:
            part.program = _CODES[code]
        elif re.match(r"\*M\d", token):
            self.left_out["metres that cannot be read"] += 1
        elif match := re.fullmatch(r"\*>\[.*\]", token):
            self.left_out["orders of sections"] = 1

    # --- bars ---------------------------------------------------------------------------------------------------------

    def _open_bar(self) -> None:
        self.bar += 1
        self.starts.append(self.now)

    def _draft_bar(self, track: _Track) -> DraftBar:
        track.part.bars += [DraftBar() for _ in range(self.bar + 1 - len(track.part.bars))]
        track.voices += [{} for _ in range(self.bar + 1 - len(track.voices))]
        return track.part.bars[self.bar]

    def _bar_line(self, token: str) -> None:
        kern = [column for column in self.columns if column.kind == "kern"]
        self.now = max((column.end for column in kern), default=self.now)
        for column in kern:
            column.end = self.now
        signs = token.lstrip("=").lstrip("0123456789abcdefgh")
        if self.bar < 0:
            self._open_bar()
        elif self.now > self.starts[self.bar]:
            for track in self.tracks.values():
                bar = self._draft_bar(track)
                bar.length = max(bar.length, self.now - self.starts[self.bar])
                bar.repeat_end |= signs.startswith(":")
                bar.line = "double" if "||" in signs else "final" if token.startswith("==") or signs == "|!" else ""
            if self.bar + 1 < MOST_BARS:
                self._open_bar()
        if (signs.endswith((":", ":|:")) and "|" in signs and signs != ":|") or re.search(r"[!|]:", signs):
            for track in self.tracks.values():
                self._draft_bar(track).repeat_start = True

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
                self.left_out["tokens that are no notes"] += bool(text)
                continue
            first = first or found.duration
            chord.append(found)
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
            note = Note(start, chord[0].duration, token.pitch, tie=token.tie)
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

    def _dynamic(self, track: _Track, bar: DraftBar, start: Fraction, token: str) -> None:
        if any(sign in token for sign in "[]") and track.hairpin:
            bar.directions.append(Direction(start, "hairpin", "!"))
            track.hairpin = False
        if text := next((t for t in re.findall(r"[a-z]+", token) if t in DYNAMICS), ""):
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
        whole.program = whole.program or instruments.named(whole.name) or 0
        whole.staves = len(tracks)
        for staff, track in enumerate(tracks, 1):
            whole.clefs[staff] = track.part.clefs.get(1, "treble")
            whole.bars += [DraftBar() for _ in range(len(track.part.bars) - len(whole.bars))]
            for i, (bar, voices) in enumerate(zip(track.part.bars, track.voices, strict=False)):
                self._take_bar(whole.bars[i], bar, voices, staff, track is tracks[0])
        return whole

    def _take_bar(self, bar: DraftBar, own: DraftBar, voices: dict[int, list[Note]], staff: int, first: bool) -> None:
        for voice, notes in voices.items():
            add_voice(bar, staff, voice + 1, notes)
            bar.length = max([bar.length, *(note.end for note in notes)])
        if not first:
            bar.directions += [dataclasses.replace(direction, staff=staff) for direction in own.directions]
            bar.harmonies += own.harmonies
            bar.length = max(bar.length, own.length)


def _together(upper: _Track, lower: _Track) -> bool:
    """Whether two spines are staves of one part: by their number or, without any, as the hands of a keyboard."""
    if upper.part_number or lower.part_number:
        return upper.part_number == lower.part_number
    program = upper.part.program
    named = "piano" in upper.part.name.casefold() or program
    return bool(named) and program == lower.part.program and any(program in programs for programs in _KEYBOARDS)
