"""Which key a piece is in: a logistic regression on what sounds, and on what stands in the bass at both ends.

Major or minor only; a dorian or mixolydian tune gets the nearer of the two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.score.model import Key, PlayedNote

NEAR = 0.08  # seconds: notes this close to the first or last onset belong to the first or last chord
# Weights of the 12 pitch classes from the tonic: as sounding, as first bass, as last bass. Learned by
# benchmarks/learn_keys.py, which prints them.
_WEIGHTS = np.array((
    (
        12.80, -5.90, 3.00, -4.76, 12.98, 3.95, -12.98, 9.35, -3.48, 4.68, -15.47, 1.71,
        1.29, 0.12, 0.67, -0.15, 0.82, 0.33, 0.41, 1.35, -0.18, 0.73, -0.03, 0.50,
        0.92, -0.00, 0.63, 0.33, 0.68, 0.26, 0.76, 0.61, 0.26, 0.65, -0.18, 0.95,
    ),
    (
        16.06, -8.72, 6.76, 6.95, -13.52, 6.30, -13.90, 10.61, -4.00, -16.87, 8.14, -3.67,
        0.35, -0.41, -1.01, 0.06, -0.10, -0.43, -2.70, 0.53, 0.39, -0.84, -0.63, -1.06,
        1.10, -3.04, 0.40, -2.49, -0.33, 0.34, -0.89, -0.13, -1.34, 0.44, -0.45, 0.52,
    ),
))  # fmt: skip


def find_key(notes: Sequence[PlayedNote]) -> Key:
    """The likeliest key of ``notes``, at least one."""
    pitch = np.array([n.pitch for n in notes])
    onset = np.array([n.onset for n in notes])
    seconds = np.array([n.offset for n in notes]) - onset
    each = turned(evidence(pitch, onset, seconds)[None])[0]
    mode, tonic = divmod(int(np.concatenate([each @ weights for weights in _WEIGHTS]).argmax()), 12)
    fifths = (7 * (tonic + (3 if mode else 0)) + 5) % 12 - 5
    return Key(fifths, "minor" if mode else "major")


def evidence(pitch: np.ndarray, onset: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """(36,): share of each pitch class from C in what sounds; lowest pitch class of the first and of the last chord."""
    # The square root of the time: one pedal point does not decide.
    classes = np.bincount(pitch % 12, np.sqrt(np.clip(seconds, 0.05, 4.0)), minlength=12)
    ends = [pitch[np.abs(onset - at) < NEAR].min() % 12 for at in (onset.min(), onset.max())]
    return np.concatenate([classes / classes.sum(), *np.eye(12)[ends]])


def turned(evidence: np.ndarray) -> np.ndarray:
    """(n, 36) -> (n, 12, 36): the same counted from each of the 12 tonics."""
    blocks = evidence.reshape(len(evidence), 3, 12)
    return np.stack([np.roll(blocks, -tonic, axis=2).reshape(len(evidence), 36) for tonic in range(12)], axis=1)
