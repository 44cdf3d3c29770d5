import json
from pathlib import Path

import pytest

from abcscribe.errors import AbcscribeError
from abcscribe.training.report import curves, report


def write_run(folder: Path) -> Path:
    folder.mkdir()
    entries = [
        {"step": 1, "minutes": 0.5, "loss": 3.0},
        {"step": 2, "minutes": 1.0, "loss": 9.0},
        {"step": 2, "minutes": 1.0, "loss": 2.0},  # logged again after a resumption
        {"step": 2, "minutes": 1.0, "valid": {"reward": 0.5, "key": float("nan")}},
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    shown = {
        "step": 2,
        "split": "train",
        "kind": "line",
        "reference": "K:C\nC<D",
        "answers": [{"reward": 0.25, "answer": None}],
    }
    (folder / "samples.jsonl").write_text(json.dumps(shown) + "\n")
    return folder


def test_curves_of_a_log(tmp_path: Path) -> None:
    found = curves(write_run(tmp_path / "run"))
    assert found.keys() == {"loss", "valid/reward"}
    assert [list(axis) for axis in found["loss"]] == [[0.5, 1.0], [3.0, 2.0]]


def test_a_report_shows_all_runs_and_their_samples(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    runs = [write_run(tmp_path / "first"), write_run(tmp_path / "second")]
    (runs[1] / "samples.jsonl").unlink()  # as supervised runs have none
    page = report(runs, tmp_path / "out").read_text()
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "first, second" in page
    assert "C&lt;D" in page
    assert "(no score)" in page
    assert "<th>reward<td>second<td>0.500" in page


def test_a_folder_without_a_log_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(AbcscribeError, match=r"log\.jsonl"):
        report([tmp_path], tmp_path)
