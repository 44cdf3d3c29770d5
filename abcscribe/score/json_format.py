"""Score <-> JSON without any loss: notes, alignment with the recording, confidence and performance.

Fractions are strings such as "3/2", pitches strings such as "F#4"; fields that have their default value are left out.
The format carries a version; a file of a later version is refused rather than misread.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from abcscribe.errors import ScoreError
from abcscribe.score.model import (
    Bar,
    Direction,
    Harmony,
    Key,
    Metre,
    Note,
    Part,
    Pitch,
    PlayedNote,
    Score,
    Staff,
    Syllable,
    Tempo,
)

FORMAT = "abcscribe-score"
VERSION = 1

_PITCH = re.compile(r"([A-G])(#*|b*)(-?\d+)")


def to_json(score: Score) -> str:
    """JSON text, indented so that two versions can be compared line by line."""
    return json.dumps({"format": FORMAT, "version": VERSION, **_plain(score)}, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str) -> Score:
    """The score that ``to_json`` wrote. Raises ScoreError for anything else."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.pop("format", None) != FORMAT:
            raise ScoreError("This JSON does not hold an abcscribe score.")
        if (version := data.pop("version", None)) != VERSION:
            raise ScoreError(f"This score has format version {version}; this program reads version {VERSION}.")
        score = _built(Score, data)
        problems = score.problems()
    except (ValueError, TypeError, AttributeError, KeyError, ZeroDivisionError, RecursionError) as error:
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


def _built(kind: type, data: dict[str, Any]) -> Any:
    """An object of the model from the dict that ``_plain`` made of it."""
    readers = _READERS.get(kind, {})
    return kind(**{name: readers[name](item) if name in readers else item for name, item in data.items()})


def _pitch(text: str) -> Pitch:
    match = _PITCH.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no pitch")
    step, signs, octave = match.groups()
    return Pitch(step, signs.count("#") - signs.count("b"), int(octave))


def _many(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda items: tuple(read(item) for item in items)


def _one(kind: type) -> Callable[[Any], Any]:
    return lambda data: None if data is None else _built(kind, data)


_READERS: dict[type, dict[str, Callable[[Any], Any]]] = {
    Tempo: {"beat": Fraction},
    Harmony: {"start": Fraction},
    Direction: {"start": Fraction},
    Note: {
        "start": Fraction, "duration": Fraction, "pitch": _pitch, "grace": _many(_pitch), "after": _many(_pitch),
        "marks": tuple, "lyrics": _many(_one(Syllable)), "line": _pitch,
    },
    Bar: {
        "length": Fraction, "metre": _one(Metre), "key": _one(Key), "tempo": _one(Tempo), "signs": tuple,
        "harmonies": _many(_one(Harmony)),
    },
    Staff: {"voices": tuple},
    Part: {
        "bars": _many(_many(_one(Note))), "staves": _many(_one(Staff)), "directions": _many(_many(_one(Direction))),
        "transposition": tuple, "tuning": _many(_pitch),
    },
    Score: {"bars": _many(_one(Bar)), "parts": _many(_one(Part)), "performance": _many(_one(PlayedNote))},
}  # fmt: skip
