"""Which key a piece is in, from how long each pitch class sounds."""

from __future__ import annotations

import numpy as np

from abcscribe.score.model import Key

# Krumhansl and Kessler's probe-tone profiles (1982).
_MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
_MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def find_key(weights: np.ndarray) -> Key:
    """The key whose profile correlates best with ``weights`` (12 pitch classes from C)."""
    best, key = -2.0, Key()
    for mode, profile in (("major", _MAJOR), ("minor", _MINOR)):
        for tonic in range(12):
            score = float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1])
            if score > best:
                best, key = score, Key(_signature(tonic, mode), mode)
    return key


def _signature(tonic: int, mode: str) -> int:
    fifths = (7 * (tonic - (9 if mode == "minor" else 0)) + 5) % 12 - 5
    return fifths
