"""The chords that are told apart: twelve roots with the kinds that a lead sheet is read by.

Kinds that have the same tones as another on another root (C6 and Am7) are left to the one that chords are built by.
"""

from __future__ import annotations

import numpy as np

# How `abcscribe.score.harmony` writes a kind -> semitones above the root, the root first.
KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7), "m": (0, 3, 7), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11), "m7": (0, 3, 7, 10), "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9), "m7b5": (0, 3, 6, 10), "aug": (0, 4, 8), "sus4": (0, 5, 7),
}  # fmt: skip
NAMES = tuple(KINDS)
STATES = 12 * len(KINDS)  # a chord is len(KINDS) * root + kind
MEMBERS = np.array([[tone in tones for tone in range(12)] for tones in KINDS.values()])  # (kinds, 12) above the root
# What a player plays in its place: the measure of quality tells these three apart.
FAMILY = {name: "7" if name == "7" else "m" if tones[1] == 3 else "" for name, tones in KINDS.items()}


def split(chords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(roots, kinds) of chords."""
    roots, kinds = np.divmod(chords, len(KINDS))
    return roots, kinds


def moved(chords: np.ndarray, semitones: int | np.ndarray) -> np.ndarray:
    """The chords so many semitones higher."""
    roots, kinds = split(chords)
    return np.asarray((roots + semitones) % 12 * len(KINDS) + kinds)
