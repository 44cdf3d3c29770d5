"""A small network that guesses, for every onset, its place in which metre's bar and the tempo around it.

It hears what `features` notices (harmony changes, accents, leaps, long notes, repeated basses) over some seventy
onsets, and leaves it to the search in `beats` to make one consistent reading of its guesses. Dilated convolutions
with residual connections; trained on performed public-domain scores by ``benchmarks/learn_network.py``, run here with
numpy.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

DILATIONS = (1, 2, 4, 8, 16, 32)  # of the blocks, in onsets


def guess(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, features) -> log probabilities (n, places of all METRES in order) and (n, tempos of beats.BPM)."""
    w = _weights()
    hidden = ((features - w["mean"]) / w["scale"]) @ w["i.weight"].T + w["i.bias"]
    for index, dilation in enumerate(DILATIONS):
        hidden = _block(hidden, f"b.{index}", dilation)
    hidden = _normalised(hidden, "n")
    return tuple(_log_softmax(hidden @ w[f"{head}.weight"].T + w[f"{head}.bias"]) for head in "pt")  # type: ignore[return-value]


def _block(hidden: np.ndarray, name: str, dilation: int) -> np.ndarray:
    w, x = _weights(), _normalised(hidden, f"{name}.n")
    n = len(x)
    padded = np.pad(x, ((dilation, dilation), (0, 0)))
    around = np.hstack([padded[:n], x, padded[2 * dilation :]])
    y = around @ w[f"{name}.c.weight"].T + w[f"{name}.c.bias"] + x.mean(axis=0) @ w[f"{name}.g.weight"].T
    y += w[f"{name}.g.bias"]
    return hidden + np.maximum(y, 0) @ w[f"{name}.o.weight"].T + w[f"{name}.o.bias"]


def _normalised(x: np.ndarray, name: str) -> np.ndarray:
    w = _weights()
    x = x - x.mean(axis=1, keepdims=True)
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _log_softmax(x: np.ndarray) -> np.ndarray:
    x = x - x.max(axis=1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


@cache
def _weights() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name("network.npz")) as file:
        return {name: file[name].astype(np.float32) for name in file}
