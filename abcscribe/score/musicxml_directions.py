"""What stands beside the notes of a MusicXML part: directions, chord symbols, bar lines -> DraftBar.

A tempo inside a bar counts from the next bar line on.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from abcscribe.score import harmony
from abcscribe.score.drafts import DraftBar, one_line
from abcscribe.score.marks import DYNAMICS
from abcscribe.score.model import STEPS, Direction, Harmony, Note, Tempo
from abcscribe.score.musicxml_notes import TYPE_OF
from abcscribe.score.repeats import jump_named

LONGEST_BAR = 1024  # quarters
VALUES = {name: value for value, name in TYPE_OF.items()} | {"long": Fraction(16), "maxima": Fraction(32)}
_BAR_LINES = {"light-light": "double", "light-heavy": "final", "heavy-heavy": "final", "dashed": "dashed"}
_WEDGES = {"crescendo": "<", "diminuendo": ">", "stop": "!"}
_GONE = {  # direction types without a place in a Score -> what a user calls them
    "pedal": "pedal marks", "octave-shift": "octave lines", "dashes": "dashed lines", "bracket": "brackets",
    "harp-pedals": "harp pedals", "scordatura": "scordaturas", "image": "pictures", "other-direction": "directions",
    "principal-voice": "voice marks", "accordion-registration": "registrations", "percussion": "mallet signs",
    "string-mute": "mutes", "damp": "damp signs", "damp-all": "damp signs", "eyeglasses": "directions",
}  # fmt: skip


@dataclass(slots=True)
class Event:
    """A chord of one voice and what waits for it."""

    staff: int
    notes: list[Note]


@dataclass(slots=True)
class Measure:
    """What is known inside of a measure."""

    bar: DraftBar
    raw: Fraction = Fraction(0)  # where we are, in quarters by the file's divisions
    exact: dict[Fraction, Fraction] = field(default_factory=lambda: {Fraction(0): Fraction(0)})  # raw -> sum of values
    voices: dict[str, list[Event]] = field(default_factory=dict)
    last: Event | None = None  # for chord members
    last_span: tuple[Fraction, Fraction] = (Fraction(0), Fraction(0))  # exact (start, duration) of the note before

    @property
    def now(self) -> Fraction:
        return self.exact.get(self.raw, self.raw)

    def advance(self, raw: Fraction, exact: Fraction) -> None:
        end = self.now + exact
        self.raw = min(self.raw + raw, Fraction(LONGEST_BAR))
        self.exact.setdefault(self.raw, min(end, Fraction(LONGEST_BAR)))
        self.bar.length = max(self.bar.length, self.now)


class SignReader:
    """Reads what stands beside the notes; ``left_out`` counts what a Score has no place for."""

    def __init__(self, left_out: Counter[str]) -> None:
        self.left_out = left_out
        self.divisions = Fraction(1)
        self.shift = (0, 0)  # (steps, semitones) from written to sounding

    def _direction(self, element: ET.Element, measure: Measure) -> None:
        staff = integer(element.findtext("staff")) or 1
        start = self._at(element, measure)
        sound, words = element.find("sound"), ""
        metronome = element.find("direction-type/metronome")
        for kind in element.iterfind("direction-type"):
            for sign in kind:
                if sign.tag in ("words", "rehearsal"):
                    words = one_line(f"{words} {''.join(sign.itertext())}")
                elif sign.tag == "dynamics":
                    self.dynamics(sign, start, staff, measure)
                elif sign.tag == "wedge" and (text := _WEDGES.get(sign.get("type", ""))):
                    measure.bar.directions.append(Direction(start, "hairpin", text, staff))
                elif sign.tag in ("segno", "coda"):
                    measure.bar.signs.append(self._coda(sound, str(sign.tag), start, measure))
                elif sign.tag in _GONE:
                    self.left_out[_GONE[sign.tag]] += 1
        tempo = _tempo(metronome, sound)
        self._tempo(tempo, start, measure.bar)
        self._words(words, tempo is not None or element.get("directive") == "yes", sound, start, staff, measure)

    def _coda(self, sound: ET.Element | None, sign: str, start: Fraction, measure: Measure) -> str:
        to_coda = sign == "coda" and ((sound is not None and sound.get("tocoda")) or start > 0)
        return "to coda" if to_coda else sign

    def _words(
        self, words: str, is_tempo: bool, sound: ET.Element | None, start: Fraction, staff: int, measure: Measure
    ) -> None:
        signs = _sound_signs(sound)
        written = jump_named(words)
        if written or signs:
            measure.bar.signs.append(written or signs[0])
        elif words and is_tempo and start == 0:
            measure.bar.words = measure.bar.words or words
        elif words:
            measure.bar.directions.append(Direction(start, "words", words, staff))

    def _sound(self, element: ET.Element, measure: Measure) -> None:
        measure.bar.signs.extend(sign for sign in _sound_signs(element) if sign not in measure.bar.signs)
        self._tempo(_tempo(None, element), measure.now, measure.bar)

    def _tempo(self, tempo: Tempo | None, start: Fraction, bar: DraftBar) -> None:
        if tempo and start:
            bar.later_tempo = tempo
        elif tempo:
            bar.tempo = tempo

    def dynamics(self, element: ET.Element, start: Fraction, staff: int, measure: Measure) -> None:
        for sign in element:
            text = (sign.text or "").strip() if sign.tag == "other-dynamics" else str(sign.tag)
            if text in DYNAMICS:
                measure.bar.directions.append(Direction(start, "dynamic", text, staff))
            elif text:
                measure.bar.directions.append(Direction(start, "words", text, staff))

    def _at(self, element: ET.Element, measure: Measure) -> Fraction:
        """Where a direction stands: here, moved by its offset."""
        offset = (number(element.findtext("offset"), signed=True) or Fraction(0)) / self.divisions
        if not offset:
            return measure.now
        raw = max(Fraction(0), min(measure.raw + offset, Fraction(LONGEST_BAR)))
        return measure.exact.get(raw, raw)

    def _harmony(self, element: ET.Element, measure: Measure) -> None:
        kind, root = element.find("kind"), (element.findtext("root/root-step") or "").strip()
        start = self._at(element, measure)
        if kind is None or (root not in tuple(STEPS) and (kind.text or "").strip() != "none"):
            self.left_out["chord symbols without a root"] += 1
            return
        if element.find("frame") is not None:
            self.left_out["chord diagrams"] += 1
        if (kind.text or "").strip() == "none":
            measure.bar.harmonies.append(Harmony(start))
            return
        bass = (element.findtext("bass/bass-step") or "").strip()
        text = harmony.from_musicxml_kind((kind.text or "").strip(), kind.get("text")) + _degrees(element)
        found = Harmony(
            start, root + _alter(element.findtext("root/root-alter")), text,
            bass + _alter(element.findtext("bass/bass-alter")) if bass in tuple(STEPS) else "",
        )  # fmt: skip
        steps, semitones = self.shift
        measure.bar.harmonies.append(harmony.moved(found, 7 * semitones - 12 * steps))

    def _barline(self, element: ET.Element, measure: Measure) -> None:
        bar = measure.bar
        repeat, ending = element.find("repeat"), element.find("ending")
        right = element.get("location", "right") != "left"
        if repeat is not None:
            forward = repeat.get("direction") == "forward"
            bar.repeat_start, bar.repeat_end = bar.repeat_start or forward, bar.repeat_end or not forward
            bar.times = max(bar.times, min(integer(repeat.get("times")) or 2, 9))
        elif right and element.get("location") != "middle":
            bar.line = _BAR_LINES.get((element.findtext("bar-style") or "").strip(), bar.line)
        if ending is not None and ending.get("type") == "start":
            bar.ending = turns(ending.get("number") or ending.text or "") or "1"
        elif ending is not None:
            bar.ending_stop = True
        self.left_out["fermatas of bar lines"] += len(element.findall("fermata"))
        bar.signs.extend(sign for sign in ("segno", "coda") if element.find(sign) is not None and sign not in bar.signs)


@lru_cache(maxsize=4096)
def integer(text: str | None) -> int | None:
    """A whole number of up to six digits, otherwise None."""
    return int(text) if text and re.fullmatch(r"\s*[+-]?\d{1,6}\s*", text) else None


@lru_cache(maxsize=4096)
def number(text: str | None, signed: bool = False) -> Fraction | None:
    """A decimal number of a length that people write, otherwise None."""
    match = re.fullmatch(r"\s*([+-]?\d{1,12}(?:\.\d{1,12})?)\s*", text or "")
    value = Fraction(match[1]) if match else None
    return value if value is None or signed or value > 0 else None


def turns(text: str) -> str:
    """``"1, 2"``, ``"1.-3."`` -> "1,2", "1,2,3"."""
    found: list[int] = []
    for first, last in re.findall(r"(\d{1,2})\.?(?:\s*[-–]\s*(\d{1,2}))?", text[:40]):
        found.extend(range(int(first), min(int(last or first), int(first) + 8) + 1))
    return ",".join(str(n) for n in dict.fromkeys(found) if n)


def _tempo(metronome: ET.Element | None, sound: ET.Element | None) -> Tempo | None:
    if metronome is not None:
        speed = re.search(r"\d{1,4}(?:\.\d{1,4})?", metronome.findtext("per-minute") or "")
        dots = min(len(metronome.findall("beat-unit-dot")), 4)
        unit = VALUES.get((metronome.findtext("beat-unit") or "").strip(), Fraction(1))
        if speed and 0 < float(speed[0]) <= 2000:
            return Tempo(float(speed[0]), unit * (2 - Fraction(1, 2**dots)))
    speed_text = sound.get("tempo", "") if sound is not None else ""
    value = number(speed_text)
    return Tempo(float(value)) if value and 1 <= value <= 2000 else None


def _sound_signs(sound: ET.Element | None) -> list[str]:
    """Jumps that a <sound> element asks for."""
    if sound is None:
        return []
    names = {
        "dacapo": "D.C.",
        "dalsegno": "D.S.",
        "fine": "fine",
        "tocoda": "to coda",
        "segno": "segno",
        "coda": "coda",
    }
    return [sign for name, sign in names.items() if sound.get(name) not in (None, "no")]


def _degrees(element: ET.Element) -> str:
    """What a chord adds, alters or leaves out: ``add9``, ``b5``, ``no3``."""
    text = ""
    for degree in element.iterfind("degree"):
        value, kind = integer(degree.findtext("degree-value")), (degree.findtext("degree-type") or "").strip()
        sign = _alter(degree.findtext("degree-alter"))
        if value:
            text += {"add": "add" if not sign else "", "subtract": "no"}.get(kind, "") + f"{sign}{value}"
    return text


def _alter(text: str | None) -> str:
    alter = integer(text) or 0
    return "#" * min(alter, 2) if alter > 0 else "b" * min(-alter, 2)


@lru_cache(maxsize=4096)
def note_value(kind: str, dots: int, actual: Fraction | None, normal: Fraction | None) -> Fraction:
    """Quarters of a note value; each dot adds half of what the one before it added."""
    value = VALUES[kind] * (2 - Fraction(1, 2**dots))
    return value * normal / actual if actual and normal else value
