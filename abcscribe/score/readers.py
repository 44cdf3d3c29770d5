"""File -> Score: one dict from suffix to reader.

Heavy libraries are imported when a file of their format is read, so that this module costs nothing at start.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.limits import admitted, nothing_but_score_errors
from abcscribe.score.model import Score
from abcscribe.score.source import check_archive, readable, suffix_of

# The pieces of a file, and what was wrong with it or has no place in a Score
Reading = tuple[list[Score], list[str]]


def _abc(path: Path) -> Reading:
    from abcscribe.score.abc_reader import read_tunes

    scores, said = [], []
    for score, problems in read_tunes(_text(path)):
        if any(part.bars for part in score.parts) and (_has_notes(score) or score.bars):
            scores.append(score)
            said += [f"line {p.line}, column {p.column}: {p.what}; {p.assumed}" for p in problems]
    if not any(map(_has_notes, scores)):
        raise ScoreError(f"{path} holds no notes that can be read as ABC.")
    return scores, said


def _json(path: Path) -> Reading:
    from abcscribe.score.json_format import from_json

    try:
        return [from_json(_text(path))], []
    except ScoreError as error:
        raise ScoreError(f"{path}: {error}") from error


def _musicxml(path: Path) -> Reading:
    from abcscribe.score.musicxml_reader import read_musicxml

    score, said = read_musicxml(path)
    return [score], said


def _midi(path: Path) -> Reading:
    from abcscribe.score.lytk_bridge import read_midi

    return [read_midi(path)], []


def _kern(path: Path) -> Reading:
    from abcscribe.score.kern_reader import read_kern

    score, said = read_kern(path)
    return [score], said


def _lilypond(path: Path) -> Reading:
    from abcscribe.score.lilypond_source import left_out
    from abcscribe.score.lytk_bridge import read_lilypond_book

    return read_lilypond_book(path), left_out(_text(path))


def _has_notes(score: Score) -> bool:
    return any(notes for part in score.parts for notes in part.bars)


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


def read_leniently(path: str | Path) -> tuple[Score, list[str]]:
    """The first score in a file and the problems that its reader worked around. Raises ScoreError if there is none."""
    scores, said = read_pieces(path)
    if len(scores) > 1:
        count = len(scores) - 1
        said = [*said, f"{count} further tune{'s' * (count > 1)} of the file left out"]
    return scores[0], said


def read_pieces(path: str | Path) -> Reading:
    """All tunes or movements in a file, and one sentence for everything that was wrong or could not be kept.

    Args:
        path: a file, whose suffix names its format; a pipe or "-" for stdin, whose first bytes do.

    Raises:
        ScoreError: with one sentence, if there is no score or one beyond the limits of ``limits``. Nothing else.
    """
    path = Path(path)
    try:
        with readable(path) as file:
            return _read(file)
    except OSError as error:
        raise ScoreError(f"{path} cannot be opened: {error.strerror}.") from error


def _read(path: Path) -> Reading:
    reader = READERS.get(path.suffix.lower() or suffix_of(path))
    if reader is None:
        raise ScoreError(f"{path} has no suffix of a score that can be read; these are {', '.join(READERS)}.")
    if path.stat().st_size == 0:
        raise ScoreError(f"{path} is empty.")
    check_archive(path)
    with nothing_but_score_errors(f"{path} is damaged beyond reading"):
        scores, said = reader(path)
    pieces: list[Score] = []
    for score in scores:
        try:
            piece, changes = admitted(score)
        except ScoreError as error:
            raise ScoreError(f"{path}: {error}") from error
        pieces.append(piece)
        said = [*said, *changes]
    return pieces, said


def _text(path: Path) -> str:
    """The text of a file: UTF-8 or, as in old ABC collections, Latin-1."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
