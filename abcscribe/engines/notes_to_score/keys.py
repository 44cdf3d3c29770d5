"""Which key a piece is in, from how long each pitch class sounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.score.model import Key, PlayedNote

# Krumhansl and Kessler's probe-tone profiles (1982).
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


_MODES = ("major", "minor")
_PROFILES = np.stack(
    [np.roll((p - p.mean()) / p.std(), tonic) for p in (_MAJOR, _MINOR) for tonic in range(12)]
)  # (24, 12): each key's profile, standardised


def pitch_class_weights(notes: Sequence[PlayedNote]) -> np.ndarray:
    """(12,) how much each pitch class from C sounds: the square root of the time, so that one pedal does not decide."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += min(max(note.offset - note.onset, 0.05), 4.0) ** 0.5
    return weights


def find_key(weights: np.ndarray) -> Key:
    """The key whose profile correlates best with ``weights`` (12 pitch classes from C)."""
    if np.ptp(weights) == 0:
        return Key()
    fit = _PROFILES @ ((weights - weights.mean()) / weights.std())
    mode, tonic = divmod(int(fit.argmax()), 12)
    return Key(_signature(tonic, _MODES[mode]), _MODES[mode])


def _signature(tonic: int, mode: str) -> int:
    return (7 * (tonic + (3 if mode == "minor" else 0)) + 5) % 12 - 5
