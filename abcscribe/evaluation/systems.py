"""What can be compared, by name: every system of `abcscribe.systems`, and ``majority``.

A system turns a recording into an Answer. An engine that hears notes answers with the Score that users get. One that
writes ABC itself may be asked several times; its text is read as any text is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from abcscribe import hearing, systems, text_systems, transcription
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.model import Bar, Key, Metre, Score, Tempo

MAJORITY = "majority"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a system that answers in text is asked."""

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
    parts = systems.parse(name)
    if not parts.answers_in_text:
        hearing.load(parts.name, parts.checkpoint)
        return System(name, False, lambda path, sampling: Answer(transcription.transcribe(path, engine=name)))
    text_system = text_systems.load(parts.name, parts.checkpoint)

    def read(path: Path, sampling: Sampling) -> Answer:
        text = text_system.answer(
            path, temperature=sampling.temperature, max_tokens=sampling.max_tokens, seed=sampling.seed
        )
        score, problems = read_abc(text)
        return Answer(score, len(problems))

    return System(name, True, read)


# What to answer without listening: the most frequent header of the folk and classical corpora, and no note.
MAJORITY_SCORE = Score((Bar(Fraction(4), Metre(4, 4), Key(0), Tempo(120)),))
