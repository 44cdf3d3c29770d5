"""Without the extras every command says in one sentence what to install: the environment of ``make demo``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HIDDEN = (
    "torch", "scipy", "soundfile", "fluidsynth", "music21", "safetensors", "onnx", "onnxscript", "lightgbm",
    "transformers", "peft", "accelerate", "matplotlib", "rapidfuzz", "mir_eval", "mcr", "pyMV2H", "pretty_midi",
    "trackio", "tensorboard", "wandb",
)  # fmt: skip
COMMANDS = (
    "train tower", "train sft --notes notes.npz", "train sft-text pairs.jsonl --base some/model",
    "train rl --notes notes.npz", "train rl-text", "probe folder", "data export urmp abc --folder a --out b",
    "train report runs", "train ship checkpoint weights", "data scores",
    "data suite folder --notes notes.npz", "data render --notes notes.npz", "data listen --notes notes.npz",
    "data listen-clips --notes notes.npz", "evaluate --suite folder --engine majority",
    "train small beat-network", "train small metre-choice", "train small downbeats", "train small keys",
    "train small player-count", "train small note-confidence", "train small bar-confidence", "train small timbre",
)  # fmt: skip
NOTHING_MISSING = {"train chain --from metres": 0, "train small rhythm-tables": 1}  # exit codes
SCRIPT = """
import json, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None  # an import fails, and find_spec finds nothing
import command_line
print(json.dumps([(ran.code, ran.err) for ran in (command_line.run(*words.split()) for words in sys.argv[2:])]))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory) -> dict[str, tuple[int, str]]:
    """Exit code and words on stderr of each command."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "notes.npz").touch()
    words = [*COMMANDS, *NOTHING_MISSING]
    tests = Path(__file__).parents[1]
    path = {"PYTHONPATH": f"{tests.parent}:{tests}", "PATH": ""}
    arguments = [sys.executable, "-c", SCRIPT, ",".join(HIDDEN), *words]
    ran = subprocess.run(arguments, cwd=folder, env=path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return dict(zip(words, map(tuple, json.loads(ran.stdout)), strict=True))


@pytest.mark.parametrize("words", COMMANDS)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(said, words: str):
    code, err = said[words]
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert "needs" in err
    assert "-m pip install" in err


@pytest.mark.parametrize("words", NOTHING_MISSING)
def test_what_needs_no_extra_runs(said, words: str):
    code, err = said[words]
    assert code == NOTHING_MISSING[words], err
    assert "pip install" not in err
    assert len(err.strip().splitlines()) <= 1
