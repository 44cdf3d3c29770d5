"""Bodies of requests -> files and JSON, counted while they come: nobody can send too much, too slowly or too many."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request

from abcscribe.errors import AbcscribeError
from abcscribe.server.files import Files

JSON_BYTES = 8 << 20
AT_ONCE = 8  # uploads that are read at the same time
STALLED = 30.0  # seconds without a byte
SLOWEST = 2_000  # bytes a second on average, once an upload has taken STALLED seconds
SPARE_BYTES = 64 << 20  # of the disk that an upload does not take


class RefusedError(AbcscribeError):
    """A request that is not served, with its HTTP status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Upload:
    """A complete file that came in."""

    path: Path
    hash: str
    size: int


class Uploads:
    """Takes files in."""

    def __init__(self, files: Files, most_bytes: int, stalled: float = STALLED) -> None:
        self.files, self.most_bytes, self.stalled = files, most_bytes, stalled
        self.reading = 0

    async def take(self, request: Request) -> Upload:
        """The body as a temporary file, complete and on the disk. Whatever goes wrong, nothing of it is left.

        Raises:
            RefusedError: too large, too slow, cut off, or others are being read already.
            OSError: the disk is full.
        """
        announced = request.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.most_bytes:
            raise RefusedError(_too_large(self.most_bytes), 413)
        if self.reading >= AT_ONCE:
            raise RefusedError("Other files are being sent; try again in a moment.", 503)
        self.reading += 1
        path = self.files.temporary()
        try:
            return await self._written(request, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            self.reading -= 1

    async def _written(self, request: Request, path: Path) -> Upload:
        digest, size = hashlib.sha256(), 0
        async with await anyio.open_file(path, "wb") as file:
            async for chunk in paced(request, self.stalled):
                size += len(chunk)
                if size > self.most_bytes:
                    raise RefusedError(_too_large(self.most_bytes), 413)
                digest.update(chunk)
                await file.write(chunk)
            await file.flush()
            await anyio.to_thread.run_sync(os.fsync, file.wrapped.fileno())
        if not size:
            raise RefusedError("The file is empty.", 415)
        return Upload(path, digest.hexdigest(), size)


async def read_json(request: Request, most: int = JSON_BYTES) -> dict[str, Any]:
    """The body as a JSON object. Raises RefusedError."""
    parts, size = [], 0
    async for chunk in paced(request, STALLED):
        size += len(chunk)
        if size > most:
            raise RefusedError(_too_large(most), 413)
        parts.append(chunk)
    try:
        data = json.loads(b"".join(parts) or b"{}")
    except (ValueError, RecursionError):
        raise RefusedError("The request is not JSON.", 400) from None
    if not isinstance(data, dict):
        raise RefusedError("The request has to be a JSON object.", 400)
    return data


async def paced(request: Request, stalled: float) -> AsyncIterator[bytes]:
    """The body's chunks. Raises RefusedError if they stop, drip, or break off."""
    begin, size = time.monotonic(), 0
    chunks = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(chunks), stalled)
        except StopAsyncIteration:
            return
        except ClientDisconnect:
            raise RefusedError("The connection broke off.", 400) from None
        except TimeoutError:
            raise RefusedError("Nothing came for a while; send it again.", 408) from None
        size += len(chunk)
        passed = time.monotonic() - begin
        if passed > stalled and size < SLOWEST * passed:
            raise RefusedError("It came too slowly; send it again.", 408)
        if chunk:
            yield chunk


def _too_large(most: int) -> str:
    unit, name = (1 << 30, "GB") if most >= 1 << 30 else (1 << 20, "MB") if most >= 1 << 20 else (1 << 10, "KB")
    return f"That is larger than {most // unit} {name}, more than can be taken."
