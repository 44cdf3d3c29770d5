"""What rhythms are usual: for each metre, how likely the next onset is at each place of the bar, given the last one.

The tables are learned from public-domain scores by ``abcscribe train small rhythm-tables``. There
are two textures: "line", the onsets of one voice, and "whole", the onsets of all parts of a piece together, which are
denser. Metres without a table of their own (a user's hint, such as 5/4) get one from a general formula.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import weight_files
from abcscribe.score.grid import METRE_NAMES, TICKS, bar_ticks
from abcscribe.score.model import Metre

WEIGHTS = FOLDER / "rhythm_tables.npz"
BARS = 3  # a table knows the next onset in this bar and the two after it
_SIMPLE = (0, 3, 4, 6, 8, 9, 12, 15, 16, 18, 20, 21)  # 32nds, and sixteenths of a triplet
_LEVEL_WEIGHT = (1.0, 0.6, 0.3, 0.1, 0.02, 0.004)  # of onsets by metrical depth, where nothing was learned


@dataclass(frozen=True, eq=False)
class RhythmTable:
    """P places in the bar of one metre, and log probabilities of going from one to the next."""

    metre: Metre
    bar: int  # ticks
    places: np.ndarray  # (P,) ticks from the bar line
    start: np.ndarray  # (P,) log probability that a piece begins here
    step: np.ndarray  # (P, P, BARS) log probability of the next onset: from, to, bar lines between

    @cached_property
    def coarse(self) -> RhythmTable:
        """The same without 32nds and sixteenths of triplets: half as many places, for a first search."""
        keep = (self.places % 6 == 0) | (self.places % 8 == 0) & (self.metre.beat == 1)
        return replace(self, places=self.places[keep], start=self.start[keep], step=self.step[keep][:, keep])


def places(metre: Metre) -> np.ndarray:
    """Where notes may begin, in ticks from the bar line: 32nds everywhere, and triplets where the beat is simple."""
    bar = bar_ticks(metre)
    if metre.beat.denominator != 1 and metre.unit >= 8:
        return np.arange(0, bar, 3)
    return np.array([quarter + tick for quarter in range(0, bar, TICKS) for tick in _SIMPLE if quarter + tick < bar])


def periods(metre: Metre) -> list[int]:
    """Ticks between the boundaries of each metrical level, from the bar down to the 32nd."""
    bar, beat = bar_ticks(metre), int(metre.beat * TICKS)
    levels = [bar]
    if bar % (2 * beat) == 0 and bar > 2 * beat:
        levels.append(bar // 2)
    if beat < bar:
        levels.append(beat)
    smaller = beat // 3 if beat % 9 == 0 else beat // 2
    while smaller >= 3:
        levels.append(smaller)
        smaller //= 2
    return levels


def depth(place: int, metre: Metre) -> int:
    """Metrical depth of a place: 0 for the bar line, larger for weaker places."""
    levels = periods(metre)
    return next((i for i, period in enumerate(levels) if place % period == 0), len(levels))


@cache
def table(metre: Metre, texture: str) -> RhythmTable:
    """The table of a metre; ``texture`` is "line" or "whole"."""
    known = Metre(4, 4) if metre == Metre(2, 2) else metre
    arrays, name = weight_files.load(WEIGHTS, METRE_NAMES), f"{texture}_{known.beats}_{known.unit}"
    if f"{name}_start" not in arrays:
        return _general(metre)
    return RhythmTable(
        metre,
        bar_ticks(metre),
        places(known),
        arrays[f"{name}_start"],
        arrays[f"{name}_step"],
    )


def _general(metre: Metre) -> RhythmTable:
    bar, where = bar_ticks(metre), places(metre)
    weight = np.array([_LEVEL_WEIGHT[min(depth(int(p), metre), len(_LEVEL_WEIGHT) - 1)] for p in where])
    gap = where[None, :, None] - where[:, None, None] + bar * np.arange(BARS)
    step = np.where(gap > 0, weight[None, :, None] * np.exp(-gap / TICKS), 0.0)
    with np.errstate(divide="ignore"):
        log_step = np.log(step / step.sum(axis=(1, 2), keepdims=True)).astype(np.float32)
    return RhythmTable(metre, bar, where, np.log(weight / weight.sum()).astype(np.float32), log_step)
