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
        12.09, -5.05, 3.21, -6.03, 13.25, 3.50, -14.16, 9.19, -2.55, 4.93, -14.62, 2.16,
        1.24, -0.31, 0.55, 0.04, 0.80, 0.39, 0.43, 1.29, -0.51, 0.87, 0.31, 0.83,
        1.03, -0.38, 0.62, 0.53, 0.46, 0.56, 0.74, 0.54, 0.31, 0.53, 0.23, 0.77,
    ),
    (
        15.13, -8.39, 7.21, 6.63, -14.50, 5.89, -13.42, 11.68, -3.48, -16.70, 6.47, -2.45,
        0.83, -2.80, -0.37, 0.54, 0.40, 0.59, -2.90, 0.88, 0.46, -2.58, 0.05, -1.03,
        0.57, -1.12, 0.33, -1.05, -1.63, 0.03, -0.19, -0.68, -0.78, -0.30, -0.64, -0.45,
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
