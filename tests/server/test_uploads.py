"""What comes in is counted: too much, too slow, too many at once, cut off. A real server, since only it has sockets."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from asking import Asking
from live import Live

from abcscribe.server.app import Page
from abcscribe.server.jobs import MOST_WAITING

HEAD = "POST /api/recordings?engine=tone&transcribe=0 HTTP/1.1\r\nHost: localhost:{port}\r\nX-Abcscribe: 1\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server in a process of its own."""
    with Live(tmp_path_factory.mktemp("live")) as running:
        yield running


def send(live: Live, head: str, *pieces: bytes) -> bytes:
    """Raw bytes to the server; answers what it says until it closes or ten seconds have passed."""
    with socket.create_connection(("127.0.0.1", live.port), 10) as connection:
        connection.sendall((HEAD + head + "\r\n").format(port=live.port).encode())
        answer = b""
        with contextlib.suppress(OSError):
            for piece in pieces:
                connection.sendall(piece)
            while got := connection.recv(65_536):
                answer += got
                if b"\r\n\r\n" in answer:
                    break
        return answer


def incoming(live: Live) -> list[Path]:
    return list((live.folder / "incoming").iterdir())


def test_too_much_is_refused_before_it_is_read(live: Live) -> None:
    assert b" 413 " in send(live, f"Content-Length: {5 << 20}\r\n")
    assert not incoming(live)


def test_too_much_is_refused_while_it_comes(live: Live) -> None:
    """Without a length that could be looked at."""
    chunk = b"10000\r\n" + b"\x00" * 0x10000 + b"\r\n"
    assert b" 413 " in send(live, "Transfer-Encoding: chunked\r\n", *[chunk] * 70)
    assert not incoming(live)


def test_a_body_that_stops_is_given_up(live: Live) -> None:
    assert b" 408 " in send(live, "Content-Length: 1000\r\n", b"abc")
    assert not incoming(live)


def test_a_client_that_dies_leaves_nothing(live: Live) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", live.port), 10) as connection:
            connection.sendall((HEAD + "Content-Length: 100000\r\n\r\n").format(port=live.port).encode() + b"x" * 5000)
    live.until(lambda: not incoming(live))
    assert live.ask("GET", "/api/recordings")["total"] == 0


def test_json_is_bounded_too(live: Live) -> None:
    live.ask("PUT", "/api/settings", {"a": "x" * (1 << 17)}, status=413)
    live.ask("POST", "/api/abc", {"abc": "C" * 2_000_001}, status=413)
    live.ask("POST", "/api/abc", status=400, content=b"[" * 100_000)
    live.ask("POST", "/api/abc", status=400, content=b"\xff")
    live.ask("POST", "/api/abc", status=400, content=b"[]")


def test_two_hundred_uploads_at_once_are_taken_in_turns(live: Live, scale: bytes) -> None:
    """Each is taken or told to come again; those that come again are all taken. The page stays quick meanwhile."""
    statuses: list[int] = []

    async def upload(client: httpx.AsyncClient, number: int) -> None:
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await client.post(
                    "/api/recordings?engine=tone&transcribe=0", content=scale, headers={"X-File-Name": f"{number}.flac"}
                )
                statuses.append(answer.status_code)
                if answer.status_code == 201:
                    return
            await asyncio.sleep(0.2)

    async def everything() -> None:
        limits = httpx.Limits(max_connections=200)
        base = f"http://localhost:{live.port}"
        async with httpx.AsyncClient(base_url=base, headers={"X-Abcscribe": "1"}, limits=limits, timeout=120) as client:
            uploads = asyncio.gather(*(upload(client, number) for number in range(200)))
            async with asyncio.timeout(240):
                await uploads

    with ThreadPoolExecutor(1) as own:  # the browser tests' loop may be running in this thread
        own.submit(asyncio.run, everything()).result()
    assert set(statuses) <= {201, 408, 503}  # 408: on a busy machine a body may come too late
    assert statuses.count(201) == 200
    assert live.ask("GET", "/api/recordings")["total"] == 200
    assert not incoming(live)


def test_the_queue_has_an_end(ask: Asking, page: Page, scale: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ask.upload(scale, transcribe=0)
    monkeypatch.setattr("abcscribe.server.jobs.MOST_WAITING", 2)
    assert MOST_WAITING == 100
    running: Any = ask.upload(scale, end=3.5)
    ask.wait(running, ("running",))
    for _ in range(2):
        ask.upload(scale, end=3.5)
    answer = ask.client.post(f"/api/recordings/{row['id']}/transcribe", json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    ask.upload(scale, status=503)
    assert ask("GET", "/api/recordings")["total"] == 4


def test_clients_that_die_while_they_follow_a_job_hold_nothing(live: Live, scale: bytes) -> None:
    recording = live.ask.upload(scale, end=3.5)  # the tests' worker waits
    live.ask.wait(recording, ("running",))
    head = f"GET /api/jobs/{recording['job']}/events HTTP/1.1\r\nHost: localhost:{live.port}\r\n\r\n".encode()
    for _ in range(300):  # more than the server serves at once
        with socket.create_connection(("127.0.0.1", live.port), 10) as connection:
            connection.sendall(head)
            assert connection.recv(12) == b"HTTP/1.1 200"
    live.ask("DELETE", f"/api/jobs/{recording['job']}", status=204)
    assert live.ask.wait(recording)["state"] == "new"
    live.until(lambda: live.ask("GET", "/api/status")["running"] == 0)
