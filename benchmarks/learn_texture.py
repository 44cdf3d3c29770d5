"""Learn abcscribe/engines/notes_to_score/texture.npz: how many play, and whether one of them plays chords.

    python benchmarks/learn_texture.py CACHE.npz [--windows 40000] [--steps 6000]

Draws windows of the train split as the language model is trained on (`abcscribe.datasets.windows`), takes the notes
that are heard, and fits three layers to what `texture.numbers` says of them. Prints how windows of the valid
split are taken, a row for each true texture. Needs torch.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from perceptron_fit import Fitted, fit
from torch import nn

from abcscribe.datasets.windows import Stage, Window, WindowSource
from abcscribe.engines.notes_to_score import cleaning, texture
from abcscribe.engines.notes_to_score.texture import TEXTURES, Texture
from abcscribe.engines.second_opinion import played_notes

STAGE = Stage(
    notes=(24, 220),
    shares=(
        ("line", 0.05), ("tune", 0.04), ("melody", 0.04), ("piano", 0.25), ("ensemble", 0.27), ("lines", 0.25),
        ("song", 0.1),
    ),
    opinionated=0.0,
)  # fmt: skip
FEWEST = 12  # notes
HIDDEN = (64, 48)
BATCH, RATE, NOISE = 256, 3e-3, 0.05  # the noise in standard deviations of each number


def true_texture(window: Window) -> Texture:
    staves = [len(clefs) for _, clefs in window.excerpt.parts]
    return Texture(staves.count(1), 2 in staves)


def examples(cache: Path, split: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, N) numbers, and the index of the true texture."""
    source, rng = WindowSource(cache, split), np.random.default_rng(seed)
    rows, labels = [], []
    while len(rows) < count:
        window = source.draw(rng, STAGE)
        heard = cleaning.clean(played_notes(window.heard))
        if len(heard) >= FEWEST and (true := true_texture(window)) in TEXTURES:
            rows.append(texture.numbers(heard, cleaning.chords(heard)))
            labels.append(TEXTURES.index(true))
    return np.array(rows), np.array(labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--windows", type=int, default=40_000)
    parser.add_argument("--steps", type=int, default=6_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows, labels = examples(options.cache, "train", options.windows, 1)
    model = Fitted(rows, HIDDEN, len(TEXTURES))
    fit(
        model, rows, torch.from_numpy(labels), nn.functional.cross_entropy, options.steps,
        batch=BATCH, rate=RATE, noise=NOISE,
    )  # fmt: skip
    model.save(texture.WEIGHTS)
    rows, labels = examples(options.cache, "valid", 2000, 2)
    with torch.no_grad():
        taken = model(model.scaled(rows)).argmax(dim=1).numpy()
    print(f"right: {(taken == labels).mean():.3f}")
    for index, true in enumerate(TEXTURES):
        print(true, np.bincount(taken[labels == index], minlength=len(TEXTURES)))


if __name__ == "__main__":
    main()
