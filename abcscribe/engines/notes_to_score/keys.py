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
        10.30, -3.83, 0.69, -4.83, 10.38, 2.56, -8.47, 6.52, -2.49, 1.75, -10.69, 1.36,
        1.18, -0.27, 0.51, -0.34, 0.66, 0.15, 0.05, 1.21, -0.38, 0.63, -0.42, 0.27,
        0.95, -0.29, 0.46, 0.06, 0.43, 0.22, 0.23, 0.53, -0.00, 0.44, -0.39, 0.60,
    ),
    (
        11.11, -5.67, 4.12, 5.12, -8.34, 2.21, -6.28, 6.56, -3.26, -10.56, 4.26, -2.52,
        0.70, -0.62, -0.66, 0.32, -0.19, -0.21, -1.73, 0.86, 0.35, -0.99, -0.29, -0.81,
        1.34, -1.96, 0.49, -1.94, -0.47, 0.57, -0.98, 0.04, -0.99, 0.21, -0.08, 0.51,
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


def find_mode(pitch: np.ndarray, onset: np.ndarray, duration: np.ndarray, fifths: int) -> str:
    """``major`` or ``minor`` for notes, at least one, under a signature; arrays (n,), duration in seconds."""
    each = turned(evidence(pitch, onset, duration)[None])[0]
    tonic = 7 * fifths % 12
    major, minor = float(each[tonic] @ _WEIGHTS[0]), float(each[(tonic + 9) % 12] @ _WEIGHTS[1])
    return "minor" if minor > major else "major"


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
