"""Reads damaged files, each in a process of its own, and measures what it costs and what it raises.

    python tests/fuzz/harness.py               # the full run: 3,000 ABC and MusicXML, 500 of others, 1,000 audio
    python tests/fuzz/harness.py --kinds abc --count 50 --keep odd

What is written on the way is not looked at, only that nothing but an ``AbcscribeError`` comes out, nothing is printed,
and no file costs more than SECONDS of processor time or MEGABYTES.
"""

from __future__ import annotations

import argparse
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import mutants
import tone_engine

from abcscribe import batch, hearing
from abcscribe.errors import AbcscribeError
from abcscribe.score import engrave
from abcscribe.score.readers import read_leniently
from abcscribe.score.writers import WRITERS, render

SECONDS, MEGABYTES = 10.0, 1000.0  # of one file read and written in one format
GIVEN = 60  # seconds of the processor after which a file is given up
PATIENCE = 120.0  # seconds by the clock, on a machine that is busy with other things
COUNTS = {"abc": 3000, "musicxml": 3000, "audio": 1000}
OTHERS = 500
_LOADED = (engrave,)  # before processes are forked
ENGRAVED = ("svg", "pdf", "png", "tab-pdf")  # slow ones: of every file one


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one file."""

    kind: str
    number: int
    outcome: str  # "read", "refused", or what must not be
    seconds: float  # of the processor, for reading and the slowest format
    megabytes: float  # beyond what the process began with
    causes: tuple[str, ...] = ()  # what stood behind sentences that no one foresaw

    @property
    def good(self) -> bool:
        return self.outcome in ("read", "refused") and self.seconds <= SECONDS and self.megabytes <= MEGABYTES


def verdicts(kind: str, numbers: Iterable[int], folder: Path, full: bool = True) -> Iterator[Verdict]:
    """Try mutants of a kind. ``full``: each is also engraved."""
    pool = mutants.seeds(kind)
    warm_up(kind, pool, folder)
    for number in numbers:
        suffix, content = mutants.mutant(kind, number, pool)
        path = folder / f"mutant{suffix}"
        path.write_bytes(content)
        yield _judged(kind, number, path, full)
        path.unlink()


def warm_up(kind: str, pool: list[bytes], folder: Path) -> None:
    """Load what a file of the kind needs, so that processes that are forked from here have it. Nothing is engraved, for
    Typst starts threads, and they do not survive a fork."""
    suffix, content = mutants.named(kind, pool[0])
    path = folder / f"whole{suffix}"
    path.write_bytes(content)
    assert _tried(kind, 0, path, Cost(), full=False)[0] == "read", kind
    path.unlink()


def _judged(kind: str, number: int, path: Path, full: bool) -> Verdict:
    answer, theirs = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (GIVEN, GIVEN))
        os.dup2(theirs, 2)  # what a library prints is an answer too
        before, cost = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Cost()
        try:
            said = "\t".join(_tried(kind, number, path, cost, full))
        except BaseException as error:
            said = f"raised {type(error).__name__}: {' '.join(str(error).split())[:100]}"
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(theirs, f"\n\0{cost.seconds:.2f}\t{grown:.0f}\t{said}".encode(errors="replace"))
        os._exit(0)
    os.close(theirs)
    text, slow = b"", False
    while True:
        left = began + PATIENCE - time.monotonic()
        if left <= 0 or not select.select([answer], [], [], left)[0]:
            slow = True
            os.kill(child, signal.SIGKILL)
            break
        piece = os.read(answer, 65536)
        if not piece:
            break
        text += piece
    os.close(answer)
    _, status, usage = os.wait4(child, 0)
    seconds = usage.ru_utime + usage.ru_stime
    printed, _, said = text.decode(errors="replace").partition("\n\0")
    if slow:
        return Verdict(kind, number, f"took more than {PATIENCE:.0f} s", seconds, usage.ru_maxrss / 1024)
    if not said:
        return Verdict(kind, number, f"ended the process (status {status})", seconds, usage.ru_maxrss / 1024)
    used, grown, outcome, *causes = said.split("\t")
    if printed.strip():
        outcome = f"printed {printed.strip()[:200]!r}"
    return Verdict(kind, number, outcome, float(used), float(grown), tuple(causes))


class Cost:
    """Seconds of the processor that reading and the slowest format took."""

    def __init__(self) -> None:
        self.reading = self.writing = 0.0

    @property
    def seconds(self) -> float:
        return self.reading + self.writing


def _tried(kind: str, number: int, path: Path, cost: Cost, full: bool) -> list[str]:
    """The outcome, then unforeseen causes."""
    began = time.process_time()
    try:
        if kind == "audio":
            return _heard(path)
        score, _ = read_leniently(path)
    except AbcscribeError as error:
        return ["refused", *_cause("read", error)]
    finally:
        cost.reading = time.process_time() - began
    causes = []
    engraved = ENGRAVED[number % len(ENGRAVED)] if full else ""
    for name in WRITERS:
        if name not in ENGRAVED or name == engraved:
            began = time.process_time()
            try:
                render(score, name)
            except AbcscribeError as error:
                causes += _cause(name, error)
            finally:
                cost.writing = max(cost.writing, time.process_time() - began)
    return ["read", *causes]


def _cause(where: str, error: AbcscribeError) -> list[str]:
    """The exception that an AbcscribeError hides, unless a reader raised it in so many words."""
    cause = error.__cause__
    if cause is None or isinstance(cause, AbcscribeError | OSError) or type(cause).__name__ not in str(error):
        return []
    return [f"{where}: {type(cause).__name__} {' '.join(str(cause).split())[:60]}"]


def _heard(path: Path) -> list[str]:
    hearing.ENGINES[tone_engine.NAME] = tone_engine.INFO
    job = batch.Job(path, path.with_suffix(""), batch.Settings(("abc",), tone_engine.NAME))
    outcome = batch.run(job)
    for written in outcome.written:
        written.unlink()
    if "abcscribe failed" in outcome.error:
        return [f"failed: {outcome.error.rpartition('abcscribe failed')[2]}"]
    return ["refused" if outcome.error else "read"]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kinds", nargs="+", choices=mutants.FORMATS, default=list(mutants.FORMATS))
    options.add_argument("--count", type=int, help="files of each kind")
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--keep", type=Path, help="folder for files whose outcome is bad")
    chosen = options.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in chosen.kinds:
            count = chosen.count or COUNTS.get(kind, OTHERS)
            bad += _report(kind, chosen, verdicts(kind, range(chosen.first, chosen.first + count), Path(folder)))
    return int(bad > 0)


def _report(kind: str, chosen: argparse.Namespace, found: Iterator[Verdict]) -> int:
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    slowest = largest = 0.0
    bad = []
    for verdict in found:
        outcomes[verdict.outcome if verdict.outcome in ("read", "refused") else "bad"] += 1
        causes.update(verdict.causes)
        slowest, largest = max(slowest, verdict.seconds), max(largest, verdict.megabytes)
        if not verdict.good:
            bad.append(verdict)
            print(
                f"  {kind} {verdict.number}: {verdict.outcome}, {verdict.seconds:.1f} s, {verdict.megabytes:.0f} MB",
                flush=True,
            )
            if chosen.keep:
                chosen.keep.mkdir(parents=True, exist_ok=True)
                suffix, content = mutants.mutant(kind, verdict.number, mutants.seeds(kind))
                (chosen.keep / f"{kind}-{verdict.number}{suffix}").write_bytes(content)
    said = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    print(f"{kind}: {said}; at most {slowest:.1f} s and {largest:.0f} MB; {len(bad)} bad", flush=True)
    for cause, number in causes.most_common(12):
        print(f"    {number} x {cause}", flush=True)
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
