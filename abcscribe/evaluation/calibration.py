"""Calibration of the confidence of bars.

A bar's agreement is the onset F1 (100 ms) of the notes transcribed in its time against those played in it. A system
is well calibrated if bars of confidence .8 agree to .8 on average; the expected calibration error is the mean gap, bars
weighted alike.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from abcscribe.metrics.notes import ONSET_WIDE, count_matches, f1
from abcscribe.score.model import PlayedNote, Score

BINS = 10


def bar_agreement(played: Sequence[PlayedNote] | None, score: Score) -> list[tuple[float, float]]:
    """(confidence, agreement) of each bar that has a confidence and a time."""
    if played is None:
        return []
    placed = [(bar.seconds, bar.confidence) for bar in score.bars if bar.seconds is not None]
    found = []
    for (start, confidence), (end, _) in itertools.pairwise([*placed, (float("inf"), None)]):
        if confidence is not None:
            expected, given = ([n for n in notes if start <= n.onset < end] for notes in (played, score.performance))
            agreement = f1(count_matches(expected, given, ONSET_WIDE), len(expected), len(given))
            found.append((round(confidence, 4), round(agreement, 4)))
    return found


def calibration(bars: Sequence[tuple[float, float]]) -> tuple[list[tuple[float, float, int]], float]:
    """The reliability diagram and the expected calibration error.

    Args:
        bars: (confidence, agreement) of each, from `bar_agreement`.

    Returns:
        (mean confidence, mean agreement, bars) of each bin that is not empty, and the error (NaN without bars).
    """
    values = np.array(bars, dtype=float).reshape(-1, 2)
    index = np.clip((values[:, 0] * BINS).astype(int), 0, BINS - 1)
    bins = [
        (float(values[index == b, 0].mean()), float(values[index == b, 1].mean()), int((index == b).sum()))
        for b in np.unique(index)
    ]
    gap = sum(count * abs(confidence - agreement) for confidence, agreement, count in bins)
    return bins, gap / len(values) if len(values) else float("nan")
