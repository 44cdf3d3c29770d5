"""Hits of drums alone -> bars: where no pitch says where a bar begins, the kit does.

The length of a beat is that at which the kit repeats itself and the snare answers the kick; the beats are followed
through the recording by dynamic programming (Ellis, "Beat tracking by dynamic programming", 2007); bars begin where
kicks and crashes are and snares are not. The metre is 4/4 unless a hint says otherwise: grooves in three are rare, and
nothing here was measured on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from abcscribe.hints import Hints
from abcscribe.score.model import Metre, PlayedNote

KICKS, SNARES, CYMBALS = (35, 36), (37, 38, 39, 40), (49, 52, 55, 57)
BPM = np.exp(np.linspace(np.log(60.0), np.log(200.0), 180))
USUAL_BPM, SPREAD, PRIOR = 112.0, 0.32, 0.25  # of the logarithm of the tempo, and the weight of this belief
TOGETHER = 0.02  # seconds: how exactly a hit is repeated, standard deviation
REPEATED = ((4, 1.0), (2, 0.4), (1, 0.25), (0.5, 0.5))  # beats after which a drum comes again, and what that is worth
ANSWERED = 1.0  # worth of a snare one beat after a kick
BACKBEAT = 0.5  # price of a snare that comes on every beat
FOLLOW = 60.0  # price of a beat that is longer or shorter than usual, by the squared logarithm
ON_BEAT = 0.05  # seconds around a beat in which its hits lie
BEGINS = 0.35  # of a bar's kick, for each bar: recordings of drums begin with a bar, unless the kit says otherwise
HALF = 2.0  # a bar's middle is half as strong as its beginning


class DrumBars(NamedTuple):
    """Bars of a recording of drums."""

    metre: Metre
    lines: np.ndarray  # (bars + 1,) seconds, the last is the end
    quarter_bpm: float


def drum_bars(hits: Sequence[PlayedNote], hints: Hints = Hints()) -> DrumBars:
    """The bars of a recording of drums.

    Args:
        hits: one at least, in any order; seconds.
        hints: tempo, metre and downbeat are used.
    """
    onset = np.array(sorted(hit.onset for hit in hits))
    metre = hints.metre or Metre(4, 4)
    beat = float(metre.beat)
    period = beat * 60 / hints.tempo if hints.tempo else _period(hits)
    times = _beats(onset, _strength(hits), period)
    count = max(round(float(metre.length / metre.beat)), 1)
    turn = _turn(hits, times, count) if hints.downbeat is None else int(np.abs(times - hints.downbeat).argmin()) % count
    period = float(np.median(np.diff(times))) if len(times) > 1 else period
    before = times[0] - period * np.arange(count, 0, -1)
    extended = np.concatenate([before, times, times[-1] + period * np.arange(1, 2 * count + 1)])
    lines = extended[turn::count]
    first = max(int(np.searchsorted(lines, onset[0] + ON_BEAT)) - 1, 0)
    last = int(np.searchsorted(lines, onset[-1] + ON_BEAT))
    return DrumBars(metre, np.maximum(lines[first : last + 1], 0.0), 60 / period * beat)


def _weight(key: int) -> float:
    return 1.0 if key in (*KICKS, *SNARES, *CYMBALS) else 0.35


def _strength(hits: Sequence[PlayedNote]) -> np.ndarray:
    return np.array([_weight(hit.pitch) for hit in sorted(hits, key=lambda h: h.onset)])


def _period(hits: Sequence[PlayedNote]) -> float:
    """Seconds of a beat."""
    kinds = {
        "kick": _times(hits, KICKS), "snare": _times(hits, SNARES),
        "other": np.array(sorted(h.onset for h in hits if h.pitch not in (*KICKS, *SNARES))),
    }  # fmt: skip
    periods = 60 / BPM
    score = PRIOR * -0.5 * (np.log(BPM / USUAL_BPM) / SPREAD) ** 2
    for times in kinds.values():
        for beats, worth in REPEATED:
            if beats >= 1 or times is kinds["other"]:
                score += worth * _after(times, times, beats * periods)
    score += ANSWERED * _after(kinds["kick"], kinds["snare"], periods)
    score -= BACKBEAT * _after(kinds["snare"], kinds["snare"], periods)
    return float(periods[score.argmax()])


def _times(hits: Sequence[PlayedNote], keys: tuple[int, ...]) -> np.ndarray:
    return np.array(sorted(hit.onset for hit in hits if hit.pitch in keys))


def _after(first: np.ndarray, second: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """(lags,) share of the first hits that a second one follows after each lag, near and exact ones counting more."""
    if not len(first) or not len(second):
        return np.zeros(len(lags))
    found = np.zeros(len(lags))
    for n, lag in enumerate(lags):
        wanted = first + lag
        at = np.searchsorted(second, wanted).clip(1, max(len(second) - 1, 1))
        near = np.minimum(np.abs(second[at - 1] - wanted), np.abs(second[at.clip(max=len(second) - 1)] - wanted))
        inside = wanted <= second[-1] + TOGETHER
        found[n] = np.exp(-0.5 * (near[inside] / TOGETHER) ** 2).mean() if inside.any() else 0.0
    return found


def _beats(onset: np.ndarray, strength: np.ndarray, period: float) -> np.ndarray:
    """Beats through all hits: each on a hit, or in a gap where none is."""
    total, back = strength.copy(), np.full(len(onset), -1)
    for n in range(1, len(onset)):
        gap = onset[n] - onset[:n]
        steps = np.maximum(np.round(gap / period), 1)
        price = FOLLOW * np.log(np.maximum(gap, 1e-3) / (steps * period)) ** 2 + 0.3 * (steps - 1)
        ways = total[:n] - price
        best = int(ways.argmax())
        if ways[best] > -1:
            total[n], back[n] = strength[n] + ways[best], best
    path = [int(total.argmax())]
    while back[path[-1]] >= 0:
        path.append(int(back[path[-1]]))
    anchors = onset[path[::-1]]
    times = [anchors[:1]]
    for a, b in pairwise(anchors):
        steps = max(round((b - a) / period), 1)
        times.append(np.linspace(a, b, steps + 1)[1:])
    return np.concatenate(times)


def _turn(hits: Sequence[PlayedNote], beats: np.ndarray, count: int) -> int:
    """Which beat, counted from the first, begins a bar."""
    kick, snare, crash = (_on(hits, keys, beats) for keys in (KICKS, SNARES, CYMBALS))
    worth = []
    for turn in range(count):
        place = (np.arange(len(beats)) - turn) % count
        first, back = place == 0, place % 2 == 1
        middle = (place == count // 2) & (count % 2 == 0) & (count > 2)
        worth.append(
            float((kick * (first + middle / HALF - back * 0.5)).sum() + (snare * (back * 1.0 - first - middle)).sum())
            + 1.5 * float((crash * (first * 1.0 - ~first)).sum())
            + BEGINS * len(beats) / count * (turn == 0)
        )
    return int(np.argmax(worth))


def _on(hits: Sequence[PlayedNote], keys: tuple[int, ...], beats: np.ndarray) -> np.ndarray:
    times = _times(hits, keys)
    return np.array([bool((np.abs(times - beat) < ON_BEAT).any()) for beat in beats], float)
