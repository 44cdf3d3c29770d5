"""What a user says about a recording: `Hints`, and the parsers of their values and of a section's limits.

Shared by every front end, so that ``--key "F# minor"`` means the same wherever it is typed. All raise HintError, whose
sentence names what would be understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abcscribe.errors import AbcscribeError
from abcscribe.score.instruments import GM_NAMES, PERCUSSION
from abcscribe.score.model import MODE_FIFTHS, Key, Metre

FIFTHS = {step: fifths for fifths, step in enumerate("FCGDAEB", -1)}  # of the major key on a step
MODES = {"": "major", "maj": "major", "m": "minor", "min": "minor", "dor": "dorian", "phr": "phrygian"}
MODES |= {"lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian", "loc": "locrian", "ion": "ionian"}


# What musicians call instruments that General MIDI calls otherwise, or does not tell apart.
SPOKEN = {
    "voice": 52, "vocal": 52, "vocals": 52, "singer": 52, "singing": 52, "song": 52, "choir": 52, "soprano": 52,
    "alto": 52, "tenor": 52, "baritone": 52, "bass guitar": 33, "electric bass": 33, "e-bass": 33, "bass": 32,
    "double bass": 43, "upright bass": 32, "string bass": 43, "sax": 65, "saxophone": 65, "guitar": 24,
    "acoustic guitar": 25, "classical guitar": 24, "electric guitar": 27, "piano": 0, "grand piano": 0,
    "keyboard": 0, "keys": 0, "upright piano": 1, "electric piano": 4, "rhodes": 4, "organ": 19, "pipe organ": 19,
    "hammond": 16, "harp": 46, "strings": 48, "horn": 60, "cor anglais": 69, "recorder": 74, "tin whistle": 78,
    "violoncello": 42, "synth": 80, "synthesizer": 80, "drums": PERCUSSION, "drum kit": PERCUSSION,
    "drumset": PERCUSSION, "percussion": PERCUSSION,
}  # fmt: skip
MOST_PARTS = 6
BEAT = re.compile(r"\s*(?:(\d{1,2})\s*/\s*(1|2|4|8|16|32)\s*=)?\s*(\d+(?:\.\d*)?|\.\d+)\s*")


class HintError(AbcscribeError):
    """A hint that cannot be understood."""


@dataclass(frozen=True, init=False)
class Hints:
    """What the user knows; each overrides one decision, and the rest is found around it.

    Text is understood as on the command line:
    ``Hints(metre="3/4", key="Am", instruments="voice, guitar", tempo="3/8=74", downbeat="1:05")``.
    Raises HintError for text that is not.
    """

    tempo: float | None = None  # quarter notes in a minute
    metre: Metre | None = None
    key: Key | None = None
    instrument: int | None = None  # General MIDI program; the recording is then written as one part
    downbeat: float | None = None  # seconds: where some bar begins
    instruments: tuple[int, ...] | None = None  # programs of all who play, a part each
    parts: int | None = None  # how many play
    solo: bool = False  # only the soloist's melody is written
    chords: bool | None = None  # whether chord symbols are written; None: where a song is heard
    swing: bool | None = None  # True: swung eighths are printed even, under "Swing"; False: nothing is taken for swung

    def __init__(
        self,
        tempo: float | str | None = None,
        metre: Metre | str | None = None,
        key: Key | str | None = None,
        instrument: int | str | None = None,
        downbeat: float | str | None = None,
        instruments: Sequence[int] | str | None = None,
        parts: int | str | None = None,
        solo: bool | str = False,
        chords: bool | str | None = None,
        swing: bool | str | None = None,
    ) -> None:
        given = {
            "tempo": tempo, "metre": metre, "key": key, "instrument": instrument, "downbeat": downbeat,
            "instruments": instruments, "parts": parts, "solo": solo, "chords": chords, "swing": swing,
        }  # fmt: skip
        for name, value in given.items():
            object.__setattr__(self, name, PARSERS[name](value) if isinstance(value, str) else value)
        self._agree()

    def _agree(self) -> None:
        """One way to say each thing; raises HintError for hints that contradict one another."""
        players = None if self.instruments is None else tuple(self.instruments)
        if self.instrument is not None and players not in (None, (self.instrument,)):
            raise HintError("Name all who play by instruments, or one player by instrument.")
        if players is None and self.instrument is not None:
            players = (self.instrument,)
        if players is not None and self.parts not in (None, len(players)):
            raise HintError(f"{self.parts} parts and {len(players)} instruments contradict each other.")
        object.__setattr__(self, "instruments", players)
        object.__setattr__(self, "instrument", players[0] if players and len(players) == 1 else None)
        object.__setattr__(self, "parts", self.parts if players is None else None)


def parse_metre(text: str) -> Metre:
    """``3/4``, ``6/8``; ``C`` and ``C|`` as in ABC."""
    text = {"C": "4/4", "C|": "2/2"}.get(text.strip(), text)
    found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(1|2|4|8|16|32)\s*", text)
    if not found or not 1 <= int(found[1]) <= 32:
        raise HintError(f"{text!r} is not a metre; write it like 3/4 or 6/8.")
    return Metre(int(found[1]), int(found[2]))


def parse_key(text: str) -> Key:
    """``G``, ``Am``, ``Bb minor``, ``F# dorian``: tonic and mode; major if no mode is named."""
    found = re.fullmatch(r"\s*([A-Ga-g])(#|b|♯|♭)?\s*([A-Za-z]*)\s*", text)
    mode = found and _mode(found[3])
    if not found or not mode:
        raise HintError(f"{text!r} is not a key; write it like G, Bb minor or D dorian.")
    shift = {"#": 7, "♯": 7, "b": -7, "♭": -7}.get(found[2], 0)
    fifths = FIFTHS[found[1].upper()] + shift - MODE_FIFTHS[mode]
    if abs(fifths) > 7:
        raise HintError(f"{text!r} would need more than seven sharps or flats; name its enharmonic twin.")
    return Key(fifths, mode)


def _mode(text: str) -> str | None:
    if text == "M":
        return "major"
    text = text.lower()
    return text if text in MODE_FIFTHS else MODES.get(text[:3])


def parse_instrument(text: str) -> int:
    """A General MIDI program, 128 for drums: a usual name (``voice``, ``sax``, ``bass guitar``), a name of General MIDI
    or a clear part of it (``alto sax``), or its number 0-127."""
    wanted = " ".join(text.strip().lower().split())
    if wanted.isdecimal() and int(wanted) < len(GM_NAMES):
        return int(wanted)
    if wanted in SPOKEN:
        return SPOKEN[wanted]
    names = [name.lower() for name in GM_NAMES]
    if wanted in names:
        return names.index(wanted)
    words = [word.removesuffix("ophone") if word.startswith("sax") else word for word in wanted.split()]
    fitting = [i for i, name in enumerate(names) if words and all(word in name for word in words)]
    if not fitting:
        raise HintError(f"{text!r} is not an instrument that is known; abcscribe instruments lists all names.")
    return fitting[0]  # the plain instrument comes before its variants in General MIDI


def parse_instruments(text: str) -> tuple[int, ...]:
    """All who play, such as ``voice, guitar``: names or numbers with commas or plus signs between them."""
    names = [name for name in re.split(r"[,+;]", text) if name.strip()]
    if not 1 <= len(names) <= MOST_PARTS:
        raise HintError(f"{text!r} names no or too many players; write up to {MOST_PARTS} like voice, guitar.")
    return tuple(parse_instrument(name) for name in names)


def parse_parts(text: str) -> int:
    """How many play."""
    if not re.fullmatch(r"\s*\d+\s*", text) or not 1 <= int(text) <= MOST_PARTS:
        raise HintError(f"{text!r} is not a number of parts; give 1 to {MOST_PARTS}.")
    return int(text)


def parse_yes(text: str) -> bool:
    """Whether something is wanted: yes or no."""
    wanted = text.strip().lower()
    if wanted not in ("yes", "true", "1", "no", "false", "0"):
        raise HintError(f"{text!r} is neither yes nor no.")
    return wanted in ("yes", "true", "1")


def instrument_names() -> list[tuple[int, str, tuple[str, ...]]]:
    """Program, General MIDI name and other names of every instrument."""
    others: dict[int, list[str]] = {}
    for name, program in SPOKEN.items():
        others.setdefault(program, []).append(name)
    rows = [*enumerate(GM_NAMES), (PERCUSSION, "Percussion")]
    return [(program, name, tuple(others.get(program, ()))) for program, name in rows]


def parse_seconds(text: str) -> float:
    """Seconds from ``95.5``, ``1:35.5`` or ``0:01:35.5``."""
    if not re.fullmatch(r"\s*(\d+:){0,2}\d+(\.\d*)?\s*", text):
        raise HintError(f"{text!r} is not a time; write seconds, or minutes and seconds like 1:35.")
    seconds = 0.0
    for number in text.split(":"):
        seconds = 60 * seconds + float(number)
    return seconds


def parse_tempo(text: str) -> float:
    """Quarter notes in a minute, 10-600: a number, or a metronome mark in any beat such as ``3/8=74``."""
    found = BEAT.fullmatch(text)
    beat = int(found[1] or 1) / int(found[2] or 4) if found else 0.0
    tempo = float(found[3]) * beat * 4 if found else 0.0
    if not 10 <= tempo <= 600:
        raise HintError(
            f"{text!r} is not a tempo; give quarter notes in a minute, from 10 to 600, or a beat like 3/8=74."
        )
    return tempo


SWITCHES = ("solo", "chords", "swing")  # hints that are yes or no
PARSERS: dict[str, Callable[[str], object]] = {
    "tempo": parse_tempo, "metre": parse_metre, "key": parse_key, "instrument": parse_instrument,
    "downbeat": parse_seconds, "instruments": parse_instruments, "parts": parse_parts, "solo": parse_yes,
    "chords": parse_yes, "swing": parse_yes,
}  # fmt: skip
