"""Failures -> answers: one sentence for the user, and the status that says what kind of failure it was."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from abcscribe.errors import AbcscribeError
from abcscribe.server.archive import ArchiveError
from abcscribe.server.jobs import is_full, sentence
from abcscribe.server.library import ChangedError, NotFoundError
from abcscribe.server.uploads import RefusedError

log = logging.getLogger(__name__)


def _error(text: str, status: int, **more: Any) -> JSONResponse:
    headers = {"Retry-After": "2"} if status == 503 else None
    return JSONResponse({"error": text, **more}, status, headers)


async def _refused(_request: Request, error: Any) -> Response:
    return _error(str(error), error.status)


async def _changed(_request: Request, error: Any) -> Response:
    return _error(str(error), 409, version=error.current)


async def _http(_request: Request, error: Any) -> Response:
    sentences = {404: "There is nothing at this address.", 405: "That cannot be done here."}
    return _error(sentences.get(error.status_code, str(error.detail)), error.status_code)


async def _disk(request: Request, error: Any) -> Response:
    log.error("%s %s: %s", request.method, request.url.path, error)
    return _error(sentence(error), 507 if is_full(error) else 500)


async def _unforeseen(_request: Request, _error_: Any) -> Response:
    return _error("Something went wrong in abcscribe itself; the terminal in which it runs says what.", 500)


async def _gone(_request: Request, _error: Any) -> Response:
    return Response(status_code=400)  # nobody is there to read it


def _status(status: int) -> Callable[[Request, Any], Awaitable[Response]]:
    async def answer(_request: Request, error: Any) -> Response:
        return _error(str(error), status)

    return answer


HANDLERS: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
    RefusedError: _refused,
    ChangedError: _changed,
    NotFoundError: _status(404),
    ArchiveError: _status(400),
    AbcscribeError: _status(422),
    sqlite3.Error: _disk,
    OSError: _disk,
    ClientDisconnect: _gone,
    HTTPException: _http,
    Exception: _unforeseen,
}
