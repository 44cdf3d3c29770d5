"""Score -> bytes of a file: one dict from format name to writer.

Heavy libraries are imported when their format is written, so that this module costs nothing at start.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.limits import check, nothing_but_score_errors
from abcscribe.score.model import Score
from abcscribe.score.target import write_target


@dataclass(frozen=True, slots=True)
class Options:
    """How a score is wanted, where the format leaves a choice."""

    tuning: str | None = None  # of tablature: a name or open strings, see ``tab``
    capo: int | None = None  # fret; None: what the part says
    concert: bool = False  # transposing instruments at sounding pitch


@dataclass(frozen=True, slots=True)
class Writer:
    """How a format is written."""

    write: Callable[[Sequence[Score], Options], bytes]  # of one score; of several if it is a ``book``
    suffix: str  # of its files
    summary: str
    book: bool = False  # holds several tunes
    fretted: bool = False  # has strings and frets, so that a tuning and a capo mean something


def _abc(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.abc_writer import write_abc

    return "\n".join(write_abc(score, number) for number, score in enumerate(scores, 1)).encode()


def _musicxml(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.musicxml import to_musicxml

    return to_musicxml(scores[0], concert=options.concert).encode()


def _mxl(scores: Sequence[Score], options: Options) -> bytes:
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<container><rootfiles><rootfile full-path="score.musicxml"/></rootfiles></container>\n'
    )
    return _zip({"META-INF/container.xml": container.encode(), "score.musicxml": _musicxml(scores, options)})


def _zip(files: Mapping[str, bytes]) -> bytes:
    """An archive without a clock: the same files give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _mei(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.engrave import to_mei

    return to_mei(scores[0], options.concert).encode()


def _midi(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.midi import to_midi

    return to_midi(scores[0])


def _performance_midi(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.midi import to_performance_midi

    return to_performance_midi(scores[0])


def _lilypond(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.lilypond import to_lilypond_book

    return to_lilypond_book(scores).encode()


def _kern(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.kern_writer import to_kern

    return to_kern(scores[0]).encode()


def _svg(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.engrave import to_svg

    return to_svg(scores[0], concert=options.concert).encode()


def _pdf(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.engrave import to_pdf_book

    return to_pdf_book([(score, None) for score in scores], options.concert)


def _pdf_parts(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.engrave import to_part_pdfs

    return _zip(to_part_pdfs(scores[0], options.concert))


def _png(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.engrave import to_png

    return to_png(scores[0], concert=options.concert)


def _tab(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.tab import to_ascii

    return to_ascii(scores[0], options.tuning, options.capo).encode()


def _tab_musicxml(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.tab import to_tab_musicxml

    return to_tab_musicxml(scores[0], options.tuning, options.capo).encode()


def _tab_pdf(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.tab import to_tab_pdf

    return to_tab_pdf(scores[0], options.tuning, options.capo)


def _tab_only_pdf(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.tab import to_tab_pdf

    return to_tab_pdf(scores[0], options.tuning, options.capo, notes=False)


def _gp5(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.guitar_pro import to_gp5

    return to_gp5(scores[0], options.tuning, options.capo)


def _json(scores: Sequence[Score], options: Options) -> bytes:
    from abcscribe.score.json_format import to_json

    return to_json(scores[0]).encode()


WRITERS: dict[str, Writer] = {
    "abc": Writer(_abc, ".abc", "ABC 2.1 text", book=True),
    "musicxml": Writer(_musicxml, ".musicxml", "MusicXML 4.0, for notation programs"),
    "mxl": Writer(_mxl, ".mxl", "compressed MusicXML"),
    "mei": Writer(_mei, ".mei", "MEI 5, for scholars and libraries"),
    "midi": Writer(_midi, ".mid", "MIDI as notated"),
    "performance-midi": Writer(_performance_midi, ".performance.mid", "MIDI as played in the recording"),
    "svg": Writer(_svg, ".svg", "engraved, one tall image"),
    "pdf": Writer(_pdf, ".pdf", "engraved, A4 pages", book=True),
    "pdf-parts": Writer(_pdf_parts, ".parts.zip", "engraved, a PDF for each player, in a ZIP archive"),
    "png": Writer(_png, ".png", "engraved, one tall image"),
    "tab": Writer(_tab, ".tab.txt", "tablature as text", fretted=True),
    "tab-musicxml": Writer(_tab_musicxml, ".tab.musicxml", "notes and tablature as MusicXML", fretted=True),
    "tab-pdf": Writer(_tab_pdf, ".tab.pdf", "notes and tablature, A4 pages", fretted=True),
    "tab-only": Writer(_tab_only_pdf, ".tab-only.pdf", "tablature without notes, A4 pages", fretted=True),
    "gp5": Writer(_gp5, ".gp5", "Guitar Pro 5", fretted=True),
    "lilypond": Writer(_lilypond, ".ly", "LilyPond source", book=True),
    "kern": Writer(_kern, ".krn", "Humdrum **kern, for analysis"),
    "json": Writer(_json, ".json", "everything: score, alignment, confidence and performance"),
}
_OTHER_SUFFIXES = {".xml": "musicxml", ".midi": "midi", ".tab": "tab", ".kern": "kern"}


def format_of(path: str | Path) -> str:
    """The format that a file name asks for: the one with the longest fitting suffix. Raises ScoreError if none does."""
    suffixes = {writer.suffix: name for name, writer in WRITERS.items()} | _OTHER_SUFFIXES
    fitting = [suffix for suffix in suffixes if Path(path).name.lower().endswith(suffix)]
    if not fitting:
        raise ScoreError(f"{path} has no suffix of a score that can be written; these are {', '.join(suffixes)}.")
    return suffixes[max(fitting, key=len)]


def render(score: Score, name: str, tuning: str | None = None, capo: int | None = None, concert: bool = False) -> bytes:
    """A score in a format of WRITERS; for ``tuning``, ``capo`` and ``concert`` see ``Options``.

    Raises ScoreError if there is no such format or tuning, or if the format cannot hold the score.
    """
    return render_book([score], name, tuning, capo, concert)


def render_book(
    scores: Sequence[Score], name: str, tuning: str | None = None, capo: int | None = None, concert: bool = False
) -> bytes:
    """Several tunes in a format of WRITERS that is a book, otherwise the first of them, as ``render``."""
    if name not in WRITERS:
        raise ScoreError(f"There is no format {name!r}; there are {', '.join(WRITERS)}.")
    for score in scores:
        check(score)
    with nothing_but_score_errors(f"The score cannot be written as {name}"):
        return WRITERS[name].write(scores, Options(tuning, capo, concert))


def write_score(score: Score, path: str | Path, name: str | None = None, tuning: str | None = None) -> None:
    """Write a file, in the format that its suffix asks for unless one is named. Raises ScoreError."""
    write_target(Path(path), render(score, name or format_of(path), tuning))
