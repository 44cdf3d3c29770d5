"""The timbre head learned from made scenes; no sound is rendered but two tones."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.hearing.note_decoding import with_timbre
from abcscribe.hearing.tower import AbcscribeEngine
from abcscribe.model import runtime_files
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import AudioTowerConfig
from abcscribe.model.tower_files import load_tower
from abcscribe.model.tower_runtime import TowerRuntime, joined
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote
from abcscribe.training.small import note_cells, player_scenes, timbre_head
from abcscribe.training.small.note_cells import Cells, Listener
from abcscribe.training.small.player_scenes import Scene
from abcscribe.training.small.timbre_head import TimbreHead

BARE = AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)
CHANNELS = 2 * BARE.channels + BARE.squeezed
FLUTE, PIANO = 73, 0


@pytest.fixture
def bare(tmp_path):
    """A checkpoint without a timbre head."""
    torch.manual_seed(0)
    folder = tmp_path / "bare"
    folder.mkdir()
    save_file(AudioTower(BARE).state_dict(), folder / "tower.safetensors")
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(BARE)))
    return folder


def scene(seed: int) -> Scene:
    """A flute and a piano whose cells lie in two directions."""
    rng = np.random.default_rng(seed)
    player = np.arange(24) % 2
    values = np.repeat(np.eye(CHANNELS)[player + 3] * 2 + rng.normal(0, 0.2, (24, CHANNELS)), 2, axis=0)
    cells = Cells(
        values.astype(np.float16), np.repeat(np.arange(24), 2), np.zeros((1, 16), np.float16), np.zeros(48, int)
    )
    unsure = tuple([round(1 / len(FAMILIES), 2)] * len(FAMILIES))
    notes = [PlayedNote(0.5 * i, 0.5 * i + 0.4, 60 + i % 7, families=unsure) for i in range(24)]
    return Scene(notes, player, 1, True, "song", (FLUTE, PIANO), cells)


@pytest.fixture
def scenes(tmp_path):
    for name, seeds in (("train", range(8)), ("valid", range(8, 11))):
        (tmp_path / name).mkdir()
        player_scenes.save(tmp_path / name / "scenes-00000.npz", [scene(seed) for seed in seeds])
    return tmp_path


def test_the_head_learns_who_plays_and_the_rest_stays(bare, scenes, tmp_path):
    config = TimbreHead(scenes / "train", tmp_path / "out", bare, scenes / "valid", steps=60, rate=1e-2)
    *_, last, figures = timbre_head.main(config)
    assert last["player"] < 3.0  # of 24 notes 11 are one player's: log 11 at best, log 23 by chance
    assert figures["program"] == 1.0
    assert figures["AUC"] > 0.99
    before, after = load_file(bare / "tower.safetensors"), load_file(tmp_path / "out" / "tower.safetensors")
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    tower = load_tower(tmp_path / "out")
    (told, *_) = player_scenes.load(scenes / "valid", tower)
    vectors = np.array([note.timbre for note in told.notes])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=0.03)


def test_scenes_keep_their_cells(scenes):
    (first, *_) = player_scenes.load(scenes / "valid")
    wanted = scene(8).cells
    assert all(np.array_equal(ours, theirs) for ours, theirs in zip(first.cells, wanted, strict=True))


def test_scenes_without_cells_and_other_weights_are_refused(bare, tmp_path):
    (tmp_path / "none").mkdir()
    player_scenes.save(
        tmp_path / "none" / "scenes-00000.npz",
        [dataclasses.replace(scene(1), cells=None)],
    )
    with pytest.raises(AbcscribeError, match="no scenes with cells"):
        list(timbre_head.main(TimbreHead(tmp_path / "none", tmp_path / "out", bare)))
    save_file({"body.weight": torch.zeros(2)}, bare / "tower.safetensors")
    with pytest.raises(AbcscribeError, match="not of the kind"):
        timbre_head.with_head(bare)


def test_what_is_kept_of_a_note_gives_the_answers_of_the_whole_tower(bare, monkeypatch, tmp_path):
    """Heads over kept cells say of a note what the runtime says of it."""
    tower = timbre_head.with_head(bare)
    timbre_head.save(tower, tmp_path / "with")
    rng = np.random.default_rng(0)
    waveform = rng.normal(0, 0.1, 6 * SAMPLE_RATE).astype(np.float32)
    listener = Listener(tmp_path / "with")
    notes = [PlayedNote(1.0, 1.128, 60), PlayedNote(2.0, 2.1, 72), PlayedNote(4.0, 4.09, 48)]
    monkeypatch.setattr(AbcscribeEngine, "decoded", lambda self, activity: notes)
    heard, cells = listener.hear(waveform)
    assert heard == notes
    told = note_cells.told(tower, notes, cells)
    monkeypatch.undo()
    activity = joined(list(TowerRuntime(runtime_files.tower(tmp_path / "with")).stream([waveform])))
    whole = with_timbre(notes, activity.player)
    for ours, theirs in zip(told, whole, strict=True):
        assert np.allclose(ours.timbre, theirs.timbre, atol=0.05)
    assert len({note.timbre for note in whole}) > 1
