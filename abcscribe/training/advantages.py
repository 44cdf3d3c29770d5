"""The arithmetic of policy gradients: pure functions of tensors, tested against hand-computed numbers.

Shapes: b answers of at most t tokens; ``mask`` (b, t) is 1 where there is a token. ``now`` and ``then`` are
log-probabilities of the drawn tokens under the present policy and under the policy that drew them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

LEAST_SPREAD = 1e-4  # standard deviation of a group's rewards, below which its advantages are 0


def group_advantages(rewards: torch.Tensor, by_spread: bool = True) -> torch.Tensor:
    """Advantages of answers within their groups, 0 for unscorable ones (GRPO; Shao et al., 2024).

    Args:
        rewards: (windows, group), nan where an answer cannot be scored.
        by_spread: divide by the standard deviation of the group; otherwise windows whose rewards differ more weigh more
            (Dr. GRPO; Liu et al., 2025).

    Returns:
        (windows, group).
    """
    known = ~rewards.isnan()
    count = known.sum(1, keepdim=True).clamp(min=1)
    centred = torch.where(known, rewards - rewards.nansum(1, keepdim=True) / count, 0.0)
    spread = (centred.square().sum(1, keepdim=True) / count).sqrt()
    if by_spread:
        centred = centred / spread.clamp(min=LEAST_SPREAD)
    return torch.where(spread >= LEAST_SPREAD, centred, 0.0)


@dataclass(frozen=True, slots=True)
class Clipped:
    """The clipped objective for each token (b, t)."""

    loss: torch.Tensor
    ratio: torch.Tensor  # of the probabilities now and then
    clipped: torch.Tensor  # bool: the gradient is zero by the clip


def clipped_policy_loss(
    now: torch.Tensor, then: torch.Tensor, advantages: torch.Tensor, low: float = 0.2, high: float = 0.2
) -> Clipped:
    """PPO's objective (Schulman et al., 2017): a token's probability may move by the factors 1 - low ... 1 + high."""
    ratio = (now - then).exp()
    plain, bounded = ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages
    return Clipped(-torch.minimum(plain, bounded), ratio, bounded < plain)


def kl_estimate(now: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Estimate KL(policy || reference) at each drawn token, (b, t): non-negative and unbiased (Schulman's k3)."""
    difference = reference - now
    return difference.exp() - difference - 1


def token_mean(values: torch.Tensor, mask: torch.Tensor, tokens: float) -> torch.Tensor:
    """The sum over all tokens, divided by a number of tokens that is the same for all answers.

    With the mean of each answer's mean the tokens of long bad answers would weigh less.
    """
    return (values * mask).sum() / tokens


def gae(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, discount: float = 1.0, trace: float = 0.95
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns (b, t) by generalised advantage estimation (Schulman et al., 2016).

    Args:
        rewards: (b, t).
        values: (b, t) of the states in which the tokens were drawn; 0 after the last token of an answer.
        mask: (b, t).
        discount: gamma.
        trace: lambda.
    """
    advantages = torch.zeros_like(rewards)
    following = torch.zeros_like(rewards[:, 0])
    value_after = torch.zeros_like(rewards[:, 0])
    for i in range(rewards.shape[1] - 1, -1, -1):
        surprise = rewards[:, i] + discount * value_after - values[:, i]
        following = (surprise + discount * trace * following) * mask[:, i]
        value_after = values[:, i] * mask[:, i]
        advantages[:, i] = following
    return advantages, (advantages + values) * mask


def clipped_value_loss(
    values: torch.Tensor, then: torch.Tensor, returns: torch.Tensor, clip: float = 0.2
) -> torch.Tensor:
    """Half the squared error of values, (b, t), clipped where a value changed by more than ``clip`` (PPO)."""
    bounded = then + (values - then).clamp(-clip, clip)
    return 0.5 * torch.maximum((values - returns).square(), (bounded - returns).square())


def whitened(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Values with mean 0 and standard deviation 1 over all tokens."""
    count = mask.sum()
    mean = (values * mask).sum() / count
    spread = (((values - mean) * mask).square().sum() / count).sqrt()
    return (values - mean) / (spread + 1e-8) * mask


class KlController:
    """The weight of the KL penalty, moved until the KL is near its target (Ziegler et al., 2019)."""

    LARGEST_ERROR = 0.2  # a step's error counts at most this much

    def __init__(self, weight: float, target: float | None, horizon: float = 10.0) -> None:
        self.weight, self.target = weight, target  # target: nats a token; None: the weight stays
        self.horizon = horizon  # steps

    def update(self, kl: float) -> None:
        """Adapt the weight to the KL of a step, nats a token."""
        if self.target is not None:
            error = min(max(kl / self.target - 1, -self.LARGEST_ERROR), self.LARGEST_ERROR)
            self.weight *= 1 + error / self.horizon
