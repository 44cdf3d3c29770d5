"""A small network of fully connected layers over a row of numbers, kept beside the module that reads it.

Fitted by ``benchmarks/perceptron_fit.py``, run here with numpy.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

BOUND = 5.0  # standard deviations beyond which a number says no more


def answer(weights: Path, numbers: np.ndarray) -> np.ndarray:
    """(..., N) numbers -> (..., outputs) logits of the network in an ``.npz`` file: a mean and a scale for each number,
    and ``0.weight``, ``0.bias``, ``1.weight``, ... of the layers."""
    w = _loaded(weights)
    hidden = np.clip((numbers - w["mean"]) / w["scale"], -BOUND, BOUND)
    last = len(w) // 2 - 2
    for layer in range(last):
        hidden = np.maximum(hidden @ w[f"{layer}.weight"].T + w[f"{layer}.bias"], 0)
    return hidden @ w[f"{last}.weight"].T + w[f"{last}.bias"]


@cache
def _loaded(weights: Path) -> dict[str, np.ndarray]:
    with np.load(weights) as file:
        return {name: file[name].astype(np.float32) for name in file}
