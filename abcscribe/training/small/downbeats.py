"""Fit ``downbeats.npz``: which beat is the downbeat. ``abcscribe train small downbeats``.

Performs excerpts of the train split like those of the suites of ``abcscribe evaluate``: of pieces drawn at random, most
of them tunes, and of two to four lines, with notes of `abcscribe.synthesis.simulated_hearing`; the search places them
in their metre. A turn (a shift of the bar lines by whole beats) is right if most notes then have their printed
positions; examples in which no turn is right, as the search lost its place, are left out. Prints the accuracy on the
valid split, of the search alone and of the trees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np

from abcscribe.analysis import cleaning, placing
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.files import save_arrays
from abcscribe.model import boosted_trees, weight_files
from abcscribe.score.grid import METRE_NAMES, METRES, TICKS
from abcscribe.score.model import Metre, Score
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import Downbeats
from abcscribe.training.small.heard_excerpts import LINES, PLAYERS, Excerpt, collected, excerpts_heard
from abcscribe.training.small.trees_fit import arrays

FEWEST = 8  # chords
AGREED = 0.6  # share of the notes that must have the same distance from their printed positions
NEAR = 2  # ticks of that distance from a whole beat
VALID_SEED = 7
SETTINGS = {
    "learning_rate": 0.06, "num_leaves": 12, "min_data_in_leaf": 60, "feature_fraction": 0.3, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 5.0, "seed": 1, "num_threads": 1, "verbose": -1,
    "feature_pre_filter": False,  # with few examples no feature would be left
}  # fmt: skip


class Example(NamedTuple):
    """The turns of one excerpt."""

    features: np.ndarray  # (t, downbeats.FEATURES)
    right: int  # of the t
    lines: int


def example(excerpt: Excerpt) -> Example | None:
    printed = excerpt.score.bars[0].metre
    counted = Metre(4, 4) if printed == Metre(2, 2) else printed
    notes = cleaning.clean(excerpt.notes)
    groups = cleaning.chords(notes)
    if counted not in METRES or len(groups) < FEWEST:
        return None
    path, features = placing.turns(notes, groups, cleaning.chord_onsets(notes, groups), counted)
    place = {(n.onset, n.pitch): b for n, b in zip(excerpt.notes, excerpt.behind.tolist(), strict=True) if b >= 0}
    printed_at, late = _printed(excerpt.score, path.table.bar), []
    for chord, tick in zip(path.used.tolist(), path.ticks.tolist(), strict=True):
        behind = [place.get((notes[i].onset, notes[i].pitch)) for i in groups[chord]]
        late += [round(tick - printed_at[b]) % path.table.bar for b in behind if b is not None]
    counts = np.bincount(late, minlength=path.table.bar)
    usual, beat = int(counts.argmax()), path.table.bar // len(features)
    right, off = divmod(usual + beat // 2, beat)
    if not late or counts[usual] < AGREED * len(late) or abs(off - beat // 2) > NEAR:
        return None
    return Example(features, right % len(features), len(excerpt.score.parts))


def _printed(score: Score, bar: int) -> np.ndarray:
    """(notes,) ticks from a bar line of the notes that sound."""
    pickup = bar - float(score.bars[0].length) * TICKS
    return np.array([float(note.onset) * TICKS + pickup for note in score.sounding_notes()])


def save(path: Path, kept: dict[str, list[Example]]) -> None:
    """Write sets of examples by name to one file."""
    made: dict[str, np.ndarray] = {"metres": np.array(METRE_NAMES)}
    for name, examples in kept.items():
        made[f"{name}_features"] = np.concatenate([one.features for one in examples])
        made[f"{name}_turns"] = np.array([len(one.features) for one in examples])
        made[f"{name}_right"] = np.array([one.right for one in examples])
        made[f"{name}_lines"] = np.array([one.lines for one in examples])
    save_arrays(path, made)


def load(path: Path, name: str) -> list[Example]:
    """The examples of a set. Raises AbcscribeError if they are of other metres."""
    with np.load(path) as file:
        if tuple(file["metres"].tolist()) != METRE_NAMES:
            raise AbcscribeError(f"The examples in {path} are of other metres: name a new file for them.")
        features = np.split(file[f"{name}_features"], np.cumsum(file[f"{name}_turns"])[:-1])
        return list(map(Example, features, file[f"{name}_right"].tolist(), file[f"{name}_lines"].tolist()))


def performed(cache: NoteCache, split: str, voices: Sequence[int], count: int, seed: int) -> list[Example]:
    return collected(map(example, excerpts_heard(cache, split, voices, seed)), count)


def grown(examples: Sequence[Example], rounds: int) -> lightgbm.Booster:
    """Boosted trees with a softmax over the turns of each example, fitted to the right ones."""
    rows = np.concatenate([one.features for one in examples])
    right = np.concatenate([np.arange(len(one.features)) == one.right for one in examples])
    first = np.cumsum([0, *(len(one.features) for one in examples)])[:-1]
    reading = np.repeat(np.arange(len(examples)), [len(one.features) for one in examples])

    def softmax(scores: np.ndarray, _: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        chance = np.exp(scores - np.maximum.reduceat(scores, first)[reading])
        chance /= np.add.reduceat(chance, first)[reading]
        return chance - right, np.maximum(chance * (1 - chance), 1e-4)

    return lightgbm.train(SETTINGS | {"objective": softmax}, lightgbm.Dataset(rows, right.astype(float)), rounds)


def main(config: Downbeats) -> Iterator[Entry]:
    """Make the examples if they do not exist, fit the trees and write them; yields the accuracy."""
    if not config.examples.exists():
        cache, seed = NoteCache(config.cache), 10 * config.seed
        kept = {
            "lines": performed(cache, "train", LINES, config.lines, seed + 1),
            "players": performed(cache, "train", PLAYERS, config.players, seed + 2),
            "valid": performed(cache, "valid", LINES, config.valid, VALID_SEED),
        }
        save(config.examples, kept)
    trees = grown([*load(config.examples, "lines"), *load(config.examples, "players")], config.rounds)
    out = config.weights / "downbeats.npz"
    weight_files.save(out, arrays(trees), METRE_NAMES)
    valid = load(config.examples, "valid")
    yield _report(out, "one line", [one for one in valid if one.lines == 1])
    yield _report(out, "several", [one for one in valid if one.lines > 1])


def _report(weights: Path, name: str, examples: Sequence[Example]) -> Entry:
    """The accuracy of the stored trees and of the search alone."""
    answers = [[boosted_trees.answer(weights, row, METRE_NAMES)[0] for row in one.features] for one in examples]
    right, taken = np.array([one.right for one in examples]), np.array([np.argmax(answer) for answer in answers])
    share = {"search": _mean(right == 0), "trees": _mean(right == taken)}
    return {"valid": name, "count": len(examples)} | share


def _mean(right: np.ndarray) -> float | None:
    return round(float(right.mean()), 4) if right.size else None
