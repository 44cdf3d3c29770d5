"""Metre: whether the time signature is right, and if not, how far off it is.

Tradition scores a time signature as right or wrong. The origin's loss grades it: numerator, denominator and their
ratio are compared separately, because 6/8 for 3/4 (same length, other beat) and 2/4 for 4/4 (same beat, other length)
are different mistakes, and milder ones than 5/8 for 4/4. The three weigh the same.

A piece with several metres counts as the one that prevails. Defined values: nothing to compare with (a reference
without bars) is NaN; a prediction without bars, or a free metre (M:none) on one side only, loses 1.
"""

from __future__ import annotations

import math

from abcscribe.metrics.curve import graded_loss
from abcscribe.metrics.prevailing import prevailing
from abcscribe.score.model import Metre, Score

NUMERATOR_KNEE = 2.0  # beats: 3/4 for 4/4 and 2/4 for 4/4 are neighbours; three beats and more are another metre
DENOMINATOR_KNEE = 1.0  # halvings of the beat unit: quarter to eighth; counted as powers of two, which they are
RATIO_KNEE = 0.25  # of a whole note: bars that differ by one quarter
KNEE_LOSS = 0.5  # half the loss at the knee, so that twice the knee (e^1 / 2) is all of it


def loss(reference: Score, prediction: Score) -> float:
    """The origin's metre loss in [0, 1]; NaN if the reference has no bars."""
    if not reference.bars:
        return math.nan
    if not prediction.bars:
        return 1.0
    expected, given = prevailing(reference, lambda bar: bar.metre), prevailing(prediction, lambda bar: bar.metre)
    return metre_loss(expected, given)


def metre_loss(expected: Metre | None, given: Metre | None) -> float:
    """The mean of the graded losses of numerator, denominator and ratio, in [0, 1]; None is free metre."""
    if expected is None or given is None:
        return float(expected is not given)
    numerator = graded_loss(given.beats - expected.beats, NUMERATOR_KNEE, KNEE_LOSS)
    denominator = graded_loss(math.log2(given.unit / expected.unit), DENOMINATOR_KNEE, KNEE_LOSS)
    ratio = graded_loss(given.beats / given.unit - expected.beats / expected.unit, RATIO_KNEE, KNEE_LOSS)
    return (numerator + denominator + ratio) / 3


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``loss``: see above; ``exact``: 1 if the metres are the same."""
    value = loss(reference, prediction)
    return {"loss": value, "exact": value if math.isnan(value) else float(value == 0)}
