"""Learn abcscribe/engines/notes_to_score/texture.npz: how many play, and whether one of them plays chords.

    python benchmarks/learn_texture.py CACHE.npz VALID HEARD [HEARD ...] [--windows 700] [--steps 1500]

VALID and HEARD are folders of ``benchmarks/heard.py`` and ``abcscribe data listen``, of the valid and the train split.
Fits three layers to what `texture.numbers` says of their clips and windows, and of windows of simulated hearing, which
tell less of dense music. What is one line by `texture.is_one_line` is left out. Prints how those of VALID are taken, a
row for each true texture. Needs torch.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import cleaning, player_count
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.player_count import TEXTURES, Texture
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.training.heard_windows import kept_windows
from abcscribe.training.small import heard_clips
from abcscribe.training.small.perceptron_fit import Fitted, fit
from abcscribe.training.window_source import with_modes

STAGE = Stage(
    notes=(24, 160),
    shares=(
        ("line", 0.05), ("tune", 0.04), ("melody", 0.04), ("piano", 0.25), ("ensemble", 0.27), ("lines", 0.25),
        ("song", 0.1),
    ),
)  # fmt: skip
FEWEST = 12  # notes
HIDDEN = (64, 48)
BATCH, RATE, NOISE = 128, 2e-3, 0.4  # the noise in standard deviations of each number
HEARD_WEIGHT = 2  # of what a tower heard beside what was simulated

Told = tuple[Sequence[PlayedNote], Texture]


def true_texture(window: Window) -> Texture:
    staves = [len(clefs) for _, clefs in window.excerpt.parts]
    return Texture(staves.count(1), 2 in staves)


def recorded(folder: Path) -> Iterator[Told]:
    for clip, notes in heard_clips.clips_of(folder):
        yield notes, Texture(len(clip.score.parts), False)
    for window in kept_windows(folder):
        yield played_notes(window.heard), true_texture(window)


def simulated(cache: Path, count: int) -> Iterator[Told]:
    source, rng = WindowSource(cache, "train", prepared=with_modes), np.random.default_rng(5)
    for _ in range(count):
        window = source.draw(rng, STAGE)
        yield played_notes(window.heard), true_texture(window)


def examples(told: Iterator[Told]) -> tuple[np.ndarray, np.ndarray]:
    """(n, N) numbers, and the index of the true texture."""
    rows, labels = [], []
    for played, true in told:
        notes = cleaning.clean(played)
        if len(notes) >= FEWEST and true in TEXTURES and not player_count.is_one_line(notes):
            rows.append(player_count.numbers(notes, cleaning.chords(notes)))
            labels.append(TEXTURES.index(true))
    return np.array(rows), np.array(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("valid", type=Path)
    parser.add_argument("heard", type=Path, nargs="+")
    parser.add_argument("--windows", type=int, default=700)
    parser.add_argument("--steps", type=int, default=1_500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    told = examples(itertools.chain.from_iterable(map(recorded, options.heard)))
    sources = [told] * HEARD_WEIGHT + [examples(simulated(options.cache, options.windows))]
    rows, labels = (np.concatenate(column) for column in zip(*sources, strict=True))
    model = Fitted(rows, HIDDEN, len(TEXTURES))
    fit(
        model, rows, torch.from_numpy(labels), nn.functional.cross_entropy, options.steps,
        batch=BATCH, rate=RATE, noise=NOISE,
    )  # fmt: skip
    model.save(player_count.WEIGHTS)
    rows, labels = examples(recorded(options.valid))
    with torch.no_grad():
        taken = model(model.scaled(rows)).argmax(dim=1).numpy()
    print(f"right: {(taken == labels).mean():.3f} of {len(labels)}")
    for index, true in enumerate(TEXTURES):
        print(true, np.bincount(taken[labels == index], minlength=len(TEXTURES)))


if __name__ == "__main__":
    main()
