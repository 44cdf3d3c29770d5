"""Many recordings on many machines: from a folder or an object store to scores in another, with a manifest.

Every worker reads recordings and writes scores itself, so nothing passes through the machine that was asked. The last
thing that is written of a recording is its entry in the manifest, ``manifest/RUN/done/NAME.json`` or
``manifest/RUN/failed/NAME.json``, by which a run that was stopped goes on: RUN stands for the settings. Recordings with
an entry are not worked on again; those that failed are set aside with their sentence, until their entries are removed.
What cannot be read or written for want of disk or network has no entry: it is no fault of the recording.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from abcscribe import audio, batch, cluster, hearing, systems, text_systems
from abcscribe.batch import Job, Settings
from abcscribe.errors import AbcscribeError, AudioError
from abcscribe.stores import Store, StoreError, UnreadableError, UnwritableError
from abcscribe.workers import Died

STATES = ("done", "failed")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the manifest says of a recording."""

    recording: str  # its name in the source
    files: dict[str, str]  # name in the target -> SHA-256 of the content
    summary: str = ""  # of the score
    warnings: tuple[str, ...] = ()
    error: str = ""  # one sentence
    failure: str = ""  # the kind of error: the name of its class
    seconds: float = 0.0  # of work
    sound: float = 0.0  # seconds of the recording
    machine: str = ""


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    source: Store
    target: Store
    run: str  # folder of the manifest
    todo: tuple[Job, ...]  # recordings and targets are names in the stores
    before: int  # recordings that have an entry already


@dataclass
class Tally:
    """The figures of a run."""

    before: int
    began: float = field(default_factory=time.monotonic)
    done: int = 0
    work: float = 0.0  # seconds of all workers
    sound: float = 0.0  # seconds
    machines: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count a recording."""
        self.work, self.sound = self.work + entry.seconds, self.sound + entry.sound
        if entry.machine:
            self.machines.add(entry.machine)
        if entry.failure:
            self.failures[entry.failure] += 1
        else:
            self.done += 1

    def lines(self) -> Iterator[str]:
        """The table for the end of a run."""
        passed = max(time.monotonic() - self.began, 1e-9)
        failed = sum(self.failures.values())
        yield f"recordings   {self.done} transcribed, {failed} failed, {self.before} done before"
        pace = f"{60 * (self.done + failed) / passed:.1f} recordings a minute, {self.sound / passed:.1f} x real time"
        yield f"throughput   {pace}"
        yield f"work         {self.work:.0f} s of workers in {passed:.0f} s, machines: {len(self.machines)}"
        for kind, number in self.failures.most_common():
            yield f"failed       {number} x {kind}"


def plan(source: str, target: str, settings: Settings) -> Plan:
    """Find the recordings, name their scores, and leave out what an earlier run has done.

    Args:
        source: a folder or a file, here or in an object store.
        target: a folder for scores and manifest; it gets the subfolders of the source.
        settings: of all recordings.

    Raises:
        AudioError: there is no recording.
        StoreError: source or target cannot be read.
        ScoreError: two scores would be written over each other.
    """
    stores = Store(_everywhere(source)), Store(_everywhere(target))
    names = [name for name in stores[0].names() if not name or _is_recording(name)]
    if not names:
        raise AudioError(f"There is no recording in {source}.")
    shown = [(Path(name), Path(name or PurePosixPath(source).name)) for name in names]
    jobs = batch.named(shown, Path(), settings)
    run = f"manifest/{hashlib.sha256(repr(settings).encode()).hexdigest()[:8]}"
    known = set(Store(stores[1].place(run)).names())
    todo = [job for job in jobs if known.isdisjoint(f"{state}/{job.target.as_posix()}.json" for state in STATES)]
    return Plan(*stores, run, tuple(todo), len(jobs) - len(todo))


def _everywhere(place: str) -> str:
    """An address that means the same in every folder."""
    return place if "://" in place else str(Path(place).absolute())


def _is_recording(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in audio.SUFFIXES


def run(work: Plan, on: str) -> Generator[Entry, None, None]:
    """Transcribe what is to be done; the entries as they come.

    Raises:
        UnwritableError: scores cannot be written any more; what has an entry is whole, and the same call goes on.
        AbcscribeError: see `cluster.run_all`.
    """
    engines = {job.settings.engine for job in work.todo}
    one = partial(transcribe, work.source, work.target, work.run)
    answers = cluster.run_all(one, work.todo, on, prepare=partial(prepare, engines), again=_is_the_stores_fault)
    with closing(answers):  # the cores go back at once, whoever keeps the error
        for job, entry in answers:
            if isinstance(entry, Died):
                entry = _died(work, job)
            if entry.failure == UnwritableError.__name__:
                raise UnwritableError(
                    f"{entry.error} What has been written is whole; the same command goes on from there."
                )
            yield entry


def prepare(engines: set[str]) -> None:
    """Load the engines in a worker. Raises EngineError."""
    for engine in engines:
        name = systems.parse(engine)
        if name.answers_in_text:
            text_systems.check(name.name)
        else:
            hearing.load(name.name, name.checkpoint)


def transcribe(source: Store, target: Store, run: str, job: Job) -> Entry:
    """Work on one recording in a worker: read it, transcribe, write its scores and its entry.

    It may have an entry by now, if the machine that wrote it was lost before it could say so.
    """
    began = time.monotonic()
    try:
        for state in STATES:
            if target.exists(_entry(run, state, job)):
                return _read(target.read(_entry(run, state, job)))
        with tempfile.TemporaryDirectory() as folder:
            entry = _transcribed(source, target, job, Path(folder))
        entry = dataclasses.replace(entry, seconds=round(time.monotonic() - began, 3), machine=platform.node())
        if not _is_the_stores_fault(entry):
            _keep(target, run, job, entry)
        return entry
    except StoreError as error:
        return Entry(_name(job), {}, error=str(error), failure=type(error).__name__)


def _transcribed(source: Store, target: Store, job: Job, folder: Path) -> Entry:
    name = _name(job)
    files: dict[str, str] = {}

    def keep(path: Path, content: bytes) -> None:
        target.write(path.as_posix(), content)
        files[path.as_posix()] = hashlib.sha256(content).hexdigest()

    here = source.fetch(name, folder)
    outcome = batch.run(dataclasses.replace(job, recording=here), keep=keep)
    said = partial(_with_place, str(here), source.place(name))
    return Entry(
        name or here.name, files if outcome.score else {}, batch.described(outcome.score) if outcome.score else "",
        tuple(map(said, outcome.warnings)), said(outcome.error), outcome.failure,
        sound=round(_seconds(here), 3),
    )  # fmt: skip


def _name(job: Job) -> str:
    """Of a recording in its store; "" if the store is the recording."""
    return "" if job.recording == Path() else job.recording.as_posix()


def _with_place(here: str, place: str, said: str) -> str:
    return said.replace(here, place)


def _seconds(recording: Path) -> float:
    try:
        return audio.probe(recording).seconds or 0.0
    except (AbcscribeError, OSError):
        return 0.0


def _is_the_stores_fault(entry: Entry) -> bool:
    return entry.failure in (UnreadableError.__name__, UnwritableError.__name__)


def _died(work: Plan, job: Job) -> Entry:
    """The entry of a recording at which worker after worker died."""
    place = work.source.place(_name(job))
    said = f"{place}: {cluster.TRIES} workers died at it, perhaps for want of memory."
    entry = Entry(_name(job), {}, error=said, failure=Died.__name__)
    _keep(work.target, work.run, job, entry)
    return entry


def _keep(target: Store, run: str, job: Job, entry: Entry) -> None:
    content = json.dumps(asdict(entry), indent=1, ensure_ascii=False)
    target.write(_entry(run, STATES[bool(entry.failure)], job), content.encode("utf-8", "surrogateescape"))


def _entry(run: str, state: str, job: Job) -> str:
    return f"{run}/{state}/{job.target.as_posix()}.json"


def _read(content: bytes) -> Entry:
    stored = json.loads(content)
    return Entry(**{**stored, "warnings": tuple(stored["warnings"])})
