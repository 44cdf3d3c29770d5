"""Install a wheel as a stranger would and use it: in an environment of its own, from a folder of its own.

    python release/try_wheel.py FOLDER [ENVIRONMENT]      (the folder that holds the wheel)

The dependencies are those of constraints-light.txt, each checked against its hash. The environment is made anew and
stays if a folder is named (the bill of materials is taken from it). Ends at the first thing that is not as it should.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FORMATS = ("abc", "musicxml", "mid", "pdf", "svg")  # suffixes
PATIENCE = 60.0  # seconds until the page must answer


def main(wheel: Path, environment: Path) -> None:
    """Install and try all that a musician does."""
    environment = environment.resolve()
    shutil.rmtree(environment, ignore_errors=True)
    venv.create(environment, with_pip=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    pip = [str(scripts / "python"), "-m", "pip", "install", "--quiet"]
    run([*pip, "--require-hashes", "-r", str(ROOT / "constraints-light.txt")], ROOT)
    run([*pip, "--no-deps", str(wheel.resolve())], ROOT)
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = Path(folder)
        recording = Path(shutil.copy(ROOT / "examples" / "greensleeves.m4a", elsewhere))
        home = run([str(scripts / "python"), "-c", "import abcscribe; print(abcscribe.__file__)"], elsewhere)
        expect(str(environment) in home, f"abcscribe is imported from {home}")
        abcscribe = str(scripts / "abcscribe")
        version = run([abcscribe, "--version"], elsewhere)
        expect(version.split()[1] == wheel.name.split("-")[1], f"{wheel.name} says {version}")
        run([abcscribe, "transcribe", recording.name, "-o", "scores", "-f", "abc,musicxml,midi,pdf,svg"], elsewhere)
        written = {path.name for path in (elsewhere / "scores").iterdir()}
        expect(written >= {f"greensleeves.{suffix}" for suffix in FORMATS}, f"{sorted(written)} were written")
        abc = (elsewhere / "scores" / "greensleeves.abc").read_text(encoding="utf-8")
        expect("M:6/8" in abc and "K:" in abc, f"the score of the example begins {abc[:200]!r}")
        serve(abcscribe, elsewhere)
    print(f"{wheel.name} works under {sys.version.split()[0]}: {version}, {len(written)} formats, the page answers.")


def serve(abcscribe: str, folder: Path) -> None:
    """Open the page and close it again."""
    command = [abcscribe, "serve", "--no-browser", "--port", "18765", "--library", "library"]
    server = subprocess.Popen(command, cwd=folder, env=environment_of_a_stranger())
    try:
        until = time.monotonic() + PATIENCE
        page = b""
        while not page:
            expect(server.poll() is None and time.monotonic() < until, "the page does not answer")
            time.sleep(0.2)
            with suppress(OSError), urllib.request.urlopen("http://127.0.0.1:18765/", timeout=5) as answer:
                page = answer.read()
        expect(b"<html" in page.lower(), f"the page begins {page[:80]!r}")
    finally:
        server.terminate()
        server.wait(30)


def run(command: list[str], folder: Path) -> str:
    """Standard output of a command that must not fail."""
    done = subprocess.run(command, cwd=folder, env=environment_of_a_stranger(), stdout=subprocess.PIPE, text=True)
    expect(done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout.strip()


def environment_of_a_stranger() -> dict[str, str]:
    """The environment's variables without those that would lead Python to a checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ABCSCRIBE"))}


def expect(condition: bool, otherwise: str) -> None:
    """End the program unless the condition holds."""
    if not condition:
        sys.exit(f"The wheel does not work: {otherwise}.")


if __name__ == "__main__":
    (found,) = Path(sys.argv[1]).glob("*.whl")
    if len(sys.argv) > 2:
        main(found, Path(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as made:
            main(found, Path(made) / "environment")
