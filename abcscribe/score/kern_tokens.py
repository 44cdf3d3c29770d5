"""Tokens of Humdrum **kern -> values: note values, pitches, signs, signatures. No token raises; what is none is None.

After the Humdrum Reference Guide (Huron), "**kern": a note is a reciprocal value, dots,
a letter repeated for its octave
and accidentals, with one letter or sign for whatever else there is.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.marks import MARKS
from abcscribe.score.model import Harmony, Key, Metre, Pitch, Syllable, Tempo
from abcscribe.score.spelling import key_named

CLEFS = {
    "G2": "treble", "Gv2": "treble-8", "G^2": "treble+8", "F4": "bass", "Fv4": "bass-8", "F3": "baritone",
    "C1": "soprano",
    "C2": "mezzo", "C3": "alto", "C4": "tenor", "C5": "baritone", "X": "perc",
}  # fmt: skip
MODES = {
    "dor": "dorian", "phr": "phrygian", "lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian", "ion": "ionian",
    "loc": "locrian",
}  # fmt: skip
# Names of beats in metronome marks, as in [quarter-dot]=60 -> quarters
BEATS = {
    name + "-dot" * dotted: beat * (Fraction(3, 2) if dotted else 1)
    for name, beat in {"whole": Fraction(4), "half": Fraction(2), "quarter": Fraction(1), "eighth": Fraction(1, 2),
                       "sixteenth": Fraction(1, 4)}.items()
    for dotted in (0, 1)
}  # fmt: skip
# Codes of instruments behind *I (Humdrum User's Guide, appendix II, and its later additions) -> General MIDI program.
# The first code of a program is the one that is written.
PROGRAMS = {
    "piano": 0, "forte": 0, "cemba": 6, "clavi": 7, "celst": 8, "glock": 9, "vibra": 11, "marim": 12, "xylo": 13,
    "campn": 14, "dulci": 15, "hammd": 16, "organ": 19, "reedo": 20, "accor": 21, "armon": 22, "guitr": 24, "gitar": 24,
    "eguit": 27, "cbass": 43, "bguit": 33, "violn": 40, "viola": 41, "cello": 42, "harp": 46, "arpa": 46, "timpa": 47,
    "vox": 52, "soprn": 52, "mezzo": 52, "alto": 52, "calto": 52, "cntlt": 52, "canto": 52, "cant": 52, "tenor": 52,
    "barit": 52, "bass": 52, "coro": 52, "male": 52, "feme": 52, "synth": 81,
    "tromp": 56, "cornt": 56, "flugh": 56, "clrno": 56, "tromb": 57, "trmb": 57, "troma": 57, "tromt": 57, "tuba": 58,
    "cor": 60, "corno": 60, "saxS": 64, "saxA": 65, "saxT": 66, "saxB": 67, "oboe": 68, "cangl": 69, "fagot": 70,
    "clars": 71, "clart": 71, "clara": 71, "clarb": 71, "picco": 72, "flt": 73, "flt,": 73, "fltds": 74, "recdr": 74,
    "panpi": 75, "shaku": 77, "ocari": 79, "sitar": 104, "banjo": 105, "shami": 106, "koto": 107, "bagpi": 109,
    "steel": 114, "drmsp": PERCUSSION, "kit": PERCUSSION,
}  # fmt: skip
HEADS = {"dia": "diamond"}  # of layout comments -> names of MusicXML
_VALUE = re.compile(r"(\d{1,4})(?:%(\d{1,4}))?(\.{0,4})")
_PITCH = re.compile(r"([A-G]{1,5}|[a-g]{1,6})(#{1,3}|-{1,3}|n|)")
_SIGNS = sorted(((mark.kern, name) for name, mark in MARKS.items() if mark.kern), key=lambda item: -len(item[0]))
_TREMOLO = re.compile(r"@+(\d{1,4})@+")
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
    head: str = ""  # a notehead that is not the usual one


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
    tremolo = _TREMOLO.search(text)
    text = _TREMOLO.sub("", text)
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
    marks = _marks(text)
    if tremolo and duration and (slashes := tremolo_slashes(int(tremolo[1]), duration)):
        marks = (*marks, f"tremolo-{slashes}")
    return Token(duration, Pitch(letters[0].upper(), alter, octave), tie, text.count("("), text.count(")"), marks)


def tremolo_slashes(value: int, duration: Fraction) -> int:
    """How many slashes through a stem divide a note into values such as 16; 0 for what no sign says."""
    return next((n for n in (1, 2, 3) if value == tremolo_value(n, duration)), 0)


def tremolo_value(slashes: int, duration: Fraction) -> int:
    """The value that so many slashes mean: on a quarter or longer one is 8, on an eighth 16."""
    flags = 0
    while duration < Fraction(1, 2**flags):
        flags += 1
    return int(4 * 2 ** (slashes + flags))


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
        mode = MODES.get(match[3] or "", "major" if match[1].isupper() else "minor")
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
    """``glo-``, ``-ri-``, ``-a``, ``oh_`` for what is held; None for a mark of extension or nothing."""
    held = text.rstrip().endswith("_")
    words = text.strip().lstrip("-").replace("_", "")
    joined = words.endswith("-")
    words = " ".join(words.rstrip("-").split())
    return Syllable(words, joined, held) if words and words not in (".", "|") else None


def chord_symbol(text: str, start: Fraction) -> Harmony | None:
    """A token of **mxhm, such as ``E- minor-seventh`` or ``C major/G``."""
    from abcscribe.score.harmony import from_musicxml_kind, parse

    if text.strip().lower() in ("none", "n.c.", "nc"):
        return Harmony(start)
    match = re.fullmatch(r"([A-G])([#-]{0,2}) +(\S.*?)(?:/([A-G])([#-]{0,2}))?", text.strip())
    if not match:
        return parse(text, start)
    root, bass = match[1] + match[2].replace("-", "b"), (match[4] or "") + (match[5] or "").replace("-", "b")
    return Harmony(start, root, from_musicxml_kind(match[3], match[3]), bass)


def designation(text: str) -> tuple[str, Tempo | None]:
    """!!!OMD: the words of tempo and a metronome mark, as in ``Lento [quarter-dot]=60``."""
    match = re.search(
        r"\[?\b(" + "|".join(sorted(BEATS, key=len, reverse=True)) + r")\]?\s*=\s*(\d{1,4}(?:\.\d{1,3})?)", text
    )
    if not match:
        return " ".join(text.split()), None
    bpm = float(match[2])
    words = " ".join((text[: match.start()] + text[match.end() :]).replace("()", "").split())
    return words, Tempo(bpm, BEATS[match[1]]) if bpm >= 1 else None


def parameters(comment: str) -> tuple[str, dict[str, str]]:
    """A layout comment, ``!LO:TX:a:t=dolce``, as its kind and its parameters."""
    kind, *rest = comment[len("!LO:") :].split(":")
    found = (part.partition("=") for part in rest)
    return kind, {name: html.unescape(value).strip() for name, _, value in found}
