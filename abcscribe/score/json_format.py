"""Score <-> JSON without any loss: notes, alignment with the recording, confidence and performance.

Fractions are strings such as "3/2", pitches strings such as "F#4"; fields that have their default value are left out.
The format carries a version; a file of a later version is refused rather than misread.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from abcscribe.errors import ScoreError
from abcscribe.score.model import Pitch, Score

FORMAT = "abcscribe-score"
VERSION = 1

# Bounded, since arithmetic with numbers of a million digits takes minutes
_NUMBERS = re.compile(
    r"\[\n\s*((?:[\d.]+,\n\s*)*[\d.]+)\n\s*\]"
)  # a list of numbers: on one line; no text has line breaks
_PITCH = re.compile(r"([A-G])(#{0,99}|b{0,99})(-?\d{1,2})")
_FRACTION = re.compile(r"(-?\d{1,9})(?:/(\d{1,9}))?")

Reader = Callable[[Any], Any]


def to_json(score: Score) -> str:
    """JSON text, indented so that two versions can be compared line by line."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **_plain(score)}, ensure_ascii=False, indent=1)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def from_json(text: str) -> Score:
    """The score that ``to_json`` wrote. Raises ScoreError for anything else."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise ScoreError("This JSON does not hold an abcscribe score.")
        if (version := data.pop("version", None)) != VERSION:
            raise ScoreError(f"This score has format version {version}; this program reads version {VERSION}.")
        score: Score = _reader(Score)(data)
        problems = score.problems()
    except (ValueError, TypeError, AttributeError, KeyError, ArithmeticError, RecursionError) as error:
        raise ScoreError("This JSON is not a whole abcscribe score.") from error
    if problems:
        raise ScoreError(f"The score in this JSON does not add up: {problems[0]}.")
    return score


def _plain(value: Any) -> Any:
    """Nested lists, dicts, strings and numbers for a value of the model."""
    if isinstance(value, Fraction | Pitch):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value):
        pairs = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {field.name: _plain(item) for field, item in pairs if item != field.default}
    return value


def _fraction(value: Any) -> Fraction:
    if not isinstance(value, int | str) or not (match := _FRACTION.fullmatch(str(value))):
        raise ValueError(f"{str(value)[:20]!r} is no fraction")
    return Fraction(int(match[1]), int(match[2] or 1))


def _pitch(value: Any) -> Pitch:
    match = _PITCH.fullmatch(value)
    if not match:
        raise ValueError(f"{value[:20]!r} is no pitch")
    step, signs, octave = match.groups()
    return Pitch(step, signs.count("#") - signs.count("b"), int(octave))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _exactly(kind: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:  # a bool is no int
            raise ValueError(f"{str(value)[:20]!r} is no {kind.__name__}")
        return value

    return read


_LEAVES: dict[Any, Reader] = {
    Fraction: _fraction, Pitch: _pitch, float: _number, int: _exactly(int), str: _exactly(str), bool: _exactly(bool),
}  # fmt: skip


@cache
def _reader(kind: Any) -> Reader:
    """What turns the JSON of a field into a value of its annotated type, and raises ValueError for anything else."""
    if kind in _LEAVES:
        return _LEAVES[kind]
    members = get_args(kind)
    if get_origin(kind) is tuple:
        return _many(_reader(members[0])) if members[-1] is Ellipsis else _few([_reader(member) for member in members])
    if members:  # X | None
        (member,) = (_reader(member) for member in members if member is not type(None))
        return lambda value: None if value is None else member(value)
    readers = {name: _reader(hint) for name, hint in get_type_hints(kind).items()}
    return lambda value: kind(**{name: readers[name](item) for name, item in value.items()})


def _many(read: Reader) -> Reader:
    return lambda value: tuple(map(read, _exactly(list)(value)))


def _few(members: list[Reader]) -> Reader:
    return lambda value: tuple(read(item) for read, item in zip(members, _exactly(list)(value), strict=True))
