"""Systems x clips -> a row of figures for each, appended to ``rows.jsonl``; rows that exist are not computed again.

Each system runs in worker processes of its own, so that its peak memory is its own. A row that failed contains the
error, and the figures of an empty score: a system must not gain by failing. A deterministic system is run once, however
many answers the protocol has.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from abcscribe import audio, cluster, rewards
from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.evaluation import systems
from abcscribe.evaluation.calibration import bar_agreement
from abcscribe.evaluation.performed import performed
from abcscribe.evaluation.suites import Clip
from abcscribe.memory import peak_megabytes
from abcscribe.metrics import evaluate_notes, evaluate_scores
from abcscribe.metrics.structure import sound_bars
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Score

ROWS = "rows.jsonl"
SCORES = "scores"  # folder of the answers, by system, and of the references
REFERENCE = "reference"

Row = dict[str, Any]  # clip, system, sample, group, level, error, seconds, real_time, memory, figures, bars


@dataclass(frozen=True, slots=True)
class Protocol:
    """Number of clips, and number and sampling of the answers of each system."""

    name: str
    clips: int | None = None  # the first so many of the suite; None: all
    samples: int = 1
    temperature: float = 0.0
    max_tokens: int = 2048


PROTOCOLS = {
    "standard": Protocol("standard"),
    # Flynn 2024: 30 clips x 3 answers at temperature 0.7, at most 2,048 tokens, judged by hand; here they are scored.
    "origin": Protocol("origin", clips=30, samples=3, temperature=0.7),
}


def evaluate(
    clips: Sequence[Clip],
    names: Sequence[str],
    out: Path,
    protocol: Protocol = PROTOCOLS["standard"],
    jobs: int = 1,
    tell: Callable[[Row], None] = lambda row: None,
    on: str = "",
) -> list[Row]:
    """Evaluate systems on clips, resuming from the rows in ``out``.

    Args:
        clips: with ground truth.
        names: of the systems (`abcscribe.evaluation.systems`).
        out: folder of rows and scores.
        protocol: clips and answers.
        jobs: worker processes.
        tell: called with each new row.
        on: a cluster that works in place of the processes; it must share the folder of the clips.

    Returns:
        All rows of these systems and clips.

    Raises:
        EngineError: a system is unknown or not installed, or a worker process was killed.
    """
    clips = clips[: protocol.clips]
    # All are loaded before the first clip, so that a missing package is reported at once.
    answers = {name: protocol.samples if systems.load(name).samples else 1 for name in names}
    _write_scores(out, REFERENCE, {clip.name: clip.score for clip in clips})
    done = {_key(row): row for row in read_rows(out)}
    for name, samples in answers.items():
        asked = itertools.product(clips, range(samples))
        todo = [(clip, sample) for clip, sample in asked if (clip.name, name, sample) not in done]
        for row, score in _work(name, todo, protocol, jobs, on):
            _write_scores(out, name, {row["clip"]: score})
            _append(out / ROWS, row)
            done[_key(row)] = row
            tell(row)
    wanted = {(clip.name, name) for clip in clips for name in names}
    return [row for row in done.values() if (row["clip"], row["system"]) in wanted]


def read_rows(out: Path) -> list[Row]:
    """The rows of a folder. A last line that was cut off when the machine stopped is taken off the file."""
    path = out / ROWS
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]


def _key(row: Row) -> tuple[str, str, int]:
    return row["clip"], row["system"], row["sample"]


def _append(path: Path, row: Row) -> None:
    """One line, on the disk before the next clip begins."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _write_scores(out: Path, system: str, scores: dict[str, Score]) -> None:
    for clip, score in scores.items():
        path = (out / SCORES / system / clip).with_suffix(".abc")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_abc(score), encoding="utf-8")


def _work(
    name: str, todo: Sequence[tuple[Clip, int]], protocol: Protocol, jobs: int, on: str
) -> Iterator[tuple[Row, Score]]:
    """Rows in the order of completion, and the answers."""
    if not todo:
        return
    if on:
        for _, found in cluster.answers(partial(_row_of, protocol), todo, on, prepare=partial(_start, name)):
            yield found
        return
    context = multiprocessing.get_context("spawn")  # a fork would share the parent's memory and its threads' locks
    with ProcessPoolExecutor(min(jobs, len(todo)), context, initializer=_start, initargs=(name,)) as pool:
        futures = [pool.submit(_row, clip, sample, protocol) for clip, sample in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            message = f"A process of {name} was killed, perhaps for want of memory; the same command goes on from here."
            raise EngineError(message) from None


_system: systems.System | None = None  # of this worker process


def _start(name: str) -> None:
    global _system
    _system = systems.load(name)


def _row_of(protocol: Protocol, asked: tuple[Clip, int]) -> tuple[Row, Score]:
    return _row(*asked, protocol)


def _row(clip: Clip, sample: int, protocol: Protocol) -> tuple[Row, Score]:
    assert _system is not None
    sampling = systems.Sampling(protocol.temperature, protocol.max_tokens, seed=sample)
    error, answer = "", systems.Answer(Score())
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the figures show what a user would be warned of
            answer = _system.answer(clip.audio, sampling)
    except (AbcscribeError, OSError) as failure:
        error = str(failure)
    seconds = time.perf_counter() - began
    row: Row = {
        "clip": clip.name,
        "system": _system.name,
        "sample": sample,
        "group": clip.group,
        "level": clip.level,
        "error": error,
        "problems": answer.problems,
        "seconds": round(seconds, 3),
        "real_time": round(_length(clip) / seconds, 2),
        "memory": round(peak_megabytes()),
        "figures": figures(clip, answer.score),
        "bars": bar_agreement(clip.notes, answer.score),
    }
    return row, answer.score


def figures(clip: Clip, score: Score) -> dict[str, float]:
    """All figures of an answer that the ground truth of its clip defines. NaN, which JSON lacks, is left out."""
    values = evaluate_scores(clip.score, score, clip.metrics)
    if "structure" in clip.metrics:
        values["abc.invalid"] = float(not is_valid(score))
    if "pitch" in clip.metrics and (credits := rewards.components(clip.score, score)):
        known = {name: credit if name in clip.metrics else None for name, credit in credits.items()}
        values["reward.origin"] = rewards.combine(known, rewards.ORIGIN)
        values["reward.full"] = rewards.combine(known, rewards.FULL)
    if clip.notes is not None:
        found = evaluate_notes(clip.notes, performed(score))
        values |= {name: value for name, value in found.items() if clip.offsets or ".onset" in name}
    return {name: round(value, 5) for name, value in values.items() if abs(value) < float("inf")}


def is_valid(score: Score) -> bool:
    """Whether its ABC is parsed without a problem and every bar adds up (pickup and last bar may be short). A score
    without notes is valid: other figures measure what is missing."""
    if not any(any(part.bars) for part in score.parts):
        return True
    written, problems = read_abc(write_abc(score))
    return not problems and not written.problems() and sound_bars(written) == 1


def _length(clip: Clip) -> float:
    try:
        return audio.probe(clip.audio).seconds or 0.0
    except (AbcscribeError, OSError):
        return 0.0
