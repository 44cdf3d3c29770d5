"""Score -> engraved pages as SVG, PDF and PNG: Verovio sets the music, Typst the paper.

Neither needs a program outside Python. Typst brings its own text font (Libertinus) in the wheel, so that a machine
without any fonts prints complete pages, and keeps the music as vectors in PDF.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path

import typst
import verovio

from abcscribe.errors import ScoreError
from abcscribe.score.limits import check_page
from abcscribe.score.model import Score
from abcscribe.score.musicxml import TabStaff, to_musicxml
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
PNG_PPI = 144.0
RESOURCES = str(Path(verovio.__file__).with_name("data"))  # fonts and tables
TALLEST_PNG = 30_000  # pixels; many viewers stop at 2**15


def svg_pages(score: Score, tabs: Tabs = None) -> list[str]:
    """A4 pages. Raises ScoreError if there is nothing to engrave."""
    return _engrave(score, tabs, A4_HEIGHT)


def to_svg(score: Score, tabs: Tabs = None) -> str:
    """The whole score as one image of A4 width, as tall as it needs to be."""
    return _stacked(_engrave(score, tabs, None))


def to_pdf(score: Score, tabs: Tabs = None) -> bytes:
    """A4 pages with vector graphics."""
    pages = svg_pages(score, tabs)
    paper = '#set page(paper: "a4", margin: 0pt)\n#set document(title: sys.inputs.title, date: none)\n'
    images = (f'#image(bytes(sys.inputs.page{i}), format: "svg", width: 100%)' for i in range(len(pages)))
    inputs = {"title": score.title} | {f"page{i}": page for i, page in enumerate(pages)}
    return typst.compile((paper + "\n".join(images)).encode(), format="pdf", sys_inputs=inputs)


def to_png(score: Score, tabs: Tabs = None) -> bytes:
    """The whole score as one image on white, 144 pixels an inch unless it is very long."""
    page = to_svg(score, tabs)
    width, height = _size(ET.fromstring(page))
    source = """#set page(width: 210mm, height: auto, margin: 0pt)
        #image(bytes(sys.inputs.page), format: "svg", width: 100%)"""
    inches = height / width * 210 / 25.4
    ppi = min(PNG_PPI, TALLEST_PNG / inches)
    return typst.compile(source.encode(), format="png", ppi=ppi, sys_inputs={"page": page})


def _engrave(score: Score, tabs: Tabs, height: int | None) -> list[str]:
    """Pages of A4 width; with ``height`` None as tall as the music on them."""
    if not score.bars or not score.parts:
        raise ScoreError("The score has no bars to engrave.")
    check_page(score)
    verovio.enableLog(verovio.LOG_OFF)  # it would print warnings to stderr
    verovio.setDefaultResourcePath(RESOURCES)  # Verovio sets it for the thread that imports it, and no other
    scale = _scale(score)
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
            "svgViewBox": True,
            "xmlIdChecksum": True,  # the same score gives the same file
        }
    )
    if not toolkit.loadData(to_musicxml(score, tabs)):
        raise ScoreError("The engraver cannot set this score.")
    return [portable(toolkit.renderToSVG(page)) for page in range(1, toolkit.getPageCount() + 1)]


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
