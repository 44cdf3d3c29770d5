"""A run of reinforcement learning on disk: log, exact resumption, evaluation on held-out problems, rollback."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import torch

from abcscribe.memory import peak_megabytes
from abcscribe.rewards import parse_weights
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Score
from abcscribe.training.configs import RlTraining
from abcscribe.training.learner import Learner
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.processes import ALONE, Processes
from abcscribe.training.rollout import Judge, Problem, Rollout, alarms, figures, roll_out


class Run:
    """State and files of a run; of several processes the first one writes them."""

    def __init__(
        self,
        config: RlTraining,
        learner: Learner,
        held_out: list[Problem],
        judge: Judge,
        clock: Callable[[], float],
        processes: Processes = ALONE,
    ) -> None:
        self.processes = processes
        self.config, self.learner, self.policy = config, learner, learner.policy
        self.held_out, self.judge, self.clock = held_out, judge, clock
        self.step, self.spent, self.slowed = 0, 0.0, 1.0
        self.watched = -1  # step of the last evaluation on held-out problems
        self.behind = 0  # evaluations in a row at which the policy was behind the best
        self.best: dict[str, torch.Tensor] = {}
        self.best_reward, self.best_step = -np.inf, 0
        self.first: dict[str, float] = {}  # figures of the start
        config.out.mkdir(parents=True, exist_ok=True)
        self._resume()
        self.began = self.saved = self.logged = clock()
        self.pace = Pace(self.step, self.spent, 1, steps=config.steps, budget=config.minutes)

    @property
    def minutes(self) -> float:
        """Minutes of all resumed runs together."""
        return self.spent + (self.clock() - self.began) / 60

    @property
    def over(self) -> bool:
        """Whether the budget is spent."""
        over = self.step >= (self.config.steps or np.inf) or self.minutes >= self.config.minutes
        return bool(self.processes.agreed(over))

    @property
    def due(self) -> bool:
        """Whether an evaluation is due."""
        return self.step % self.config.evaluate_steps == 0 and self.watched != self.step

    @property
    def rate(self) -> float:
        """Learning rate of the coming step."""
        return self.config.rate * self.slowed * min(1.0, (self.step + 1) / self.config.warmup)

    def watch(self) -> Entry:
        """Evaluate greedy answers to the held-out problems: save the best policy, roll back if this one fell behind."""
        weights = parse_weights(self.config.reward)
        rollout = roll_out(self.policy, self.held_out, 1, 0, 0.0, weights, self.judge, self.processes)
        found = {name: v for name, v in figures(rollout).items() if "group" not in name}
        self.first = self.first or found
        warnings = alarms(found, self.first)
        entry: Entry = {"step": self.step, "minutes": round(self.minutes, 2), "valid": _rounded(found)}
        if found["reward"] > self.best_reward and not warnings:
            self.best, self.best_reward, self.best_step = self._weights(), found["reward"], self.step
            if self.processes.first:
                self.policy.save_pretrained(self.config.out)
            self.behind = 0
        else:
            fallen = found["reward"] < self.best_reward - self.config.tolerance
            self.behind = self.behind + 1 if fallen or warnings else 0
        if warnings:
            entry["alarms"] = warnings
        if self.behind >= self.config.patience and not self.over:
            entry["rollback"] = self.best_step
            self._go_back()
        self.watched = self.step
        self._show(rollout, "held-out")
        self.save()
        self.logged = self.clock()
        return self._log(entry)

    def _go_back(self) -> None:
        """Roll back to the best policy so far, with a new optimizer state and half the learning rate."""
        with torch.no_grad():
            for name, parameter in self._trainable():
                parameter.copy_(self.best[name])
        self.learner.optimizer.state.clear()
        self.slowed, self.behind = self.slowed / 2, 0

    def record(self, rollout: Rollout, learned: dict[str, float]) -> Entry:
        """Log a step."""
        now = self.clock()
        wall, self.logged = max(now - self.logged, 1e-9), now
        cost = {
            **{f"{name} cpu s": value for name, value in rollout.seconds.items()}, "step s": wall,
            "samples/s": len(rollout.samples) / wall,
            "memory GB": peak_megabytes() / 2**10,
        }  # fmt: skip
        self._show(rollout, "train")
        found = _rounded({**figures(rollout), **learned, **cost})
        return self._log(self.pace.figures(self.step, self.minutes) | found)

    def save_if_due(self) -> None:
        """Write a checkpoint every few minutes."""
        if self.clock() - self.saved > 60 * self.config.checkpoint_minutes:
            self.save()

    def save(self) -> None:
        """Write the state for resuming; ``model.safetensors`` beside it is the best policy so far."""
        self.saved = self.clock()
        if not self.processes.first:
            return
        state = {
            "weights": self._weights(), "best": self.best, "learner": self.learner.state_dict(), "first": self.first,
            "step": self.step, "minutes": self.minutes, "slowed": self.slowed, "watched": self.watched,
            "behind": self.behind, "best reward": float(self.best_reward), "best step": self.best_step,
        }  # fmt: skip
        out = self.config.out
        torch.save(state, out / "state.tmp")
        (out / "state.tmp").replace(out / "state.pt")

    def _resume(self) -> None:
        path = self.config.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location="cpu")
        with torch.no_grad():
            for name, parameter in self._trainable():
                parameter.copy_(state["weights"][name])
        self.learner.load_state_dict(state["learner"])
        self.best, self.first = state["best"], state["first"]
        self.step, self.spent, self.slowed = state["step"], state["minutes"], state["slowed"]
        self.watched, self.behind = state["watched"], state["behind"]
        self.best_reward, self.best_step = state["best reward"], state["best step"]

    def _trainable(self) -> list[tuple[str, torch.nn.Parameter]]:
        return [(name, p) for name, p in self.policy.module.named_parameters() if p.requires_grad]

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self._trainable()}

    def _log(self, entry: Entry) -> Entry:
        if not self.processes.first:
            return entry
        with (self.config.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")
        return entry

    def _show(self, rollout: Rollout, split: str) -> None:
        """The best and the worst answer to one problem, beside its reference."""
        if not self.processes.first:
            return
        row = self.step % len(rollout.problems)
        rewards, group = rollout.rewards[row], rollout.rewards.shape[1]
        if np.isnan(rewards).all():
            return
        picked = dict.fromkeys((int(np.nanargmax(rewards)), int(np.nanargmin(rewards))))
        problem = rollout.problems[row]
        answers = [
            {"reward": round(float(rewards[i]), 4), "answer": _text(rollout.samples[row * group + i].answer)}
            for i in picked
        ]
        shown = {"step": self.step, "split": split, "kind": problem.kind, "reference": write_abc(problem.reference)}
        with (self.config.out / "samples.jsonl").open("a") as file:
            file.write(json.dumps(shown | {"answers": answers}) + "\n")


def _text(answer: Score | str | None) -> str | None:
    return write_abc(answer) if isinstance(answer, Score) else answer


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: float(f"{value:.5g}") for name, value in found.items()}
