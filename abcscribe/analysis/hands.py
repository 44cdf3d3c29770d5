"""Piano music -> two hands, and at most two voices in each.

The hands are divided by a line through the pitches, one value for each chord, found by dynamic programming: a hand
spans little more than an octave, it does not jump without need, and the line lies in a gap between the notes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SPLITS = np.arange(40, 81)  # possible lines: notes at or above belong to the right hand
MIDDLE = 60
SPAN = 14  # semitones one hand reaches with ease
SPAN_PRICE, MOVE_PRICE, MIDDLE_PRICE, NEAR_PRICE = 0.6, 0.12, 0.01, 0.15
NEAR = 4  # semitones: a line so close to a note is unsure


def right_hand(chords: Sequence[Sequence[int]]) -> list[list[bool]]:
    """For the pitches of each chord: whether the right hand plays them."""
    if not chords:
        return []
    price = np.array([_price(pitches) for pitches in chords])  # (n, splits)
    move = MOVE_PRICE * np.abs(SPLITS[:, None] - SPLITS[None, :])
    back = np.zeros(price.shape, np.int8)
    total = price[0]
    for n in range(1, len(chords)):
        ways = total[:, None] + move
        back[n] = ways.argmin(axis=0)
        total = ways.min(axis=0) + price[n]
    best = int(total.argmin())
    lines = []
    for n in range(len(chords) - 1, -1, -1):
        lines.append(SPLITS[best])
        best = int(back[n, best])
    return [[pitch >= line for pitch in pitches] for pitches, line in zip(chords, reversed(lines), strict=True)]


def _price(pitches: Sequence[int]) -> np.ndarray:
    notes = np.sort(np.asarray(pitches, float))
    price = MIDDLE_PRICE * np.abs(SPLITS - MIDDLE).astype(float)
    below = np.searchsorted(notes, SPLITS)
    low, high = notes[0], notes[-1]
    top_of_left = np.where(below > 0, notes[np.maximum(below - 1, 0)], low)
    bottom_of_right = np.where(below < len(notes), notes[np.minimum(below, len(notes) - 1)], high)
    price += SPAN_PRICE * np.maximum(np.where(below > 0, top_of_left - low, 0) - SPAN, 0)
    price += SPAN_PRICE * np.maximum(np.where(below < len(notes), high - bottom_of_right, 0) - SPAN, 0)
    from_left = np.where(below > 0, SPLITS - top_of_left, NEAR)
    from_right = np.where(below < len(notes), bottom_of_right - SPLITS + 1, NEAR)
    return price + NEAR_PRICE * (np.maximum(NEAR - from_left, 0) + np.maximum(NEAR - from_right, 0))
