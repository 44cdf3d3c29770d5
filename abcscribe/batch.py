"""Recordings -> files of scores: finds the recordings, names the scores, and isolates failures.

This stage handles folders, names and processes; ``transcription`` makes the score of a recording, ``score.writers`` its
files.
"""

from __future__ import annotations

import dataclasses
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from abcscribe import audio, stems, transcription, workers
from abcscribe.arranging import Arrangement, arranged
from abcscribe.errors import AudioError, ScoreError, is_failure, sentence
from abcscribe.formats import known, render_with_recording
from abcscribe.hints import Hints
from abcscribe.score.convert import headed
from abcscribe.score.model import Score
from abcscribe.score.part_confidence import of_parts
from abcscribe.score.summary import confidence, doubts, summary
from abcscribe.score.tab import remarks
from abcscribe.score.target import write_target
from abcscribe.score.writers import WRITERS

LONGEST_NAME = 255  # bytes, on every common file system


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all recordings of a batch."""

    formats: tuple[str, ...]  # names of abcscribe.formats
    engine: str
    hints: Hints = Hints()
    start: float | None = None  # seconds
    end: float | None = None
    tuning: str | None = None  # for formats with tablature
    performed: bool = False  # whether MIDI files on a grid were played all the same
    arrangement: Arrangement = Arrangement()
    stems: bool = False  # whether the recording is a folder, a file of which is a part
    title: str | None = None  # in place of the name of the recording
    composer: str | None = None
    concert: bool = False  # transposing instruments at sounding pitch

    @property
    def fretted(self) -> bool:
        """Whether tablature is asked for, so that somebody plays strings."""
        return self.tuning is not None or any(name in WRITERS and WRITERS[name].fretted for name in self.formats)


@dataclass(frozen=True, slots=True)
class Job:
    """One recording."""

    recording: Path
    target: Path  # where its scores go; formats add their suffixes
    settings: Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one recording: a score and its files, or a sentence with the error."""

    job: Job
    score: Score | None = None
    written: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""
    failure: str = ""  # the kind of error: the name of its class


def jobs(inputs: Sequence[Path], folder: Path, settings: Settings) -> list[Job]:
    """Make a job for every file, and for every recording in every folder and its subfolders.

    Args:
        inputs: files and folders.
        folder: for the scores; it gets the subfolders of the inputs. No score is written over a recording.
        settings: of all jobs.

    Raises:
        AudioError: a folder contains no recording.
        ScoreError: a score would be written over a folder, or two over each other.
    """
    found = named(list(_recordings(inputs)), folder, settings)
    for job in found:
        for path in _outputs(job):
            if path.is_dir():
                raise ScoreError(f"{path} is a folder: no score can be written there.")
    return found


def named(recordings: Sequence[tuple[Path, Path]], folder: Path, settings: Settings) -> list[Job]:
    """A job for every recording, with a target of its own.

    Args:
        recordings: where each is, and its name relative to the user's folder.
        folder: for the scores.
        settings: of all jobs.

    Raises:
        ScoreError: two scores would be written over each other.
    """
    suffixes = [known()[name][0] for name in settings.formats]
    kept = {os.path.realpath(recording) for recording, _ in recordings}
    taken: set[str] = set()
    found: list[Job] = []
    for recording, name in recordings:
        names = (folder / name.with_name(stem) for stem in _stems(name.name, suffixes))
        target = next(t for t in names if _key(t) not in taken and kept.isdisjoint(_real_outputs(t, suffixes)))
        taken.add(_key(target))
        found.append(Job(recording, target, settings))
    _check_outputs(found)
    return found


def stem_job(folder: Path, out: Path, settings: Settings) -> Job:
    """The job of a folder of stems, which is one piece. Raises AudioError if it has none."""
    stems.files(folder)
    job = Job(folder, out / folder.resolve().name, dataclasses.replace(settings, stems=True))
    _check_outputs([job])
    return job


def _stems(name: str, suffixes: Sequence[str]) -> Iterator[str]:
    """Candidate names for the scores of a recording, the best first; short enough for a file system with a suffix."""
    stem = Path(name).stem
    room = LONGEST_NAME - max(len(suffix) for suffix in suffixes) - len("-999999")
    if stem.strip("."):  # that of "..wav" would lead out of the folder
        yield _cut(stem, room)
    yield _cut(name, room)
    yield from (f"{_cut(name, room)}-{n}" for n in count(2))


def _cut(name: str, most: int) -> str:
    """The beginning of a name, at most ``most`` bytes."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name


def _key(path: Path) -> str:
    """A key that is equal for names that are the same on some file systems."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _real_outputs(target: Path, suffixes: Sequence[str]) -> list[str]:
    return [os.path.realpath(f"{target}{suffix}") for suffix in suffixes]


def _outputs(job: Job) -> list[Path]:
    """The files that a job will write."""
    return [Path(f"{job.target}{known()[name][0]}") for name in job.settings.formats]


def _check_outputs(found: Sequence[Job]) -> None:
    """Refuse jobs that would lose a score before hours of work: the output ``a.performance.mid`` is both the
    performance of ``a.wav`` and the score of ``a.performance.wav``."""
    writers: dict[str, Job] = {}
    for job in found:
        for path in _outputs(job):
            if (other := writers.setdefault(_key(path), job)) is not job:
                raise ScoreError(
                    f"{other.recording} and {job.recording} would both be written to {path}: work on one at a time."
                )


def _recordings(inputs: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Every recording, and its name relative to the user's folder."""
    for path in inputs:
        if str(path) == audio.STDIN:
            yield path, Path("stdin")
            continue
        if not path.is_dir():
            yield path, Path(path.name)
            continue
        inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in audio.SUFFIXES and p.is_file())
        if not inside:
            raise AudioError(f"There is no recording in {path}.")
        yield from ((recording, recording.relative_to(path)) for recording in inside)


def described(score: Score) -> str:
    """Such as ``6/8, G major, dotted quarter = 92, Violin 96 % + Cello 88 %, 32 bars, confidence 81 %; bars 12-18 are
    doubtful``: of a part how sure its notes are, of the whole what share is expected to be right."""
    sure = confidence(score)
    said = summary(score, of_parts(score) if len(score.parts) > 1 else ())
    said += f", confidence {sure:.0%}" if sure is not None else ""
    return "; ".join(filter(None, [said, doubts(score)]))


def put(path: Path, content: bytes) -> None:
    """Write a file of a score; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_target(path, content)


def run(
    job: Job,
    listener: Callable[[transcription.Event], None] = lambda event: None,
    keep: Callable[[Path, bytes], None] = put,
) -> Outcome:
    """Transcribe and write one recording. Any failure is part of the outcome, so that other recordings go on.

    Args:
        job: the recording.
        listener: called with every event.
        keep: writes a file of the score.
    """
    warned: list[str] = []
    try:
        return _run(job, listener, warned, keep)
    except BaseException as error:
        if os.environ.get("ABCSCRIBE_DEBUG") or not is_failure(error):
            raise
        return Outcome(job, warnings=tuple(warned), error=sentence(error, job.recording), failure=type(error).__name__)


def _run(
    job: Job,
    listener: Callable[[transcription.Event], None],
    warned: list[str],
    keep: Callable[[Path, bytes], None],
) -> Outcome:
    settings = job.settings
    for event in events(job.recording, settings):
        listener(event)
        if isinstance(event, transcription.Warned):
            warned.append(event.message)
        elif isinstance(event, transcription.Done):
            recording = None if settings.stems else job.recording
            written = write(event.score, job.target, settings, recording, keep)
            return Outcome(job, event.score, written, tuple(warned))
    raise AssertionError("events() ended without Done")


def events(recording: Path, settings: Settings) -> Iterator[transcription.Event]:
    """The events of one recording, or of one folder of stems; the score has the title and composer that were asked for,
    is arranged, and what that and tablature change of it is a warning each."""
    section: dict[str, Any] = {"hints": settings.hints, "start": settings.start, "end": settings.end}
    if settings.stems:
        found = stems.events(recording, engine=settings.engine, **section)
    else:
        found = transcription.events(
            recording, engine=settings.engine, performed=settings.performed, fretted=settings.fretted, **section
        )
    for event in found:
        if not isinstance(event, transcription.Done):
            yield event
            continue
        score, said = arranged(headed(event.score, settings.title, settings.composer), settings.arrangement)
        if any(name in WRITERS and WRITERS[name].fretted for name in settings.formats):
            said = [*said, *remarks(score, settings.tuning)]
        yield from map(transcription.Warned, said)
        yield transcription.Done(score)


def run_all(
    todo: Sequence[Job], processes: int, started: Callable[[Job], None] = lambda job: None
) -> Iterator[Outcome]:
    """Run all jobs in worker processes.

    Args:
        todo: the jobs.
        processes: number of workers.
        started: called with each job when it begins.

    Yields:
        The outcomes, in the order of completion.
    """
    for job, answer in workers.run_all(run, todo, processes, started):
        if isinstance(answer, workers.Died):
            cause = "perhaps for want of memory; try fewer --jobs" if answer.code < 0 else f"with code {answer.code}"
            said = f"{job.recording}: the process that worked on it was ended, {cause}."
            yield Outcome(job, error=said, failure=workers.Died.__name__)
        else:
            yield answer


def write(
    score: Score, target: Path, settings: Settings, recording: Path | None = None,
    keep: Callable[[Path, bytes], None] = put,
) -> tuple[Path, ...]:  # fmt: skip
    """Write a score in several formats. All are rendered before the first is written; files are replaced atomically.

    Args:
        score: the score.
        target: path without the suffixes of the formats.
        settings: say which formats, and how.
        recording: for formats that contain it.
        keep: writes a file.

    Returns:
        The paths.
    """
    suffixes = {name: suffix for name, (suffix, _) in known().items()}
    contents = {
        Path(f"{target}{suffixes[name]}"): render_with_recording(
            score, name, settings.tuning, recording, settings.concert
        )
        for name in settings.formats
    }
    for path, content in contents.items():
        keep(path, content)
    return tuple(contents)
