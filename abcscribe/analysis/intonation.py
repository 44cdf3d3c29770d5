"""Notes of one line whose pitch was measured -> notes of a scale: a singer drifts, and sings to no tuning fork.

Each note is taken for the nearest one of a scale whose tuning may wander slowly; which tuning, and which scale, is what
makes the measured pitches likeliest (Viterbi over tunings of 5 cents, once for each signature). On annotated sung
pitches rounding to A 440 gets 26 % of the notes wrong, one tuning for the whole 22 %, a wandering one with a scale 8 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from abcscribe.score.model import PlayedNote

STEP = 0.05  # semitones between the tunings that are tried
WIDEST = 1.5  # semitones that a line may be above or below A 440
BEGINNING = 0.1  # standard deviation of what the tuning is beyond half a semitone at the beginning: nobody gives a note
WANDERING = 0.05  # standard deviation of its change from note to note
SPREAD = 0.25  # standard deviation of a note around its place
STRAY = 0.02  # share of notes that are anywhere
SCALE = (0, 2, 4, 5, 7, 9, 11)  # semitones above the tonic
FOREIGN = 2.2  # nats by which a note outside of the scale is less likely than one of it
ACCIDENTAL = 0.7  # nats for each accidental of the signature: so much rarer it is in print (6,800 pieces)
FEWEST = 8  # measured notes from which a tuning is looked for


def in_tune(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """The notes with the pitches that are meant.

    Args:
        notes: of one line, by onset. Those without a measured pitch (`PlayedNote.fine_pitch`) stay as they are.

    Returns:
        The same notes, as many, with other pitches perhaps.
    """
    measured = [i for i, n in enumerate(notes) if n.fine_pitch is not None and abs(n.fine_pitch - n.pitch) < WIDEST]
    if len(measured) < FEWEST:
        return list(notes)
    pitch = np.array([notes[i].fine_pitch for i in measured], float)
    weight = np.array([min((notes[i].offset - notes[i].onset) / 0.15, 1.0) for i in measured])
    ways = [_followed(pitch, weight, tonic) for tonic in range(12)]
    meant = max(ways, key=lambda way: way[1])[0]
    tuned = list(notes)
    for i, midi in zip(measured, meant.tolist(), strict=True):
        tuned[i] = replace(notes[i], pitch=midi)
    return tuned


def _followed(pitch: np.ndarray, weight: np.ndarray, tonic: int) -> tuple[np.ndarray, float]:
    """(n,) MIDI pitches in the major scale on a tonic, or its modes, and their log likelihood."""
    tunings = np.arange(-WIDEST, WIDEST + STEP / 2, STEP)
    likely, meant = _likelihoods(pitch, tunings, tonic)
    move = -0.5 * ((tunings[:, None] - tunings) / WANDERING) ** 2
    beyond = np.maximum(np.abs(tunings) - 0.5, 0.0)
    total = weight[0] * likely[0] - 0.5 * (beyond / BEGINNING) ** 2
    back = np.zeros(likely.shape, int)
    for n in range(1, len(pitch)):
        ways = total[:, None] + move
        back[n] = ways.argmax(axis=0)
        total = ways.max(axis=0) + weight[n] * likely[n]
    state = int(total.argmax())
    path = [state]
    for n in range(len(pitch) - 1, 0, -1):
        path.append(state := int(back[n, state]))
    fifths = (7 * tonic + 5) % 12 - 5
    return meant[np.arange(len(pitch)), path[::-1]], float(total.max()) - ACCIDENTAL * abs(fifths)


def _likelihoods(pitch: np.ndarray, tunings: np.ndarray, tonic: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, tunings) log likelihood of each measured pitch, and the note that it is then meant to be."""
    exact = pitch[:, None, None] - tunings[:, None]
    near = np.floor(exact) + np.arange(-1, 3)  # (n, tunings, 4)
    foreign = ~np.isin((near - tonic) % 12, SCALE)
    each = np.log((1 - STRAY) * np.exp(-0.5 * ((exact - near) / SPREAD) ** 2) + STRAY) - FOREIGN * foreign
    best = each.argmax(axis=2)[..., None]
    return np.take_along_axis(each, best, 2)[..., 0], np.take_along_axis(near, best, 2)[..., 0].astype(int)
