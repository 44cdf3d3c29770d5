"""Score -> bytes of a file: one dict from format name to writer.

Heavy libraries are imported when their format is written, so that this module costs nothing at start.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.model import Score


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written."""

    write: Callable[..., bytes]  # of a score; of a score and a tuning if it is ``fretted``
    suffix: str  # of its files
    summary: str
    fretted: bool = False


def _abc(score: Score) -> bytes:
    from abcscribe.score.abc_writer import write_abc

    return write_abc(score).encode()


def _musicxml(score: Score) -> bytes:
    from abcscribe.score.musicxml import to_musicxml

    return to_musicxml(score).encode()


def _mxl(score: Score) -> bytes:
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<container><rootfiles><rootfile full-path="score.musicxml"/></rootfiles></container>\n'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("META-INF/container.xml", container.encode()), ("score.musicxml", _musicxml(score))):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)  # no clock: same score, same bytes
    return buffer.getvalue()


def _midi(score: Score) -> bytes:
    from abcscribe.score.midi import to_midi

    return to_midi(score)


def _performance_midi(score: Score) -> bytes:
    from abcscribe.score.midi import to_performance_midi

    return to_performance_midi(score)


def _lilypond(score: Score) -> bytes:
    from abcscribe.score.lilypond import to_lilypond

    return to_lilypond(score).encode()


def _svg(score: Score) -> bytes:
    from abcscribe.score.engrave import to_svg

    return to_svg(score).encode()


def _pdf(score: Score) -> bytes:
    from abcscribe.score.engrave import to_pdf

    return to_pdf(score)


def _png(score: Score) -> bytes:
    from abcscribe.score.engrave import to_png

    return to_png(score)


def _tab(score: Score, tuning: str | None) -> bytes:
    from abcscribe.score.tab import to_ascii

    return to_ascii(score, tuning).encode()


def _tab_musicxml(score: Score, tuning: str | None) -> bytes:
    from abcscribe.score.tab import to_tab_musicxml

    return to_tab_musicxml(score, tuning).encode()


def _tab_pdf(score: Score, tuning: str | None) -> bytes:
    from abcscribe.score.tab import to_tab_pdf

    return to_tab_pdf(score, tuning)


def _json(score: Score) -> bytes:
    from abcscribe.score.json_format import to_json

    return to_json(score).encode()


WRITERS: dict[str, Writer] = {
    "abc": Writer(_abc, ".abc", "ABC 2.1 text"),
    "musicxml": Writer(_musicxml, ".musicxml", "MusicXML 4.0, for notation programs"),
    "mxl": Writer(_mxl, ".mxl", "compressed MusicXML"),
    "midi": Writer(_midi, ".mid", "MIDI as notated"),
    "performance-midi": Writer(_performance_midi, ".performance.mid", "MIDI as played in the recording"),
    "svg": Writer(_svg, ".svg", "engraved, one tall image"),
    "pdf": Writer(_pdf, ".pdf", "engraved, A4 pages"),
    "png": Writer(_png, ".png", "engraved, one tall image"),
    "tab": Writer(_tab, ".tab.txt", "tablature as text", fretted=True),
    "tab-musicxml": Writer(_tab_musicxml, ".tab.musicxml", "notes and tablature as MusicXML", fretted=True),
    "tab-pdf": Writer(_tab_pdf, ".tab.pdf", "notes and tablature, A4 pages", fretted=True),
    "lilypond": Writer(_lilypond, ".ly", "LilyPond source"),
    "json": Writer(_json, ".json", "everything: score, alignment, confidence and performance"),
}
_OTHER_SUFFIXES = {".xml": "musicxml", ".midi": "midi", ".tab": "tab"}


def format_of(path: str | Path) -> str:
    """The format that a file name asks for: the one with the longest fitting suffix. Raises ScoreError if none does."""
    suffixes = {writer.suffix: name for name, writer in WRITERS.items()} | _OTHER_SUFFIXES
    fitting = [suffix for suffix in suffixes if Path(path).name.lower().endswith(suffix)]
    if not fitting:
        raise ScoreError(f"{path} has no suffix of a score that can be written; these are {', '.join(suffixes)}.")
    return suffixes[max(fitting, key=len)]


def render(score: Score, name: str, tuning: str | None = None) -> bytes:
    """A score in a format of WRITERS; ``tuning`` (a name or open strings, see ``tab``) is for those with tablature.

    Raises ScoreError if there is no such format or tuning, or if the format cannot hold the score.
    """
    if name not in WRITERS:
        raise ScoreError(f"There is no format {name!r}; there are {', '.join(WRITERS)}.")
    writer = WRITERS[name]
    return writer.write(score, tuning) if writer.fretted else writer.write(score)


def write_score(score: Score, path: str | Path, name: str | None = None, tuning: str | None = None) -> None:
    """Write a file, in the format that its suffix asks for unless one is named. Raises ScoreError."""
    replace_file(Path(path), render(score, name or format_of(path), tuning))


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that whoever opens it sees the old content or the new, never a part. Raises ScoreError."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise ScoreError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
