"""Tries damaged files one after the other and answers what each of them cost: a process that ``harness`` may kill.

It is a process of its own and no fork, for libraries that engrave start threads, and of a fork only one thread is left:
the first thing that the others hold is waited for for ever.

    python tests/fuzz/trial.py      # then lines such as "abc 31" on stdin; a line of JSON for each on stdout

A step beyond SECONDS of the processor ends the process with the place at which it was; a file that waits ends with the
patience of the harness.
"""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mutants
import tone_engine

from abcscribe import batch, hearing
from abcscribe.errors import AbcscribeError
from abcscribe.score.readers import read_leniently
from abcscribe.score.writers import WRITERS, render

SECONDS = 10  # of the processor, to read a file, and to write it in one format
MOST_BYTES = 3 << 30  # of data: a process that wants more gets none, for the machine's sake
SWOLLEN = 200.0  # megabytes beyond the first file, after which a new process takes over
ENGRAVED = (
    "svg",
    "pdf",
    "png",
    "tab-pdf",
    "tab-only",
    "pdf-parts",
    "mei",
)  # slow ones: for every fourth file one of them


@lru_cache
def seeds(kind: str) -> list[bytes]:
    return mutants.seeds(kind)


class Trial:
    """Reads and writes mutants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.slowest = 0.0  # step of the last mutant, seconds of the processor
        suffix, content = mutants.named("abc", seeds("abc")[0])
        for number in range(0, 4 * len(ENGRAVED), 4):  # what libraries load once is nobody's cost
            assert self._tried("abc", number, suffix, content)[0] == "read"
        self.resident = _status("VmRSS")

    def answer(self, kind: str, number: int) -> dict[str, object]:
        """What came of a mutant."""
        mutant = mutants.mutant(kind, number, seeds(kind))
        _forget_peak()
        self.slowest = 0.0
        try:
            outcome, *causes = self._tried(kind, number, *mutant)
        except BaseException as error:
            outcome, causes = f"raised {type(error).__name__}: {' '.join(str(error).split())[:100]}", []
        grown = _status("VmHWM") - self.resident
        return {"outcome": outcome, "causes": causes, "seconds": self.slowest, "megabytes": grown}

    @property
    def swollen(self) -> bool:
        return _status("VmRSS") - self.resident > SWOLLEN

    def _tried(self, kind: str, number: int, suffix: str, content: bytes) -> list[str]:
        """The outcome, then causes that no one foresaw."""
        path = self.folder / f"mutant{suffix}"
        path.write_bytes(content)
        if kind == "audio":
            with self._step():
                return _heard(path)
        try:
            with self._step():
                score, _ = read_leniently(path)
        except AbcscribeError as error:
            return ["refused", *_cause("read", error)]
        causes = []
        engraved = "" if number % 4 else ENGRAVED[number // 4 % len(ENGRAVED)]
        for name in WRITERS:
            if name in ENGRAVED and name != engraved:
                continue
            try:
                with self._step():
                    render(score, name)
            except AbcscribeError as error:
                causes += _cause(name, error)
        return ["read", *causes]

    @contextmanager
    def _step(self) -> Iterator[None]:
        began = time.process_time()
        resource.setrlimit(resource.RLIMIT_CPU, (int(began) + SECONDS + 2, resource.RLIM_INFINITY))
        try:
            yield
        finally:
            self.slowest = max(self.slowest, time.process_time() - began)


def _cause(where: str, error: AbcscribeError) -> list[str]:
    """The exception that an AbcscribeError hides, unless a reader raised it in so many words."""
    cause = error.__cause__
    if cause is None or isinstance(cause, AbcscribeError | OSError) or type(cause).__name__ not in str(error):
        return []
    return [f"{where}: {type(cause).__name__} {' '.join(str(cause).split())[:60]}"]


def _heard(path: Path) -> list[str]:
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    outcome = batch.run(batch.Job(path, path.with_suffix(""), batch.Settings(("abc",), tone_engine.NAME)))
    if "abcscribe failed" in outcome.error:
        return [f"failed: {outcome.error.rpartition('abcscribe failed')[2]}"]
    return ["refused" if outcome.error else "read"]


def _status(field: str) -> float:
    """A field of this process in megabytes (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def _forget_peak() -> None:
    """Let VmHWM, the most memory so far, begin again (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is looked at
    faulthandler.enable()
    faulthandler.register(signal.SIGXCPU, chain=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        print("{}", file=answers, flush=True)
        for line in sys.stdin:
            kind, number = line.split()
            found = trial.answer(kind, int(number))
            print(json.dumps(found | {"last": trial.swollen}), file=answers, flush=True)


if __name__ == "__main__":
    main()
