"""Which beat begins the bar: the readings that differ from the search's by whole beats, side by side.

A bar that is turned by a beat, or by half, is as regular as the right one. What tells them apart is what stands at its
bar lines: long and loud notes, basses, new harmonies, where the music begins and ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abcscribe.analysis import beats, chord_features
from abcscribe.analysis.metre_choice import more
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import boosted_trees
from abcscribe.score.grid import METRE_NAMES, TICKS

WEIGHTS = FOLDER / "downbeats.npz"
ENDS = 6  # chords at either end that are looked at by themselves
RAREST = -12.0  # log probability of a step that a table does not know
UNLIKELY = -3.0  # log probability below which a guess says no more here
OWN = (
    "turn",
    "likelihood",
    "likelihood above UNLIKELY",
    "places likely",
    "start",
    "steps",
    "at bar",
    "at half",
    "longer at bar",
    "longer at half",
    "first in bar",
    "last in bar",
    "end in bar",
    "begins a bar",
    "ends on a bar",
    "first likelihoods",
    "last likelihoods",
    *(f"{name} at bar" for name in chord_features.NAMES),
)
FEATURES = (
    *OWN, *(f"{name} beside the mean" for name in OWN), "bar", "beat", "chords", "bars", "quarter", "last length",
    "notes a chord",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Read:
    """A reading of u chords, and what is known of them."""

    path: beats.Path
    places: np.ndarray  # (u, P) log probability that the network gives to each place of the path's table
    features: np.ndarray  # (u, chord_features.FEATURES) of `chord_features`
    onset: np.ndarray  # (u,) seconds
    end: float  # seconds: when the last chord ends
    density: float  # notes a chord


def turn(read: Read) -> int:
    """The likeliest of the `turns`."""
    scores = [boosted_trees.answer(WEIGHTS, row, METRE_NAMES)[0] for row in features(read)]
    return int(turns(read.path)[int(np.argmax(scores))])


def turns(path: beats.Path) -> np.ndarray:
    """(t,) ticks by which the bar lines may come later, none first."""
    return np.arange(0, path.table.bar, int(path.table.metre.beat * TICKS))


def features(read: Read) -> np.ndarray:
    """(t, FEATURES) float32: of each of the `turns`, by itself and less the mean of all, then of the music."""
    path = read.path
    table, bar, quarter = path.table, path.table.bar, float(np.median(path.quarter))
    ticks = path.ticks.astype(int) - turns(path)[:, None]
    place = ticks % bar
    index = np.searchsorted(table.places, place)
    likely = read.places[np.arange(len(path.used)), index]
    lines = np.diff(ticks // bar, axis=1).clip(0, table.step.shape[2] - 1)
    steps = table.step[index[:, :-1], index[:, 1:], lines].clip(RAREST)
    length = np.log(np.diff(read.onset, append=max(read.end, read.onset[-1] + 0.05)).clip(0.03, 5.0))
    held = (read.end - read.onset[-1]) / quarter * TICKS
    at_bar, at_half = place == 0, place == bar // 2
    own = np.column_stack([
        turns(path) / bar, likely.mean(axis=1), likely.clip(UNLIKELY).mean(axis=1), (likely > np.log(0.5)).mean(axis=1),
        table.start[index[:, 0]].clip(RAREST), steps.mean(axis=1) if steps.size else np.zeros(len(ticks)),
        at_bar.mean(axis=1), at_half.mean(axis=1), more(at_bar, length), more(at_half, length),
        place[:, 0] / bar, place[:, -1] / bar, (place[:, -1] + held) / bar % 1, at_bar[:, 0], at_bar[:, -1],
        likely[:, :ENDS].mean(axis=1), likely[:, -ENDS:].mean(axis=1), more(at_bar, read.features),
    ])  # fmt: skip
    whole = [bar, bar / len(ticks), len(path.used), np.ptp(path.ticks) / bar, np.log(quarter), held / bar, read.density]
    return np.column_stack([own, own - own.mean(axis=0), np.tile(whole, (len(own), 1))]).astype(np.float32)
