"""Train a network of the MT3 family on recordings: ``abcscribe train mt3``.

Written tokens are predicted from the frames and the tokens before them (cross-entropy), as published. What differs:
AdamW in place of Adafactor, and three aids that a small network on one core cannot do without and that leave the
network as it is (each can be turned off). The encoder's output is also asked which pitches begin and sound in each
frame; one head of the middle decoder layer is told to look at the frame that the next token speaks of; the target of a
time is spread over its neighbours. Runs in one process or several (`abcscribe.training.processes`).
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.errors import AbcscribeError
from abcscribe.files import replacing
from abcscribe.hearing.mt3 import checkpoint
from abcscribe.hearing.mt3.config import NetworkConfig, preset
from abcscribe.hearing.mt3.engine import Mt3
from abcscribe.hearing.mt3.network import Transcriber
from abcscribe.hearing.mt3.torch_runtime import TorchRuntime
from abcscribe.hearing.mt3.vocabulary import PAD
from abcscribe.metrics import multi_instrument
from abcscribe.metrics import notes as note_metrics
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import PlayedNote
from abcscribe.training.mt3_batches import NOWHERE, Batch, Recording, batches, recordings, shards
from abcscribe.training.mt3_config import Mt3Training
from abcscribe.training.processes import ALONE, Processes, joined, opened

LOG_STEPS = 25
BETAS = (0.9, 0.98)  # AdamW
WEIGHT_DECAY = 0.01
ALIGNED_FRAMES = 3  # frames around the right one that the told head may look at (24 ms)
PITCH_PRIOR = -4.0  # bias at the start of "does this pitch begin or sound": few do


class PitchHeads(nn.Module):
    """Per frame and pitch: does it begin, does it sound? Thrown away after training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2 * 128)
        nn.init.constant_(self.linear.bias, PITCH_PRIOR)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(batch, frames, width) -> logits (batch, frames, 2, 128)."""
        return self.linear(states).unflatten(-1, (2, 128))


class Losses(nn.Module):
    """A network with what it is trained by."""

    def __init__(self, network: Transcriber, config: Mt3Training) -> None:
        super().__init__()
        self.network, self.heads, self.config = network, PitchHeads(network.config.width), config
        self._looked: list[torch.Tensor] = []  # log of where the told head looks: (batch, tokens, frames)
        blocks = network.decoder.blocks
        told = blocks[len(blocks) // 2].attention(1)
        if config.alignment_weight:
            told.register_forward_hook(self._look)

    def _look(self, attention: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        x, keys = inputs[:2]
        logits = attention.split(attention.q(x))[:, 0] @ keys[:, 0].transpose(1, 2)  # type: ignore[operator]
        self._looked.append(logits.float().log_softmax(-1))

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Each loss that counts, a scalar."""
        self._looked.clear()
        states = self.network.encode(batch.frames, batch.previous)
        logits = self.network.logits(states, batch.inputs)
        losses = {"tokens": self._tokens(logits.float().log_softmax(-1), batch.tokens)}
        if self.config.pitch_weight:
            guess = self.heads(states[:, : batch.frames.shape[1]]).float()
            losses["pitches"] = F.binary_cross_entropy_with_logits(guess, batch.rolls, reduction="none").sum(-1).mean()
        if self.config.alignment_weight:
            losses["alignment"] = _alignment(self._looked[0], batch.moments)
        return losses

    def _tokens(self, guess: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of tokens (batch, n) under log probabilities (batch, n, vocabulary); PAD does not count."""
        found = -guess.gather(-1, tokens[..., None])[..., 0]
        if self.config.blurred_steps:
            shifts = self.network.config.system.vocabulary.ranges["shift"]
            is_shift = (tokens >= shifts.start) & (tokens < shifts.stop)
            blurred = _blurred(guess[..., shifts.start : shifts.stop], tokens - shifts.start, self.config.blurred_steps)
            found = torch.where(is_shift, blurred, found)
        return found[tokens != PAD].mean()

    def total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """What is minimised."""
        weights = {"tokens": 1.0, "pitches": self.config.pitch_weight, "alignment": self.config.alignment_weight}
        return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


def _blurred(guess: torch.Tensor, steps: torch.Tensor, width: int) -> torch.Tensor:
    """Cross-entropy of shifts (batch, n) whose target is a triangle over neighbouring steps, ``width`` to each side: a
    near miss is then better than a far one, which token ids by themselves do not say."""
    offsets = torch.arange(-width, width + 1, device=steps.device)
    weights = (width + 1 - offsets.abs()) / (width + 1) ** 2
    near = (steps[..., None] + offsets).clamp(0, guess.shape[-1] - 1)
    return -(guess.gather(-1, near) * weights).sum(-1)


def _alignment(looked: torch.Tensor, moments: torch.Tensor) -> torch.Tensor:
    """Minus the log of the attention (batch, tokens, frames) that falls near the frames ``moments`` (batch, tokens)."""
    places = torch.arange(looked.shape[-1], device=looked.device)
    near = (places - moments[..., None]).abs() <= ALIGNED_FRAMES
    spent = looked.masked_fill(~near, -torch.inf).logsumexp(-1)
    meant = moments != NOWHERE
    return -spent[meant].mean() if meant.any() else spent.new_zeros(())


def main(config: Mt3Training, clock: Callable[[], float] = time.monotonic) -> Iterator[dict]:
    """Train until the budget is spent; yields a log entry every LOG_STEPS steps and after each validation.

    Entries have ``step``, ``minutes``, the losses, ``steps_per_second``, ``minutes_left``, and ``valid`` with note F1
    figures after a validation. ``clock`` tells seconds.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    device = opened(config.device)
    config.out.mkdir(parents=True, exist_ok=True)
    network = Transcriber(_network_config(config))
    losses = Losses(network, config).to(device)
    optimizer = torch.optim.AdamW(losses.parameters(), betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    run = Run(config, losses, optimizer)
    run.resume(device)
    valid = recordings(shards(config.recordings, "valid")[0])[: config.valid_recordings]
    with joined(device) as run.processes, (config.out / "log.jsonl").open("a") as log:
        torch.manual_seed(config.seed + run.processes.rank)  # of the dropout
        for entry in run.entries(valid, device, clock):
            log.write(json.dumps(entry) + "\n")
            log.flush()
            yield entry


@dataclass
class Run:
    """A training run under way."""

    config: Mt3Training
    losses: Losses
    optimizer: torch.optim.Optimizer
    step: int = 0
    minutes: float = 0.0
    processes: Processes = ALONE

    def entries(self, valid: list[Recording], device: torch.device, clock: Callable[[], float]) -> Iterator[dict]:
        """The training itself; the first process yields and saves."""
        config, spent = self.config, self.minutes
        began = saved = logged = clock()
        validated, sums, last = began, dict[str, float](), self.step
        system = self.losses.network.config.system
        for batch in batches(config.recordings, system, config.batch, config.seed + self.step, self.processes):
            self.minutes = self.processes.agreed(spent + (clock() - began) / 60)
            if self._progress() >= 1:
                break
            for name, value in self._update(batch.to(device)).items():
                sums[name] = sums.get(name, 0.0) + value
            if not self.processes.first:
                continue
            if self.step % LOG_STEPS == 0:
                taken, now = self.step - last, clock()
                pace = taken / max(now - logged, 1e-9)
                yield self._entry({name: value / taken for name, value in sums.items()}, pace)
                sums, last, logged = {}, self.step, now
            if clock() - saved > 60 * config.checkpoint_minutes:
                self.save()
                saved = clock()
            if clock() - validated > 60 * config.valid_minutes:
                before = clock()
                yield {"step": self.step, "minutes": round(self.minutes, 2), "valid": self.validate(valid)}
                validated = clock()
                logged += validated - before  # the pace is that of training
        if self.processes.first:
            self.save()
            yield {"step": self.step, "minutes": round(self.minutes, 2), "valid": self.validate(valid)}

    def _update(self, batch: Batch) -> dict[str, float]:
        config = self.config
        self.losses.train()
        with torch.autocast("cuda", torch.bfloat16, enabled=batch.frames.is_cuda):
            found = self.losses(batch)
        self.losses.total(found).backward()
        told = {name: loss.detach() for name, loss in found.items()}
        self.processes.average([*self.processes.gradients(self.losses.parameters()), *told.values()])
        nn.utils.clip_grad_norm_(self.losses.parameters(), 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = config.rate * schedule(self.step, self._progress(), config)
        self.optimizer.step()
        self.losses.zero_grad()
        self.step += 1
        return {name: float(loss) for name, loss in told.items()}

    def _progress(self) -> float:
        """Share of the budget that is spent."""
        budgets = [(self.minutes, self.config.minutes), (self.step, self.config.steps)]
        return max(1.0 if not whole else spent / whole for spent, whole in budgets if whole is not None)

    def _entry(self, losses: dict[str, float], pace: float) -> dict:
        left = self.config.minutes - self.minutes
        if self.config.steps is not None:
            left = min(left, (self.config.steps - self.step) / pace / 60)
        figures = {"steps_per_second": round(pace, 2), "minutes_left": round(max(left, 0.0), 1)}
        rounded = {name: round(value, 4) for name, value in losses.items()}
        return {"step": self.step, "minutes": round(self.minutes, 2), **rounded, **figures}

    def validate(self, valid: list[Recording]) -> dict[str, float]:
        """Note figures of what the network writes of recordings, as a mean over them."""
        engine = Mt3(TorchRuntime(self.losses.network))
        rows = []
        for recording in valid:
            heard = [note for found in engine.notes([recording.samples]) for note in found]
            rows.append(figures(recording, heard))
        return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]}

    def save(self) -> None:
        """Write the checkpoint; each file appears only once it is complete. A run goes on from ``state.pt`` alone."""
        out = self.config.out
        checkpoint.save(self.losses.network, out / "model.safetensors")
        state = {
            "network": self.losses.network.config.to_json(), "losses": self.losses.state_dict(),
            "optimizer": self.optimizer.state_dict(), "step": self.step, "minutes": self.minutes,
        }  # fmt: skip
        with replacing(out / "state.pt") as unfinished:
            torch.save(state, unfinished)

    def resume(self, device: torch.device) -> None:
        """Go on from the checkpoint in ``out``, or begin with the weights of ``start``."""
        out, start = self.config.out, self.config.start
        if (out / "state.pt").exists():
            state = torch.load(out / "state.pt", weights_only=True, map_location=device)
            if NetworkConfig.from_json(state["network"]) != self.losses.network.config:
                raise AbcscribeError(f"{out} holds a run of another system or size; give it another folder.")
            self.losses.load_state_dict(state["losses"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.minutes = state["step"], state["minutes"]
        elif start is not None:
            try:
                self.losses.network.load_state_dict(checkpoint.load(start).state_dict())
            except RuntimeError:
                raise AbcscribeError(f"{start} holds a network of another system or size.") from None


def figures(recording: Recording, heard: list[PlayedNote]) -> dict[str, float]:
    """Onset and offset F1 of the pitched notes, and the F1 of all notes with the right program, as MT3 counts it."""
    pitched = [[note for note in side if not note.drum] for side in (recording.notes, heard)]
    plain = note_metrics.evaluate(*pitched)
    full = multi_instrument.evaluate(tracks(recording.notes), tracks(heard))["full"]
    return {"onset_f1": plain["onset_f1"], "offset_f1": plain["offset_f1"], "multi_instrument_f1": full}


def tracks(notes: list[PlayedNote]) -> dict[int, list[PlayedNote]]:
    """Notes by program, drums as PERCUSSION."""
    found: dict[int, list[PlayedNote]] = {}
    for note in notes:
        found.setdefault(PERCUSSION if note.drum else note.program or 0, []).append(note)
    return found


def schedule(step: int, progress: float, config: Mt3Training) -> float:
    """Share of the peak learning rate at a step and at a share of the budget: up, held, down to nearly nothing."""
    left = max(0.0, (1 - progress) / config.decay_share)
    return min(1.0, (step + 1) / config.warmup) * min(1.0, 0.02 + 0.98 * left)


def _network_config(config: Mt3Training) -> NetworkConfig:
    made = preset(config.system, config.size)
    system = dataclasses.replace(
        made.system,
        segment_frames=config.segment_frames or made.system.segment_frames,
        target_length=config.target_length or made.system.target_length,
    )
    return dataclasses.replace(made, system=system)
