"""Learn abcscribe/engines/notes_to_score/cut_time.npz: what is written in halves rather than quarters.

    python benchmarks/learn_cut_time.py CACHE.npz [--lines 1100] [--steps 1000]

Performs one-line excerpts in 4/4 and 2/2 of the train split as the suites of ``abcscribe evaluate`` have them, places
their notes in bars of four quarters, and fits two layers to `cut_time.numbers`. Prints what is right of the valid
split. OpenScore is left out: few of its lines are tunes. Needs torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from perceptron_fit import Fitted, fit
from torch import nn

from abcscribe.datasets import excerpts
from abcscribe.datasets import performance as playing
from abcscribe.datasets.manifest import Piece
from abcscribe.datasets.note_cache import NoteCache
from abcscribe.engines.notes_to_score import cleaning, cut_time
from abcscribe.engines.notes_to_score.cut_time import COMMON, CUT
from abcscribe.engines.notes_to_score.metre import place
from abcscribe.score.model import PlayedNote

HIDDEN = (16,)
BATCH, RATE, NOISE = 128, 3e-3, 0.2


def performed(rng: np.random.Generator, piece: Piece) -> tuple[list[PlayedNote], bool] | None:
    """Notes of an excerpt, and whether it is in cut time; None for other metres and pieces without a line."""
    lines = excerpts.of_lines(piece)
    bpm = excerpts.tempo(rng, lines) if lines else 0.0
    score = excerpts.excerpt(rng, lines, bpm, 1) if lines else None
    if score is None or score.bars[0].metre not in (COMMON, CUT):
        return None
    onset, duration, pitch = np.array([(float(n.onset), float(n.duration), n.pitch) for n in score.sounding_notes()]).T
    program = playing.choose_program(rng, pitch, chordal=False)
    part = np.zeros(len(onset), int)
    played = playing.perform(
        rng, onset, duration, pitch.astype(int), part, (program,), excerpts.playable(score, bpm)
    )  # fmt: skip
    columns = (played.onset.tolist(), played.offset.tolist(), played.pitch.tolist())
    return [PlayedNote(*row, 80) for row in zip(*columns, strict=True)], score.bars[0].metre == CUT


def examples(cache: NoteCache, split: str) -> Iterator[tuple[np.ndarray, bool]]:
    pieces = [p for p in cache.pieces if p.split == split and not p.source.startswith("openscore")]
    for index in np.random.default_rng(5).permutation(len(pieces)).tolist():
        made = performed(np.random.default_rng([9, index]), pieces[index])
        notes = cleaning.clean(made[0]) if made else []
        groups = cleaning.chords(notes) if notes else []
        if made and len(groups) >= cut_time.FEWEST:
            placed = place(notes, groups, cleaning.chord_onsets(notes, groups), metre=COMMON)
            yield cut_time.numbers(placed), made[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--lines", type=int, default=1_100)
    parser.add_argument("--steps", type=int, default=1_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cache = NoteCache(options.cache)
    rows, labels = (np.array(column) for column in zip(*islice(examples(cache, "train"), options.lines), strict=True))
    model = Fitted(rows, HIDDEN, 1)
    truth = torch.from_numpy(labels[:, None]).float()
    fit(
        model, rows, truth, nn.functional.binary_cross_entropy_with_logits, options.steps, batch=BATCH, rate=RATE,
        noise=NOISE,
    )  # fmt: skip
    model.save(cut_time.WEIGHTS)
    rows, labels = (np.array(column) for column in zip(*examples(cache, "valid"), strict=True))
    with torch.no_grad():
        taken = model(model.scaled(rows)).numpy()[:, 0] > 0
    print(f"{len(labels)} lines, {labels.mean():.2f} of them in cut time; right: {(taken == labels).mean():.3f}")


if __name__ == "__main__":
    main()
