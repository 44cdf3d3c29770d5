"""Many recordings on a cluster of two nodes: what is killed, filled or restarted loses nothing and doubles nothing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import media
import pytest
import ray_workers
import tiny_sounds

from abcscribe import batch, bulk, cluster, hearing
from abcscribe.errors import EngineError
from abcscribe.evaluation import run as evaluation
from abcscribe.evaluation.suites import Clip
from abcscribe.hearing import EngineInfo
from abcscribe.score.abc_reader import read_abc
from abcscribe.stores import UnwritableError
from abcscribe.synthesis import render, sound_bank
from abcscribe.synthesis.configs import RenderConfig
from abcscribe.workers import Died

pytest.importorskip("ray", reason="Ray is not installed: pip install 'abcscribe[cluster]'")

TESTS = Path(__file__).parent
SETTINGS = batch.Settings(("abc", "json"), ray_workers.NAME)
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
# Of Ray: notice within seconds that a node is gone. One that is only slow has ten seconds for each answer.
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 4}
STORE_BYTES = 80 * 2**20  # of a node's memory for objects; Ray's least is 75 MiB


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two nodes with one core each, in processes of this machine."""
    told = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_worker_niceness": "0",  # the tests' machine has other things to do
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
        ray_workers.MARKS: str(tmp_path_factory.mktemp("marks")),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(name, value)
        made = _started()
        patch.setenv("RAY_ADDRESS", made.address)
        patch.setattr(cluster, "LOOK", 0.5)
        patch.setattr(bulk, "prepare", ray_workers.prepare)
        patch.setitem(hearing.ENGINES, ray_workers.NAME, EngineInfo("ray_workers", "sines, and orders"))
        try:
            with cluster.connected("ray"):
                yield made
        finally:
            made.shutdown()


def _started() -> Any:
    """The nodes. Ray waits thirty seconds for a node, and no longer: too short for a machine that is very busy."""
    from ray.cluster_utils import Cluster

    for _ in range(2):
        made = Cluster()
        try:
            made.add_node(
                num_cpus=1, object_store_memory=STORE_BYTES, _system_config=QUICK,
                # Processes that nobody here needs.
                include_dashboard=False, include_log_monitor=False, no_monitor=True,
            )  # fmt: skip
            made.add_node(num_cpus=1, object_store_memory=STORE_BYTES, include_log_monitor=False)
            return made
        except Exception as error:
            made.shutdown()
            reason = f"Ray's nodes do not start on this machine: {error}"
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def mark(nodes: Any) -> Path:
    """The file that says that a worker has died once: none has."""
    path = Path(os.environ[ray_workers.MARKS]) / "died"
    path.unlink(missing_ok=True)
    return path


def recordings(folder: Path, orders: dict[str, int]) -> Path:
    """A folder of short recordings, by name: with a pitch in them that the engine obeys, 0 for none."""
    for name, order in orders.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        media.write(folder / name, media.tone(2.0, pitches=(order or 59, *SCALE)))
    return folder


def entries(out: Path, state: str) -> dict[str, int]:
    """Name of each entry of the manifest and when it was written."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path.stat().st_mtime_ns
        for folder in out.glob(f"manifest/*/{state}")
        for path in folder.rglob("*.json")
    }


def scores(folder: Path) -> dict[str, bytes]:
    """All scores, by name; without what a worker left that was killed while it wrote (`score.target`)."""
    files = [path for path in folder.rglob("*") if path.is_file() and "manifest" not in path.parts]
    files = [path for path in files if path.suffix != ".part"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_worker_that_dies_is_replaced_and_its_item_tried_again_but_not_for_ever(nodes: Any, mark: Path) -> None:
    answers = dict(cluster.run_all(ray_workers.square, list(range(8)), "ray"))
    assert answers.pop(3) == Died(cluster.LOST)
    assert answers == {item: item * item for item in (0, 1, 2, 4, 5, 6, 7)}
    assert mark.exists()  # 4 was done at the second try


def test_all_nodes_work(nodes: Any) -> None:
    assert len({node for _, node in cluster.run_all(ray_workers.where, list(range(12)), "ray")}) == 2


def test_what_workers_lack_is_said_once(nodes: Any) -> None:
    with pytest.raises(EngineError, match=r"^The weights are not there\.$"):
        list(cluster.run_all(ray_workers.square, [1, 2], "ray", prepare=ray_workers.unprepared))


def test_the_scores_are_those_of_one_machine_and_poison_is_set_aside(nodes: Any, tmp_path: Path, mark: Path) -> None:
    orders = {f"{n}.wav": 0 for n in range(3)} | {"b/deep.flac": 0, "once.wav": ray_workers.DEADLY_ONCE}
    source = recordings(tmp_path / "in", orders)
    mark.touch()  # nobody need die here
    here = [batch.run(job) for job in batch.jobs([source], tmp_path / "here", SETTINGS)]
    mark.unlink()
    recordings(source, {"poison.wav": ray_workers.DEADLY})
    (source / "bad.wav").write_text("no sound")
    out = tmp_path / "out"
    work = bulk.plan(str(source), out.as_uri(), SETTINGS)  # as an object store would be named
    found = {entry.recording: entry for entry in bulk.run(work, "ray")}
    assert len(here) == 5
    assert scores(out) == scores(tmp_path / "here")
    assert set(entries(out, "done")) == {"0", "1", "2", "b/deep", "once"}
    assert set(entries(out, "failed")) == {"poison", "bad"}
    assert (
        found["bad.wav"].error == f"{source / 'bad.wav'} is not a sound or video file, or it is damaged beyond reading."
    )
    assert "3 workers died at it" in found["poison.wav"].error
    assert {name: entry.failure for name, entry in found.items() if entry.failure} == {
        "bad.wav": "AudioError", "poison.wav": "Died",
    }  # fmt: skip
    again = bulk.plan(str(source), str(out), SETTINGS)
    assert (again.todo, again.before) == ((), 7)
    assert not list(bulk.run(again, "ray"))


def test_a_node_that_is_lost_costs_no_recording(nodes: Any, tmp_path: Path) -> None:
    orders = {f"{n:02}.wav": ray_workers.SLOW for n in range(12)}
    source, out = recordings(tmp_path / "in", orders), tmp_path / "out"
    lost = nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    told = []
    for entry in bulk.run(bulk.plan(str(source), str(out), SETTINGS), "ray"):
        told.append(entry.recording)
        if len(told) == 4:
            nodes.remove_node(lost, allow_graceful=False)
    assert sorted(told) == sorted(orders)
    assert set(entries(out, "done")) == {Path(name).stem for name in orders}
    assert set(scores(out)) == {f"{Path(name).stem}.{suffix}" for name in orders for suffix in ("abc", "json")}


def test_a_driver_that_is_killed_goes_on_where_it_was(nodes: Any, tmp_path: Path) -> None:
    orders = {f"{n:02}.wav": ray_workers.SLOW for n in range(12)}
    source, out = recordings(tmp_path / "in", orders), tmp_path / "out"
    command = [sys.executable, str(TESTS / "ray_driver.py"), str(source), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as driver:
        assert driver.stdout
        told = (line for line in driver.stdout if line.rstrip().endswith(b".wav"))  # Ray speaks between them
        for _ in range(3):
            assert next(told)
        driver.send_signal(signal.SIGKILL)
    before: dict[str, int] = {}
    while before != (before := entries(out, "done")):  # until the workers have noticed, too
        time.sleep(1.0)
    assert 3 <= len(before) < len(orders)
    settings = batch.Settings(("abc",), ray_workers.NAME)
    work = bulk.plan(str(source), str(out), settings)
    assert work.before == len(before)
    done = [entry.recording for entry in bulk.run(work, "ray")]
    after = entries(out, "done")
    assert len(done) == len(orders) - len(before)
    assert set(after) == {Path(name).stem for name in orders}
    assert {name: after[name] for name in before} == before  # nothing was written again


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root may make a small disk")
def test_a_full_disk_ends_the_run_with_a_sentence_and_the_next_one_goes_on(nodes: Any, tmp_path: Path) -> None:
    source, out = recordings(tmp_path / "in", {f"{n}.wav": 0 for n in range(6)}), tmp_path / "out"
    out.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(out)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        with pytest.raises(UnwritableError, match=r"No space left on device\. .*goes on from there"):
            list(bulk.run(bulk.plan(str(source), str(out), SETTINGS), "ray"))
        whole = {
            name for name in entries(out, "done") if all((out / f"{name}.{s}").stat().st_size for s in ("abc", "json"))
        }
        assert whole == set(entries(out, "done"))
        assert len(whole) < 6
        assert not entries(out, "failed")
        subprocess.run(["mount", "-o", "remount,size=8m", str(out)], check=True)
        list(bulk.run(bulk.plan(str(source), str(out), SETTINGS), "ray"))
        assert len(entries(out, "done")) == 6
        assert len(scores(out)) == 12
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_evaluation_gives_the_rows_of_one_machine(nodes: Any, tmp_path: Path) -> None:
    tune = read_abc("X:1\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nCDEF|GABc|\n")[0]
    clips = [Clip(f"songs/{n}", tmp_path / "none.wav", "songs", "A", tune, ("metre", "key", "pitch")) for n in range(4)]
    local = evaluation.evaluate(clips, ["majority"], tmp_path / "local")
    there = evaluation.evaluate(clips, ["majority"], tmp_path / "there", on="ray")
    told = ("clip", "system", "sample", "error", "figures")
    assert sorted([row[key] for key in told] for row in there) == sorted([row[key] for key in told] for row in local)


def test_a_bank_of_sounds_is_that_of_one_machine(nodes: Any, tmp_path: Path) -> None:
    folder = tiny_sounds.write_libraries(tmp_path / "libraries")
    sound_bank.save(sound_bank.build_bank(folder), tmp_path / "local.npz")
    sound_bank.save(sound_bank.build_bank(folder, on="ray"), tmp_path / "there.npz")
    assert (tmp_path / "there.npz").read_bytes() == (tmp_path / "local.npz").read_bytes()


def test_rendering_counts_its_shards_on_a_cluster(nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With shards that are there already: what a shard holds is a function of the config alone."""
    monkeypatch.setattr(render, "_write_manifest", lambda config: None)
    config = RenderConfig(out=tmp_path, shards=3, valid_shards=1, on="ray")
    for name in ("train-00000", "train-00001", "train-00002", "valid-00000"):
        (tmp_path / f"{name}.npz").touch()
    assert list(render.render(config)) == [(n, 4) for n in (1, 2, 3, 4)]
