"""Recordings -> files of scores: which recordings, where their scores lie, and one failure that stops no other.

This stage knows folders, names and processes. What a recording becomes is the matter of ``transcription``, how a format
looks that of ``score.writers``.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from abcscribe import audio, transcription
from abcscribe.errors import AbcscribeError, AudioError
from abcscribe.formats import known, render_with_recording
from abcscribe.hints import Hints
from abcscribe.score.model import Score
from abcscribe.score.writers import replace_file


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for every recording of a batch."""

    formats: tuple[str, ...]  # names of abcscribe.formats
    engine: str
    hints: Hints = Hints()
    start: float | None = None  # seconds
    end: float | None = None
    tuning: str | None = None  # for formats with tablature


@dataclass(frozen=True, slots=True)
class Job:
    """One recording."""

    recording: Path
    target: Path  # where its scores go; formats add their suffixes
    settings: Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recording: a score and the files it was written to, or the sentence that says why not."""

    job: Job
    score: Score | None = None
    written: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""


def jobs(inputs: Sequence[Path], folder: Path, settings: Settings) -> list[Job]:
    """A job for every file, and for every recording in every folder and its subfolders, whose tree ``folder`` keeps.

    Raises AudioError for a folder without recordings. No two jobs have the same target.
    """
    found: list[Job] = []
    taken: set[Path] = set()
    for recording, name in _recordings(inputs):
        numbered = (name.with_name(f"{name.name}-{n}") for n in count(2))
        target = next(choice for choice in chain((name.with_suffix(""), name), numbered) if choice not in taken)
        taken.add(target)
        found.append(Job(recording, folder / target, settings))
    return found


def _recordings(inputs: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Every recording, and its name relative to where the user pointed."""
    for path in inputs:
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in audio.SUFFIXES and p.is_file())
        if not inside:
            raise AudioError(f"There is no recording in {path}.")
        yield from ((recording, recording.relative_to(path)) for recording in inside)


def run(job: Job, listener: Callable[[transcription.Event], None] = lambda event: None) -> Outcome:
    """Transcribe and write one recording; ``listener`` is told of every event. A failure is part of the outcome."""
    settings = job.settings
    warned: list[str] = []
    try:
        for event in transcription.events(
            job.recording, engine=settings.engine, hints=settings.hints, start=settings.start, end=settings.end
        ):
            listener(event)
            if isinstance(event, transcription.Warned):
                warned.append(event.message)
            elif isinstance(event, transcription.Done):
                written = write(event.score, job.target, settings.formats, settings.tuning, job.recording)
                return Outcome(job, event.score, written, tuple(warned))
    except (AbcscribeError, OSError) as error:
        return Outcome(job, warnings=tuple(warned), error=sentence(error, job.recording))
    raise AssertionError("events() ended without Done")


def run_all(todo: Sequence[Job], processes: int) -> Iterator[Outcome]:
    """The outcomes of all jobs, in the order in which they come, from so many processes at once."""
    context = multiprocessing.get_context("spawn")  # threads of the ONNX runtime do not survive a fork
    with ProcessPoolExecutor(processes, context, _start_worker, (processes,)) as pool:
        try:
            for future in as_completed([pool.submit(run, job) for job in todo]):
                yield future.result()
        except BrokenProcessPool:
            raise AbcscribeError("A process was killed, perhaps for want of memory; try fewer --jobs.") from None
        except BaseException:  # Ctrl-C above all: do not wait for what is running
            pool.shutdown(wait=False, cancel_futures=True)
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _start_worker(processes: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent decides
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))


def write(
    score: Score, target: Path, formats: Sequence[str], tuning: str | None = None, recording: Path | None = None
) -> tuple[Path, ...]:
    """Write ``target`` plus each format's suffix. Nothing is written before every format is ready, and a file that
    exists is replaced in one step or not at all."""
    suffixes = {name: suffix for name, (suffix, _) in known().items()}
    contents = {
        Path(f"{target}{suffixes[name]}"): render_with_recording(score, name, tuning, recording) for name in formats
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        replace_file(path, content)
    return tuple(contents)


def sentence(error: AbcscribeError | OSError, subject: Path | None = None) -> str:
    """One sentence for the user; an error of the system is told with the file it is about."""
    if isinstance(error, OSError):
        about = error.filename if error.filename is not None else subject
        reason = (error.strerror or type(error).__name__).lower()
        return f"{about}: {reason}." if about is not None else f"{reason.capitalize()}."
    return str(error)
