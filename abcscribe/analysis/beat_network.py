"""A small network that guesses, for every onset, its place in which metre's bar and the tempo around it.

It reads `chord_features` (harmony changes, accents, leaps, long notes, repeated basses), and leaves it to the
search in `beats` to make one consistent reading of its guesses. Blocks of a dilated convolution, which sees the next
onsets, and self-attention, which compares what is alike a beat, a bar or a phrase apart: half of its heads measure the
distance in seconds and half in onsets (rotary angles, Su et al. 2021). Trained on performed public-domain scores by
``abcscribe train small beat-network``, run here with numpy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abcscribe.analysis import layers
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import weight_files
from abcscribe.score.grid import METRE_NAMES

DILATIONS = (1, 2, 4, 8, 16)  # of the blocks, in onsets
WEIGHTS = FOLDER / "beat_network.npz"
HEADS = 8
SECONDS = np.geomspace(0.25, 32, 8)  # periods of the rotary angles of the first half of the heads
ONSETS = np.geomspace(2, 256, 8)  # and of the other half
SEGMENT, MARGIN = 320, 64  # onsets looked at together, and how many of them beside those that are guessed


class Guess(NamedTuple):
    """Log probabilities for n onsets."""

    places: np.ndarray  # (n, places of all METRES in order)
    tempos: np.ndarray  # (n, tempos of beats.BPM)
    metres: np.ndarray  # (metres of METRES,) of the whole


def guess(features: np.ndarray, onsets: np.ndarray) -> Guess:
    """From (n, features) of chords that begin at (n,) seconds."""
    parts, step = [], SEGMENT - 2 * MARGIN
    for first in range(0, max(1, len(onsets) - 2 * MARGIN), step):
        seen = slice(first, first + SEGMENT)
        last = seen.stop >= len(onsets)
        inner = slice(MARGIN if first else 0, None if last else SEGMENT - MARGIN)
        places, tempos, metres = _segment(features[seen], onsets[seen])
        parts.append(Guess(places[inner], tempos[inner], metres))
    places, tempos = (np.concatenate([part[i] for part in parts]) for i in range(2))
    return Guess(places, tempos, layers.log_softmax(np.mean([part.metres for part in parts], axis=0)))


def angles(onsets: np.ndarray) -> np.ndarray:
    """(n, HEADS, 8) radians by which queries and keys are turned."""
    by_time = onsets[:, None] * (2 * np.pi / SECONDS)
    by_index = np.arange(len(onsets))[:, None] * (2 * np.pi / ONSETS)
    half = HEADS // 2
    both = [np.repeat(part[:, None], half, axis=1) for part in (by_time, by_index)]
    return np.concatenate(both, axis=1).astype(np.float32)


def _segment(features: np.ndarray, onsets: np.ndarray) -> tuple[np.ndarray, ...]:
    w = _weights()
    hidden = layers.linear((features - w["mean"]) / w["scale"], w, "i")
    turn = angles(onsets - onsets[0])
    for index, dilation in enumerate(DILATIONS):
        hidden = layers.convolution(hidden, w, f"b.{index}", dilation)
        hidden = _attention(hidden, f"a.{index}", turn)
    hidden = layers.normalised(hidden, w, "n")
    heads = ((hidden, "p"), (hidden, "t"), (hidden.mean(axis=0), "m"))
    return tuple(layers.log_softmax(layers.linear(x, w, head)) for x, head in heads)


def _attention(hidden: np.ndarray, name: str, turn: np.ndarray) -> np.ndarray:
    w = _weights()
    x = layers.normalised(hidden, w, f"{name}.n")
    n, width = x.shape
    mixed = layers.linear(x, w, f"{name}.qkv").reshape(n, 3, HEADS, width // HEADS)
    query, key, value = mixed.transpose(1, 2, 0, 3)  # each (heads, n, width of a head)
    cos, sin = np.cos(turn).transpose(1, 0, 2), np.sin(turn).transpose(1, 0, 2)
    query, key = (_turned(part, cos, sin) for part in (query, key))
    weight = layers.softmax(query @ key.transpose(0, 2, 1) / np.sqrt(width // HEADS))
    seen = (weight @ value).transpose(1, 0, 2).reshape(n, width)
    return hidden + layers.linear(seen, w, f"{name}.o")


def _turned(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    one, other = np.split(x, 2, axis=-1)
    return np.concatenate([one * cos - other * sin, one * sin + other * cos], axis=-1)


def _weights() -> dict[str, np.ndarray]:
    return weight_files.load(WEIGHTS, METRE_NAMES)
