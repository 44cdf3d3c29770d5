"""Frames of segments -> tokens, greedily and with cached keys and values. Knows no framework: see ``runtime``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from abcscribe.hearing.mt3.config import NetworkConfig
from abcscribe.hearing.mt3.vocabulary import EOS, PAD, System


class Runtime(Protocol):
    """A network that can be run.

    ``past`` and ``cross`` are pairs of arrays (layers, batch, heads, length, head width) of the runtime's own kind.
    """

    config: NetworkConfig

    def begin(self, frames: np.ndarray, previous: np.ndarray | None) -> tuple[Any, Any]:
        """``past`` (empty) and ``cross`` of frames (batch, frames, 512) and, with a memory, previous (batch, n)."""
        ...

    def step(self, tokens: np.ndarray, position: int, past: Any, cross: Any) -> tuple[np.ndarray, Any]:
        """Logits (batch, vocabulary) after tokens (batch,) at ``position``, and the longer ``past``."""
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """The tokens of a segment, EOS included unless there was no end to them, and how probable each was."""

    tokens: list[int]
    probabilities: list[float]


def greedy(runtime: Runtime, frames: np.ndarray, previous: np.ndarray | None = None) -> list[Written]:
    """The most probable token at each step, for all segments of a batch at once; those that are done drop out."""
    written = [Written([], []) for _ in frames]
    alive = np.arange(len(frames))
    tokens = np.full(len(frames), PAD)
    past, cross = runtime.begin(frames, previous)
    for position in range(runtime.config.system.target_length):
        logits, past = runtime.step(tokens, position, past, cross)
        tokens = logits.argmax(axis=1)
        best = logits.max(axis=1)
        probable = 1 / np.exp(logits - best[:, None]).sum(axis=1)
        for row, token, probability in zip(alive.tolist(), tokens.tolist(), probable.tolist(), strict=True):
            written[row].tokens.append(token)
            written[row].probabilities.append(probability)
        going = np.flatnonzero(tokens != EOS)
        if not going.size:
            break
        if going.size < alive.size:
            alive, tokens = alive[going], tokens[going]
            past, cross = ((keys[:, going], values[:, going]) for keys, values in (past, cross))
    return written


def first_memory(system: System) -> np.ndarray:
    """(1, target length): what stands for the segment before the first, an empty one."""
    return _padded([system.vocabulary.token("tie"), EOS], system)


def memory_of(tokens: Sequence[int], system: System) -> np.ndarray:
    """(1, target length): a segment's tokens as the published inference remembers them, the PAD at their head too."""
    return _padded([PAD, *tokens], system)


def _padded(tokens: Sequence[int], system: System) -> np.ndarray:
    ids = np.full((1, system.target_length), PAD)
    kept = tokens[: system.target_length]
    ids[0, : len(kept)] = kept
    return ids
