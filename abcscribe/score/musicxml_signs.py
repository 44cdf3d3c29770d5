"""What stands beside the notes in MusicXML: tempo marks, dynamics, hairpins, chord symbols, jumps, bar lines."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction

from abcscribe.score import harmony
from abcscribe.score.durations import DOT_FACTORS
from abcscribe.score.marks import DYNAMICS
from abcscribe.score.model import Bar, Direction, Harmony, Tempo
from abcscribe.score.musicxml_notes import TYPE_OF, add

Sign = tuple[Fraction, ET.Element]  # quarters from the bar line

_WEDGES = {"<": "crescendo", ">": "diminuendo", "!": "stop"}
_SOUNDS = {
    "segno": {"segno": "segno"}, "coda": {"coda": "coda"}, "to coda": {"tocoda": "coda"}, "fine": {"fine": "yes"},
    "D.C.": {"dacapo": "yes"}, "D.S.": {"dalsegno": "segno"},
}  # fmt: skip


def add_signs(measure: ET.Element, signs: list[Sign], start: Fraction, end: Fraction, divisions: int) -> None:
    """Write, and take from ``signs``, what stands at the note of ``start`` or behind it, before ``end``."""
    while signs and (signs[0][0] < end or start == end):
        at, element = signs.pop(0)
        if at != start and element.tag in ("direction", "harmony"):
            offset = ET.Element("offset")
            offset.text = str(int((at - start) * divisions))
            staff = element.find("staff")
            element.insert(len(element) if staff is None else list(element).index(staff), offset)
        measure.append(element)


def add_tempo(measure: ET.Element, tempo: Tempo | None, words: str) -> None:
    """A metronome mark, words or both."""
    if not tempo and not words:
        return
    direction = add(measure, "direction", placement="above", directive="yes")
    if words:
        add(add(direction, "direction-type"), "words", words, **{"font-weight": "bold"})
    if not tempo:
        return
    metronome = add(add(direction, "direction-type"), "metronome")
    beat, dots = next(
        ((tempo.beat / factor, dots) for dots, factor in enumerate(DOT_FACTORS) if tempo.beat / factor in TYPE_OF),
        (Fraction(1), 0),
    )
    written = tempo.quarter_bpm / float(beat * DOT_FACTORS[dots])
    add(metronome, "beat-unit", TYPE_OF[beat])
    for _ in range(dots):
        add(metronome, "beat-unit-dot")
    add(metronome, "per-minute", f"{written:.1f}".removesuffix(".0"))
    add(direction, "sound", tempo=f"{tempo.quarter_bpm:.6g}")


def add_harmony(symbol: Harmony, staff: int | None) -> ET.Element:
    """A chord symbol."""
    element = ET.Element("harmony")
    kind, text = harmony.musicxml_kind(symbol)
    if symbol.root:
        _add_name(add(element, "root"), "root", symbol.root)
    add(element, "kind", kind).set("text", text)
    if symbol.bass:
        _add_name(add(element, "bass"), "bass", symbol.bass)
    if staff:
        add(element, "staff", staff)
    return element


def _add_name(parent: ET.Element, prefix: str, name: str) -> None:
    add(parent, f"{prefix}-step", name[0])
    if alter := harmony.alter(name):
        add(parent, f"{prefix}-alter", alter)


def direction_signs(sign: Direction, staff: int | None) -> ET.Element:
    """A dynamic, a hairpin or words."""
    direction = ET.Element("direction", placement="above" if sign.kind == "words" else "below")
    kind = add(direction, "direction-type")
    if sign.kind == "dynamic":
        dynamics = add(kind, "dynamics")
        add(dynamics, sign.text if sign.text in DYNAMICS else "other-dynamics")
    elif sign.kind == "hairpin":
        add(kind, "wedge", type=_WEDGES[sign.text])
    else:
        add(kind, "words", sign.text)
    if staff:
        add(direction, "staff", staff)
    return direction


def bar_start_signs(measure: ET.Element, bar: Bar) -> None:
    """Segno and coda."""
    for sign in bar.signs:
        if sign in ("segno", "coda"):
            direction = add(measure, "direction", placement="above")
            add(add(direction, "direction-type"), sign)
            add(direction, "sound", **_SOUNDS[sign])


def bar_end_signs(measure: ET.Element, bar: Bar) -> None:
    """Fine, To Coda, D.C. and D.S."""
    for sign in bar.signs:
        if sign not in ("segno", "coda"):
            direction = add(measure, "direction", placement="above")
            text = {"fine": "Fine", "to coda": "To Coda"}.get(sign, sign)
            add(
                add(direction, "direction-type"),
                "words",
                text,
                justify="right",
                halign="right",
                **{"font-weight": "bold"},
            )
            add(direction, "sound", **_SOUNDS[sign[:4] if sign.startswith("D.") else sign])


def add_left_barline(measure: ET.Element, bar: Bar) -> None:
    """The start of a repeat or an ending."""
    if not (bar.repeat_start or bar.ending):
        return
    barline = add(measure, "barline", location="left")
    if bar.repeat_start:
        add(barline, "bar-style", "heavy-light")
    if bar.ending:
        add(barline, "ending", number=bar.ending.replace(",", ", "), type="start")
    if bar.repeat_start:
        add(barline, "repeat", direction="forward")


def add_right_barline(measure: ET.Element, bar: Bar, ending: str, last: bool) -> None:
    """The end of a repeat, an ending or the piece, and other special bar lines."""
    style = {"double": "light-light", "final": "light-heavy", "dashed": "dashed"}.get(bar.line, "")
    if bar.repeat_end or (last and not style):
        style = "light-heavy"
    if not (style or ending):
        return
    barline = add(measure, "barline", location="right")
    if style:
        add(barline, "bar-style", style)
    if ending:
        add(barline, "ending", number=ending.replace(",", ", "), type="stop" if bar.repeat_end else "discontinue")
    if bar.repeat_end:
        times = {} if bar.times == 2 else {"times": str(bar.times)}
        add(barline, "repeat", direction="backward", **times)
