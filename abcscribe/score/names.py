"""What stands in front of the staves: names of parts told apart by numbers, and their abbreviations."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from abcscribe.score import instruments
from abcscribe.score.model import Part

_ABBREVIATIONS = {  # Gould, Behind Bars, appendix: abbreviations of instruments
    "piano": "Pno.", "electric piano": "E. Pno.", "harpsichord": "Hpschd.", "celesta": "Cel.", "glockenspiel": "Glock.",
    "vibraphone": "Vib.", "marimba": "Mar.", "xylophone": "Xyl.", "organ": "Org.", "accordion": "Acc.",
    "harmonica": "Harm.",
    "guitar": "Gtr.", "electric guitar": "E. Gtr.", "bass guitar": "B. Gtr.", "double bass": "D. B.",
    "contrabass": "Cb.",
    "violin": "Vln.", "viola": "Vla.", "violoncello": "Vc.", "cello": "Vc.", "harp": "Hp.", "timpani": "Timp.",
    "strings": "Str.", "voice": "V.", "soprano": "S.", "alto": "A.", "tenor": "T.", "baritone": "Bar.", "bass": "B.",
    "trumpet": "Tpt.", "trombone": "Tbn.", "tuba": "Tba.", "horn": "Hn.", "french horn": "Hn.", "brass": "Br.",
    "soprano saxophone": "S. Sax.", "alto saxophone": "A. Sax.", "tenor saxophone": "T. Sax.", "soprano sax": "S. Sax.",
    "alto sax": "A. Sax.", "tenor sax": "T. Sax.", "baritone sax": "B. Sax.", "baritone saxophone": "B. Sax.",
    "oboe": "Ob.", "english horn": "E. H.", "bassoon": "Bsn.", "clarinet": "Cl.", "bass clarinet": "B. Cl.",
    "piccolo": "Picc.", "flute": "Fl.", "recorder": "Rec.", "whistle": "Wh.", "banjo": "Bjo.", "mandolin": "Mand.",
    "ukulele": "Uke.", "percussion": "Perc.", "drums": "Dr.", "drumset": "D. S.", "fiddle": "Fdl.", "choir": "Ch.",
}  # fmt: skip
_SHORT_ENOUGH = 5  # characters


def plainly_named(part: Part, missing: bool = False) -> Part:
    """The part with the name that a musician gives to the instrument, where its own is General MIDI's; or where it is
    missing, if that is wanted."""
    jargon = part.name == instruments.name(part.program) or (missing and not part.name)
    return replace(part, name=instruments.plain_name(part.program)) if jargon else part


def printed_names(parts: Sequence[Part]) -> list[str]:
    """The names of the parts; those that are equal get numbers: ``Clarinet 1``, ``Clarinet 2``."""
    counts = Counter(part.name for part in parts if part.name)
    taken: Counter[str] = Counter()
    names = []
    for part in parts:
        taken[part.name] += 1
        names.append(f"{part.name} {taken[part.name]}" if counts[part.name] > 1 else part.name)
    return names


def abbreviation(name: str, program: int) -> str:
    """A short form for the systems after the first: ``Vln. 2``."""
    words, _, number = name.rpartition(" ")
    if not words or not re.fullmatch(r"\d{1,2}|[IVX]{1,4}", number):
        words, number = name, ""
    known = words.casefold()
    first = known.partition(" in ")[0]
    short = _ABBREVIATIONS.get(known) or _ABBREVIATIONS.get(first)
    if not short and known == instruments.name(program).casefold():
        short = _ABBREVIATIONS.get(instruments.plain_name(program).casefold())
    if not short:
        short = words if len(words) <= _SHORT_ENOUGH else words[:3].rstrip() + "."
    return f"{short} {number}".strip()
