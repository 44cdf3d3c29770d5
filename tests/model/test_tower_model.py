import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from abcscribe.errors import EngineError
from abcscribe.model import runtime_files
from abcscribe.model.audio_tower import SHARING, AudioTower, ChordBlock, HarmonicStack, sinusoids
from abcscribe.model.checkpoint import export_tower, load_tower, ship
from abcscribe.model.config import WINDOW_FRAMES, AudioTowerConfig
from abcscribe.model.tower_runtime import MARGIN, STEP, Activity, TowerRuntime, joined, tuning_of
from abcscribe.spectrogram import BINS, HOP, PITCHES, normalise, spectrogram

BARE = AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)
TINY = dataclasses.replace(BARE, programs=5, drums=3, player=4, tuning=2)


def checkpoint(folder, config):
    torch.manual_seed(0)
    save_file(AudioTower(config).state_dict(), folder / "tower.safetensors")
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(config)))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("checkpoint"), TINY)


@pytest.fixture(scope="module")
def runtime(folder):
    export_tower(folder, folder / "tower.onnx")
    return TowerRuntime(folder / "tower.onnx")


def test_shapes():
    said = AudioTower(TINY)(torch.rand(2, 64, BINS))
    assert said.embeddings.shape == (2, 16, TINY.width)
    assert said.activity.shape == (2, 2, 64, PITCHES)
    assert said.velocity.shape == (2, 16, PITCHES)
    assert said.family.shape == (2, TINY.families, 16, PITCHES)
    assert said.program.shape == (2, 5, 16, PITCHES)
    assert said.player.shape == (2, 4, 16, PITCHES)
    assert said.drums.shape == (2, 64, 3)
    assert said.tuning.shape == (2, 16, 2)
    assert AudioTower(BARE)(torch.rand(2, 64, BINS))[4:] == (None,) * 4


def test_a_tower_without_the_later_heads_is_loaded_exported_and_run(tmp_path):
    """As the checkpoints from before them, whose config does not name them."""
    folder = checkpoint(tmp_path, BARE)
    stored = dataclasses.asdict(BARE)
    (folder / "config.json").write_text(
        json.dumps({name: stored[name] for name in stored if name not in ("programs", "drums", "player", "tuning")})
    )
    export_tower(folder, folder / "tower.onnx")
    runtime = TowerRuntime(folder / "tower.onnx")
    assert runtime.outputs == ["embeddings", "activity", "velocity", "family"]
    waveform = np.random.default_rng(1).standard_normal(700 * HOP).astype(np.float32)
    whole = joined(list(runtime.stream([waveform])))
    assert len(whole.onset) == 700
    assert whole.program is whole.player is whole.drums is whole.tuning is None
    assert tuning_of(whole) is None


def test_the_later_heads_are_run(runtime):
    waveform = np.random.default_rng(1).standard_normal(700 * HOP).astype(np.float32)
    whole = joined(list(runtime.stream([waveform])))
    assert whole.program.shape == (700, PITCHES, 5)
    assert np.allclose(whole.program.sum(axis=2), 1, atol=1e-2)
    assert np.allclose(np.linalg.norm(whole.player.astype(float), axis=2), 1, atol=1e-2)
    assert whole.drums.shape == (700, 3)
    assert ((whole.drums > 0) & (whole.drums < 1)).all()
    assert abs(tuning_of(whole)) <= 0.5
    assert whole.part(slice(9)).tuning.shape == (9, 2)


def test_the_tuning_is_that_of_where_something_sounds():
    frames, quarter = 40, np.tile(np.array([0.0, 1.0], np.float32), (40, 1))
    quarter[20:] = (-1, 0)
    sounding = np.zeros((frames, PITCHES), np.float32)
    sounding[:20, 40] = 1
    silent = np.zeros_like(sounding)
    activity = Activity(silent, sounding, silent, np.zeros((frames, PITCHES, 2)), tuning=quarter)
    assert tuning_of(activity) == pytest.approx(0.25, abs=1e-6)


def test_a_token_decides_its_own_four_frames():
    """Frame f of the activity comes from token f // 4: without context, far frames cannot reach it."""
    tower = AudioTower(TINY).eval()
    with torch.no_grad():
        for parameter in (tower.context.leave.weight, tower.context.leave.bias):
            parameter.zero_()
        frames = torch.rand(1, 160, BINS)
        changed = frames.clone()
        changed[:, 80:84] += 1.0
        difference = (tower(frames)[1] - tower(changed)[1]).abs().sum(dim=(0, 1, 3))
    assert difference[80:84].min() > 0
    assert difference[:56].max() == 0
    assert difference[112:].max() == 0


def test_a_chord_block_adds_nothing_before_it_is_trained():
    x = torch.rand(1, 8, 5, PITCHES)
    assert torch.equal(ChordBlock(8, 2)(x), x)


def test_a_pitch_sees_those_that_it_shares_partials_with():
    block = ChordBlock(4, 2).eval()
    torch.nn.init.ones_(block.norm.weight)
    x = torch.rand(1, 4, 9, PITCHES)
    changed = x.clone()
    changed[:, :, 4, 40] += 1
    with torch.no_grad():
        differs = (block(x) - block(changed)).abs().sum(dim=1)[0] > 1e-6
    assert set(differs.any(dim=0).nonzero().flatten().tolist()) <= {40 + interval for interval in SHARING}
    assert differs.any(dim=1).tolist() == [False] * 3 + [True] * 3 + [False] * 3
    assert differs[:, 40 - 12].any()
    assert differs[:, 40 + 19].any()


def test_the_harmonic_stack_puts_partials_under_their_fundamental():
    x = torch.zeros(1, 1, 1, BINS)
    x[..., 100] = 1
    stacked = HarmonicStack((0.5, 1, 2))(x)
    assert stacked.shape == (1, 3, 1, BINS)
    assert [int(channel.argmax()) for channel in stacked[0, :, 0]] == [136, 100, 64]


def test_positions_differ():
    table = sinusoids(40, 16)
    assert torch.cdist(table, table).fill_diagonal_(1).min() > 0.01


def test_a_checkpoint_describes_itself(folder):
    assert load_tower(folder).config == TINY


def test_what_is_shipped_can_be_trained_on_and_transcribed_with(folder, tmp_path):
    ship(folder, tmp_path / "weights")
    again = load_tower(tmp_path / "weights")
    for ours, theirs in zip(again.parameters(), load_tower(folder).parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3)
    assert (tmp_path / "weights" / "tower.onnx").exists()


def test_the_exported_tower_gives_the_numbers_of_the_trained_one(folder, runtime):
    waveform = np.random.default_rng(0).standard_normal(WINDOW_FRAMES * HOP).astype(np.float32)
    frames = spectrogram(normalise(waveform))[None]
    with torch.no_grad():
        expected = load_tower(folder)(torch.from_numpy(frames))
    for ours, theirs in zip(runtime.session.run(None, {"frames": frames}), expected, strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-2


@pytest.mark.parametrize("samples", [1, HOP, 5 * HOP + 3, STEP * HOP, WINDOW_FRAMES * HOP, (2 * STEP + 100) * HOP + 7])
def test_a_stream_covers_every_frame_once(runtime, samples):
    waveform = np.random.default_rng(1).standard_normal(samples).astype(np.float32)
    stretches = list(runtime.stream([waveform]))
    assert sum(len(s.onset) for s in stretches) == -(-samples // HOP)
    for stretch in stretches:
        assert stretch.onset.shape == stretch.sounding.shape == stretch.velocity.shape == stretch.family.shape[:2]
        assert np.allclose(stretch.family.sum(axis=2), 1, atol=1e-5)


def test_a_stream_does_not_depend_on_how_it_is_cut(runtime):
    waveform = np.random.default_rng(2).standard_normal(1300 * HOP).astype(np.float32)
    whole = np.concatenate([s.onset for s in runtime.stream([waveform])])
    cut = np.concatenate([s.onset for s in runtime.stream(np.array_split(waveform, 17))])
    assert np.allclose(whole, cut, atol=1e-6)


def test_frames_lie_where_they_sound(runtime):
    """Activity frame i comes from window frame MARGIN + i: a change of the audio moves only frames near it."""
    waveform = np.random.default_rng(3).standard_normal(300 * HOP).astype(np.float32)
    assert MARGIN < 300
    (stretch,) = runtime.stream([waveform])
    (shifted,) = runtime.stream([np.concatenate([np.zeros(4 * HOP, np.float32), waveform])])
    assert len(shifted.onset) == len(stretch.onset) + 4


def test_no_audio_gives_no_activity(runtime):
    assert list(runtime.stream([])) == []


def test_a_training_checkpoint_is_exported_when_it_is_first_used(folder, tmp_path):
    for name in ("tower.safetensors", "config.json"):
        shutil.copy(folder / name, tmp_path)
    made = runtime_files.tower(tmp_path)
    assert made == tmp_path / "onnx" / "tower.onnx"
    first = made.stat().st_mtime_ns
    assert runtime_files.tower(tmp_path).stat().st_mtime_ns == first, "once"
    os.utime(tmp_path / "tower.safetensors", (2e9, 2e9))
    assert runtime_files.tower(tmp_path).stat().st_mtime_ns > first, "again when the weights are newer"
    assert runtime_files.language_model(tmp_path) is None


def test_a_checkpoint_whose_config_is_no_config_is_refused(tmp_path):
    (tmp_path / "tower.safetensors").write_bytes(b"")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(EngineError, match="cannot be read"):
        runtime_files.tower(tmp_path)
