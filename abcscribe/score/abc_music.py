"""The music code of one ABC voice: tokens -> bars of events, with every assumption noted as a problem.

Knows notes, rests, chords, tuplets, ties, bar lines and the fields that change them on the way; it does not know other
voices, headers or files (abc_reader does). Time is counted in whole ticks, so that a megabyte of nonsense costs a
megabyte of integer additions; the tick is fine enough for every tuplet that people write.
"""

from __future__ import annotations

import re
from collections import deque
from fractions import Fraction
from functools import lru_cache

from abcscribe.score import harmony, percussion
from abcscribe.score.abc_fields import ACCIDENTAL_ALTERS, NO_KEY, Header, KeyField, Properties, default_unit
from abcscribe.score.abc_signs import Waiting, align, decorate
from abcscribe.score.abc_text import unescape
from abcscribe.score.abc_tokens import (
    IN_CHORD,
    INNER_NOTE,
    LENGTH,
    LONGEST_NOTE,
    MOST_BARS,
    MOST_LAYERS,
    POSTFIX_INNER_NOTE,
    TICKS,
    Event,
    Problems,
    TextBar,
)
from abcscribe.score.drafts import MOST_VERSES
from abcscribe.score.model import Key, Metre, Pitch, Tempo
from abcscribe.score.repeats import jump_named
from abcscribe.score.spelling import FIFTHS, pitch_at


class VoiceReader:
    """Reads the music of one voice, token by token, into ``bars``."""

    def __init__(self, problems: Problems, header: Header, postfix: bool) -> None:
        self.problems = problems
        self.bars: list[TextBar] = []
        self.properties = Properties()
        self.program: int | None = None
        self.line = 0
        self.postfix = postfix
        self.accidentals_hold = "not" if postfix else header.accidentals_hold
        self.metre = header.metre
        self.octave = self.transpose = 0
        self.alters = NO_KEY.alters
        self.set_unit(header.unit or default_unit(header.metre))
        self.handlers = {
            "note": self._note, "bar": self._bar, "chord": self._chord, "rest": self._rest, "tie": self._tie,
            "broken": self._broken, "tuplet": self._tuplet, "grace": self._grace, "ending": self._ending,
            "bars_rest": self._bars_rest, "overlay": self._overlay, "junk": self._junk, "text": self._text,
            "decoration": self._decoration, "shorthand": self._shorthand, "slur": self._slur,
        }  # fmt: skip
        self.user: dict[str, str] = dict(header.user)  # letters that U: defines
        self.drums: dict[tuple[str, str, int], int] = dict(header.drums)  # written (accidental, step, octave) -> key
        self.sung: list[tuple[int, Event]] = []  # (bar, note) of the music line that is read: what w: lines belong to
        self.verse = 0
        self.waiting = Waiting()
        self._new_words = header.words
        self._ending_open = False
        # What waits for the next bar
        self._new_metre: tuple[Metre | None] | None = None
        self._new_key: Key | None = None
        self._new_tempo: Tempo | None = None
        self._repeat_start = False
        self._turns = ""
        # What waits for the next note
        self._graces: tuple[Pitch, ...] = ()
        self._tuplet_ratio = (1, 1, 0)  # p notes in the time of q, for the next r
        self._stretch = (1, 1)  # of the note behind > or <
        self._tied: dict[tuple[str, int], int] = {}  # written (step, octave) -> alter of notes tied into the next
        # Within the bar
        self._current: TextBar | None = None
        self._last: Event | None = None
        self._last_note: Event | None = None
        self._written: list[tuple[str, int, int]] = []  # (step, octave, alter) of the last event
        self._accidentals: dict[object, int] = {}
        self._drum_accidentals: deque[str] = deque()  # as written at the notes that are read
        self._now = self._layer = 0
        self.set_key(header.key or NO_KEY)

    # Fields

    def set_unit(self, unit: Fraction) -> None:
        self.unit = int(unit * TICKS)
        self._lengths: dict[str, int] = {"": self.unit}

    def set_metre(self, metre: Metre | None) -> None:
        self.metre = metre
        self._new_metre = (metre,)

    def set_key(self, key: KeyField) -> None:
        if key.key:
            self.alters = key.alters
            fifths = key.key.fifths + _fifths_of(self.transpose)
            self._new_key = Key(fifths, key.key.mode) if -7 <= fifths <= 7 else key.key
            self._accidentals.clear()
        self.set_properties(key.properties)

    def set_tempo(self, tempo: Tempo) -> None:
        self._new_tempo = tempo

    def set_words(self, words: str) -> None:
        self._new_words = words

    def set_properties(self, new: Properties) -> None:
        old = self.properties
        if new.clef or new.octave:
            self.octave = new.octave
        if new.transpose is not None:
            self.transpose = new.transpose
        name = old.name if new.name is None else new.name
        self.properties = Properties(new.clef or old.clef, self.octave, self.transpose, name)

    # Tokens

    def _note(self, match: re.Match[str]) -> None:
        accidental, step, octave, length, dot = match.group("accidental", "step", "octave", "length", "dot")
        column = match.start()
        written = self._pitch(accidental, step, octave, column)
        ticks = self._lengths.get(length) or self._length(length, column)
        self._add([written], [False], ticks * 3 // 2 if dot else ticks, column)

    def _chord(self, match: re.Match[str]) -> None:
        column = match.start()
        inner = POSTFIX_INNER_NOTE if self.postfix else INNER_NOTE
        written, ties, lengths = [], [], []
        for decoration in IN_CHORD.finditer(match["body"]):
            decorate(self.waiting, decoration[1], self.user)
        for note in inner.finditer(IN_CHORD.sub("", match["body"])):
            accidental, step, octave, length, dot, tie = note.group(
                "accidental", "step", "octave", "length", "dot", "tie"
            )
            written.append(self._pitch(accidental, step, octave, column))
            ties.append(tie == "-")
            ticks = self._lengths.get(length) or self._length(length, column)
            lengths.append(ticks * 3 // 2 if dot else ticks)
        if not written:
            self._report(column, "a chord without notes", "left out")
            return
        if len(set(lengths)) > 1:
            self._report(column, "a chord of unequal lengths", "the length of its first note")
        outer = self._lengths.get(match["chord_length"]) or self._length(match["chord_length"], column)
        self._add(written, ties, self._ticks(lengths[0] * outer, self.unit, column), column)

    def _rest(self, match: re.Match[str]) -> None:
        length = match["rest_length"]
        self._add([], [], self._lengths.get(length) or self._length(length, match.start()), match.start())

    def _bars_rest(self, match: re.Match[str]) -> None:
        digits = match["bars"]
        count = min(int(digits) if digits and len(digits) < 4 else 1, MOST_BARS - len(self.bars))
        length = int((self.metre or Metre()).length * TICKS)
        self._close_bar()
        for _ in range(count):
            self._add([], [], length, match.start())
            self._close_bar()

    def _tie(self, match: re.Match[str]) -> None:
        if not self._last or not self._last.pitches:
            self._report(match.start(), "a tie without a note before it", "left out")
            return
        self._last.ties = [True] * len(self._last.ties)
        self._tied = {(step, octave): alter for step, octave, alter in self._written}

    def _broken(self, match: re.Match[str]) -> None:
        if not self._last:
            self._report(match.start(), f"{match[0][:8]} without a note before it", "left out")
            return
        dots = min(len(match[0]), 3)
        long, short = (2 ** (dots + 1) - 1, 2**dots), (1, 2**dots)
        before, self._stretch = (long, short) if match[0][0] == ">" else (short, long)
        duration = self._ticks(self._last.duration * before[0], before[1], match.start())
        self._now += duration - self._last.duration
        self._last.duration = duration
        self._extend_bar()

    def _tuplet(self, match: re.Match[str]) -> None:
        p, q, r = (int(n) if n and len(n) < 3 else 0 for n in match.group("p", "q", "r"))
        if not p:
            self._report(match.start(), f"an unknown tuplet {match[0][:12]}", "plain values")
            return
        in_beat = 3 if self.metre and self.metre.compound else 2
        usual = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}.get(p, in_beat if p < 10 else 1 << (p.bit_length() - 1))
        self._tuplet_ratio = (p, q or usual, r or p)

    def _grace(self, match: re.Match[str]) -> None:
        notes = (POSTFIX_INNER_NOTE if self.postfix else INNER_NOTE).finditer(match["graces"])
        written = (self._pitch(n["accidental"], n["step"], n["octave"], match.start()) for n in notes)
        self._graces += tuple(self._sounding(*pitch) for pitch in written)

    # What stands around the notes

    def _text(self, match: re.Match[str]) -> None:
        """A chord symbol, or an annotation: ``"Am7"``, ``"^slower"``."""
        text = unescape(match["words"])
        placed = text[:1] in "^_<>@" and text != ""
        words = re.sub(r"^@-?[\d.]*,?-?[\d.]*", "", text) if text.startswith("@") else text[1:] if placed else text
        if jump := jump_named(words):
            self.waiting.signs.append(jump)
        elif not placed and harmony.parse(words):
            bar = self._current or self._open_bar(match.start())
            self._current = bar
            bar.harmonies.append((self._now, words))
        elif words.strip():
            self.waiting.directions.append(("words", " ".join(words.split())))

    def _decoration(self, match: re.Match[str]) -> None:
        name = match["name"] or match["old_name"]
        if not decorate(self.waiting, name, self.user):
            self._report(match.start(), f"an unknown decoration {name[:20]}", "left out")

    def _shorthand(self, match: re.Match[str]) -> None:
        if not decorate(self.waiting, match[0], self.user):
            self._report(match.start(), f"an undefined sign {match[0]}", "left out")

    def _slur(self, match: re.Match[str]) -> None:
        if match[0][-1] == "(":
            self.waiting.slurs += 1
        elif self._last_note:
            self._last_note.slur_stop += 1

    def sing(self, text: str) -> None:
        """A w: line: the next verse of the music line before it."""
        left = align(text, self.sung, self.verse) if self.verse < MOST_VERSES else 1
        self.verse += 1
        if left:
            self._report(0, f"{left} syllable{'s' * (left != 1)} without a note", "left out")

    def start_line(self) -> None:
        """A new line of music begins."""
        self.sung, self.verse = [], 0

    def _overlay(self, match: re.Match[str]) -> None:
        self._layer = min(self._layer + 1, MOST_LAYERS - 1)
        self._now = 0
        self._last = None
        self._accidentals.clear()

    def _bar(self, match: re.Match[str]) -> None:
        sign = match[0][: match.start("attached") - match.start()] if match["attached"] else match[0]
        style = "dashed" if sign.startswith(".") else "final" if sign.endswith("]") else ""
        if "||" in sign and not sign.endswith(":"):  # a repeat that begins has a line of its own
            style = style or "double"
        closes = bool(style and style != "dashed") or sign.startswith((":", "["))
        sign = sign.strip(".[]")
        times = 3 if sign.startswith("::|") else 2
        self._close_bar(sign.startswith(":"), times, style, closes)
        self._repeat_start |= sign.endswith(":")
        if match["attached"]:
            self._turns = _turns(match["attached"].lstrip("["))

    def _ending(self, match: re.Match[str]) -> None:
        self._close_bar()
        self._turns = _turns(match["turns"])

    def _junk(self, match: re.Match[str]) -> None:
        self._report(match.start(), f"unknown text {match[0][:20]!r}", "left out")

    # Bars

    def end_of_line(self) -> None:
        """Text that ends its lines with full bars, but without bar lines, is common."""
        if self._current and self.metre and self._current.length == self.metre.length * TICKS and self._layer == 0:
            self._close_bar()

    def finish(self) -> None:
        self._close_bar()
        if self.bars:
            self.bars[-1].signs.extend(self.waiting.signs)

    def _close_bar(self, ends_repeat: bool = False, times: int = 2, style: str = "", closes: bool = False) -> None:
        """End the bar; ``style`` is that of its bar line, which ``closes`` the bracket of an ending."""
        if self._current:
            self._end_with_signs(self._current)
            if len(self.bars) < MOST_BARS:
                self.bars.append(self._current)
            else:
                self._report(0, f"more than {MOST_BARS} bars", "the piece ends here")
        if self.bars:
            last = self.bars[-1]
            last.repeat_end |= ends_repeat
            last.times = max(last.times, times)
            last.bar_line = style or last.bar_line
            last.ending_stop |= self._ending_open and closes
            self._ending_open &= not closes
        self._current = None
        self._now = self._layer = 0
        self._last = None
        self._accidentals.clear()

    def _end_with_signs(self, bar: TextBar) -> None:
        """What waits for a note that does not come belongs to the end of the bar: grace notes end its last note."""
        if self._graces and self._last_note and any(event is self._last_note for event in bar.events):
            self._last_note.after += self._graces
            self._graces = ()
        bar.signs.extend(self.waiting.signs)
        bar.directions.extend((self._now, kind, text) for kind, text in self.waiting.directions)
        self.waiting.signs, self.waiting.directions = [], []

    def _open_bar(self, column: int) -> TextBar:
        bar = TextBar(
            self.line, column + 1, self._new_metre, self._new_key, self._new_tempo,
            self._repeat_start, self._turns,
        )  # fmt: skip
        bar.new_words, self._new_words = self._new_words, ""
        self._ending_open |= bool(self._turns)
        self._new_metre = self._new_key = self._new_tempo = None
        self._repeat_start, self._turns = False, ""
        return bar

    def _add(self, written: list[tuple[str, int, int]], ties: list[bool], ticks: int, column: int) -> None:
        if self._stretch != (1, 1):
            ticks, self._stretch = self._ticks(ticks * self._stretch[0], self._stretch[1], column), (1, 1)
        p, q, left = self._tuplet_ratio
        if left:
            ticks = self._ticks(ticks * q, p, column)
            self._tuplet_ratio = (p, q, left - 1)
        if not self._current:
            self._current = self._open_bar(column)
        pitches = [self._sounding(*pitch) for pitch in written]
        self._last = Event(self._now, ticks, pitches, ties, self._graces if written else (), self._layer)
        self._current.events.append(self._last)
        if self.drums:
            self._last.lines = [_unusual(Pitch(w[0], 0, w[1]), p) for w, p in zip(written, pitches, strict=True)]
        self._take_signs(self._current, self._last, column)
        self._written = written
        self._tied = {pitch[:2]: pitch[2] for pitch, tie in zip(written, ties, strict=True) if tie}
        if written:
            self._graces = ()
            self._last_note = self._last
            if self._layer == 0:
                self.sung.append((len(self.bars), self._last))
        self._now += ticks
        self._extend_bar()

    def _take_signs(self, bar: TextBar, event: Event, column: int) -> None:
        """Give an event what waits for it. A rest can carry nothing but what stands beside the notes."""
        waiting = self.waiting
        bar.directions.extend((event.start, kind, text) for kind, text in waiting.directions)
        bar.signs.extend(waiting.signs)
        waiting.signs = []
        if event.pitches:
            event.marks, event.slur_start, event.head = tuple(dict.fromkeys(waiting.marks)), waiting.slurs, waiting.head
        elif waiting.marks:
            self._report(column, f"{waiting.marks[0]} on a rest", "left out")
        slurs = 0 if event.pitches else waiting.slurs
        waiting.clear_for_note()
        waiting.slurs = slurs

    def _extend_bar(self) -> None:
        if self._current:
            self._current.length = max(self._current.length, self._now)

    # Pitches and lengths

    def _pitch(self, accidental: str | None, letter: str, marks: str, column: int) -> tuple[str, int, int]:
        """The written (step, octave, alter), with what the bar and the signature do to it."""
        step = letter.upper()
        octave = 4 + (letter >= "a") + marks.count("'") - marks.count(",")
        if self.drums:
            self._drum_accidentals.append(accidental or "")
        holds_for: object = step if self.accidentals_hold == "pitch" else (step, octave)
        if accidental:
            if accidental[-1] == "/":
                self._report(column, "a quarter tone", "a semitone")
            alter = ACCIDENTAL_ALTERS[accidental.rstrip("/")]
            if self.accidentals_hold != "not":
                self._accidentals[holds_for] = alter
        elif holds_for in self._accidentals:
            alter = self._accidentals[holds_for]
        elif (step, octave) in self._tied:
            alter = self._tied[step, octave]
        else:
            alter = self.alters[step]
        return step, octave, alter

    def _sounding(self, step: str, octave: int, alter: int) -> Pitch:
        if self.drums:
            accidental = self._drum_accidentals.popleft() if self._drum_accidentals else ""
            key = self.drums.get((accidental, step, octave), self.drums.get(("", step, octave)))
            if key is not None:
                return percussion.key_pitch(key)
        return _sounding_pitch(step, octave + self.octave, alter, self.transpose)

    def _length(self, text: str, column: int) -> int:
        """Ticks of a length such as ``3/2``; remembered for the next note."""
        match = LENGTH.fullmatch(text)
        top, slashes, bottom = match.groups() if match else ("", "", "")
        if bottom and not slashes:  # more than four digits
            match = None
        numerator = int(top or 1)
        denominator = int(bottom) * 2 ** (len(slashes) - 1) if bottom else 2 ** len(slashes)
        if not match or not numerator or not denominator or numerator * self.unit > LONGEST_NOTE * denominator:
            self._report(column, f"an impossible length {text[:12]}", "the length of L:")
            return self.unit
        self._lengths[text] = ticks = self._ticks(numerator * self.unit, denominator, column)
        return ticks

    def _ticks(self, numerator: int, denominator: int, column: int) -> int:
        """A quotient in ticks; one that is not whole is rounded to a 1/64 of a quarter, a nonsense value anyway."""
        ticks, rest = divmod(numerator, denominator)
        if rest or ticks > LONGEST_NOTE or not ticks:
            self._report(column, "a length that cannot be written", "the nearest 256th note")
            grain = TICKS // 64
            return min(max(round(ticks / grain), 1) * grain, LONGEST_NOTE)
        return ticks

    def _report(self, column: int, what: str, assumed: str) -> None:
        self.problems.add(self.line, column + 1, what, assumed)


def _unusual(line: Pitch, drum: Pitch) -> Pitch | None:
    return None if percussion.usual_place(drum.midi)[0] == line else line


def _turns(text: str) -> str:
    """``1``, ``1,3`` or ``1-3`` -> "1", "1,3", "1,2,3"; nothing above nine."""
    turns: list[int] = []
    for first, last in re.findall(r"(\d)(?:-(\d))?", text[:40]):
        turns.extend(range(int(first), int(last or first) + 1))
    return ",".join(map(str, turns[:9]))


def _fifths_of(semitones: int) -> int:
    """Steps on the line of fifths that a transposition moves, the nearest of the two ways round."""
    return (7 * semitones + 6) % 12 - 6


@lru_cache(maxsize=4096)
def _sounding_pitch(step: str, octave: int, alter: int, transpose: int) -> Pitch:
    """A written pitch transposed, and by octaves moved into the MIDI range 0-127."""
    pitch = Pitch(step, alter, octave)
    midi = pitch.midi + transpose
    midi += max(0, -(midi // 12)) * 12
    midi -= max(0, -((127 - midi) // 12)) * 12
    if midi == pitch.midi:
        return pitch
    return pitch_at(midi, FIFTHS.index(step) - 1 + 7 * alter + _fifths_of(transpose))
