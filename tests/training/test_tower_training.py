import itertools
import json

import numpy as np
import pytest
import torch

from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import AudioTowerConfig
from abcscribe.spectrogram import BINS, FRAME_RATE
from abcscribe.synthesis.render import UNKNOWN_FAMILY
from abcscribe.training import tower
from abcscribe.training.configs import TowerTraining
from abcscribe.training.tower import clip_targets, make_batch, schedule, tower_losses

TINY = AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)


def write_shard(folder, clips: int = 6, frames: int = 64) -> None:
    """Clips whose one note lights up its own bins: something a tower can learn at once."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 20, (clips, frames, BINS)).astype(np.uint8)
    notes = []
    for clip in range(clips):
        pitch = 50 + 3 * clip
        images[clip, 20:40, 3 * (pitch - 21) : 3 * (pitch - 21) + 3] = 250
        notes.append((20 / FRAME_RATE, 40 / FRAME_RATE, pitch, 90, 2))
    np.savez(folder / "train-00000.npz", frames=images, notes=np.array(notes, np.float32), first=np.arange(clips + 1))


def ticking():
    """A clock that runs two seconds at every look, so that a run has the same number of steps on every machine."""
    seconds = itertools.count(0, 2)
    return lambda: float(next(seconds))


def test_targets_of_one_note():
    activity, velocity, family = clip_targets(np.array([(0.32, 0.64, 60, 127, 4)]), 64)
    onset, sounding = activity[:, :, 39]
    assert onset.argmax() == 20
    assert onset[20] == 1
    assert onset[19] == onset[21] == pytest.approx(1 / 3)
    assert np.flatnonzero(sounding).tolist() == list(range(20, 40))
    assert velocity[5, 39] == 1
    assert (velocity >= 0).sum() == 1
    assert np.flatnonzero(family[:, 39] == 4).tolist() == [5, 6, 7, 8, 9, 10]


def test_targets_of_notes_outside_and_of_unknown_family():
    activity, velocity, family = clip_targets(
        np.array([(5.0, 6.0, 60, 90, 1), (0.1, 0.2, 12, 90, 1), (0.1, 0.2, 70, 90, UNKNOWN_FAMILY)]), 64
    )
    assert activity[:, :, 39].sum() == 0
    assert activity[1, :, 49].sum() == 6
    assert (family >= 0).sum() == 0
    assert (velocity >= 0).sum() == 1


def test_the_learning_rate_is_warmed_up_held_and_let_down():
    config = TowerTraining(clips=None, out=None, warmup=100, decay_share=0.25)
    assert schedule(0, 0.0, config) == pytest.approx(0.01)
    assert schedule(1000, 0.5, config) == 1.0
    assert schedule(1000, 0.875, config) == pytest.approx(0.51)
    assert schedule(1000, 1.0, config) == pytest.approx(0.02)


def test_the_losses_of_a_perfect_answer_are_small(tmp_path):
    write_shard(tmp_path)
    shard = dict(np.load(tmp_path / "train-00000.npz"))
    batch = make_batch([(shard["frames"][0], shard["notes"][:1])])

    def perfect(frames):
        logits = torch.where(batch.activity > 0.5, 20.0, -20.0)
        family = torch.zeros(1, 11, *batch.family.shape[1:])
        family[:, 2] = 30.0
        return None, logits, torch.logit(batch.velocity.clamp(0.01, 0.99)), family

    right = tower_losses(perfect, batch)
    wrong = tower_losses(lambda frames: tuple(None if x is None else -x for x in perfect(frames)), batch)
    assert right["sounding"] < 1e-3
    assert right["family"] < 1e-3
    for name in right:
        assert wrong[name] > right[name]


def test_training_learns_stops_and_goes_on(tmp_path, monkeypatch):
    """A run of a few seconds lowers the loss; a second one continues from its checkpoint."""
    monkeypatch.setattr(tower, "AudioTowerConfig", lambda: TINY)
    write_shard(tmp_path)
    out = tmp_path / "out"
    config = TowerTraining(
        clips=tmp_path, out=out, minutes=1.0, batch=6, matrix_rate=1e-2, vector_rate=1e-2, warmup=5, log_steps=10
    )
    log = list(tower.main(config, ticking()))
    assert len(log) >= 2
    assert log[-1]["onset"] < 0.5 * log[0]["onset"]
    assert json.loads((out / "config.json").read_text())["channels"] == TINY.channels
    state = torch.load(out / "state.pt", weights_only=True)
    assert state["step"] >= log[-1]["step"]
    again = list(tower.main(TowerTraining(clips=tmp_path, out=out, minutes=1.6, batch=6), ticking()))
    assert again[0]["step"] > log[-1]["step"]
    assert again[0]["onset"] < log[0]["onset"]
    AudioTower(TINY).load_state_dict(tower.load_file(out / "tower.safetensors"))


def test_weights_from_before_the_chord_blocks_are_trained_on(tmp_path):
    """They are missing there and begin as nothing: the first answer is that of the weights."""
    torch.manual_seed(3)
    old = AudioTower(TINY).eval()
    tower.save_file({n: t for n, t in old.state_dict().items() if "chords" not in n}, tmp_path / "tower.safetensors")
    new = AudioTower(TINY).eval()
    tower._resume(TowerTraining(clips=tmp_path, out=tmp_path / "out", start=tmp_path), new, None)
    frames = torch.rand(1, 32, TINY.bins)
    assert torch.equal(new(frames)[1], old(frames)[1])


def test_convolutions_are_updated_as_matrices():
    """Muon's step has singular values near one, whatever the gradient; a row for each channel that comes out."""
    model = AudioTower(TINY).to(memory_format=torch.channels_last)
    optimizer = tower.Optimizers(model, TowerTraining(clips=None, out=None, weight_decay=0.0))
    weight = model.blocks[0].body[0].weight
    before = weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(1.0)
    step = (before - weight.detach()).permute(0, 2, 3, 1).flatten(1)
    values = torch.linalg.svdvals(step.float())
    assert values.max() < 2 * values.min()
    assert values.min() > 0
