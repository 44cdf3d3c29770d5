"""The tokens of ABC music code, and what reading them leaves behind: events, bars of one voice, problems.

Time is counted in whole ticks, so that a megabyte of nonsense costs a megabyte of integer additions; the tick is fine
enough for every tuplet that people write.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from abcscribe.score.model import Key, Metre, Pitch, Syllable, Tempo

TICKS = 2**10 * 3**3 * 5**2 * math.prod((7, 11, 13, 17, 19, 23, 29, 31))  # in a quarter
MOST_BARS = 20_000  # in a voice: ten times a long symphony movement
MOST_LAYERS = 8  # overlays of one voice
MOST_PROBLEMS = 1_000
LONGEST_NOTE = 64 * TICKS

_NOTE = (
    r"(?P<accidental>\^\^|\^/?|__|_/?|=)?(?P<step>[A-Ga-g])(?P<octave>[,']*)(?P<length>[\d/]*)(?P<dot>\.(?=[\s\])]|$))?"
)
# The dialect of the origin's article: A^2 is a sharp of length 2, C. is dotted.
_POSTFIX_NOTE = r"(?P<step>[A-Ga-g])(?P<accidental>\^\^?|__?|=)?(?P<octave>[,']*)(?P<length>[\d/]*)(?P<dot>\.)?"
_TOKENS = r"""
    (?P<note>{note})
  | (?P<space>[\s`$*\\]+)
  | (?P<field>\[[A-Za-z]:[^\]]{{0,200}}\])
  | (?P<bar>\.?(?:\[?\|\]?|:+(?=[:|])|(?<=:):)(?:[|:]|\](?!\d)|\[(?=\|))*(?P<attached>\[?\d+(?:[,.-]\d+)*)?)
  | (?P<ending>\[(?=\d)(?P<turns>\d+(?:[,.-]\d+)*))
  | (?P<chord>\[(?P<body>[^\[\]|]{{0,200}})\](?P<chord_length>[\d/]*))
  | (?P<rest>[zx](?P<rest_length>[\d/]*))
  | (?P<bars_rest>[ZX](?P<bars>\d*))
  | (?P<tie>-)
  | (?P<tuplet>\((?P<p>\d+)(?::(?P<q>\d*)(?::(?P<r>\d*))?)?)
  | (?P<broken><+|>+)
  | (?P<grace>\{{(?P<graces>[^{{}}]{{0,200}})\}})
  | (?P<text>"(?P<words>[^"]{{0,300}})")
  | (?P<decoration>!(?P<name>[^!\s]{{1,30}})!|\+(?P<old_name>[^+\s]{{1,30}})\+)
  | (?P<slur>\.?[()])
  | (?P<shorthand>[.~HLMOPSTuvJRhijklmnopqrstw])
  | (?P<spacer>y\d*)
  | (?P<overlay>&+)
  | (?P<junk>[^A-Ga-gzxZX\[\](|:"!{{\s]+|.)
"""
TOKENS = re.compile(_TOKENS.format(note=_NOTE), re.X)
POSTFIX_TOKENS = re.compile(_TOKENS.format(note=_POSTFIX_NOTE), re.X)
LENGTH = re.compile(r"(\d{0,4})(/{0,8})(\d{0,4})")
IN_CHORD = re.compile(r"!([^!\s]{1,30})!")
INNER_NOTE = re.compile(f"{_NOTE}(?P<tie>-?)")
POSTFIX_INNER_NOTE = re.compile(f"{_POSTFIX_NOTE}(?P<tie>-?)")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the text that is not ABC or does not add up, and what was read instead."""

    line: int  # 1-based
    column: int  # 1-based
    what: str
    assumed: str


class Problems:
    """A list of problems with an upper length, so that nonsense cannot fill the memory."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, line: int, column: int, what: str, assumed: str) -> None:
        if len(self.found) < MOST_PROBLEMS - 1:
            self.found.append(Problem(line, column, what, assumed))
        elif len(self.found) == MOST_PROBLEMS - 1:
            self.found.append(Problem(line, column, "too many problems", "further ones are not listed"))


@dataclass(slots=True)
class Event:
    """A chord, a note or, without pitches, a rest."""

    start: int  # ticks from the bar line
    duration: int  # ticks
    pitches: list[Pitch]
    ties: list[bool]
    grace: tuple[Pitch, ...]
    layer: int  # 0, or the number of the overlay
    after: tuple[Pitch, ...] = ()
    marks: tuple[str, ...] = ()
    head: str = ""
    slur_start: int = 0
    slur_stop: int = 0
    lyrics: list[Syllable | None] = field(default_factory=list)
    lines: list[Pitch | None] = field(default_factory=list)  # of drums that do not stand at their usual place


@dataclass(slots=True)
class TextBar:
    """One bar of one voice; what changed at its start, None for what did not."""

    line: int
    column: int
    new_metre: tuple[Metre | None] | None
    new_key: Key | None
    new_tempo: Tempo | None
    repeat_start: bool
    ending: str
    events: list[Event] = field(default_factory=list)
    length: int = 0  # ticks
    repeat_end: bool = False
    times: int = 2
    ending_stop: bool = False
    bar_line: str = ""
    new_words: str = ""  # of tempo
    signs: list[str] = field(default_factory=list)
    harmonies: list[tuple[int, str]] = field(default_factory=list)  # (ticks, text)
    directions: list[tuple[int, str, str]] = field(default_factory=list)  # (ticks, kind, text)
