"""Scores as files to keep: any format, some of the parts, another pitch, or everything in one archive."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abcscribe.arranging import Arrangement, arranged
from abcscribe.errors import AbcscribeError, ScoreError
from abcscribe.formats import HTML, known
from abcscribe.playback.html import to_html
from abcscribe.score.model import Score
from abcscribe.score.transpose import transposed
from abcscribe.score.writers import render

ALL = "all"
ZIP_TYPE = "application/zip"
MEDIA_TYPES = {
    "abc": "text/vnd.abc; charset=utf-8", "musicxml": "application/vnd.recordare.musicxml+xml",
    "mxl": "application/vnd.recordare.musicxml", "midi": "audio/midi", "performance-midi": "audio/midi",
    "pdf": "application/pdf", "png": "image/png", "json": "application/json", "lilypond": "text/plain; charset=utf-8",
}  # fmt: skip
OTHER_TYPE = "application/octet-stream"  # SVG and HTML, too: they are to be kept, not opened as pages of this server
LONGEST_NAME = 100  # characters
MOST_EMBEDDED = 200 << 20  # bytes of a recording inside an HTML: a page twice as large opens slowly
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


@dataclass(frozen=True, slots=True)
class Export:
    """A file to keep."""

    content: bytes
    name: str
    media_type: str


def export(
    score: Score,
    name: str,
    *,
    parts: Sequence[int] | None = None,
    semitones: int = 0,
    tuning: str | None = None,
    recording: tuple[bytes, str] | None = None,
    arrangement: Arrangement = Arrangement(),
) -> Export:
    """A score in a format of abcscribe.formats, or as ``all``.

    Args:
        parts: indices of those to write; None is all.
        semitones: to move everything by.
        tuning: for formats with tablature.
        recording: bytes and media type of the sound, for ``html``.
        arrangement: of the parts; what it leaves out is told in the archive of ``all``.

    Raises:
        ScoreError: there is no such format, part or tuning, no tune to arrange, or the format cannot hold the score.
    """
    title = file_title(score.title)
    made, left_out = arranged(_with_parts(score, parts), arrangement)
    score = transposed(made, semitones)
    if name == ALL:
        return Export(_everything(score, title, tuning, recording, left_out), f"{title}.zip", ZIP_TYPE)
    content = to_html(score, recording) if name == HTML else render(score, name, tuning)
    return Export(content, f"{title}{known()[name][0]}", MEDIA_TYPES.get(name, OTHER_TYPE))


def to_embed(path: Path, media_type: str, format_name: str) -> tuple[bytes, str] | None:
    """A recording as `export` wants it; an archive of all formats goes without one that is too large.

    Raises:
        ScoreError: it is too large for one HTML.
    """
    if path.stat().st_size <= MOST_EMBEDDED:
        return path.read_bytes(), media_type
    if format_name == ALL:
        return None
    raise ScoreError(f"A recording of more than {MOST_EMBEDDED >> 20} MB does not fit a page; leave its sound out.")


def file_title(title: str) -> str:
    """A title as the name of a file on any system."""
    name = " ".join(_NOT_IN_NAMES.sub(" ", title).split()).strip(". ")[:LONGEST_NAME].strip(". ")
    return name or "score"


def _with_parts(score: Score, parts: Sequence[int] | None) -> Score:
    if parts is None:
        return score
    if not parts or not all(0 <= index < len(score.parts) for index in parts):
        raise ScoreError("There is no such part.")
    return replace(score, parts=tuple(score.parts[index] for index in dict.fromkeys(parts)))


def _everything(
    score: Score, title: str, tuning: str | None, recording: tuple[bytes, str] | None, said: Sequence[str]
) -> bytes:
    """A zip of every format, and a PDF for each part. What a format cannot hold is told in a text beside them, after
    what was ``said`` before."""
    buffer = io.BytesIO()
    left_out = list(said)
    files = [(f"{title}{suffix}", score, name) for name, (suffix, _) in known().items()]
    if len(score.parts) > 1:
        for number, part in enumerate(score.parts, 1):
            own = replace(score, parts=(part,))
            files.append((f"parts/{title} - {number} {file_title(part.name)}.pdf", own, "pdf"))
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content, name in files:
            try:
                data = to_html(content, recording) if name == HTML else render(content, name, tuning)
                archive.writestr(path, data)
            except AbcscribeError as error:
                left_out.append(f"{name}: {error}")
        if left_out:
            archive.writestr("left out.txt", "\n".join(left_out) + "\n")
    return buffer.getvalue()
