"""The server is killed while it works and while it saves, and the disk is full: nothing is lost, nothing is stuck."""

import os
import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import media
import numpy as np
from asking import SCALE
from live import Live


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_killed_during_a_run_it_begins_again_and_no_worker_is_left(tmp_path: Path, scale: bytes) -> None:
    live = Live(tmp_path)
    recording = live.ask.upload(scale, end=3.5)  # the tests' worker waits after its first event
    waiting = live.ask.upload(scale)
    live.ask.wait(recording, ("running",))
    live.until(lambda: bool(children(live.process.pid)))
    (worker,) = children(live.process.pid)
    (tmp_path / "incoming" / "half").write_bytes(b"a file that was coming in")
    live.kill()
    live.until(lambda: not is_running(worker))
    with Live(tmp_path) as live:
        assert not (tmp_path / "incoming" / "half").exists()
        job = live.ask.wait(recording, ("running",))["job"]
        live.ask("DELETE", f"/api/jobs/{job}", status=204)
        assert live.ask.wait(waiting)["state"] == "ready"


def test_a_recording_that_takes_the_server_with_it_is_not_tried_for_ever(tmp_path: Path, scale: bytes) -> None:
    with Live(tmp_path) as live:
        recording = live.ask.upload(scale, transcribe=0)
    with sqlite3.connect(tmp_path / "library.sqlite") as connection:
        connection.execute("UPDATE recordings SET state = 'running', attempts = 3")
    connection.close()
    with Live(tmp_path) as live:
        row = live.ask.wait(recording)
        assert row["state"] == "failed"
        assert "several times" in row["error"]


def test_killed_during_saves_every_answered_change_is_there(tmp_path: Path, scale: bytes) -> None:
    live = Live(tmp_path)
    recording = live.ask.upload(scale)
    live.ask.score(recording)
    path = f"/api/recordings/{recording['id']}"
    draw = random.Random(5)
    answered: dict[str, Any] = live.ask("GET", f"{path}/score")
    for _ in range(3):
        killer = threading.Timer(draw.uniform(0.1, 0.5), live.kill)
        killer.start()
        try:
            while True:
                edit = {"op": "pitch", "notes": [answered["notes"][0]["id"]], "semitones": draw.choice((-1, 1))}
                answered = live.ask("POST", f"{path}/edits", {"edits": [edit]})
        except AssertionError:
            raise
        except Exception:  # the connection broke: whatever the client library calls it
            killer.join()
        live = Live(tmp_path)
        shown = live.ask("GET", f"{path}/score")
        assert shown["version"] - answered["version"] in (0, 1)  # the last one may have been saved unanswered
        assert live.ask("GET", f"{path}/score?version={answered['version']}")["abc"] == answered["abc"]
        answered = shown
    versions = live.ask("GET", f"{path}/versions")["versions"]
    assert [row["version"] for row in versions] == list(range(1, len(versions) + 1))
    live.kill()
    connection = sqlite3.connect(tmp_path / "library.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_full_disk_costs_only_what_does_not_fit(tmp_path: Path, scale: bytes) -> None:
    with Live(tmp_path) as live:
        recording = live.ask.upload(scale)
        live.ask.score(recording)
    path = f"/api/recordings/{recording['id']}"
    large = media.write(tmp_path / "a.wav", np.tile(media.tone(4.0, pitches=SCALE), 10)).read_bytes()
    with Live(tmp_path, most_file_bytes=300_000) as live:
        before = live.ask("GET", f"{path}/score")
        assert "full" in live.ask.upload(large, status=507)["error"]
        assert not list((tmp_path / "incoming").iterdir())
        answers = 0
        while answers < 200:
            edit = {"op": "part", "part": 0, "name": "x" * 200}
            answer = live.ask.client.post(f"{path}/edits", json={"edits": [edit]})
            if answer.status_code != 200:
                break
            before, answers = answer.json(), answers + 1
        assert answer.status_code == 507
        assert "nothing was changed" in answer.json()["error"]
        assert live.ask("GET", f"{path}/score")["version"] == before["version"]
        assert live.ask("GET", "/api/jobs")["jobs"] == []
    with Live(tmp_path) as live:  # there is room again
        assert live.ask("GET", f"{path}/score")["abc"] == before["abc"]
        assert live.ask("POST", f"{path}/undo", {})["version"] == before["version"] - 1


def test_a_job_that_cannot_be_kept_fails_and_the_queue_goes_on(tmp_path: Path, scale: bytes) -> None:
    with Live(tmp_path) as live:
        recording = live.ask.upload(scale, transcribe=0)
    with Live(tmp_path, most_file_bytes=20_000) as live:
        answer = live.ask.client.post(f"/api/recordings/{recording['id']}/transcribe", json={"end": 2.0})
        assert answer.status_code in (202, 507)
        time.sleep(0.2)
        live.until(lambda: live.ask("GET", "/api/status")["running"] == 0)
    with Live(tmp_path) as live:
        state = live.ask.wait(recording)["state"]
        if state != "ready":
            live.ask("POST", f"/api/recordings/{recording['id']}/transcribe", {}, status=202)
        assert live.ask.wait(recording)["state"] == "ready"
