"""An audio language model that writes ABC text as a policy for reinforcement learning.

`AudioTextModel` (any audio tower, any Hugging Face language model, LoRA) is a `Writer`; a model with a processor of its
own, such as Qwen2-Audio, is wrapped by `ProcessorWriter`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from abcscribe.model.score_language_model import IGNORED
from abcscribe.training.policy import Evaluation, Sample, lengths_mask


@dataclass(frozen=True, slots=True)
class AudioPrompt:
    """A prompt: features or a waveform, as the model takes them, and the text around it."""

    audio: Any
    text: str

    def __len__(self) -> int:
        return len(self.text)  # in letters: memory is planned with it


class Writer(Protocol):
    """The interface of a model; also ``save_pretrained``, and a ``tokenizer`` with ``eos_token_id``."""

    language_model: Any  # of transformers
    tokenizer: Any

    def __call__(
        self, audio: Sequence[Any], answers: Sequence[Sequence[int]], prompts: Sequence[str]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (b, t, vocabulary) of the answers' tokens, and the tokens (b, t), IGNORED where a row has none."""
        ...

    def generate(
        self, audio: Sequence[Any], prompts: Sequence[str], *, temperature: float, max_tokens: int, seed: int
    ) -> list[list[int]]:
        """Ids of the answers, without the end of text; drawn from all tokens."""
        ...

    def read(self, ids: Sequence[int]) -> str:
        """The text of an answer."""
        ...


class TextPolicy(nn.Module):
    """Prompts are AudioPrompts, answers ABC texts. The reference is a copy of the trained weights, LoRA or all."""

    def __init__(self, writer: Any, *, most_tokens: int = 1024, with_values: bool = False) -> None:
        super().__init__()
        self.writer, self.most_tokens = writer, most_tokens
        self._trained = [p for p in writer.parameters() if p.requires_grad]
        self._anchor = [p.detach().clone() for p in self._trained]
        self._head = [writer.language_model.get_output_embeddings()]  # in a list: it is a part of the writer already
        self.value_head = (
            nn.Linear(self._head[0].weight.shape[1], 1, device=self._head[0].weight.device) if with_values else None
        )
        if self.value_head is not None:
            nn.init.zeros_(self.value_head.weight)

    @property
    def module(self) -> nn.Module:
        return self

    def sample(self, prompts: Sequence[AudioPrompt], seed: int, temperature: float, first: int = 0) -> list[Sample]:
        self.eval()  # with dropout the policies of sampling and update would differ
        end = self.writer.tokenizer.eos_token_id
        written = self.writer.generate(
            [p.audio for p in prompts], [p.text for p in prompts],
            temperature=temperature, max_tokens=self.most_tokens, seed=seed + first,
        )  # fmt: skip
        samples = []
        for prompt, ids in zip(prompts, written, strict=True):
            finished = len(ids) < self.most_tokens
            drawn = np.array([*ids, end] if finished else ids)
            samples.append(Sample(prompt, drawn, np.zeros(len(drawn), np.float32), finished, self.writer.read(ids)))
        if temperature == 0:
            return samples
        with torch.no_grad():  # transformers returns probabilities of whole batches only, which take too much memory
            known = self.evaluate(samples, temperature).log_probabilities
        return [replace(s, log_probabilities=row[: len(s)].numpy()) for s, row in zip(samples, known, strict=True)]

    def evaluate(self, samples: Sequence[Sample], temperature: float) -> Evaluation:
        with _inputs_of(self._head[0]) as states:
            logits, targets = self.writer(
                [s.prompt.audio for s in samples], [s.ids.tolist() for s in samples], [s.prompt.text for s in samples]
            )
        told = targets != IGNORED  # in the order of rows, wherever a row begins
        scores = (logits[told].float() / temperature).log_softmax(-1)
        chosen = scores.gather(1, targets[told][:, None])[:, 0]
        entropy = -(scores.exp() * scores).sum(-1)
        hidden = states[-1][:, -logits.shape[1] - 1 : -1][told].float()  # rows end with what follows the answers
        values = self.value_head(hidden)[:, 0] if self.value_head is not None else torch.zeros_like(chosen)
        mask = lengths_mask([len(sample) for sample in samples])
        rows = (torch.zeros(mask.shape).masked_scatter(mask, x.cpu()) for x in (chosen, entropy, values))
        log_probabilities, entropies, expected = rows
        return Evaluation(log_probabilities, entropies, expected, mask.float())

    @torch.no_grad()
    def reference(self, samples: Sequence[Sample], temperature: float) -> torch.Tensor:
        with self._at_the_start():
            return self.evaluate(samples, temperature).log_probabilities

    def save_pretrained(self, folder: Path) -> None:
        self.writer.save_pretrained(folder)

    @contextmanager
    def _at_the_start(self) -> Iterator[None]:
        """A context with the weights of the start of training."""
        now = [p.data for p in self._trained]
        for parameter, weights in zip(self._trained, self._anchor, strict=True):
            parameter.data = weights
        yield
        for parameter, weights in zip(self._trained, now, strict=True):
            parameter.data = weights


@contextmanager
def _inputs_of(head: nn.Module) -> Iterator[list[torch.Tensor]]:
    """The inputs of the output layer: the last hidden states, which models return only with all others."""
    states: list[torch.Tensor] = []
    hook = head.register_forward_pre_hook(lambda module, inputs: states.append(inputs[0]))
    yield states
    hook.remove()


class ProcessorWriter(nn.Module):
    """A transformers model with a processor that takes text and sound together, such as Qwen2-Audio, as a Writer.

    Prompts are texts in the processor's chat form, with its place for the audio.
    """

    def __init__(self, model: Any, processor: Any) -> None:
        super().__init__()
        self.language_model, self.processor, self.tokenizer = model, processor, processor.tokenizer
        self.tokenizer.padding_side = "left"  # answers begin where prompts end
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token

    def forward(
        self, audio: Sequence[np.ndarray], answers: Sequence[Sequence[int]], prompts: Sequence[str]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, longest = self._inputs(audio, prompts), max(map(len, answers))
        targets = torch.tensor([[*ids, *[IGNORED] * (longest - len(ids))] for ids in answers])
        targets = targets.to(inputs["input_ids"].device)
        told = targets != IGNORED
        ids = torch.cat([inputs["input_ids"], targets.where(told, self.tokenizer.eos_token_id)], dim=1)
        mask = torch.cat([inputs["attention_mask"], told.long()], dim=1)
        more = {"attention_mask": mask}
        if not hasattr(self.language_model, "get_rope_index"):  # Qwen2.5-Omni finds its three axes itself
            more["position_ids"] = (mask.cumsum(1) - 1).clamp(min=0)
        logits = self.language_model(**{**inputs, "input_ids": ids, **more}).logits
        return logits[:, -longest - 1 : -1], targets

    @torch.no_grad()
    def generate(
        self, audio: Sequence[np.ndarray], prompts: Sequence[str], *, temperature: float, max_tokens: int, seed: int
    ) -> list[list[int]]:
        inputs, end = self._inputs(audio, prompts), self.tokenizer.eos_token_id
        sampling = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            written = self.language_model.generate(
                **inputs, max_new_tokens=max_tokens, eos_token_id=end, pad_token_id=end,
                **(sampling if temperature > 0 else {"do_sample": False}),
            )  # fmt: skip
        rows = written[:, inputs["input_ids"].shape[1] :].tolist()
        return [row[: row.index(end)] if end in row else row for row in rows]

    def read(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True))

    def answer_ids(self, text: str) -> list[int]:
        """A text as an answer: its tokens, then the end of text."""
        return [*self.tokenizer(text, add_special_tokens=False).input_ids, self.tokenizer.eos_token_id]

    def save_pretrained(self, folder: Path) -> None:
        """Write LoRA matrices if there are any, else the whole model; and the processor."""
        self.language_model.save_pretrained(folder)
        self.processor.save_pretrained(folder)

    def _inputs(self, audio: Sequence[np.ndarray], prompts: Sequence[str]) -> dict[str, torch.Tensor]:
        rate = self.processor.feature_extractor.sampling_rate
        made = self.processor(
            text=list(prompts), audio=list(audio), sampling_rate=rate, return_tensors="pt",
            text_kwargs={"padding": True},  # sound is padded to whole windows, as each model wants it
        )  # fmt: skip
        return dict(made.to(self.language_model.device))
