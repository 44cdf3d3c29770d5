"""Chord symbols: text such as ``F#m7b5/C`` -> Harmony and back, MusicXML's names of their kinds, their movement."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from abcscribe.score.model import Harmony

# How lead sheets write a kind -> MusicXML's <kind>. The first text of a kind is the one that is written.
KINDS = {
    "": "major", "m": "minor", "7": "dominant", "maj7": "major-seventh", "m7": "minor-seventh", "dim": "diminished",
    "dim7": "diminished-seventh", "aug": "augmented", "m7b5": "half-diminished", "aug7": "augmented-seventh",
    "m(maj7)": "major-minor", "6": "major-sixth", "m6": "minor-sixth", "9": "dominant-ninth", "maj9": "major-ninth",
    "m9": "minor-ninth", "11": "dominant-11th", "maj11": "major-11th", "m11": "minor-11th", "13": "dominant-13th",
    "maj13": "major-13th", "m13": "minor-13th", "sus2": "suspended-second", "sus4": "suspended-fourth", "5": "power",
}  # fmt: skip
_OTHER_TEXTS = {
    "maj": "", "M": "", "min": "m", "-": "m", "mi": "m", "M7": "maj7", "Maj7": "maj7", "ma7": "maj7", "j7": "maj7",
    "△": "maj7",
    "△7": "maj7", "min7": "m7", "-7": "m7", "mi7": "m7", "o": "dim", "°": "dim", "o7": "dim7", "°7": "dim7", "+": "aug",
    "ø": "m7b5", "ø7": "m7b5", "-7b5": "m7b5", "m7-5": "m7b5", "+7": "aug7", "7#5": "aug7", "mMaj7": "m(maj7)",
    "mM7": "m(maj7)", "mmaj7": "m(maj7)", "min6": "m6", "-6": "m6", "M9": "maj9", "min9": "m9", "-9": "m9",
    "sus": "sus4",
}  # fmt: skip
_KIND_TEXTS = {kind: text for text, kind in reversed(KINDS.items())}
_SYMBOL = re.compile(r"\(?([A-G])([#b♯♭]{0,2})([^/\s]{0,20}?)(?:/([A-Ga-g])([#b♯♭]?))?\)?")
_NO_CHORD = re.compile(r"(?i)N\.?\s?C\.?")
_FIFTHS = "FCGDAEB"


def parse(text: str, start: Fraction = Fraction(0)) -> Harmony | None:
    """The chord that a text names; None if it names none, as ``Fine`` and ``D.C.`` do not."""
    text = text.strip()
    if _NO_CHORD.fullmatch(text):
        return Harmony(start)
    match = _SYMBOL.fullmatch(text)
    if not match or not _is_kind(match[3]):
        return None
    root, bass = match[1] + _signs(match[2]), (match[4] or "").upper() + _signs(match[5] or "")
    return Harmony(start, root, _OTHER_TEXTS.get(match[3], match[3]), bass)


def _is_kind(text: str) -> bool:
    plain = re.sub(r"[()\s,]", "", text)
    return bool(
        re.fullmatch(r"(?:maj|Maj|min|dim|aug|sus|add|alt|omit|no|ma|mi|m|M|j|o|°|ø|△|\+|-|[#b♯♭]?\d{1,2})*", plain)
    )


def _signs(text: str) -> str:
    return text.replace("♯", "#").replace("♭", "b")


def musicxml_kind(harmony: Harmony) -> tuple[str, str]:
    """(MusicXML's kind, the text to print): "other" for what it has no name for."""
    if not harmony.root:
        return "none", "N.C."
    return KINDS.get(harmony.kind, "other"), harmony.kind


def from_musicxml_kind(kind: str, text: str | None) -> str:
    """The text of a kind of MusicXML; ``text`` is what its file prints, which counts if the name says too little."""
    if kind in _KIND_TEXTS:
        return _KIND_TEXTS[kind]
    return _OTHER_TEXTS.get(text or "", text or "") if text and _is_kind(text) else _KIND_TEXTS.get(kind, "")


def moved(harmony: Harmony, fifths: int) -> Harmony:
    """The chord some places higher on the line of fifths: two for a whole tone up."""
    return replace(harmony, root=_moved_name(harmony.root, fifths), bass=_moved_name(harmony.bass, fifths))


def _moved_name(name: str, fifths: int) -> str:
    if not name:
        return name
    place = _FIFTHS.index(name[0]) + 7 * (name.count("#") - name.count("b")) + fifths
    if not -7 <= place <= 13:  # beyond single accidentals: the enharmonic name
        place -= 12 if place > 0 else -12
    alter, index = divmod(place, 7)
    return _FIFTHS[index] + ("#" * alter if alter > 0 else "b" * -alter)


def alter(name: str) -> int:
    """Semitones that the signs of a name such as ``Bb`` make."""
    return name.count("#") - name.count("b")
