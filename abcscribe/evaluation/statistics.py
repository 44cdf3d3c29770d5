"""Rows -> means with confidence intervals, and the comparison of two systems on the same clips.

The clip is the unit: several answers to one clip are averaged first. Intervals are percentile bootstrap intervals over
clips, which do not assume that a score between 0 and 1 is normally distributed; they estimate how much another sample
of clips of this kind would change the figure, not the figure on other kinds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.evaluation.run import Row

RESAMPLES = 2000
COVERAGE = 0.95
SEED = 0  # the same rows give the same report


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over clips with its interval."""

    value: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system less another on the clips that both have."""

    difference: Mean
    better: int  # clips with a higher figure
    worse: int
    p: float  # of a sign-flip test of no difference, two-sided


def by_clip(rows: Iterable[Row], system: str, figure: str) -> dict[str, float]:
    """The figure of a system for each clip, averaged over its answers; clips that do not have it are left out."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if row["system"] == system and figure in row["figures"]:
            values.setdefault(row["clip"], []).append(row["figures"][figure])
    return {clip: sum(several) / len(several) for clip, several in values.items()}


def mean(values: Sequence[float]) -> Mean | None:
    """The mean and its bootstrap interval; None without values."""
    if not values:
        return None
    data = np.array(values, dtype=float)
    draws = np.random.default_rng(SEED).integers(len(data), size=(RESAMPLES, len(data)))
    low, high = np.quantile(data[draws].mean(axis=1), [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Mean(float(data.mean()), float(low), float(high), len(data))


def compare(rows: Sequence[Row], system: str, other: str, figure: str) -> Comparison | None:
    """Compare two systems on the clips that both have.

    Args:
        rows: of an evaluation.
        system, other: names; the difference is ``system`` less ``other``.
        figure: name of the compared figure.

    Returns:
        The difference with its interval and a sign-flip test; None without a common clip.
    """
    ours, theirs = by_clip(rows, system, figure), by_clip(rows, other, figure)
    differences = [ours[clip] - theirs[clip] for clip in sorted(ours.keys() & theirs.keys())]
    difference = mean(differences)
    if difference is None:
        return None
    data = np.array(differences)
    signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(RESAMPLES, len(data)))
    as_large = np.abs((signs * data).mean(axis=1)) >= abs(difference.value) - 1e-12
    p = (1 + int(as_large.sum())) / (1 + RESAMPLES)
    return Comparison(difference, int((data > 0).sum()), int((data < 0).sum()), p)
