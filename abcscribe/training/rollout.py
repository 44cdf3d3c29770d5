"""Problems -> answers of a policy -> rewards, with figures for diagnosis.

Rewards are the metrics of `abcscribe.rewards`, on Scores (or ABC texts, if the policy writes text).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from abcscribe.metrics.structure import repetition
from abcscribe.rewards import FULL, NAMES, ORIGIN, Components, RewardWeights, batch_components, combine
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.model import Score
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training.policy import Policy, Sample
from abcscribe.training.processes import ALONE, Processes

SHORT = 0.5  # an answer with fewer of the reference's notes than this has collapsed


@dataclass(frozen=True, slots=True)
class Problem:
    """A prompt and its reference."""

    prompt: object
    reference: Score
    kind: str = ""


Draw = Callable[[np.random.Generator], Problem]
Judge = Callable[[Sequence[Score | str], Sequence[Score]], list[Components | None]]


@dataclass
class Rollout:
    """Answers of a policy, group after group, each group to one problem."""

    problems: list[Problem]
    samples: list[Sample]
    credits: list[Components | None]  # None: cannot be scored
    rewards: np.ndarray  # (problems, group), nan where an answer cannot be scored
    seconds: dict[str, float] = field(default_factory=dict)  # of the processor: rollout, reward, update

    @property
    def references(self) -> list[Score]:
        """One for each sample."""
        return [problem.reference for problem in self.problems for _ in range(self.rewards.shape[1])]


def windows(source: WindowSource, stage: Stage) -> Draw:
    """Problems of the default model: the heard notes of a window, and its score."""
    from abcscribe.tokens import score_of

    def draw(rng: np.random.Generator) -> Problem:
        window = source.draw(rng, stage)
        return Problem(window.heard, score_of(window.excerpt), window.kind)

    return draw


def roll_out(
    policy: Policy,
    problems: list[Problem],
    group: int,
    seed: int,
    temperature: float,
    weights: RewardWeights,
    judge: Judge = batch_components,
    processes: Processes = ALONE,
) -> Rollout:
    """Draw a group of answers to each problem and score them. An invalid answer gets the reward 0.

    Args:
        policy: to sample from.
        problems: prompts and references; of several processes each answers its share, and all get all answers.
        group: answers to each problem.
        seed: of the sampling.
        temperature: of the sampling; 0: greedy.
        weights: of the reward's parts.
        judge: answers and references -> credits.
    """
    began = time.process_time()
    own = processes.share(range(len(problems)))
    asked = [problems[number] for number in own for _ in range(group)]
    samples = policy.sample([p.prompt for p in asked], seed, temperature, own[0] * group) if asked else []
    drawn = time.process_time()
    answers = ["" if s.answer is None else s.answer for s in samples]
    judged = judge(answers, [p.reference for p in asked]) if asked else []
    samples, credits = processes.gathered(samples), processes.gathered(judged)
    rewards = [np.nan if c is None else combine(c, weights) for c in credits]
    seconds = {"rollout": drawn - began, "reward": time.process_time() - drawn}
    return Rollout(problems, samples, credits, np.array(rewards).reshape(-1, group), seconds)


def figures(rollout: Rollout) -> dict[str, float]:
    """Rewards and their parts, spread within groups, and the monitors of reward hacking."""
    rewards, known = rollout.rewards, [c for c in rollout.credits if c is not None]
    found = {
        "reward": _mean(rewards.ravel()), "reward spread": float(np.nanstd(rewards)),
        "group spread": _mean(_spread(rewards)), "flat groups": float(np.mean(_spread(rewards) < 1e-4)),
        "unscorable": float(np.isnan(rewards).mean()),
    }  # fmt: skip
    for name, weights in (("origin", ORIGIN), ("full", FULL)):
        found[name] = _mean([combine(c, weights) for c in known])
    for name in NAMES:
        values = np.array([np.nan if c is None or c[name] is None else c[name] for c in rollout.credits], float)
        found[name] = _mean(values)
        if rewards.shape[1] > 1:
            found[f"{name} group spread"] = _mean(_spread(values.reshape(rewards.shape)))
    return found | monitors(rollout)


def monitors(rollout: Rollout) -> dict[str, float]:
    """Monitors of reward hacking: empty, short or endlessly repeated scores, answers that never end."""
    pairs = list(zip(rollout.samples, rollout.references, strict=True))
    notes = np.array([_notes(sample.answer) for sample, _ in pairs])
    wanted = np.array([_notes(reference) for _, reference in pairs])
    loops = [_repetition(s.answer) - repetition(reference) for s, reference in pairs]
    return {
        "validity": float(np.mean([sample.answer is not None for sample, _ in pairs])),
        "finished": float(np.mean([sample.finished for sample, _ in pairs])),
        "tokens": float(np.mean([len(sample) for sample, _ in pairs])),
        "notes ratio": float(notes.sum() / max(wanted.sum(), 1)),
        "empty": float(np.mean(notes == 0)),
        "short": float(np.mean(notes < SHORT * wanted)),
        "repetition": float(np.mean(np.maximum(loops, 0))),
    }


# Tolerated increase of a monitor on held-out windows since the start: beyond it the policy gets its reward without
# music.
TOLERATED = {"empty": 0.02, "short": 0.10, "repetition": 0.05}


def alarms(now: dict[str, float], first: dict[str, float]) -> list[str]:
    """Names of the monitors that exceed their tolerance."""
    return [name for name, margin in TOLERATED.items() if now[name] > first[name] + margin]


def _read(answer: Score | str | None) -> Score | None:
    return read_abc(answer)[0] if isinstance(answer, str) else answer


def _notes(answer: Score | str | None) -> int:
    score = _read(answer)
    return sum(len(bar) for part in score.parts for bar in part.bars) if score else 0


def _repetition(answer: Score | str | None) -> float:
    score = _read(answer)
    return repetition(score) if score and score.bars and score.parts else 0.0


def _spread(values: np.ndarray) -> np.ndarray:
    """(groups,) standard deviation of each row, 0 for rows without a value."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(1, keepdims=True), 1)
    filled = np.where(known, values, 0)
    centred = np.where(known, values - filled.sum(1, keepdims=True) / count, 0)
    spread: np.ndarray = np.sqrt((centred**2).sum(1) / count[:, 0])
    return spread


def _mean(values: Sequence[float] | np.ndarray) -> float:
    data = np.asarray(values, float)
    data = data[~np.isnan(data)]
    return float(data.mean()) if data.size else float("nan")
