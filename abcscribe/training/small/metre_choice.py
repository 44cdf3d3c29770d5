"""Learn abcscribe/engines/notes_to_score/metre_choice.npz: which metre, over the best reading in each.

    python benchmarks/learn_metre.py CACHE.npz EXAMPLES.pkl [--heard FOLDER ...]
        [--lines 25000] [--players 9500] [--short 2000] [--seed 1] [--beside 0]

Performs excerpts of the train split as the suites of ``abcscribe evaluate`` have them: LINES of pieces as they come,
most of them tunes, PLAYERS of two to four lines, and SHORT ones of a few chords. They are heard by
`abcscribe.synthesis.simulated_hearing`, and EXAMPLES.pkl keeps what `metre.numbers` says of each. Takes the clips of
FOLDERs of ``benchmarks/heard.py`` besides, and grows trees; with ``--beside .5`` their answers are averaged with
those of the trees that are there, which may have grown on the excerpts of another seed. Prints how many metres of the
valid split are right. A dozen examples a second. Needs lightgbm (``pip install lightgbm``).
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path

import lightgbm
import numpy as np

from abcscribe.analysis import cleaning, placing
from abcscribe.analysis.metre_choice import CLASSES, WEIGHTS
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.model import boosted_trees
from abcscribe.score.model import PlayedNote, Score
from abcscribe.training.small import heard_clips
from abcscribe.training.small.heard_excerpts import LINES, PLAYERS, collected, excerpts_heard
from abcscribe.training.small.trees_fit import arrays

VALIDATED, VALID_SEED = 1_500, 7
FEWEST = 3  # chords
SHORT = (3, 25)  # chords that some excerpts are cut to: so little tells nearly nothing, and the trees have to know
ROUNDS = 450
SETTINGS = {
    "objective": "multiclass", "num_class": len(CLASSES), "learning_rate": 0.04, "num_leaves": 20,
    "min_data_in_leaf": 80, "feature_fraction": 0.2, "bagging_fraction": 0.6, "bagging_freq": 1, "lambda_l2": 5.0,
    "seed": 1, "num_threads": 1, "verbose": -1,
}  # fmt: skip

Example = tuple[np.ndarray, int]  # what `metre.numbers` says, and the index in CLASSES


def example(score: Score, notes: Sequence[PlayedNote]) -> Example | None:
    notes = cleaning.clean(notes)
    groups = cleaning.chords(notes)
    if score.bars[0].metre not in CLASSES or len(groups) < FEWEST:
        return None
    return placing.numbers(notes, groups, cleaning.chord_onsets(notes, groups)), CLASSES.index(score.bars[0].metre)


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
    return [one for clip, notes in heard_clips.clips_of(folder) if (one := example(clip.score, notes))]


def grown(examples: Sequence[Example]) -> lightgbm.Booster:
    rows, labels = (np.array(column) for column in zip(*examples, strict=True))
    return lightgbm.train(SETTINGS, lightgbm.Dataset(rows, labels), ROUNDS)


def report(name: str, examples: Sequence[Example]) -> None:
    """Of the trees as they are kept."""
    rows, labels = (np.array(column) for column in zip(*examples, strict=True))
    scores = np.array([boosted_trees.answer(WEIGHTS, row) for row in rows])
    surprise = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(labels)), labels]
    right = (scores.argmax(axis=1) == labels).mean()
    print(f"{name}: {right:.3f} right of {len(labels)}, {surprise.mean():.3f} nats")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--heard", type=Path, nargs="*", default=[])
    parser.add_argument("--lines", type=int, default=25_000)
    parser.add_argument("--players", type=int, default=9_500)
    parser.add_argument("--short", type=int, default=2_000)
    parser.add_argument(
        "--seed", type=int, default=1, help="another gives other excerpts, if EXAMPLES.pkl is not there"
    )
    parser.add_argument("--beside", type=float, default=0.0, help="weight of the trees that are there; 0: they go")
    options = parser.parse_args()
    seed = 10 * options.seed
    if not options.examples.exists():
        cache = NoteCache(options.cache)
        kept = {
            "lines": performed(cache, "train", LINES, options.lines, seed),
            "players": performed(cache, "train", PLAYERS, options.players, seed + 2),
            "short": performed(cache, "train", LINES, options.short, seed + 8, short=True),
            "valid": performed(cache, "valid", LINES, VALIDATED, VALID_SEED),
        }
        options.examples.write_bytes(pickle.dumps(kept))
    kept = pickle.loads(options.examples.read_bytes())
    trees = grown(
        [
            *kept["lines"],
            *kept["players"],
            *kept["short"],
            *(one for folder in options.heard for one in recorded(folder)),
        ]
    )
    made = arrays(trees)
    if options.beside:
        made = boosted_trees.averaged(dict(np.load(WEIGHTS)), made, options.beside)
    np.savez_compressed(WEIGHTS, **made)  # type: ignore[arg-type]
    report("valid", kept["valid"])


if __name__ == "__main__":
    main()
