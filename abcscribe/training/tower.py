"""Train the audio tower on rendered clips: ``abcscribe train tower``.

On a processor or an accelerator, in one process or several (`abcscribe.training.processes`). Simplifications: no choice
of checkpoint by validation (the last one counts), a learning rate that is warmed up, held, and let down over the larger
part of the time budget, so that a run can be stopped and continued.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import torch
from safetensors.torch import load_file, save_file

from abcscribe.errors import AbcscribeError
from abcscribe.files import write_text
from abcscribe.model.audio_tower import AudioTower, TowerOutput
from abcscribe.model.config import AudioTowerConfig
from abcscribe.model.tower_classes import DRUMS, PLAYER_WIDTH, PROGRAMS, TUNING_WIDTH
from abcscribe.training.configs import TowerTraining
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.processes import ALONE, Processes, joined, multiplies_bfloat16, opened
from abcscribe.training.tower_batches import Batch, Sources, batches
from abcscribe.training.tower_losses import total, tower_losses

HEADS = ("heads.", "timbre.out.", "drums.out.", "tuning.")  # for AdamW
MAY_BE_MISSING = ("chords.", "timbre.", "drums.", "tuning.")  # in weights from before them


def tower_config() -> AudioTowerConfig:
    """The sizes of a new tower: with all heads."""
    return AudioTowerConfig(
        programs=len(PROGRAMS), drums=len(DRUMS), player=PLAYER_WIDTH, tuning=TUNING_WIDTH
    )  # fmt: skip


def main(config: TowerTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train until the budget is spent; yields log entries: step, minutes, steps/s, minutes left, and the mean losses
    since the last. ``clock`` tells seconds. Raises AbcscribeError if there are no clips or there is no such device."""
    device = opened(config.device)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    model = AudioTower(tower_config()).to(device)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs of torch 2.13
    freeze(model, [name for name in config.frozen.split(",") if name])
    optimizer = Optimizers(model, config)
    start = _resume(config, model, optimizer)
    with joined(device) as processes:
        yield from _train(config, model, optimizer, start, processes, clock)


def _train(
    config: TowerTraining,
    model: AudioTower,
    optimizer: Optimizers,
    start: tuple[int, float],
    processes: Processes,
    clock: Callable[[], float],
) -> Iterator[Entry]:
    """``start``: steps and minutes behind the run. The first process yields and saves."""
    step, spent = start
    device = next(model.parameters()).device
    answer = torch.compile(model) if config.compiled else model
    pace = Pace(step, spent, config.log_steps, steps=config.steps, budget=config.minutes)
    began, saved, minutes = clock(), spent, spent
    sums: dict[str, torch.Tensor] = {}
    count = 0
    stream = batches(sources(config), config.batch, config.seed + step, config.workers, device, processes)
    while not pace.over(step, minutes):
        rate = schedule(step, pace.progress(step, minutes), config)
        losses = _learn(answer, model, optimizer, next(stream), rate, processes)
        step, count = step + 1, count + 1
        # Added up where they are: a look at each loss would make the processor wait for the device.
        sums = {name: sums.get(name, 0.0) + loss for name, loss in losses.items()}
        minutes = processes.agreed(spent + (clock() - began) / 60)
        if not processes.first:
            continue
        if pace.due(step, minutes):
            means = {name: round(float(value) / count, 4) for name, value in sums.items()}
            clips = step * config.batch * processes.world
            yield _logged(config, {**pace.figures(step, minutes), "clips": clips, **means})
            sums, count = {}, 0
        if minutes - saved > config.checkpoint_minutes:
            saved = minutes
            _save(config, model, optimizer, step, minutes)
    if processes.first:
        _save(config, model, optimizer, step, minutes)


def freeze(model: AudioTower, names: list[str]) -> None:
    """Keep the modules of these names as they are, the running statistics of their norms included.

    Raises AbcscribeError if there is no such module.
    """
    modules = dict(model.named_children())
    for name in names:
        if name not in modules:
            raise AbcscribeError(f"The tower has no module {name!r}, only {', '.join(modules)}.")
        modules[name].requires_grad_(False).eval()


def sources(config: TowerTraining) -> Sources:
    """Where the clips of a run come from."""
    stored = None if config.sounds and config.rendered >= 1 else config.clips
    return Sources(stored, config.sounds, config.cache, config.rendered)


def _learn(
    answer: Callable[[torch.Tensor], TowerOutput],
    model: AudioTower,
    optimizer: Optimizers,
    batch: Batch,
    rate: float,
    processes: Processes = ALONE,
) -> dict[str, torch.Tensor]:
    """One step; returns the losses. ``answer`` is the model, perhaps compiled."""
    device = next(model.parameters()).device
    losses = tower_losses(answer, batch, torch.bfloat16 if multiplies_bfloat16(device) else None)
    total(losses).backward()
    told = {name: loss.detach() for name, loss in losses.items()}
    statistics = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    processes.average([*processes.gradients(model.parameters()), *statistics, *told.values()])
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step(rate)
    model.zero_grad()
    return told


class Optimizers:
    """Muon (Jordan et al., 2024) for the matrices within, convolutions among them; AdamW for the rest.

    Muon multiplies in bfloat16: on a processor that has no instructions for it a step took 8 s, twice as long as the
    gradients of 8 clips. There AdamW takes the matrices, too, at the same rate (Muon's is in its units).
    """

    def __init__(self, model: AudioTower, config: TowerTraining) -> None:
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        parameters = [(p, p.ndim > 1 and not name.startswith(HEADS)) for name, p in trained]
        self.inner = [p for p, is_inner in parameters if is_inner]
        self.matrices = [_matrix(p.data) for p in self.inner]
        assert all(m.data_ptr() == p.data_ptr() for m, p in zip(self.matrices, self.inner, strict=True)), (
            "channels last"
        )
        vectors = [p for p, is_inner in parameters if not is_inner]
        decay = config.weight_decay
        self.muon: torch.optim.Optimizer
        if multiplies_bfloat16(self.matrices[0].device):
            self.muon = torch.optim.Muon(self.matrices, weight_decay=decay, adjust_lr_fn="match_rms_adamw")
        else:
            self.muon = torch.optim.AdamW(self.matrices, betas=(0.9, 0.98), weight_decay=decay, fused=True)
        self.adamw = torch.optim.AdamW(vectors, betas=(0.9, 0.98), weight_decay=decay, fused=True)
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

    def state_dict(self) -> Entry:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


def _matrix(weight: torch.Tensor) -> torch.Tensor:
    """A row for each output; shares the memory of a convolution's weights that are stored channels last."""
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight.flatten(1)


def schedule(step: int, progress: float, config: TowerTraining) -> float:
    """Share of the peak learning rate at a step and at a share of the time budget."""
    left = max(0.0, (1 - progress) / config.decay_share)
    return min(1.0, (step + 1) / config.warmup) * min(1.0, 0.02 + 0.98 * left)


def _logged(config: TowerTraining, entry: Entry) -> Entry:
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    return entry


def _resume(config: TowerTraining, model: AudioTower, optimizer: Optimizers) -> tuple[int, float]:
    """Steps and minutes already behind the run."""
    if not (config.out / "state.pt").exists():
        if config.start is not None:
            # What the start does not have begins as it was made: blocks add nothing, heads know nothing.
            missing, unknown = model.load_state_dict(load_file(config.start / "tower.safetensors"), strict=False)
            if unknown or any(not name.startswith(MAY_BE_MISSING) for name in missing):
                raise AbcscribeError(f"The tower in {config.start} is not of the kind that is trained here.")
        return 0, 0.0
    state = torch.load(config.out / "state.pt", weights_only=True, map_location="cpu")
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
