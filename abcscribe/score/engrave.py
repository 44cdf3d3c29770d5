"""Score -> engraved pages as SVG, PDF and PNG: Verovio sets the music, Typst the paper.

Neither needs a program outside Python. Typst brings its own text font (Libertinus) in the wheel, so that a machine
without any fonts prints complete pages, and keeps the music as vectors in PDF.
"""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import typst
import verovio

from abcscribe.errors import ScoreError
from abcscribe.score.limits import check_page
from abcscribe.score.model import Direction, Part, Score
from abcscribe.score.musicxml import TabStaff, to_musicxml
from abcscribe.score.names import plainly_named, printed_names
from abcscribe.score.svg_text import SVG, portable

Tabs = Mapping[int, TabStaff] | None  # parts that are tablature, by index

A4_WIDTH, A4_HEIGHT = 2100, 2970  # tenths of a millimetre, Verovio's unit of page sizes
PAGE_MARGIN = 130
LONGEST_PAGE = 60_000  # the most that Verovio takes as a page height, in its own units before scaling
STAFF_SCALES = (
    (2, 85),
    (4, 75),
    (8, 62),
)  # most staves in a system, per cent: 85 is a staff of 6 mm, as in printed music
SMALLEST_SCALE = 48
_PAPER = '#set page(paper: "a4", margin: 0pt)\n#set document(title: sys.inputs.title, date: none)\n'
_RUNNING_HEAD = """#place(top + center, dy: 7mm, text(9pt, style: "italic", sys.inputs.{title}))
#place(top + right, dx: -13mm, dy: 7mm, text(9pt)[{number}])"""
PNG_PPI = 144.0
RESOURCES = str(Path(verovio.__file__).with_name("data"))  # fonts and tables
TALLEST_PNG = 30_000  # pixels; many viewers stop at 2**15


def svg_pages(score: Score, tabs: Tabs = None, concert: bool = False) -> list[str]:
    """A4 pages. Raises ScoreError if there is nothing to engrave."""
    return _engrave(score, tabs, A4_HEIGHT, concert)


def to_svg(score: Score, tabs: Tabs = None, concert: bool = False) -> str:
    """The whole score as one image of A4 width, as tall as it needs to be."""
    return _stacked(_engrave(score, tabs, None, concert))


def to_pdf(score: Score, tabs: Tabs = None, concert: bool = False) -> bytes:
    """A4 pages with vector graphics; from the second on with the title and the number of the page."""
    return to_pdf_book([(score, tabs)], concert)


def to_pdf_book(pieces: Sequence[tuple[Score, Tabs]], concert: bool = False) -> bytes:
    """Several pieces, each beginning on a page of its own."""
    sheets = [
        (page, piece[0].title if i else "") for piece in pieces for i, page in enumerate(svg_pages(*piece, concert))
    ]
    source = [_PAPER]
    inputs = {"title": pieces[0][0].title}
    for i, (page, title) in enumerate(sheets):
        inputs |= {f"page{i}": page, f"title{i}": title}
        source.append(f'#image(bytes(sys.inputs.page{i}), format: "svg", width: 100%)')
        if i:
            source.append(_RUNNING_HEAD.format(number=i + 1, title=f"title{i}"))
    return typst.compile("\n".join(source).encode(), format="pdf", sys_inputs=inputs)


def to_part_pdfs(score: Score, concert: bool = False) -> dict[str, bytes]:
    """The part of each player as a PDF: file name -> content."""
    names = printed_names([plainly_named(part, True) for part in score.parts])
    files: dict[str, bytes] = {}
    for number, (part, name) in enumerate(zip(score.parts, names, strict=True), 1):
        title = f"{score.title} - {name}" if score.title and name else score.title or name
        own = dataclasses.replace(score, parts=(dataclasses.replace(part, name=name),), title=title)
        safe = re.sub(r"[^\w .-]", "_", name)[:60] or "Part"
        files[f"{number:02} {safe}.pdf"] = to_pdf(own, concert=concert)
    return files


def to_mei(score: Score, concert: bool = False) -> str:
    """MEI, as the engraver understands the score."""
    parts = tuple(map(_without_strings, score.parts))
    toolkit = _loaded(dataclasses.replace(score, parts=parts), None, A4_HEIGHT, concert, score)
    return toolkit.getMEI({"removeIds": True})


def to_png(score: Score, tabs: Tabs = None, concert: bool = False) -> bytes:
    """The whole score as one image on white, 144 pixels an inch unless it is very long."""
    page = to_svg(score, tabs, concert)
    width, height = _size(ET.fromstring(page))
    source = """#set page(width: 210mm, height: auto, margin: 0pt)
        #image(bytes(sys.inputs.page), format: "svg", width: 100%)"""
    inches = height / width * 210 / 25.4
    ppi = min(PNG_PPI, TALLEST_PNG / inches)
    return typst.compile(source.encode(), format="png", ppi=ppi, sys_inputs={"page": page})


def _engrave(score: Score, tabs: Tabs, height: int | None, concert: bool) -> list[str]:
    """Pages of A4 width; with ``height`` None as tall as the music on them."""
    several = len(score.parts) > (2 if tabs else 1)
    named = tuple(
        part if i in (tabs or {}) else _without_strings(plainly_named(part, several))
        for i, part in enumerate(score.parts)
    )
    toolkit = _loaded(dataclasses.replace(score, parts=named), tabs, height, concert, score)
    return [portable(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


def _without_strings(part: Part) -> Part:
    """As notes are printed: the engraver takes a staff with a tuning for tablature. A capo is said in words."""
    if not (part.tuning or part.capo):
        return part
    bars = tuple(tuple(dataclasses.replace(note, string=0, fret=None) for note in bar) for bar in part.bars)
    directions = list(part.directions or ((),) * len(part.bars))
    if part.capo and directions:
        directions[0] = (Direction(Fraction(0), "words", f"Capo {part.capo}"), *directions[0])
    return dataclasses.replace(part, bars=bars, tuning=(), capo=0, directions=tuple(directions))


def _loaded(score: Score, tabs: Tabs, height: int | None, concert: bool, whole: Score) -> verovio.toolkit:
    """The engraver with a score laid out in it."""
    if not score.bars or not score.parts:
        raise ScoreError("The score has no bars to engrave.")
    text = to_musicxml(score, tabs, concert)
    check_page(text)
    verovio.enableLog(verovio.LOG_OFF)  # it would print warnings to stderr
    verovio.setDefaultResourcePath(RESOURCES)  # Verovio sets it for the thread that imports it, and no other
    scale = _scale(whole)
    margin = round(PAGE_MARGIN * 100 / scale)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {
            "scale": scale,
            "pageWidth": round(A4_WIDTH * 100 / scale),
            "pageHeight": round(height * 100 / scale) if height else LONGEST_PAGE,
            "adjustPageHeight": height is None,
            "justifyVertically": height is not None,
            **{f"pageMargin{side}": margin for side in ("Left", "Right", "Top", "Bottom")},
            "header": "auto",
            "footer": "none",
            "condense": "auto",
            "svgViewBox": True,
            "xmlIdChecksum": True,  # the same score gives the same file
        }
    )
    if not toolkit.loadData(text):
        raise ScoreError("The engraver cannot set this score.")
    return toolkit


def _scale(score: Score) -> int:
    staves = sum(len(part.staves) for part in score.parts)
    return next((scale for most, scale in STAFF_SCALES if staves <= most), SMALLEST_SCALE)


def _size(page: ET.Element) -> tuple[float, float]:
    _, _, width, height = (float(number) for number in page.attrib["viewBox"].split())
    return width, height


def _stacked(pages: Sequence[str]) -> str:
    """Pages below each other as one SVG."""
    if len(pages) == 1:
        return pages[0]
    sheets = [ET.fromstring(page) for page in pages]
    width, top = max(_size(sheet)[0] for sheet in sheets), 0.0
    whole = ET.Element(f"{{{SVG}}}svg", {"version": "1.1"})
    for sheet in sheets:
        sheet_width, height = _size(sheet)
        sheet.attrib |= {"y": f"{top:g}", "width": f"{sheet_width:g}", "height": f"{height:g}"}
        whole.append(sheet)
        top += height
    whole.set("viewBox", f"0 0 {width:g} {top:g}")
    return ET.tostring(whole, encoding="unicode")
