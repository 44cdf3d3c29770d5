"""The page that needs no server: whole, closed to the network, and a hostile title stays text."""

import base64
import json
import re
from pathlib import Path

import command_line
import media

from abcscribe.formats import render_with_recording
from abcscribe.playback.html import recording_of, to_html
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.writers import render

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)>"


def data_of(html: str) -> dict:  # type: ignore[type-arg]
    found = re.search(r'<script type="application/json" id="abcscribe-data">(.*?)</script>', html, re.S)
    assert found
    return dict(json.loads(found[1]))


def test_it_holds_the_score_the_sounds_and_the_recording(tmp_path: Path) -> None:
    score, _ = read_abc("X:1\nT:A tune\nK:G\nV:1\n%%MIDI program 40\nGABc|")
    recording = media.write(tmp_path / "a.flac", media.tone(1.0))
    html = to_html(score, recording_of(recording)).decode()
    data = data_of(html)
    assert data["score"]["title"] == "A tune"
    assert [note["pitch"] for note in data["score"]["notes"]] == ["G4", "A4", "B4", "C5"]
    kind, content = data["audio"].split(",", 1)
    assert kind == "data:audio/flac;base64"
    assert base64.b64decode(content) == recording.read_bytes()
    (used,) = data["samples"]["sets"].values()
    assert all(note["url"].startswith("data:audio/mpeg;base64,") for note in used["notes"])


def test_nothing_is_fetched(tmp_path: Path) -> None:
    html = to_html(read_abc("X:1\nK:C\nC|")[0]).decode()
    head = html.split("<body>")[0]
    assert "default-src 'none'" in head
    assert not re.findall(r"<(?:link|img|audio|iframe|object|embed)\b", html.split("<script>")[0])
    assert not re.findall(r"<script[^>]*\bsrc=", html)
    assert "@import" not in head
    assert data_of(html)["audio"] is None


def test_a_hostile_title_stays_text() -> None:
    score, _ = read_abc(f'X:1\nT:{HOSTILE}\nK:C\nV:1 name="{HOSTILE}"\nC|')
    html = to_html(score).decode()
    assert HOSTILE not in html
    assert "<img" not in html
    assert "<!-- " not in html.split("<script>")[0]
    assert data_of(html)["score"]["title"] == score.title


def test_odd_recordings_go_in_as_flac(tmp_path: Path) -> None:
    content, kind = recording_of(media.write(tmp_path / "a.mkv", media.tone(1.0)))
    assert (kind, content[:4]) == ("audio/flac", b"fLaC")


def test_what_cannot_be_played_is_left_out(tmp_path: Path) -> None:
    score, _ = read_abc("X:1\nK:C\nCDEF|")
    (tmp_path / "a.mid").write_bytes(render(score, "midi"))
    for recording in (tmp_path / "a.mid", Path("-"), tmp_path / "missing.wav", None):
        assert data_of(render_with_recording(score, "html", None, recording).decode())["audio"] is None


def test_the_command_line_writes_it(tmp_path: Path, tone: str) -> None:
    recording = media.write(tmp_path / "scale.flac", media.tone(4.0, pitches=SCALE))
    ran = command_line.run("transcribe", recording, "-o", tmp_path, "-f", "html", "--engine", tone)
    assert ran.code == 0, ran.err
    assert data_of((tmp_path / "scale.html").read_text())["score"]["title"] == "scale"
