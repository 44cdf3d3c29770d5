"""How many windows it takes until the language model reads: one change at a time, one voice, short windows.

    python benchmarks/reading.py CACHE.npz [--steps 200] [--only NAME,...]

Prints the mean loss (nats a token) of every 25 steps of 24 new windows for each variant. `full` is the model as it is.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from abcscribe.datasets.windows import WindowSource
from abcscribe.model import language_model
from abcscribe.training.sft import ONE_VOICE, SHORT, Batch, Lesson, SftTraining, Trainer, draw_batch, new_model

SHAPE = replace(SHORT, batch=24)
AXES = {"full": (1, 1, 1), "text positions only": (1, 0, 0), "no groups": (1, 0, 1), "no seconds": (1, 1, 0)}
VARIANTS = (*AXES, "no layers over the notes", "AdamW alone")


def losses(name: str, cache: Path, steps: int) -> list[float]:
    """Loss of every step of one variant."""
    torch.manual_seed(1)
    with TemporaryDirectory() as out:
        config = SftTraining(cache, Path(out), encoder_layers=0 if name == "no layers over the notes" else 3)
        trainer = Trainer(config, new_model(config))
    if name == "AdamW alone":
        trainer.muon = torch.optim.AdamW(
            trainer.muon.param_groups[0]["params"], lr=config.vector_rate, weight_decay=0.02
        )
        trainer.config = replace(config, matrix_rate=config.vector_rate)
    source, lesson = WindowSource(cache), Lesson(1.0, ((SHAPE, 1.0),), ONE_VOICE)
    found = []
    for step in range(steps):
        batch = draw_batch(np.random.default_rng([1, 0, step]), source, lesson)
        found.append(trainer.step(_without(batch, AXES.get(name, (1, 1, 1))), min(1.0, (step + 1) / 100)))
        if (step + 1) % 25 == 0:
            print(f"{name}: step {step + 1}, loss {np.mean(found[-25:]):.3f}", flush=True)
    return found


def _without(batch: Batch, axes: tuple[int, ...]) -> Batch:
    """The batch with the axes of its positions that are not kept set to zero; text places then count the notes too."""
    kept = torch.tensor(axes, dtype=torch.float32)
    heard = batch.heard.positions * kept
    positions = batch.positions * kept
    if not any(axes[1:]):
        heard[..., 0] = torch.arange(heard.shape[1])
        positions[..., 0] += heard.shape[1]
    batch.heard.positions = heard
    return replace(batch, positions=positions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--only", default=",".join(VARIANTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{len(language_model.AXIS_PAIRS)} axes, batch of {SHAPE.batch}")
    for name in options.only.split(","):
        losses(name, options.cache, options.steps)


if __name__ == "__main__":
    main()
