"""The ``.npz`` files of the small networks, trees and tables. Each contains the metres that it was fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from abcscribe.errors import EngineError
from abcscribe.files import save_arrays

METRES = "metres"  # name of the array of the metres that a file was fitted to
REFIT = "abcscribe train chain --from metres --run"


@cache
def load(path: Path, metres: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """The arrays of a file, numbers as float32 and int.

    Args:
        path: of the file.
        metres: that the analysis looks for (`abcscribe.score.grid.METRE_NAMES`); () where the file is independent of
            them.

    Raises:
        EngineError: the file is missing, or was fitted to other metres.
    """
    arrays = read(path)
    fitted = tuple(arrays.pop(METRES, np.array([])).tolist())
    if metres and fitted != metres:
        raise EngineError(
            f"{path} was fitted to the metres {' '.join(fitted) or '(none named)'}, and this version looks for "
            f"{' '.join(metres)}: fit it again with {REFIT}"
        )
    kinds = {"f": np.float32, "i": int, "u": int}
    return {name: array.astype(kinds[array.dtype.kind]) for name, array in arrays.items()}


def read(path: Path) -> dict[str, np.ndarray]:
    """All arrays as they are stored. Raises EngineError."""
    if not path.is_file():
        raise EngineError(f"The weights {path} are missing: install abcscribe again, or fit them.")
    with np.load(path) as file:
        return dict(file)


def save(path: Path, arrays: Mapping[str, np.ndarray], metres: Sequence[str] = ()) -> None:
    """Write a file that `load` reads; it appears once it is complete."""
    save_arrays(path, {**arrays, **({METRES: np.array(metres)} if metres else {})})
    load.cache_clear()
