"""A small network of fully connected layers over a row of numbers, kept beside the module that reads it.

Fitted by `abcscribe.training.small.perceptron_fit`, run here with numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.model import weight_files

BOUND = 5.0  # standard deviations beyond which a number says no more


def answer(weights: Path, numbers: np.ndarray) -> np.ndarray:
    """(..., N) numbers -> (..., outputs) logits of the network in an ``.npz`` file: a mean and a scale for each number,
    and ``0.weight``, ``0.bias``, ``1.weight``, ... of the layers."""
    w = weight_files.load(weights)
    hidden = np.clip((numbers - w["mean"]) / w["scale"], -BOUND, BOUND)
    last = len(w) // 2 - 2
    for layer in range(last):
        hidden = np.maximum(hidden @ w[f"{layer}.weight"].T + w[f"{layer}.bias"], 0)
    logits: np.ndarray = hidden @ w[f"{last}.weight"].T + w[f"{last}.bias"]
    return logits
