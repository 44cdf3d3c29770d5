"""ABC text as people and language models write it -> Score, with a list of what was wrong and what was assumed.

No text makes this reader fail: it reads what is music, says what is not, and the score it returns always adds up
(``score.problems() == []``). Work and memory grow with the length of the text. docs/abc.md lists what is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from abcscribe.score.abc_assembly import assemble
from abcscribe.score.abc_fields import (
    NO_KEY,
    Header,
    Properties,
    read_key,
    read_metre,
    read_properties,
    read_score_layout,
    read_tempo,
    read_tempo_words,
    read_unit,
)
from abcscribe.score.abc_music import VoiceReader
from abcscribe.score.abc_signs import read_definition
from abcscribe.score.abc_text import unescape
from abcscribe.score.abc_tokens import POSTFIX_TOKENS, TOKENS, Problem, Problems
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Score

__all__ = ["Problem", "read_abc", "read_tunes"]

MOST_VOICES = 64
LONGEST_FIELD = 200  # characters of a field that are looked at
LONGEST_LYRIC = 4000  # of w:
ORIGIN_MIDDLE_OCTAVE = 5  # of %%octave-default: the octave of MIDI 60 counted as 60 // 12

_LEFT_OUT = {
    "U": "a sign that U: does not define well", "m": "m: defines a macro", "W": "W: words printed below the tune",
    "P": "P: parts and their order",
}  # fmt: skip
_FIELD = re.compile(r"\s*([A-Za-z+])\s?:(.*)")
_REPEAT = re.compile(r"\s*[A-Ga-gxz]\s?:[|:]")  # a note and a repeat sign look like a field
_COMMENT = re.compile(r"(?<!\\)%.*")
_TUNE_START = re.compile(r"\s*X\s?:")
_POSTFIX_SIGN = re.compile(r"[A-Ga-g][,']*[_^][,']*\d|%%octave-default")  # the dialect of the origin's article
_NOT_NOTES = re.compile(r'"[^"]{0,300}"|![^!\s]{1,30}!|\+[^+\s]{1,30}\+|\[[A-Za-z]:[^\]]{0,200}\]')
_WORD = re.compile(r"\b[A-Za-z]*[h-rtw][A-Za-z]*[h-rtw]")  # letters that music code does not put into one word


def read_abc(text: str) -> tuple[Score, list[Problem]]:
    """The first tune of a text. An empty score if there is none."""
    lines = text.splitlines()
    starts = _tune_starts(lines)
    return _TuneReader().read(lines[: starts[1]] if len(starts) > 1 else lines, 1)


def read_tunes(text: str) -> list[tuple[Score, list[Problem]]]:
    """Every tune of a file, one for each X:. Fields in front of the first X: hold for all."""
    lines = text.splitlines()
    starts = _tune_starts(lines) or [0]
    common = [line for line in lines[: starts[0]] if _FIELD.match(line) or line.startswith("%%")]
    ends = [*starts[1:], len(lines)]
    return [_TuneReader().read(common + lines[a:b], a + 1 - len(common)) for a, b in zip(starts, ends, strict=True)]


def _tune_starts(lines: Sequence[str]) -> list[int]:
    return [i for i, line in enumerate(lines) if _TUNE_START.match(line)]


class _TuneReader:
    """Reads one tune, line by line."""

    def __init__(self) -> None:
        self.problems = Problems()
        self.header = Header()
        self.properties: dict[str, Properties] = {}  # by voice name, from the V: lines of the header
        self.programs: dict[str, int] = {}
        self.voices: dict[str, VoiceReader] = {}
        self.voice: VoiceReader | None = None  # the one that the music lines go to
        self.in_body = self.after_blank = False
        self.lyric = ""  # the last w: line
        self.line = 0

    def read(self, lines: Sequence[str], first: int) -> tuple[Score, list[Problem]]:
        """``first`` is the number of the first line in its file."""
        # In a field it is a word: T:take_2 is a title.
        self.postfix = any(_POSTFIX_SIGN.search(line) for line in lines if not _FIELD.match(line))
        self.tokens = POSTFIX_TOKENS if self.postfix else TOKENS
        for self.line, line in enumerate(lines, first):
            self._read_line(line)
        for voice in self.voices.values():
            voice.finish()
        if not self.voices:
            self._report(0, "no music", "an empty score")
        elif not self.header.key:
            self._report(0, "no K: field", "no key signature")
        score = assemble(self.header, self.voices, self.problems)
        return score, sorted(self.problems.found, key=lambda p: (p.line, p.column))

    def _read_line(self, line: str) -> None:
        if line.startswith(("%%", "I:")):
            self._directive(line[2:].strip())
            return
        line = _COMMENT.sub("", line)
        if not line.strip():
            self.after_blank = True
        elif (field := _FIELD.match(line)) and not (self.in_body and _REPEAT.match(line)):
            limit = LONGEST_LYRIC if field[1] in "w+" else LONGEST_FIELD
            self._field(field[1], field[2].strip()[:limit], field.start(1))
        elif self._is_music(line):
            self._music(line)
        else:
            self._report(0, f"text that is not music: {line.strip()[:20]!r}", "left out")

    def _is_music(self, line: str) -> bool:
        """Whether a line is music: no words, and behind a blank line or without a header nothing but music."""
        if _WORD.search(line) and _WORD.search(_NOT_NOTES.sub(" ", line)):
            return False
        return (self.in_body and not self.after_blank) or "|" in line or "[V:" in line

    def _music(self, line: str) -> None:
        self.in_body, self.after_blank = True, False
        voice = self.voice = self.voice or self._voice(next(iter(self.properties), "1"))
        self.lyric = ""
        voice.line = self.line
        voice.start_line()
        for match in self.tokens.finditer(line):
            kind = match.lastgroup or ""
            if handler := voice.handlers.get(kind):
                handler(match)
            elif kind == "field":
                self._field(match[0][1], match[0][3:-1].strip(), match.start())
                if self.voice is not voice:
                    self.voice.start_line()
                voice = self.voice
                voice.line = self.line
        voice.end_of_line()

    def _field(self, letter: str, value: str, column: int) -> None:
        if letter == "V":
            self._voice_field(value)
        elif letter == "K":
            self._key(value, column)
        elif letter in "MLQ":
            self._measure(letter, value, column)
        elif letter == "T":
            self.header.title = self.header.title or unescape(value)
        elif letter == "C":
            self.header.composer = self.header.composer or unescape(value)
        elif letter == "I":
            self._directive(value)
        elif letter == "U" and (definition := read_definition(value)):
            (self.voice or self.header).user[definition[0]] = definition[1]
        elif letter == "w" and self.voice:
            self.voice.sing(value)
            self.lyric = value
        elif letter == "+" and self.voice and self.lyric:  # goes on with the words of the line before
            self.lyric = f"{self.lyric} {value}"[:LONGEST_LYRIC]
            self.voice.verse -= 1
            self.voice.sing(self.lyric)
        elif letter in "UmWP" and value:
            self._report(column, _LEFT_OUT[letter], "left out")
        if letter not in "wWsTCNZ":
            self.after_blank = False

    def _key(self, value: str, column: int) -> None:
        self.in_body = True
        key = read_key(value)
        if not key:
            self._report(column, f"an unknown key {value[:20]!r}", "no key signature")
            key = NO_KEY
        if self.voice:
            self.voice.set_key(key)
        else:
            self.header.key = key

    def _measure(self, letter: str, value: str, column: int) -> None:
        """M:, L: or Q:."""
        target = self.voice or self.header
        if letter == "M" and (metre := read_metre(value)):
            target.set_metre(metre[0])
        elif letter == "L" and (unit := read_unit(value)):
            target.set_unit(unit)
        elif letter == "Q" and (tempo := read_tempo(value)):
            target.set_tempo(tempo)
            target.set_words(read_tempo_words(value))
        elif letter == "Q" and (words := read_tempo_words(value)):
            target.set_words(words)
        else:
            self._report(column, f"{letter}:{value[:20]} cannot be read", "no change")

    def _voice_field(self, value: str) -> None:
        name, _, rest = value.partition(" ")
        properties = read_properties(rest)
        if self.in_body:
            self.voice = self._voice(name)
            self.voice.set_properties(properties)
        else:
            self.properties[name] = properties

    def _voice(self, name: str) -> VoiceReader:
        """The voice of a name; further ones than MOST_VOICES are read, but lead nowhere."""
        if name in self.voices:
            return self.voices[name]
        header = self.header
        voice = VoiceReader(self.problems, header, self.postfix)
        if name in self.properties:
            voice.set_properties(self.properties[name])
        voice.program = self.programs.get(name, header.program)
        if len(self.voices) < MOST_VOICES:
            self.voices[name] = voice
        else:
            self._report(0, f"more than {MOST_VOICES} voices", f"no voice {name[:20]}")
        return voice

    def _directive(self, text: str) -> None:
        """A %%line or I: field; most of them say how to print and are nothing to us."""
        name, _, value = text[:5000].partition(" ")
        if name in ("score", "staves"):
            self.header.layout = read_score_layout(value)
        elif name == "MIDI":
            drums = value.lstrip().startswith("drummap")  # in which = is a natural sign
            self._midi((value if drums else value.replace("=", " ")).split())
        elif name == "propagate-accidentals" and value.strip() in ("not", "octave", "pitch"):
            (self.voice or self.header).accidentals_hold = value.strip()
        elif name == "octave-default" and (octave := re.match(r"\s*[A-G](\d)", value)):
            shift = Properties(octave=int(octave[1]) - ORIGIN_MIDDLE_OCTAVE)
            if self.voice:
                self.voice.set_properties(shift)

    def _midi(self, words: list[str]) -> None:
        """%%MIDI program [channel] n and %%MIDI channel 10."""
        if len(words) == 3 and words[0] == "drummap":
            self._drum(words[1], words[2])
            return
        if len(words) < 2 or not re.fullmatch(r"\d{1,3}", words[-1]):
            return
        number = int(words[-1])
        if words[0] == "channel" and number == 10:
            self._program(PERCUSSION)
        elif words[0] == "program" and number < 128:
            self._program(number)

    def _drum(self, note: str, key: str) -> None:
        """%%MIDI drummap ^g 42: what is written so is that key of the drum map."""
        match = re.fullmatch(r"(\^\^?|__?|=)?([A-Ga-g])([,']*)", note)
        if match and re.fullmatch(r"\d{1,3}", key) and int(key) < 128:
            octave = 4 + (match[2] >= "a") + match[3].count("'") - match[3].count(",")
            written = (match[1] or "", match[2].upper(), octave)
            (self.voice or self.header).drums[written] = int(key)

    def _program(self, program: int) -> None:
        if self.voice:
            self.voice.program = PERCUSSION if self.voice.program == PERCUSSION else program
        elif self.properties and not self.in_body:
            self.programs[next(reversed(self.properties))] = program
        else:
            self.header.program = program

    def _report(self, column: int, what: str, assumed: str) -> None:
        self.problems.add(self.line, column + 1, what, assumed)
