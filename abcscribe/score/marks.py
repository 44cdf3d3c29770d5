"""Articulations, ornaments and the like on notes: one name each, MusicXML's, and what the other formats call them.

A mark is a name of MARKS in ``Note.marks``. What a format has no sign for is absent from its column.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One sign."""

    group: str  # the element of MusicXML's <notations> it belongs to; "": it stands there itself
    abc: str = ""  # decoration, as between exclamation marks
    lilypond: str = ""  # what follows the note
    kern: str = ""  # signifier behind the pitch
    says: str = "articulations"  # what a user calls its kind


MARKS = {
    "staccato": Mark("articulations", ".", "-.", "'"),
    "staccatissimo": Mark("articulations", "wedge", "-!", "`"),
    "tenuto": Mark("articulations", "tenuto", "--", "~"),
    "accent": Mark("articulations", ">", "->", "^"),
    "strong-accent": Mark("articulations", "^", "-^", "^^"),
    "breath-mark": Mark("articulations", "breath", "\\breathe", ","),
    "caesura": Mark("articulations", "caesura"),
    "trill-mark": Mark("ornaments", "trill", "\\trill", "T", "ornaments"),
    "mordent": Mark("ornaments", "mordent", "\\mordent", "M", "ornaments"),
    "inverted-mordent": Mark("ornaments", "uppermordent", "\\prall", "W", "ornaments"),
    "turn": Mark("ornaments", "turn", "\\turn", "S", "ornaments"),
    "inverted-turn": Mark("ornaments", "invertedturn", "\\reverseturn", "$", "ornaments"),
    "roll": Mark("ornaments", "roll", says="ornaments"),  # of Irish music; MusicXML's other-ornament
    "tremolo-1": Mark("ornaments", "/", ":8", says="ornaments"),
    "tremolo-2": Mark("ornaments", "//", ":16", says="ornaments"),
    "tremolo-3": Mark("ornaments", "///", ":32", says="ornaments"),
    "arpeggiate": Mark("", "arpeggio", "\\arpeggio", ":", "ornaments"),
    "fermata": Mark("", "fermata", "\\fermata", ";", "fermatas"),
    "up-bow": Mark("technical", "upbow", "\\upbow", "v"),
    "down-bow": Mark("technical", "downbow", "\\downbow", "u"),
    "open-string": Mark("technical", "open", "\\open"),
    "thumb-position": Mark("technical", "thumb", "\\thumb"),
    "snap-pizzicato": Mark("technical", "snap", "\\snappizzicato"),
    "stopped": Mark("technical", "+", "-+"),
    **{f"finger-{i}": Mark("technical", str(i), f"-{i}", says="fingerings") for i in range(6)},
}
DYNAMICS = ("pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "sfz", "sf", "fz", "fp", "rfz")
# Velocities as most programs have them: mf is the 80 that notes without any dynamics get.
VELOCITIES = {
    "pppp": 16, "ppp": 24, "pp": 36, "p": 49, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 120, "ffff": 127,
    "sfz": 112, "sf": 112, "fz": 112, "fp": 96, "rfz": 112,
}  # fmt: skip

ABC_MARKS = {mark.abc: name for name, mark in MARKS.items() if mark.abc} | {
    "lowermordent": "mordent", "pralltriller": "inverted-mordent", "emphasis": "accent", "accent": "accent",
    "marcato": "strong-accent", "plus": "stopped", "staccato": "staccato", "tr": "trill-mark",
    "invertedfermata": "fermata",
    "invertedturnx": "inverted-turn", "turnx": "turn", "shortphrase": "breath-mark", "irishroll": "roll",
}  # fmt: skip
ABC_SHORTHAND = {
    ".": "staccato", "~": "roll", "H": "fermata", "L": "accent", "M": "mordent", "P": "inverted-mordent",
    "T": "trill-mark", "u": "up-bow", "v": "down-bow", "R": "roll", "J": "",
}  # fmt: skip
