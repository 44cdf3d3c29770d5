"""What can be compared, by name: every engine of ``abcscribe.engines``, the writers, and ``majority``.

A system turns a recording into an Answer. An engine that hears notes answers with the Score that users get. One that
writes ABC text itself (a language model) offers ``answer(path, *, temperature, max_tokens, seed) -> str`` instead of
``notes``; its text is read as any text is, and it may be asked several times. A writer's name may go on with its
checkpoint, a folder or a name on the Hugging Face Hub: ``qwen2-audio:data/qwen``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from abcscribe import engines, transcription
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.model import Bar, Key, Metre, Score, Tempo

MAJORITY = "majority"
# Language models, by the module whose ``load(checkpoint)`` gives them.
WRITERS = {"audio-text": "abcscribe.engines.audio_text", "qwen2-audio": "abcscribe.engines.qwen2_audio"}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a language model is asked."""

    temperature: float = 0.0
    max_tokens: int = 2048
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a system makes of a recording."""

    score: Score
    problems: int = 0  # that its text has, if it writes text


@dataclass(frozen=True, slots=True)
class System:
    """Something to compare."""

    name: str
    samples: bool  # whether its answers differ from time to time
    answer: Callable[[Path, Sampling], Answer]


def load(name: str) -> System:
    """A system, ready to run. Raises EngineError if it is unknown or not installed."""
    if name == MAJORITY:
        return System(name, False, lambda path, sampling: Answer(MAJORITY_SCORE))
    engine = _writer(name) if name.partition(":")[0] in WRITERS else engines.load(name)
    write = getattr(engine, "answer", None)
    if write is None:
        return System(name, False, lambda path, sampling: Answer(transcription.transcribe(path, engine=name)))

    def read(path: Path, sampling: Sampling) -> Answer:
        text = write(path, temperature=sampling.temperature, max_tokens=sampling.max_tokens, seed=sampling.seed)
        score, problems = read_abc(text)
        return Answer(score, len(problems))

    return System(name, True, read)


@cache
def _writer(name: str) -> Any:
    """Loaded once in a process, as engines are."""
    kind, _, checkpoint = name.partition(":")
    return import_module(WRITERS[kind]).load(checkpoint)


# What to answer without listening: the most frequent header of the folk and classical corpora, and no note.
MAJORITY_SCORE = Score((Bar(Fraction(4), Metre(4, 4), Key(0), Tempo(120)),))
