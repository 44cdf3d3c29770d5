"""Decision trees whose answers add up, kept beside the module that asks them.

Grown by LightGBM (`abcscribe.training.small.trees_fit`), run here with numpy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.model import weight_files


def answer(weights: Path, numbers: np.ndarray, metres: tuple[str, ...] = ()) -> np.ndarray:
    """(N,) numbers -> (classes,) scores of the trees in an ``.npz`` file: of each node ``feature``, ``threshold``,
    ``left`` (the node to go to up to the threshold; its own at a leaf), ``right`` and ``value``; ``root`` and ``class``
    of each tree. ``metres``: those that the trees must have been fitted to. Raises EngineError."""
    trees = weight_files.load(weights, metres)
    node = trees["root"]
    while True:
        below = numbers[trees["feature"][node]] <= trees["threshold"][node]
        following = np.where(below, trees["left"][node], trees["right"][node])
        if np.array_equal(following, node):
            return np.bincount(trees["class"], trees["value"][node])
        node = following


def averaged(old: dict[str, np.ndarray], new: dict[str, np.ndarray], share: float) -> dict[str, np.ndarray]:
    """The arrays of two files as those of one, which answers ``share`` of what the old one does and the rest of what
    the new one does."""
    behind = len(old["value"])
    moved = {name: new[name] + np.uint32(behind) for name in ("left", "right", "root")}
    old = old | {"value": old["value"] * share}
    new = new | moved | {"value": new["value"] * (1 - share)}
    return {name: np.concatenate([old[name], new[name]]).astype(old[name].dtype) for name in new}
