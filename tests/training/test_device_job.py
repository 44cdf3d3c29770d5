"""What runs on a borrowed device, here on a processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from abcscribe.errors import AbcscribeError
from abcscribe.training import device_job, rl, sft
from abcscribe.training.tower_table import _matched, _peaks, area_under_curve

ROOT = Path(__file__).parents[2]
# What a CUDA image of torch does not have; the job must not need it.
ABSENT = "av,typer,rich,soundfile,scipy,onnx,onnxruntime,lytk,typst,verovio,music21,mir_eval,rapidfuzz,fluidsynth"


def test_the_smoke_run_leaves_weights_a_log_and_a_table(tmp_path):
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    script = ROOT / "runs" / "device" / "smoke.sh"
    done = subprocess.run(
        [str(script), str(tmp_path), "8"], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    table = json.loads((tmp_path / "heldout.json").read_text())
    assert set(table) == {"start", "trained"}
    assert 0 <= table["trained"]["onset F1"] <= 1
    entry = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert entry["step"] >= 1
    weights = load_file(tmp_path / "tower.safetensors")
    assert weights["stem.0.weight"].dtype == torch.float16
    assert (tmp_path / "tower.safetensors").stat().st_size < device_job.LARGEST_WEIGHTS


@pytest.mark.parametrize(
    ("modules", "wheels"),
    [("device_job, tower, tower_table", ()), ("sft", ()), ("rl", ("scipy", "rapidfuzz"))],
    ids=["tower", "language model", "rl"],
)
def test_the_jobs_need_only_torch_numpy_and_their_wheels(modules, wheels):
    absent = [name for name in ABSENT.split(",") if name not in wheels]
    code = (
        f"import sys\nfor name in {absent!r}: sys.modules[name] = None\n"
        f"from abcscribe.training import {modules}\n"
        "from abcscribe.model import tower_files\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_archive_that_is_too_large_is_refused_and_not_left(tmp_path, monkeypatch):
    monkeypatch.setattr(device_job, "LARGEST", 1000)
    notes, weights = tmp_path / "notes.npz", tmp_path / "weights"
    weights.mkdir()
    notes.write_bytes(np.random.default_rng(0).bytes(5000))
    for name in device_job.STARTS["rl"]:
        (weights / name).write_bytes(b"x")
    with pytest.raises(AbcscribeError, match="MB"):
        device_job.pack("rl", tmp_path / "rl.tar.xz", notes, None, weights, ())
    assert not list(tmp_path.glob("rl.tar.xz*"))
    with pytest.raises(AbcscribeError, match="needs --sounds"):
        device_job.pack("tower", tmp_path / "tower.tar.xz", notes, None, weights, ())


def test_peaks_pair_up_once_and_near():
    probability = torch.zeros(40, 3)
    probability[[5, 20, 30], [1, 1, 2]] = torch.tensor([0.9, 0.8, 0.7])
    probability[21, 1] = 0.6  # not a peak of its own
    found = _peaks(probability)
    assert found.tolist() == [[5, 1], [20, 1], [30, 2]]
    true = np.array([(7, 1), (26, 1), (30, 0)])
    counts = _matched("x", true, found)
    assert (counts["x true"], counts["x found"], counts["x right"]) == (3, 3, 1)
    twice = np.array([(5, 1), (7, 1)])
    assert _matched("x", twice, np.array([(6, 1)]))["x right"] == 1


def test_the_area_under_the_curve_is_the_share_of_pairs_in_order():
    rng = np.random.default_rng(0)
    positive, negative = np.round(rng.normal(1, 1, 50), 1), np.round(rng.normal(0, 1, 70), 1)
    pairs = positive[:, None] - negative
    expected = ((pairs > 0) + 0.5 * (pairs == 0)).mean()
    assert area_under_curve(positive, negative) == pytest.approx(expected)
    assert area_under_curve(np.array([1.0]), np.array([0.0])) == 1


@pytest.mark.parametrize("job", ["language_model", "rl"])
def test_a_job_on_notes_starts_from_the_weights_and_leaves_new_ones_and_a_table(job, tmp_path, monkeypatch):
    def learn(config):
        assert load_file(config.start / "model.safetensors")["w"][0] == 1
        assert (config.start / "config.json").read_text() == "{}"
        assert config.minutes == pytest.approx(0.5)
        assert config.device == "cpu"
        config.out.mkdir(parents=True)
        save_file({"w": torch.full((2,), 2.0)}, config.out / "model.safetensors")
        yield {"step": 1, "loss": 0.5}
        yield {"step": 2, "valid": {"tune loss": 1.0}}

    monkeypatch.setattr({"language_model": sft, "rl": rl}[job], "main", learn)
    weights = tmp_path / "data" / "weights"
    weights.mkdir(parents=True)
    save_file({"w": torch.ones(2)}, weights / "language_model.safetensors")
    (weights / "language_model.json").write_text("{}")
    out = tmp_path / "out"
    device_job.main(
        ["run", job, "--data", str(weights.parent), "--out", str(out), "--seconds", "60", "--device", "cpu"]
    )
    assert load_file(out / "language_model.safetensors")["w"].tolist() == [2, 2]
    assert load_file(out / "language_model.safetensors")["w"].dtype == torch.float16
    assert json.loads((out / "heldout.json").read_text()) == [
        {"step": 2, "valid": {"tune loss": 1.0}, "seconds": pytest.approx(0, abs=60)}
    ]
    assert len((out / "log.jsonl").read_text().splitlines()) == 2


def test_weights_too_large_to_travel_back_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(device_job, "LARGEST_WEIGHTS", 10)
    (tmp_path / "tower.safetensors").write_bytes(b"x" * 11)
    with pytest.raises(AbcscribeError, match="larger than"):
        device_job._check_sizes(tmp_path)
