"""What the documentation shows is run: every command (those that take hours are only parsed), the Python for users."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import command_line
import media
import pytest
import typer.main

from abcscribe import audio
from abcscribe.cli import app
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.writers import render

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "docs" / "log" / "README.md",
]
EXAMPLE = ROOT / "examples" / "greensleeves.m4a"
RECORDINGS = ("take1.m4a", "lesson.mp4", "takes/monday.wav", "takes/tuesday.mp3")  # that the pages speak of
# Commands that are only parsed: they take hours, serve for ever, or need a cluster, the Hub or weights.
SLOW = {"data", "train", "evaluate", "probe", "ask", "serve", "push", "fetch", "--on"}


def blocks(page: Path, language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """Arguments of every ``abcscribe`` in a page's shell blocks; a backslash continues a line, # begins a comment."""
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and Path(words[0]).name == "abcscribe":
                yield words[1:]


SHOWN = [(page.relative_to(ROOT).as_posix(), arguments) for page in PAGES for arguments in commands(page)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recordings that the pages speak of: the first bars of the example."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "takes").mkdir()
    (folder / "examples").mkdir()
    shutil.copy(EXAMPLE, folder / "examples")
    for name in RECORDINGS:
        media.write(folder / name, audio.load(EXAMPLE, end=7.0, rate=44_100), 44_100)
    (folder / "take.mid").write_bytes(render(read_abc("X:1\nM:3/4\nL:1/4\nK:G\nGAB|d3|]\n")[0], "midi"))
    song = read_abc("X:1\nM:4/4\nL:1/4\nK:C\nV:1 name=Voice\ncdec|G4|]\nV:2 name=Piano\n[CEG]4|[B,DG]4|]\n")[0]
    (folder / "song.musicxml").write_bytes(render(song, "musicxml"))
    return folder


@pytest.mark.parametrize("arguments", [pytest.param(words, id=f"{page}: {shlex.join(words)}") for page, words in SHOWN])
def test_a_command_does_what_the_page_says(arguments: list[str], desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    if SLOW & {arguments[0], *(word for word in arguments if word.startswith("--"))}:
        parse(arguments)
        return
    ran = command_line.run(*arguments)
    assert ran.code == 0, ran.err


def parse(arguments: list[str]) -> None:
    """Raises a usage error for an option or argument that the command does not know."""
    command = typer.main.get_command(app)
    while hasattr(command, "resolve_command"):
        context = command.make_context("abcscribe", list(arguments), resilient_parsing=True)
        _, command, arguments = command.resolve_command(context, arguments)
    assert command
    command.make_context("abcscribe", list(arguments))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "usage.md"], ids=lambda page: page.name)
def test_python_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    names: dict[str, object] = {}
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_make_targets_exist() -> None:
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {target for page in PAGES for target in re.findall(r"\bmake ([a-z]+)\b", page.read_text(encoding="utf-8"))}
    assert {"demo", "test"} <= shown & rules
    named = {line.split()[1] for page in PAGES for block in blocks(page, "sh") for line in block.splitlines()
             if line.startswith("make ")}  # fmt: skip
    assert named <= rules


def test_the_tree_in_the_readme_names_what_exists() -> None:
    tree = next(block for block in blocks(PAGES[0], "text") if "abcscribe/" in block)
    folder, missing = Path(), []
    for line in tree.splitlines():
        names = re.match(r"( *)([\w./, -]+?)(?:  |$)", line)
        assert names, line
        depth = len(names[1])
        for name in names[2].split(", "):
            path = (folder if depth else Path()) / name
            if not (ROOT / path).exists():
                missing.append(str(path))
        if not depth:
            folder = Path(names[2])
    assert not missing
