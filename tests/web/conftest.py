"""A real browser on the page of a real server. Whatever the page asks of another address fails the test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sounds
from page_server import PageServer
from waiting import DESKTOP, PATIENCE, open_score

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Back to a version, the title and the settings of a new page.
RESTORE = """version => {
  const headers = {'Content-Type': 'application/json', 'X-Abcscribe': '1'};
  const recording = location.hash.replace('#/r/', '/api/recordings/');
  return Promise.all([
    fetch(`${recording}/restore`, {method: 'POST', headers, body: JSON.stringify({version})}),
    fetch(recording, {method: 'PATCH', headers, body: JSON.stringify({title: 'melody', composer: ''})}),
    fetch('/api/settings', {method: 'PUT', headers, body: '{}'}),
  ]);
}"""
FLAGS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--use-fake-ui-for-media-stream", "--mute-audio")


@pytest.fixture(scope="session")
def melody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen notes with rubato."""
    return sounds.write_melody(tmp_path_factory.mktemp("sounds") / "melody.wav", sounds.rubato_onsets())


@pytest.fixture(scope="session")
def browser(melody: Path) -> Iterator[Any]:
    """Chromium, whose microphone hears the melody."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.fail("The browser tests need Playwright: pip install playwright axe-playwright-python")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        pytest.fail("The browser tests need Chromium: apt-get install chromium (or put one on the PATH).")
    microphone = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={melody}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *microphone])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """A server for all tests that do not stop it."""
    running = PageServer(tmp_path_factory.mktemp("library")).start()
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open an address in a window of its own: ``visit(url, size=, dark=)``. At the end nothing may have been asked of
    another address, and nothing have gone wrong in the page but refusals that were asked for (``page.refusals``)."""
    contexts: list[Any] = []
    troubles: list[str] = []

    def open_page(url: str, size: tuple[int, int] = DESKTOP, dark: bool = False, **more: Any) -> Any:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", **more
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.refusals = set()  # statuses of answers, and whole messages, that a test provokes
        page.on("pageerror", lambda error: troubles.append(f"error in the page: {error}"))
        page.on("console", lambda message: _note(message, page, troubles))
        page.on("request", lambda request: _inside(request.url, url) or troubles.append(f"outside: {request.url}"))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not troubles, troubles


def _inside(asked: str, url: str) -> bool:
    home = url if url.startswith("file:") else "/".join(url.split("/")[:3]) + "/"
    return asked.startswith((home, "data:", "blob:"))


def _note(message: Any, page: Any, troubles: list[str]) -> None:
    refused = any(f"status of {status}" in message.text or status == message.text for status in page.refusals)
    if message.type in ("error", "warning") and not refused:
        troubles.append(f"{message.type}: {message.text}")


@pytest.fixture(scope="session")
def transcribed(server: PageServer, melody: Path, browser: Any) -> str:
    """Address of the melody's score, transcribed through the page."""
    page = browser.new_page()
    page.goto(server.url)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(melody)
    page.wait_for_selector(".score-page .system svg", timeout=PATIENCE)
    url = page.url
    page.close()
    return str(url)


@pytest.fixture
def score(visit: Callable[..., Any], transcribed: str) -> Iterator[Any]:
    """The melody's score in a window; what was changed is undone at the end."""
    page = open_score(visit, transcribed)
    version = _current(page)
    yield page
    page.evaluate(RESTORE, version)


def _current(page: Any) -> int:
    answer = page.evaluate("fetch(location.hash.replace('#/r/', '/api/recordings/')).then((answer) => answer.json())")
    return int(answer["version"])
