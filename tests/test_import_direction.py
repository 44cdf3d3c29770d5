"""The rooms of the house import each other in one direction only, and the light core stays light."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import abcscribe

PACKAGE = Path(abcscribe.__file__).parent

# What a room may import of the project besides itself and EVERYWHERE. Every room has a rule.
EVERYWHERE = {"errors", "extras", "files", "memory", "progress"}
ALLOWED: dict[str, set[str]] = {
    "score": set(),
    "metrics": {"score"},
    "tokens": {"score"},  # knows no model
    "hints": {"score"},
    "rewards": {"metrics", "score"},
    "audio": set(),
    "spectrogram": {"audio"},
    "hub": set(),
    "model": {"hub", "audio", "spectrogram", "score.instruments"},  # knows no ABC
    "hearing": {"hub", "model", "audio", "spectrogram", "score"},
    "analysis": {"model", "score", "hints"},
    "writing": {"hub", "analysis", "tokens", "model", "score", "hints"},
    "text_systems": {"hub", "model", "audio", "spectrogram", "score"},
    "systems": {"hearing", "text_systems", "writing"},
    "transcription": {"hearing", "analysis", "writing", "text_systems", "systems", "audio", "score", "hints"},
    "editing": {"analysis", "score", "hints"},
    "arranging": {"analysis", "score"},
    "playback": {"editing", "audio", "score"},
    "formats": {"playback", "score"},
    "stems": {"transcription", "hearing", "systems", "analysis", "writing", "audio", "score", "hints"},
    "batch": {"stems", "workers", "transcription", "arranging", "formats", "audio", "score", "hints"},
    "cluster": {"workers"},
    "stores": {"score"},
    "bulk": {"cluster", "workers", "stores", "batch", "systems", "hearing", "text_systems", "audio"},
    "server": {
        "transcription", "systems", "hearing", "formats", "playback", "editing", "arranging", "audio", "score",
        "hints", "__version__",
    },
    "corpora": {"score", "workers"},
    # never hearing, analysis, writing
    "synthesis": {"cluster", "corpora", "score", "tokens", "audio", "spectrogram", "model"},
    "evaluation": {
        "cluster", "transcription", "systems", "hearing", "text_systems", "corpora", "synthesis", "metrics",
        "rewards", "audio", "score", "hints",
    },
    "training": {
        "evaluation", "cluster", "hub", "transcription", "systems", "hearing", "analysis", "writing", "text_systems",
        "corpora", "synthesis", "metrics", "rewards", "tokens", "model", "audio", "spectrogram", "score", "hints",
        "command",
    },
    "cli": {
        "server", "evaluation", "training", "batch", "bulk", "cluster", "hub", "formats", "arranging", "analysis",
        "transcription", "systems", "score", "hints",
    },
    "workers": set(),
    "errors": set(),
    "extras": set(),
    "files": set(),
    "memory": set(),
    "progress": set(),
    "command": set(),  # knows no config
    "__init__": {"errors", "hints", "score", "transcription"},
    "__main__": {"cli"},
}  # fmt: skip
# The top of the house: nobody below imports these.
TOP = {"training", "evaluation", "server", "cli"}
# Third-party libraries that ``score`` may use: those that read, write and engrave scores.
SCORE_LIBRARIES = {"guitarpro", "lytk", "typst", "verovio"}
# Of the standard library, but not on every system.
UNIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
HEAVY = {"torch", "transformers", "scipy", "music21", "partitura", "matplotlib", "librosa"}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def edges() -> Iterator[tuple[str, str, str]]:
    """(file, its room, dotted name it imports) for the whole package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        for name in imports(path):
            yield str(inside), inside.parts[0].removesuffix(".py"), name


def test_every_room_has_a_rule_and_every_rule_a_room() -> None:
    rooms = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(ALLOWED)


def test_every_room_imports_only_what_lies_below_it() -> None:
    wrong = []
    for file, room, name in edges():
        if not name.startswith("abcscribe."):
            continue
        lower = ALLOWED[room] | EVERYWHERE | {room}
        if not any(f"{name}.".startswith(f"abcscribe.{allowed}.") for allowed in lower):
            wrong.append(f"{file} imports {name}")
    assert not wrong


def test_nothing_imports_the_top_of_the_house() -> None:
    above = {room: allowed & TOP for room, allowed in ALLOWED.items() if allowed & TOP}
    assert above == {"cli": {"evaluation", "server", "training"}, "training": {"evaluation"}, "__main__": {"cli"}}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports for types only count too: they are as hard to read."""
    graph: dict[str, set[str]] = {}
    known = {module_of(path) for path in PACKAGE.rglob("*.py")}
    for path in PACKAGE.rglob("*.py"):
        names = {name if name in known else name.rpartition(".")[0] for name in imports(path)}
        graph[module_of(path)] = {name for name in names if name in known and name != module_of(path)}
    assert list(TopologicalSorter(graph).static_order())


def module_of(path: Path) -> str:
    """Dotted name of a file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_the_score_needs_only_the_standard_library_and_its_converters() -> None:
    known = sys.stdlib_module_names | SCORE_LIBRARIES | {"abcscribe"}
    wrong = [
        f"{file} imports {name}" for file, room, name in edges() if room == "score" and name.split(".")[0] not in known
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import abcscribe", HEAVY | {"numpy", "av", "onnxruntime", "typer", "rich"}),
        ("import abcscribe.cli", HEAVY | {"numpy", "av", "onnxruntime", "lytk", "typst", "verovio"}),
        ("import abcscribe.batch", HEAVY),
        ("from abcscribe.hearing import basic_pitch", HEAVY),
    ],
)
def test_importing_stays_light(statement: str, unwanted: set[str]) -> None:
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unwanted & set(done.stdout.split())


def test_no_module_needs_unix_to_be_imported() -> None:
    """What calls need of the system is checked by ``make platforms``, with the type checker's knowledge of it."""
    at_once = [
        (path.name, alias)
        for path in PACKAGE.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in [getattr(node, "module", None), *(name.name for name in node.names)]
    ]
    assert at_once
    assert not [(file, name) for file, name in at_once if name in UNIX]


def test_the_package_offers_its_public_names() -> None:
    """Also twice and after the module behind the name was imported: a submodule must not hide the function."""
    import abcscribe.transcription

    assert abcscribe.transcribe is abcscribe.transcription.transcribe
    assert abcscribe.transcribe is abcscribe.transcription.transcribe
    named = set(abcscribe.__all__) - {"__version__"}
    assert {getattr(abcscribe, name).__name__ for name in named} == named
    assert re.fullmatch(r"\d+\.\d+\..+", abcscribe.__version__)
    assert set(abcscribe.__all__) <= set(dir(abcscribe))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        abcscribe.nothing  # noqa: B018
