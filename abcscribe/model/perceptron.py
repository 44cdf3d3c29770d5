"""Inference of small multilayer perceptrons.

Fitted by `abcscribe.training.small.perceptron_fit`, run here with numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.model import weight_files

BOUND = 5.0  # standard deviations at which features are clipped


def answer(weights: Path, numbers: np.ndarray) -> np.ndarray:
    """Logits of a perceptron with ReLU.

    Args:
        weights: an ``.npz`` file: ``mean`` and ``scale`` of each feature, and ``0.weight``, ``0.bias``, ``1.weight``,
            ... of the layers.
        numbers: (..., N) features.

    Returns:
        (..., outputs) logits.
    """
    w = weight_files.load(weights)
    hidden = np.clip((numbers - w["mean"]) / w["scale"], -BOUND, BOUND)
    last = len(w) // 2 - 2
    for layer in range(last):
        hidden = np.maximum(hidden @ w[f"{layer}.weight"].T + w[f"{layer}.bias"], 0)
    logits: np.ndarray = hidden @ w[f"{last}.weight"].T + w[f"{last}.bias"]
    return logits
