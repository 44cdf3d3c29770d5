"""Recordings of our own for the browser tests: a melody played with rubato, whose onsets are known."""

from pathlib import Path

import media
import numpy as np

RATE = 16_000
MELODY = (67, 69, 71, 72, 74, 76, 74, 72, 71, 69, 67, 64, 65, 67, 71, 72)
PARTIALS = (1.0, 0.55, 0.3, 0.18, 0.1, 0.05)


def rubato_onsets(count: int = len(MELODY)) -> list[float]:
    """Seconds at which the notes begin: a pulse that slows from .4 to .62 s and hurries again."""
    steps = 0.51 - 0.11 * np.cos(np.linspace(0, 2 * np.pi, count))
    return [0.4, *(0.4 + np.cumsum(steps[:-1])).tolist()]


def write_melody(path: Path, onsets: list[float], pitches: tuple[int, ...] = MELODY) -> Path:
    """Write struck tones of six partials, one after the other."""
    ends = [*onsets[1:], onsets[-1] + 0.6]
    sound = np.zeros(int((ends[-1] + 0.5) * RATE), np.float32)
    for onset, end, pitch in zip(onsets, ends, pitches, strict=True):
        t = np.arange(int((end - onset) * RATE)) / RATE
        shape = np.minimum(1, 200 * t) * np.exp(-2.5 * t) * np.minimum(1, 40 * (t[-1] - t))
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(loud * np.sin(2 * np.pi * frequency * (i + 1) * t) for i, loud in enumerate(PARTIALS))
        start = int(onset * RATE)
        sound[start : start + len(t)] += (0.3 * shape * tone).astype(np.float32)
    return media.write(path, sound, RATE)
