"""Train the audio tower on rendered clips: ``abcscribe train tower``.

Simplifications: one process, no choice of checkpoint by validation (the last one counts), a learning rate that is
warmed up, held, and let down over the larger part of the time budget, so that a run can be stopped and continued.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F  # noqa: N812

from abcscribe.errors import AbcscribeError
from abcscribe.files import write_text
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import FRAMES_PER_TOKEN, AudioTowerConfig
from abcscribe.score.instruments import FAMILIES
from abcscribe.spectrogram import FRAME_RATE, LOWEST_PITCH, PITCHES
from abcscribe.synthesis.render import UNKNOWN_FAMILY
from abcscribe.training.configs import TowerTraining
from abcscribe.training.pace import Entry, Pace

ONSET_WIDTH = 1.5  # frames over which an onset target falls from 1 to 0: lets the peak be read between frames
ONSET_WEIGHT = 3.0  # of a cell with an onset: onsets are rare
# Relative weights of the losses. With .02 the cross-entropy of the family stood at 1.7 (chance 2.4) after 15,000 clips
# and singers were taken for pianos.
LOSS_WEIGHTS = {"onset": 2.0, "sounding": 1.0, "velocity": 0.05, "family": 0.4}
# Share of sounding cells that belong to each family, from 96 rendered clips: chords make pianos and guitars common.
# Unweighted, the tower answers "piano" and is right half of the time. Weights go with the power -0.7 of the share.
FAMILY_SHARES = {
    "piano": 0.46, "mallet": 0.01, "organ": 0.08, "plucked": 0.19, "bass": 0.01, "strings": 0.05, "voice": 0.05,
    "brass": 0.02, "reed": 0.08, "pipe": 0.02, "synth": 0.06,
}  # fmt: skip


@dataclass
class Batch:
    """frames (b, t, 264); activity (b, 2, t, 88); velocity and family (b, tokens, 88), -1 where unknown."""

    frames: torch.Tensor
    activity: torch.Tensor
    velocity: torch.Tensor
    family: torch.Tensor


def main(config: TowerTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train until the budget is spent; yields log entries: step, minutes, steps/s, minutes left, and the mean losses
    since the last. ``clock`` tells seconds. Raises AbcscribeError if there are no clips."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    model = AudioTower(AudioTowerConfig())
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs of torch 2.13
    optimizer = Optimizers(model, config)
    step, spent = _resume(config, model, optimizer)
    pace = Pace(step, spent, config.log_steps, steps=config.steps, budget=config.minutes)
    began, saved, minutes = clock(), spent, spent
    sums: Counter[str] = Counter()
    stream = batches(config.clips, config.batch, config.seed + step)
    while not pace.over(step, minutes):
        losses = _learn(model, optimizer, next(stream), schedule(step, pace.progress(step, minutes), config))
        sums.update(losses | {"count": 1})
        step += 1
        minutes = spent + (clock() - began) / 60
        if pace.due(step, minutes):
            means = {name: sums[name] / sums["count"] for name in losses}
            yield _logged(config, {**pace.figures(step, minutes), "clips": step * config.batch, **means})
            sums.clear()
        if minutes - saved > config.checkpoint_minutes:
            saved = minutes
            _save(config, model, optimizer, step, minutes)
    _save(config, model, optimizer, step, minutes)


def _learn(model: AudioTower, optimizer: Optimizers, batch: Batch, rate: float) -> dict[str, float]:
    """One step; returns the losses."""
    losses = tower_losses(model, batch)
    total = sum((LOSS_WEIGHTS[name] * loss for name, loss in losses.items()), torch.zeros(()))
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step(rate)
    model.zero_grad()
    return {name: float(loss.detach()) for name, loss in losses.items()}


class Optimizers:
    """Muon (Jordan et al., 2024) for the matrices within, convolutions among them; AdamW for the rest."""

    def __init__(self, model: AudioTower, config: TowerTraining) -> None:
        inner = [p.ndim > 1 and not name.startswith("heads.") for name, p in model.named_parameters()]
        parameters = list(zip(model.parameters(), inner, strict=True))
        self.inner = [p for p, is_inner in parameters if is_inner]
        self.matrices = [_matrix(p.data) for p in self.inner]
        assert all(m.data_ptr() == p.data_ptr() for m, p in zip(self.matrices, self.inner, strict=True)), (
            "channels last"
        )
        vectors = [p for p, is_inner in parameters if not is_inner]
        self.muon = torch.optim.Muon(self.matrices, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw")
        self.adamw = torch.optim.AdamW(vectors, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True)
        self.peaks = ((self.muon, config.matrix_rate), (self.adamw, config.vector_rate))

    def step(self, rate: float) -> None:
        """One update at ``rate`` times the peak learning rates."""
        for parameter, matrix in zip(self.inner, self.matrices, strict=True):
            assert parameter.grad is not None
            matrix.grad = _matrix(parameter.grad)
        for optimizer, peak in self.peaks:
            for group in optimizer.param_groups:
                group["lr"] = peak * rate
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


def _matrix(weight: torch.Tensor) -> torch.Tensor:
    """A row for each output; shares the memory of a convolution's weights that are stored channels last."""
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight


def tower_losses(model: AudioTower, batch: Batch) -> dict[str, torch.Tensor]:
    """The four losses of a batch, each a scalar."""
    with torch.autocast("cpu", torch.bfloat16):
        _, activity, velocity, family = model(batch.frames)
    activity = activity.float()
    onset_weight = 1 + (ONSET_WEIGHT - 1) * batch.activity[:, 0]
    known_velocity, known_family = batch.velocity >= 0, batch.family >= 0
    chosen = family.float().permute(0, 2, 3, 1)[known_family]
    family_weight = torch.tensor([FAMILY_SHARES[name] for name in FAMILIES]) ** -0.7
    # Sums over pitches, means over frames: of the size of "wrong bits a frame", whatever the number of pitches.
    return {
        "onset": PITCHES * F.binary_cross_entropy_with_logits(activity[:, 0], batch.activity[:, 0], onset_weight),
        "sounding": PITCHES * F.binary_cross_entropy_with_logits(activity[:, 1], batch.activity[:, 1]),
        "velocity": F.binary_cross_entropy_with_logits(
            velocity.float()[known_velocity], batch.velocity[known_velocity]
        ),
        "family": F.cross_entropy(chosen, batch.family[known_family], family_weight) if len(chosen) else chosen.sum(),
    }


def schedule(step: int, progress: float, config: TowerTraining) -> float:
    """Share of the peak learning rate at a step and at a share of the time budget."""
    left = max(0.0, (1 - progress) / config.decay_share)
    return min(1.0, (step + 1) / config.warmup) * min(1.0, 0.02 + 0.98 * left)


def batches(clips: Path, size: int, seed: int) -> Iterator[Batch]:
    """Endless shuffled batches; every pass looks at the folder again, so rendering may still go on.

    Raises AbcscribeError if a pass finds no batch.
    """
    rng, made = np.random.default_rng(seed), -1
    while made:
        shards, made = sorted(clips.glob("train-*.npz")), 0
        order = rng.permutation(len(shards))
        for i in range(0, len(order), 4):
            loaded = [dict(np.load(shards[j])) for j in order[i : i + 4]]
            index = [(s, c) for s, shard in enumerate(loaded) for c in range(len(shard["frames"]))]
            rng.shuffle(index)
            for k in range(0, len(index) - size + 1, size):
                made += 1
                yield make_batch([_clip(loaded[s], c) for s, c in index[k : k + size]])
    raise AbcscribeError(f"{clips} holds no {size} clips to train on: make them with abcscribe data render.")


def _clip(shard: dict[str, np.ndarray], c: int) -> tuple[np.ndarray, np.ndarray]:
    return shard["frames"][c], shard["notes"][shard["first"][c] : shard["first"][c + 1]]


def make_batch(clips: list[tuple[np.ndarray, np.ndarray]]) -> Batch:
    """Clips of (frames (t, 264) uint8, notes (n, 5)) -> inputs and targets."""
    frames = torch.from_numpy(np.stack([frames for frames, _ in clips])).float() / 255
    targets = [clip_targets(notes, frames.shape[1]) for _, notes in clips]
    activity, velocity, family = (torch.from_numpy(np.stack(column)) for column in zip(*targets, strict=True))
    return Batch(frames, activity, velocity, family)


def clip_targets(notes: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Notes (n, 5) -> activity (2, frames, 88), velocity (tokens, 88) at onsets, family (tokens, 88) while sounding."""
    tokens = frames // FRAMES_PER_TOKEN
    activity = np.zeros((2, frames, PITCHES), np.float32)
    velocity = np.full((tokens, PITCHES), -1.0, np.float32)
    family = np.full((tokens, PITCHES), -1, np.int64)
    for onset, offset, midi, strength, instrument in notes:
        pitch, start, end = int(midi) - LOWEST_PITCH, onset * FRAME_RATE, offset * FRAME_RATE
        if not 0 <= pitch < PITCHES or start >= frames - 0.5:
            continue
        near = np.arange(max(0, int(start) - 1), min(frames, int(start) + 3))
        peak = np.maximum(0, 1 - np.abs(near - start) / ONSET_WIDTH)
        activity[0, near, pitch] = np.maximum(activity[0, near, pitch], peak / peak.max())
        first, last = round(start), max(round(end), round(start) + 1)
        activity[1, first:last, pitch] = 1
        token = min(round(start) // FRAMES_PER_TOKEN, tokens - 1)
        velocity[token, pitch] = strength / 127
        if instrument != UNKNOWN_FAMILY:
            family[token : last // FRAMES_PER_TOKEN + 1, pitch] = int(instrument)
    return activity, velocity, family


def _logged(config: TowerTraining, entry: Entry) -> Entry:
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    return entry


def _resume(config: TowerTraining, model: AudioTower, optimizer: Optimizers) -> tuple[int, float]:
    """Steps and minutes already behind the run."""
    if not (config.out / "state.pt").exists():
        if config.start is not None:
            # What the start does not have begins as it was made, and that is to add nothing.
            model.load_state_dict(load_file(config.start / "tower.safetensors"), strict=False)
        return 0, 0.0
    state = torch.load(config.out / "state.pt", weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["minutes"]


def _save(config: TowerTraining, model: AudioTower, optimizer: Optimizers, step: int, minutes: float) -> None:
    """Write a checkpoint. A run goes on from ``state.pt`` alone, one file, so that a kill at any moment leaves the old
    state or the new; ``tower.safetensors`` and ``config.json`` are for those who use the tower."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    state = {"model": weights, "optimizer": optimizer.state_dict(), "step": step, "minutes": minutes}
    torch.save(state, config.out / "state.tmp")
    (config.out / "state.tmp").replace(config.out / "state.pt")
    write_text(config.out / "config.json", json.dumps(asdict(model.config), indent=1))
    save_file(weights, config.out / "tower.tmp")
    (config.out / "tower.tmp").replace(config.out / "tower.safetensors")
