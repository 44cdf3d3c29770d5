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
        10.24, -4.14, 1.02, -4.88, 10.36, 2.66, -9.38, 6.80, -2.53, 1.70, -10.93, 1.69,
        0.96, -0.25, 0.37, -0.29, 0.63, 0.22, -0.06, 0.98, -0.11, 0.57, -0.40, -0.01,
        0.78, -0.60, 0.39, -0.04, 0.41, 0.07, 0.23, 0.44, 0.20, 0.36, -0.19, 0.55,
    ),
    (
        10.42, -5.46, 4.24, 6.35, -8.82, 1.30, -5.68, 6.83, -4.14, -10.35, 3.44, -0.75,
        0.66, -0.67, -0.63, 0.16, -0.19, 0.30, -0.69, 0.62, -0.57, -0.52, -0.35, -0.73,
        1.27, -1.33, 0.57, -0.41, 0.09, 0.63, -1.90, 0.27, -0.46, -1.30, 0.02, -0.05,
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
