"""Learn abcscribe/engines/notes_to_score/downbeats.npz: which beat begins the bar.

    python benchmarks/learn_downbeats.py CACHE.npz EXAMPLES.pkl [--lines 8000] [--players 4000] [--seed 1]

Performs excerpts of the train split as the suites of ``abcscribe evaluate`` have them, LINES of pieces as they come,
most of them tunes, and PLAYERS of two to four lines; `abcscribe.synthesis.simulated_hearing` hears them, and the
search reads them in their metre. A turn is right if most notes then stand where they are printed; readings that lose
their place on the way, so that no turn is, are left out. EXAMPLES.pkl keeps what `downbeats.numbers` says. Prints how
many of the valid split are right, as the search has them and with the trees. Ten examples a second. Needs lightgbm
(``pip install lightgbm``).
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lightgbm
import numpy as np

from abcscribe.analysis import cleaning, placing
from abcscribe.analysis.downbeats import WEIGHTS
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.model import boosted_trees
from abcscribe.score.grid import METRES, TICKS
from abcscribe.score.model import Metre, Score
from abcscribe.training.small.heard_excerpts import LINES, PLAYERS, Excerpt, collected, excerpts_heard
from abcscribe.training.small.trees_fit import arrays

FEWEST = 8  # chords
AGREED = 0.6  # share of the notes that must stand alike beside where they are printed
NEAR = 2  # ticks between where most notes stand and the bar line that is meant
VALIDATED, VALID_SEED = 1_500, 7
ROUNDS = 140
SETTINGS = {
    "learning_rate": 0.06, "num_leaves": 12, "min_data_in_leaf": 60, "feature_fraction": 0.3, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 5.0, "seed": 1, "num_threads": 1, "verbose": -1,
}  # fmt: skip


class Example(NamedTuple):
    """The turns of a reading."""

    numbers: np.ndarray  # (t, N)
    right: int  # of the t
    lines: int


def example(excerpt: Excerpt) -> Example | None:
    printed = excerpt.score.bars[0].metre
    counted = Metre(4, 4) if printed == Metre(2, 2) else printed
    notes = cleaning.clean(excerpt.notes)
    groups = cleaning.chords(notes)
    if counted not in METRES or len(groups) < FEWEST:
        return None
    path, numbers = placing.turns(notes, groups, cleaning.chord_onsets(notes, groups), counted)
    place = {(n.onset, n.pitch): b for n, b in zip(excerpt.notes, excerpt.behind.tolist(), strict=True) if b >= 0}
    printed_at, late = _printed(excerpt.score, path.table.bar), []
    for chord, tick in zip(path.used.tolist(), path.ticks.tolist(), strict=True):
        behind = [place.get((notes[i].onset, notes[i].pitch)) for i in groups[chord]]
        late += [round(tick - printed_at[b]) % path.table.bar for b in behind if b is not None]
    counts = np.bincount(late, minlength=path.table.bar)
    usual, beat = int(counts.argmax()), path.table.bar // len(numbers)
    right, off = divmod(usual + beat // 2, beat)
    if not late or counts[usual] < AGREED * len(late) or abs(off - beat // 2) > NEAR:
        return None
    return Example(numbers, right % len(numbers), len(excerpt.score.parts))


def _printed(score: Score, bar: int) -> np.ndarray:
    """(notes,) ticks from a bar line of the notes that sound."""
    pickup = bar - float(score.bars[0].length) * TICKS
    return np.array([float(note.onset) * TICKS + pickup for note in score.sounding_notes()])


def performed(cache: NoteCache, split: str, voices: Sequence[int], count: int, seed: int) -> list[Example]:
    return collected(map(example, excerpts_heard(cache, split, voices, seed)), count)


def grown(examples: Sequence[Example]) -> lightgbm.Booster:
    """Trees whose answers, compared among the turns of each reading, make the right ones likely."""
    rows = np.concatenate([one.numbers for one in examples])
    right = np.concatenate([np.arange(len(one.numbers)) == one.right for one in examples])
    first = np.cumsum([0, *(len(one.numbers) for one in examples)])[:-1]
    reading = np.repeat(np.arange(len(examples)), [len(one.numbers) for one in examples])

    def softmax(scores: np.ndarray, _: lightgbm.Dataset) -> tuple[np.ndarray, np.ndarray]:
        chance = np.exp(scores - np.maximum.reduceat(scores, first)[reading])
        chance /= np.add.reduceat(chance, first)[reading]
        return chance - right, np.maximum(chance * (1 - chance), 1e-4)

    return lightgbm.train(SETTINGS | {"objective": softmax}, lightgbm.Dataset(rows, right.astype(float)), ROUNDS)


def report(name: str, examples: Sequence[Example]) -> None:
    """Of the trees as they are kept."""
    taken = [np.argmax([boosted_trees.answer(WEIGHTS, row)[0] for row in one.numbers]) for one in examples]
    right = np.array([one.right for one in examples])
    print(f"{name}: {(right == 0).mean():.3f} right of {len(right)} by the search, {(right == taken).mean():.3f} now")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--lines", type=int, default=8_000)
    parser.add_argument("--players", type=int, default=4_000)
    parser.add_argument(
        "--seed", type=int, default=1, help="another gives other excerpts, if EXAMPLES.pkl is not there"
    )
    options = parser.parse_args()
    seed = 10 * options.seed
    if not options.examples.exists():
        cache = NoteCache(options.cache)
        kept = {
            "lines": performed(cache, "train", LINES, options.lines, seed + 1),
            "players": performed(cache, "train", PLAYERS, options.players, seed + 2),
            "valid": performed(cache, "valid", LINES, VALIDATED, VALID_SEED),
        }
        options.examples.write_bytes(pickle.dumps(kept))
    kept = pickle.loads(options.examples.read_bytes())
    np.savez_compressed(WEIGHTS, **arrays(grown([*kept["lines"], *kept["players"]])))  # type: ignore[arg-type]
    report("one line", [one for one in kept["valid"] if one.lines == 1])
    report("several", [one for one in kept["valid"] if one.lines > 1])


if __name__ == "__main__":
    main()
