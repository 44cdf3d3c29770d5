"""The addresses of the page: docs/api.md, one function each. They read the request, call a room, and answer JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from abcscribe.formats import HTML
from abcscribe.playback.samples import WEB
from abcscribe.server import archive, exports, history, pipeline, reading
from abcscribe.server.failures import HANDLERS
from abcscribe.server.jobs import COMMAND, MOST_WAITING, Job, Jobs
from abcscribe.server.library import Library, NotFoundError
from abcscribe.server.safety import Safety
from abcscribe.server.uploads import STALLED, RefusedError, Uploads, read_json
from abcscribe.server.vocabulary import vocabulary

Handler = Callable[[Request], Awaitable[Response]]

UPLOAD_BYTES = 2 << 30
MOST_SECONDS = 4 * 3600.0
SETTINGS_BYTES = 64 << 10
MOST_LISTED = 500
MOST_PEAKS = 8_000
PING_SECONDS = 15.0  # between comments that keep an event stream open
HEAVY_AT_ONCE = 2  # analyses, exports and copies that run beside each other


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is started with."""

    folder: Path  # of the library
    port: int
    hosts: tuple[str, ...] = ()  # beside localhost
    token: str | None = None
    upload_bytes: int = UPLOAD_BYTES
    stalled: float = STALLED  # seconds without a byte after which an upload is given up
    worker: Sequence[str] = COMMAND


class Page:
    """The state of a server, and its answers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.library = Library(settings.folder)
        self.uploads = Uploads(self.library.files, settings.upload_bytes, settings.stalled)
        self.jobs = Jobs(self.library, settings.worker)
        self.heavy = anyio.Semaphore(HEAVY_AT_ONCE)
        self.opened: str | None = None  # the recording that the command line named

    def app(self) -> Starlette:
        """The application, to be served once."""
        app = Starlette(routes=self._routes(), lifespan=self._lifespan, exception_handlers=HANDLERS)
        settings = self.settings
        app.add_middleware(Safety, hosts=settings.hosts, port=settings.port, token=settings.token)
        app.state.page = self
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self.jobs.start()
        try:
            yield
        finally:
            await self.jobs.stop()
            self.library.close()

    def _routes(self) -> list[Route | Mount]:
        one = "/api/recordings/{id:str}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/", self.index),
            ("GET", "/api/status", self.status),
            ("GET", "/api/vocabulary", self.vocabulary),
            ("GET", "/api/settings", self.get_settings),
            ("PUT", "/api/settings", self.put_settings),
            ("POST", "/api/recordings", self.upload),
            ("GET", "/api/recordings", self.recordings),
            ("GET", one, self.recording),
            ("PATCH", one, self.rename),
            ("DELETE", one, self.delete),
            ("POST", one + "/transcribe", self.transcribe),
            ("GET", one + "/audio", self.audio),
            ("GET", one + "/peaks", self.peaks),
            ("GET", one + "/score", self.score),
            ("GET", one + "/versions", self.versions),
            ("POST", one + "/hints", self.hints),
            ("POST", one + "/edits", self.edits),
            ("PUT", one + "/abc", self.put_abc),
            ("POST", one + "/undo", self.undo),
            ("POST", one + "/redo", self.redo),
            ("POST", one + "/restore", self.restore),
            ("GET", one + "/export/{format:str}", self.export),
            ("GET", "/api/jobs", self.list_jobs),
            ("GET", "/api/jobs/{id:str}", self.job),
            ("DELETE", "/api/jobs/{id:str}", self.cancel),
            ("GET", "/api/jobs/{id:str}/events", self.events),
            ("POST", "/api/abc", self.check_abc),
            ("GET", "/api/archive", self.get_archive),
            ("POST", "/api/archive", self.post_archive),
        ]
        routes: list[Route | Mount] = [Route(path, answer, methods=[method]) for method, path, answer in table]
        return [*routes, Mount("/static", StaticFiles(directory=WEB))]

    # --- the page and what there is -----------------------------------------------------------------------------------

    async def index(self, _request: Request) -> Response:
        return FileResponse(WEB / "index.html", media_type="text/html; charset=utf-8")

    async def status(self, _request: Request) -> Response:
        from abcscribe import __version__

        limits = {
            "upload_bytes": self.settings.upload_bytes,
            "seconds": MOST_SECONDS,
            "waiting": MOST_WAITING,
            "abc_characters": reading.ABC_CHARACTERS,
        }
        running, waiting = self.jobs.running(), len(self.jobs.waiting)
        answer = {"version": __version__, "limits": limits, "running": running, "waiting": waiting, "file": self.opened}
        return JSONResponse(answer)

    async def vocabulary(self, _request: Request) -> Response:
        return JSONResponse(vocabulary())

    async def get_settings(self, _request: Request) -> Response:
        return JSONResponse(self.library.setting("page") or {})

    async def put_settings(self, request: Request) -> Response:
        settings = await read_json(request, SETTINGS_BYTES)
        self.library.set("page", settings)
        return JSONResponse(settings)

    # --- recordings ---------------------------------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        query = request.query_params
        wanted = query.get("transcribe", "1") != "0"
        start, end = reading.seconds(query.get("start")), reading.seconds(query.get("end"))
        hints = reading.json_object(query.get("hints"))
        engine = query.get("engine", "abcscribe")
        reading.check_run(hints, engine, start, end)
        if wanted:
            self.jobs.room()
        file_name = reading.one_line(unquote(request.headers.get("x-file-name", ""), errors="replace")) or "recording"
        came = await self.uploads.take(request)
        try:
            info = await anyio.to_thread.run_sync(reading.probed, came.path)
            if info.seconds is not None and info.seconds > MOST_SECONDS:
                raise RefusedError(f"The recording is longer than {MOST_SECONDS / 3600:.0f} hours.", 413)
            about = {"file_name": file_name, "bytes": came.size, "seconds": info.seconds, "codec": info.codec}
            run = {"start": start, "end": end, "hints": hints, "engine": engine}
            row = self.library.add(came.path, came.hash, title=reading.title_of(file_name), **about, **run)
        finally:
            came.path.unlink(missing_ok=True)
        if wanted:
            self.jobs.add(row["id"])
        return JSONResponse(self._public(self.library.recording(row["id"])), 201)

    async def recordings(self, request: Request) -> Response:
        query = request.query_params
        limit = reading.whole(query.get("limit"), 50, 1, MOST_LISTED)
        offset = reading.whole(query.get("offset"), 0, 0, 1 << 31)
        rows, total = self.library.search(query.get("q", "")[: reading.LONGEST_TEXT], limit, offset)
        return JSONResponse({"recordings": [self._public(row) for row in rows], "total": total})

    async def recording(self, request: Request) -> Response:
        return JSONResponse(self._public(self.library.recording(request.path_params["id"])))

    async def rename(self, request: Request) -> Response:
        data = await read_json(request)
        values = {key: reading.one_line(data[key]) for key in ("title", "composer") if isinstance(data.get(key), str)}
        if not values or values.get("title") == "":
            raise RefusedError("A recording needs a title.", 400)
        return JSONResponse(self._public(self.library.change(request.path_params["id"], **values)))

    async def delete(self, request: Request) -> Response:
        name = request.path_params["id"]
        self.library.recording(name)
        if job := self.jobs.of(name):
            self.jobs.cancel(job)
        self.library.delete(name)
        return Response(status_code=204)

    async def transcribe(self, request: Request) -> Response:
        data, name = await read_json(request), request.path_params["id"]
        row = self.library.recording(name)
        hints = data.get("hints", row["hints"])
        start, end = (reading.number(data.get(key, row[key])) for key in ("start", "end"))
        engine = data.get("engine") or row["engine"]
        reading.check_run(hints, engine, start, end)
        if self.jobs.of(name) is None:
            self.jobs.room()
            self.library.change(name, hints=hints, start=start, end=end, engine=engine)
        job = self.jobs.add(name)
        return JSONResponse(job.public(self.jobs.position(job)), 202)

    async def audio(self, request: Request) -> Response:
        row = self._sounding(request.path_params["id"])
        path, kind = await self._heavily(self.library.files.playable, row["hash"])
        return FileResponse(path, media_type=kind)

    async def peaks(self, request: Request) -> Response:
        row, query = self._sounding(request.path_params["id"]), request.query_params
        count = reading.whole(query.get("count"), 1000, 1, MOST_PEAKS)
        outline = await self._heavily(self.library.files.peaks, row["hash"])
        start, end = reading.seconds(query.get("start")), reading.seconds(query.get("end"))
        return JSONResponse(reading.peaks(outline, count, start, end))

    # --- the score ----------------------------------------------------------------------------------------------------

    async def score(self, request: Request) -> Response:
        number = request.query_params.get("version")
        return await self._shown(request, reading.whole(number, 0, 1, 1 << 31) if number else None)

    async def versions(self, request: Request) -> Response:
        name = request.path_params["id"]
        current = self.library.recording(name)["current"]
        return JSONResponse({"versions": self.library.versions(name), "current": current})

    async def hints(self, request: Request) -> Response:
        data = await read_json(request)
        hints, factor = data.get("hints", {}), reading.number(data.get("tempo_factor"))
        if not isinstance(hints, dict):
            raise RefusedError("Hints are a JSON object.", 400)
        base = reading.version(data, "base")
        await self._heavily(history.hinted, self.library, request.path_params["id"], hints, factor, base)
        return await self._shown(request)

    async def edits(self, request: Request) -> Response:
        data = await read_json(request)
        edits = data.get("edits")
        if not isinstance(edits, list):
            raise RefusedError("Edits are a JSON list.", 400)
        base = reading.version(data, "base")
        await self._heavily(history.edited, self.library, request.path_params["id"], edits, base)
        return await self._shown(request)

    async def put_abc(self, request: Request) -> Response:
        data = await read_json(request)
        abc, base, name = reading.abc_text(data), reading.version(data, "base"), request.path_params["id"]
        problems = await self._heavily(history.written, self.library, name, abc, base)
        return await self._shown(request, problems=problems)

    async def check_abc(self, request: Request) -> Response:
        return JSONResponse(await self._heavily(history.checked, reading.abc_text(await read_json(request))))

    async def undo(self, request: Request) -> Response:
        await self._heavily(history.undone, self.library, request.path_params["id"])
        return await self._shown(request)

    async def redo(self, request: Request) -> Response:
        await self._heavily(history.redone, self.library, request.path_params["id"])
        return await self._shown(request)

    async def restore(self, request: Request) -> Response:
        number = reading.version(await read_json(request), "version")
        if number is None:
            raise RefusedError("Which version?", 400)
        await self._heavily(history.restored, self.library, request.path_params["id"], number)
        return await self._shown(request)

    async def _shown(self, request: Request, number: int | None = None, **more: Any) -> Response:
        shown = await self._heavily(history.shown, self.library, request.path_params["id"], number)
        return JSONResponse({**shown, **more})

    # --- jobs ---------------------------------------------------------------------------------------------------------

    async def list_jobs(self, _request: Request) -> Response:
        return JSONResponse({"jobs": [job.public(self.jobs.position(job)) for job in self.jobs.jobs.values()]})

    async def job(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["id"])
        return JSONResponse(job.public(self.jobs.position(job)))

    async def cancel(self, request: Request) -> Response:
        self.jobs.cancel(self.jobs.get(request.path_params["id"]))
        return Response(status_code=204)

    async def events(self, request: Request) -> Response:
        job = self.jobs.get(request.path_params["id"])
        after = reading.whole(request.headers.get("last-event-id"), 0, 0, 1 << 62)
        return StreamingResponse(self._stream(job, after), media_type="text/event-stream")

    async def _stream(self, job: Job, after: int) -> AsyncIterator[str]:
        while True:
            news = job.news
            for number, name, data in job.since(after):
                after = number
                yield f"id: {number}\nevent: {name}\ndata: {data}\n\n"
            if job.ended:
                return
            with anyio.move_on_after(PING_SECONDS) as scope:
                await news.wait()
            if scope.cancelled_caught:
                yield ": still here\n\n"

    # --- out ----------------------------------------------------------------------------------------------------------

    async def export(self, request: Request) -> Response:
        query, name = request.query_params, request.path_params["format"]
        number = query.get("version")
        row = self.library.recording(request.path_params["id"])
        parts = [reading.whole(text, 0, 0, 1000) for text in query["parts"].split(",")] if query.get("parts") else None
        semitones = reading.whole(query.get("transpose"), 0, -48, 48)
        arrangement = reading.arrangement(query)
        embed = name in (HTML, exports.ALL) and row["codec"] != pipeline.MIDI
        embed = embed and query.get("audio", "1") != "0"

        def made() -> exports.Export:
            version = self.library.version(row["id"], reading.whole(number, 0, 1, 1 << 31) if number else None)
            sound = None
            if embed:
                sound = exports.to_embed(*self.library.files.playable(row["hash"]), name)
            score = history.titled(row, version.score)
            return exports.export(
                score, name, parts=parts, semitones=semitones, tuning=query.get("tuning") or None, recording=sound,
                arrangement=arrangement,
            )  # fmt: skip

        file = await self._heavily(made)
        return Response(file.content, media_type=file.media_type, headers=reading.attachment(file.name))

    async def get_archive(self, request: Request) -> Response:
        ids = request.query_params.get("ids")
        names = [name for name in ids.split(",") if name] if ids else self.library.all_ids()
        goal = self.library.files.temporary()
        try:
            await self._heavily(archive.write, self.library, names, goal)
        except BaseException:
            goal.unlink(missing_ok=True)
            raise
        return _TemporaryFile(goal, media_type=exports.ZIP_TYPE, headers=reading.attachment("abcscribe library.zip"))

    async def post_archive(self, request: Request) -> Response:
        came = await self.uploads.take(request)
        try:
            count = await self._heavily(archive.read, self.library, came.path, self.settings.upload_bytes)
        finally:
            came.path.unlink(missing_ok=True)
        return JSONResponse({"imported": count})

    def _sounding(self, name: str) -> dict[str, Any]:
        """The row of a recording that has a sound."""
        row = self.library.recording(name)
        if row["codec"] == pipeline.MIDI:
            raise NotFoundError("A MIDI file is notes alone; there is no sound of it.")
        return row

    async def _heavily(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """A call that takes a while, in a thread, a few at once."""
        async with self.heavy:
            return await anyio.to_thread.run_sync(function, *arguments)

    def _public(self, row: dict[str, Any]) -> dict[str, Any]:
        """A recording as docs/api.md has it."""
        job = self.jobs.of(row["id"])
        state = job.state if job else row["state"]
        shown = {key: row[key] for key in row if key not in ("hash", "attempts", "current")}
        return shown | {"state": state, "job": job and job.id, "version": row["current"]}


class _TemporaryFile(FileResponse):
    """A file that is removed once it was sent, or could not be."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            Path(self.path).unlink(missing_ok=True)
