"""SVG from Verovio -> SVG that every viewer shows alike.

Verovio writes the notes of metronome marks as characters of a web font and titles as nested anchors; both come out
right in browsers only (resvg, Inkscape and Typst drop or shift them). Here every text becomes one flat element, and
music characters become outlines, taken from the glyph files in Verovio's wheel.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import verovio

SVG = "http://www.w3.org/2000/svg"
ET.register_namespace("", SVG)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")

TEXT_FONTS = "Libertinus Serif, Times, serif"  # the first is in Typst's wheel
_MUSIC_FONT = "Leipzig"  # Verovio's default
_TITLE_SIZE = 1.6  # times the size of other texts; Verovio 6.4 does not take it from MusicXML
MEAN_WIDTH, CAPITAL_WIDTH, BOLD_WIDTH = 0.46, 0.6, 0.05  # of a character of Libertinus Serif in em; what bold type adds
GAP = 0.5  # em between words and the note of a metronome mark; none between a chord's letter and its sharp or flat
_METRONOME = range(0xECA0, 0xECC0)  # notes of metronome marks in the music font (SMuFL)
_UNITS_PER_EM = 1000  # of its glyph files


@dataclass(frozen=True, slots=True)
class _Run:
    """Characters in one style; ``style`` holds the SVG attributes that a text element inherits."""

    text: str
    style: dict[str, str]
    starts: bool  # whether it begins at a place of its own (x, y)

    @property
    def is_music(self) -> bool:
        return self.style.get("font-family") == _MUSIC_FONT


_STYLE = ("x", "y", "text-anchor", "font-size", "font-family", "font-style", "font-weight")


def portable(svg: str) -> str:
    """Verovio's SVG with flat text elements, music characters as outlines, and no web font."""
    root = ET.fromstring(svg)
    for title in root.iterfind(f".//{{{SVG}}}g[@class='pgHead']//{{{SVG}}}tspan[@text-anchor='middle']"):
        for span in title.iterfind(f".//{{{SVG}}}tspan[@font-size]"):
            span.set("font-size", f"{float(span.attrib['font-size'].removesuffix('px')) * _TITLE_SIZE:g}px")
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{SVG}}}text":
                index = list(parent).index(child)
                parent.remove(child)
                parent[index:index] = _flat(child)
            elif child.tag == f"{{{SVG}}}style" and "@font-face" in (child.text or ""):
                parent.remove(child)
            elif "Times" in child.get("font-family", ""):
                child.set("font-family", TEXT_FONTS)
    return ET.tostring(root, encoding="unicode")


def _flat(text: ET.Element) -> list[ET.Element]:
    elements: list[ET.Element] = []
    shift = 0.0  # of what follows a music character, or a text that one follows
    for run in _runs(text, {}, []):
        if run.starts:
            shift = 0.0
        if run.is_music:
            if elements and elements[-1].tag == f"{{{SVG}}}text" and ord(run.text[0]) in _METRONOME:
                shift += GAP * _size(elements[-1].attrib)
            for character in run.text:
                outline, advance = _glyph(character)
                size = _size(run.style) / _UNITS_PER_EM
                place = f"translate({float(run.style['x']) + shift:g},{run.style['y']}) scale({size:g})"
                group = ET.Element(f"{{{SVG}}}g", {"transform": place})
                ET.SubElement(group, f"{{{SVG}}}path", {"d": outline, "transform": "scale(1,-1)"})
                elements.append(group)
                shift += advance * size
        elif not run.starts and elements and elements[-1].tag == f"{{{SVG}}}text":
            ET.SubElement(elements[-1], f"{{{SVG}}}tspan", _without_place(run.style)).text = run.text
            shift += _width(run)
        else:
            left = f"{float(run.style.get('x', 0)) + shift:g}"
            element = ET.Element(f"{{{SVG}}}text", {**run.style, "x": left})
            ET.SubElement(element, f"{{{SVG}}}tspan").text = run.text
            elements.append(element)
            shift += _width(run)
    return elements


def _width(run: _Run) -> float:
    """About how wide a text is: what a viewer draws depends on its fonts."""
    bold = BOLD_WIDTH if run.style.get("font-weight") == "bold" else 0
    widths = ((CAPITAL_WIDTH if c.isupper() else MEAN_WIDTH) + bold for c in run.text.strip())
    return _size(run.style) * sum(widths)


def _size(style: Mapping[str, str]) -> float:
    return float(style.get("font-size", "0px").removesuffix("px"))


def _runs(element: ET.Element, style: dict[str, str], begun: list[bool]) -> Iterator[_Run]:
    """The runs below a text element; ``begun`` is empty until the first run after a new place."""
    if "x" in element.attrib:
        begun.clear()
    style = style | {name: element.attrib[name] for name in _STYLE if name in element.attrib}
    children = [child for child in element if child.tag == f"{{{SVG}}}tspan"]
    if not children and element.text:
        yield _Run(element.text, style, starts=not begun)
        begun.append(True)
    for child in children:
        yield from _runs(child, style, begun)


def _without_place(style: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in style.items() if name not in ("x", "y", "text-anchor")}


@cache
def _glyph(character: str) -> tuple[str, float]:
    """(outline, advance) of a character of the music font, in its units; y grows upwards."""
    data = Path(verovio.__file__).parent / "data"
    code = f"{ord(character):04X}"
    outline = ET.parse(data / _MUSIC_FONT / f"{code}.xml").getroot().find("path")  # None: a blank
    metrics = ET.parse(data / f"{_MUSIC_FONT}.xml").getroot().find(f"g[@c='{code}']")
    if metrics is None:
        raise KeyError(f"Verovio's music font has no character {code}.")
    return "" if outline is None else outline.attrib["d"], float(metrics.attrib["h-a-x"])
