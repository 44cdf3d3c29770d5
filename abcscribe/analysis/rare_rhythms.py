"""Rhythms that the search does not look for: bars of five and seven, swung eighths, and the exact length of rests.

The first two are found in a reading in one of the usual metres: the music repeats itself after a distance that fits no
bar of these, or nearly all its notes stand on a beat or on the last third of one.
"""

from __future__ import annotations

import numpy as np

from abcscribe.score.grid import TICKS
from abcscribe.score.model import Metre

GRID = 3  # ticks
USUAL = (24, 36, 48, 72, 96, 144, 192)  # ticks after which music in the usual metres repeats itself
ADDITIVE = (30, 60, 120, 42, 84, 168)  # and music of five and seven, in sixteenths, eighths and quarters
# By how much more alike music must be after one of these: of 39 real recordings in usual metres .03 at most.
CONTRAST, LEAST_ALIKE = 0.1, 0.5
LEAST_BARS = 5
QUARTERS_UP_TO = 150.0  # units a minute that are written as quarters
SWUNG = (14, 18)  # ticks of a quarter where the second of two swung eighths stands
ON_TIME = 2  # ticks
SECOND = (10, 18)  # and where it may stand in music that is said to be swung: from even eighths to dotted ones
SWUNG_SHARE, FEWEST_SWUNG, MOST_BETWEEN = 0.2, 8, 0.04  # of all onsets; number of them; share elsewhere

AROUND = 16  # onsets on either side of a rest that tell its tempo
STEADY = 0.05  # by how much, in log, the tempos before and after may differ: else nobody can count the rest
# Beats that a rest of whole beats may miss the clock; one that misses more ends half a beat away, if it is short
# enough to tell.
CERTAIN, SHORT_REST = 0.27, 16


def counted_rests(ticks: np.ndarray, onsets: np.ndarray, resting: np.ndarray, beat: int) -> np.ndarray:
    """(n,) ticks with as many beats in each rest as the tempo around it says.

    Args:
        ticks: (n,) of the chords of a reading.
        onsets: (n,) their seconds.
        resting: (n,) whether a rest ends with each.
        beat: ticks.
    """
    counted = ticks.astype(int)
    for at in np.flatnonzero(resting & (np.arange(len(ticks)) > 0)).tolist():
        pace = _pace(ticks, onsets, at)
        if pace is None:
            continue
        played, found = (onsets[at] - onsets[at - 1]) / pace, ticks[at] - ticks[at - 1]
        wrong = played - found
        whole = round(wrong / beat) * beat
        half = round(2 * wrong / beat) * beat // 2
        more = half if abs(wrong - whole) > CERTAIN * beat and played < SHORT_REST * beat else whole
        if more and found + more > 0:
            counted[at:] += more
    return counted


def _pace(ticks: np.ndarray, onsets: np.ndarray, at: int) -> float | None:
    """Seconds a tick around the rest before ``at``; None if it changes there."""
    sides = [slice(max(0, at - AROUND), at), slice(at, at + AROUND)]
    spans = [(np.ptp(onsets[side]), np.ptp(ticks[side])) for side in sides if len(ticks[side]) > 2]
    paces = [seconds / span for seconds, span in spans if span]
    if not paces or abs(np.log(paces[0] / paces[-1])) > STEADY:
        return None
    return float(sum(seconds for seconds, _ in spans) / sum(span for _, span in spans))


def additive_metre(ticks: np.ndarray, weights: np.ndarray, quarter: float) -> tuple[Metre, float] | None:
    """The metre of five or seven that music is in, and what its values have to be multiplied by.

    Args:
        ticks: (n,) of the chords of a reading.
        weights: (n,) how much each weighs.
        quarter: seconds of a quarter in that reading.

    Returns:
        None if it repeats itself as well after another distance.
    """
    alike = {lag: _alike(ticks, weights, lag) for lag in (*USUAL, *ADDITIVE) if lag * LEAST_BARS <= np.ptp(ticks)}
    found = max((lag for lag in ADDITIVE if lag in alike), key=alike.__getitem__, default=0)
    usual = max((alike[lag] for lag in USUAL if lag in alike), default=0.0)
    if not found or alike[found] < max(usual + CONTRAST, LEAST_ALIKE):
        return None
    beats = 5 if found % 5 == 0 else 7
    unit = found // beats
    written = 4 if 60 / quarter * TICKS / unit <= QUARTERS_UP_TO + 50 * (beats == 5) else 8
    return Metre(beats, written), TICKS * 4 / written / unit


def _alike(ticks: np.ndarray, weights: np.ndarray, lag: int) -> float:
    """Correlation of what begins with what begins so many ticks later."""
    place = np.round((ticks - ticks[0]) / GRID).astype(int)
    begun = np.bincount(place, weights)
    early, late = begun[: -lag // GRID], begun[lag // GRID :]
    return float(early @ late / np.sqrt((early @ early) * (late @ late) + 1e-9))


def downbeat(ticks: np.ndarray, weights: np.ndarray, bar: int, unit: int) -> int:
    """By how many ticks the bar lines have to come later to stand where most weighs."""
    shifts = range(0, bar, unit)
    return max(shifts, key=lambda shift: float(weights[(ticks - shift) % bar == 0].sum()))


def is_swung(ticks: np.ndarray) -> bool:
    """Whether nearly all onsets stand on a quarter or where the second of two swung eighths does."""
    place = ticks % TICKS
    late = (place >= SWUNG[0]) & (place <= SWUNG[1])
    on = np.minimum(place, TICKS - place) <= ON_TIME
    between = 1 - (late | on).mean()
    return bool(late.sum() >= FEWEST_SWUNG and late.mean() >= SWUNG_SHARE and between <= MOST_BETWEEN)


def evenly_swung(ticks: np.ndarray) -> np.ndarray:
    """(n,) ticks of swung music, every second eighth on the last third of its quarter: players vary, print does not."""
    place = ticks % TICKS
    late = (place >= SWUNG[0]) & (place <= SWUNG[1])
    return np.where(late, ticks - place + TICKS * 2 // 3, ticks)


def printed_even(ticks: np.ndarray) -> np.ndarray:
    """(n,) ticks of swung music as it is printed: a second eighth in the middle of its quarter.

    It is one where nothing else stands between two quarters: triplets and sixteenths keep their places.
    """
    quarter, place = np.divmod(ticks, TICKS)
    between = np.minimum(place, TICKS - place) > ON_TIME
    numbers, count = np.unique(quarter[between], return_counts=True)
    alone = between & np.isin(quarter, numbers[count == 1]) & (place >= SECOND[0]) & (place <= SECOND[1])
    return np.where(alone, ticks - place + TICKS // 2, ticks)
