"""How the page bears long music: seconds until the first bars, memory of server and page, milliseconds of an edit.

    python benchmarks/page.py [RECORDING] [--minutes 15] [--notes 600]

RECORDING (default: the example) is played again and again until it is so long. Needs Playwright and a Chromium on the
PATH. Seconds on the clock are those of a busy machine, too, so processor time stands beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from abcscribe import audio

EXAMPLE = Path(__file__).parents[1] / "examples" / "greensleeves.m4a"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 1_800_000  # milliseconds
POLL = 1.0  # seconds between two looks at the processes
EDITS = 8
SERVER, TRANSCRIBES, RENDERER = "abcscribe\0serve", "abcscribe.server.worker", "--type=renderer"  # in commands
# Milliseconds of each drawing, from the score's arrival until all is there, and from each key until then.
WATCH = """async () => {
  const {ScoreDrawing} = await import('/static/score_drawing.js');
  const show = ScoreDrawing.prototype.show;
  window.figures = {redraw: [], edit: []};
  let pressed = 0;
  addEventListener('keydown', () => { pressed = performance.now(); }, true);
  ScoreDrawing.prototype.show = function(score) {
    const began = performance.now();
    const drawn = show.call(this, score);
    drawn.then(() => {
      window.figures.redraw.push(performance.now() - began);
      window.figures.edit.push(performance.now() - pressed);
    });
    return drawn;
  };
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", nargs="?", type=Path, default=EXAMPLE)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--notes", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        long = _looped(options.recording, 60 * options.minutes, Path(folder) / "long.wav")
        with _server(Path(folder) / "library") as (url, server), _page(url) as (page, browser):
            found = {"load average": os.getloadavg()[0], **_first_bars(page, server, browser, long)}
            found |= _edits(page, url, options.notes)
    for name, value in found.items():
        print(f"{name:52} {value:10.1f}")


def _looped(recording: Path, seconds: float, out: Path) -> Path:
    samples = audio.load(recording)
    whole = np.resize(samples, int(seconds * audio.SAMPLE_RATE))
    with wave.open(str(out), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(audio.SAMPLE_RATE)
        file.writeframes((whole.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return out


@contextmanager
def _server(library: Path) -> Iterator[tuple[str, int]]:
    """Address and process of the page's server."""
    command = [sys.executable, "-m", "abcscribe", "serve", "--no-browser", "--port", "8765", "--library", str(library)]
    url = "http://localhost:8765/"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(url + "api/status").close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("the server has ended") from None
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextmanager
def _page(url: str) -> Iterator[tuple[Any, int]]:
    """The page in Chromium, and this process, of which the browser is a child."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise SystemExit("There is no Chromium on the PATH.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--mute-audio"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        yield page, os.getpid()
        browser.close()


def _first_bars(page: Any, server: int, browser: int, recording: Path) -> dict[str, float]:
    page.wait_for_selector(".dropzone")
    watch = Watch({"server": server, "browser": browser})
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    began, spent = time.monotonic(), watch.processor_seconds()
    chooser.value.set_files(recording)
    page.wait_for_selector(".system svg [data-id^=n]")
    first, first_spent = time.monotonic() - began, watch.processor_seconds() - spent
    page.wait_for_selector(".score-page .system svg [data-id^=n]")
    whole, whole_spent = time.monotonic() - began, watch.processor_seconds() - spent
    page.wait_for_timeout(5000)  # until all systems are drawn
    watch.stop()
    notes, systems = page.evaluate(
        "[document.querySelectorAll('[data-id^=n]').length, document.querySelectorAll('.system').length]"
    )
    heap = _metrics(page)()["JSHeapUsedSize"]
    return {
        "first bars, seconds": first, "first bars, seconds of processor": first_spent,
        "whole score, seconds": whole, "whole score, seconds of processor": whole_spent,
        "notes on the page": notes, "systems on the page": systems,
        "server, seconds of processor": watch.processor_seconds(SERVER),
        "transcribing process, seconds of processor": watch.processor_seconds(TRANSCRIBES),
        "page (renderer), seconds of processor": watch.processor_seconds(RENDERER),
        "server, most MB": watch.most(SERVER),
        "transcribing process, most MB": watch.most(TRANSCRIBES),
        "page (renderer), most MB": watch.most(RENDERER),
        "page, JavaScript heap MB": heap / 2**20,
    }  # fmt: skip


def _metrics(page: Any) -> Callable[[], dict[str, float]]:
    """What the browser measures of the page from now on; durations in seconds of processor."""
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})
    return lambda: {entry["name"]: entry["value"] for entry in client.send("Performance.getMetrics")["metrics"]}


def _edits(page: Any, url: str, notes: int) -> dict[str, float]:
    """Edits of one note among so many, in place of the long score."""
    scale = ["CDEF", "GABc", "cBAG", "FEDC"]
    bars = [" ".join(scale[2 * (i % 2) : 2 * (i % 2) + 2]) for i in range(notes // 8)]
    abc = f'%abc-2.1\nX:1\nT:Long\nM:4/4\nL:1/8\nQ:1/4=120\nK:C\nV:1 name="Piano" clef=treble\n{" | ".join(bars)} |]\n'
    recording = page.url.split("/")[-1]
    headers = {"Content-Type": "application/json", "X-Abcscribe": "1"}
    body = json.dumps({"abc": abc}).encode()
    address = f"{url}api/recordings/{recording}/abc"
    urllib.request.urlopen(urllib.request.Request(address, body, headers, method="PUT")).close()
    page.reload()
    page.wait_for_selector(".score-page .system svg")
    page.wait_for_timeout(2000)
    page.evaluate(WATCH)
    page.keyboard.press("o")
    page.get_by_role("tab", name="Notes").click()
    page.locator("[data-id^=n]").nth(notes // 2).locator(".abcjs-notehead").first.click()
    metrics = _metrics(page)
    before = metrics()["TaskDuration"]
    for number in range(EDITS):
        page.keyboard.press("ArrowUp" if number % 2 == 0 else "ArrowDown")
        while page.evaluate("window.figures.edit.length") <= number:
            page.wait_for_timeout(20)
    spent = metrics()["TaskDuration"] - before
    found = page.evaluate("window.figures")
    return {
        f"redraw of an edit of {notes} notes, median ms": float(np.median(found["redraw"])),
        "the same, most ms": float(max(found["redraw"])),
        "from the key to the new score, median ms": float(np.median(found["edit"])),
        "an edit, ms of the page's processor": 1000 * spent / EDITS,
    }


class Watch:
    """Looks at trees of processes: processor time, and the most memory that each process had."""

    def __init__(self, roots: dict[str, int]) -> None:
        self.roots = roots
        self.peaks: dict[int, float] = {}  # megabytes
        self.spent: dict[int, float] = {}  # seconds of processor
        self.names: dict[int, str] = {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()

    def most(self, named: str) -> float:
        """Megabytes of the largest process that has this in its command."""
        return max((peak for pid, peak in self.peaks.items() if named in self.names[pid]), default=0.0)

    def processor_seconds(self, named: str = "") -> float:
        """Of all processes so far that have this in their command."""
        return sum(spent for pid, spent in self.spent.items() if named in self.names[pid])

    def _look(self) -> None:
        while not self.ended.wait(POLL):
            for pid in {pid for root in self.roots.values() for pid in _tree(root)}:
                folder = Path(f"/proc/{pid}")
                try:
                    name = (folder / "cmdline").read_text()
                    status = (folder / "status").read_text()
                    fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:  # it has just ended
                    continue
                line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "")
                if line:  # those that have ended have none
                    self.names[pid], self.peaks[pid] = name, int(line.split()[1]) / 1024
                    self.spent[pid] = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def _tree(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:  # it has just ended
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


if __name__ == "__main__":
    main()
