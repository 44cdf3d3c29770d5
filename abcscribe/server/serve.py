"""``abcscribe serve``: the page on a free local port, in the browser."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import uvicorn

from abcscribe.errors import AbcscribeError
from abcscribe.server import pipeline
from abcscribe.server.app import Page, Settings
from abcscribe.server.safety import LOCAL

PORT = 8765  # the same every time if it is free, so that the page's address can be kept
LOOPBACK = ("127.0.0.1", "localhost", "::1")
MOST_CONNECTIONS = 256
GRACE_SECONDS = 2  # for requests in progress, when the server ends
ADDRESS_FILE, LOCK_FILE = "address", "lock"


def serve(
    file: Path | None,
    *,
    host: str = LOOPBACK[0],
    port: int | None = None,
    folder: Path | None = None,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        file: a recording to take in and show.
        host: address to listen at; beyond this machine a token is asked for.
        port: None is PORT, or any free one if that is taken.
        folder: of the library; None is the user's own.
        browser: whether to open it.
        say: takes what the user should know.

    Raises:
        AbcscribeError: the address cannot be used, or another server has the library.
        AudioError: the file is no recording.
    """
    folder = folder or platformdirs.user_data_path("abcscribe", appauthor=False)
    if file:
        pipeline.about(file)
    with _own(folder, say, browser and file is None) as mine:
        if not mine:
            return
        listener = listening(host, port)
        own_port = listener.getsockname()[1]
        token = None if host in LOOPBACK else secrets.token_urlsafe(24)
        page = Page(Settings(folder, own_port, () if host in LOOPBACK else (host,), token))
        if file:
            page.opened = take_in(page, file)
        address = _address(host, own_port, token)
        (folder / ADDRESS_FILE).write_text(address, encoding="utf-8")
        known = "Nothing leaves this machine." if token is None else "Whoever has this address can use the page."
        say(f"abcscribe is at {address} (Ctrl-C ends it). {known}")
        run(page, listener, address if browser else None)


def take_in(page: Page, file: Path) -> str:
    """The recording in the library that a file is, new or known; a new one waits to be transcribed.

    Returns:
        Its id.
    """
    library = page.library
    temporary = library.files.temporary()
    try:
        shutil.copyfile(file, temporary)
        with temporary.open("rb") as copy:
            content = hashlib.file_digest(copy, "sha256").hexdigest()
        for row in library.with_hash(content):
            if row["state"] == "ready":
                return str(row["id"])
        info = pipeline.about(temporary)
        name = os.fsencode(file.name).decode("utf-8", "replace")
        values = {"title": Path(name).stem or "Recording", "file_name": name, "bytes": temporary.stat().st_size}
        row = library.add(temporary, content, **values, seconds=info.seconds, codec=info.codec, state="waiting")
    finally:
        temporary.unlink(missing_ok=True)
    return str(row["id"])


def run(page: Page, listener: socket.socket, address: str | None) -> None:
    """Serve until interrupted. ``address``: to open in the browser once the page is there; None opens none."""
    config = uvicorn.Config(
        page.app(),
        log_level="warning",
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        proxy_headers=False,
        ws="none",
    )
    server = uvicorn.Server(config)
    if address:
        threading.Thread(target=_open, args=(server, address), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _open(server: uvicorn.Server, address: str) -> None:
    while not server.started:
        time.sleep(0.05)
    webbrowser.open(address)


def _address(host: str, port: int, token: str | None) -> str:
    shown = LOCAL[0] if host in LOOPBACK else socket.gethostname() if host in ("0.0.0.0", "::") else host
    if token and host in ("0.0.0.0", "::"):
        shown = _outward_address()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")


def _outward_address() -> str:
    """The address of this machine in its network. Nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # a documentation address: only the route to it is looked up
        return str(probe.getsockname()[0])
    return LOCAL[1]


def listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens. Raises AbcscribeError."""
    wanted = [PORT, 0] if port is None else [port]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in wanted:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, number))
        except OSError as error:
            listener.close()
            if number == wanted[-1]:
                reason = (error.strerror or "unknown reason").lower()
                raise AbcscribeError(f"The server cannot listen at {host}, port {number}: {reason}.") from None
        else:
            listener.set_inheritable(False)
            return listener
    raise AssertionError("no port was tried")


@contextmanager
def _own(folder: Path, say: Callable[[str], None], browser: bool) -> Iterator[bool]:
    """Whether this process has the library for itself; if not, where it is served already is said and opened."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # recordings are nobody else's business
    with (folder / LOCK_FILE).open("w") as lock:
        if _locked(lock):
            yield True
            return
    try:
        address = (folder / ADDRESS_FILE).read_text(encoding="utf-8")
    except OSError:
        address = ""
    if not browser or not address:
        where = f" It is at {address}" if address else ""
        raise AbcscribeError(f"Another abcscribe serve has this library.{where}")
    say(f"abcscribe is running already, at {address}")
    webbrowser.open(address)
    yield False


def _locked(lock: Any) -> bool:
    """Take the lock that the system frees when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
