"""The grid of analysis, writing and tokens: ticks in a quarter, and the metres that are looked for.

To look for another metre add it to `METRES`, then ``abcscribe train chain --from metres --run``: until what depends on
it is fitted again, loading the old weights says so (`abcscribe.model.weight_files`). Any metre can be given as a hint.
"""

from __future__ import annotations

from abcscribe.score.model import Metre

TICKS = 24  # in a quarter: a 32nd is 3, an eighth of a triplet 8
METRES = tuple(Metre(*m) for m in ((4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (9, 8), (12, 8)))
METRE_NAMES = tuple(map(str, METRES))  # as the files of weights name what they were fitted to
# Of a bar: music that begins later than this in its first bar is a pickup, else the bar begins with rests.
PICKUP = 0.45


def bar_ticks(metre: Metre) -> int:
    """Ticks of a full bar."""
    return int(metre.length * TICKS)
