"""How many windows it takes until the language model reads: one change at a time, short windows.

    python benchmarks/reading.py CACHE.npz [--steps 200] [--only NAME,...]

Prints the mean loss of every 25 steps of 24 new windows for each variant: nats a token, and nats a note. `full` is the
model as it is, on one voice. The last two variants read ensembles of two to five parts and differ in the order of what
is written: in the order of time, or bar by bar and in each bar staff after staff. The second is given more than it may
have in earnest: the pointer goes back without a token.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from abcscribe.model.score_language_model import IGNORED
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.tokens import LONGEST, TICKS, VOCABULARY, decode
from abcscribe.training.sft import ONE_VOICE, SHORT, Batch, SftTraining, Trainer, make_batch, new_model
from abcscribe.training.window_source import window_source

SHAPE = replace(SHORT, batch=24)
AXES = {"full": (1, 1, 1), "text positions only": (1, 0, 0), "no groups": (1, 0, 1), "no seconds": (1, 1, 0)}
ORDERS = ("in time", "staff after staff")
VARIANTS = (*AXES, "no layers over the notes", "AdamW alone", *ORDERS)
ENSEMBLES = (("ensemble", 1.0),)


def losses(name: str, cache: Path, steps: int) -> list[tuple[float, float]]:
    """Loss of every step of one variant, a token and a note."""
    torch.manual_seed(1)
    with TemporaryDirectory() as out:
        config = SftTraining(cache, Path(out), encoder_layers=0 if name == "no layers over the notes" else 3)
        trainer = Trainer(config, new_model(config))
    if name == "AdamW alone":
        trainer.muon = torch.optim.AdamW(
            trainer.muon.param_groups[0]["params"], lr=config.vector_rate, weight_decay=0.02
        )
        trainer.config = replace(config, matrix_rate=config.vector_rate)
    listener = trainer.listener  # is not what is measured
    listener.loss = lambda notes, labels: 0 * listener.head(listener.norm(notes)).float().mean()
    source = window_source(cache)
    found = []
    for step in range(steps):
        windows = _draw(np.random.default_rng([1, 0, step]), source, ENSEMBLES if name in ORDERS else ONE_VOICE)
        notes = sum(len(window.excerpt.events) for window in windows)
        if name == "staff after staff":
            windows = [by_staff(window) for window in windows]
        batch = make_batch(windows, SHAPE)
        batch.weights[:] = 1
        loss = trainer.step(_without(batch, AXES.get(name, (1, 1, 1))), min(1.0, (step + 1) / 100))
        found.append((loss, loss * int((batch.targets != IGNORED).sum()) / notes))
        if (step + 1) % 25 == 0:
            a_token, a_note = np.mean(found[-25:], axis=0)
            print(f"{name}: step {step + 1}, {a_token:.3f} a token, {a_note:.3f} a note", flush=True)
    return found


def _draw(rng: np.random.Generator, source: WindowSource, kinds: tuple[tuple[str, float], ...]) -> list[Window]:
    stage, windows = Stage((12, 26), kinds), []
    while len(windows) < SHAPE.batch:
        window = source.draw(rng, stage)
        if len(window.heard) <= SHAPE.notes and len(window.ids) <= SHAPE.tokens:
            windows.append(window)
    return windows


def by_staff(window: Window) -> Window:
    """The window with each bar written staff after staff; tokens of a note look at the group it was heard in."""
    v, excerpt = VOCABULARY, window.excerpt
    heard = decode(window.ids.tolist()).heard
    group_of = dict(zip(sorted({event.onset for event in excerpt.events}), heard, strict=True))
    header = window.ids[: int(np.argmax(window.ids == v.bar))].tolist()
    ids, groups, last = header, [-1] * len(header), -1
    for start, span in zip(excerpt.bar_starts(), excerpt.spans, strict=False):
        ids.append(v.bar)
        groups.append(last)
        if span.metre is None or span.length != span.metre.length * TICKS:
            ids.append(v.duration.start + span.length - 1)
            groups.append(last)
        inside = sorted((e for e in excerpt.events if start <= e.onset < start + span.length), key=lambda e: e.staff)
        for staff, events in groupby(inside, key=lambda e: e.staff):
            ids.append(v.staff.start + staff)
            groups.append(last)
            for event in events:
                last = group_of[event.onset] if group_of[event.onset] >= 0 else last
                duration = v.duration.start + min(event.duration, LONGEST) - 1
                ids += [v.position.start + event.onset - start, v.pitch_id[event.midi, event.fifth], duration]
                groups += [last] * 3
    return replace(window, ids=np.array([*ids, v.eos]), token_groups=np.array([*groups, last]))


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
    for name in options.only.split(","):
        losses(name, options.cache, options.steps)


if __name__ == "__main__":
    main()
