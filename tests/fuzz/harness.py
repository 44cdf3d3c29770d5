"""Reads damaged files, in processes beside this one, and measures what they cost and what is raised.

    python tests/fuzz/harness.py               # the full run: 3,000 ABC and MusicXML, 500 of others, 1,000 audio
    python tests/fuzz/harness.py --kinds abc --count 50 --keep odd

What is written on the way is not looked at, only that nothing but an ``AbcscribeError`` comes out, nothing is printed,
and no file costs more than SECONDS of processor time or MEGABYTES. ``trial`` tries them; a process that does not answer
is killed and another one takes its place.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mutants

SECONDS, MEGABYTES = 10.0, 1000.0  # of one file read and written in one format
PATIENCE = 300.0  # seconds by the clock for a whole file in all formats, on a machine that is busy with other things
BEGINNING = 300.0  # the same for a process to load what it needs
TRIAL = (sys.executable, str(Path(__file__).with_name("trial.py")))
COUNTS = {"abc": 3000, "musicxml": 3000, "audio": 1000}
OTHERS = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one file."""

    kind: str
    number: int
    outcome: str  # "read", "refused", or what must not be
    seconds: float = 0.0  # of the processor, for the slowest step: reading, or writing in one format
    megabytes: float = 0.0  # beyond what the process began with
    causes: tuple[str, ...] = ()  # what stood behind sentences that no one foresaw

    @property
    def good(self) -> bool:
        return self.outcome in ("read", "refused") and self.seconds <= SECONDS and self.megabytes <= MEGABYTES


class Worker:
    """A process that tries files."""

    def __init__(self, command: Sequence[str] = TRIAL, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.printed, self.seen = tempfile.TemporaryFile(), 0  # noqa: SIM115  (closed with the process)
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.printed, bufsize=0
        )
        if self._answer(BEGINNING) is None:
            raise RuntimeError(f"The process that tries files does not begin: {self.said()}")
        self.said()
        self.last = False  # whether it has grown too big for another file

    def verdict(self, kind: str, number: int) -> Verdict:
        """Have a mutant tried. Behind a verdict without an answer the process is dead."""
        assert self.process.stdin
        self.process.stdin.write(f"{kind} {number}\n".encode())
        answer = self._answer(self.patience)
        if answer is None:
            code = self.end()
            how = "waits" if code == -signal.SIGABRT else f"ended the process ({code})"
            return Verdict(kind, number, f"{how}: {self.said()}", SECONDS if code == -signal.SIGXCPU else 0.0)
        found, self.last = json.loads(answer), json.loads(answer)["last"]
        printed = self.said()
        outcome = f"printed {printed[:200]!r}" if printed else found["outcome"]
        return Verdict(kind, number, outcome, found["seconds"], found["megabytes"], tuple(found["causes"]))

    def _answer(self, patience: float) -> bytes | None:
        assert self.process.stdout
        if not select.select([self.process.stdout], [], [], patience)[0]:
            return None
        return self.process.stdout.readline() or None

    def said(self) -> str:
        """What has been printed since the last time; of a process that was ended, where it was."""
        printed = os.pread(self.printed.fileno(), 1 << 20, self.seen)  # the place in the file is the process's own
        self.seen += len(printed)
        text = printed.decode(errors="replace").strip()
        where = [line.strip() for line in text.splitlines() if line.strip().startswith("File ")]
        return " < ".join(where[:6]) or text

    def end(self) -> int:
        """The exit code; a process that still lives prints where it is."""
        try:
            return self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            return self.process.wait(30)

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)
        self.printed.close()


def verdicts(
    asked: Iterable[tuple[str, int]], command: Sequence[str] = TRIAL, patience: float = PATIENCE
) -> Iterator[Verdict]:
    """Try mutants, by kind and number, in processes of ``command`` that have so many seconds for each."""
    worker: Worker | None = None
    for kind, number in asked:
        worker = worker or Worker(command, patience)
        yield worker.verdict(kind, number)
        if worker.last or worker.process.poll() is not None:
            worker.close()
            worker = None
    if worker:
        worker.close()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kinds", nargs="+", choices=mutants.FORMATS, default=list(mutants.FORMATS))
    options.add_argument("--count", type=int, help="files of each kind")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--keep", type=Path, help="folder for files whose outcome is bad")
    chosen = options.parse_args()
    counts = {kind: chosen.count or COUNTS.get(kind, OTHERS) for kind in chosen.kinds}
    asked = ((kind, chosen.first + i) for kind, count in counts.items() for i in range(count))
    bad = [_report(kind, chosen.keep, found) for kind, found in groupby(verdicts(asked), key=lambda v: v.kind)]
    return int(any(bad))


def _report(kind: str, keep: Path | None, found: Iterable[Verdict]) -> int:
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    slowest = largest = 0.0
    bad = 0
    for verdict in found:
        outcomes[verdict.outcome if verdict.outcome in ("read", "refused") else "bad"] += 1
        causes.update(verdict.causes)
        slowest, largest = max(slowest, verdict.seconds), max(largest, verdict.megabytes)
        if not verdict.good:
            bad += 1
            cost = f"{verdict.seconds:.1f} s, {verdict.megabytes:.0f} MB"
            print(f"  {kind} {verdict.number}: {verdict.outcome}, {cost}", flush=True)
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                suffix, content = mutants.mutant(kind, verdict.number, mutants.seeds(kind))
                (keep / f"{kind}-{verdict.number}{suffix}").write_bytes(content)
    said = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    print(f"{kind}: {said}; at most {slowest:.1f} s and {largest:.0f} MB; {bad} bad", flush=True)
    for cause, number in causes.most_common(12):
        print(f"    {number} x {cause}", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main())
