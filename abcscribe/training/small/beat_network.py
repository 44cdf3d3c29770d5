"""Fit ``beat_network.npz``: the position of an onset in the bar. ``abcscribe train small beat-network``.

Performs pieces of the train split (`performances`), with a new tempo, style and set of errors each time, draws windows
like those of the language model (`abcscribe.synthesis.windows`), stores them, adds the windows with the tower's notes,
and trains on all. The result is the moving average of the weights. The shipped weights are older than this procedure,
whose weights are better by every held-out loss but so far not on recordings; docs/log has each run.

Simplifications: one learning rate schedule, no early stopping; held-out performances and windows are for information
only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import beat_network
from abcscribe.analysis.chord_features import FEATURES
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.training.heard_windows import kept_windows
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.small import beat_network_examples
from abcscribe.training.small.beat_network_examples import (
    PLACES,
    UNKNOWN,
    Example,
    examples,
    window_example,
    window_examples,
)
from abcscribe.training.small.beat_network_model import Network
from abcscribe.training.small.configs import BeatNetwork

SIZES = {48: 1.0, 96: 0.5, 144: 0.31, 208: 0.22}  # chords that an example is padded to -> share of `batch`
VALIDATED = 25  # examples at once
# Muon (Jordan et al., 2024; in units of AdamW's) for the matrices of the blocks, AdamW for the rest.
MATRIX_RATE, VECTOR_RATE, WEIGHT_DECAY = 1e-3, 5e-4, 0.02
WARMUP, LAST = 150, 0.02  # steps; share of the rate that it falls to
AVERAGE = 0.999  # of the moving average of the weights
TEMPO_WEIGHT, METRE_WEIGHT = 0.5, 0.5  # beside 1 for the places
LOG_STEPS = 100
HEARD_WEIGHT = 3  # of examples with the tower's notes, relative to simulated ones
CROP = (24, 200)  # chords: half of the examples are cut to such a length, as short recordings are


def main(config: BeatNetwork, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Fit the network and write it.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries.

    Raises:
        AbcscribeError: the stored examples are of other metres, or there is nothing to perform.
    """
    torch.set_num_threads(config.threads)
    cache = NoteCache(config.cache)
    if not config.examples.exists():
        performed = examples(cache, "learn", config.performed, seed=102)
        kept = [*performed, *window_examples(cache, "train", config.windows, seed=101)]
        beat_network_examples.save(config.examples, kept)
    held_out = {
        "performances": list(examples(cache, "tune", config.valid, seed=2)),
        "windows": list(window_examples(cache, "valid", config.valid, seed=42)),
    }
    heard = chain.from_iterable(kept_windows(folder) for folder in config.heard)
    recorded = [made for window in heard if (made := window_example(window))]
    told = beat_network_examples.load(config.examples) + HEARD_WEIGHT * recorded
    yield from train(config, _begun(config, told), told, held_out, clock)


def train(
    config: BeatNetwork,
    model: Network,
    made: list[Example],
    held_out: dict[str, list[Example]],
    clock: Callable[[], float],
) -> Iterator[Entry]:
    """The loop. Ends with the weights in ``config.weights``."""
    optimisers = _optimisers(model)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=_averaged)
    run = torch.compile(model, dynamic=False) if config.compile else model  # compiled once for each of SIZES
    counts = {size: max(1, round(share * config.batch)) for size, share in SIZES.items()}
    stream = drawn(made, counts, np.random.default_rng(config.seed))
    began, step, minutes = clock(), 0, 0.0
    pace = Pace(0, 0.0, LOG_STEPS, steps=config.steps, budget=config.minutes)
    while not pace.over(step, minutes):
        size, chosen = next(stream)
        rate = min((step + 1) / WARMUP, LAST + (1 - LAST) * (1 - pace.progress(step, minutes)))
        inputs = batch(chosen, size)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = run(*inputs[:3])
        loss = loss_of(outputs, inputs[3:])
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, peak in optimisers:
            optimiser.param_groups[0]["lr"] = peak * rate
            optimiser.step()
        average.update_parameters(model)
        step += 1
        minutes = (clock() - began) / 60
        if pace.due(step, minutes):
            yield pace.figures(step, minutes) | {"loss": round(float(loss.detach()), 4)}
    fitted = average.module
    assert isinstance(fitted, Network)
    fitted.save(config.weights / "beat_network.npz")
    yield {"step": step, "valid": {name: validated(fitted, part) for name, part in held_out.items() if part}}


def _begun(config: BeatNetwork, made: Sequence[Example]) -> Network:
    torch.manual_seed(config.seed)
    model = Network()
    seen = np.concatenate([e.features for e in made[:4000]]).astype(np.float32)
    model.mean, model.scale = torch.from_numpy(seen.mean(axis=0)), torch.from_numpy(seen.std(axis=0) + 0.01)
    there = config.weights / "beat_network.npz"
    if config.resume and there.is_file():
        model.begin_with(there)
    return model


def _optimisers(model: Network) -> list[tuple[torch.optim.Optimizer, float]]:
    """With the peak of their learning rates."""
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and name[0] in "ab"]
    others = [p for name, p in model.named_parameters() if not (p.dim() == 2 and name[0] in "ab")]
    return [
        (torch.optim.Muon(matrices, MATRIX_RATE, WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"), MATRIX_RATE),
        (torch.optim.AdamW(others, VECTOR_RATE, weight_decay=WEIGHT_DECAY), VECTOR_RATE),
    ]


def _averaged(
    averages: tuple[torch.Tensor, ...] | list[torch.Tensor],
    values: tuple[torch.Tensor, ...] | list[torch.Tensor],
    steps: torch.Tensor | int,
) -> None:
    """Moving average in place, shorter at first, so that little of the initial weights is left."""
    weight = min(AVERAGE, float(steps) / (float(steps) + 20))
    torch._foreach_lerp_(averages, values, 1 - weight)


def drawn(made: list[Example], counts: dict[int, int], rng: np.random.Generator) -> Iterator[tuple[int, list[Example]]]:
    """Batches of examples of about one length, half of them cut at random, each with its size.

    ``counts``: examples in a batch of each size.
    """
    waiting: dict[int, list[Example]] = {size: [] for size in counts}
    while True:
        e = made[rng.integers(len(made))]
        length = min(len(e.place), int(rng.integers(*CROP)))
        first = int(rng.integers(0, len(e.place) - length + 1)) if rng.random() < 0.5 else 0
        part = slice(first, first + length)
        size = next(size for size in counts if length <= size)
        waiting[size].append(Example(e.features[part], e.place[part], e.tempo[part], e.onset[part]))
        if len(waiting[size]) == counts[size]:
            yield size, waiting[size]
            waiting[size] = []


def batch(chosen: list[Example], size: int | None = None) -> tuple[torch.Tensor, ...]:
    """Features, mask, angles, places, tempos and metres of examples, padded to ``size`` chords or the longest."""
    rows = [tuple(getattr(e, name)[: beat_network.SEGMENT] for name in Example.__slots__) for e in chosen]
    size = size or max(len(place) for _, place, *_ in rows)
    x = np.zeros((len(rows), size, FEATURES), np.float32)
    mask = np.zeros((len(rows), size, 1), np.float32)
    turn = np.zeros((len(rows), size, beat_network.HEADS, len(beat_network.SECONDS)), np.float32)
    labels = np.full((2, len(rows), size), UNKNOWN)
    for i, (seen, place, tempo, onset) in enumerate(rows):
        x[i, : len(place)], mask[i, : len(place)] = seen, 1
        turn[i, : len(place)] = beat_network.angles(onset - onset[0])
        labels[:, i, : len(place)] = place, tempo
    highest = labels[0].max(axis=1)
    metre = np.where(highest < 0, UNKNOWN, np.searchsorted(np.cumsum(PLACES), highest, side="right"))
    return tuple(torch.from_numpy(a) for a in (x, mask, turn, *labels, metre))


def loss_of(outputs: tuple[torch.Tensor, ...], labels: tuple[torch.Tensor, ...]) -> torch.Tensor:
    (places, tempos, metres), (place, tempo, metre) = outputs, labels
    known = place != UNKNOWN
    loss = nn.functional.cross_entropy(places[known].float(), place[known])
    paced = tempo != UNKNOWN
    smooth = nn.functional.cross_entropy(tempos[paced].float(), tempo[paced], label_smoothing=0.1, reduction="sum")
    smooth = smooth / max(1, int(paced.sum()))
    whole = nn.functional.cross_entropy(metres.float(), metre, ignore_index=UNKNOWN)
    return loss + TEMPO_WEIGHT * smooth + METRE_WEIGHT * whole


@torch.no_grad()
def validated(model: Network, held_out: list[Example]) -> dict[str, float]:
    """Loss, and share of performances whose metre is right."""
    model.eval()
    losses: list[float] = []
    right: list[bool] = []
    for i in range(0, len(held_out), VALIDATED):
        inputs = batch(held_out[i : i + VALIDATED])
        outputs = model(*inputs[:3])
        losses.append(loss_of(outputs, inputs[3:]).item())
        right += (outputs[2].argmax(1) == inputs[5]).tolist()
    model.train()
    return {"loss": round(float(np.mean(losses)), 4), "metre right": round(float(np.mean(right)), 4)}
