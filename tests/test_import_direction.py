"""The rooms of the house import each other in one direction only, and the light core stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import abcscribe

PACKAGE = Path(abcscribe.__file__).parent

# What a room may import of the project besides itself and ``errors``.
ALLOWED = {
    "score": set(),
    "metrics": {"score"},
    "rewards": {"metrics", "score"},
    "audio": set(),
    "spectrogram": {"audio"},
    "model": {"audio", "spectrogram", "onnx_session", "score.instruments"},  # knows no ABC
    "perceptron": set(),
    "boosted_trees": set(),
    "note_confidence": {"perceptron"},
    "notes": {"note_confidence", "score", "spectrogram", "audio"},
    "tokens": {"score"},  # knows no model
    "decoding": {"model", "tokens"},
    "engines": {
        "audio",
        "decoding",
        "model",
        "notes",
        "onnx_session",
        "perceptron",
        "boosted_trees",
        "score",
        "spectrogram",
        "tokens",
    },
    "transcription": {"audio", "engines", "score"},
    "batch": {"audio", "engines", "score", "transcription"},
    "hints": {"score"},
}
# The top of the house: only the front door ``cli`` may import these, and nobody imports ``cli``.
TOP = {"training", "evaluation", "server", "cli"}
# Third-party libraries that ``score`` may use: those that read, write and engrave scores.
SCORE_LIBRARIES = {"guitarpro", "lytk", "typst", "verovio"}
HEAVY = {"torch", "transformers", "scipy", "music21", "partitura", "matplotlib", "librosa"}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of everything that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "abcscribe":
                yield from (f"abcscribe.{alias.name}" for alias in node.names)
            else:
                yield node.module


def edges() -> Iterator[tuple[str, str, str]]:
    """(file, its room, dotted name it imports) for the whole package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        for name in imports(path):
            yield str(inside), inside.parts[0].removesuffix(".py"), name


def test_every_room_imports_only_what_lies_below_it() -> None:
    wrong = []
    for file, room, name in edges():
        if room not in ALLOWED or not name.startswith("abcscribe."):
            continue
        lower = ALLOWED[room] | {room, "errors"}
        if not any(f"{name}.".startswith(f"abcscribe.{allowed}.") for allowed in lower):
            wrong.append(f"{file} imports {name}")
    assert not wrong


def test_nothing_imports_the_top_of_the_house() -> None:
    wrong = []
    for file, room, name in edges():
        imported = name.split(".")[1] if name.startswith("abcscribe.") else ""
        if imported in TOP and imported != room and (room != "cli" or imported == "cli"):
            wrong.append(f"{file} imports {name}")
    assert not wrong


def test_the_score_needs_only_the_standard_library_and_its_converters() -> None:
    known = sys.stdlib_module_names | SCORE_LIBRARIES | {"abcscribe"}
    wrong = [
        f"{file} imports {name}" for file, room, name in edges() if room == "score" and name.split(".")[0] not in known
    ]
    assert not wrong


def test_every_ruled_room_exists() -> None:
    """A renamed room must not slip from under its rule."""
    for room in ALLOWED:
        assert (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file(), room


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import abcscribe", HEAVY | {"numpy", "av", "onnxruntime", "typer", "rich"}),
        ("import abcscribe.cli", HEAVY | {"numpy", "av", "onnxruntime", "lytk", "typst", "verovio"}),
        ("import abcscribe.batch", HEAVY),
        ("from abcscribe.engines import basic_pitch", HEAVY),
    ],
)
def test_importing_stays_light(statement: str, unwanted: set[str]) -> None:
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not unwanted & set(done.stdout.split())


def test_the_package_offers_its_public_names() -> None:
    """Also twice and after the module behind the name was imported: a submodule must not hide the function."""
    import abcscribe.transcription

    assert abcscribe.transcribe is abcscribe.transcription.transcribe
    assert abcscribe.transcribe is abcscribe.transcription.transcribe
    assert {getattr(abcscribe, name).__name__ for name in abcscribe.__all__} == set(abcscribe.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        abcscribe.nothing  # noqa: B018
