"""Weights that are not what was written are refused before they make odd music."""

from pathlib import Path

import pytest

from abcscribe.errors import EngineError
from abcscribe.model import SHIPPED as WEIGHTS
from abcscribe.model.checksums import SUMMED, SUMS, read_checked, write_sums
from abcscribe.model.onnx_session import open_session

SMALLEST = "language_model_notes.onnx"


def test_the_package_has_the_weights_whose_sums_it_names() -> None:
    listed = {line.split()[1] for line in (WEIGHTS / SUMS).read_text().splitlines()}
    assert listed == {path.name for path in WEIGHTS.glob(SUMMED)}
    for name in listed:
        read_checked(WEIGHTS / name)  # after new weights: abcscribe.model.checksums.write_sums(WEIGHTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / SMALLEST).write_bytes((WEIGHTS / SMALLEST).read_bytes())
    return tmp_path


def test_one_wrong_bit_is_found(folder: Path) -> None:
    write_sums(folder)
    open_session(folder / SMALLEST)
    content = bytearray((folder / SMALLEST).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / SMALLEST).write_bytes(content)
    with pytest.raises(EngineError, match="damaged"):
        open_session(folder / SMALLEST)


def test_a_file_that_is_cut_off_or_missing_is_one_sentence(folder: Path) -> None:
    (folder / SMALLEST).write_bytes((folder / SMALLEST).read_bytes()[:1000])
    with pytest.raises(EngineError, match=r"cannot be run: [^\n]+\.$"):
        open_session(folder / SMALLEST)
    with pytest.raises(EngineError, match="No such file"):
        open_session(folder / "none.onnx")
