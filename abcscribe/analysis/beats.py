"""Onset times -> places in bars: Viterbi search over metre, place in the bar and tempo at once.

A path says for every onset at which place of which bar it stands. It is likely if the steps from onset to onset are
usual in its metre (`rhythm`), if the tempo moves little, and if the onsets fall where the tempo puts them; a note may
also be held longer than written (a fermata, a breath), at a price. Metre, level of the beat, downbeat and note values
are thus one decision. All metres are searched in one array; they never mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from abcscribe.analysis.rhythm_tables import RhythmTable
from abcscribe.score.grid import TICKS

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
# A silence is a rest that is counted, not a hold that ends with a breath, from so many seconds on. Of the steps over a
# rest those are tried that are likely among those that fit within RESOLUTION of their length, as tempos lie apart; and
# empty bars cost so many nats at most: who rests so long may rest longer.
REST, RESOLUTION, MOST_EMPTY_PRICE = 1.5, 0.03, 4.0
MOST_IGNORED = 2  # onsets in a row that may be ignored
TEMPO_CENTRE = 92.0  # beats a minute: the usual tempo ...
TEMPO_WIDTH = 0.45  # ... and its standard deviation in log


@dataclass(frozen=True, slots=True)
class Path:
    """The likeliest reading of the onsets in one metre."""

    table: RhythmTable
    used: np.ndarray  # (u,) indices of the onsets that are notes of the piece; the others were ignored
    ticks: np.ndarray  # (u,) their places, ticks from the bar line at or before the first of them
    quarter: np.ndarray  # (u,) seconds a quarter lasts, before each of them
    score: float  # log probability


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known about n onsets, by time."""

    onsets: np.ndarray  # (n,) seconds
    doubt: np.ndarray  # (n,) price in nats of ignoring an onset; infinite where it must be used
    places: np.ndarray  # (n, places of all tables) evidence for each place, log probability
    tempos: np.ndarray  # (n, tempos) evidence for each tempo
    silence: np.ndarray | None = None  # (n,) seconds in which nothing sounds before each

    def head(self, n: int) -> Heard:
        silence = None if self.silence is None else self.silence[:n]
        return Heard(self.onsets[:n], self.doubt[:n], self.places[:n], self.tempos[:n], silence)


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
    bar: np.ndarray  # (P,) ticks of the bar of each place's metre
    resting: bool  # whether the steps lead over a rest


@lru_cache(maxsize=32)  # tables are made once each: comparing them by identity finds them again
def _lattice(tables: tuple[RhythmTable, ...], resting: bool = False) -> _Lattice:
    """``resting``: for the steps over a rest."""
    offsets = np.cumsum([0, *(len(t.places) for t in tables)])
    stacks = [
        _steps(table, to, offset, resting)
        for table, offset in zip(tables, offsets, strict=False)
        for to in range(len(table.places))
    ]
    source, length, prior = (np.stack(part, axis=1) for part in zip(*stacks, strict=True))
    bar = np.repeat([table.bar for table in tables], np.diff(offsets)).astype(np.float32)
    return _Lattice(
        tables, offsets, source.astype(np.intp), length.astype(np.float32), prior.astype(np.float32), bar, resting
    )


def _steps(table: RhythmTable, to: int, offset: int, resting: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Source, length and prior of the steps to one place, each (LONGEST + 1, NEAREST)."""
    known = table.step.shape[2]
    lines = np.arange(LONGEST // table.bar + 2)
    gaps = table.places[to] - table.places[:, None] + table.bar * lines
    empty = EMPTY_BAR_PRICE * np.maximum(lines - known + 1, 0)
    prior = table.step[:, to, np.minimum(lines, known - 1)] - np.minimum(empty, MOST_EMPTY_PRICE if resting else np.inf)
    origin = np.broadcast_to(np.arange(len(table.places))[:, None] + offset, gaps.shape)
    possible = (gaps > 0) & np.isfinite(prior)
    order = np.argsort(gaps[possible])
    origin, gap, prior = origin[possible][order], gaps[possible][order], prior[possible][order]
    wanted = np.arange(LONGEST + 1)[:, None]
    if resting:
        miss = np.abs(gap - wanted) / np.maximum(1.0, RESOLUTION * wanted)
        chosen = np.argsort(miss * miss - prior, axis=1, kind="stable")[:, :NEAREST]
    else:
        around = np.searchsorted(gap, wanted) + np.arange(-NEAREST, NEAREST)
        around = np.clip(around, 0, len(gap) - 1)
        nearest = np.argsort(np.abs(gap[around] - wanted), axis=1, kind="stable")[:, :NEAREST]
        chosen = np.take_along_axis(around, nearest, axis=1)
    return origin[chosen], gap[chosen], prior[chosen]


def track(heard: Heard, tables: Sequence[RhythmTable], bpm: np.ndarray = BPM, hold_price: float = RARE) -> list[Path]:
    """The best path through the onsets in each metre; ``bpm`` are the tempos to choose from, evenly spaced in log."""
    tables = tuple(tables)
    lattice = _lattice(tables)
    tick = (60 / bpm / TICKS).astype(np.float32)  # seconds
    usual = float(np.median(np.diff(heard.onsets))) if len(heard.onsets) > 1 else 0.0
    start = (_tempo_prior(tables, bpm) + np.concatenate([t.start for t in tables])).astype(np.float32)
    scores: list[np.ndarray] = []  # of the last onsets, each (tempos, places)
    back: list[_Steps] = []
    for n, onset in enumerate(heard.onsets.tolist()):
        best, steps = _beginning(start, float(heard.doubt[:n].sum()))
        for ago in range(1, min(n, MOST_IGNORED + 1) + 1):
            ignored = float(heard.doubt[n - ago + 1 : n].sum())
            if not np.isfinite(ignored):
                break
            gap = onset - float(heard.onsets[n - ago])
            silent = 0.0 if heard.silence is None else float(heard.silence[n - ago + 1 : n + 1].max())
            resting = silent > max(REST, usual)
            holds = HOLDS if gap > max(SHORTEST_HOLD, usual) and not resting else ()
            steps_there = _lattice(tables, resting=True) if resting else lattice
            moved, found = _advance(steps_there, scores[-ago], gap, tick, holds, hold_price)
            best, steps = _better(best, steps, moved - ignored, (*found, np.int8(ago)))
        best = best + heard.places[n].astype(np.float32) + heard.tempos[n].astype(np.float32)[:, None]
        scores = [*scores[-MOST_IGNORED:], best]
        back.append(steps)
    return [_trace(lattice, m, scores[-1], back, 60 / bpm) for m in range(len(tables))]


# How each state was reached, each (tempos, places): source place, length in ticks, source tempo, and how many onsets
# ago the last one used was; 0 where the piece begins.
_Steps = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _beginning(start: np.ndarray, ignored: float) -> tuple[np.ndarray, _Steps]:
    nothing = np.zeros(start.shape, np.int16)
    return (start - ignored).astype(np.float32), (nothing, nothing, nothing.astype(np.int8), nothing.astype(np.int8))


def _better(best: np.ndarray, steps: _Steps, other: np.ndarray, its: tuple) -> tuple[np.ndarray, _Steps]:
    if not np.isfinite(best).any():
        return other, (its[0], its[1], its[2], np.full(other.shape, its[3]))
    wins = other > best
    merged = tuple(np.where(wins, b, a) for a, b in zip(steps, its, strict=True))
    return np.where(wins, other, best), merged  # type: ignore[return-value]


def _tempo_prior(tables: Sequence[RhythmTable], bpm: np.ndarray) -> np.ndarray:
    beat = np.concatenate([np.full(len(t.places), float(t.metre.beat)) for t in tables])
    return -0.5 * (np.log(bpm[:, None] / beat / TEMPO_CENTRE) / TEMPO_WIDTH) ** 2


def _advance(
    lattice: _Lattice, score: np.ndarray, gap: float, tick: np.ndarray, holds: Sequence[float], price: float
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """One onset further: scores and, for each state, its source place, the length in ticks and its source tempo."""
    moved, from_tempo = _change_tempo(score, gap, tick)
    best, source, length = _step(lattice, moved, gap, tick)
    for factor in holds:
        held, held_source, held_length = _step(lattice, moved, gap / factor, tick)
        better = held - price > best
        best, source, length = (
            np.where(better, a, b) for a, b in ((held - price, best), (held_source, source), (held_length, length))
        )
    tempo = from_tempo[np.arange(len(tick))[:, None], source]
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
    wanted = np.float32(gap) / tick
    if lattice.resting:
        source, length, prior, wanted = _rests(lattice, wanted)
    else:
        wanted = np.minimum(wanted, LONGEST)
        row = np.rint(wanted).astype(np.intp)
        source, length, prior = lattice.source[row], lattice.length[row], lattice.prior[row]
        wanted = wanted[:, None]
    width = np.hypot(JITTER, RELATIVE_JITTER * min(gap, 3.0))
    error = wanted[:, :, None] - length  # (tempos, places, NEAREST)
    error *= (tick / width)[:, None, None]
    error *= error
    total = prior - error / (2 + error / WORST_MISS)
    total += np.take(score.ravel(), source + (np.arange(len(tick)) * score.shape[1])[:, None, None])
    best = total.argmax(axis=2)
    flat = np.arange(best.size).reshape(best.shape) * NEAREST + best  # three times as quick as take_along_axis
    return total.ravel()[flat], source.ravel()[flat], length.ravel()[flat]


def _rests(lattice: _Lattice, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, length and prior of steps over a rest of any length, each (tempos, places, NEAREST), and their wanted
    lengths (tempos, places): of rests longer than the lattice whole bars are taken off and added again."""
    beyond = np.ceil(np.maximum(wanted[:, None] - LONGEST, 0) / lattice.bar) * lattice.bar
    row, place = np.rint(wanted[:, None] - beyond).astype(np.intp), np.arange(len(lattice.bar))
    length = lattice.length[row, place] + beyond[:, :, None]
    return lattice.source[row, place], length, lattice.prior[row, place], wanted[:, None] + 0 * beyond


def _trace(lattice: _Lattice, m: int, score: np.ndarray, back: list[_Steps], quarter: np.ndarray) -> Path:
    first, last = lattice.offsets[m], lattice.offsets[m + 1]
    tempo, place = divmod(int(score[:, first:last].argmax()), int(last - first))
    place, n = place + int(first), len(back) - 1
    best, table = float(score[tempo, place]), lattice.tables[m]
    used, lengths, tempos = [], [], []
    while True:
        source, length, origin, ago = (part[tempo, place] for part in back[n])
        used.append(n)
        tempos.append(tempo)
        if not ago:
            break
        lengths.append(int(length))
        place, tempo, n = int(source), int(origin), n - int(ago)
    tempos[-1] = tempos[-2] if len(tempos) > 1 else tempos[-1]
    ticks = table.places[place - first] + np.cumsum([0, *reversed(lengths)])
    return Path(table, np.array(used[::-1]), ticks, quarter[tempos[::-1]], best)
