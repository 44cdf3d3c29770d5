"""Training in several processes: two do what one does with the doubled batch, and go on when one of them was killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny_trainings
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.synthesis.windows import WindowSource
from abcscribe.training import processes, sft, sft_text
from abcscribe.training.mt3_batches import batches as mt3_batches
from abcscribe.training.processes import Processes
from abcscribe.training.tower_batches import Clips, Sources
from abcscribe.training.window_source import window_source

TESTS = Path(__file__).parents[1]
# Figures of a step, and the relative difference that is allowed: the mean of two processes' means weighs tokens by
# their process, and norms over a batch see half of it. The others do the same arithmetic.
SAME = {
    "language_model": (("loss",), 0.005), "tower": (("family", "sounding"), 0.02), "mt3": (("tokens", "pitches"), 0.01),
    "llark": (("loss",), 1e-3), "grpo": (("reward", "gradient", "kl"), 1e-3), "ppo": (("reward", "loss", "kl"), 1e-3),
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    tiny_trainings.write_data(folder)
    return folder


@pytest.fixture(scope="module")
def pair(data: Path) -> Path:
    """The folder of the runs of two processes, of which one was killed, whereupon both were started again.

    Not by torchrun's own --max-restarts: one time in three the processes do not find each other then (Gloo: connection
    refused, or they wait for ever).
    """
    killed = _together(data, TINY_KILLED="1")
    assert killed.returncode
    assert "exitcode: -9" in killed.stderr, killed.stderr[-4000:]
    done = _together(data)
    assert done.returncode == 0, done.stderr[-4000:]
    return data / "pair"


def _together(data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    paths = os.pathsep.join([str(TESTS), *sys.path])
    return subprocess.run(
        [*torchrun, "--monitor-interval", "0.1", str(TESTS / "tiny_trainings.py"), str(data), str(data / "pair")],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **variables},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", tiny_trainings.RUNS)
def test_two_processes_do_what_one_does_with_the_doubled_batch(data: Path, pair: Path, name: str) -> None:
    names, near = SAME[name]
    list(tiny_trainings.RUNS[name](data, data / "alone" / name, 2))
    alone, both = (_curve(folder / name / "log.jsonl", names) for folder in (data / "alone", pair))
    assert list(both) == list(alone)
    assert np.ptp(list(alone.values()), axis=0).any(), "something was learned"
    for step, figures in alone.items():
        assert both[step] == pytest.approx(figures, rel=near, abs=1e-6), step


def test_a_killed_run_goes_on_from_its_checkpoint(pair: Path) -> None:
    """No step is missing, and what was checkpointed is not done again."""
    entries = [json.loads(line) for line in (pair / "language_model" / "log.jsonl").read_text().splitlines()]
    steps = [entry["step"] for entry in entries if "loss" in entry]
    assert sorted(set(steps)) == list(range(1, tiny_trainings.STEPS + 1))
    assert steps.count(1) == 1
    assert len(steps) <= tiny_trainings.STEPS + 1  # the last one before the kill, if its checkpoint was being written


def _curve(path: Path, names: tuple[str, ...]) -> dict[int, list[float]]:
    """The figures of each step; of a step that was done again the second ones."""
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return {entry["step"]: [entry[name] for name in names] for entry in entries if names[0] in entry}


@pytest.mark.parametrize("world", [2, 3])
def test_parts_are_neighbours_that_make_the_whole(world: int) -> None:
    parts = [Processes(rank, world).share(range(10)) for rank in range(world)]
    assert [item for part in parts for item in part] == list(range(10))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_process_without_a_gradient_sends_zeros() -> None:
    used, unused, frozen = (torch.nn.Parameter(torch.ones(2)) for _ in range(3))
    frozen.requires_grad_(False)
    used.sum().backward()
    sent = Processes(0, 2).gradients([used, unused, frozen])
    assert [tensor.tolist() for tensor in sent] == [[1, 1], [0, 0]]


def test_a_device_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AbcscribeError, match="no device 'cuda:77'"):
        processes.opened("cuda:77")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert processes.opened("auto").type == "cpu"


# No datum is drawn twice: what two processes draw is what one draws for the doubled batch.


def _drawn_windows(source: WindowSource, members: Processes, size: int) -> list[bytes]:
    part = sft.Lesson(1.0, ((sft.Shape(40, 144, size), 1.0),), (("tune", 1.0),))
    return [row.tobytes() for row in sft.draw_batch([1, 0], source, part, members).ids.numpy()]


def test_windows_are_drawn_once(data: Path) -> None:
    source = window_source(data / "notes.npz")
    both = [row for rank in range(2) for row in _drawn_windows(source, Processes(rank, 2), 2)]
    assert both == _drawn_windows(source, processes.ALONE, 4)
    assert len(set(both)) == 4


@pytest.mark.parametrize("shards", [1, 4])
def test_clips_are_drawn_once(tmp_path: Path, shards: int) -> None:
    tiny_trainings.write_clips(tmp_path / "clips", clips=6)
    made = dict(np.load(tmp_path / "clips" / "train-00000.npz"))
    for shard in range(shards):
        made["frames"][:, 0, :2] = [(shard, clip) for clip in range(6)]  # the first frame says which clip it is
        np.savez(tmp_path / "clips" / f"train-{shard:05}.npz", **made)
    seen = []
    for rank in range(2):
        batches = iter(Clips(Sources(tmp_path / "clips"), 3, 1, Processes(rank, 2)))
        for _ in range(shards):  # a pass of both
            stored = next(batches).stored
            assert stored is not None
            seen += [tuple(clip[0, :2].tolist()) for clip in stored]
    assert sorted(seen) == [(shard, clip) for shard in range(shards) for clip in range(6)]


def test_segments_are_drawn_once(data: Path) -> None:
    system = tiny_trainings.mt3_system()

    def drawn(size: int, members: Processes) -> list[bytes]:
        batch = next(mt3_batches(data / "tones", system, size, 1, members))
        return [frames.numpy().tobytes() for frames in batch.frames]

    both = [row for rank in range(2) for row in drawn(2, Processes(rank, 2))]
    assert both == drawn(4, processes.ALONE)
    assert len(set(both)) == 4


def test_pairs_are_drawn_once() -> None:
    pairs = [sft_text.Pair(Path(), str(number), "") for number in range(6)]
    drawn = sft_text.draw(np.random.default_rng(0), pairs, 6, "chat")
    assert sorted(pair.answer for pair, _ in drawn) == list("012345")
    assert [*Processes(0, 2).share(drawn), *Processes(1, 2).share(drawn)] == drawn
