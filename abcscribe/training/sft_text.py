"""Train a projector, and LoRA matrices of a language model, to write ABC text: ``abcscribe train sft-text``.

With ``--system`` the base is a whole audio language model, such as Qwen2-Audio, and only LoRA is trained.

Pairs are the lines of a JSON Lines file with the columns of the origin's data sets: ``answer``, the text; perhaps
``question``; and ``features``, a .npy file of (frames, width), or ``audio``, a recording, perhaps with ``start_time``
and ``seconds`` in it. Paths are relative to the file. Features of the audio tower are stored in the checkpoint folder.

Runs alone, or unchanged under ``accelerate launch`` and torchrun: the models are transformers', and accelerate places,
shards and rounds them. A step is a function of the seed and its number, so a resumed run is exact; n processes share
the pairs that one draws with n times the batch.

Simplifications: the audio tower is never trained; answers that are too long lose their end; no validation: compare
checkpoints with ``abcscribe evaluate``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from transformers import AutoConfig, AutoTokenizer

from abcscribe import audio
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.model.config import FrameProjectorConfig
from abcscribe.model.score_language_model import answer_loss
from abcscribe.text_systems.audio_text_model import AudioTextModel, AudioTextModelConfig, base_files, prompt_in
from abcscribe.text_systems.feature_towers import FeatureTower, load_feature_tower
from abcscribe.text_systems.processor_model import ADAPTER, FAMILIES, check, load_parts, with_lora
from abcscribe.text_systems.processor_model import chat_prompt as processor_prompt
from abcscribe.training.configs import SftTextTraining
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.processes import Processes
from abcscribe.training.text_policy import ProcessorWriter

GRADIENT_NORM = 1.0
TextModel = AudioTextModel | ProcessorWriter
Rows = tuple[list[np.ndarray], list[list[int]], list[str]]  # a model's inputs: features, answers, prompts


Examine = Callable[[TextModel, int], Entry | None]


@dataclass(frozen=True)
class Pair:
    """One example."""

    features: Path  # .npy
    answer: str
    question: str


Asked = tuple[Pair, bool]  # and whether the sound stands before the question


def main(
    config: SftTextTraining, clock: Callable[[], float] = time.monotonic, examine: Examine | None = None
) -> Iterator[Entry]:
    """Train for ``config.steps`` steps, those of earlier runs included.

    Args:
        config: of the run.
        clock: returns seconds.
        examine: is shown the model after each step, and may return a log entry.

    Yields:
        Log entries, in the main process only.
    """
    # Without a device accelerate joins the processes only if it is told that none is meant.
    accelerator = Accelerator(cpu=not torch.accelerator.is_available(), gradient_accumulation_steps=config.accumulate)
    processes = Processes(accelerator.process_index, accelerator.num_processes)
    torch.manual_seed(config.seed)
    config.out.mkdir(parents=True, exist_ok=True)
    model, pairs, optimizer, step = begin(config)
    training, prepared = accelerator.prepare(model.train(), optimizer)
    losses: list[float] = []
    began, pace = clock(), Pace(step, 0.0, config.log_steps, steps=config.steps)
    if examine and step == 0 and accelerator.is_main_process and (entry := examine(model, step)):
        yield _logged(config, entry)
    while step < config.steps:
        for group in prepared.param_groups:
            group["lr"] = group["peak"] * schedule(step, config)
        for part in range(config.accumulate):
            rng, count = np.random.default_rng([config.seed, step, part]), config.batch * processes.world
            told = rows(processes.share(draw(rng, pairs, count, config.form)), config, model)
            losses.append(_learn(accelerator, training, prepared, told, processes))
        step += 1
        if not accelerator.is_main_process:
            continue
        minutes = (clock() - began) / 60
        if pace.due(step, minutes) or step == config.steps:
            yield _logged(config, pace.figures(step, minutes) | {"loss": round(float(np.mean(losses)), 4)})
            losses = []
        if examine and (entry := examine(model, step)):
            yield _logged(config, entry)
        if step % config.save_steps == 0 or step == config.steps:
            _save(config, model, optimizer, step)


def _save(config: SftTextTraining, model: TextModel, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write a checkpoint: ``state.pt`` has everything for resuming; the rest is for inference."""
    model.save_pretrained(config.out)
    weights = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    torch.save({"weights": weights, "optimizer": optimizer.state_dict(), "step": step}, config.out / "state.tmp")
    (config.out / "state.tmp").replace(config.out / "state.pt")


def begin(config: SftTextTraining) -> tuple[TextModel, list[Pair], torch.optim.Optimizer, int]:
    """Model, pairs, optimizer and number of steps done, from the checkpoint if there is one."""
    state = config.out / "state.pt"
    tower = tower_of(config)
    pairs = read_pairs(config, tower)
    model = _model(config, pairs, tower, state.exists())
    lora = [p for p in model.language_model.parameters() if p.requires_grad]
    groups = [{"params": lora, "peak": config.lora_rate}] if lora else []
    if isinstance(model, AudioTextModel):
        groups.insert(0, {"params": list(model.projector.parameters()), "peak": config.projector_rate})
    if not groups:
        raise AbcscribeError("There is nothing to train: a system needs --lora-rank above 0.")
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), weight_decay=0.0)
    if not state.exists():
        return model, pairs, optimizer, 0
    stored = torch.load(state, weights_only=True)
    model.load_state_dict(stored["weights"], strict=False)
    optimizer.load_state_dict(stored["optimizer"])
    return model, pairs, optimizer, stored["step"]


def tower_of(config: SftTextTraining) -> FeatureTower | None:
    """What hears the recordings of pairs without features; the models of a system hear the waveform itself."""
    if config.system:
        return lambda waveform: waveform
    return load_feature_tower(config.audio_tower) if config.audio_tower else None


def _model(config: SftTextTraining, pairs: list[Pair], tower: FeatureTower | None, resumed: bool) -> TextModel:
    """The model of the checkpoint, or a new one."""
    if config.system:
        return processor_writer(config.system, str(config.out) if resumed else config.base, config.lora_rank)
    if resumed:
        return AudioTextModel.from_pretrained(config.out, tower, trainable=True)
    return new_model(config, np.load(pairs[0].features).shape[1], tower)


def processor_writer(system: str, where: str, lora_rank: int) -> ProcessorWriter:
    """An audio language model to train on: with the LoRA matrices of a checkpoint, or with new ones.

    Raises EngineError if the system is unknown, OSError if there are no such weights.
    """
    if system not in FAMILIES:
        raise EngineError(f"There is no system {system!r}; there are {', '.join(FAMILIES)}.")
    check(system)
    model, processor = load_parts(system, where, trainable=True)
    tuned = (Path(where) / ADAPTER).is_file()
    return ProcessorWriter(model if tuned else with_lora(model, lora_rank), processor)


def prompt_of(model: TextModel, question: str, audio_first: bool = True) -> str:
    """A question in the form that a model is asked in."""
    if isinstance(model, AudioTextModel):
        return model.asked(question, audio_first)
    return processor_prompt(model.processor, question)


def new_model(config: SftTextTraining, frame_width: int, tower: FeatureTower | None = None) -> AudioTextModel:
    """A model whose projector and LoRA matrices are new."""
    where = base_files(config.base)
    width = AutoConfig.from_pretrained(**where).get_text_config().hidden_size
    projector = FrameProjectorConfig(frame_width, width, frames_a_token(config, tower), config.join, config.hidden)
    prompt = prompt_in(config.form, AutoTokenizer.from_pretrained(**where), config.question)
    made = AudioTextModelConfig(
        config.base, projector, prompt, config.audio_tower, config.lora_rank, config.form, config.precision
    )
    return AudioTextModel.compose(made, tower)


def frames_a_token(config: SftTextTraining, tower: FeatureTower | None) -> int:
    """How many frames of the tower become one soft token: so many, or as many as make so many tokens a second."""
    if config.frames:
        return config.frames
    rate = getattr(tower, "frame_rate", None)
    if rate is None:
        raise AbcscribeError("--frames 0 needs an audio tower whose frame rate is known.")
    return max(1, int(rate / config.token_rate))


def read_pairs(config: SftTextTraining, tower: FeatureTower | None, path: Path | None = None) -> list[Pair]:
    """Read the pairs of a file, and compute missing features.

    Args:
        config: of the run.
        tower: for pairs without features.
        path: another file than the config's.

    Raises:
        AbcscribeError: a line lacks an answer, or features and a recording.
    """
    pairs, path = [], path or config.pairs
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line)
        if "answer" not in row or not ("features" in row or ("audio" in row and tower)):
            raise AbcscribeError(f"{path}:{number} needs an answer; and features, or audio and a tower.")
        if "features" in row:
            features = path.parent / row["features"]
        else:
            name = config.system or config.audio_tower
            features = _heard(name, row, tower, path.parent, config.out / "features")
        pairs.append(Pair(features, row["answer"], row.get("question", config.question)))
    if not pairs:
        raise AbcscribeError(f"{path} holds no pairs.")
    return pairs


def _heard(name: str, row: Entry, tower: FeatureTower | None, home: Path, keep: Path) -> Path:
    """The file with the features that a tower of some name makes of a row's recording; made if it does not exist."""
    assert tower is not None
    start, seconds = row.get("start_time"), row.get("seconds")
    source = json.dumps([name, row["audio"], start, seconds])
    path = keep / f"{hashlib.sha256(source.encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        end = None if seconds is None else (start or 0) + seconds
        frames = torch.as_tensor(tower(audio.load(home / row["audio"], start, end)))
        temporary = path.with_name(f"{path.stem}-{os.getpid()}.tmp.npy")  # several processes may be at it
        np.save(temporary, frames.cpu().numpy())
        temporary.replace(path)
    return path


def draw(rng: np.random.Generator, pairs: list[Pair], count: int, form: str) -> list[Asked]:
    """Some pairs, none of them twice if there are enough, each with whether the sound stands before the question."""
    chosen = rng.choice(len(pairs), count, replace=len(pairs) < count)
    orders = rng.random(count) < 0.5 if form == "llark" else np.ones(count, bool)
    return [(pairs[i], bool(first)) for i, first in zip(chosen, orders, strict=True)]


def rows(chosen: Sequence[Asked], config: SftTextTraining, model: TextModel) -> Rows:
    """Arguments of the model's ``forward`` for some pairs."""
    features = [np.load(pair.features) for pair, _ in chosen]
    answers = [model.answer_ids(pair.answer)[: config.longest] for pair, _ in chosen]
    return features, answers, [prompt_of(model, pair.question, first) for pair, first in chosen]


def schedule(step: int, config: SftTextTraining) -> float:
    """Share of the peak learning rates: warm-up, then cosine decay to zero."""
    progress = step / config.steps
    return min(1.0, (step + 1) / config.warmup) * 0.5 * (1 + math.cos(math.pi * progress))


def _learn(accelerator: Accelerator, model: nn.Module, optimizer: Any, told: Rows, processes: Processes) -> float:
    """One part of a step; the optimizer steps after the last. Returns the loss, the mean over the processes."""
    with accelerator.accumulate(model):
        loss = answer_loss(*model(*told))
        accelerator.backward(loss)
        if accelerator.sync_gradients:
            accelerator.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimizer.step()
        optimizer.zero_grad()
    loss = loss.detach()
    processes.average([loss])
    return float(loss)


def _logged(config: SftTextTraining, entry: Entry) -> Entry:
    with (config.out / "log.jsonl").open("a") as log:
        log.write(json.dumps(entry) + "\n")
    return entry
