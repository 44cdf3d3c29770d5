"""Linear probes read off what is there, and nothing where nothing is."""

import csv
import json
from dataclasses import replace
from fractions import Fraction

import command_line
import numpy as np
import pytest
import tiny_data_sets as tiny

from abcscribe.corpora.suite_folder import DATA_SET
from abcscribe.errors import AbcscribeError
from abcscribe.evaluation import probes
from abcscribe.score.json_format import to_json
from abcscribe.score.model import Bar, Key, Metre, PlayedNote, Score, Tempo
from abcscribe.text_systems import feature_towers

CLIPS, WIDTH = 60, 24


def made_clip(rng: np.random.Generator, number: int) -> probes.Clip:
    """Layer 0 is noise; layer 1 carries every truth, linearly, among noise."""
    key, bpm, waltz = int(rng.integers(24)), float(rng.uniform(60, 160)), bool(rng.integers(2))
    families = np.zeros(11, np.float32)
    families[[int(rng.integers(3)), 5]] = 1
    notes = np.zeros((12, 88), np.float32)
    notes[np.arange(12), rng.integers(0, 8, 12)] = 1
    noise = rng.normal(size=(2, 12, 64)).astype(np.float32)
    means = noise[:, 0].copy()
    means[1, key] += 30
    means[1, 30] = 20 * np.log2(bpm)
    means[1, 31] += 20 * waltz
    means[1, 32:43] += 20 * families
    frames = noise.copy()
    frames[1, :, :8] += 20 * notes[:, :8]
    truth = {
        "key": np.array(key % 6), "tempo": np.array(np.log2(bpm)), "metre": np.array(304 if waltz else 404),
        "instrument": families, "notes": notes,
    }  # fmt: skip
    means[1, :24] = noise[1, 0, :24]
    means[1, key % 6] += 30
    return probes.Clip(list(means), list(frames), truth, number % 5 == 4)


def test_what_a_layer_carries_is_read_off_and_noise_is_not():
    rng = np.random.default_rng(0)
    clips = [made_clip(rng, number) for number in range(300)]
    found = {(one.task, one.layer): one for one in probes.probe(clips, [0, 1], probes.TASKS)}
    for task in probes.TASKS:
        carried, noise = found[task, 1], found[task, 0]
        assert carried.figure > 0.97, task
        assert noise.figure < carried.figure - 0.1, task
        assert carried.guess < 0.8
        assert carried.clips == 60


def test_a_task_with_too_few_clips_is_left_out_and_said():
    rng = np.random.default_rng(0)
    clips = [made_clip(rng, number) for number in range(30)]
    for clip in clips[5:]:
        del clip.truth["key"]
    said: list[str] = []
    assert {one.task for one in probes.probe(clips, [1], ["key", "metre"], said.append)} == {"metre"}
    assert [words[:16] for words in said] == ["The task key is "]


def test_truths_of_a_recording(tmp_path):
    one = suite(tmp_path, 1)[0]
    truth = probes.truth_of(one, np.array([0.25, 7.99]))
    assert int(truth["key"]) == 7  # G major
    assert float(truth["tempo"]) == np.log2(100)
    assert int(truth["metre"]) == 404
    assert truth["instrument"].sum() == 1
    assert truth["notes"].nonzero()[0].tolist() == [0]
    minor = replace(one, key=Key(0, "minor"), tempo=None)
    assert int(probes.truth_of(minor, np.zeros(1))["key"]) == 9 + 12
    assert "tempo" not in probes.truth_of(minor, np.zeros(1))


def suite(folder, count: int):
    """A suite of made-up sounds, as abcscribe data suite writes it."""
    rows = []
    for number in range(count):
        notes = [replace(n, family="piano", program=None) for n in tiny.notes(shift=number % 5)]
        bars = tuple(
            Bar(Fraction(4), Metre(4, 4), Key(1), Tempo(100.0 + 20 * (number % 2)), seconds=2.0 * i) for i in range(4)
        )
        from abcscribe.score.model import Part

        score = Score(bars, (Part(((),) * 4, program=0),), performance=tuple(notes), seconds=8.0)
        tiny.write_sound(folder / "line" / f"{number:03d}.flac", notes)
        (folder / "line" / f"{number:03d}.json").write_text(to_json(score))
        rows.append((f"line/{number:03d}.flac", f"line/{number:03d}.json", f"piece {number}"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("audio", "score_gt", "comment"))
        writer.writerows(rows)
    return DATA_SET.read(folder)


def test_the_command_writes_table_and_plot_and_keeps_what_it_heard(tmp_path, monkeypatch):
    suite(tmp_path / "suite", 14)
    arguments = ("probe", tmp_path / "suite", "--tasks", "notes,tempo", "--layers", "0,4", "-o", tmp_path / "out")
    ran = command_line.run(*arguments)
    assert ran.code == 0, ran.err
    assert "| notes | frame F1 |" in ran.out.decode()
    assert (tmp_path / "out" / "probes.png").stat().st_size > 1000
    (own,) = json.loads((tmp_path / "out" / "probes.json").read_text()).values()
    assert [(one["task"], one["layer"]) for one in own] == [("notes", 0), ("notes", 4), ("tempo", 0), ("tempo", 4)]
    assert own[1]["figure"] > own[1]["guess"]  # sines, eleven clips of them
    monkeypatch.setattr(feature_towers.OwnTower, "layers", lambda self, waveform: pytest.fail("heard again"))
    assert command_line.run(*arguments).out == ran.out


def test_what_cannot_be_probed_is_said(tmp_path):
    suite(tmp_path, 4)
    assert "a probe needs 10" in command_line.run("probe", tmp_path, "--tasks", "key", "-o", tmp_path / "o").err
    assert command_line.run("probe", tmp_path, "--tasks", "genre").code == 2
    assert "names no layers" in command_line.run("probe", tmp_path, "--layers", "9", "-o", tmp_path / "o").err
    assert "no audio tower" in command_line.run("probe", tmp_path, "--tower", "ear").err
    with pytest.raises(AbcscribeError):
        probes.layers_of("first", 3)
    assert probes.sounding_at([PlayedNote(0, 1, 20)], np.zeros(1)).sum() == 0
