"""What a listener notices at every onset: the input of `beat_network`.

Nothing here depends on the transposition of the piece: pitches are intervals, pitch classes are counted from the
tonic of the major key that fits the whole piece best.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.analysis.keys import find_key
from abcscribe.score.model import PlayedNote

WINDOWS = (0.5, 1.0, 2.0)  # seconds before and after an onset whose harmony is compared
CLIP = 24  # semitones
NAMES = (
    "gap before", "gap after", "gap before that", "gap after that", "held", "shortest", "held beyond the next",
    "size", "louder than around", "top from last", "top to next", "bass from last", "bass to next",
    "top above around", "bass above around", "bass above lowest", "top repeated", "bass repeated", "chords a second",
    "notes a chord", *(f"harmony change in {seconds} s" for seconds in WINDOWS),
    *(f"has class {k}" for k in range(12)), *(f"bass class {k}" for k in range(12)),
)  # fmt: skip
FEATURES = len(NAMES)


def features(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray) -> np.ndarray:
    """(n, FEATURES) float32 for n chords: ``groups`` are indices of ``notes``, ``onsets`` the chords' seconds."""
    n = len(groups)
    pitch = np.array([note.pitch for note in notes], float)
    offset = np.array([note.offset for note in notes])
    loud = np.array([note.velocity for note in notes], float)
    chord = np.zeros(len(notes), int)
    for index, group in enumerate(groups):
        chord[list(group)] = index
    first = np.array([group[0] for group in groups])
    order = np.argsort(chord, kind="stable")
    edges = np.searchsorted(chord[order], np.arange(n))
    low, high = np.minimum.reduceat(pitch[order], edges), np.maximum.reduceat(pitch[order], edges)
    loudest = np.maximum.reduceat(loud[order], edges)
    held = np.maximum.reduceat((offset - onsets[chord])[order], edges)
    shortest = np.minimum.reduceat((offset - onsets[chord])[order], edges)
    size = np.bincount(chord, minlength=n)
    assert len(first) == n
    gap = np.diff(onsets, prepend=onsets[0] - 1.0, append=onsets[-1] + 1.0)
    before, after = _log(gap[:-1]), _log(gap[1:])
    columns = [
        before, after, _shift(before, 1), _shift(after, -1), _log(held), _log(shortest), _log(held) - after,
        np.log(size), loudest / 32 - _smooth(loudest / 32),
        _step(high, 1), _step(high, -1), _step(low, 1), _step(low, -1),
        (high - _smooth(high)) / 12, (low - _smooth(low)) / 12, (low - pitch.min()) / 24,
        (high == _shift(high, 1)).astype(float), (low == _shift(low, 1)).astype(float),
        np.full(n, np.log(n / max(onsets[-1] - onsets[0], 1.0))), np.full(n, np.log(len(notes) / n)),
    ]  # fmt: skip
    rotated = _pitch_classes(notes, pitch)
    columns += _harmony_changes(rotated, pitch, offset, onsets, chord)
    own = np.zeros((n, 12))
    np.add.at(own, chord, rotated)
    lowest = np.zeros((n, 12))
    lowest[chord[pitch == low[chord]]] = rotated[pitch == low[chord]]
    return np.column_stack([*columns, np.minimum(own, 1), lowest]).astype(np.float32)


def _log(seconds: np.ndarray) -> np.ndarray:
    return np.log(np.clip(seconds, 0.03, 5.0) / 0.4)


def _shift(values: np.ndarray, by: int) -> np.ndarray:
    """``values[i - by]`` at i, the nearest one beyond the ends."""
    return values[np.clip(np.arange(len(values)) - by, 0, len(values) - 1)]


def _step(pitch: np.ndarray, by: int) -> np.ndarray:
    return np.clip(pitch - _shift(pitch, by), -CLIP, CLIP) / 12


def _smooth(values: np.ndarray, width: int = 8) -> np.ndarray:
    """Mean of up to ``2 * width + 1`` neighbours."""
    total = np.r_[0.0, np.cumsum(values)]
    at = np.arange(len(values))
    left, right = np.maximum(at - width, 0), np.minimum(at + width + 1, len(values))
    return (total[right] - total[left]) / (right - left)


def _pitch_classes(notes: Sequence[PlayedNote], pitch: np.ndarray) -> np.ndarray:
    """(notes, 12) one-hot, counted from the tonic of the major key with the piece's signature."""
    tonic = 7 * find_key(notes).fifths % 12
    return np.eye(12)[(pitch.astype(int) - tonic) % 12]


def _harmony_changes(
    rotated: np.ndarray, pitch: np.ndarray, offset: np.ndarray, onsets: np.ndarray, chord: np.ndarray
) -> list[np.ndarray]:
    """For each window: how unlike the pitch classes before and after each chord are, 0 ... 1."""
    begins = onsets[chord]
    weight = np.sqrt(np.clip(offset - begins, 0.05, 2.0))[:, None] * rotated
    order = np.argsort(begins, kind="stable")
    total = np.vstack([np.zeros(12), np.cumsum(weight[order], axis=0)])
    begins = begins[order]
    changes = []
    for window in WINDOWS:
        here = np.searchsorted(begins, onsets - 1e-6)
        left = total[here] - total[np.searchsorted(begins, onsets - window)]
        right = total[np.searchsorted(begins, onsets + window - 1e-6)] - total[here]
        norm = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
        changes.append(1 - (left * right).sum(axis=1) / np.maximum(norm, 1e-6))
    return changes
