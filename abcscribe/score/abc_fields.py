"""Information fields of ABC (K: M: L: Q: V: %%score): text -> values. What cannot be read is None; nothing raises."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from abcscribe.score.abc_text import unescape
from abcscribe.score.model import CLEFS, STEPS, Key, Metre, Tempo
from abcscribe.score.spelling import key_named

MODES = {
    "": "major", "m": "minor", "maj": "major", "min": "minor", "ion": "ionian", "dor": "dorian", "phr": "phrygian",
    "lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian", "loc": "locrian",
}  # fmt: skip
ACCIDENTAL_ALTERS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}

_SIGNS = str.maketrans({"♯": "#", "♭": "b"})
_TONIC = re.compile(
    r"(?i)([A-G])([#b]?)(?:\s*(exp|maj|min|ion|dor|phr|lyd|mix|aeo|loc)[a-z]*|\s*(m)(?![a-z]))?(?![a-z])"
)
_KEY_ACCIDENTAL = re.compile(r"(\^\^?|__?|=)([A-Ga-g])")
_PROPERTY = re.compile(r'([A-Za-z]+)\s*=\s*("[^"]*"|\S+)|(\S+)')
_METRE = re.compile(r"\(?\s*(\d{1,3}(?:\s*\+\s*\d{1,3})*)\s*\)?\s*/\s*(\d{1,3})")
_FRACTION = re.compile(r"(\d{1,4})\s*/\s*(\d{1,4})")
_BPM = re.compile(r"=?\s*(\d{1,4}(?:\.\d{1,6})?)")
_CLEF = re.compile(
    r"(treble|bass|alto|tenor|soprano|mezzo(?:soprano)?|baritone|perc(?:ussion)?|[GCF])([1-5]?)([+-](?:8|15))?$"
)
_CLEF_NAMES = {
    "G": "treble", "F": "bass", "C": "alto", "mezzosoprano": "mezzo", "percussion": "perc", "bass3": "baritone",
    "F3": "baritone", "F4": "bass", "C1": "soprano", "C2": "mezzo", "C3": "alto", "C4": "tenor", "G2": "treble",
    "alto1": "soprano", "alto2": "mezzo", "alto4": "tenor",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Properties:
    """What K: and V: may say about a voice besides the key."""

    clef: str = ""
    octave: int = 0  # added to written octaves: octave=, or the -8 and +8 of clefs, which sound as they say
    transpose: int | None = None  # semitones from written to sounding
    name: str | None = None


@dataclass(frozen=True, slots=True)
class KeyField:
    key: Key | None  # None: the field changes no key (K:clef=bass)
    alters: dict[str, int] = field(default_factory=dict)  # step -> what the signature does to it
    properties: Properties = Properties()


NO_KEY = KeyField(Key(0, "none"), dict.fromkeys(STEPS, 0))


@dataclass(slots=True)
class Header:
    """What a tune says before its music; every voice begins with it."""

    title: str = ""
    composer: str = ""
    metre: Metre | None = None
    unit: Fraction | None = None  # quarters in L:
    tempo: Tempo | None = None
    key: KeyField | None = None
    program: int | None = None
    accidentals_hold: str = "pitch"  # within a bar: "not", for their "octave", for all octaves of the "pitch"
    layout: list[list[list[str]]] = field(default_factory=list)  # parts of staves of voice names
    words: str = ""  # of tempo
    user: dict[str, str] = field(default_factory=dict)  # letters that U: defines -> names of decorations
    drums: dict[tuple[str, str, int], int] = field(default_factory=dict)  # written note -> key of the drum map

    def set_metre(self, metre: Metre | None) -> None:
        self.metre = metre

    def set_unit(self, unit: Fraction) -> None:
        self.unit = unit

    def set_tempo(self, tempo: Tempo) -> None:
        self.tempo = tempo

    def set_words(self, words: str) -> None:
        self.words = words


@lru_cache(maxsize=1024)
def read_key(text: str) -> KeyField | None:
    """K: in all its forms, ``K:F#m``, ``K:D Phr ^f``, ``K:C exp _b``, ``K:HP``, ``K:none``. None: no key is in it."""
    text = text.translate(_SIGNS).strip()
    if text[:2].lower() == "hp":
        return KeyField(Key(2, "mixolydian"), _signature(Key(2)))
    if text == "" or text[:4].lower() == "none":
        return _with_accidentals(Key(0, "none"), text[4:])
    tonic = _TONIC.match(text)
    if tonic and (tonic[3] or "").lower() != "exp":
        mode = "major" if tonic[4] == "M" else MODES[(tonic[3] or tonic[4] or "").lower()]
        return _with_accidentals(key_named(tonic[1].upper() + tonic[2].lower(), mode), text[tonic.end() :])
    if tonic or _KEY_ACCIDENTAL.match(text):
        return _with_accidentals(Key(0, "none"), text[tonic.end() if tonic else 0 :])
    properties = read_properties(text)
    return KeyField(None, properties=properties) if properties != Properties() else None


def _signature(key: Key) -> dict[str, int]:
    return {step: max(-2, min(2, key.alter(step))) for step in STEPS}


def _with_accidentals(key: Key, rest: str) -> KeyField:
    """A key with further accidentals; they make another signature of a key without mode where there is such a one."""
    alters = _signature(key)
    explicit = {step.upper(): ACCIDENTAL_ALTERS[sign] for sign, step in _KEY_ACCIDENTAL.findall(rest)}
    alters.update(explicit)
    if explicit and key.mode == "none":
        fifths = next((f for f in range(-7, 8) if all(Key(f).alter(s) == a for s, a in alters.items())), 0)
        key = Key(fifths, "none")
    return KeyField(key, alters, read_properties(rest))


def read_properties(text: str) -> Properties:
    """Clef, octave, transposition and name from the end of K: or V:."""
    clef, octave, clef_octave, transpose, name = "", 0, 0, None, None
    for key, value, word in _PROPERTY.findall(text):
        value = value.strip('"') if key.lower() not in ("name", "nm") else value
        if key in ("clef", "") and (found := _clef((value or word).strip('"'))):
            clef, clef_octave = found
        elif key == "octave":
            octave = _integer(value, 9) or 0
        elif key in ("transpose", "t", "sound"):
            transpose = _integer(value, 48)
        elif key.lower() in ("name", "nm"):
            name = unescape(value.strip('"'))
    return Properties(clef, octave or clef_octave, transpose, name)


def _integer(text: str, limit: int) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?\d{1,3}", text) and abs(int(text)) <= limit else None


def _clef(word: str) -> tuple[str, int] | None:
    """(name in CLEFS, octaves by which its notes sound higher than written)."""
    match = _CLEF.match(word)
    if not match:
        return None
    name, line, shift = match.groups()
    name = _CLEF_NAMES.get(name + line, _CLEF_NAMES.get(name, name))
    octaves = {None: 0, "-8": -1, "+8": 1, "-15": -2, "+15": 2}[shift]
    shifted = f"{name}{shift or ''}"
    return shifted if shifted in CLEFS else name, octaves


@lru_cache(maxsize=256)
def read_metre(text: str) -> tuple[Metre | None] | None:
    """M: as a 1-tuple of a metre or free metre; None if it cannot be read."""
    text = text.strip().strip('"')
    if text in ("C", "c"):
        return (Metre(4, 4),)
    if text in ("C|", "c|"):
        return (Metre(2, 2),)
    if text.lower() in ("none", "free", ""):
        return (None,)
    match = _METRE.match(text)
    if not match:
        return None
    beats, unit = sum(map(int, match[1].split("+"))), int(match[2])
    return (Metre(beats, unit),) if 0 < beats <= 128 and unit in (1, 2, 4, 8, 16, 32, 64) else None


def read_unit(text: str) -> Fraction | None:
    """L: in quarters."""
    match = _FRACTION.search(text)
    if not match or not int(match[1]) or not int(match[2]):
        return Fraction(4) if text.strip() == "1" else None
    unit = Fraction(4 * int(match[1]), int(match[2]))
    return unit if Fraction(1, 64) <= unit <= 8 and unit.denominator in (1, 2, 4, 8, 16, 32, 64) else None


def default_unit(metre: Metre | None) -> Fraction:
    """The L: of a tune that has none (ABC 2.1, 3.1.7): a sixteenth in 2/4 and shorter metres, else an eighth."""
    return Fraction(1, 4) if metre and metre.length < 3 else Fraction(1, 2)


@lru_cache(maxsize=256)
def read_tempo(text: str) -> Tempo | None:
    """Q: such as ``1/4=120``, ``"Allegro" 3/8=60``, ``1/4 1/8=50``; ``120`` alone counts quarters, as abc2midi does."""
    plain = re.sub(r'"[^"]*"?', "", text).strip()
    beats, _, speed = plain.rpartition("=")
    beat = sum((Fraction(int(n), int(d)) for n, d in _FRACTION.findall(beats) if int(d)), Fraction(0)) * 4
    match = _BPM.match(speed.strip())
    if not match or not 1 <= float(match[1]) <= 1000:
        return None
    return Tempo(float(match[1]), beat if 0 < beat <= 16 else Fraction(1))


def read_tempo_words(text: str) -> str:
    """The words in Q: such as ``"Allegro" 1/4=120``."""
    return " ".join(unescape(words).strip() for words in re.findall(r'"([^"]*)"', text)).strip()


def read_score_layout(text: str) -> list[list[list[str]]]:
    """%%score or %%staves: parts of staves of voice names. Braces join staves into a part, parentheses voices."""
    parts: list[list[list[str]]] = []
    in_part = in_staff = False
    for token in re.findall(r"[(){}]|[^\s(){}\[\]|*]+", text):
        if token in "{}":
            in_part, in_staff = token == "{", False
            if in_part:
                parts.append([])
        elif token in "()":
            in_staff = token == "("
            if in_staff:
                (parts[-1].append([]) if in_part else parts.append([[]]))
        elif in_staff:
            parts[-1][-1].append(token)
        elif in_part:
            parts[-1].append([token])
        else:
            parts.append([[token]])
    return [staves for part in parts if (staves := [staff for staff in part if staff])]
