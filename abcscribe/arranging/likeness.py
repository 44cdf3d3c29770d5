"""How alike the bars of a score are: by what is printed in them, or by what was heard in a recording.

Of a print the notes that begin at the same place are counted. A recording's notes are heard a little otherwise each
time, missed now and then, and given to another player: there everything that was heard is compared, as sure as it is,
with the time between places blurred.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.spelling import key_named
from abcscribe.score.timing import time_map

SYMBOL = -1  # in the place of a part: a chord symbol
Content = set[tuple[int, Fraction, int]]  # part, start, pitch; of a chord symbol the place of its root by fifths
GRID = 4  # places in a quarter
# Bars that were played twice have a cosine of .82 where a fifth of the notes is missed and a tenth false; others .18.
SAME_TWICE = 0.85
BLUR = (0.5, 1.0, 0.5)  # of a beginning, over the places around it


def similarity(score: Score) -> np.ndarray:
    """(bars, bars) how much two bars have in common, 0 ... 1; 0 where metre, key or length differ."""
    found = _heard(score) if is_heard(score) else _printed(score)
    for i, one in enumerate(score.bars):
        for j, other in enumerate(score.bars):
            if (one.length, one.metre, one.key) != (other.length, other.metre, other.key):
                found[i, j] = 0.0
    return found


def is_heard(score: Score) -> bool:
    """Whether a score has the notes of its recording, not all of which are certain, and where its bars are in it."""
    unsure = any(note.confidence < 1 for note in score.performance)
    return unsure and all(bar.seconds is not None for bar in score.bars)


def _printed(score: Score) -> np.ndarray:
    """The share of the notes of both bars that both have."""
    keys = [content(score, i) for i in range(len(score.bars))]
    count = len(keys)
    found = np.zeros((count, count))
    for i in range(count):
        for j in range(i, count):
            both = len(keys[i] | keys[j])
            found[i, j] = found[j, i] = len(keys[i] & keys[j]) / both if both else 1.0
    return found


def content(score: Score, bar: int) -> Content:
    """What is printed in a bar."""
    notes = {(p, note.start, note.pitch.midi) for p, part in enumerate(score.parts) for note in part.bars[bar]}
    named = (harmony for harmony in score.bars[bar].harmonies if harmony.root)
    return notes | {(SYMBOL, h.start, key_named(h.root).fifths) for h in named}


def _heard(score: Score) -> np.ndarray:
    """The cosine of the angle between what was heard to begin in the bars, 1 from SAME_TWICE on."""
    starts = np.array([float(start) for start in score.bar_starts()])
    places = int(GRID * max(np.diff(starts), default=0)) + 2
    notes: list[PlayedNote] = [note for note in score.performance if not note.drum]
    clock = time_map(score)
    at = np.array([clock.quarter(note.onset) for note in notes]) + 0.5 / GRID
    bar = np.clip(np.searchsorted(starts, at, side="right") - 1, 0, len(score.bars) - 1)
    place = np.clip(np.floor(GRID * (at - starts[bar])).astype(int), 0, places - 1)
    pitch = np.array([note.pitch for note in notes], int)
    sure = np.array([note.confidence for note in notes])
    begun = np.zeros((len(score.bars), places + 2, 128))
    for step, weight in enumerate(BLUR):
        np.add.at(begun, (bar, place + step, pitch), weight * sure)
    rows = begun.reshape(len(score.bars), -1)
    length = np.linalg.norm(rows, axis=1)
    empty = length == 0
    rows = rows / np.where(empty, 1.0, length)[:, None]
    return np.where(np.outer(empty, empty), 1.0, np.minimum(rows @ rows.T / SAME_TWICE, 1.0))
