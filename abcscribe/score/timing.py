"""When each place of a score comes in its recording: between bar lines too, where the player hurries or waits.

The bars of a score say when they begin. Within them the notes that were heard are looked up: the onsets of written
notes that find their pitch nearby in the performance are fixed points, and time runs evenly between these.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from operator import itemgetter
from statistics import median

from abcscribe.score.model import PlayedNote, Score, SoundingNote

NEAR = 0.35  # seconds from where even time within the bar has a note: farther off it is another one
NEAR_SHARE = 0.6  # of the way to the next onset of the same pitch, where notes are repeated
DEFAULT_BPM = 120.0  # of a score that says neither times nor tempo
SAME = 0.15  # seconds between a written onset and the heard note that it is taken from


@dataclass(frozen=True)
class TimeMap:
    """Quarters from the start of the score <-> seconds in the recording, evenly between the points."""

    quarters: tuple[float, ...]  # rising
    seconds: tuple[float, ...]  # rising, as many

    def at(self, quarter: Fraction | float) -> float:
        """Seconds at a place; beyond the ends at the pace of the nearest stretch."""
        return _interpolated(float(quarter), self.quarters, self.seconds)

    def quarter(self, second: float) -> float:
        """The place at a moment."""
        return _interpolated(second, self.seconds, self.quarters)


def time_map(score: Score) -> TimeMap:
    """The time map of a score, from its bars and, where it was recorded, from the notes that were heard."""
    return _time_map(score, score.sounding_notes())


def followed(score: Score) -> tuple[TimeMap, dict[tuple[int, Fraction, int], int]]:
    """The time map of a score, and which heard note each sounding note was written from.

    Returns:
        The map; and for (part, onset in quarters, MIDI pitch) of a sounding note the index in ``score.performance``.
        Each heard note is given once, to the written note nearest in time.
    """
    sounding = score.sounding_notes()
    times = _time_map(score, sounding)
    return times, _heard_notes(score, sounding, times)


def _time_map(score: Score, sounding: Sequence[SoundingNote]) -> TimeMap:
    coarse = _from_bars(score)
    if not score.performance:
        return coarse
    anchors = _rising(_anchors(score, sounding, coarse))
    if len(anchors) < 2:
        return coarse
    first, last = anchors[0], anchors[-1]
    outside = [
        (q, t)
        for q, t in zip(coarse.quarters, coarse.seconds, strict=True)
        if (q < first[0] and t < first[1]) or (q > last[0] and t > last[1])
    ]
    return _map(sorted({*anchors, *outside}))


def _heard_notes(
    score: Score, sounding: Sequence[SoundingNote], times: TimeMap
) -> dict[tuple[int, Fraction, int], int]:
    by_pitch: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for index, played in enumerate(score.performance):
        by_pitch[played.pitch].append((played.onset, index))
    pairs = []
    for note, at in zip(sounding, _moments(sounding, times), strict=True):
        own = by_pitch.get(note.pitch, [])
        for onset, index in own[bisect_left(own, (at - SAME, 0)) : bisect_left(own, (at + SAME, 0))]:
            pairs.append((abs(onset - at), index, (note.part, note.onset, note.pitch)))
    found: dict[tuple[int, Fraction, int], int] = {}
    taken: set[int] = set()
    for _, index, key in sorted(pairs, key=itemgetter(0, 1)):
        if index not in taken and key not in found:
            found[key] = index
            taken.add(index)
    return found


def _moments(notes: Sequence[SoundingNote], times: TimeMap) -> list[float]:
    """Seconds of each note, which come by onset: chords are looked up once."""
    moments: list[float] = []
    before: SoundingNote | None = None
    for note in notes:
        together = before is not None and before.onset == note.onset
        moments.append(moments[-1] if together else times.at(note.onset))
        before = note
    return moments


def _from_bars(score: Score) -> TimeMap:
    """Even time within bars. Bars without a time of their own go at the pace of their tempo."""
    starts = [float(start) for start in score.bar_starts()]
    known = [(starts[i], bar.seconds) for i, bar in enumerate(score.bars) if bar.seconds is not None]
    points = _rising([(quarter, float(second)) for quarter, second in known])
    if len(points) >= 2:
        return _map(points)
    origin_q, origin_t = points[0] if points else (0.0, 0.0)
    seconds = [0.0]
    for bar in score.bars:
        pace = 60 / (bar.tempo.quarter_bpm if bar.tempo else DEFAULT_BPM)
        seconds.append(seconds[-1] + float(bar.length) * pace)
    if len(starts) < 2:
        return _map([(0.0, 0.0), (1.0, 60 / DEFAULT_BPM)])
    even = _map(list(zip(starts, seconds, strict=True)))
    shift = origin_t - even.at(origin_q)
    return TimeMap(even.quarters, tuple(second + shift for second in even.seconds))


def _anchors(score: Score, sounding: Sequence[SoundingNote], coarse: TimeMap) -> list[tuple[float, float]]:
    """(quarters, seconds) of every written onset at which something of its pitches was heard."""
    by_pitch: dict[int, list[float]] = defaultdict(list)
    for played in sorted(score.performance, key=_onset):
        by_pitch[played.pitch].append(played.onset)
    onsets: dict[Fraction, list[float]] = defaultdict(list)
    moments = _moments(sounding, coarse)
    for note, expected, reach in zip(sounding, moments, _reaches(sounding, moments), strict=True):
        heard = by_pitch.get(note.pitch, [])
        first = max(0, bisect_left(heard, expected) - 1)
        around = heard[first : first + 2]
        nearest = min(around, key=lambda second: abs(second - expected), default=None)
        if nearest is not None and abs(nearest - expected) <= reach:
            onsets[note.onset].append(nearest)
    return [(float(quarter), median(seconds)) for quarter, seconds in onsets.items()]


def _reaches(notes: Sequence[SoundingNote], moments: Sequence[float]) -> list[float]:
    """How many seconds off each note may have been played."""
    following: dict[int, float] = {}
    reaches = []
    for note, moment in zip(reversed(notes), reversed(moments), strict=True):
        after = following.get(note.pitch, moment)
        reaches.append(min(NEAR, NEAR_SHARE * (after - moment)) if after > moment else NEAR)
        following[note.pitch] = moment
    return reaches[::-1]


def _onset(note: PlayedNote) -> float:
    return note.onset


def _rising(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The longest run of points, ordered by their first value, whose second value rises too."""
    tails: list[float] = []
    ends: list[int] = []
    before: list[int] = []
    for i, (_, second) in enumerate(points):
        place = bisect_left(tails, second)
        before.append(ends[place - 1] if place else -1)
        tails[place : place + 1] = [second]
        ends[place : place + 1] = [i]
    chosen, i = [], ends[-1] if ends else -1
    while i >= 0:
        chosen.append(points[i])
        i = before[i]
    return chosen[::-1]


def _map(points: Sequence[tuple[float, float]]) -> TimeMap:
    kept = [points[0], *(b for a, b in pairwise(points) if b[0] > a[0])]
    return TimeMap(tuple(q for q, _ in kept), tuple(t for _, t in kept))


def _interpolated(x: float, xs: Sequence[float], ys: Sequence[float]) -> float:
    if len(xs) == 1:
        return ys[0]
    i = min(max(bisect_right(xs, x) - 1, 0), len(xs) - 2)
    return ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])
