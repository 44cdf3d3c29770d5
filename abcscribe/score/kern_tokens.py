"""Tokens of Humdrum **kern -> values: note values, pitches, signs, signatures. No token raises; what is none is None.

After the Humdrum Reference Guide (Huron), "**kern": a note is a reciprocal value, dots,
a letter repeated for its octave
and accidentals, with one letter or sign for whatever else there is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.score.marks import MARKS
from abcscribe.score.model import Harmony, Key, Metre, Pitch, Syllable
from abcscribe.score.spelling import key_named

CLEFS = {
    "G2": "treble", "Gv2": "treble-8", "G^2": "treble+8", "F4": "bass", "Fv4": "bass-8", "F3": "baritone",
    "C1": "soprano",
    "C2": "mezzo", "C3": "alto", "C4": "tenor", "C5": "baritone", "X": "perc",
}  # fmt: skip
_VALUE = re.compile(r"(\d{1,4})(?:%(\d{1,4}))?(\.{0,4})")
_PITCH = re.compile(r"([A-G]{1,5}|[a-g]{1,6})(#{1,3}|-{1,3}|n|)")
_SIGNS = sorted(((mark.kern, name) for name, mark in MARKS.items() if mark.kern), key=lambda item: -len(item[0]))
_LOWER = {"t": "T", "m": "M", "w": "W"}  # a semitone instead of a whole tone: the same sign


@dataclass(frozen=True, slots=True)
class Token:
    """A note of a chord, or a rest."""

    duration: Fraction | None  # quarters; None: a grace note
    pitch: Pitch | None  # None: a rest
    tie: bool
    slur_start: int
    slur_stop: int
    marks: tuple[str, ...]


def value(text: str) -> Fraction | None:
    """Quarters of a value such as ``4.`` or ``3%2``; ``0`` is a breve, ``00`` a long."""
    match = _VALUE.search(text)
    if not match:
        return None
    digits, top, dots = match.groups()
    zeros = not digits.strip("0")
    base = Fraction(8 * 2 ** (len(digits) - 1)) if zeros else Fraction(4 * int(top or 1), int(digits))
    return base * (2 - Fraction(1, 2 ** len(dots)))


def note(text: str, before: Fraction | None = None) -> Token | None:
    """A note or rest. ``before`` is the value of the chord's first note, which the others need not repeat."""
    grace = "q" in text.lower()
    duration = None if grace else value(text) or before
    if not grace and not duration:
        return None
    if "r" in text:
        return Token(duration, None, False, 0, 0, ())
    match = _PITCH.search(text)
    if not match:
        return None
    letters, signs = match.groups()
    octave = 3 + len(letters) if letters.islower() else 4 - len(letters)
    alter = max(-2, min(2, signs.count("#") - signs.count("-")))
    tie = "[" in text or "_" in text
    return Token(
        duration, Pitch(letters[0].upper(), alter, octave), tie, text.count("("), text.count(")"), _marks(text)
    )


def _marks(text: str) -> tuple[str, ...]:
    rest = _PITCH.sub("", text, count=1)
    found = []
    for sign, name in _SIGNS:
        small = next((letter for letter, large in _LOWER.items() if large == sign), sign)
        if sign in rest or small in rest:
            found.append(name)
            rest = rest.replace(sign, "").replace(small, "")
    return tuple(found)


def key(text: str) -> Key | None:
    """``*k[f#c#]`` or ``*A:``; with both the second tells the mode."""
    if match := re.fullmatch(r"\*k\[([a-g#\-n]*)\]", text):
        return Key(match[1].count("#") - match[1].count("-"), "major")
    if match := re.fullmatch(r"\*([A-Ga-g])([#-]?):(\w{3})?", text):
        modes = {"dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian",
                 "ion": "ionian", "loc": "locrian"}  # fmt: skip
        mode = modes.get(match[3] or "", "major" if match[1].isupper() else "minor")
        return key_named(match[1].upper() + match[2].replace("-", "b"), mode)
    return None


def metre(text: str) -> tuple[Metre | None] | None:
    """``*M3/4`` as a 1-tuple; ``*MX`` and the like are free."""
    if match := re.fullmatch(r"\*M(\d{1,3}(?:\+\d{1,3})*)/(\d{1,3})(?:%(\d{1,2}))?", text):
        beats, unit, below = sum(map(int, match[1].split("+"))), int(match[2]), int(match[3] or 1)
        if below == 1 and 0 < beats <= 128 and unit in (1, 2, 4, 8, 16, 32, 64, 128):
            return (Metre(beats, unit),)
        return (Metre(2 * beats, 1),) if unit == 0 and 0 < beats <= 32 else None  # */0: breves
    return (None,) if re.fullmatch(r"\*M(X|none|FREI).*", text) else None


def clef(text: str) -> str | None:
    """A clef of the model."""
    if not text.startswith("*clef"):
        return None
    name = text[5:]
    return CLEFS.get(name) or CLEFS.get(name.replace("v", "").replace("^", "")) or ("perc" if name[:1] == "X" else None)


def syllable(text: str) -> Syllable | None:
    """``glo-``, ``-ri-``, ``-a``; None for a mark of extension or nothing."""
    words = text.strip().lstrip("-").replace("_", "")
    joined = words.endswith("-")
    words = " ".join(words.rstrip("-").split())
    return Syllable(words, joined) if words and words not in (".", "|") else None


def chord_symbol(text: str, start: Fraction) -> Harmony | None:
    """A token of **mxhm, such as ``E- minor-seventh`` or ``C major/G``."""
    from abcscribe.score.harmony import from_musicxml_kind, parse

    if text.strip().lower() in ("none", "n.c.", "nc"):
        return Harmony(start)
    match = re.fullmatch(r"([A-G])([#-]?)\s*([a-z0-9-]*)(?:/([A-G])([#-]?))?", text.strip())
    if not match:
        return parse(text, start)
    root, bass = match[1] + match[2].replace("-", "b"), (match[4] or "") + (match[5] or "").replace("-", "b")
    return Harmony(start, root, from_musicxml_kind(match[3] or "major", None), bass)
