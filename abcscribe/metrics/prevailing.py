"""The metre or key of a piece in which it changes: the one in force for the most quarters.

A transcription window begins anywhere, so the first bar is no better evidence than any other; the origin used the
header, which is the same for a piece that never changes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

from abcscribe.metrics.ticks import ticks
from abcscribe.score.model import Bar, Score

Value = TypeVar("Value")


def prevailing(score: Score, value: Callable[[Bar], Value]) -> Value:
    """The value of the bars that last longest together, of equals the earliest. The score must have a bar."""
    length: dict[Value, int] = {}
    for found, bars in itertools.groupby(score.bars, value):
        length[found] = length.get(found, 0) + sum(ticks(bar.length) for bar in bars)
    return max(length, key=lambda v: length[v])
