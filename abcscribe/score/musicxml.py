"""Score -> MusicXML 4.0, complete enough to engrave: beams, tuplet brackets, ties, accidentals, voices and staves.

Written here and not through lytk's writer, because that knows no tablature and no ending for several turns ("1, 2").
This module writes what stands before the music; ``musicxml_part`` writes the parts. Transposing instruments are written
as their players read them unless the score is wanted at sounding pitch.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from itertools import groupby

from abcscribe.score import instruments, percussion
from abcscribe.score.model import Part, Score
from abcscribe.score.musicxml_notes import add
from abcscribe.score.musicxml_part import PartWriter, TabStaff, measure_numbers
from abcscribe.score.names import abbreviation, printed_names

__all__ = ["TabStaff", "measure_numbers", "to_musicxml"]

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_ILLEGAL_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BRACKETED = ("strings", "ensemble", "brass", "reed", "pipe")  # GM groups that share a bracket when they stand together
_PERCUSSION_CHANNEL = 10


def to_musicxml(score: Score, tabs: Mapping[int, TabStaff] | None = None, concert: bool = False) -> str:
    """MusicXML text of a score.

    Args:
        score: any score without ``problems``.
        tabs: which parts (by index) are tablature.
        concert: write transposing instruments at sounding pitch.
    """
    root = ET.Element("score-partwise", version="4.0")
    if score.title:
        add(add(root, "work"), "work-title", score.title)
    identification = add(root, "identification")
    if score.composer:
        add(identification, "creator", score.composer, type="composer")
    add(add(identification, "encoding"), "software", "abcscribe")
    for kind, text, side, height in (
        ("title", score.title, "center", "top"),
        ("composer", score.composer, "right", "bottom"),
    ):
        if text:
            credit = add(root, "credit", page="1")
            add(credit, "credit-type", kind)
            add(credit, "credit-words", text, justify=side, halign=side, valign=height)
    _add_part_list(add(root, "part-list"), score.parts)
    for index, part in enumerate(score.parts):
        writer = PartWriter(score.bars, part, f"P{index + 1}", (tabs or {}).get(index), index == 0, concert)
        writer.write(add(root, "part", id=f"P{index + 1}"))
    ET.indent(root, " ")
    return _HEAD + _ILLEGAL_XML.sub("", ET.tostring(root, encoding="unicode")) + "\n"


def _add_part_list(part_list: ET.Element, parts: Sequence[Part]) -> None:
    names = printed_names(parts)
    groups = groupby(enumerate(parts, 1), key=lambda indexed: instruments.group(indexed[1].program))
    for number, (group, members) in enumerate(groups, 1):
        family = list(members)
        bracketed = len(family) > 1 and group in _BRACKETED
        if bracketed:
            start = add(part_list, "part-group", number=str(number), type="start")
            add(start, "group-symbol", "bracket")
            add(start, "group-barline", "no" if group == "ensemble" else "yes")  # words stand between singers' staves
        for index, part in family:
            _add_score_part(part_list, index, part, names[index - 1])
        if bracketed:
            add(part_list, "part-group", number=str(number), type="stop")


def _add_score_part(part_list: ET.Element, index: int, part: Part, printed: str) -> None:
    score_part = add(part_list, "score-part", id=f"P{index}")
    add(score_part, "part-name", part.name)
    if printed != part.name:
        add(add(score_part, "part-name-display"), "display-text", printed)
    if printed:
        add(score_part, "part-abbreviation", abbreviation(printed, part.program))
    if part.program == instruments.PERCUSSION:
        _add_drums(score_part, index, part)
        return
    add(add(score_part, "score-instrument", id=f"P{index}-I1"), "instrument-name", instruments.name(part.program))
    midi = add(score_part, "midi-instrument", id=f"P{index}-I1")
    channel = (index - 1) % 15 + 1  # one of the 15 that are not percussion
    add(midi, "midi-channel", channel + (channel >= _PERCUSSION_CHANNEL))
    add(midi, "midi-program", part.program + 1)


def _add_drums(score_part: ET.Element, index: int, part: Part) -> None:
    """An instrument for each drum that is played."""
    keys = sorted({note.pitch.midi for notes in part.bars for note in notes}) or [38]
    for key in keys:
        add(add(score_part, "score-instrument", id=f"P{index}-I{key + 1}"), "instrument-name", percussion.name(key))
    for key in keys:
        midi = add(score_part, "midi-instrument", id=f"P{index}-I{key + 1}")
        add(midi, "midi-channel", _PERCUSSION_CHANNEL)
        add(midi, "midi-program", 1)
        add(midi, "midi-unpitched", key + 1)
