"""How long a note is written: readable values, not the seconds for which it sounded.

Ends of heard notes say little: players shorten notes, halls lengthen them, detectors lose them. So a note lasts until
the next one of its voice unless it clearly stops before, compared with how the player articulates everywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.analysis.rhythm_tables import depth
from abcscribe.score.grid import TICKS, bar_ticks
from abcscribe.score.model import Metre

EIGHTH = TICKS // 2
CLEARLY_SHORT = 0.55  # of the time to the next onset: below it a note may end in a rest
LEAST_USUAL = 0.25  # playing more detached than this is taken for short notes with rests
MISS_PRICE = 2.0  # for an end off by a factor of e
REST_PRICE = 0.5
WEAK_END_PRICE = 0.25  # for each metrical level down at which a note ends before a rest


def lengths(starts: Sequence[int], sounded: Sequence[float], metre: Metre, end: int) -> list[int]:
    """Written ticks of the successive chords of one voice.

    ``starts`` are their ticks, strictly ascending, ``sounded`` how long they sound in ticks of the tempo of the moment;
    ``end`` is the tick of the last bar line, after all starts.
    """
    room = np.diff([*starts, end])
    usual = _usual_share(np.asarray(sounded), room)
    return [
        _written(start, heard / usual, int(space), metre)
        for start, heard, space in zip(starts, sounded, room, strict=True)
    ]


def _usual_share(sounded: np.ndarray, room: np.ndarray) -> float:
    """How much of its room a note sounds: of those with little room, since the others may end in rests."""
    near = room[:-1] <= np.median(room[:-1]) if len(room) > 1 else np.zeros(0, bool)
    return float(np.clip(np.median((sounded[:-1] / room[:-1])[near]), LEAST_USUAL, 1.0)) if near.any() else 1.0


def _written(start: int, heard: float, room: int, metre: Metre) -> int:
    """The whole room, or the readable length nearest to ``heard`` that leaves a rest. Within a beat there are no rests:
    a detached note is written as long as the beat leaves it room."""
    if heard >= CLEARLY_SHORT * room or room - heard < EIGHTH or room <= int(metre.beat * TICKS):
        return room
    step = EIGHTH if start % EIGHTH == 0 else 3 if start % 3 == 0 else 4
    first = start - start % step + step

    def price(end: int) -> float:
        miss = MISS_PRICE * abs(np.log((end - start) / max(heard, 1.0)))
        return miss + REST_PRICE + WEAK_END_PRICE * depth(end % bar_ticks(metre), metre)

    ends = range(first, min(start + room, start + int(3 * heard) + 2 * step), step)
    return min(ends, key=price) - start if ends else room
