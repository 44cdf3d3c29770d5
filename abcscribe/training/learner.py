"""Answers with advantages -> updates of a policy: what GRPO and PPO share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from abcscribe.training.advantages import KlController
from abcscribe.training.configs import RlTraining
from abcscribe.training.policy import Evaluation, Policy, chunks, padded
from abcscribe.training.processes import ALONE, Processes
from abcscribe.training.rollout import Rollout

BETAS = (0.9, 0.98)  # AdamW
GRADIENT_NORM = 1.0
VALUE_RATE = 10.0  # learning rate of a value head, in units of the model's


@dataclass
class Then:
    """Data of the answers before the update, all (b, t)."""

    log_probabilities: torch.Tensor  # when they were drawn
    reference: torch.Tensor  # log probabilities at the start of training
    values: torch.Tensor
    mask: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor

    def select(self, rows: list[int], width: int) -> Then:
        """Some of the answers, none of them longer than ``width``."""
        return Then(*(getattr(self, field.name)[rows, :width] for field in fields(self)))


class Learner:
    """An algorithm: subclasses define advantages and loss."""

    needs_values = False

    def __init__(self, config: RlTraining, policy: Policy, processes: Processes = ALONE) -> None:
        self.config, self.policy, self.processes = config, policy, processes
        self.controller = KlController(config.kl, config.kl_target)
        named = [(name, p) for name, p in policy.module.named_parameters() if p.requires_grad]
        self.parameters = [p for _, p in named]
        model = [p for name, p in named if "value_head" not in name]
        head = [p for name, p in named if "value_head" in name]
        groups = [{"params": model, "times": 1.0}, {"params": head, "times": VALUE_RATE}]
        self.optimizer = torch.optim.AdamW(groups, lr=config.rate, betas=BETAS, weight_decay=0.0)
        self.steps = 0

    def aim(self, rollout: Rollout, then: Then) -> None:
        """Compute the advantages (and returns) in place. Unscorable answers are left out later."""
        raise NotImplementedError

    def loss(self, now: Evaluation, then: Then, tokens: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The loss of some answers, and figures.

        Args:
            now: of the present policy.
            then: data before the update.
            tokens: of the whole update, by which sums over tokens are divided.
        """
        raise NotImplementedError

    def learn(self, rollout: Rollout, rng: np.random.Generator, rate: float) -> dict[str, float]:
        """One step: ``epochs`` passes over the scored answers, in ``minibatches`` updates each. Of several processes
        each evaluates its share of an update's answers; then all make the same step.

        Args:
            rollout: answers and rewards.
            rng: of the order.
            rate: learning rate.

        Returns:
            Figures, means over the updates.
        """
        config, samples = self.config, rollout.samples
        then = self._then(rollout)
        self.aim(rollout, then)
        scored = np.flatnonzero(~np.isnan(rollout.rewards.ravel()))
        shuffled = [rng.permutation(scored) for _ in range(config.epochs)]
        updates = [part for rows in shuffled for part in np.array_split(rows, config.minibatches) if len(part)]
        sums: dict[str, float] = {}
        norms = 0.0
        for rows in updates:
            tokens = float(sum(len(samples[row]) for row in rows))
            for chunk in chunks(samples, self.processes.share(rows.tolist())):
                now = self.policy.evaluate([samples[row] for row in chunk], config.temperature)
                loss, found = self.loss(now, then.select(chunk, now.mask.shape[1]), tokens)
                loss.backward()
                for name, value in {"loss": loss, **found}.items():
                    sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(updates)
            norms += self._update(rate) / len(updates)
        sums = _added(self.processes.gathered([sums]))
        self.controller.update(sums.get("kl", 0.0))
        self.steps += 1
        return sums | {"gradient": norms, "kl weight": self.controller.weight, "rate": rate}

    def _then(self, rollout: Rollout) -> Then:
        samples = rollout.samples
        drawn = padded([sample.log_probabilities for sample in samples])
        zeros = [torch.zeros_like(drawn) for _ in range(5)]
        then = Then(drawn, *zeros)
        with torch.no_grad():
            for chunk in chunks(samples, self.processes.share(range(len(samples)))):
                some = [samples[row] for row in chunk]
                reference = self.policy.reference(some, self.config.temperature)
                width = reference.shape[1]
                then.reference[chunk, :width] = reference
                if self.needs_values:
                    then.values[chunk, :width] = self.policy.evaluate(some, self.config.temperature).values
        self.processes.add([then.reference, then.values])
        then.mask = padded([np.ones(len(sample)) for sample in samples])
        return then

    def _update(self, rate: float) -> float:
        """One step of the optimizer; returns the norm of the gradient before it was clipped. Losses are sums over
        tokens, divided by the tokens of all processes, so gradients are added, not averaged."""
        self.processes.add(self.processes.gradients(self.parameters))
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, GRADIENT_NORM)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["times"]
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(norm)

    def state_dict(self) -> dict[str, Any]:
        """The state that exact resumption needs besides the weights."""
        return {"optimizer": self.optimizer.state_dict(), "kl": self.controller.weight, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state of ``state_dict``."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.controller.weight, self.steps = state["kl"], state["steps"]


def _added(sums: list[dict[str, float]]) -> dict[str, float]:
    """Figures by name, added up; a process without answers has none."""
    return {
        name: sum(own.get(name, 0.0) for own in sums) for name in dict.fromkeys(name for own in sums for name in own)
    }
