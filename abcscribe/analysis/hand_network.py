"""A small network: which hand plays each note of a keyboard part, and whether the note belongs to a lower voice.

It reads the notes in order of time and pitch: where each stands in its chord and bar, how far away the neighbours and
the notes that are still held are, how long it sounds. Blocks of a dilated convolution (`layers.convolution`) see some
sixty notes to either side. Learned from printed keyboard music by ``abcscribe train small hands``, run here with numpy.
"""

from __future__ import annotations

import numpy as np

from abcscribe.analysis import layers
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import weight_files

WEIGHTS = FOLDER / "hands.npz"
DILATIONS = (1, 2, 4, 8, 16, 32)  # of the blocks, in notes
FEATURES = 17
BEFORE = 12  # notes before one of which it is known whether they are held
FAR = 24.0  # semitones: as far as a neighbour is seen
SEGMENT, MARGIN = 1024, 64  # notes looked at together, and how many of them beside those that are told


def guess(features: np.ndarray) -> np.ndarray:
    """(n, 2) log odds from (n, FEATURES): that the right hand plays a note; that it is in a lower voice of its hand."""
    parts, step = [], SEGMENT - 2 * MARGIN
    for first in range(0, max(1, len(features) - 2 * MARGIN), step):
        last = first + SEGMENT >= len(features)
        inner = slice(MARGIN if first else 0, None if last else SEGMENT - MARGIN)
        parts.append(_segment(features[first : first + SEGMENT])[inner])
    return np.concatenate(parts)


def features(
    onset: np.ndarray, sounded: np.ndarray, pitch: np.ndarray, place: np.ndarray, bar: float, beat: float
) -> np.ndarray:
    """What the network reads.

    Args:
        onset: (n,) quarters, never falling.
        sounded: (n,) quarters.
        pitch: (n,) MIDI, rising within a chord, which is what has one onset.
        place: (n,) quarters from the bar line.
        bar, beat: quarters.

    Returns:
        (n, FEATURES)
    """
    distinct, first, chord, count = np.unique(onset, return_index=True, return_inverse=True, return_counts=True)
    rank, size = np.arange(len(onset)) - first[chord], count[chord]
    gaps = np.diff(distinct)
    before, after = np.concatenate([[1.0], gaps])[chord], np.concatenate([gaps, [1.0]])[chord]
    steps = np.diff(pitch)
    below = np.where(rank > 0, np.concatenate([[FAR], steps]), FAR)
    above = np.where(rank < size - 1, np.concatenate([steps, [FAR]]), FAR)
    return np.stack([
        (pitch - 62) / 12,
        np.where(size > 1, rank / np.maximum(size - 1, 1), 0.5),
        np.log2(size),
        np.minimum(below, FAR) / 12,
        np.minimum(above, FAR) / 12,
        np.log2(before.clip(1 / 16, 8)),
        np.log2(after.clip(1 / 16, 8)),
        np.log2(sounded.clip(1 / 16, 16)),
        np.log2((sounded / after.clip(1 / 16)).clip(1 / 8, 16)),
        *_held(onset, sounded, pitch),
        place / max(bar, 0.5),
        place < 1e-3,
        np.abs(place / beat - np.round(place / beat)) < 1e-3,
        rank == 0,
        rank == size - 1,
    ], axis=1).astype(np.float32)  # fmt: skip


def _held(onset: np.ndarray, sounded: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, ...]:
    """Of the notes before each one that still sound: octaves up to the next above, down to the next below, number."""
    shape = (len(onset), BEFORE)
    index = np.arange(shape[0])[:, None] - np.arange(1, BEFORE + 1)
    there, index = index >= 0, index.clip(0)
    held = there & (onset[index] < onset[:, None] - 1e-3) & ((onset + sounded)[index] > onset[:, None] + 0.05)
    away = pitch[index] - pitch[:, None]
    above = np.where(held & (away >= 0), away, FAR).min(axis=1, initial=FAR)
    below = np.where(held & (away < 0), -away, FAR).min(axis=1, initial=FAR)
    return above / 12, below / 12, held.sum(axis=1).clip(max=8) / 4


def _segment(features: np.ndarray) -> np.ndarray:
    w = weight_files.load(WEIGHTS)
    hidden = layers.linear((features - w["mean"]) / w["scale"], w, "i")
    for index, dilation in enumerate(DILATIONS):
        hidden = layers.convolution(hidden, w, f"b.{index}", dilation)
    return layers.linear(layers.normalised(hidden, w, "n"), w, "o")
