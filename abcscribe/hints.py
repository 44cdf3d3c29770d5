"""What a user says about a recording: `Hints`, and the parsers of their values and of a section's limits.

Shared by every front end, so that ``--key "F# minor"`` means the same wherever it is typed. All raise HintError, whose
sentence names what would be understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from abcscribe.errors import AbcscribeError
from abcscribe.score.instruments import GM_NAMES
from abcscribe.score.model import MODE_FIFTHS, Key, Metre

FIFTHS = {step: fifths for fifths, step in enumerate("FCGDAEB", -1)}  # of the major key on a step
MODES = {"": "major", "maj": "major", "m": "minor", "min": "minor", "dor": "dorian", "phr": "phrygian"}
MODES |= {"lyd": "lydian", "mix": "mixolydian", "aeo": "aeolian", "loc": "locrian", "ion": "ionian"}


class HintError(AbcscribeError):
    """A hint that cannot be understood."""


@dataclass(frozen=True, init=False)
class Hints:
    """What the user knows; each overrides one decision, and the rest is found around it.

    Text is understood as on the command line: ``Hints(metre="3/4", key="Am", instrument="flute", downbeat="1:05")``.
    Raises HintError for text that is not.
    """

    tempo: float | None = None  # quarter notes in a minute
    metre: Metre | None = None
    key: Key | None = None
    instrument: int | None = None  # General MIDI program; the recording is then written as one part
    downbeat: float | None = None  # seconds: where some bar begins

    def __init__(
        self,
        tempo: float | str | None = None,
        metre: Metre | str | None = None,
        key: Key | str | None = None,
        instrument: int | str | None = None,
        downbeat: float | str | None = None,
    ) -> None:
        given = {"tempo": tempo, "metre": metre, "key": key, "instrument": instrument, "downbeat": downbeat}
        for name, value in given.items():
            object.__setattr__(self, name, PARSERS[name](value) if isinstance(value, str) else value)


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
    """A General MIDI program: its name or a clear part of it (``violin``, ``alto sax``), or its number 0-127."""
    wanted = text.strip().lower()
    if wanted.isdecimal() and int(wanted) < len(GM_NAMES):
        return int(wanted)
    names = [name.lower() for name in GM_NAMES]
    if wanted in names:
        return names.index(wanted)
    words = wanted.split()
    fitting = [i for i, name in enumerate(names) if words and all(word in name for word in words)]
    if not fitting:
        raise HintError(f"{text!r} is not a General MIDI instrument; violin, alto sax and flute are.")
    return fitting[0]  # the plain instrument comes before its variants in General MIDI


def parse_seconds(text: str) -> float:
    """Seconds from ``95.5``, ``1:35.5`` or ``0:01:35.5``."""
    if not re.fullmatch(r"\s*(\d+:){0,2}\d+(\.\d*)?\s*", text):
        raise HintError(f"{text!r} is not a time; write seconds, or minutes and seconds like 1:35.")
    seconds = 0.0
    for number in text.split(":"):
        seconds = 60 * seconds + float(number)
    return seconds


def parse_tempo(text: str) -> float:
    """Quarter notes in a minute, 10-600."""
    try:
        tempo = float(text)
    except ValueError:
        tempo = 0.0
    if not 10 <= tempo <= 600:
        raise HintError(f"{text!r} is not a tempo; give quarter notes in a minute, from 10 to 600.")
    return tempo


PARSERS: dict[str, Callable[[str], object]] = {
    "tempo": parse_tempo, "metre": parse_metre, "key": parse_key, "instrument": parse_instrument,
    "downbeat": parse_seconds,
}  # fmt: skip
