"""Inference of gradient-boosted decision trees.

Grown by LightGBM (`abcscribe.training.small.trees_fit`), run here with numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.model import weight_files


def answer(weights: Path, numbers: np.ndarray, metres: tuple[str, ...] = ()) -> np.ndarray:
    """Sum the leaf values of boosted trees for one row of features.

    Args:
        weights: an ``.npz`` file: of each node ``feature``, ``threshold``, ``left`` (the next node up to the threshold;
            the node itself at a leaf), ``right`` and ``value``; ``root`` and ``class`` of each tree.
        numbers: (N,) features.
        metres: those that the trees must have been fitted to.

    Returns:
        (classes,) raw scores (logits, before a softmax).

    Raises:
        EngineError: the file is missing, or was fitted to other metres.
    """
    trees = weight_files.load(weights, metres)
    node = trees["root"]
    while True:
        below = numbers[trees["feature"][node]] <= trees["threshold"][node]
        following = np.where(below, trees["left"][node], trees["right"][node])
        if np.array_equal(following, node):
            return np.bincount(trees["class"], trees["value"][node])
        node = following


def answers(weights: Path, rows: np.ndarray) -> np.ndarray:
    """(n, N) numbers -> (n, classes) scores, as `answer` gives them for each row."""
    trees = weight_files.load(weights, ())
    node = np.tile(trees["root"], (len(rows), 1))
    own = np.arange(len(rows))[:, None]
    while True:
        below = rows[own, trees["feature"][node]] <= trees["threshold"][node]
        following = np.where(below, trees["left"][node], trees["right"][node])
        if np.array_equal(following, node):
            classes = np.eye(int(trees["class"].max()) + 1)[trees["class"]]
            return np.asarray(trees["value"][node] @ classes)
        node = following


def averaged(old: dict[str, np.ndarray], new: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """The arrays of two files as those of one whose scores are their mean, weighted ``share`` and ``1 - share``."""
    behind = len(old["value"])
    moved = {name: new[name] + np.uint32(behind) for name in ("left", "right", "root")}
    old = old | {"value": old["value"] * share}
    new = new | moved | {"value": new["value"] * (1 - share)}
    return {name: np.concatenate([old[name], new[name]]).astype(old[name].dtype) for name in new}
