"""A folder of small libraries of made tones, as `abcscribe.synthesis.sound_library` reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 24_000
PITCHES = range(36, 97, 6)
BLOCK = """instrument: {name}
repository: https://example.org/{name}
commit: 0123abc
licence: {licence}
author: Nobody
program: {program}
sustained: {sustained}
split: {split}
"""


def tone(midi: float, seconds: float, decay: float, before: float = 0.02) -> np.ndarray:
    """A few partials after a short silence; ``decay`` 1/s, 0 for a tone that is held."""
    t = np.arange(int(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((midi - 69) / 12)
    partials = sum(np.sin(2 * np.pi * k * hertz * t + k) / k**1.5 for k in range(1, 9) if k * hertz < RATE / 2.5)
    rise = np.minimum(1, t / 0.004)
    return np.concatenate([np.zeros(int(before * RATE)), 0.3 * partials * rise * np.exp(-decay * t)]).astype(np.float32)


def write_instrument(
    library: Path, name: str, program: int, *, sustained: bool, split: str = "train", licence: str = "CC0-1.0",
    cents: float = 0.0,
) -> None:  # fmt: skip
    """Notes of one instrument, with two velocity layers if it is struck."""
    (library / name).mkdir(parents=True, exist_ok=True)
    (library / "LICENSE").write_text("given away\n")
    with (library / "SOURCE").open("a") as file:
        file.write(
            BLOCK.format(name=name, licence=licence, program=program, sustained=int(sustained), split=split) + "\n"
        )
    for midi in PITCHES:
        for layer in (1,) if sustained else (1, 2):
            wave = tone(midi + cents / 100, 1.2, 0.0 if sustained else 3.0) * (
                0.4 if layer == 1 and not sustained else 1
            )
            soundfile.write(library / name / f"{midi:03d}_x_v{layer}.wav", wave, RATE)


def write_kit(library: Path, name: str, split: str = "train") -> None:
    """A kick, a snare and a hat: a low tone and two noises."""
    (library / name).mkdir(parents=True, exist_ok=True)
    with (library / "SOURCE").open("a") as file:
        file.write(BLOCK.format(name=name, licence="MIT", program=128, sustained=0, split=split) + "\n")
    t = np.arange(int(0.3 * RATE)) / RATE
    noise = np.random.default_rng(0).standard_normal(t.size)
    sounds = {36: np.sin(2 * np.pi * 60 * t) * np.exp(-12 * t), 38: noise * np.exp(-20 * t) * 0.4}
    sounds[42] = np.diff(noise, prepend=0) * np.exp(-60 * t) * 0.3
    for key, wave in sounds.items():
        soundfile.write(library / name / f"key{key:03d}_x_v1.wav", (0.7 * wave).astype(np.float32), RATE)


def write_libraries(folder: Path) -> Path:
    """A sustained and a struck instrument and a kit to train on, the same to validate with, and a room."""
    for split in ("train", "valid"):
        write_instrument(folder / f"winds-{split}", f"flute-{split}", 73, sustained=True, split=split)
        write_instrument(folder / f"keys-{split}", f"piano-{split}", 0, sustained=False, split=split)
        write_kit(folder / f"drums-{split}", f"kit-{split}", split)
    room = np.exp(-np.arange(RATE) / RATE * 4) * np.random.default_rng(1).standard_normal(RATE) * 0.1
    room[100] = 1
    (folder / "impulse-responses" / "made").mkdir(parents=True)
    soundfile.write(folder / "impulse-responses" / "made" / "hall.wav", 0.9 * room.astype(np.float32), RATE)
    return folder
