"""Fit ``note_unit.npz``: whether music is printed in quarters or eighths. ``abcscribe train small note-unit``.

From scores with tempo marks, no sound needed: excerpts of the pieces that have a mark, at about its tempo, as they are
and with all values doubled or halved; trees learn which was printed. Says how often that is the likeliest of all
readings, on the valid and test splits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import lightgbm
import numpy as np

from abcscribe.analysis import note_unit
from abcscribe.analysis.note_unit import Reading
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.model import boosted_trees, weight_files
from abcscribe.score.grid import METRE_NAMES, METRES
from abcscribe.score.model import Metre
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import NoteUnit
from abcscribe.training.small.trees_fit import arrays

EXCERPTS = 4  # of a piece
SECONDS = (8.0, 35.0)
PACE = 0.12  # standard deviation of the log of how players differ from a mark
FEWEST = 12  # notes
ALIKE = {Metre(2, 2): Metre(4, 4), Metre(4, 8): Metre(2, 4)}
SETTINGS = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 60, "feature_fraction": 0.4,
    "bagging_fraction": 0.7, "bagging_freq": 1, "lambda_l2": 5.0, "seed": 1, "num_threads": 1, "verbose": -1,
}  # fmt: skip


def excerpt(rng: np.random.Generator, notes: Notes) -> Reading | None:
    """Some bars in one metre, of all parts or one."""
    bar = int(rng.integers(0, max(1, len(notes.metre) - 4)))
    metre, mark = Metre(*map(int, notes.metre[bar])) if notes.metre[bar][0] else None, float(notes.tempo[bar])
    metre = ALIKE.get(metre, metre) if metre else None
    if metre not in METRES or not np.isfinite(mark):
        return None
    quarter = 60 / mark * float(np.exp(rng.normal(0, PACE)))
    start, length = float(notes.bar_start[bar]), rng.uniform(*SECONDS) / quarter
    inside = (notes.onset >= start - 1e-3) & (notes.onset < start + length)
    last = int(np.searchsorted(notes.bar_start, start + length))
    if (notes.metre[bar:last] != notes.metre[bar]).any() or (np.abs(notes.tempo[bar:last] - mark) > 1).any():
        return None
    if rng.random() < 0.5:
        inside &= notes.part == rng.choice(np.unique(notes.part))
    if inside.sum() < FEWEST or len(np.unique(notes.onset[inside])) < FEWEST // 2:
        return None
    return Reading(metre, quarter, notes.onset[inside].astype(float) - start, notes.pitch[inside].astype(float))


def shifted(reading: Reading) -> Iterator[Reading]:
    """The same in other units."""
    for metre, factor in note_unit.others(reading.metre):
        yield Reading(metre, reading.quarter / factor, reading.onset * factor, reading.pitch)


def excerpts(config: NoteUnit, splits: tuple[str, ...]) -> Iterator[tuple[str, Reading]]:
    """Source and excerpt."""
    cache, rng = NoteCache(config.cache), np.random.default_rng(config.seed)
    for index, piece in enumerate(cache.pieces):
        if piece.split in splits and np.isfinite(cache[index].notes.tempo).any():
            for _ in range(EXCERPTS):
                if (found := excerpt(rng, cache[index].notes)) is not None:
                    yield piece.source, found


def main(config: NoteUnit) -> Iterator[Entry]:
    """Grow the trees and write them; yields how often they are right."""
    rows, labels, weights = [], [], []
    for _, printed in excerpts(config, ("train",)):
        wrong = list(shifted(printed))
        rows += [note_unit.numbers(reading) for reading in (printed, *wrong)]
        labels += [1] + [0] * len(wrong)
        weights += [1.0] + [2.0 / len(wrong)] * len(wrong)
    data = lightgbm.Dataset(np.array(rows), np.array(labels), weight=weights)
    trees = lightgbm.train(SETTINGS, data, config.rounds)
    out = config.weights / "note_unit.npz"
    weight_files.save(out, arrays(trees), METRE_NAMES)
    right: dict[str, list[bool]] = defaultdict(list)
    for source, printed in excerpts(config, ("valid", "test")):
        odds = [
            float(boosted_trees.answer(out, note_unit.numbers(reading), METRE_NAMES)[0])
            for reading in (printed, *shifted(printed))
        ]
        right[source].append(int(np.argmax(odds)) == 0)
    for source, values in sorted(right.items()):
        yield {"source": source, "printed unit likeliest": float(np.mean(values)), "of": len(values)}
