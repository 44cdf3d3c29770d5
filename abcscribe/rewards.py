"""ABC text or Score -> reward: the reported metrics as the objective of reinforcement learning.

A reward is a plain function of TRL's contract, ``f(completions, reference, **columns) -> list[float | None]``: the
answers (ABC texts, chat messages, or Scores), the column of references (ABC texts or Scores), and whatever other
columns there are, ignored. Higher is better, in [0, 1]; None means that a row cannot be scored, because the reference
cannot be read or has no notes. All are picklable. A policy that does not write text passes the Scores that it has
decoded: nothing is parsed then, which is the larger half of the time.

``origin_reward`` is that of the experiment that this project began with: 1 less the weighted sum of its four losses.
``full_reward`` adds rhythm, key and structure, and scales every part but pitch with the pitch credit: otherwise a
policy soon learns that a good guess of the header gives half of the origin's reward whatever the notes are. The
components are rewards too, under their own names, so that a trainer logs each; ``batch_components`` returns all of them
at once.

An answer that cannot be parsed is no error but a bad answer. An answer without a key field (``K:`` ends every ABC
header, so prose has none) or without a note scores 0, in every component. The credits of an answer that goes on with
further tunes are multiplied by the share of its text that is the first one: a policy that does not stop must not get
the full reward for its beginning.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

from abcscribe.errors import AbcscribeError
from abcscribe.metrics import instrument, key, metre, pitch, rhythm, structure, tempo
from abcscribe.metrics.matching import VIEWS, Line, VoiceMatch, lines, match_voices
from abcscribe.metrics.ticks import in_ticks
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.model import Score

Completion = str | Sequence[Mapping[str, Any]] | Score  # a text, the messages of a chat, or a decoded score
Reference = str | Score
Rewards = list[float | None]
Components = Mapping[str, float | None]  # credit by name, in [0, 1]; None: not defined by the reference

# An answer is cut where it is so many times longer than its reference: long enough that the metrics still measure an
# answer that is far too long, short enough that no answer takes longer than 100 ms.
LONGEST_RATIO = 3
LONGEST_LEAST = 3000  # characters: a header with comments before a very short reference
CHARACTERS = 5  # that a note takes in ABC, bar lines and fields included

KEY_FIELD = re.compile(r"^[ \t]*K:", re.MULTILINE)
TUNE_START = re.compile(r"^[ \t]*X ?:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Pair:
    """An expected and a given score, with their voices matched."""

    expected: _Reading
    given: _Reading
    by_pitch: list[VoiceMatch]
    alike: list[VoiceMatch]  # by pitch, duration and position


def _part(credit: Callable[[_Pair], float]) -> Any:
    """A field of RewardWeights: ``credit`` in [0, 1] of an answer, nan where the reference does not define it."""
    return dataclasses.field(default=0.0, metadata={"credit": credit})


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """Weight of each part; normalised by the sum over the parts that can be scored.

    A new part is a field here, and a line in `abcscribe.training.reach`, which lists the tokens that can change it.
    """

    pitch: float = _part(lambda pair: 1 - pitch.loss(pair.by_pitch))
    metre: float = _part(lambda pair: 1 - metre.loss(pair.expected.score, pair.given.score))
    tempo: float = _part(lambda pair: 1 - tempo.loss(pair.expected.score, pair.given.score))
    instrument: float = _part(lambda pair: 1 - instrument.loss(pair.expected.score, pair.given.score))
    rhythm: float = _part(lambda pair: rhythm.score(pair.alike))
    key: float = _part(lambda pair: key.score(pair.expected.score, pair.given.score))
    # lowered by the problems that the reader reported
    structure: float = _part(
        lambda pair: pair.given.legible * structure.compare(pair.expected.shape, pair.given.shape)["score"]
    )
    content: float = 0.0  # pitch credit from which on the other parts count in full, in proportion below; 0: always


CREDITS: dict[str, Callable[[_Pair], float]] = {
    field.name: field.metadata["credit"] for field in dataclasses.fields(RewardWeights) if field.metadata
}
NAMES = tuple(CREDITS)  # of the parts
NOTHING: Components = dict.fromkeys(NAMES, 0.0)

ORIGIN = RewardWeights(pitch=0.5, metre=0.15, tempo=0.15, instrument=0.2)

# Notes and their rhythm are most of the work of correcting a score by hand: 60 %; a wrong header is one line.
# Content: random notes of the right key and number get a pitch credit of about 0.2, so two fifths of the other parts
# count; for an answer with half of its notes right all of them do.
FULL = RewardWeights(
    pitch=0.35, rhythm=0.25, metre=0.10, tempo=0.08, structure=0.08, key=0.07, instrument=0.07, content=0.5
)
PRESETS = {"origin": ORIGIN, "full": FULL}


def weighted_reward(
    completions: Sequence[Completion], reference: Sequence[Reference], weights: RewardWeights
) -> Rewards:
    """The reward of each row under the given weights.

    Args:
        completions: one answer a row.
        reference: the reference of each row.
        weights: of the parts.

    Returns:
        Rewards in [0, 1]; None for a row that cannot be scored.
    """
    rows = batch_components(completions, reference)
    return [None if row is None else _scored(row, weights) for row in rows]


def batch_components(
    completions: Sequence[Completion], reference: Sequence[Reference], **columns: Any
) -> list[Components | None]:
    """The credits of each row by name; None for a row that cannot be scored."""
    return [components(r, c) for c, r in zip(completions, reference, strict=True)]


def components(reference: Reference, completion: Completion) -> Components | None:
    """The credits of one answer; None if the reference has no music to compare with. Repeats are unfolded."""
    return _components(_key(reference), _key(completion))


def contributions(components: Components, weights: RewardWeights) -> dict[str, float]:
    """The term of each part in the reward; see RewardWeights.content.

    Returns:
        Terms by name, 0 for a part whose credit is None; empty if nothing that counts can be scored.
    """
    given = {name: credit for name, credit in components.items() if credit is not None}
    total = sum(getattr(weights, name) for name in given)
    if not total:
        return {}
    counts = min(1.0, given["pitch"] / weights.content) if weights.content else 1.0
    terms = {name: getattr(weights, name) / total * credit for name, credit in given.items()}
    return {name: terms.get(name, 0.0) * (1.0 if name == "pitch" else counts) for name in components}


def combine(components: Components, weights: RewardWeights) -> float:
    """The weighted mean of the defined credits: the sum of `contributions`. Never falls as a credit rises.

    nan if nothing that counts can be scored.
    """
    terms = contributions(components, weights)
    return sum(terms.values()) if terms else math.nan


def _scored(components: Components, weights: RewardWeights) -> float | None:
    reward = combine(components, weights)
    return None if math.isnan(reward) else reward


def parse_weights(text: str) -> RewardWeights:
    """Parse the weights of a reward.

    Args:
        text: ``origin``, ``full``, or weights such as ``pitch=.5,rhythm=.3,content=.5``.

    Raises:
        AbcscribeError: a name is unknown, or a weight is not a number.
    """
    if text in PRESETS:
        return PRESETS[text]
    known = {field.name for field in dataclasses.fields(RewardWeights)}
    weights: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = item.partition("=")
        try:
            weights[name.strip()] = float(value or 1)
        except ValueError:
            raise AbcscribeError(f"{value!r} is no weight.") from None
    if unknown := weights.keys() - known:
        raise AbcscribeError(f"No reward {sorted(unknown)[0]!r}; there are {', '.join([*PRESETS, *sorted(known)])}.")
    return RewardWeights(**weights)


def _reward(name: str, row: Callable[[Components], float | None], summary: str) -> Callable[..., Rewards]:
    """A function of TRL's contract, picklable under ``name``, that applies ``row`` to the credits of each answer."""

    def reward(completions: Sequence[Completion], reference: Sequence[Reference], **columns: Any) -> Rewards:
        rows = batch_components(completions, reference)
        return [None if credits is None else row(credits) for credits in rows]

    reward.__name__ = reward.__qualname__ = f"{name}_reward"
    reward.__doc__ = summary
    return reward


REWARDS: dict[str, Callable[..., Rewards]] = {
    name: _reward(name, partial(_scored, weights=weights), f"All parts as {name} weighs them.")
    for name, weights in PRESETS.items()
} | {name: _reward(name, itemgetter(name), f"The credit of the part {name} by itself.") for name in NAMES}


def __getattr__(name: str) -> Callable[..., Rewards]:
    """``origin_reward``, ``full_reward``, and one for each part: ``pitch_reward``, ``rhythm_reward``, ..."""
    if name.endswith("_reward") and name.removesuffix("_reward") in REWARDS:
        return REWARDS[name.removesuffix("_reward")]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Same:
    """A score as a key, by identity: to hash or compare all its notes would take longer than to score it."""

    __slots__ = ("score",)

    def __init__(self, score: Score) -> None:
        self.score = score

    def __hash__(self) -> int:
        return id(self.score)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.score is self.score


def _key(value: Reference | Completion) -> str | _Same:
    return _Same(value) if isinstance(value, Score) else _text(value)


@lru_cache(maxsize=512)  # a trainer calls several rewards with the same batch; a score of 300 notes is 100 kB
def _components(reference: str | _Same, completion: str | _Same) -> Components | None:
    expected = _reference(reference)
    if expected is None:
        return None
    if isinstance(completion, str):
        completion = completion[: max(LONGEST_LEAST, LONGEST_RATIO * _length(reference, expected))]
    given = _read(completion)
    return NOTHING if given is None else _credits(expected, given)


def _length(reference: str | _Same, reading: _Reading) -> int:
    """Length of the reference in characters; of a Score, an estimate."""
    if isinstance(reference, str):
        return len(reference)
    return CHARACTERS * sum(len(line.notes) for line in reading.lines)


def _text(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """The text of a completion; of a chat, all messages of the assistant."""
    if isinstance(completion, str):
        return completion
    return "\n".join(_content(message["content"]) for message in completion if message["role"] == "assistant")


def _content(content: str | Sequence[Mapping[str, Any]]) -> str:
    """A message's text; multi-modal messages are lists of parts."""
    return content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A score as it sounds, and how well it could be parsed."""

    score: Score  # repeats unfolded
    lines: Sequence[Line]
    shape: structure.Shape
    problems: int  # that the reader reported
    share: float  # of the text that was parsed: its first tune

    @property
    def legible(self) -> float:
        """Bars over bars plus the problems that the reader reported; 1 without problems."""
        return len(self.score.bars) / (len(self.score.bars) + self.problems)

    @classmethod
    def of(cls, score: Score, problems: int = 0, share: float = 1.0) -> _Reading:
        unfolded = score.unfolded()
        cells = in_ticks(unfolded)
        return cls(unfolded, lines(unfolded, cells), structure.shape(unfolded, cells), problems, share)


def _read(source: str | _Same) -> _Reading | None:
    """None if a text is not ABC, or if there is not one note."""
    reading = _read_text(source) if isinstance(source, str) else _Reading.of(source.score)
    return reading if reading and reading.lines else None


def _read_text(text: str) -> _Reading | None:
    if not KEY_FIELD.search(text):
        return None
    starts = [found.start() for found in TUNE_START.finditer(text)]
    share = starts[1] / len(text) if len(starts) > 1 else 1.0
    score, problems = read_abc(text)
    return _Reading.of(score, len(problems), share)


_reference = lru_cache(maxsize=512)(_read)  # the answers of a group share one


def _credits(expected: _Reading, given: _Reading) -> Components:
    by_pitch = match_voices(expected.lines, given.lines)
    pair = _Pair(expected, given, by_pitch, match_voices(expected.lines, given.lines, VIEWS))
    values = {name: credit(pair) for name, credit in CREDITS.items()}
    return {name: None if math.isnan(value) else value * given.share for name, value in values.items()}
