"""Instruments made of recorded notes (a folder with ``index.csv``, a line a note): the tower never trained on them.

What a tower hears in sounds that it was not trained on is what it hears of its users' instruments, so the decisions
about players are learned and measured on these beside the soundfonts.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.score.instruments import PERCUSSION
from abcscribe.synthesis.performance import Performance

RELEASE = 0.08  # seconds a note fades after its end
LOOP_FADE = 0.05  # seconds of cross-fade where a sustained sound is repeated
REACH = 4  # semitones beyond the outermost recordings
LEAST_NOTES, LEAST_RANGE = 10, 24  # recordings, and semitones from the lowest to the highest, of a usable instrument


class Recording(NamedTuple):
    """One recorded note."""

    path: Path
    midi: float
    layer: int
    onset: float  # seconds
    sustained: bool


Instrument = tuple[Recording, ...]


@cache
def instruments_in(folder: Path, split: str) -> dict[int, tuple[Instrument, ...]]:
    """General MIDI program -> the instruments of a split of the folder."""
    rows: dict[tuple[int, str], list[Recording]] = defaultdict(list)
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == split and int(row["gm_program"]) != PERCUSSION and row["midi"]:
                rows[int(row["gm_program"]), row["instrument"]].append(
                    Recording(
                        folder / row["file"], float(row["midi"]), int(row["velocity_layer"] or 1),
                        float(row["onset_s"] or 0), row["sustained"] == "1",
                    )
                )  # fmt: skip
    found: dict[int, tuple[Instrument, ...]] = {}
    for (program, _), notes in rows.items():
        pitches = [note.midi for note in notes]
        if len(notes) >= LEAST_NOTES and max(pitches) - min(pitches) >= LEAST_RANGE:
            found[program] = (*found.get(program, ()), tuple(notes))
    return found


def reach(instrument: Instrument) -> tuple[float, float]:
    """Lowest and highest MIDI pitch."""
    pitches = [note.midi for note in instrument]
    return min(pitches) - REACH, max(pitches) + REACH


def render(played: Performance, instrument: Instrument, seconds: float) -> np.ndarray:
    """(samples,) float32: the notes of one part."""
    waveform = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    layers = sorted({note.layer for note in instrument})
    notes = zip(played.onset, played.offset, played.pitch, played.velocity, strict=True)
    for onset, offset, pitch, velocity in notes:
        layer = layers[min(int(velocity) * len(layers) // 128, len(layers) - 1)]
        recording = min(instrument, key=lambda r: (abs(r.midi - pitch), abs(r.layer - layer)))
        sound = _note(recording, float(pitch), float(offset - onset)) * np.float32((velocity / 127) ** 1.5)
        start = int(onset * SAMPLE_RATE)
        sound = sound[: max(0, waveform.size - start)]
        waveform[start : start + sound.size] += sound
    return waveform


def _note(recording: Recording, pitch: float, seconds: float) -> np.ndarray:
    samples, rate = _samples(recording)
    speed = 2 ** ((pitch - recording.midi) / 12) * rate / SAMPLE_RATE
    wanted = int((seconds + RELEASE) * SAMPLE_RATE)
    if recording.sustained:
        samples = _repeated(samples, int(wanted * speed) + 2, int(LOOP_FADE * rate))
    length = min(wanted, int((samples.size - 1) / speed))
    sound = np.interp(np.arange(length) * speed, np.arange(samples.size), samples).astype(np.float32)
    fade = min(int(RELEASE * SAMPLE_RATE), length)
    sound[length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sound


def _repeated(samples: np.ndarray, length: int, fade: int) -> np.ndarray:
    """A sound at least so long: its middle is repeated, faded into itself."""
    middle, end = samples.size // 3, int(samples.size * 0.8)
    if end - middle < 3 * fade:
        return samples
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    made = samples[:end]
    while made.size < length:
        joint = made[-fade:] * (1 - ramp) + samples[middle : middle + fade] * ramp
        made = np.concatenate([made[:-fade], joint, samples[middle + fade : end]])
    return made


@cache
def _samples(recording: Recording) -> tuple[np.ndarray, int]:
    import soundfile

    samples, rate = soundfile.read(recording.path, dtype="float32")
    samples = samples[int(recording.onset * rate) :]
    return samples * np.float32(0.3 / max(float(np.abs(samples).max(initial=0.0)), 1e-4)), rate
