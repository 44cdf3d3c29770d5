"""Speed and remaining time of a run: the same figures in the log of every training."""

from __future__ import annotations

from typing import Any

Entry = dict[str, Any]  # what trainings yield: numbers by name, and their ``step``
QUIET = 1 / 3  # minutes without a log entry at most


class Pace:
    """The pace of one process of a run with a budget in minutes, in steps, or both."""

    def __init__(
        self, step: int, minutes: float, every: int, *, steps: int | None, budget: float = float("inf")
    ) -> None:
        """Start measuring.

        Args:
            step, minutes: of earlier runs.
            every: steps between log entries.
            steps: budget in steps, None: unlimited.
            budget: in minutes.
        """
        self.first, self.began = step, minutes
        self.every, self.steps, self.budget = every, steps, budget
        self.logged = minutes

    def over(self, step: int, minutes: float) -> bool:
        """Whether the budget is spent."""
        return self.progress(step, minutes) >= 1

    def progress(self, step: int, minutes: float) -> float:
        """Share of the budget that is spent."""
        return max(minutes / self.budget, step / self.steps if self.steps else 0.0)

    def due(self, step: int, minutes: float) -> bool:
        """Whether it is time for a log entry: after the first step, and every so often."""
        return step == self.first + 1 or step % self.every == 0 or minutes - self.logged >= QUIET

    def figures(self, step: int, minutes: float) -> dict[str, float]:
        """``step``, ``minutes`` of all runs together, ``steps/s``, and ``minutes left``, for a log entry."""
        self.logged = minutes
        found: dict[str, float] = {"step": step, "minutes": round(minutes, 2)}
        passed, left = minutes - self.began, self.budget - minutes
        if passed > 0 and step > self.first:
            speed = (step - self.first) / passed
            found["steps/s"] = float(f"{speed / 60:.3g}")
            left = min(left, (self.steps - step) / speed) if self.steps else left
        return found | ({"minutes left": round(max(left, 0.0), 1)} if left < float("inf") else {})
