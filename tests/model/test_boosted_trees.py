"""Trees by hand: what is asked at a node, and what the leaves add up to."""

from pathlib import Path

import numpy as np
import pytest

from abcscribe.model import boosted_trees


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Class 0: 1 if number 1 is at most 0.5, else 2 if number 0 is at most 3, else 4. Class 1: always 8, and 16 more
    if number 0 is above 3."""
    out = tmp_path / "trees.npz"
    np.savez(
        out,
        feature=np.array([1, 0, 0, 0, 0, 0, 0, 0, 0], np.int16),
        threshold=np.array([0.5, 0, 3, 0, 0, 0, 3, 0, 0], np.float32),
        left=np.array([1, 1, 3, 3, 4, 5, 7, 7, 8], np.uint16),
        right=np.array([2, 1, 4, 3, 4, 5, 8, 7, 8], np.uint16),
        value=np.array([0, 1, 0, 2, 4, 8, 0, 0, 16], np.float32),
        root=np.array([0, 5, 6], np.uint16),
        **{"class": np.array([0, 1, 1], np.int8)},  # type: ignore[arg-type]
    )
    return out


@pytest.mark.parametrize(
    ("numbers", "scores"), [((9, 0.5), (1, 24)), ((3, 0.6), (2, 8)), ((3.1, 0.6), (4, 24)), ((-1, 0), (1, 8))]
)
def test_the_leaves_add_up(weights: Path, numbers: tuple[float, float], scores: tuple[float, float]):
    assert boosted_trees.answer(weights, np.array(numbers, np.float32)) == pytest.approx(scores)


def test_two_files_are_averaged(weights: Path, tmp_path: Path):
    """The new one says 3 for class 1 if number 2 is at most 1, else 7."""
    new = {
        "feature": np.array([2, 0, 0], np.int16), "threshold": np.array([1, 0, 0], np.float32),
        "left": np.array([1, 1, 2], np.uint32), "right": np.array([2, 1, 2], np.uint32),
        "value": np.array([0, 3, 7], np.float32), "root": np.array([0], np.uint32), "class": np.array([1], np.int8),
    }  # fmt: skip
    both = tmp_path / "both.npz"
    np.savez(both, **boosted_trees.averaged(dict(np.load(weights)), new, 0.75))  # type: ignore[arg-type]
    answer = boosted_trees.answer(both, np.array([3, 0.6, 2], np.float32))
    assert answer == pytest.approx([0.75 * 2, 0.75 * 8 + 0.25 * 7])
    assert boosted_trees.answer(both, np.array([9, 0.5, 1], np.float32)) == pytest.approx([0.75, 0.75 * 24 + 0.25 * 3])
