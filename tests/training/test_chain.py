"""What a change makes stale, and that it can be made again; another metre, from the refusal to weights that know it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import command_line
import numpy as np
import pytest
import tiny_cache

from abcscribe.errors import AbcscribeError, EngineError
from abcscribe.model import SHIPPED, weight_files
from abcscribe.score.grid import METRE_NAMES
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training import chain, chain_table, window_files
from abcscribe.training.chain_table import SOURCES, TABLE, Data, Weights, stale
from abcscribe.training.configs import ChainConfig
from abcscribe.training.small.heard_clips import FILE

ROOT = Path(__file__).parents[2]
# What a user writes in score/grid.py, done to every process that finds this on its path.
ANOTHER_METRE = """
from abcscribe.score import grid
from abcscribe.score.model import Metre
grid.METRES = (*grid.METRES, Metre(5, 4))
grid.METRE_NAMES = tuple(map(str, grid.METRES))
"""


def names(items) -> list[str]:
    return [item.name for item in items]


def test_what_a_change_makes_stale():
    assert names(stale(("metres",))) == [
        "rhythm_tables", "beat_network", "metre_choice", "downbeats", "note_unit", "language_model", "bar_confidence",
    ]  # fmt: skip
    assert names(stale(("tower",)))[:3] == ["note_confidence", "heard", "heard_valid"]
    assert names(stale(("bar_confidence",))) == []
    assert set(names(stale(("scores",)))) == set(names(TABLE))
    with pytest.raises(AbcscribeError, match="'towr'; there are scores, sounds, metres"):
        stale(("towr",))


def test_the_table_is_in_an_order_of_making_and_complete():
    known = set(SOURCES)
    for item in TABLE:
        assert set(item.depends) <= known
        known.add(item.name)
    files = [file for item in TABLE if isinstance(item, Weights) for file in item.files]
    assert sorted([*files, *chain_table.APART]) == sorted(
        path.name for path in SHIPPED.iterdir() if path.name not in ("README.md", "SHA256SUMS")
    )


def test_the_readme_has_the_table():
    page = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert chain_table.written(page) == page, "run python -m abcscribe.training.chain_table"


def test_every_step_is_a_command(tmp_path):
    """With --help in the place of the work: an unknown command or option would be an error."""
    config = ChainConfig(("scores",), out=tmp_path, data=tmp_path, smoke=True)
    for item in TABLE:
        for words in chain.commands(config, item):
            ran = command_line.run(*words, "--help")
            assert ran.code == 0, ran.err


def test_stale_data_are_made_in_the_folder_of_the_chain_and_others_are_kept(tmp_path):
    config = ChainConfig(("tower",), out=tmp_path / "chain", data=tmp_path / "data")
    (listen, _) = chain.commands(config, next(item for item in TABLE if item.name == "heard"))
    assert listen[-1] == str(tmp_path / "chain" / "heard")
    ((*_, clips, _, _),) = chain.commands(config, next(item for item in TABLE if item.name == "note_confidence"))
    assert clips == str(tmp_path / "data" / "clips")
    assert names(chain.steps(config))[:2] == ["clips", "suite"]  # not there, and needed
    for item in TABLE:
        if isinstance(item, Data):
            (tmp_path / "data" / item.folder).mkdir(parents=True)
            (tmp_path / "data" / item.folder / "something").touch()
    assert names(chain.steps(config)) == names(stale(("tower",)))


def test_nothing_is_made_without_being_asked(tmp_path):
    ran = command_line.run("train", "chain", "--from", "keys", "--out", tmp_path / "chain")
    assert ran.code == 0, ran.err
    assert b"beat_network: train small beat-network" in ran.out
    assert not (tmp_path / "chain").exists()


@pytest.fixture
def done(monkeypatch):
    """The commands that a chain gives; each fails that is in the set."""
    given, failing = [], set()

    def run(words, env):
        given.append(words[4] if words[4] != "small" else words[5])
        return subprocess.CompletedProcess(words, int(given[-1] in failing))

    monkeypatch.setattr(chain.subprocess, "run", run)
    return given, failing


def test_a_chain_goes_on_where_it_stopped(tmp_path, done):
    given, failing = done
    failing.add("downbeats")
    config = ChainConfig(("rhythm_tables",), True, out=tmp_path / "chain", data=tmp_path, until="downbeats")
    with pytest.raises(AbcscribeError, match="downbeats could not be made"):
        list(chain.main(config))
    assert given == ["listen", "listen-clips", "metre-choice", "downbeats"]
    failing.clear()
    told = list(chain.main(config))
    assert given[4:] == ["downbeats"]
    assert any("metre_choice (made)" in line for line in told)
    rows = [json.loads(line) for line in (config.out / "log.jsonl").read_text().splitlines()]
    assert [row["made"] for row in rows if "made" in row] == ["heard", "metre_choice", "downbeats"]
    with pytest.raises(AbcscribeError, match="has ended"):
        list(chain.main(config))


def test_a_folder_with_another_chain_is_refused(tmp_path, done):
    done[1].add("player-count")
    with pytest.raises(AbcscribeError):
        list(chain.main(ChainConfig(("timbre",), True, out=tmp_path, data=tmp_path)))
    with pytest.raises(AbcscribeError, match="another chain, from timbre"):
        list(chain.main(ChainConfig(("keys",), True, out=tmp_path, data=tmp_path)))


def test_weights_of_other_metres_are_refused_with_the_command():
    for name in ("beat_network", "rhythm_tables", "metre_choice", "downbeats"):
        weight_files.load(SHIPPED / f"{name}.npz", METRE_NAMES)
        with pytest.raises(EngineError, match="abcscribe train chain --from metres --run"):
            weight_files.load(SHIPPED / f"{name}.npz", (*METRE_NAMES, "5/4"))


@pytest.fixture(scope="module")
def five(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """A folder with tiny data and a copy of the weights, and an environment in which 5/4 is looked for as well."""
    home = tmp_path_factory.mktemp("five")
    (home / "sitecustomize.py").write_text(ANOTHER_METRE)
    shutil.copytree(SHIPPED, home / "weights")
    (home / "data" / "heard").mkdir(parents=True)
    cache = tiny_cache.write_cache(home / "data" / "notes.npz", beats=(4, 5))
    window = WindowSource(cache).draw(np.random.default_rng(0), Stage((16, 30), (("tune", 1.0),)))
    window_files.save(home / "data" / "heard" / "windows-00000.npz", [window])
    (home / "data" / "heard" / FILE).touch()
    path = os.pathsep.join([str(home), str(ROOT)])
    return home, os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(home: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=home, env=environment, capture_output=True, text=True)


def test_another_metre_is_refused_in_one_sentence_until_the_weights_know_it(five):
    home, environment = five
    example = str(ROOT / "examples" / "greensleeves.m4a")
    for engine in ("abcscribe+rules", "abcscribe"):
        ran = run(home, environment, "-m", "abcscribe", "transcribe", example, "--engine", engine, "--end", "6")
        assert ran.returncode == 1
        assert "abcscribe train chain --from metres --run" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_another_metre_is_a_line_and_a_chain(five):
    home, environment = five
    words = ["train", "chain", "--from", "metres", "--until", "note_unit", "--smoke", "--run", "--weights", "weights"]
    ran = run(home, environment, "-m", "abcscribe", *words)
    assert ran.returncode == 0, ran.stderr
    made = [json.loads(line) for line in (home / "data" / "chain" / "log.jsonl").read_text().splitlines()]
    assert [row["made"] for row in made if "made" in row] == [
        "rhythm_tables", "beat_network", "metre_choice", "downbeats", "note_unit",
    ]  # fmt: skip
    metres = (*METRE_NAMES, "5/4")
    learned = weight_files.load(home / "weights" / "rhythm_tables.npz", metres)
    assert learned["line_5_4_step"].max() < 0.01
    code = """
from abcscribe.analysis import analyse
from abcscribe.score.model import PlayedNote
notes = [PlayedNote(0.5 * i, 0.5 * i + 0.45, 60 + (0, 4, 7, 5, 2)[i % 5], 90 if i % 5 == 0 else 60) for i in range(60)]
print(len(analyse(notes).placed.rivals))
"""
    ran = run(home, environment | {"ABCSCRIBE_WEIGHTS": str(home / "weights")}, "-c", code)
    assert ran.stdout.strip() == str(len(metres)), ran.stderr
