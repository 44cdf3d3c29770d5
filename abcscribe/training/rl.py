"""Reinforcement learning on the music reward, GRPO and PPO: ``abcscribe train rl``.

Every step draws new windows, samples a group of answers to each, scores them against the window's score with the
reported metrics, and makes answers with a positive advantage likelier. The baseline is the mean of the group (GRPO) or
a value head (PPO); the rest is shared. A step is a function of the seed and its number, so a resumed run is exact, and
two runs with one seed are the same.

Simplifications: the reward of an answer comes at its end (no credit for single bars); the learning rate
is constant after its warm-up; the KL penalty is estimated from the drawn tokens; GRPO puts it in the loss, PPO in the
reward; PPO's value head shares the model's states. The result is the best checkpoint by the reward of greedy answers to
held-out windows; a policy that falls behind it is reset to it with half the learning rate. In several processes
(`abcscribe.training.processes`) each draws and answers its share of the windows, and updates are computed together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch

from abcscribe.corpora.note_cache import NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.model.score_language_model import ScoreLanguageModel
from abcscribe.rewards import NAMES, Components, RewardWeights, batch_components, contributions, parse_weights
from abcscribe.synthesis.windows import Stage
from abcscribe.training.advantages import (
    clipped_policy_loss,
    clipped_value_loss,
    gae,
    group_advantages,
    kl_estimate,
    token_mean,
    whitened,
)
from abcscribe.training.configs import RlTraining
from abcscribe.training.learner import Learner, Then
from abcscribe.training.pace import Entry
from abcscribe.training.policy import Evaluation, NotePolicy, Policy, Sample
from abcscribe.training.processes import ALONE, Processes, joined, opened
from abcscribe.training.rl_run import Run
from abcscribe.training.rollout import Draw, Judge, Problem, Rollout, roll_out, windows
from abcscribe.training.window_source import window_source

HELD_OUT_SEED = 11


def main(config: RlTraining, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Train the default model until the budget is spent.

    Args:
        config: of the run.
        clock: returns seconds.

    Yields:
        Log entries.

    Raises:
        AbcscribeError: there is no such algorithm or device.
    """
    if config.algorithm not in ALGORITHMS:
        raise AbcscribeError(f"There is no algorithm {config.algorithm!r}; there are {', '.join(ALGORITHMS)}.")
    device = opened(config.device)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    model = ScoreLanguageModel.from_pretrained(config.start).to(device)
    policy = NotePolicy(
        model,
        constrained=config.constrained,
        most_tokens=config.most_tokens,
        with_values=config.algorithm == "ppo",
        rounded=config.rounded,
    )
    cache, stage = NoteCache(config.cache), Stage(config.notes)
    draw, unseen = (windows(window_source(cache, split), stage) for split in ("train", "valid"))
    rng = np.random.default_rng(HELD_OUT_SEED)
    held_out = [unseen(rng) for _ in range(config.held_out)]
    with joined(device) as processes:
        yield from train(config, policy, draw, held_out, clock=clock, processes=processes)


def train(
    config: RlTraining,
    policy: Policy,
    draw: Draw,
    held_out: list[Problem],
    judge: Judge = batch_components,
    clock: Callable[[], float] = time.monotonic,
    processes: Processes = ALONE,
) -> Iterator[Entry]:
    """The training loop, for any policy and any source of problems.

    Args:
        config: of the run.
        policy: the model.
        draw: draws a problem.
        held_out: problems for choosing the checkpoint.
        judge: answers and references -> credits.
        clock: returns seconds.
        processes: each adds ``config.windows`` problems to a step.

    Yields:
        Log entries; in the first process only.
    """
    learner, weights = ALGORITHMS[config.algorithm](config, policy, processes), parse_weights(config.reward)
    run = Run(config, learner, held_out, judge, clock, processes)
    for entry in _entries(config, run, draw, weights):
        if processes.first:
            yield entry


def _entries(config: RlTraining, run: Run, draw: Draw, weights: RewardWeights) -> Iterator[Entry]:
    learner, processes = run.learner, run.processes
    while not run.over:
        if run.due:
            yield run.watch()
        rng = np.random.default_rng([config.seed, run.step])
        seed = int(rng.integers(2**31))
        numbers = processes.share(range(config.windows * processes.world))
        drawn = [draw(np.random.default_rng([config.seed, run.step, number])) for number in numbers]
        problems = processes.gathered(drawn)
        rollout = roll_out(run.policy, problems, config.group, seed, config.temperature, weights, run.judge, processes)
        began = time.process_time()
        learned = learner.learn(rollout, rng, run.rate)
        rollout.seconds["update"] = time.process_time() - began
        run.step += 1
        yield run.record(rollout, learned)
        run.save_if_due()
    if run.watched != run.step:
        yield run.watch()
    run.save()


class Grpo(Learner):
    """Group-relative policy optimisation (Shao et al., 2024), without its length bias (Yu et al., 2025)."""

    def aim(self, rollout: Rollout, then: Then) -> None:
        """Advantages of each token from the parts of the reward that it can change: less variance, same objective."""
        weights = parse_weights(self.config.reward)
        terms = np.stack([_terms(credits, weights) for credits in rollout.credits])  # (b, parts)
        reach = np.concatenate([self._reach(sample) for sample in rollout.samples])
        kinds, kind = np.unique(reach, axis=0, return_inverse=True)
        rewards = torch.from_numpy(kinds @ terms.T).float().view(len(kinds), *rollout.rewards.shape)
        advantages = torch.stack([group_advantages(own, self.config.by_spread) for own in rewards]).flatten(1)
        answer = then.mask.nonzero()[:, 0]
        then.advantages = then.mask.masked_scatter(then.mask > 0, advantages[torch.from_numpy(kind.ravel()), answer])

    def _reach(self, sample: Sample) -> np.ndarray:
        """(t, parts) 1 for the parts of the reward that a token can change."""
        known = self.config.by_part and sample.parts is not None
        return np.asarray(sample.parts, float) if known else np.ones((len(sample), len(NAMES)))

    def loss(self, now: Evaluation, then: Then, tokens: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        config = self.config
        policy, found = policy_loss(config, now, then, tokens)
        loss = policy + self.controller.weight * found["kl"] - config.entropy * found["entropy"]
        return loss, found


def _terms(credits: Components | None, weights: RewardWeights) -> np.ndarray:
    """(parts,) term of each part in the reward, nan if the answer cannot be scored."""
    terms = contributions(credits, weights) if credits is not None else {}
    return np.array([terms.get(name, np.nan) for name in NAMES])


class Ppo(Learner):
    """Proximal policy optimisation (Schulman et al., 2017) with the KL in the reward (Ziegler et al., 2019)."""

    needs_values = True

    def aim(self, rollout: Rollout, then: Then) -> None:
        rewards = self.controller.weight * (then.reference - then.log_probabilities) * then.mask
        last = then.mask.sum(1).long() - 1
        final = torch.from_numpy(rollout.rewards).float().reshape(-1).nan_to_num(0.0)
        rewards[torch.arange(len(last)), last] += final
        advantages, then.returns = gae(rewards, then.values, then.mask, self.config.discount, self.config.trace)
        then.advantages = whitened(advantages, then.mask)

    def loss(self, now: Evaluation, then: Then, tokens: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        config = self.config
        policy, found = policy_loss(config, now, then, tokens)
        value = token_mean(clipped_value_loss(now.values, then.values, then.returns, config.clip), now.mask, tokens)
        loss = config.value_weight * value
        if self.steps >= config.critic_steps:
            loss = loss + policy - config.entropy * found["entropy"]
        return loss, found | {"value loss": value, "value": token_mean(now.values, now.mask, tokens)}


ALGORITHMS: dict[str, type[Learner]] = {"grpo": Grpo, "ppo": Ppo}


def policy_loss(
    config: RlTraining, now: Evaluation, then: Then, tokens: float
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The clipped loss, and figures for the log."""
    found = clipped_policy_loss(
        now.log_probabilities, then.log_probabilities, then.advantages, config.clip, config.clip_high
    )
    figures = {
        "policy loss": found.loss, "kl": kl_estimate(now.log_probabilities, then.reference), "entropy": now.entropy,
        "ratio": found.ratio, "clipped": found.clipped.float(), "moved": (found.ratio - 1).abs(),
    }  # fmt: skip
    means = {name: token_mean(values, now.mask, tokens) for name, values in figures.items()}
    return means["policy loss"], means
