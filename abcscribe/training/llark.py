"""A replica of LLark (Gardner et al., 2024): ``abcscribe train llark``.

A frozen audio tower, its frames averaged to 10 a second, one linear map, and a language model that answers questions
about the music. `abcscribe.training.sft_text` trains it; what is added here is the examination on pieces that are
held out, beside the best answer that can be given without listening.

Where LLark differs: its tower is Jukebox (4,800 wide, 10.17 frames a second), its language model Llama-2-7b-chat, which
is trained as a whole (100,000 steps of 32; here LoRA, or nothing); its sound stands between two words of its own.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

import numpy as np

from abcscribe.corpora.questions import kind_of
from abcscribe.errors import AbcscribeError
from abcscribe.metrics.short_answers import best_constant, rightness
from abcscribe.training import sft_text
from abcscribe.training.configs import LlarkTraining
from abcscribe.training.pace import Entry
from abcscribe.training.sft_text import Pair, TextModel, prompt_of, read_pairs, tower_of

LONGEST = 24  # tokens of an answer
TOGETHER = 20  # questions that are answered at once


def main(config: LlarkTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train for ``config.steps`` steps, those of earlier runs included.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries; those of an examination have ``right`` and ``constant``, the mean rightness of the model's answers
        and of the best constant answers, and both for each kind of question.

    Raises:
        AbcscribeError: the held-out pairs hold something else than questions that `abcscribe.corpora.questions` asks.
    """
    if config.valid_pairs is None:
        yield from sft_text.main(config, clock)
        return
    tower = tower_of(config)
    held_out = chosen(read_pairs(config, tower, config.valid_pairs), config.held_out)
    constants = constant_answers(read_pairs(config, tower))

    def examine(model: TextModel, step: int) -> Entry | None:
        if step % config.evaluate_steps and step != config.steps:
            return None
        return {"step": step} | figures(held_out, answers_of(model, held_out), constants)

    yield from sft_text.main(config, clock, examine)


def by_kind(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """Pairs by the kind of their question. Raises AbcscribeError if one is of none."""
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        kind = kind_of(pair.question)
        if kind is None:
            raise AbcscribeError(f"Held-out pairs are those of abcscribe data export questions, not {pair.question!r}.")
        found[kind].append(pair)
    return found


def chosen(pairs: Sequence[Pair], count: int) -> list[Pair]:
    """As many pairs of each kind as there are, ``count`` in all at most, spread over the recordings."""
    rng = np.random.default_rng(0)
    shuffled = [[own[i] for i in rng.permutation(len(own))] for own in by_kind(pairs).values()]
    return [pair for turn in zip_longest(*shuffled) for pair in turn if pair is not None][:count]


def constant_answers(pairs: Sequence[Pair]) -> dict[str, str]:
    """The best answer to each kind of question that can be given without listening, by the pairs of training."""
    return {kind: best_constant(kind, [pair.answer for pair in own]) for kind, own in by_kind(pairs).items()}


def answers_of(model: TextModel, pairs: Sequence[Pair]) -> list[str]:
    """What the model answers, the likeliest token each time."""
    was_training = model.training
    model.eval()
    answers: list[str] = []
    for start in range(0, len(pairs), TOGETHER):
        some = pairs[start : start + TOGETHER]
        heard, prompts = [np.load(pair.features) for pair in some], [prompt_of(model, pair.question) for pair in some]
        ids = model.generate(heard, prompts, temperature=0.0, max_tokens=LONGEST, seed=0)
        answers += [model.read(row) for row in ids]
    model.train(was_training)
    return answers


def figures(pairs: Sequence[Pair], answers: Sequence[str], constants: dict[str, str]) -> Entry:
    """Mean rightness by kind of question, and over the kinds, of answers and of the best constant ones."""
    right: dict[str, list[float]] = defaultdict(list)
    constant: dict[str, list[float]] = defaultdict(list)
    for pair, answer in zip(pairs, answers, strict=True):
        kind = str(kind_of(pair.question))
        right[kind].append(rightness(kind, pair.answer, answer))
        constant[kind].append(rightness(kind, pair.answer, constants.get(kind, "")))
    entry: Entry = {}
    for name, values in (("right", right), ("constant", constant)):
        means = {kind: float(np.mean(own)) for kind, own in values.items()}
        entry[name] = round(float(np.mean(list(means.values()))), 4)
        entry |= {f"{name} {kind}": round(mean, 4) for kind, mean in means.items()}
    return entry
