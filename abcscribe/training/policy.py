"""The interface of a model for reinforcement learning: sample answers, and compute their log-probabilities.

`Policy` is the interface of `abcscribe.training.rl`; `NotePolicy` implements it for the default model, and
`abcscribe.training.text_policy.TextPolicy` for an audio language model that writes ABC.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from abcscribe.errors import ScoreError
from abcscribe.model.note_features import HeardNotes
from abcscribe.model.score_language_model import ScoreLanguageModel, collate_heard, token_positions
from abcscribe.model.torch_stepper import TorchStepper
from abcscribe.score.model import Score
from abcscribe.tokens import VOCABULARY, Reader, score_of
from abcscribe.training.reach import reach
from abcscribe.writing.decoding import CLOSED, Decoding, generate

CHUNK = 4096  # positions of a forward pass with gradients: 1 GB for the default model


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer."""

    prompt: Any
    ids: np.ndarray  # (t,) drawn tokens, without the prompt
    log_probabilities: np.ndarray  # (t,) float32, of the distributions that were drawn from
    finished: bool
    answer: Score | str | None  # None: the tokens are no score
    # (t, len(rewards.NAMES)) bool: parts of the reward that each token can change; None: all
    parts: np.ndarray | None = None
    memory: Any = None  # private data of the policy

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Log-probabilities of answers and more: all (b, t), 0 where mask is."""

    log_probabilities: torch.Tensor
    entropy: torch.Tensor
    values: torch.Tensor  # expected reward of the value head; 0 without one
    mask: torch.Tensor


class Policy(Protocol):
    """A model that can be trained on its own answers."""

    @property
    def module(self) -> nn.Module:
        """The module whose trainable parameters are trained and saved."""
        ...

    def sample(self, prompts: Sequence[Any], seed: int, temperature: float, first: int = 0) -> list[Sample]:
        """Draw an answer to each prompt; temperature 0: greedy decoding. ``first``: number of the first answer among
        those that are drawn with this seed."""
        ...

    def evaluate(self, samples: Sequence[Sample], temperature: float) -> Evaluation:
        """Evaluate answers with gradients, under the masks and the temperature that they were drawn with."""
        ...

    def reference(self, samples: Sequence[Sample], temperature: float) -> torch.Tensor:
        """(b, t) log-probabilities under the policy at the start of training."""
        ...

    def save_pretrained(self, folder: Path) -> None:
        """Write the model for inference."""
        ...


@dataclass(frozen=True, slots=True)
class Trace:
    """A NotePolicy's memory of an answer."""

    groups: np.ndarray  # (t,) pointer when each token was drawn
    filters: np.ndarray  # (t, vocabulary / 8) uint8: bits of the tokens that were not masked


class NotePolicy(nn.Module):
    """The default model: prompts are HeardNotes, answers Scores.

    ``rounded``: answers are drawn and evaluated with weights rounded to bfloat16, while the float32 weights are
    trained: 40 % less time on a processor that multiplies bfloat16. The model's device is used; what is returned is on
    the processor. Log-probabilities of sampling and update then
    differ by 0.002 a token, instead of 3e-7 (64 answers of 115 tokens).
    """

    def __init__(
        self,
        model: ScoreLanguageModel,
        *,
        constrained: bool = True,
        most_tokens: int = 600,
        with_values: bool = False,
        rounded: bool = False,
    ) -> None:
        super().__init__()
        self.states = States(model.eval())
        self.constrained, self.most_tokens, self.rounded = constrained, most_tokens, rounded
        self.device = model.language_model.embedding.weight.device
        self.value_head = nn.Linear(model.config.language_model.width, 1, device=self.device) if with_values else None
        if self.value_head is not None:
            nn.init.zeros_(self.value_head.weight)
        anchor = States(copy.deepcopy(model)).requires_grad_(False)
        self._anchor = [anchor.bfloat16() if rounded else anchor]  # in a list: no part of this module's state

    @property
    def module(self) -> nn.Module:
        return self

    @property
    def model(self) -> ScoreLanguageModel:
        """The trained model, in float32."""
        return self.states.model

    def sample(self, prompts: Sequence[HeardNotes], seed: int, temperature: float, first: int = 0) -> list[Sample]:
        options = Decoding(
            temperature, most_tokens=self.most_tokens, constrained=self.constrained, seed=seed, first=first
        )
        model = copy.deepcopy(self.model).bfloat16() if self.rounded else self.model
        written = generate(TorchStepper(model), prompts, options)
        samples = [
            self._sample(notes, w.ids, w.log_probabilities, w.finished)
            for notes, w in zip(prompts, written, strict=True)
        ]
        if temperature in (0.0, 1.0):
            return samples
        with torch.no_grad():  # `generate` returns log-probabilities at temperature 1
            known = self.evaluate(samples, temperature).log_probabilities
        return [replace(s, log_probabilities=row[: len(s)].numpy()) for s, row in zip(samples, known, strict=True)]

    def _sample(self, notes: HeardNotes, ids: np.ndarray, scores: np.ndarray, finished: bool) -> Sample:
        reader, memory = replay(ids, int(notes.groups[-1]) + 1, self.constrained)
        answer = score_of(reader.excerpt()) if reader else None
        parts = reach()[ids[1:]]
        return Sample(notes, ids[1:], scores[1:].astype(np.float32), finished, answer, parts, memory)

    def evaluate(self, samples: Sequence[Sample], temperature: float) -> Evaluation:
        mask = lengths_mask([len(sample) for sample in samples])
        if self.rounded:  # rounded here, so that gradients reach the float32 weights
            weights = {name: p.bfloat16() for name, p in self.states.named_parameters()}
            hidden, logits = functional_call(self.states, weights, (samples, mask))
        else:
            hidden, logits = self.states(samples, mask)
        scores, allowed = _scores(samples, logits, temperature)
        entropy = -(scores.exp() * torch.where(allowed, scores, 0.0)).sum(-1)
        chosen = _chosen(samples, scores)
        values = self.value_head(hidden.float())[:, 0] if self.value_head is not None else torch.zeros_like(chosen)
        chosen, entropy, values = (_padded(row.cpu(), mask) for row in (chosen, entropy, values))
        return Evaluation(chosen, entropy, values, mask.float())

    @torch.no_grad()
    def reference(self, samples: Sequence[Sample], temperature: float) -> torch.Tensor:
        mask = lengths_mask([len(sample) for sample in samples])
        scores, _ = _scores(samples, self._anchor[0](samples, mask)[1], temperature)
        return _padded(_chosen(samples, scores).cpu(), mask)

    def save_pretrained(self, folder: Path) -> None:
        self.model.save_pretrained(folder)


class States(nn.Module):
    """Answers -> the states in which their tokens were drawn, (tokens, width), and logits, (tokens, vocabulary)."""

    def __init__(self, model: ScoreLanguageModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, samples: Sequence[Sample], mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        language_model = self.model.language_model
        device = language_model.embedding.weight.device
        heard = collate_heard([sample.prompt for sample in samples]).to(device)
        heard.features = heard.features.to(language_model.embedding.weight.dtype)
        longest = mask.shape[1]
        ids = np.full((len(samples), longest), VOCABULARY.pad)
        positions = np.zeros((len(samples), longest, 3), np.float32)
        for row, sample in enumerate(samples):
            ids[row, 0], ids[row, 1 : len(sample)] = VOCABULARY.bos, sample.ids[:-1]
            positions[row, : len(sample)] = token_positions(sample.memory.groups, heard.seconds[row])
        told = (torch.from_numpy(array).to(device) for array in (ids, positions))
        _, hidden = self.model.states(heard, *told)
        hidden = language_model.norm(hidden[mask.to(device)])  # before the head: padding costs nothing there
        return hidden, language_model.head(hidden)


def _scores(samples: Sequence[Sample], logits: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities (tokens, vocabulary) under the masks that the answers were drawn with, and those masks."""
    filters = np.concatenate([sample.memory.filters for sample in samples])
    allowed = torch.from_numpy(np.unpackbits(filters, axis=1, count=logits.shape[1]).astype(bool)).to(logits.device)
    return (torch.where(allowed, logits.float(), CLOSED) / temperature).log_softmax(-1), allowed


def _chosen(samples: Sequence[Sample], scores: torch.Tensor) -> torch.Tensor:
    ids = torch.from_numpy(np.concatenate([sample.ids for sample in samples])).to(scores.device)
    return scores.gather(1, ids[:, None])[:, 0]


def replay(ids: np.ndarray, groups: int, constrained: bool) -> tuple[Reader | None, Trace]:
    """Replay an answer (with its BOS): the Reader at its end, None if it is no score, and the masks of its tokens."""
    reader, readable, valid = Reader(groups), True, True
    anything = np.arange(len(VOCABULARY)) != VOCABULARY.pad
    filters, pointer = [], []
    for index, token in enumerate(ids):
        if readable:
            try:
                reader.push(int(token))
            except ScoreError:  # the pointer stays where it is, as in `generate`
                readable = valid = False
        if index + 1 < len(ids):
            allowed = reader.allowed() if valid or constrained else anything
            valid &= bool(allowed[ids[index + 1]])
            filters.append(np.packbits(allowed if constrained else anything))
            pointer.append(min(reader.group, groups - 1))
    assert valid or not constrained, "an answer is replayed under the masks that it was written with"
    return reader if valid else None, Trace(np.array(pointer), np.stack(filters))


def lengths_mask(lengths: Sequence[int]) -> torch.Tensor:
    """(b, longest) bool: True for the tokens of each answer."""
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def padded(rows: Sequence[np.ndarray]) -> torch.Tensor:
    """Arrays (t_i,) -> (b, longest) float32, 0 behind their ends."""
    mask = lengths_mask([len(row) for row in rows])
    return _padded(torch.from_numpy(np.concatenate(rows).astype(np.float32)), mask)


def _padded(flat: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return torch.zeros(mask.shape).masked_scatter(mask, flat)


def chunks(samples: Sequence[Sample], rows: Iterable[int], most: int = CHUNK) -> Iterator[list[int]]:
    """The rows in batches of similar length with at most ``most`` positions each."""
    batch: list[int] = []
    for row in sorted(map(int, rows), key=lambda r: len(samples[r])):
        if batch and (len(batch) + 1) * (len(samples[row]) + _prompt_length(samples[row])) > most:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _prompt_length(sample: Sample) -> int:
    return len(sample.prompt) if hasattr(sample.prompt, "__len__") else 0
