"""Fit ``player_count.npz``: number of players, and whether one plays chords. ``abcscribe train small player-count``.

Fits three layers to `analysis.player_count.features` of recordings and windows with the tower's notes, and of windows
of simulated hearing, which are less like the tower in dense music. Examples of one line by `player_count.is_one_line`
are left out. Prints the confusion matrix of the valid split, a row for each true texture.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import cleaning, player_count
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.player_count import TEXTURES, Texture
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.training.heard_windows import kept_windows
from abcscribe.training.pace import Entry
from abcscribe.training.small import heard_clips
from abcscribe.training.small.configs import PlayerCount
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
HEARD_WEIGHT = 2  # of examples with the tower's notes, relative to simulated ones

Told = tuple[Sequence[PlayedNote], Texture]


def true_texture(window: Window) -> Texture:
    staves = [len(clefs) for _, clefs in window.excerpt.parts]
    return Texture(staves.count(1), 2 in staves)


def recorded(folder: Path) -> Iterator[Told]:
    for clip in heard_clips.clips_of(folder):
        yield clip.heard, Texture(len(clip.score.parts), False)
    for window in kept_windows(folder):
        yield played_notes(window.heard), true_texture(window)


def simulated(cache: Path, count: int) -> Iterator[Told]:
    source, rng = WindowSource(cache, "train", prepared=with_modes), np.random.default_rng(5)
    for _ in range(count):
        window = source.draw(rng, STAGE)
        yield played_notes(window.heard), true_texture(window)


def examples(told: Iterator[Told]) -> tuple[np.ndarray, np.ndarray]:
    """(n, FEATURES), and (n,) the index of the true texture. Raises AbcscribeError if nothing is left."""
    rows: list[np.ndarray] = []
    labels: list[int] = []
    for played, true in told:
        notes = cleaning.clean(played)
        if len(notes) >= FEWEST and true in TEXTURES and not player_count.is_one_line(notes):
            rows.append(player_count.features(notes, cleaning.chords(notes)))
            labels.append(TEXTURES.index(true))
    if not rows:
        raise AbcscribeError("Nothing that was heard is of several notes at a time: there is nothing to learn from.")
    return np.array(rows), np.array(labels)


def main(config: PlayerCount) -> Iterator[Entry]:
    """Fit the network and write it; yields the accuracy on the valid split."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    told = examples(itertools.chain.from_iterable(map(recorded, config.heard)))
    sources = [told] * HEARD_WEIGHT + [examples(simulated(config.cache, config.windows))]
    rows, labels = (np.concatenate(column) for column in zip(*sources, strict=True))
    model, true, loss = Fitted(rows, HIDDEN, len(TEXTURES)), torch.from_numpy(labels), nn.functional.cross_entropy
    yield from fit(model, rows, true, loss, config.steps, batch=BATCH, rate=RATE, noise=NOISE)
    model.save(config.weights / "player_count.npz")
    rows, labels = examples(recorded(config.held_out))
    with torch.no_grad():
        taken = model(model.scaled(rows)).argmax(dim=1).numpy()
    yield {"valid": "all", "count": len(labels), "right": round(float((taken == labels).mean()), 4)}
    for index, texture in enumerate(TEXTURES):
        counts = np.bincount(taken[labels == index], minlength=len(TEXTURES)).tolist()
        yield {"valid": f"{texture.lines} lines{' and chords' * texture.chords}", "taken for": counts}
