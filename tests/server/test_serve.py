"""``abcscribe serve`` as a user starts it: what it says, what it takes in, how it ends."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import command_line
import pytest
from asking import Asking, connected

EXAMPLE = Path(__file__).parents[2] / "examples" / "greensleeves.m4a"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLE, tmp_path / "My song.m4a"))


@pytest.fixture
def served(tmp_path: Path, recording: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its first line."""
    command = [
        sys.executable,
        "-m",
        "abcscribe",
        "serve",
        str(recording),
        "--no-browser",
        "--library",
        str(tmp_path / "l"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        yield process, process.stderr.readline()
        process.kill()


def port(line: str) -> int:
    found = re.search(r"http://localhost:(\d+)/", line)
    assert found, line
    return int(found[1])


def asking(number: int) -> Asking:
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", number)):
                return connected(number)


def test_it_serves_a_recording_until_it_is_interrupted(
    served: tuple[subprocess.Popen[str], str], tmp_path: Path, recording: Path
) -> None:
    process, line = served
    assert "Nothing leaves this machine" in line
    ask = asking(port(line))
    name = ask("GET", "/api/status")["file"]
    row = ask("GET", f"/api/recordings/{name}")
    assert (row["title"], row["state"] in ("waiting", "running")) == ("My song", True)
    assert "<title>" in ask.client.get("/").text
    again = command_line.run("serve", recording, "--no-browser", "--library", tmp_path / "l")
    assert (again.code, str(port(line)) in again.err) == (1, True)
    ask.client.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) in (0, 130)
    assert process.stderr
    assert "Traceback" not in process.stderr.read()


def test_what_is_no_recording_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    ran = command_line.run("serve", tmp_path / "a.wav", "--no-browser", "--library", tmp_path / "l")
    assert (ran.code, "not a sound" in ran.err) == (1, True)


def test_an_address_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        ran = command_line.run("serve", "--no-browser", "--library", tmp_path / "l", "--port", number)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert f"port {number}" in ran.err
