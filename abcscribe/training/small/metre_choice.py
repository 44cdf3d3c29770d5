"""Fit ``metre_choice.npz``: the metre, from the best placing in each. ``abcscribe train small metre-choice``.

Performs excerpts of the train split like those of the suites of ``abcscribe evaluate``: of pieces drawn at random, most
of them tunes, of two to four lines, and short ones of a few chords, with notes of
`abcscribe.synthesis.simulated_hearing`, and stores `analysis.metre_choice.features` of each. Adds recordings with the
tower's notes, and fits trees; with ``--beside .5`` their scores are averaged with those of the existing trees, which
may be fitted to the excerpts of another seed. Prints the accuracy on the valid split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import lightgbm
import numpy as np

from abcscribe.analysis import cleaning, placing
from abcscribe.analysis.metre_choice import CLASSES
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.files import save_arrays
from abcscribe.model import boosted_trees, weight_files
from abcscribe.score.grid import METRE_NAMES
from abcscribe.score.model import PlayedNote, Score
from abcscribe.training.pace import Entry
from abcscribe.training.small import heard_clips
from abcscribe.training.small.configs import MetreChoice
from abcscribe.training.small.heard_excerpts import LINES, PLAYERS, collected, excerpts_heard
from abcscribe.training.small.trees_fit import arrays

VALID_SEED = 7
FEWEST = 3  # chords
SHORT = (3, 25)  # chords that some excerpts are cut to: the trees must learn how little evidence these are
SETTINGS = {
    "objective": "multiclass", "num_class": len(CLASSES), "learning_rate": 0.04, "num_leaves": 20,
    "min_data_in_leaf": 80, "feature_fraction": 0.2, "bagging_fraction": 0.6, "bagging_freq": 1, "lambda_l2": 5.0,
    "seed": 1, "num_threads": 1, "verbose": -1,
    "feature_pre_filter": False,  # with few examples no feature would be left
}  # fmt: skip

Example = tuple[np.ndarray, int]  # `metre_choice.features`, and the index in CLASSES


def example(score: Score, notes: Sequence[PlayedNote]) -> Example | None:
    notes = cleaning.clean(notes)
    groups = cleaning.chords(notes)
    if score.bars[0].metre not in CLASSES or len(groups) < FEWEST:
        return None
    return placing.metre_features(notes, groups, cleaning.chord_onsets(notes, groups)), CLASSES.index(
        score.bars[0].metre
    )


def cut(rng: np.random.Generator, notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """The notes of the first few chords."""
    groups = cleaning.chords(notes)
    return [notes[i] for group in groups[: int(rng.integers(*SHORT))] for i in group]


def performed(
    cache: NoteCache, split: str, voices: Sequence[int], count: int, seed: int, *, short: bool = False
) -> list[Example]:
    rng = np.random.default_rng(seed)
    heard_ones = excerpts_heard(cache, split, voices, seed)
    return collected((example(one.score, cut(rng, one.notes) if short else one.notes) for one in heard_ones), count)


def recorded(folder: Path) -> list[Example]:
    return [one for clip in heard_clips.clips_of(folder) if (one := example(clip.score, clip.heard))]


def grown(examples: Sequence[Example], rounds: int) -> lightgbm.Booster:
    rows, labels = (np.array(column) for column in zip(*examples, strict=True))
    return lightgbm.train(SETTINGS, lightgbm.Dataset(rows, labels), rounds)


def save(path: Path, kept: dict[str, list[Example]]) -> None:
    """Write sets of examples by name to one file."""
    made: dict[str, np.ndarray] = {"metres": np.array(METRE_NAMES)}
    for name, examples in kept.items():
        made[f"{name}_features"] = np.array([row for row, _ in examples], np.float32)
        made[f"{name}_labels"] = np.array([label for _, label in examples], np.int16)
    save_arrays(path, made)


def load(path: Path, name: str) -> list[Example]:
    """The examples of a set. Raises AbcscribeError if they are of other metres."""
    with np.load(path) as file:
        if tuple(file["metres"].tolist()) != METRE_NAMES:
            raise AbcscribeError(f"The examples in {path} are of other metres: name a new file for them.")
        return list(zip(file[f"{name}_features"], file[f"{name}_labels"].tolist(), strict=True))


def main(config: MetreChoice) -> Iterator[Entry]:
    """Make the examples if they do not exist, fit the trees and write them; yields the accuracy."""
    if not config.examples.exists():
        cache, seed = NoteCache(config.cache), 10 * config.seed
        kept = {
            "lines": performed(cache, "train", LINES, config.lines, seed),
            "players": performed(cache, "train", PLAYERS, config.players, seed + 2),
            "short": performed(cache, "train", LINES, config.short, seed + 8, short=True),
            "valid": performed(cache, "valid", LINES, config.valid, VALID_SEED),
        }
        save(config.examples, kept)
    simulated = [one for name in ("lines", "players", "short") for one in load(config.examples, name)]
    made = arrays(grown([*simulated, *(one for folder in config.heard for one in recorded(folder))], config.rounds))
    out = config.weights / "metre_choice.npz"
    if config.beside:
        weight_files.load(out, METRE_NAMES)  # refuses trees of other metres
        made = boosted_trees.averaged(weight_files.read(out), made, config.beside)
    weight_files.save(out, made, METRE_NAMES)
    yield _report(out, load(config.examples, "valid"))


def _report(weights: Path, examples: Sequence[Example]) -> Entry:
    """Accuracy and cross-entropy of the stored trees."""
    rows, labels = (np.array(column) for column in zip(*examples, strict=True))
    scores = np.array([boosted_trees.answer(weights, row, METRE_NAMES) for row in rows])
    surprise = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels]
    right = float((scores.argmax(axis=1) == labels).mean())
    return {
        "valid": "excerpts",
        "count": len(labels),
        "right": round(right, 4),
        "nats": round(float(surprise.mean()), 4),
    }
