import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from abcscribe.errors import AbcscribeError
from abcscribe.model.audio_tower import AudioTower, TowerOutput
from abcscribe.model.config import AudioTowerConfig
from abcscribe.model.tower_classes import DRUMS, PROGRAMS, program_class
from abcscribe.score.instruments import PERCUSSION
from abcscribe.spectrogram import BINS, FRAME_RATE
from abcscribe.synthesis.render import UNKNOWN_FAMILY
from abcscribe.training import tower
from abcscribe.training.configs import TowerTraining
from abcscribe.training.tower import schedule
from abcscribe.training.tower_batches import MOST_CELLS, clip_targets, make_batch
from abcscribe.training.tower_losses import player_loss, total, tower_losses, tuning_loss

BARE = AudioTowerConfig(channels=8, blocks=1, squeezed=2, width=16, layers=1, heads=2)
TINY = dataclasses.replace(BARE, programs=len(PROGRAMS), drums=len(DRUMS), player=4, tuning=2)


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
    activity, velocity, family, program, drums, cells = clip_targets(np.array([(0.32, 0.64, 60, 127, 4, 71, 2)]), 64)
    onset, sounding = activity[:, :, 39] / 255
    assert onset.argmax() == 20
    assert onset[20] == 1
    assert onset[19] == onset[21] == pytest.approx(1 / 3)
    assert np.flatnonzero(sounding).tolist() == list(range(20, 40))
    assert velocity[5, 39] == 127
    assert (velocity >= 0).sum() == 1
    assert np.flatnonzero(family[:, 39] == 4).tolist() == [5, 6, 7, 8, 9, 10]
    assert np.flatnonzero(program[:, 39] == program_class(71)).tolist() == [5, 6, 7, 8, 9, 10]
    assert not drums.any()
    assert cells[0].tolist() == [6, 39, 2]
    assert (cells[1:] == -1).all()


def test_targets_of_notes_outside_of_unknown_family_and_of_clips_without_programs():
    activity, velocity, family, program, _, cells = clip_targets(
        np.array([(5.0, 6.0, 60, 90, 1), (0.1, 0.2, 12, 90, 1), (0.1, 0.2, 70, 90, UNKNOWN_FAMILY)]), 64
    )
    assert activity[:, :, 39].sum() == 0
    assert (activity[1, :, 49] == 255).sum() == 6
    assert (family >= 0).sum() == (program >= 0).sum() == (cells >= 0).sum() == 0
    assert (velocity >= 0).sum() == 1


def test_a_hit_of_a_drum_is_no_note():
    rows = [(0.32, 0.4, key, 100, UNKNOWN_FAMILY, PERCUSSION, 1) for key in (36, 42, 80)]
    activity, velocity, *_, drums, cells = clip_targets(np.array(rows), 64)
    assert not activity.any()
    assert (velocity == -1).all()
    assert (cells == -1).all()
    kick, hat = (list(DRUMS).index(name) for name in ("kick", "hat"))
    assert drums[20].tolist() == [255 * (kind in (kick, hat)) for kind in range(len(DRUMS))]


def test_of_many_notes_some_are_compared_evenly():
    rows = [(0.01 * i, 0.01 * i + 0.1, 40 + i % 30, 90, 1, 0, i % 3) for i in range(300)]
    cells = clip_targets(np.array(rows), 640)[-1]
    assert cells.shape == (MOST_CELLS, 3)
    assert (cells >= 0).all()
    assert cells[-1, 0] == int(299 * 0.01 * FRAME_RATE + 0.5) // 4 + 1


def test_frozen_modules_stay_as_they_are(tmp_path, monkeypatch):
    write_shard(tmp_path)
    monkeypatch.setattr(tower, "tower_config", lambda: TINY)
    config = TowerTraining(clips=tmp_path, out=tmp_path / "out", batch=3, steps=3, frozen="stem,blocks", threads=1)
    model = AudioTower(TINY)
    torch.manual_seed(config.seed)
    before = AudioTower(TINY).state_dict()
    list(tower.main(config))
    after = load_file(config.out / "tower.safetensors")
    same = {name.split(".")[0] for name in after if name in before and torch.equal(after[name], before[name])}
    moved = {name.split(".")[0] for name in after if not torch.equal(after[name], before[name])}
    assert {"stem", "blocks"} <= same - moved
    assert {"joint", "context", "heads"} <= moved
    with pytest.raises(AbcscribeError, match="no module 'roots'"):
        tower.freeze(model, ["roots"])


def test_the_learning_rate_is_warmed_up_held_and_let_down():
    config = TowerTraining(warmup=100, decay_share=0.25)
    assert schedule(0, 0.0, config) == pytest.approx(0.01)
    assert schedule(1000, 0.5, config) == 1.0
    assert schedule(1000, 0.875, config) == pytest.approx(0.51)
    assert schedule(1000, 1.0, config) == pytest.approx(0.02)


def test_the_losses_of_a_perfect_answer_are_small(tmp_path):
    write_shard(tmp_path)
    shard = dict(np.load(tmp_path / "train-00000.npz"))
    batch = make_batch([(shard["frames"][0], shard["notes"][:1])])

    def perfect(frames):
        logits = torch.where(batch.activity > 127, 20.0, -20.0)
        family = torch.zeros(1, 11, *batch.family.shape[1:])
        family[:, 2] = 30.0
        return TowerOutput(None, logits, torch.logit((batch.velocity / 127).clamp(0.01, 0.99)), family)

    def wrong(frames):
        return TowerOutput(*(None if output is None else -output for output in perfect(frames)))

    right, worse = tower_losses(perfect, batch), tower_losses(wrong, batch)
    assert set(right) == {"onset", "sounding", "velocity", "family"}  # the heads that there are
    assert right["sounding"] < 1e-3
    assert right["family"] < 1e-3
    for name in right:
        assert worse[name] > right[name]
    assert total(worse) > total(right)


def test_notes_of_one_player_shall_be_near_and_of_two_far():
    cells = torch.tensor([[(0, 10, 0), (1, 12, 0), (0, 30, 1), (1, 31, 1), (-1, -1, -1)]])
    vectors = torch.zeros(1, 2, 4, 88)
    vectors[0, 0, :2, 10:13] = 1
    vectors[0, 1, :2, 30:32] = 1
    mixed = vectors.clone()
    mixed[0, :, 1] = mixed[0, :, 1].flip(0)
    assert player_loss(vectors, cells) < 0.05
    assert player_loss(mixed, cells) > 1
    alone = cells.clone()
    alone[..., 2] = torch.where(alone[..., 2] >= 0, 0, -1)
    assert player_loss(mixed, alone) == 0  # one player is told from nobody


def test_the_tuning_is_an_angle_where_something_sounds_and_it_is_known():
    batch = make_batch([(np.zeros((64, BINS), np.uint8), np.array([(0.0, 0.5, 60, 90, 1, 0, 0)]))])
    batch.tuning = torch.tensor([0.25])
    said = torch.tensor([0.0, 1.0]).expand(1, 16, 2).clone()
    said[:, 10:] = torch.tensor([0.0, -1.0])  # nothing sounds there
    assert tuning_loss(said, batch) < 1e-6
    assert tuning_loss(-said, batch) > 1.9
    batch.tuning = torch.tensor([float("nan")])
    assert tuning_loss(-said, batch) == 0


def test_training_learns_stops_and_goes_on(tmp_path, monkeypatch):
    """A run of a few seconds lowers the loss; a second one continues from its checkpoint."""
    monkeypatch.setattr(tower, "tower_config", lambda: TINY)
    write_shard(tmp_path)
    out = tmp_path / "out"
    config = TowerTraining(
        tmp_path, out=out, minutes=1.0, batch=6, matrix_rate=1e-2, vector_rate=1e-2, warmup=5, log_steps=10, threads=1
    )
    log = list(tower.main(config, ticking()))
    assert len(log) >= 2
    assert log[-1]["onset"] < 0.5 * log[0]["onset"]
    assert json.loads((out / "config.json").read_text())["channels"] == TINY.channels
    state = torch.load(out / "state.pt", weights_only=True)
    assert state["step"] >= log[-1]["step"]
    again = list(tower.main(TowerTraining(tmp_path, out=out, minutes=1.6, batch=6, threads=1), ticking()))
    assert again[0]["step"] > log[-1]["step"]
    assert again[0]["onset"] < log[0]["onset"]
    AudioTower(TINY).load_state_dict(tower.load_file(out / "tower.safetensors"))


def test_weights_from_before_the_chord_blocks_and_the_heads_are_trained_on(tmp_path):
    """What is missing there begins as nothing, or says nothing of the rest: the first answer is that of the weights."""
    torch.manual_seed(3)
    old = AudioTower(BARE).eval()
    tower.save_file({n: t for n, t in old.state_dict().items() if "chords" not in n}, tmp_path / "tower.safetensors")
    new = AudioTower(TINY).eval()
    tower._resume(TowerTraining(out=tmp_path / "out", start=tmp_path), new, None)
    frames = torch.rand(1, 32, TINY.bins)
    for ours, theirs in zip(new(frames)[:4], old(frames)[:4], strict=True):
        assert torch.equal(ours, theirs)


def test_other_weights_are_refused(tmp_path):
    tower.save_file({"body.weight": torch.zeros(2)}, tmp_path / "tower.safetensors")
    with pytest.raises(AbcscribeError, match="not of the kind"):
        tower._resume(TowerTraining(out=tmp_path / "out", start=tmp_path), AudioTower(TINY), None)


def test_convolutions_are_updated_as_matrices(monkeypatch):
    """Muon's step has singular values near one, whatever the gradient; a row for each channel that comes out."""
    monkeypatch.setattr(tower, "multiplies_bfloat16", lambda device: True)
    model = AudioTower(TINY).to(memory_format=torch.channels_last)
    optimizer = tower.Optimizers(model, TowerTraining(weight_decay=0.0))
    weight = model.blocks[0].body[0].weight
    before = weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(1.0)
    step = (before - weight.detach()).permute(0, 2, 3, 1).flatten(1)
    values = torch.linalg.svdvals(step.float())
    assert values.max() < 2 * values.min()
    assert values.min() > 0
