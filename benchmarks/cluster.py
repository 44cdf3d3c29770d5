"""How transcribing on Ray scales with workers of one machine, and whether scores are those of one process.

    python benchmarks/cluster.py FOLDER [--workers 1,2]

A busy machine gives each worker a share of a core, so the workers' processor time stands beside the clock, and the load
average before each run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from abcscribe import batch, bulk, systems

SETTINGS = batch.Settings(("abc", "json"), systems.DEFAULT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", default="1,2")
    options = parser.parse_args()
    print("workers | recordings | seconds | from the first score on | x real time | processor s | load average")
    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for workers in map(int, options.workers.split(",")):
            made[workers] = _run(options.folder, Path(folder) / str(workers), workers)
        began = time.process_time()
        alone = Path(folder) / "alone"
        for job in batch.jobs([options.folder], alone, SETTINGS):
            batch.run(job)
        print(f"one process without Ray: {time.process_time() - began:.1f} s of processor")
        same = [_scores(out) == _scores(alone) for out in made.values()]
        print(f"scores equal to those of one process, byte by byte: {same}, {len(_scores(alone))} files")


def _run(source: Path, out: Path, workers: int) -> Path:
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    import ray

    load = os.getloadavg()[0]
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    spent: dict[str, float] = {}
    began, told, sound = time.monotonic(), [], 0.0
    for entry in bulk.run(bulk.plan(str(source), str(out), SETTINGS), "ray"):
        told.append(time.monotonic() - began)
        sound += entry.sound
        spent |= _processor_seconds()
    ray.shutdown()
    steady = (len(told) - 1) / max(told[-1] - told[0], 1e-9) * 60
    print(
        f"{workers} | {len(told)} | {told[-1]:.1f} | {steady:.1f} a minute | {sound / told[-1]:.1f} | "
        f"{sum(spent.values()):.1f} | {load:.1f}"
    )
    return out


def _processor_seconds() -> dict[str, float]:
    """Of each worker that lives, by process."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            name = (entry / "cmdline").read_text() if entry.name.isdigit() else ""
            if name.startswith("ray::_Worker"):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                found[entry.name] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
        except OSError:  # it has just ended
            continue
    return found


def _scores(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and "manifest" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


if __name__ == "__main__":
    main()
