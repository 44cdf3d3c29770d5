"""The curve of the origin's metre and tempo losses: a line for small differences, an exponential for large ones.

The origin's definition is "linear for small, exponential for large differences, capped", without constants. Here the
exponential continues the line with the same value and the same slope, so that the loss has no step or kink a policy
could get stuck at, and two numbers define it: the difference up to which the loss is linear, and the loss at that
difference. It reaches the cap of 1 at ``knee * (1 + ln(1 / knee_loss))``.
"""

from __future__ import annotations

import math


def graded_loss(difference: float, knee: float, knee_loss: float) -> float:
    """A loss that is linear in small differences and exponential in large ones.

    Continuous and, up to the cap, strictly increasing in ``abs(difference)``.

    Args:
        difference: of any sign, in the unit of ``knee``.
        knee: the difference up to which the loss is linear.
        knee_loss: the loss at ``knee``.

    Returns:
        The loss in [0, 1]; 1 for a difference that is NaN.
    """
    size = abs(difference) / knee
    if math.isnan(size):
        return 1.0
    if size <= 1:
        return knee_loss * size
    return min(1.0, knee_loss * math.exp(min(size - 1, 700.0)))  # exp(710) overflows a float
