"""Supervised training of the language model with cross-entropy: ``abcscribe train sft``.

Every step draws new windows (`abcscribe.synthesis.windows`), so there are no epochs; some may be stored ones with the
tower's notes (`abcscribe.training.heard_windows`). A step is a function of the seed, its number and the stored
windows, so a resumed run is exact. Runs in one process or several (`abcscribe.training.processes`).

Simplifications: the loss is the mean over tokens, those of the header with a larger weight; the curriculum and the
learning rate follow the time budget; windows are padded to a few fixed shapes, each of which `torch.compile` compiles
once; the result is the moving average of the last weights, not the best checkpoint.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.analysis import analysis_features
from abcscribe.errors import AbcscribeError
from abcscribe.model.config import LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.score_language_model import (  # fmt: skip
    IGNORED,
    Heard,
    ScoreLanguageModel,
    ScoreLanguageModelConfig,
    answer_loss,
    collate_heard,
    token_positions,
)
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.tokens import LONGEST, METRE_TOKENS, MOST_FIFTHS, VOCABULARY
from abcscribe.training.configs import SftTraining
from abcscribe.training.heard_windows import Listened, kept_windows
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.processes import ALONE, Processes, joined, opened
from abcscribe.training.window_source import window_source

# Weight of the tokens up to the first position: metre, key, tempo, instruments and the first bar line are one token in
# thirty but decide what the others mean. With weight 1 the metre was right in .46 of the windows after 32 minutes, the
# positions in .94.
DECISIVE = 5.0
MATRIX_DECAY = 0.02  # weight decay of the matrices
GRADIENT_NORM = 1.0
# Auxiliary losses at every heard note: its position in the bar, and the metre and key of the window. In the answer
# metre and key are one token each, and positions are easily predicted from the tokens before. Without them (all tokens
# of weight 1) the metre was right in .46 and the key in .64 of the windows after 32 minutes. Weights of the three
# losses.
PLACE_WEIGHT, METRE_WEIGHT, KEY_WEIGHT = 0.3, 0.15, 0.15
HEARD_SHARE = 0.3  # share of stored windows with the tower's notes, if there are any
FILLED = 0.8  # score notes of a window at most, as a share of the heard notes of its shape

Source = WindowSource | Listened


@dataclass(frozen=True)
class Shape:
    """Windows of one size."""

    notes: int  # heard
    tokens: int
    batch: int


SHORT, MIDDLE, LONG = Shape(40, 144, 48), Shape(96, 352, 16), Shape(160, 576, 10)
ONE_VOICE = (("line", 0.35), ("tune", 0.4), ("melody", 0.25))
EVERYTHING = Stage().shares


@dataclass(frozen=True)
class Lesson:
    """A stretch of the curriculum."""

    until: float  # share of the time budget
    shapes: tuple[tuple[Shape, float], ...]  # with the share of steps
    kinds: tuple[tuple[str, float], ...]


CURRICULA = {  # by the name in `SftTraining.curriculum`
    "full": (
        Lesson(0.06, ((SHORT, 1.0),), ONE_VOICE),
        Lesson(0.30, ((SHORT, 0.5), (MIDDLE, 0.5)), EVERYTHING),
        Lesson(1.00, ((SHORT, 0.15), (MIDDLE, 0.45), (LONG, 0.4)), EVERYTHING),
    ),
    "smoke": (Lesson(1.0, ((Shape(40, 144, 4), 1.0),), ONE_VOICE),),
}


@dataclass
class Batch:
    """ids, targets and weights (b, t), positions (b, t, 3); labels (b, n, 3) of the notes: place, metre and key."""

    heard: Heard
    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    weights: torch.Tensor
    labels: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        rest = (getattr(self, field.name) for field in fields(self)[1:])
        return Batch(self.heard.to(device), *(tensor.to(device, non_blocking=True) for tensor in rest))


def main(config: SftTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train until the budget is spent.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries, in the first process only.
    """
    device = opened(config.device)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    source, held_out = training_source(config), window_source(config.cache, "valid")
    trainer = Trainer(config, new_model(config).to(device))
    start = trainer.resume()
    with joined(device) as processes:
        yield from _train(config, trainer, source, held_out, start, processes, clock)


def _train(
    config: SftTraining,
    trainer: Trainer,
    source: Source,
    held_out: WindowSource,
    start: tuple[int, float],
    processes: Processes,
    clock: Callable[[], float],
) -> Iterator[Entry]:
    """``start``: steps and minutes behind the run. The first process yields and saves."""
    step, spent = start
    pace = Pace(step, spent, config.log_steps, steps=config.steps, budget=config.minutes)
    began, minutes, saved, evaluated = clock(), spent, spent, spent
    sums, count = 0.0, 0
    while not pace.over(step, minutes):
        progress = pace.progress(step, minutes)
        batch = draw_batch([config.seed, step], source, lesson(config, progress), processes)
        sums += trainer.step(batch, schedule(step, progress, config), processes)
        count, step = count + 1, step + 1
        minutes = processes.agreed(spent + (clock() - began) / 60)
        if not processes.first:
            continue
        if pace.due(step, minutes):
            yield _logged(config, pace.figures(step, minutes) | {"loss": round(sums / count, 4)})
            sums, count = 0.0, 0
        if minutes - saved > config.checkpoint_minutes:
            saved = minutes
            trainer.save(step, minutes)
        if minutes - evaluated > config.evaluate_minutes:
            evaluated = minutes
            yield _logged(config, {"step": step, "minutes": round(minutes, 2)} | _valid(config, trainer, held_out))
    if processes.first:
        trainer.save(step, minutes)
        yield _logged(config, {"step": step, "minutes": round(minutes, 2)} | _valid(config, trainer, held_out))


def _valid(config: SftTraining, trainer: Trainer, held_out: WindowSource) -> Entry:
    return validate(trainer.averaged(), held_out, config.valid_windows)


def new_model(config: SftTraining) -> ScoreLanguageModel:
    """A model with new weights; a note's vector begins as the mean of its spellings' token vectors."""
    heads = max(1, config.width // 64)
    model = ScoreLanguageModel(
        ScoreLanguageModelConfig(
            NoteProjectorConfig(
                len(analysis_features.NAMES), config.width, config.encoder_layers, heads, config.dropout
            ),
            LanguageModelConfig(len(VOCABULARY), config.width, config.decoder_layers, heads, config.dropout),
        )
    )
    lowest = VOCABULARY.pitches[0][0]
    with torch.no_grad():
        for pitch in range(model.projector.pitch.num_embeddings):
            ids = [VOCABULARY.pitch_id[name] for name in VOCABULARY.pitches if name[0] == pitch + lowest]
            model.projector.pitch.weight[pitch] = model.language_model.embed(torch.tensor(ids)).mean(0)
    return model


class Trainer:
    """A bfloat16 model that is trained through float32 copies of its weights: half the memory traffic of autocast.

    On the device on which the model is. Matrices of the layers go to Muon (Jordan et al., 2024), the rest to AdamW.
    """

    def __init__(self, config: SftTraining, model: ScoreLanguageModel) -> None:
        self.config, self.model = config, model
        self.device = model.language_model.embedding.weight.device
        self.listener = Listener(config.width).to(self.device)
        self.trained: list[torch.Tensor] = [*model.parameters(), *self.listener.parameters()]
        self.shadows = [p.detach().float().clone().requires_grad_() for p in self.trained]
        matrix = [p.ndim == 2 and ".layers." in name for name, p in model.named_parameters()]
        matrix += [False] * (len(self.trained) - len(matrix))
        matrices = [s for s, is_matrix in zip(self.shadows, matrix, strict=True) if is_matrix]
        vectors = [s for s, is_matrix in zip(self.shadows, matrix, strict=True) if not is_matrix]
        self.muon = torch.optim.Muon(
            matrices, lr=config.matrix_rate, weight_decay=MATRIX_DECAY, adjust_lr_fn="match_rms_adamw"
        )
        self.adamw = torch.optim.AdamW(vectors, lr=config.vector_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.average = [s.detach().clone() for s in self.shadows]
        model.bfloat16().train()
        self.listener.bfloat16()
        self._run = torch.compile(self._loss) if config.compile else self._loss

    def _loss(self, *told: torch.Tensor) -> torch.Tensor:
        """The loss of tensors, as `torch.compile` needs them: five of a Heard, five of a Batch."""
        pitch, family, features, where, mask, ids, positions, targets, weights, labels = told
        notes, tokens = self.model.states(Heard(pitch, family, features, where, mask, []), ids, positions)
        answer = answer_loss(self.model.language_model.logits(tokens), targets, weights)
        return answer + self.listener.loss(notes, labels)

    def step(self, batch: Batch, rate: float, processes: Processes = ALONE) -> float:
        """One update at ``rate`` times the peak learning rates; returns the loss, the mean over the processes."""
        batch = batch.to(self.device)
        h = batch.heard
        told = (h.pitch, h.family, h.features.bfloat16(), h.positions, h.mask)
        loss = self._run(*told, batch.ids, batch.positions, batch.targets, batch.weights, batch.labels)
        loss.backward()
        loss = loss.detach()
        self._take_gradients(loss, processes)
        torch.nn.utils.clip_grad_norm_(self.shadows, GRADIENT_NORM)
        for optimizer, peak in ((self.muon, self.config.matrix_rate), (self.adamw, self.config.vector_rate)):
            for group in optimizer.param_groups:
                group["lr"] = peak * rate
            optimizer.step()
        with torch.no_grad():
            torch._foreach_copy_(self.trained, self.shadows)
            torch._foreach_lerp_(self.average, self.shadows, 1 - self.config.average)
        return float(loss)

    def _take_gradients(self, loss: torch.Tensor, processes: Processes) -> None:
        """The model's gradients to the float32 copies; they and the loss are averaged over the processes."""
        gradients = [p.grad.float() for p in self.trained if p.grad is not None]
        processes.average([*gradients, loss])
        for shadow, gradient in zip(self.shadows, gradients, strict=True):
            shadow.grad = gradient
        for parameter in self.trained:
            parameter.grad = None

    def averaged(self) -> ScoreLanguageModel:
        """A float32 model with the moving average of the weights, in evaluation mode."""
        model = ScoreLanguageModel(self.model.config).to(self.device)
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), self.average, strict=False):  # the listener's come last
                parameter.copy_(value)
        return model.eval()

    def save(self, step: int, minutes: float) -> None:
        """Write a checkpoint, for resuming the run and for inference."""
        out = self.config.out
        self.averaged().save_pretrained(out)
        state = {
            "shadows": self.shadows, "average": self.average, "muon": self.muon.state_dict(),
            "adamw": self.adamw.state_dict(), "step": step, "minutes": minutes,
        }  # fmt: skip
        torch.save(state, out / "state.tmp")
        (out / "state.tmp").replace(out / "state.pt")

    def resume(self) -> tuple[int, float]:
        """Load the checkpoint of an earlier run, if any; returns its steps and minutes."""
        path = self.config.out / "state.pt"
        self.config.out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            if self.config.start is not None:
                self._set(self._started(self.config.start), None)
            return 0, 0.0
        state = torch.load(path, weights_only=True, map_location=self.device)
        self._set(state["shadows"], state["average"])
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])
        return state["step"], state["minutes"]

    def _started(self, folder: Path) -> list[torch.Tensor]:
        """Weights of a checkpoint; new ones where its shapes differ (other sizes, other columns of the analysis)."""
        stored = dict(ScoreLanguageModel.from_pretrained(folder).named_parameters())
        own = [*self.model.named_parameters(), *((f"listener.{n}", p) for n, p in self.listener.named_parameters())]
        pairs = ((stored.get(name), value) for name, value in own)
        return [(old if old is not None and old.shape == new.shape else new).detach() for old, new in pairs]

    def _set(self, weights: list[torch.Tensor], average: list[torch.Tensor] | None) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.shadows, weights)
            torch._foreach_copy_(self.average, average or weights)
            torch._foreach_copy_(self.trained, self.shadows)


class Listener(nn.Module):
    """Auxiliary head: position in the bar, metre and key from the state of each note; not part of the model."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = (LONGEST, len(METRE_TOKENS), 2 * MOST_FIFTHS + 1)
        self.norm, self.head = nn.RMSNorm(width), nn.Linear(width, sum(self.sizes))

    def loss(self, notes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Weighted cross-entropy of last hidden states (b, n, width) against labels (b, n, 3)."""
        logits = self.head(self.norm(notes)).float().split(self.sizes, dim=-1)
        losses = (
            F.cross_entropy(logit.flatten(0, 1), label.flatten(), ignore_index=IGNORED)
            for logit, label in zip(logits, labels.unbind(-1), strict=True)
        )
        weights = (PLACE_WEIGHT, METRE_WEIGHT, KEY_WEIGHT)
        return sum(
            (w * loss for w, loss in zip(weights, losses, strict=True)), notes.new_zeros((), dtype=torch.float32)
        )


def lesson(config: SftTraining, progress: float) -> Lesson:
    """The part of the curriculum at a share of the time budget; the last one for a run that begins with weights."""
    if config.curriculum not in CURRICULA:
        raise AbcscribeError(f"There is no curriculum {config.curriculum!r}; there are {', '.join(CURRICULA)}.")
    lessons = CURRICULA[config.curriculum]
    return lessons[-1] if config.start is not None else next(part for part in lessons if progress < part.until)


def schedule(step: int, progress: float, config: SftTraining) -> float:
    """Share of the peak learning rate: warm-up, constant, linear decay to 2 % at the end."""
    left = max(0.0, (1 - progress) / config.decay_share)
    return min(1.0, (step + 1) / config.warmup) * min(1.0, 0.02 + 0.98 * left)


def training_source(config: SftTraining) -> Source:
    source = window_source(config.cache)
    return source if config.heard is None else Listened(source, kept_windows(config.heard), HEARD_SHARE)


def draw_batch(seed: Sequence[int], source: Source, part: Lesson, processes: Processes = ALONE) -> Batch:
    """New windows of one shape, each a function of the seed and its number; those of this process."""
    shape = draw_shape(np.random.default_rng(seed), part)
    numbers = processes.share(range(shape.batch * processes.world))
    windows = [draw_window(np.random.default_rng([*seed, number]), source, shape, part) for number in numbers]
    return make_batch(windows, shape)


def draw_shape(rng: np.random.Generator, part: Lesson) -> Shape:
    shapes, shares = zip(*part.shapes, strict=True)
    return shapes[rng.choice(len(shapes), p=np.array(shares) / sum(shares))]


def draw_window(rng: np.random.Generator, source: Source, shape: Shape, part: Lesson) -> Window:
    """A window whose heard notes fit into the shape."""
    most = int(FILLED * shape.notes)
    stage = Stage((max(8, most // 2), most), part.kinds)
    while True:
        window = source.draw(rng, stage)
        if len(window.heard) <= shape.notes:
            return window


def make_batch(windows: list[Window], shape: Shape) -> Batch:
    """Inputs and targets of some windows, padded or cut to a shape."""
    heard = collate_heard([w.heard for w in windows], shape.notes)
    ids = np.full((len(windows), shape.tokens), VOCABULARY.pad)
    targets = np.full((len(windows), shape.tokens), IGNORED)
    positions = np.zeros((len(windows), shape.tokens, 3), np.float32)
    weights = np.ones((len(windows), shape.tokens), np.float32)
    labels = np.full((len(windows), shape.notes, 3), IGNORED)
    for row, window in enumerate(windows):
        n = min(len(window.ids) - 1, shape.tokens)
        ids[row, :n], targets[row, :n] = window.ids[:n], window.ids[1 : n + 1]
        positions[row, :n] = token_positions(window.token_groups[:n], heard.seconds[row])
        weights[row, : int(np.argmax(window.token_groups >= 0))] = DECISIVE
        first, known = window.excerpt.spans[0], len(window.places)
        labels[row, :known, 0] = np.where(window.places >= 0, window.places, IGNORED)
        labels[row, :known, 1:] = METRE_TOKENS.index(first.metre), first.fifths + MOST_FIFTHS
    return Batch(heard, *(torch.from_numpy(array) for array in (ids, positions, targets, weights, labels)))


def validate(model: nn.Module, source: WindowSource, windows: int = 24) -> Entry:
    """Loss by kind of music and accuracy by block of the vocabulary, on the same windows each time.

    Args:
        model: in evaluation mode.
        source: of the held-out split.
        windows: of each kind.
    """
    found: dict[str, float] = {}
    right, total = np.zeros(len(VOCABULARY)), np.zeros(len(VOCABULARY))
    for kind in (name for name in source.choices if source.choices[name]):
        part = Lesson(1.0, ((Shape(96, 352, windows), 1.0),), ((kind, 1.0),))
        rng = np.random.default_rng(7)
        shape = draw_shape(rng, part)
        drawn = [draw_window(rng, source, shape, part) for _ in range(shape.batch)]
        batch = make_batch(drawn, shape).to(next(model.parameters()).device)
        with torch.no_grad():
            logits = model(batch.heard, batch.ids, batch.positions)
        found[f"{kind} loss"] = float(answer_loss(logits, batch.targets))
        known = batch.targets != IGNORED
        true, guess = batch.targets[known].cpu().numpy(), logits.argmax(-1)[known].cpu().numpy()
        np.add.at(total, true, 1)
        np.add.at(right, true, guess == true)
    for name in ("metre", "fifths", "position", "pitch", "duration", "staff", "skip", "program"):
        block = getattr(VOCABULARY, name)
        found[f"{name} right"] = float(right[block].sum() / max(total[block].sum(), 1))
    return {"valid": {name: round(value, 3) for name, value in found.items()}}


def _logged(config: SftTraining, entry: Entry) -> Entry:
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    return entry
