"""The curve of the origin's metre and tempo losses: a line for small differences, an exponential for large ones.

The origin says "linear for small, exponential for large differences, capped"; it gives no constants. Here the
exponential continues the line with the same value and the same slope, so that the loss has no step or kink a policy
could sit on, and one pair of numbers says everything: up to which difference the loss is linear, and how large it is
there. It reaches the cap of 1 at ``knee * (1 + ln(1 / knee_loss))``.
"""

from __future__ import annotations

import math


def graded_loss(difference: float, knee: float, knee_loss: float) -> float:
    """A loss in [0, 1] for a difference of any sign, in the unit of ``knee``.

    Continuous and, up to the cap, strictly increasing in ``abs(difference)``. A difference that is no number loses 1.
    """
    size = abs(difference) / knee
    if math.isnan(size):
        return 1.0
    if size <= 1:
        return knee_loss * size
    return min(1.0, knee_loss * math.exp(min(size - 1, 700.0)))  # exp(710) overflows a float
