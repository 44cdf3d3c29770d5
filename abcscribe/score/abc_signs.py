"""What stands around the notes of ABC: decorations, chord symbols, annotations, slurs, words of songs.

Pure functions from text to values, and the ``Waiting`` that collects signs until the note comes that they belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from abcscribe.score.abc_text import unescape
from abcscribe.score.marks import ABC_MARKS, ABC_SHORTHAND, DYNAMICS
from abcscribe.score.model import Syllable
from abcscribe.score.repeats import jump_named

# Decorations with both spellings that stand for something beside the notes
HAIRPINS = {
    "<(": "<", "crescendo(": "<", "<)": "!", "crescendo)": "!", ">(": ">", "diminuendo(": ">", ">)": "!",
    "diminuendo)": "!",
}  # fmt: skip
_HEADS = {"style=x": "x", "style=harmonic": "diamond", "style=triangle": "triangle", "style=rhythm": "slash",
          "style=normal": "normal"}  # fmt: skip
HEADS = tuple(_HEADS.values())  # that ABC has; a circle with a cross is written as the nearest of them
HEAD_DECORATIONS = {head: f"!{text}!" for text, head in _HEADS.items()} | {"circle-x": "!style=x!"}
_SILENT = {"beambr1", "beambr2", "trill(", "trill)", "xstem", "courtesy", "editorial"}  # print, or are drawn anyway
_LYRIC = re.compile(r"(?P<gap>\s+)|(?P<sign>[-_*|])|(?P<text>(?:\\-|[^\s\-_*|])+)")


@dataclass(slots=True)
class Waiting:
    """Signs that have been read and wait for their note."""

    marks: list[str] = field(default_factory=list)
    slurs: int = 0  # that begin
    head: str = ""
    directions: list[tuple[str, str]] = field(default_factory=list)  # (kind, text) of the model's Direction
    signs: list[str] = field(default_factory=list)  # of the bar: names of the model's SIGNS

    def clear_for_note(self) -> None:
        """Forget what the note has taken."""
        self.marks, self.slurs, self.head, self.directions = [], 0, "", []


class Sung(Protocol):
    """A note that can be sung."""

    lyrics: list[Syllable | None]


def decorate(waiting: Waiting, name: str, user: dict[str, str]) -> bool:
    """Take in a decoration: ``trill``, ``.``, or a letter that the tune defines. False: it is unknown."""
    name = user.get(name, name)
    if len(name) == 1 and name in ABC_SHORTHAND:
        name = ABC_SHORTHAND[name]
        waiting.marks.extend([name] if name else [])
    elif name in ("O", "S"):
        waiting.signs.append("coda" if name == "O" else "segno")
    elif mark := ABC_MARKS.get(name):
        waiting.marks.append(mark)
    elif name in DYNAMICS:
        waiting.directions.append(("dynamic", name))
    elif name in HAIRPINS:
        waiting.directions.append(("hairpin", HAIRPINS[name]))
    elif name in _HEADS:
        waiting.head = _HEADS[name]
    elif name in ("segno", "coda"):
        waiting.signs.append(name)
    elif name == "dacoda" or jump_named(name):
        waiting.signs.append(jump_named(name) or "to coda")
    else:
        return name in _SILENT
    return True


def read_definition(text: str) -> tuple[str, str] | None:
    """U: such as ``T = !trill!`` -> ("T", "trill")."""
    match = re.fullmatch(r"\s*([H-Yh-w~])\s*=\s*[!+]?([^!+\s]{1,30})[!+]?\s*", text)
    return (match[1], match[2]) if match else None


def align(text: str, notes: Sequence[tuple[int, Sung]], verse: int) -> int:
    """Give the syllables of a w: line to the notes of the music line before it.

    Args:
        text: of the w: field.
        notes: (number of the bar, note) of what can be sung.
        verse: 0-based.

    Returns:
        How many syllables found no note.
    """
    at = left = 0
    last: tuple[int, Syllable] | None = None  # the syllable before, and its note
    for kind, value in _syllables(text):
        if kind == "|":
            bar = notes[min(max(at, 1), len(notes)) - 1][0] if notes else 0
            at = next((i for i in range(at, len(notes)) if notes[i][0] > bar), len(notes)) if at else at
        elif kind == "*" or (kind == "-" and value):
            at += 1
        elif kind in "-_":
            if last:
                joined, held = last[1].joined or kind == "-", last[1].held or kind == "_"
                last = (last[0], Syllable(last[1].text, joined, held))
                _sing(notes[last[0]][1], verse, last[1])
            at += kind == "_"
        elif at < len(notes):
            last = (at, Syllable(value))
            _sing(notes[at][1], verse, last[1])
            at += 1
        else:
            left += 1
    return left


def _syllables(text: str) -> Iterator[tuple[str, str]]:
    """(sign, "") or ("text", syllable). A hyphen that does not follow a syllable at once is ("-", "again")."""
    after_text = False
    for match in _LYRIC.finditer(text):
        if match["gap"]:
            after_text = False
        elif sign := match["sign"]:
            yield sign, "again" if sign == "-" and not after_text else ""
            after_text = False
        else:
            yield "text", unescape(match["text"].replace("\\-", "-").replace("~", " "))
            after_text = True


def _sing(note: Sung, verse: int, syllable: Syllable) -> None:
    note.lyrics.extend([None] * (verse + 1 - len(note.lyrics)))
    note.lyrics[verse] = syllable


def lyric_text(syllable: Syllable) -> str:
    """A syllable as it stands in a w: line, with the hyphen that follows."""
    text = syllable.text.replace("\\", "").replace("-", "\\-")
    text = re.sub(r"[_*|]", "", text).strip().replace(" ", "~")
    return (text or "*") + ("-" if syllable.joined and text else "")
