"""Fit the small networks that `abcscribe.model.perceptron` runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.model import weight_files
from abcscribe.model.perceptron import BOUND
from abcscribe.training.pace import Entry, Pace

DROPOUT = 0.1  # of the first hidden layer
LOG_STEPS = 500

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Fitted(nn.Module):
    """A perceptron with ReLU over standardised features."""

    def __init__(self, rows: np.ndarray, hidden: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.mean, self.scale = rows.mean(axis=0), rows.std(axis=0) + 0.02
        sizes = (rows.shape[1], *hidden, outputs)
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairwise(sizes)])

    def scaled(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.clip((rows - self.mean) / self.scale, -BOUND, BOUND)).float()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *between, last = self.layers
        x = nn.functional.dropout(torch.relu(first(x)), DROPOUT, training=self.training)
        for layer in between:
            x = torch.relu(layer(x))
        logits: torch.Tensor = last(x)
        return logits

    def save(self, path: Path) -> None:
        """Weights as float16, by the names that `abcscribe.model.perceptron` reads."""
        weights = {name: value.detach().numpy() for name, value in self.layers.state_dict().items()}
        columns = {**weights, "mean": self.mean, "scale": self.scale}
        weight_files.save(path, {name: value.astype(np.float16) for name, value in columns.items()})


def fit(
    model: Fitted,
    rows: np.ndarray,
    labels: torch.Tensor,
    loss: Loss,
    steps: int,
    *,
    batch: int,
    rate: float,
    noise: float,
) -> Iterator[Entry]:
    """Fit with AdamW and cosine decay of the learning rate.

    Args:
        model: the network.
        rows: (n, ..., features).
        labels: (n, ...).
        loss: of logits and labels.
        steps: of the optimiser.
        batch: examples a step.
        rate: peak learning rate.
        noise: standard deviation of Gaussian noise on the scaled features.

    Yields:
        Log entries.
    """
    x = model.scaled(rows)
    optimiser = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    pace, began, losses = Pace(0, 0.0, LOG_STEPS, steps=steps), time.monotonic(), []
    for step in range(1, steps + 1):
        chosen = torch.randint(0, len(labels), (batch,))
        seen = x[chosen] + noise * torch.randn(batch, *x.shape[1:])
        off = loss(model(seen), labels[chosen])
        optimiser.zero_grad()
        off.backward()
        optimiser.step()
        schedule.step()
        losses.append(float(off.detach()))
        minutes = (time.monotonic() - began) / 60
        if pace.due(step, minutes) or step == steps:
            yield pace.figures(step, minutes) | {"loss": round(float(np.mean(losses)), 4)}
            losses = []
    model.eval()
