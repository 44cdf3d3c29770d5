"""The systems that can be compared, by name: every system of `abcscribe.systems`, and ``majority``.

A system turns a recording into an Answer. The answer of a note engine is the Score that users get. A text system may be
sampled several times; its text is parsed like any ABC.
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
    """Sampling parameters of a text system."""

    temperature: float = 0.0
    max_tokens: int = 2048
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A system's transcription of a recording."""

    score: Score
    problems: int = 0  # of its text, as reported by the ABC reader


@dataclass(frozen=True, slots=True)
class System:
    """A system under comparison."""

    name: str
    samples: bool  # whether its answers are random
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


# The baseline without audio: the most frequent header of the folk and classical corpora, and no note.
MAJORITY_SCORE = Score((Bar(Fraction(4), Metre(4, 4), Key(0), Tempo(120)),))
