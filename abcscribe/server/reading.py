"""Parts of requests -> values, and values -> parts of answers. What does not fit is a RefusedError."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from abcscribe import audio
from abcscribe.arranging import Arrangement
from abcscribe.errors import AudioError
from abcscribe.server import pipeline
from abcscribe.server.files import PEAKS_PER_SECOND
from abcscribe.server.uploads import RefusedError

ABC_CHARACTERS = 2_000_000
LONGEST_TEXT = 500  # characters of a title, composer or file name


def probed(path: Path) -> audio.AudioInfo:
    """What the header of a file says. Raises RefusedError if it is no recording."""
    try:
        return pipeline.about(path)
    except AudioError as error:
        raise RefusedError(str(error).replace(str(path), "This"), 415) from None


def check_run(hints: Any, engine: Any, start: float | None, end: float | None) -> None:
    """Raises if a recording cannot be transcribed in this way."""
    if not isinstance(hints, dict) or not isinstance(engine, str):
        raise RefusedError("Hints are a JSON object, an engine is a name.", 400)
    pipeline.hints(hints)
    pipeline.system(engine, hints)
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise RefusedError("A part of a recording has to end after it begins.", 400)


def whole(text: str | None, otherwise: int, low: int, high: int) -> int:
    """A whole number of the query."""
    try:
        number = int(text) if text else otherwise
    except ValueError:
        raise RefusedError(f"{text!r} is not a whole number.", 400) from None
    if text and not low <= number <= high:
        raise RefusedError(f"{number} is not from {low} to {high}.", 400)
    return number


def seconds(text: str | None) -> float | None:
    """A moment of the query."""
    try:
        return number(float(text)) if text else None
    except ValueError:
        raise RefusedError(f"{text!r} is not a number of seconds.", 400) from None


def number(value: Any) -> float | None:
    """A number of the body."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e9:
        raise RefusedError(f"{value!r} is not a number that fits.", 400)
    return float(value)


def arrangement(query: Mapping[str, str]) -> Arrangement:
    """What the query makes of a score: ``arrange``, ``level``, ``repeats``. Raises ScoreError."""
    return Arrangement(query.get("arrange") or "full", query.get("level") or "full", query.get("repeats") == "1")


def json_object(text: str | None) -> Any:
    """JSON of the query."""
    try:
        return json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise RefusedError("Hints are a JSON object.", 400) from None


def version(data: dict[str, Any], name: str) -> int | None:
    """The number of a version in the body."""
    value = data.get(name)
    if value is not None and (type(value) is not int or not 0 < value < 1 << 31):
        raise RefusedError(f"{name} is the number of a version.", 400)
    return value


def abc_text(data: dict[str, Any]) -> str:
    """The ABC text of the body."""
    abc = data.get("abc")
    if not isinstance(abc, str):
        raise RefusedError("The text is missing.", 400)
    if len(abc) > ABC_CHARACTERS:
        raise RefusedError(f"The text is longer than {ABC_CHARACTERS} characters.", 413)
    return abc.encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """A text as one line of bounded length, without anything that is not printed."""
    text = text.encode("utf-8", "replace").decode()
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST_TEXT]


def title_of(file_name: str) -> str:
    """A file's name as a title: without folders and without the suffix of a recording."""
    name = file_name.replace("\\", "/").rsplit("/", 1)[-1]
    stem, _, suffix = name.rpartition(".")
    return (stem if stem and f".{suffix.lower()}" in audio.SUFFIXES else name).strip() or "Recording"


def peaks(outline: Any, count: int, start: float | None, end: float | None) -> dict[str, Any]:
    """The answer for a waveform: the lowest and highest values of ``count`` equal stretches."""
    seconds = len(outline) / PEAKS_PER_SECOND
    first = min(max(start or 0.0, 0.0), seconds)
    last = min(max(seconds if end is None else end, first), seconds)
    edges = np.linspace(first, last, count + 1) * PEAKS_PER_SECOND
    low = np.clip(np.floor(edges[:-1]).astype(int), 0, max(len(outline) - 1, 0))
    high = np.maximum(np.ceil(edges[1:]).astype(int), low + 1)
    rows = [
        [round(float(outline[a:b, 0].min()), 3), round(float(outline[a:b, 1].max()), 3)]
        for a, b in zip(low, high, strict=True)
    ]
    return {"seconds": round(seconds, 3), "start": round(first, 3), "end": round(last, 3), "peaks": rows}


def attachment(name: str) -> dict[str, str]:
    """The header that makes an answer a file to keep."""
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"}
