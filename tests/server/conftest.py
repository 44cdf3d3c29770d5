"""A page with an engine that hears sines, asked in the test's own process."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import media
import pytest
from asking import ENGINE, SCALE, Asking
from starlette.testclient import TestClient

from abcscribe.score.json_format import to_json
from abcscribe.server import pipeline
from abcscribe.server.app import Page, Settings
from abcscribe.transcription import Done

WORKER = (sys.executable, str(Path(__file__).with_name("tone_worker.py")))
PORT = 8765


@pytest.fixture
def scale(tmp_path: Path) -> bytes:
    """A recording of a scale in C, half a second a note."""
    return media.write(tmp_path / "scale.flac", media.tone(4.0, pitches=SCALE)).read_bytes()


@pytest.fixture
def recording(ask: Asking, page: Page, scale: bytes, tmp_path: Path) -> dict[str, Any]:
    """The scale, transcribed already: in this process, which is quicker than in a worker."""
    row = ask.upload(scale, transcribe=0)
    *_, done = pipeline.events(tmp_path / "scale.flac", ENGINE, {}, None, None)
    assert isinstance(done, Done)
    page.jobs.keep(page.library.recording(row["id"]), to_json(done.score), [])
    return dict(ask("GET", f"/api/recordings/{row['id']}"))


@pytest.fixture
def page(tmp_path: Path, tone: str) -> Page:
    """The state of a server."""
    return Page(Settings(tmp_path / "library", PORT, upload_bytes=1 << 20, worker=WORKER))


@pytest.fixture
def ask(page: Page) -> Iterator[Asking]:
    """Sends requests as the page does."""
    with TestClient(page.app(), base_url=f"http://localhost:{PORT}", headers={"X-Abcscribe": "1"}) as client:
        yield Asking(client)
