"""Kills the program at random moments in a folder with old scores, and looks at what is left.

    python tests/fuzz/kills.py --kills 25

Every score must be the old one or a whole new one, and no process may live on.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "greensleeves.m4a"
SIGNALS = ("SIGKILL", "SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
FORMATS = {".abc": b"|]\n", ".musicxml": b"</score-partwise>\n", ".mid": b"\xff\x2f\x00", ".pdf": b"%%EOF"}
OLD = b"the corrections of an hour"
GONE_AFTER = 5.0  # seconds in which every process must have ended
RECORDINGS = 3


def kill_once(folder: Path, name: str, after: float, jobs: int) -> list[str]:
    """What was wrong after one kill: broken scores, and processes that live on."""
    takes, out = folder / "takes", folder / "out"
    takes.mkdir(exist_ok=True)
    out.mkdir(exist_ok=True)
    for number in range(RECORDINGS):
        (takes / f"take{number}.m4a").write_bytes(EXAMPLE.read_bytes())
        for suffix in FORMATS:
            (out / f"take{number}{suffix}").write_bytes(OLD)
    command = [sys.executable, "-m", "abcscribe", "transcribe", takes, "-o", out, "--jobs", str(jobs), "--end", "8"]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.send_signal(getattr(signal, name))
    process.wait(60)
    return [*_broken(out), *_orphans(process.pid)]


def _broken(out: Path) -> list[str]:
    found = []
    for path in out.iterdir():
        content = path.read_bytes()
        if path.suffix not in FORMATS:
            found.append(f"{path.name} is left")
        elif content != OLD and FORMATS[path.suffix] not in content[-40:]:
            found.append(f"{path.name} is broken: {content[-40:]!r}")
    return found


def _orphans(session: int) -> list[str]:
    until = time.monotonic() + GONE_AFTER
    while alive := members(session):
        if time.monotonic() > until:
            for process in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            return [f"process {process} lives on" for process in alive]
        time.sleep(0.05)
    return []


def members(session: int) -> list[int]:
    """Processes of a session that are not dead (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if fields[3] == str(session) and fields[0] not in "ZX":
                    found.append(int(entry.name))
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kills", type=int, default=25)
    options.add_argument("--latest", type=float, default=12.0, help="seconds after the start")
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args()
    rng, bad, how = random.Random(chosen.seed), 0, Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(chosen.kills):
            name, after, jobs = rng.choice(SIGNALS), rng.uniform(0.2, chosen.latest), rng.choice((1, 2))
            wrong = kill_once(Path(folder), name, after, jobs)
            how[name] += 1
            bad += bool(wrong)
            if wrong:
                print(f"{name} after {after:.1f} s with {jobs} jobs: {'; '.join(wrong)}", flush=True)
    kinds = ", ".join(f"{number} {name}" for name, number in how.items())
    print(f"{chosen.kills} kills ({kinds}): {bad} with a broken score or an orphan")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
