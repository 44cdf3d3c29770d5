"""Which metre or key a piece is in, if it changes: the one in force for the most quarters.

A transcription window begins anywhere, so the first bar is no better a witness than any other; the origin read the
header, which is the same thing for a piece that never changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from abcscribe.metrics.ticks import ticks
from abcscribe.score.model import Bar, Score

Value = TypeVar("Value")


def prevailing(score: Score, value: Callable[[Bar], Value]) -> Value:
    """The value of the bars that last longest together, of equals the earliest. The score must have a bar."""
    length: dict[Value, int] = {}
    for bar in score.bars:
        found = value(bar)
        length[found] = length.get(found, 0) + ticks(bar.length)
    return max(length, key=lambda v: length[v])
