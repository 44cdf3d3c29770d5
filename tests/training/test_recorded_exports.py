"""What is made of a data set: windows with ABC, questions, embeddings, suites and shards."""

import io
import json
from pathlib import Path

import command_line
import numpy as np
import pytest
import soundfile
import tiny_data_sets as tiny

from abcscribe.corpora import parquet
from abcscribe.corpora.data_sets import DATA_SETS
from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.suites import read_suite
from abcscribe.score.abc_reader import read_abc
from abcscribe.training.configs import ExportConfig
from abcscribe.training.mt3_batches import recordings
from abcscribe.training.recorded_exports import export
from abcscribe.training.recorded_windows import abc_of, bars_within, windows
from abcscribe.training.tower_batches import clip_of, make_batch


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    home = tmp_path_factory.mktemp("sets")
    for name, maker in tiny.MAKERS.items():
        maker(home / name)
    return home


def made(copies, out: Path, name: str, kind: str, **changes) -> Path:
    assert list(export(ExportConfig(name, kind, copies / name, out, **changes)))
    return out


def rows(folder: Path, split: str = "train") -> list[dict]:
    return [row for path in sorted((folder / "data").glob(f"{split}-*")) for row in parquet.read_rows(path)]


def pitches(abc: str) -> list[int]:
    return [note.pitch for note in read_abc(abc)[0].sounding_notes()]


@pytest.mark.parametrize("converter", ["analysis", "midi2abc"])
def test_windows_become_the_columns_of_the_origin(copies, tmp_path, converter):
    folder = made(copies, tmp_path, "maestro", "abc", converter=converter)
    (row,) = rows(folder)
    assert list(row) == ["id", "start_time", "question", "answer"]
    assert (row["id"], row["start_time"]) == ("2018/MIDI-Unprocessed_0", 0)
    assert pitches(row["answer"]) == list(tiny.PITCHES)
    assert "\nQ:1/4=" in row["answer"]
    assert "/tmp" not in row["answer"]
    assert len(rows(folder, "test")) == len(rows(folder, "validation")) == 1
    line = json.loads((folder / "train.jsonl").read_text())
    assert line == row | {"audio": line["audio"], "seconds": 25.0}
    assert Path(line["audio"]).is_file()


def test_the_hub_finds_splits_and_column_types(copies, tmp_path):
    from pyarrow import parquet as files

    folder = made(copies, tmp_path, "urmp", "abc", sound=True, seconds=5.0)
    card = (folder / "README.md").read_text()
    assert "license: cc0-1.0\n" in card
    assert '  - split: train\n    path: "data/train-*.parquet"\n  - split: test\n' in card
    path = folder / "data" / "train-00000-of-00001.parquet"
    features = json.loads(files.read_schema(path).metadata[b"huggingface"])["info"]["features"]
    assert features["start_time"] == {"dtype": "int32", "_type": "Value"}
    assert features["audio"] == {"_type": "Audio"}
    found = rows(folder)
    assert [row["start_time"] for row in found] == [0, 5]
    sound, rate = soundfile.read(io.BytesIO(found[1]["audio"]["bytes"]))
    assert (len(sound), rate) == (3 * 16_000, 16_000)


def test_players_become_parts(copies, tmp_path):
    (row,) = rows(made(copies, tmp_path, "slakh", "abc"))
    score, _ = read_abc(row["answer"])
    assert [part.program for part in score.parts] == [30, 33, 128]


def test_bars_of_an_aligned_score_are_taken_as_they_are_printed(copies):
    first, _ = DATA_SETS["asap"].read(copies / "asap")
    cut, *_ = windows(first, 7.0)
    assert [bar.seconds for bar in cut.score.bars] == [0.0, 2.0, None]
    assert cut.score.seconds == 6.0
    assert pitches(abc_of(cut)) == list(tiny.PITCHES[:8])
    assert read_abc(abc_of(cut))[0].bars[0].key.fifths == 1


def test_no_tie_leads_out_of_a_cut_and_a_repeat_is_not_taken_for_a_long_bar():
    from dataclasses import replace

    score = read_abc("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|G4-|G4|c4|C4|]\n")[0]
    timed = replace(score, bars=tuple(replace(b, seconds=2.0 * i) for i, b in enumerate(score.bars)), seconds=10.0)
    cut = bars_within(timed, 0.0, 5.0)
    assert len(cut.bars) == 2
    assert not any(note.tie for bar in cut.parts[0].bars for note in bar)
    assert bars_within(timed, 2.5, 5.0) is None
    twice = replace(timed, bars=tuple(replace(b, seconds=2.0 * i + 8 * (i > 2)) for i, b in enumerate(score.bars)))
    assert len(bars_within(twice, 0.0, 5.0).bars) == 2
    assert bars_within(twice, 0.0, 16.0) is None


def test_questions_of_windows(copies, tmp_path):
    found = rows(made(copies, tmp_path, "guitarset", "questions"))
    answers = {row["answer"] for row in found if row["id"] == "00_BN1-129-Eb_comp"}
    assert {"129 BPM", "4/4", "Eb major", "Acoustic Guitar (steel)", "1", "D5", "G4"} == answers


def test_embeddings_with_and_without_questions(copies, tmp_path):
    alone = rows(made(copies, tmp_path / "a", "urmp", "embeddings"))
    assert list(alone[0]) == ["id", "start_time", "embedding"]
    assert np.array(alone[0]["embedding"]).shape == (125, 256)  # 8 s of the own tower
    asked = rows(made(copies, tmp_path / "b", "urmp", "embedding-questions"))
    assert list(asked[0]) == ["id", "start_time", "question", "answer", "embedding"]
    assert asked[0]["embedding"] == alone[0]["embedding"]
    assert len(asked) > len(alone)


def test_an_export_that_was_stopped_goes_on(copies, tmp_path):
    config = ExportConfig("maestro", "abc", copies / "maestro", tmp_path)
    steps = export(config)
    assert next(steps) == (1, 3)
    steps.close()
    (path,) = (tmp_path / "data").iterdir()
    before = path.stat().st_mtime_ns
    assert list(export(config))[-1] == (3, 3)
    assert path.stat().st_mtime_ns == before
    assert len(list((tmp_path / "data").iterdir())) == 3


@pytest.mark.parametrize(("name", "level"), [("asap", "A"), ("urmp", "B"), ("bach10", "B"), ("slakh", "B")])
def test_a_suite_can_be_evaluated(copies, tmp_path, name, level):
    clips = read_suite(made(copies, tmp_path, name, "suite", seconds=7.0))
    first = clips[0]
    assert first.level == level
    assert first.audio.is_file()
    assert first.notes
    if name == "asap":
        assert "pitch" in first.metrics
        assert [n.pitch for n in first.notes] == list(tiny.PITCHES[:8])
        assert soundfile.info(first.audio).duration == pytest.approx(6.0)
    else:
        assert "pitch" not in first.metrics
    if name == "urmp":
        assert {n.family for n in first.notes} == {"strings"}
    if name == "bach10":
        assert not first.offsets
        assert {n.family for n in first.notes} == {"strings", "reed"}
    if name == "slakh":
        assert {n.family for n in first.notes} == {"plucked", "bass"}


def test_shards_for_mt3_and_for_the_tower(copies, tmp_path):
    folder = made(copies, tmp_path / "r", "slakh", "recordings")
    assert sorted(path.name for path in folder.iterdir()) == ["train-00000.npz", "valid-00000.npz"]
    (one,) = recordings(folder / "train-00000.npz")
    assert one.samples.shape == (163_840,)
    assert one.samples.any()
    assert {(n.program, n.drum) for n in one.notes} == {(30, False), (33, False), (None, True)}
    folder = made(copies, tmp_path / "c", "slakh", "clips")
    frames, notes = clip_of(dict(np.load(folder / "train-00000.npz")), 0)
    assert frames.shape == (640, 264)
    batch = make_batch([(frames, notes)])
    assert int((batch.velocity != -1).sum()) == 18  # onsets of guitar and bass
    assert int((batch.activity == 255).sum()) > 18


def test_what_cannot_be_done_costs_one_sentence(copies, tmp_path):
    def fails(words: str, name: str = "maestro", kind: str = "abc", **changes) -> None:
        with pytest.raises(AbcscribeError, match=words):
            made(copies, tmp_path / "x", name, kind, **changes)

    fails("There is no export 'midi'", kind="midi")
    fails("There is no converter", converter="ears")
    fails("There is no program", converter="midi2abc", midi2abc="no-such-program")
    fails("has no MIDI file", "guitarset", converter="midi2abc")
    fails("Windows last", seconds=0.0)
    script = tmp_path / "broken.py"
    script.write_text("raise SystemExit(3)")
    fails("fails on", converter="midi2abc", midi2abc=str(script))


def test_a_script_converts_too(copies, tmp_path):
    script = tmp_path / "convert.py"
    script.write_text("import sys\nopen(sys.argv[4], 'w').write('X:1\\nT:' + sys.argv[2] + '\\nK:C\\nC4|\\n')\n")
    found = rows(made(copies, tmp_path / "out", "maestro", "abc", converter="midi2abc", midi2abc=str(script)))
    assert found[0]["answer"] == "X:1\nK:C\nC4|\n"


def test_the_command_tells_what_is_left_out(copies, tmp_path):
    ran = command_line.run(
        "data", "export", "asap", "embeddings", "--folder", copies / "asap", "--out", tmp_path / "out"
    )
    assert ran.code == 0
    assert "Player02 is left out" in ran.err
    assert (tmp_path / "out" / "README.md").is_file()
