"""Performance -> waveform from folders of recorded notes (``A4.mp3``, ``Cs3.mp3``, ``F#3v10.ogg``).

For test suites only: these sounds are never trained on, so they tell how the tower does on timbres it has not heard. A
folder is what an npm package of samples unpacks to; docs/metrics.md names packages and licences.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np

from abcscribe import audio
from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import STEP_SEMITONES
from abcscribe.synthesis.performance import Performance

SUFFIXES = (".mp3", ".ogg")
NOTE_NAME = re.compile(r"([A-G])(s|#|b)?(-?\d)(?:v\d+)?")
RELEASE = 0.08  # seconds a note fades after its end
QUIET = 0.02  # share of the peak below which a recording's beginning is cut off
# GM program of an instrument -> how its package's folder is called.
PACKAGES = {
    0: "piano-velocity10", 24: "guitar-nylon", 40: "violin", 66: "saxophone", 71: "clarinet", 73: "flute",
}  # fmt: skip
# Recordings that sound another pitch than their file says (622 Hz and 1398 Hz were measured), and which.
MISNAMED = {("guitar-nylon", "D5"): 75, ("clarinet", "Fs6"): 89}


@cache
def instruments_in(folder: Path) -> dict[int, Path]:
    """GM program -> folder with its samples, for every known package below ``folder``."""
    found = {}
    recordings = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    for program, name in PACKAGES.items():
        samples = [path.parent for path in recordings if name in path.as_posix()]
        if samples:
            found[program] = samples[0]
    if not found:
        raise AbcscribeError(f"{folder} holds none of the sampled instruments {', '.join(PACKAGES.values())}.")
    return found


def playable(folder: Path) -> tuple[int, int]:
    """Lowest and highest MIDI pitch that the samples reach, four semitones beyond the outermost."""
    pitches = [pitch for pitch, _ in _samples(folder)]
    return min(pitches) - 4, max(pitches) + 4


def render(performance: Performance, folders: dict[int, Path], seconds: float) -> np.ndarray:
    """Mix the notes of all parts. Returns (samples,) float32."""
    waveform = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    notes = zip(
        performance.onset, performance.offset, performance.pitch, performance.velocity, performance.part, strict=True
    )
    for onset, offset, pitch, velocity, part in notes:
        start = int(onset * SAMPLE_RATE)
        sound = _note(folders[performance.programs[part]], int(pitch), offset - onset + RELEASE)
        sound = sound[: max(0, waveform.size - start)]
        waveform[start : start + sound.size] += sound * np.float32((velocity / 127) ** 1.5)
    return waveform


def _note(folder: Path, pitch: int, seconds: float) -> np.ndarray:
    """The nearest sample, played faster or slower, faded out at its end."""
    recorded, sample = min(_samples(folder), key=lambda item: abs(item[0] - pitch))
    speed = 2 ** ((pitch - recorded) / 12)
    length = min(int(seconds * SAMPLE_RATE), int((sample.size - 1) / speed))
    sound = np.interp(np.arange(length) * speed, np.arange(sample.size), sample).astype(np.float32)
    fade = min(int(RELEASE * SAMPLE_RATE), length)
    if fade:
        sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sound


@cache
def _samples(folder: Path) -> tuple[tuple[int, np.ndarray], ...]:
    """(MIDI pitch, waveform) of every sample, cut to where the sound begins, peak 0.3."""
    found = []
    for path in sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES):
        name = NOTE_NAME.fullmatch(path.stem)
        if not name:
            continue
        pitch = _pitch(path, name)
        waveform = audio.load(path)
        peak = float(np.abs(waveform).max())
        begin = int(np.argmax(np.abs(waveform) > QUIET * peak))
        found.append((pitch, waveform[begin:] * np.float32(0.3 / peak)))
    return tuple(found)


def _pitch(path: Path, name: re.Match[str]) -> int:
    for (package, stem), sounding in MISNAMED.items():
        if path.stem == stem and package in path.as_posix():
            return sounding
    step, accidental, octave = name.groups()
    return 12 * (int(octave) + 1) + STEP_SEMITONES[step] + {"s": 1, "#": 1, "b": -1, None: 0}[accidental]
