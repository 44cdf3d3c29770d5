"""Onset times -> places in bars: Viterbi search over metre, place in the bar and tempo at once.

A path says for every onset at which place of which bar it stands. It is likely if the steps from onset to onset are
usual in its metre (`rhythm`), if the tempo moves little, and if the onsets fall where the tempo puts them; a note may
also be held longer than written (a fermata, a breath), at a price. Metre, level of the beat, downbeat and note values
are thus one decision. All metres are searched in one array; they never mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.engines.notes_to_score.rhythm import TICKS, RhythmTable

BPM = np.geomspace(30, 240, 36)  # quarters a minute; neighbours differ by 6 %
LONGEST = 12 * TICKS  # ticks between two onsets; a longer silence is a pause
NEAREST = 3  # steps tried for each place and tempo: those that fit the time best
JITTER = 0.022  # seconds: how far an onset is off although the player means to be on time
RELATIVE_JITTER = 0.05  # the same, as a share of the time since the last onset
WANDER = 0.06  # standard deviation of log tempo after one second
WORST_MISS = 12.0  # nats that an onset costs at most, however far it is off
EMPTY_BAR_PRICE = 2.0  # nats for each bar without an onset beyond those a table knows
HOLDS = (1.4, 2.0, 3.0)  # how much longer a held note sounds than written
RARE, FREQUENT = (
    4.5,
    2.0,
)  # price of a hold in nats: in music that flows on; in music that stops at the end of each phrase
SHORTEST_HOLD = 0.6  # seconds
TOGETHER = 0.12  # seconds within which two onsets may stand at one place ...
TOGETHER_PRICE = 3.0  # ... at this price in nats
TEMPO_CENTRE = 92.0  # beats a minute: the usual tempo ...
TEMPO_WIDTH = 0.45  # ... and its standard deviation in log


@dataclass(frozen=True, slots=True)
class Path:
    """The likeliest reading of the onsets in one metre."""

    table: RhythmTable
    ticks: np.ndarray  # (n,) place of each onset, ticks from the bar line at or before the first onset
    quarter: np.ndarray  # (n,) seconds a quarter lasts, before each onset
    score: float  # log probability


@dataclass(frozen=True, slots=True)
class _Lattice:
    """The places of several metres in one row (P of them), and for each the steps that lead there, by wanted length.

    ``source`` (a place), ``length`` (ticks) and ``prior`` (log probability) have the shape (LONGEST + 1, P, NEAREST):
    the possible steps whose length is nearest to a wanted length in ticks.
    """

    tables: tuple[RhythmTable, ...]
    offsets: np.ndarray  # (tables + 1,) where the places of each table begin
    source: np.ndarray
    length: np.ndarray
    prior: np.ndarray


def _lattice(tables: Sequence[RhythmTable]) -> _Lattice:
    offsets = np.cumsum([0, *(len(t.places) for t in tables)])
    stacks = [
        _steps(table, to, offset)
        for table, offset in zip(tables, offsets, strict=False)
        for to in range(len(table.places))
    ]
    source, length, prior = (np.stack(part, axis=1) for part in zip(*stacks, strict=True))
    return _Lattice(tuple(tables), offsets, source.astype(np.intp), length.astype(np.float32), prior.astype(np.float32))


def _steps(table: RhythmTable, to: int, offset: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, length and prior of the steps to one place, each (LONGEST + 1, NEAREST)."""
    known = table.step.shape[2]
    lines = np.arange(LONGEST // table.bar + 2)
    gaps = table.places[to] - table.places[:, None] + table.bar * lines
    prior = table.step[:, to, np.minimum(lines, known - 1)] - EMPTY_BAR_PRICE * np.maximum(lines - known + 1, 0)
    origin = np.broadcast_to(np.arange(len(table.places))[:, None] + offset, gaps.shape)
    possible = (gaps > 0) & np.isfinite(prior)
    order = np.argsort(gaps[possible])
    origin, gap, prior = origin[possible][order], gaps[possible][order], prior[possible][order]
    wanted = np.arange(LONGEST + 1)[:, None]
    around = np.searchsorted(gap, wanted) + np.arange(-NEAREST, NEAREST)
    around = np.clip(around, 0, len(gap) - 1)
    nearest = np.argsort(np.abs(gap[around] - wanted), axis=1, kind="stable")[:, :NEAREST]
    chosen = np.take_along_axis(around, nearest, axis=1)
    return origin[chosen], gap[chosen], prior[chosen]


def track(
    onsets: np.ndarray,
    tables: Sequence[RhythmTable],
    evidence: np.ndarray | None = None,
    tempo_evidence: np.ndarray | None = None,
    bpm: np.ndarray = BPM,
    hold_price: float = RARE,
) -> list[Path]:
    """The best path through ``onsets`` (n seconds, ascending) in each metre of ``tables``.

    ``evidence`` (n, places of all tables) adds to the log probability of an onset at a place, ``tempo_evidence``
    (n, tempos) to that of a tempo; ``bpm`` are the tempos to choose from, in quarters a minute, evenly spaced in log.
    """
    lattice = _lattice(tables)
    tick = (60 / bpm / TICKS).astype(np.float32)  # seconds
    gaps = np.diff(onsets)
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    start = np.concatenate([t.start for t in tables])
    score = (_tempo_prior(tables, bpm) + start).astype(np.float32)  # (tempos, places)
    at_place = np.zeros((len(onsets), 1), np.float32) if evidence is None else evidence.astype(np.float32)
    at_tempo = np.zeros((len(onsets), 1), np.float32) if tempo_evidence is None else tempo_evidence.astype(np.float32)
    score += at_place[0] + at_tempo[0][:, None]
    back = []
    for n, gap in enumerate(gaps.tolist(), 1):
        holds = HOLDS if gap > max(SHORTEST_HOLD, usual) else ()
        score, steps = _advance(lattice, score, gap, tick, holds, hold_price)
        score += at_place[n]
        score += at_tempo[n][:, None]
        back.append(steps)
    return [_trace(lattice, m, score, back, 60 / bpm) for m in range(len(tables))]


def _tempo_prior(tables: Sequence[RhythmTable], bpm: np.ndarray) -> np.ndarray:
    beat = np.concatenate([np.full(len(t.places), float(t.metre.beat)) for t in tables])
    return -0.5 * (np.log(bpm[:, None] / beat / TEMPO_CENTRE) / TEMPO_WIDTH) ** 2


_Steps = tuple[np.ndarray, np.ndarray, np.ndarray]  # each (tempos, places): source place, length in ticks, source tempo


def _advance(
    lattice: _Lattice, score: np.ndarray, gap: float, tick: np.ndarray, holds: Sequence[float], price: float
) -> tuple[np.ndarray, _Steps]:
    """One onset further: scores and, for each state, how it was reached."""
    moved, from_tempo = _change_tempo(score, gap, tick)
    best, source, length = _step(lattice, moved, gap, tick)
    for factor in holds:
        held, held_source, held_length = _step(lattice, moved, gap / factor, tick)
        better = held - price > best
        best, source, length = (
            np.where(better, a, b) for a, b in ((held - price, best), (held_source, source), (held_length, length))
        )
    if gap < TOGETHER:
        same = moved - (TOGETHER_PRICE + 0.5 * (gap / TOGETHER) ** 2)
        better = same > best
        best, length = np.where(better, same, best), np.where(better, 0, length)
        source = np.where(better, np.arange(score.shape[1]), source)
    tempo = np.take_along_axis(from_tempo, source, axis=1)
    return best, (source.astype(np.int16), length.astype(np.int16), tempo)


def _change_tempo(score: np.ndarray, gap: float, tick: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best score of each state after its tempo has moved, and the tempo it had before."""
    origin = np.repeat(np.arange(len(tick), dtype=np.int8)[:, None], score.shape[1], axis=1)
    moved = score.copy()
    if len(tick) < 2:
        return moved, origin
    width = WANDER * np.sqrt(min(gap, 4.0)) / abs(float(np.log(tick[1] / tick[0])))  # in steps of tempo
    for shift in range(1, min(len(tick), 2 + int(2.5 * width))):
        price = np.float32(0.5 * (shift / width) ** 2)
        for to, come in ((slice(shift, None), slice(None, -shift)), (slice(None, -shift), slice(shift, None))):
            other = score[come] - price
            better = other > moved[to]
            np.copyto(moved[to], other, where=better)
            np.copyto(origin[to], np.arange(len(tick), dtype=np.int8)[come][:, None], where=better)
    return moved, origin


def _step(
    lattice: _Lattice, score: np.ndarray, gap: float, tick: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score, source place and length of the best step to each (tempo, place)."""
    wanted = np.minimum(np.float32(gap) / tick, LONGEST)
    row = np.rint(wanted).astype(np.intp)
    source, length = lattice.source[row], lattice.length[row]  # (tempos, places, NEAREST)
    width = np.hypot(JITTER, RELATIVE_JITTER * min(gap, 3.0))
    error = wanted[:, None, None] - length
    error *= (tick / width)[:, None, None]
    error *= error
    total = lattice.prior[row] - error / (2 + error / WORST_MISS)
    total += np.take(score.ravel(), source + (np.arange(len(tick)) * score.shape[1])[:, None, None])
    best = total.argmax(axis=2)[:, :, None]
    return tuple(np.take_along_axis(of, best, axis=2)[:, :, 0] for of in (total, source, length))  # type: ignore[return-value]


def _trace(lattice: _Lattice, m: int, score: np.ndarray, back: list[_Steps], quarter: np.ndarray) -> Path:
    first, last = lattice.offsets[m], lattice.offsets[m + 1]
    tempo, place = np.unravel_index(int(score[:, first:last].argmax()), (len(quarter), last - first))
    place = place + first
    best, table = float(score[tempo, place]), lattice.tables[m]
    lengths, tempos = np.zeros(len(back) + 1, int), np.full(len(back) + 1, tempo)
    for n in range(len(back), 0, -1):
        source, length, origin = back[n - 1]
        lengths[n], tempos[n] = length[tempo, place], tempo
        place, tempo = source[tempo, place], origin[tempo, place]
        tempos[n - 1] = tempo
    return Path(table, table.places[place - first] + np.cumsum(lengths), quarter[tempos], best)
