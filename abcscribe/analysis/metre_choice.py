"""Which metre: weighed over the best reading in each, for the whole recording by its first chords.

A reading in the wrong metre may be as likely note by note. What gives it away is how the music repeats itself: tunes
say again after four bars what they said, and their bars begin and end where long notes stand. Boosted trees weigh that
with the search, what the network thinks of the whole, and the tempo; learned on excerpts of public-domain scores by
``abcscribe train small metre-choice``. They also tell bars of two halves from those of four quarters, as reels are
printed: nobody hears the difference, but the collections of tunes are consistent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from abcscribe.analysis import beats
from abcscribe.analysis.beat_network import Guess
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import boosted_trees
from abcscribe.score.grid import METRE_NAMES, METRES, TICKS
from abcscribe.score.model import Metre, PlayedNote

WEIGHTS = FOLDER / "metre_choice.npz"
COMMON, CUT = METRES.index(Metre(4, 4)), len(METRES)  # the reading of bars in two halves is that in four quarters
CLASSES = (*METRES, Metre(2, 2))
BARS = (1, 2, 4, 8)  # how far apart what repeats may be
OF_READING = (
    "network's metre",
    "score behind the best",
    "likelihood",
    "places likely",
    "beat tempo",
    "quarter tempo",
    "chords a bar",
    "bars",
    "bars begun",
    "at bar",
    "at beat",
    "at half",
    "longer at bar",
    "longer at beat",
    "longer at half",
    "end in bar",
    "start in bar",
    "end in beat",
    "last length",
    *(f"{what} after {bars}" for bars in BARS for what in ("onset", "pitch", "step")),
)
FEATURES = (
    *(f"{metre}: {name}" for metre in METRES for name in OF_READING),
    "chords", "gap", "notes a chord", "seconds", "widest gaps",
)  # fmt: skip
FEWEST = 4  # chords that may repeat earlier ones
USUAL_BEAT, USUAL_QUARTER = 92.0, 110.0  # a minute: the middle of what is counted


class Chords(NamedTuple):
    """What of n chords is weighed, by time."""

    onset: np.ndarray  # (n,) seconds
    offset: np.ndarray  # (n,) of the longest note
    top: np.ndarray  # (n,) MIDI pitch
    notes: int


def chords_of(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], onsets: np.ndarray) -> Chords:
    """Of chords ``groups`` (indices of ``notes``) that begin at ``onsets``."""
    offset = np.array([max(notes[i].offset for i in group) for group in groups])
    top = np.array([max(notes[i].pitch for i in group) for group in groups])
    return Chords(onsets, offset, top, sum(map(len, groups)))


def metres(
    chords: Chords, readings: Sequence[beats.Path], guess: Guess, likelihoods: Sequence[np.ndarray]
) -> np.ndarray:
    """(CLASSES,) log probabilities. ``readings``: the best in each of METRES; ``likelihoods``: log probability that the
    network gives to each place of theirs."""
    scores = boosted_trees.answer(WEIGHTS, features(chords, readings, guess, likelihoods), METRE_NAMES)
    return scores - np.logaddexp.reduce(scores)


def features(
    chords: Chords, readings: Sequence[beats.Path], guess: Guess, likelihoods: Sequence[np.ndarray]
) -> np.ndarray:
    """(FEATURES,) float32: of each reading in turn, then of the chords as they are."""
    best = max(reading.score / len(reading.used) for reading in readings)
    rows = [
        [vote, reading.score / len(reading.used) - best, *_of_reading(chords, reading, likelihood)]
        for vote, reading, likelihood in zip(guess.metres, readings, likelihoods, strict=True)
    ]
    gaps = np.log(np.diff(chords.onset, append=chords.offset[-1]).clip(0.03))
    whole = [
        np.log(len(chords.onset)), np.median(gaps), np.log(chords.notes / len(chords.onset)),
        np.log(np.ptp(chords.onset) + 0.1), np.quantile(gaps, 0.9) - np.median(gaps),
    ]  # fmt: skip
    return np.array([*np.ravel(rows), *whole], np.float32)


def _of_reading(chords: Chords, reading: beats.Path, likelihood: np.ndarray) -> list[float]:
    metre, ticks, used = reading.table.metre, reading.ticks.astype(int), reading.used
    bar, beat = reading.table.bar, int(metre.beat * TICKS)
    onset, quarter = chords.onset[used], float(np.median(reading.quarter))
    end = max(chords.offset[used[-1]], onset[-1] + 0.05)
    length = np.log(np.diff(onset, append=end).clip(0.03, 5.0))
    at_bar, at_beat, at_half = ticks % bar == 0, ticks % beat == 0, ticks % bar == bar // 2
    bars = max((ticks[-1] - ticks[0]) / bar, 0.5)
    begun = ticks[-1] // bar + (-ticks[0] // bar) + 1  # bar lines from the first chord to the last
    return [
        likelihood.mean(), (likelihood > np.log(0.5)).mean(),
        np.log2(60 / quarter / float(metre.beat) / USUAL_BEAT), np.log2(60 / quarter / USUAL_QUARTER),
        np.log2(len(ticks) / bars), np.log2(bars),
        at_bar.sum() / max(begun, 1), at_bar.mean(), at_beat.mean(), at_half.mean(),
        *more(np.array([at_bar, at_beat, at_half]), length)[:, 0],
        ticks[-1] % bar / bar, ticks[0] % bar / bar, ticks[-1] % beat / beat,
        (end - onset[-1]) / quarter / float(metre.length),
        *_repeated(ticks, chords.top[used], [n * bar for n in BARS]),
    ]  # fmt: skip


def more(where: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(k, F) By how much the mean of values (n,) or (n, F) where a row of (k, n) says is above that of all; 0 if it
    says so nowhere."""
    rows, count = values.reshape(len(values), -1), where.sum(axis=1)[:, None]
    return np.where(count, where @ rows / np.maximum(count, 1) - rows.mean(axis=0), 0.0)


def _repeated(ticks: np.ndarray, top: np.ndarray, lags: Sequence[int]) -> list[float]:
    """For each lag in ticks: shares of the onsets that have another so long before, of the same pitch, after the same
    step."""
    ticks, first = np.unique(ticks, return_index=True)
    top = top[first]
    step = np.diff(top.astype(float), prepend=np.nan)  # the first follows nothing
    shares: list[float] = []
    for lag in lags:
        late = np.flatnonzero(ticks - lag >= ticks[0])
        if len(late) < FEWEST:
            shares += [0.0] * 3
            continue
        early = np.searchsorted(ticks, ticks[late] - lag).clip(max=len(ticks) - 1)
        there = ticks[early] == ticks[late] - lag
        shares += [
            there.mean(),
            (there & (top[early] == top[late])).mean(),
            (there & (step[early] == step[late])).mean(),
        ]
    return shares
