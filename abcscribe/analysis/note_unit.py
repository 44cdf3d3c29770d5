"""Whether the beat is a quarter or an eighth: which of the readings of one rhythm is how it would be printed.

A reading, one with all values doubled at twice the tempo, and one with all halved sound alike. What tells them apart is
what notation does: how short the shortest values are at this tempo in this metre, how many notes stand in a bar, how
fast the bass goes. Learned from scores with their printed tempo marks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import boosted_trees
from abcscribe.score.grid import METRE_NAMES, METRES, TICKS, bar_ticks
from abcscribe.score.model import Metre

WEIGHTS = FOLDER / "note_unit.npz"
EDGES = (0.17, 0.3, 0.4, 0.6, 0.9, 1.1, 1.6, 2.2)  # quarters: between the kinds of steps from onset to onset
# What a metre becomes if the values are doubled: the same bars in a larger unit, or bars half as long.
DOUBLED = {
    Metre(2, 4): (Metre(4, 4), Metre(2, 4)), Metre(4, 4): (Metre(4, 4),), Metre(3, 8): (Metre(3, 4),),
    Metre(3, 4): (Metre(3, 4),), Metre(6, 8): (Metre(6, 8),), Metre(9, 8): (Metre(9, 8),),
    Metre(12, 8): (Metre(12, 8),),
}  # fmt: skip
HALVED = {
    Metre(4, 4): (Metre(2, 4), Metre(4, 4)), Metre(2, 4): (Metre(2, 4),), Metre(3, 4): (Metre(3, 8), Metre(3, 4)),
    Metre(3, 8): (Metre(3, 8),), Metre(6, 8): (Metre(6, 8),), Metre(9, 8): (Metre(9, 8),),
    Metre(12, 8): (Metre(12, 8),),
}  # fmt: skip


class Reading(NamedTuple):
    """Notes of a recording in one unit."""

    metre: Metre
    quarter: float  # seconds
    onset: np.ndarray  # (n,) quarters from a bar line, of each note
    pitch: np.ndarray  # (n,) MIDI


def alike(metre: Metre) -> Metre:
    """The metre of METRES whose notation is most like a metre's."""
    if metre in METRES:
        return metre
    return Metre(4, 4) if metre.unit < 8 else Metre(6, 8)


def others(metre: Metre) -> list[tuple[Metre, float]]:
    """The metres and multiples of the values in which music may be written besides."""
    found = [(other, 2.0) for other in DOUBLED.get(metre, (metre,))]
    return found + [(other, 0.5) for other in HALVED.get(metre, (metre,))]


def likelihood(reading: Reading) -> float:
    """Log odds that it is printed so."""
    return float(boosted_trees.answer(WEIGHTS, numbers(reading), METRE_NAMES)[0])


def numbers(reading: Reading) -> np.ndarray:
    """(N,) float32: what tells."""
    metre, quarter = reading.metre, reading.quarter
    onset = np.unique(np.round(reading.onset * TICKS) / TICKS)
    steps = np.diff(onset) if len(onset) > 1 else np.ones(1)
    steps = steps[steps > 0]
    shares = np.histogram(steps, (0, *EDGES, np.inf))[0] / len(steps)
    bar, beat = bar_ticks(metre) / TICKS, float(metre.beat)
    place = onset % bar
    low = reading.onset[reading.pitch <= np.quantile(reading.pitch, 0.25)]
    high = reading.onset[reading.pitch >= np.quantile(reading.pitch, 0.75)]
    per_bar = len(onset) / max(float(onset[-1] - onset[0]) / bar, 0.5)
    return np.array([
        METRES.index(alike(metre)),
        np.log2(60 / quarter / 100), np.log2(60 / quarter / beat / 92), np.log2(bar * quarter),
        *np.log2(np.quantile(steps, (0.1, 0.25, 0.5, 0.75, 0.9))), *shares,
        np.log2(np.median(steps) * quarter), *(np.log2(_median_step(own)) for own in (low, high)),
        *(np.isclose(place % unit, 0, atol=0.02).mean() for unit in (bar, beat, 1.0, 0.5, 0.25)),
        np.log2(per_bar), len(reading.onset) / len(onset), float(np.ptp(reading.pitch)) / 12,
        float(np.median(reading.pitch)) / 12, float(onset[0] % bar), np.log2(np.ptp(onset) / bar + 1),
        float((steps >= bar).mean()), float(len(np.unique(onset // bar)) / max(np.ptp(onset // bar) + 1, 1)),
    ], np.float32)  # fmt: skip


def _median_step(onset: np.ndarray) -> float:
    steps = np.diff(np.unique(np.round(onset * TICKS) / TICKS))
    return float(np.median(steps)) if len(steps) else 4.0
