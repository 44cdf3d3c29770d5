"""Score -> Humdrum: a **kern spine for each staff, beside it **text, **fing, **dynam and **mxhm where they are needed.

The lowest staff stands leftmost. Voices of a staff are halves of its spine (``*^``, ``*v``) in the bars in which they
play; a voice with words of its own has a spine of its own. Where a sign stands at a time at which nothing begins, rests
that are not seen give that time a line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from abcscribe.score import kern_signs, kern_tokens
from abcscribe.score.durations import bar_offsets, chords, write_rhythm
from abcscribe.score.instruments import PERCUSSION, usual_transposition
from abcscribe.score.model import Bar, Direction, Note, Part, Score
from abcscribe.score.repeats import brackets, sections, turns, with_plain_repeats
from abcscribe.score.transpose import transposition

_COMMENTS, _INTERPRETATIONS, _GRACES, _DATA = range(4)  # what stands at one time, in the order of their lines
_EMPTY = {_COMMENTS: "!", _INTERPRETATIONS: "*", _GRACES: ".", _DATA: "."}
_SHOWN_SIGNS = {"segno": "[segno]", "coda": "[coda]", "to coda": "To Coda", "fine": "Fine"}
_HEADS = {"diamond": "dia"}


@dataclass(frozen=True, slots=True)
class _Spine:
    """A column of the file while it is not split."""

    kind: str  # of the exclusive interpretation: "kern", "text", ...
    number: int  # of the part, 1-based
    staff: int  # 1-based
    voices: tuple[int, ...] = ()  # whose notes stand in it; of "text" and "fing" the one that they belong to
    verse: int = 0  # of "text"


def to_kern(score: Score) -> str:
    """The text of a Humdrum file."""
    return _Writer(replace(score, bars=with_plain_repeats(score.bars))).text()


class _Writer:
    """Writes bar after bar."""

    def __init__(self, score: Score) -> None:
        self.score = score
        self.spines = list(_spines(score))
        self.voices = {
            (number, voice): [chords(notes) for notes in score.voice_bars(part, voice)]
            for number, part in enumerate(score.parts, 1)
            for voice in part.voices
        }
        self.offsets = bar_offsets(score.bars)
        self.ties: dict[tuple[int, int], set[int]] = defaultdict(set)  # (part, voice) -> pitches that are held (MIDI)
        self.hairpins: dict[_Spine, str] = {}  # the sign that is open
        self.joined: set[_Spine] = set()  # verses in the middle of a word
        self.late: dict[_Spine, list[Direction]] = defaultdict(list)  # dynamics at the end of the bar before
        self.out: list[str] = []

    def text(self) -> str:
        labels, order = _sections(self.score.bars)
        for name, value in (("COM", self.score.composer), ("OTL", self.score.title)):
            if value:
                self.out.append(f"!!!{name}: {kern_signs.line(value)}")
        if self.spines:
            self._line([f"**{spine.kind}" for spine in self.spines])
            self._head(order)
            for i in range(len(self.score.bars)):
                self._bar(i, labels.get(i, ""))
            self._line(["*-"] * len(self.spines))
        return "\n".join(self.out) + "\n"

    def _line(self, tokens: Sequence[str]) -> None:
        self.out.append("\t".join(tokens))

    def _interpret(self, tokens: Sequence[str]) -> None:
        if any(token != "*" for token in tokens):
            self._line(tokens)

    def _head(self, order: str) -> None:
        for say in ("*part{0.number}", "*staff{0.staff}"):
            self._interpret([say.format(spine) for spine in self.spines])
        for tell in (_name, _code, _transposition, _clef):
            tokens = [
                tell(self.score.parts[spine.number - 1], spine) if spine.kind == "kern" else "*"
                for spine in self.spines
            ]
            self._interpret(tokens)
        if order:
            self._line([order] * len(self.spines))

    # --- a bar --------------------------------------------------------------------------------------------------------

    def _bar(self, i: int, label: str) -> None:
        bar, before = self.score.bars[i], self.score.bars[i - 1] if i else None
        if bar_line := self._bar_line(i):
            self._line([bar_line] * len(self.spines))
        if label:
            self._line([f"*>{label}"] * len(self.spines))
        tempo = bar.tempo if bar.tempo and (before is None or bar.tempo != before.tempo) else None
        if words := kern_signs.designation(bar, tempo):
            self.out.append(f"!!!OMD: {words}")
        if before is None or bar.key != before.key:
            self._all(kern_signs.signature(bar.key), drums=False)
            self._all(kern_signs.tonic(bar.key), drums=False)
        if before is None or bar.metre != before.metre:
            self._all(f"*M{bar.metre}" if bar.metre else "*MX")
        if tempo:
            self._all(kern_signs.tempo(tempo))
        self._music(i)
        if i + 1 == len(self.score.bars):
            self._line(["==:|!" if bar.repeat_end else "=="] * len(self.spines))

    def _all(self, token: str, drums: bool = True) -> None:
        """The same in every **kern spine."""
        tokens = [
            token
            if spine.kind == "kern" and (drums or self.score.parts[spine.number - 1].program != PERCUSSION)
            else "*"
            for spine in self.spines
        ]
        self._interpret(tokens)

    def _bar_line(self, i: int) -> str:
        """What stands in front of a bar; "" before a pickup."""
        bar, before = self.score.bars[i], self.score.bars[i - 1] if i else None
        if before is None:
            return "=1!|:" if bar.repeat_start else "" if self.offsets[0] else "=1-"
        if before.repeat_end or bar.repeat_start:
            signs = ":|!" + "|:" * bar.repeat_start if before.repeat_end else "!|:"
        else:
            signs = {"double": "||", "final": "|!", "dashed": '"'}.get(before.line, "")
        return f"={i + (not self.offsets[0])}{signs}"

    def _music(self, i: int) -> None:
        rows = _Rows()
        widths = [self._put_notes(rows, spine, column, i) for column, spine in enumerate(self.spines)]
        timed = {time for time, rank, _ in rows.cells if rank == _DATA}
        for column, spine in enumerate(self.spines):
            self._put_signs(rows, spine, column, i)
        self._put_jumps(rows, i)
        length = self.score.bars[i].length
        needed = {time for time, _, _ in rows.cells if time < length} - timed
        if needed:
            widths[self._top] += 1
            cuts = sorted({Fraction(0), *needed})
            for start, end in zip(cuts, [*cuts[1:], length], strict=True):
                token = kern_signs.rest(end - start, seen=False)
                rows.put(start, _DATA, 0, (self._top, widths[self._top] - 1), token)
        self._split(widths)
        places = [(column, half) for column, width in enumerate(widths) for half in range(width)]
        for tokens in rows.lines(places):
            self._line(tokens)
        self._join(widths)

    @property
    def _top(self) -> int:
        """The column of the highest staff."""
        return max(column for column, spine in enumerate(self.spines) if spine.kind == "kern")

    def _split(self, widths: Sequence[int]) -> None:
        now = [1] * len(widths)
        while any(a < b for a, b in zip(now, widths, strict=True)):
            tokens: list[str] = []
            for column, width in enumerate(widths):
                grows = now[column] < width
                tokens += ["*"] * (now[column] - grows) + ["*^"] * grows
                now[column] += grows
            self._line(tokens)

    def _join(self, widths: Sequence[int]) -> None:
        """One spine a line: halves of neighbours would become one."""
        now = list(widths)
        for column, width in enumerate(widths):
            if width > 1:
                self._line([("*v" if k == column else "*") for k, count in enumerate(now) for _ in range(count)])
                now[column] = 1

    # --- what stands in a bar -----------------------------------------------------------------------------------------

    def _put_notes(self, rows: _Rows, spine: _Spine, column: int, i: int) -> int:
        """The notes and words of a spine. Returns in how many halves it is split."""
        if spine.kind in ("text", "fing"):
            self._put_words(rows, spine, column, i)
        if spine.kind != "kern":
            return 1
        playing = [k for k, voice in enumerate(spine.voices) if self.voices[spine.number, voice][i]]
        width = max(playing, default=0) + 1
        for half, voice in enumerate(spine.voices[:width]):
            self._put_voice(rows, (spine.number, voice), (column, half), i)
        return width

    def _put_voice(self, rows: _Rows, voice: tuple[int, int], place: tuple[int, int], i: int) -> None:
        bar, events, seen = self.score.bars[i], self.voices[voice][i], place[1] == 0
        rhythm = tuple((event[0].start, event[0].duration) for event in events)
        values = write_rhythm(rhythm, bar.length, bar.metre, self.offsets[i])
        if not values:
            rows.put(Fraction(0), _DATA, 0, place, kern_signs.rest(bar.length, seen))
            self.ties[voice] = set()
        beams = kern_signs.beam_signs(values)
        graces: dict[Fraction, list[str]] = defaultdict(list)
        for v, value in enumerate(values):
            if value.event is None:
                token = kern_signs.recip(value.duration, value.dots) + ("r" if seen else "ryy")
                self.ties[voice] = set()
            else:
                event, first = events[value.event], v == 0 or values[v - 1].event != value.event
                token = kern_signs.chord(event, value, first, self.ties[voice], beams[v])
                self.ties[voice] = {note.pitch.midi for note in event if value.tied or note.tie}
                if first:
                    graces[value.start] += kern_signs.grace_notes(next((n.grace for n in event if n.grace), ()))
                    graces[event[0].end] += kern_signs.grace_notes(next((n.after for n in event if n.after), ()))
                    _put_heads(rows, event, place)
            rows.put(value.start, _DATA, 0, place, token)
        for time, tokens in graces.items():
            for k, token in enumerate(tokens):
                rows.put(time, _GRACES, k - len(tokens), place, token)

    def _put_words(self, rows: _Rows, spine: _Spine, column: int, i: int) -> None:
        (voice,) = spine.voices
        for event in self.voices[spine.number, voice][i]:
            if spine.kind == "fing":
                fingers = ["".join(_fingers(note)) or "." for note in event]
                if any(finger != "." for finger in fingers):
                    rows.put(event[0].start, _DATA, 0, (column, 0), " ".join(fingers))
                continue
            sung = next((note.lyrics for note in event if note.lyrics), ())
            syllable = sung[spine.verse] if spine.verse < len(sung) else None
            if syllable:
                token = kern_signs.syllable(syllable, joins=spine in self.joined)
                rows.put(event[0].start, _DATA, 0, (column, 0), token)
                (self.joined.add if syllable.joined else self.joined.discard)(spine)

    def _put_signs(self, rows: _Rows, spine: _Spine, column: int, i: int) -> None:
        part, bar, place = self.score.parts[spine.number - 1], self.score.bars[i], (column, 0)
        if spine.kind == "mxhm":
            for harmony in bar.harmonies:
                rows.put(harmony.start, _DATA, 0, place, kern_signs.chord_symbol(harmony))
        directions = [d for d in part.directions[i] if d.staff == spine.staff] if part.directions else []
        if spine.kind == "kern" and _leads(part, spine):
            for sign in directions:
                if sign.kind == "clef":
                    rows.put(sign.start, _INTERPRETATIONS, 0, place, kern_signs.clef(sign.text))
                elif sign.kind == "words":
                    rows.put(sign.start, _COMMENTS, 0, place, f"!LO:TX:a:t={kern_signs.layout(sign.text)}")
        if spine.kind == "dynam":
            self._put_dynamics(rows, spine, place, i, directions)

    def _put_dynamics(
        self, rows: _Rows, spine: _Spine, place: tuple[int, int], i: int, directions: Sequence[Direction]
    ) -> None:
        """Signs at the end of a bar stand at the beginning of the next; at the end of all a hairpin closes itself."""
        length = self.score.bars[i].length
        now = [replace(sign, start=Fraction(0)) for sign in self.late.pop(spine, ())] + list(directions)
        self.late[spine] = [sign for sign in now if sign.start >= length]
        tokens: dict[Fraction, str] = defaultdict(str)
        for sign in now:
            if sign.start >= length or sign.kind not in ("dynamic", "hairpin"):
                continue
            text = sign.text
            if sign.kind == "hairpin":
                text = ("[" if self.hairpins.pop(spine, "") == "<" else "]") if text == "!" else text
                if sign.text != "!":
                    self.hairpins[spine] = sign.text
            tokens[sign.start] += (" " if tokens[sign.start][-1:].isalpha() and text[:1].isalpha() else "") + text
        for time, token in tokens.items():
            rows.put(time, _DATA, 0, place, token)

    def _put_jumps(self, rows: _Rows, i: int) -> None:
        """Segno, Fine, D.C. and the like as texts above the highest staff: Humdrum has no other signs for them."""
        last = max((time for time, rank, _ in rows.cells if rank == _DATA), default=Fraction(0))
        for sign in self.score.bars[i].signs:
            time = Fraction(0) if sign in ("segno", "coda") else last
            rows.put(time, _COMMENTS, 0, (self._top, 0), f"!LO:TX:a:t={_SHOWN_SIGNS.get(sign, sign)}")


class _Rows:
    """The lines of a bar: cells by time, rank and step, and by place, a column and its half."""

    def __init__(self) -> None:
        self.cells: dict[tuple[Fraction, int, int], dict[tuple[int, int], str]] = defaultdict(dict)

    def put(self, time: Fraction, rank: int, step: int, place: tuple[int, int], token: str) -> None:
        """Where the cell is taken, the token gets a line of its own."""
        while place in self.cells[time, rank, step]:
            step += 1
        self.cells[time, rank, step][place] = token

    def lines(self, places: Sequence[tuple[int, int]]) -> Iterator[list[str]]:
        for key in sorted(self.cells):
            row = self.cells[key]
            yield [row.get(place, _EMPTY[key[1]]) for place in places]


def _spines(score: Score) -> Iterator[_Spine]:
    """From the lowest staff to the highest, as they stand from left to right."""
    for number, part in reversed(list(enumerate(score.parts, 1))):
        for staff in range(len(part.staves), 0, -1):
            signs = {d.kind for bar in part.directions for d in bar if d.staff == staff}
            for _k, (voices, verses, fingered) in enumerate(reversed(_voice_spines(part, staff))):
                yield _Spine("kern", number, staff, voices)
                yield from (_Spine("text", number, staff, voices[:1], verse) for verse in range(verses))
                if fingered:
                    yield _Spine("fing", number, staff, voices[:1])
            if signs & {"dynamic", "hairpin"}:
                yield _Spine("dynam", number, staff)
            if number == staff == 1 and any(bar.harmonies for bar in score.bars):
                yield _Spine("mxhm", number, staff)


def _voice_spines(part: Part, staff: int) -> list[tuple[tuple[int, ...], int, bool]]:
    """(voices, verses of the first of them, whether it has fingerings) of each spine of a staff, the highest first."""
    found: list[tuple[tuple[int, ...], int, bool]] = []
    for voice in part.staves[staff - 1].voices:
        notes = [note for bar in part.bars for note in bar if note.voice == voice]
        verses = max((len(note.lyrics) for note in notes), default=0)
        fingered = any(_fingers(note) for note in notes)
        if not found or verses or fingered:
            found.append(((voice,), verses, fingered))
        else:
            found[-1] = ((*found[-1][0], voice), *found[-1][1:])
    return found or [((), 0, False)]


def _leads(part: Part, spine: _Spine) -> bool:
    """Whether a spine holds the first voice of its staff, beside which signs stand."""
    return part.staves[spine.staff - 1].voices[:1] == spine.voices[:1]


def _fingers(note: Note) -> list[str]:
    return [mark.removeprefix("finger-") for mark in note.marks if mark.startswith("finger-")]


def _put_heads(rows: _Rows, event: Sequence[Note], place: tuple[int, int]) -> None:
    for k, note in enumerate(event, 1):
        if note.head:
            which = f"n={k}:" if len(event) > 1 else ""
            head = _HEADS.get(note.head, kern_signs.layout(note.head))
            rows.put(note.start, _COMMENTS, 0, place, f"!LO:N:{which}head={head}")


def _name(part: Part, spine: _Spine) -> str:
    return f'*I"{kern_signs.line(part.name)}' if part.name else "*"


def _code(part: Part, spine: _Spine) -> str:
    return f"*I{kern_signs.instrument(part.program)}"


def _transposition(part: Part, spine: _Spine) -> str:
    steps, semitones = transposition(part)
    read = kern_tokens.PROGRAMS.get(kern_signs.instrument(part.program), part.program)  # the nearest that has a code
    plain = all(usual_transposition(program, part.name) == (0, 0) for program in (part.program, read))
    return "*" if plain and (steps, semitones) == (0, 0) else f"*ITrd{-steps}c{-semitones}"


def _clef(part: Part, spine: _Spine) -> str:
    return kern_signs.clef(part.staves[spine.staff - 1].clef)


def _sections(bars: Sequence[Bar]) -> tuple[dict[int, str], str]:
    """Labels of the bars at which a section or an ending begins, and the list of sections as they are played."""
    labels: dict[int, str] = {}
    order: list[str] = []
    if not any(bar.repeat_end for bar in bars):
        return labels, ""
    names = _names()
    for section, endings in sections(bars):
        name = labels[section.start] = next(names)
        count = turns(bars, section, endings)
        stretches = brackets(bars, section, endings) if count > 1 else []
        numbers = {b: bars[b.start].ending.split(",") for b in stretches}
        labels |= {b.start: f"{name}{numbers[b][0]}" for b in stretches}
        for turn in range(1, count + 1):
            order.append(name)
            order += [labels[b.start] for b in stretches if str(turn) in numbers[b]]
        behind = stretches[-1].stop if stretches else section.stop
        if behind < section.stop:
            labels[behind] = next(names)
            order.append(labels[behind])
    return labels, f"*>[{','.join(order)}]"


def _names() -> Iterator[str]:
    """A ... Z, AA ... AZ, ..."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from letters
    for first in _names():
        yield from (first + letter for letter in letters)
