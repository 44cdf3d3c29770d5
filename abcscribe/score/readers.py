"""File -> Score: one dict from suffix to reader.

Heavy libraries are imported when a file of their format is read, so that this module costs nothing at start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.model import Score

Reading = tuple[Score, list[str]]  # a score, and what was wrong with the text it was read from


def _abc(path: Path) -> Reading:
    from abcscribe.score.abc_reader import read_abc

    score, problems = read_abc(_text(path))
    if not any(notes for part in score.parts for notes in part.bars):
        raise ScoreError(f"{path} holds no notes that can be read as ABC.")
    return score, [f"line {p.line}, column {p.column}: {p.what}; {p.assumed}" for p in problems]


def _json(path: Path) -> Reading:
    from abcscribe.score.json_format import from_json

    try:
        return from_json(_text(path)), []
    except ScoreError as error:
        raise ScoreError(f"{path}: {error}") from error


def _musicxml(path: Path) -> Reading:
    from abcscribe.score.musicxml_reader import read_musicxml

    return read_musicxml(path)


def _midi(path: Path) -> Reading:
    from abcscribe.score.lytk_bridge import read_midi

    return read_midi(path), []


def _kern(path: Path) -> Reading:
    from abcscribe.score.kern_reader import read_kern

    return read_kern(path)


def _lilypond(path: Path) -> Reading:
    from abcscribe.score.lytk_bridge import read_lilypond

    return read_lilypond(path), []


READERS: dict[str, Callable[[Path], Reading]] = {
    ".abc": _abc, ".txt": _abc,
    ".musicxml": _musicxml, ".xml": _musicxml, ".mxl": _musicxml,
    ".mid": _midi, ".midi": _midi,
    ".krn": _kern, ".kern": _kern,
    ".ly": _lilypond,
    ".json": _json,
}  # fmt: skip


def read_score(path: str | Path) -> Score:
    """The score in a file, by its suffix. Raises ScoreError with one sentence if there is none."""
    return read_leniently(path)[0]


def read_leniently(path: str | Path) -> Reading:
    """The score in a file and the problems that its reader worked around. Raises ScoreError if it holds no score."""
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise ScoreError(f"{path} has no suffix of a score that can be read; these are {', '.join(READERS)}.")
    if not path.is_file():
        raise ScoreError(f"{path} is not a file." if path.exists() else f"{path} does not exist.")
    if path.stat().st_size == 0:
        raise ScoreError(f"{path} is empty.")
    return reader(path)


def _text(path: Path) -> str:
    """The text of a file: UTF-8 or, as in old ABC collections, Latin-1."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ScoreError(f"{path} cannot be opened: {error.strerror}.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
