"""Train a projector, and LoRA matrices of a language model, to write ABC text: ``abcscribe train sft-text``.

Pairs are the lines of a JSON Lines file with the columns of the origin's data sets: ``answer``, the text; perhaps
``question``; and ``features``, a .npy file of (frames, width), or ``audio``, a recording, perhaps with ``start_time``
and ``seconds`` in it. Paths are relative to the file. Features of the audio tower are stored in the checkpoint folder.

Runs alone, or unchanged under ``accelerate launch`` and torchrun. A step is a function of the seed, the rank and its
number, so a resumed run is exact.

Simplifications: the audio tower is never trained; answers that are too long lose their end; no validation: compare
checkpoints with ``abcscribe evaluate``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from transformers import AutoConfig, AutoTokenizer

from abcscribe import audio
from abcscribe.errors import AbcscribeError
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.model.score_language_model import answer_loss
from abcscribe.text_systems.audio_text_model import AudioTextModel, AudioTextModelConfig, chat_prompt
from abcscribe.text_systems.feature_towers import FeatureTower, load_feature_tower
from abcscribe.training.configs import SftTextTraining
from abcscribe.training.pace import Entry, Pace

GRADIENT_NORM = 1.0
Rows = tuple[list[np.ndarray], list[list[int]], list[str]]  # a model's inputs: features, answers, prompts


@dataclass(frozen=True)
class Pair:
    """One example."""

    features: Path  # .npy
    answer: str
    question: str


def main(config: SftTextTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train for ``config.steps`` steps, those of earlier runs included.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries, in the main process only.
    """
    accelerator = Accelerator(gradient_accumulation_steps=config.accumulate)
    torch.manual_seed(config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    model, pairs, optimizer, step = begin(config)
    training, prepared = accelerator.prepare(model.train(), optimizer)
    losses: list[float] = []
    began, pace = clock(), Pace(step, 0.0, config.log_steps, steps=config.steps)
    while step < config.steps:
        for group in prepared.param_groups:
            group["lr"] = group["peak"] * schedule(step, config)
        for part in range(config.accumulate):
            rng = np.random.default_rng([config.seed, accelerator.process_index, step, part])
            losses.append(_learn(accelerator, training, prepared, draw(rng, pairs, config, model)))
        step += 1
        if not accelerator.is_main_process:
            continue
        minutes = (clock() - began) / 60
        if pace.due(step, minutes) or step == config.steps:
            yield _logged(config, pace.figures(step, minutes) | {"loss": round(float(np.mean(losses)), 4)})
            losses = []
        if step % config.save_steps == 0 or step == config.steps:
            _save(config, model, optimizer, step)


def _save(config: SftTextTraining, model: AudioTextModel, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint: ``state.pt`` has everything for resuming; the rest is for inference."""
    model.save_pretrained(config.out)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    torch.save({"weights": weights, "optimizer": optimizer.state_dict(), "step": step}, config.out / "state.tmp")
    (config.out / "state.tmp").replace(config.out / "state.pt")


def begin(config: SftTextTraining) -> tuple[AudioTextModel, list[Pair], torch.optim.Optimizer, int]:
    """Model, pairs, optimizer and number of steps done, from the checkpoint if there is one."""
    state = config.out / "state.pt"
    tower = load_feature_tower(config.audio_tower) if config.audio_tower else None
    pairs = read_pairs(config, tower)
    if state.exists():
        model = AudioTextModel.from_pretrained(config.out, tower, trainable=True)
    else:
        model = new_model(config, np.load(pairs[0].features).shape[1], tower)
    lora = [p for p in model.language_model.parameters() if p.requires_grad]
    groups = [{"params": list(model.projector.parameters()), "peak": config.projector_rate}]
    groups += [{"params": lora, "peak": config.lora_rate}] if lora else []
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)
    if not state.exists():
        return model, pairs, optimizer, 0
    stored = torch.load(state, weights_only=True)
    model.load_state_dict(stored["weights"], strict=False)
    optimizer.load_state_dict(stored["optimizer"])
    return model, pairs, optimizer, stored["step"]


def new_model(config: SftTextTraining, frame_width: int, tower: FeatureTower | None = None) -> AudioTextModel:
    """A model whose projector and LoRA matrices are new."""
    width = AutoConfig.from_pretrained(config.base).get_text_config().hidden_size
    projector = FrameProjectorConfig(frame_width, width, config.frames, config.join, config.hidden)
    prompt = chat_prompt(AutoTokenizer.from_pretrained(config.base), config.question)
    made = AudioTextModelConfig(config.base, projector, prompt, config.audio_tower, config.lora_rank)
    return AudioTextModel.compose(made, tower)


def read_pairs(config: SftTextTraining, tower: FeatureTower | None) -> list[Pair]:
    """Read the pairs of a file, and compute missing features.

    Args:
        config: of the run.
        tower: for pairs without features.

    Raises:
        AbcscribeError: a line lacks an answer, or features and a recording.
    """
    pairs = []
    for number, line in enumerate(config.pairs.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        if "answer" not in row or not ("features" in row or ("audio" in row and tower)):
            raise AbcscribeError(f"{config.pairs}:{number} needs an answer; and features, or audio and a tower.")
        features = config.pairs.parent / row["features"] if "features" in row else _heard(config, row, tower)
        pairs.append(Pair(features, row["answer"], row.get("question", config.question)))
    return pairs


def _heard(config: SftTextTraining, row: Entry, tower: FeatureTower | None) -> Path:
    """The file with the tower's features of a row's recording; made if it does not exist."""
    assert tower is not None
    start, seconds = row.get("start_time"), row.get("seconds")
    source = json.dumps([config.audio_tower, row["audio"], start, seconds])
    path = config.out / "features" / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        end = None if seconds is None else (start or 0) + seconds
        frames = torch.as_tensor(tower(audio.load(config.pairs.parent / row["audio"], start, end)))
        temporary = path.with_name(f"{path.stem}-{os.getpid()}.tmp.npy")  # several processes may be at it
        np.save(temporary, frames.cpu().numpy())
        temporary.replace(path)
    return path


def draw(rng: np.random.Generator, pairs: list[Pair], config: SftTextTraining, model: AudioTextModel) -> Rows:
    """Arguments of the model's ``forward`` for some pairs."""
    chosen = [pairs[i] for i in rng.choice(len(pairs), config.batch, replace=len(pairs) < config.batch)]
    features = [np.load(pair.features) for pair in chosen]
    answers = [model.answer_ids(pair.answer)[: config.longest] for pair in chosen]
    return features, answers, [chat_prompt(model.tokenizer, pair.question) for pair in chosen]


def schedule(step: int, config: SftTextTraining) -> float:
    """Share of the peak learning rates: warm-up, then cosine decay to zero."""
    progress = step / config.steps
    return min(1.0, (step + 1) / config.warmup) * 0.5 * (1 + math.cos(math.pi * progress))


def _learn(accelerator: Accelerator, model: nn.Module, optimizer: Any, rows: Rows) -> float:
    """One part of a step; the optimizer steps after the last. Returns the loss."""
    with accelerator.accumulate(model):
        loss = answer_loss(*model(*rows))
        accelerator.backward(loss)
        if accelerator.sync_gradients:
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.detach())


def _logged(config: SftTextTraining, entry: Entry) -> Entry:
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    return entry
