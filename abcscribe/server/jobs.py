"""The queue: recordings wait, a few are transcribed at once, each in a process that can be stopped at any moment.

A place in the queue belongs to the loop that runs jobs one after the other, not to a job: a job ends by being done,
failing, being cancelled or running out of time, and in every case the loop goes on to the next one, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import secrets
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from abcscribe.errors import AbcscribeError
from abcscribe.score.json_format import from_json
from abcscribe.server import history, pipeline
from abcscribe.server.library import Library, NotFoundError
from abcscribe.server.uploads import RefusedError

COMMAND = (sys.executable, "-m", "abcscribe.server.worker")
AT_ONCE = 1  # a run takes all cores
MOST_WAITING = 100
MOST_ENDED = 50  # whose end is remembered
MOST_ATTEMPTS = 3  # of a recording at which the server itself was stopped
LINE_BYTES = 256 << 20  # of one event: a score of hours
MEMORY_BYTES = 8 << 30  # address space, most of it never touched: a quarter of an hour takes 1 GB of it
BASE_SECONDS, SECONDS_PER_SECOND = 120.0, 20.0  # a run may take so long, and so much more for each second of sound
UNKNOWN_LENGTH = 3600.0
WRITING_SHARE = 0.25  # of the time of hearing: for the time left before anything was written

log = logging.getLogger(__name__)


@dataclass
class Job:
    """One run of one recording, and what it has told."""

    recording: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "waiting"
    phase: str | None = None
    seconds: float = 0.0
    total: float | None = None
    left: float | None = None
    error: str | None = None
    events: list[tuple[int, str, str]] = field(default_factory=list)  # number, name, data as JSON
    told: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    process: asyncio.subprocess.Process | None = None
    cancelled: bool = False

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Add an event for whoever follows the job. Of sketches and places in the queue only the last is kept."""
        if name in ("bars", "waiting"):
            self.events = [event for event in self.events if event[1] != name]
        self.told += 1
        self.events.append((self.told, name, json.dumps(data, ensure_ascii=False, separators=(",", ":"))))
        self.news.set()
        self.news = asyncio.Event()

    def since(self, after: int) -> list[tuple[int, str, str]]:
        """The events behind number ``after``."""
        return [event for event in self.events if event[0] > after]

    def end(self, state: str, data: dict[str, Any]) -> None:
        """The last event; what was told on the way is in the score now."""
        if self.ended:
            return
        self.state, self.phase, self.left = state, None, None
        self.error = data.get("error")
        self.events = []
        self.tell(state, data)

    def public(self, position: int) -> dict[str, Any]:
        """As docs/api.md has it."""
        shown = {
            key: getattr(self, key)
            for key in ("id", "recording", "state", "phase", "seconds", "total", "left", "error")
        }
        return shown | {"position": position}


class Jobs:
    """All jobs of a library."""

    def __init__(self, library: Library, command: Sequence[str] = COMMAND, at_once: int = AT_ONCE) -> None:
        self.library, self.command, self.at_once = library, tuple(command), at_once
        self.jobs: dict[str, Job] = {}
        self.waiting: deque[Job] = deque()
        self._coming = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to work, with what was not finished when the server ended."""
        for row in self.library.unfinished():
            if row["attempts"] >= MOST_ATTEMPTS:
                error = "The server ended several times while this recording was transcribed; it was not tried again."
                self.library.change(row["id"], state="failed", error=error)
            else:
                self._enter(Job(row["id"]))
        self._loops = [asyncio.create_task(self._work()) for _ in range(self.at_once)]

    async def stop(self) -> None:
        """Stop working. What runs is begun again at the next start."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def room(self) -> None:
        """Raises RefusedError if the queue is full."""
        if len(self.waiting) >= MOST_WAITING:
            raise RefusedError(f"{MOST_WAITING} recordings are waiting already; try again when some are done.", 503)

    def add(self, recording: str) -> Job:
        """Put a recording into the queue, or find the job that it has. Raises RefusedError if the queue is full."""
        for job in self.jobs.values():
            if job.recording == recording and not job.ended:
                return job
        self.room()
        self.library.change(recording, state="waiting", error=None, attempts=0)
        return self._enter(Job(recording))

    def get(self, name: str) -> Job:
        """A job. Raises NotFoundError."""
        if name not in self.jobs:
            raise NotFoundError("There is no such job; it may have ended long ago.")
        return self.jobs[name]

    def of(self, recording: str) -> Job | None:
        """The job of a recording that waits or runs."""
        return next((job for job in self.jobs.values() if job.recording == recording and not job.ended), None)

    def position(self, job: Job) -> int:
        """How many jobs are before it."""
        return self.waiting.index(job) + self.running() if job in self.waiting else 0

    def running(self) -> int:
        """How many jobs run."""
        return sum(job.state == "running" for job in self.jobs.values())

    def cancel(self, job: Job) -> None:
        """Stop a job, whatever it does; nothing happens to one that has ended."""
        if job.ended:
            return
        job.cancelled = True
        if job in self.waiting:
            self.waiting.remove(job)
            self._finish(job, "cancelled", {})
            self._tell_positions()
        elif job.process:
            with contextlib.suppress(ProcessLookupError):
                job.process.kill()

    def _enter(self, job: Job) -> Job:
        self.jobs[job.id] = job
        self.waiting.append(job)
        job.tell("waiting", {"position": self.position(job)})
        self._coming.set()
        ended = [name for name, old in self.jobs.items() if old.ended]
        for name in ended[: max(0, len(ended) - MOST_ENDED)]:
            del self.jobs[name]
        return job

    def _tell_positions(self) -> None:
        for job in self.waiting:
            job.tell("waiting", {"position": self.position(job)})

    async def _work(self) -> None:
        while True:
            while not self.waiting:
                self._coming.clear()
                await self._coming.wait()
            job = self.waiting.popleft()
            job.state = "running"
            self._tell_positions()
            try:
                await self._run(job)
            except Exception:  # whatever it is, the next one has its turn
                log.exception("transcription of %s", job.recording)
                job.end("failed", {"error": "The transcription broke off."})

    async def _run(self, job: Job) -> None:
        """One job from its start to its end, whatever comes."""
        state, data = "failed", {"error": "The transcription broke off."}
        try:
            recording = self.library.recording(job.recording)
            self.library.change(job.recording, state="running", attempts=recording["attempts"] + 1)
            job.tell("started", {})
            length = recording["seconds"] if recording["seconds"] is not None else UNKNOWN_LENGTH
            async with asyncio.timeout(BASE_SECONDS + SECONDS_PER_SECOND * length):
                state, data = await self._transcribed(job, recording)
        except TimeoutError:
            data = {"error": "The transcription took too long and was stopped; try a part of the recording."}
        except (AbcscribeError, OSError, sqlite3.Error) as error:
            data = {"error": sentence(error)}
        except asyncio.CancelledError:  # the server ends: begun again at the next start, which is no failed attempt
            self.library.change(job.recording, state="waiting", attempts=0)
            raise
        except Exception:
            log.exception("transcription of %s", job.recording)
        finally:
            await self._ended(job)
        cancelled = job.cancelled and state != "done"  # a score that is kept already stays
        self._finish(job, "cancelled" if cancelled else state, {} if cancelled else data)

    async def _transcribed(self, job: Job, recording: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        request = {
            "path": str(self.library.files.path(recording["hash"])),
            "name": recording["file_name"],
            "memory_bytes": MEMORY_BYTES,
            **{key: recording[key] for key in ("hints", "engine", "start", "end")},
        }
        pipe = asyncio.subprocess.PIPE
        job.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=pipe, stdout=pipe, limit=LINE_BYTES, start_new_session=True
        )  # a session of its own: Ctrl-C in the terminal is for the server
        if job.cancelled:  # while the process was made
            return "cancelled", {}
        assert job.process.stdin
        assert job.process.stdout
        job.process.stdin.write(json.dumps(request).encode() + b"\n")
        begin = time.monotonic()
        warnings: list[str] = []
        async for line in job.process.stdout:
            event = json.loads(line)
            name = event.pop("event")
            if name == "failed":
                return "failed", event
            if name == "score":
                number = await anyio.to_thread.run_sync(self.keep, recording, event["score"], warnings)
                return "done", {"version": number}
            if name == "warned":
                warnings.append(event["message"])
            elif name in ("heard", "wrote"):
                self._progress(job, name, event, time.monotonic() - begin)
            elif name == "bars":
                event = {**event["score"], "recording": job.recording, "version": None, "preview": True, "undo": None,
                         "redo": None, "hints": recording["hints"], "problems": [], "dropped": []}  # fmt: skip
            job.tell(name, event)
        return "failed", {
            "error": "The transcription broke off, perhaps for want of memory; try a part of the recording."
        }

    def _progress(self, job: Job, name: str, event: dict[str, Any], passed: float) -> None:
        job.seconds, job.total = event["seconds"], event["total"]
        job.phase = "hearing" if name == "heard" else "writing"
        job.left = None
        if job.total and job.seconds:
            rest = passed * (job.total - job.seconds) / job.seconds
            job.left = round(rest + (WRITING_SHARE * passed * job.total / job.seconds if name == "heard" else 0.0), 1)
        event["left"] = job.left

    def keep(self, recording: dict[str, Any], text: str, warnings: list[str]) -> int:
        """Keep a score, as JSON text, as the recording's next version; answers its number."""
        score = from_json(text)
        label = "Transcribed" if recording["current"] is None else "Transcribed again"
        draft = history.draft(label, 0, recording["hints"], [], [], score)
        engine = pipeline.MIDI if recording["codec"] == pipeline.MIDI else recording["engine"]
        length = score.seconds if recording["end"] is None else None
        return self.library.add_run(recording["id"], engine, draft, warnings, length)

    async def _ended(self, job: Job) -> None:
        """Make sure that the process is gone."""
        process, job.process = job.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())

    def _finish(self, job: Job, state: str, data: dict[str, Any]) -> None:
        """The job's last event, and what the recording says of it."""
        try:
            if state != "done":
                ready = self.library.recording(job.recording)["current"] is not None
                otherwise = "failed" if state == "failed" else "new"
                self.library.change(
                    job.recording, state="ready" if ready else otherwise, error=data.get("error"), attempts=0
                )
        except NotFoundError:
            pass  # deleted while it ran
        except sqlite3.Error as error:  # the disk is full: it says so again at the next start
            log.error("state of %s: %s", job.recording, error)
        job.end(state, data)


def sentence(error: Exception) -> str:
    """What to tell the user of a failure."""
    if is_full(error):
        return "The disk is full or cannot be written; nothing was changed."
    if isinstance(error, OSError):
        return f"A file could not be read or written: {(error.strerror or 'unknown reason').lower()}."
    return str(error)


def is_full(error: Exception) -> bool:
    """Whether a failure means that no more can be written."""
    full = errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS
    return isinstance(error, sqlite3.OperationalError) or (isinstance(error, OSError) and error.errno in full)
