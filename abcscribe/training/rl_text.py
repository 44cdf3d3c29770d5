"""Reinforcement learning of a model that writes ABC text on the music reward: ``abcscribe train rl-text``.

The loop, the reward and the logs are those of ``abcscribe train rl``; prompts are recordings with a question, answers
are texts, which are parsed and scored against the reference ABC. The origin's PPO, and GRPO.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.rewards import parse_weights
from abcscribe.score.abc_reader import read_abc
from abcscribe.text_systems.audio_text_model import AudioTextModel
from abcscribe.training.configs import RlTextTraining, SftTextTraining
from abcscribe.training.pace import Entry
from abcscribe.training.processes import joined, opened
from abcscribe.training.rl import ALGORITHMS, train
from abcscribe.training.rollout import Problem
from abcscribe.training.sft_text import Pair, TextModel, processor_writer, prompt_of, read_pairs, tower_of
from abcscribe.training.text_policy import AudioPrompt, TextPolicy

LORA_RANK = 16  # of matrices on published weights, which have none


def main(config: RlTextTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train until the budget is spent.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries.

    Raises:
        AbcscribeError: there is no such algorithm or system, or a file of pairs is damaged.
    """
    if config.algorithm not in ALGORITHMS:
        raise AbcscribeError(f"There is no algorithm {config.algorithm!r}; there are {', '.join(ALGORITHMS)}.")
    parse_weights(config.reward)
    device = opened(config.device)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model = _model(config).to(device)
    name = model.config.audio_tower if isinstance(model, AudioTextModel) else ""
    hears = SftTextTraining(config.pairs, "", config.out, config.system, name)
    tower = model.audio_tower if isinstance(model, AudioTextModel) else tower_of(hears)
    train_pairs, valid = (read_pairs(hears, tower, path) for path in (config.pairs, config.valid_pairs))
    policy = TextPolicy(model, most_tokens=config.most_tokens, with_values=ALGORITHMS[config.algorithm].needs_values)
    held_out = [problem(model, pair) for pair in valid[: config.held_out]]

    def draw(rng: np.random.Generator) -> Problem:
        return problem(model, train_pairs[int(rng.integers(len(train_pairs)))])

    with joined(device) as processes:
        yield from train(config, policy, draw, held_out, clock=clock, processes=processes)


def _model(config: RlTextTraining) -> TextModel:
    if config.system:
        return processor_writer(config.system, str(config.start), LORA_RANK)
    if not (config.start / "config.json").is_file():
        raise AbcscribeError(f"{config.start} is no checkpoint of abcscribe train sft-text.")
    return AudioTextModel.from_pretrained(config.start, trainable=True)


def problem(model: TextModel, pair: Pair) -> Problem:
    """A recording with a question, and its reference."""
    prompt = AudioPrompt(np.load(pair.features), prompt_of(model, pair.question))
    return Problem(prompt, read_abc(pair.answer)[0], "text")
