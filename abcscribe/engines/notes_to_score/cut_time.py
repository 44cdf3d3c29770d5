"""Whether bars of four quarters are written as two halves, as reels and hornpipes are.

Nobody hears the difference, but a line whose quarters are quick and full of even eighths is more often written so. A
small network weighs what tells the two apart in collections of tunes; learned by ``benchmarks/learn_cut_time.py``.
Music for several players is left in quarters: too little of it in cut time was there to learn from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.engines.notes_to_score.metre import DENSE, Placed
from abcscribe.engines.notes_to_score.rhythm import TICKS
from abcscribe.perceptron import answer
from abcscribe.score.model import Metre

WEIGHTS = Path(__file__).with_name("cut_time.npz")
COMMON, CUT = Metre(4, 4), Metre(2, 2)
FEWEST = 8  # chords
USUAL_BPM, USUAL_GAP = 110.0, 0.25  # quarters a minute, seconds between chords: the middle of what is counted


def written(placed: Placed) -> Metre:
    """The metre as it is written."""
    notes = sum(len(group) for group in placed.groups)
    if placed.metre != COMMON or len(placed.groups) < FEWEST or notes > DENSE * len(placed.groups):
        return placed.metre
    return CUT if answer(WEIGHTS, numbers(placed))[0] > 0 else COMMON


def numbers(placed: Placed) -> np.ndarray:
    """(N,) float32: tempo, how many chords a quarter, and where in the beat and in the bar they stand."""
    ticks, onsets = placed.ticks, placed.onsets
    quarters = max(int(ticks[-1] - ticks[0]), 1) / TICKS
    tempo = np.log2(60 / np.median(placed.quarter) / USUAL_BPM)
    gap = np.log2(np.median(np.diff(onsets)).clip(0.03) / USUAL_GAP)
    beat, bar = ticks % TICKS, ticks % (4 * TICKS)
    triplet, half = (beat % 8 == 0) & (beat > 0), beat == TICKS // 2
    return np.array([
        tempo, abs(tempo), np.log2(len(ticks) / quarters), gap,
        half.mean(), triplet.mean(), ((beat > 0) & ~triplet & ~half).mean(),
        (bar == 0).mean(), (bar == 2 * TICKS).mean(), (bar % (2 * TICKS) == TICKS).mean(),
    ], np.float32)  # fmt: skip
