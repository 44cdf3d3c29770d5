"""Keyboard notes -> two hands, and at most two voices in each.

`divided` is how an editor would print them, as `hand_network` learned it. `right_hand` asks what two hands can play: a
line through the pitches, one value for each chord, found by dynamic programming: a hand spans little more than an
octave, it does not jump without need, and the line lies in a gap between the notes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.analysis import hand_network

RIGHT, LEFT = (1, 2), (3, 4)  # voices of the hands, the upper first
VOICE_PRICE = 0.5  # nats by which a bar of a hand must be likelier in two voices than in one
SPLITS = np.arange(40, 81)  # possible lines: notes at or above belong to the right hand
MIDDLE = 60
SPAN = 14  # semitones one hand reaches with ease
SPAN_PRICE, MOVE_PRICE, MIDDLE_PRICE, NEAR_PRICE = 0.6, 0.12, 0.01, 0.15
NEAR = 4  # semitones: a line so close to a note is unsure


def divided(
    onset: np.ndarray, sounded: np.ndarray, pitch: np.ndarray, place: np.ndarray, bar: float, beat: float
) -> np.ndarray:
    """(n,) the voice of each note, of RIGHT and LEFT.

    In a chord the right hand is above the left, and the upper voice of a hand above the lower.

    Args:
        onset: (n,) quarters, never falling; notes of one onset are a chord.
        sounded: (n,) quarters for which the notes sound.
        pitch: (n,) MIDI, rising within a chord.
        place: (n,) quarters from the bar line.
        bar, beat: quarters.
    """
    if not len(onset):
        return np.zeros(0, int)
    right, lower = hand_network.guess(hand_network.features(onset, sounded, pitch, place, bar, beat)).T
    chord = np.unique(onset, return_inverse=True)[1]
    left = _lowest(chord, -right)
    voice = np.where(left, LEFT[0], RIGHT[0])
    bars = np.round((onset - place) / bar).astype(int)
    for hand in (left, ~left):
        own = np.flatnonzero(hand)
        below = _lowest(chord[own], lower[own])
        for number in np.unique(bars[own]):
            here = bars[own] == number
            gain = _likelihood(lower[own][here], below[here]) - _likelihood(
                lower[own][here], np.zeros(here.sum(), bool)
            )
            if gain > VOICE_PRICE and not below[here].all():
                voice[own[here & below]] += 1
    return voice


def _likelihood(odds: np.ndarray, chosen: np.ndarray) -> float:
    """Log probability of the choices by their log odds."""
    return float(-np.logaddexp(0, np.where(chosen, -odds, odds)).sum())


def _lowest(chord: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """(n,) bool: of each chord the lowest notes, as many as together have the best odds."""
    found = np.zeros(len(odds), bool)
    for own in np.split(np.arange(len(odds)), np.flatnonzero(np.diff(chord)) + 1):
        count = int(np.concatenate([[0.0], np.cumsum(odds[own])]).argmax())
        found[own[:count]] = True
    return found


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
