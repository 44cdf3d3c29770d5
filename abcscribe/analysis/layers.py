"""Layers of the small networks, run with numpy. Weights are found by the name of the layer in a mapping of arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Weights = Mapping[str, np.ndarray]


def linear(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """(..., m) from (..., n)."""
    y: np.ndarray = x @ w[f"{name}.weight"].T + w[f"{name}.bias"]
    return y


def normalised(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """(n, width) with mean 0 and variance 1 in each row, then scaled and shifted (layer norm)."""
    x = x - x.mean(axis=1, keepdims=True)
    y: np.ndarray = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]
    return y


def convolution(hidden: np.ndarray, w: Weights, name: str, dilation: int) -> np.ndarray:
    """(n, width) plus what a dilated convolution of width three finds, with the mean of all rows as context."""
    x = normalised(hidden, w, f"{name}.n")
    n = len(x)
    padded = np.pad(x, ((dilation, dilation), (0, 0)))
    around = np.hstack([padded[:n], x, padded[2 * dilation :]])
    y = linear(around, w, f"{name}.c") + linear(x.mean(axis=0), w, f"{name}.g")
    return hidden + linear(np.maximum(y, 0), w, f"{name}.o")


def softmax(x: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    x = np.exp(x - x.max(axis=-1, keepdims=True))
    y: np.ndarray = x / x.sum(axis=-1, keepdims=True)
    return y


def log_softmax(x: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    x = x - x.max(axis=-1, keepdims=True)
    y: np.ndarray = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return y
