"""Training of the language model: it learns, goes on exactly, and is the same on all processes."""

import dataclasses
import json

import numpy as np
import pytest
import tiny_cache
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.model.score_language_model import IGNORED, ScoreLanguageModel
from abcscribe.tokens import VOCABULARY
from abcscribe.training import sft, window_files
from abcscribe.training.configs import SftTraining
from abcscribe.training.sft import (
    Lesson,
    Shape,
    Trainer,
    draw_batch,
    lesson,
    make_batch,
    new_model,
    schedule,
    training_source,
)
from abcscribe.training.window_source import window_source

SHAPE = Shape(24, 96, 4)
CURRICULUM = (Lesson(1.0, ((SHAPE, 1.0),), (("tune", 1.0),)),)
sft.CURRICULA["tests"] = CURRICULUM


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz")


def tiny(cache, out, **changes) -> SftTraining:
    settings = {
        "width": 32, "encoder_layers": 1, "decoder_layers": 1, "warmup": 2, "compile": False, "minutes": 1.0,
        "log_steps": 5, "curriculum": "tests", "vector_rate": 1e-2, "matrix_rate": 1e-2, "average": 0.5,
    }  # fmt: skip
    return SftTraining(cache, out, **settings | changes)


class Clock:
    """Tells a later time at every look, so that a run has the same number of steps on every machine."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def new_trainer(config) -> Trainer:
    torch.manual_seed(config.seed)
    return Trainer(config, new_model(config))


def steps(trainer, config, numbers) -> list[float]:
    source = window_source(config.cache)
    return [trainer.step(draw_batch([config.seed, number], source, lesson(config, 0.5)), 1.0) for number in numbers]


def test_a_batch_by_hand(cache):
    source = window_source(cache)
    window = source.draw(np.random.default_rng(0), sft.Stage((8, 12), (("tune", 1.0),)))
    batch = make_batch([window], SHAPE)
    n = min(len(window.ids) - 1, SHAPE.tokens)
    assert batch.ids[0, :n].tolist() == window.ids[:n].tolist()
    assert batch.targets[0, :n].tolist() == window.ids[1 : n + 1].tolist()
    assert (batch.targets[0, n:] == IGNORED).all()
    assert (batch.ids[0, n:] == VOCABULARY.pad).all()
    assert batch.positions[0, :n, 1].tolist() == window.token_groups[:n].tolist()
    assert batch.heard.pitch.shape == (1, SHAPE.notes)
    header = int(np.argmax(window.token_groups >= 0))
    assert (batch.weights[0, :header] == sft.DECISIVE).all()
    assert (batch.weights[0, header:] == 1).all()


def test_the_learning_rate_is_warmed_up_held_and_let_down(cache, tmp_path):
    config = tiny(cache, tmp_path, warmup=100, decay_share=0.25)
    assert schedule(0, 0.0, config) == pytest.approx(0.01)
    assert schedule(1000, 0.5, config) == 1.0
    assert schedule(1000, 1.0, config) == pytest.approx(0.02)


def test_a_new_note_begins_as_the_mean_of_its_names(cache, tmp_path):
    model = new_model(tiny(cache, tmp_path))
    ids = [VOCABULARY.pitch_id[name] for name in VOCABULARY.pitches if name[0] == 60]
    assert torch.allclose(model.projector.pitch.weight[39], model.language_model.embedding.weight[ids].mean(0))


def test_a_run_learns_stops_and_leaves_a_model(cache, tmp_path):
    log = list(sft.main(tiny(cache, tmp_path, log_steps=10), Clock(1.2)))
    losses = [entry["loss"] for entry in log if "loss" in entry]
    assert losses[-1] < 0.75 * losses[0]
    assert set(log[-1]["valid"]) > {"tune loss", "pitch right"}
    assert [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()] == log
    model = ScoreLanguageModel.from_pretrained(tmp_path)
    assert model.config.language_model.vocabulary == len(VOCABULARY)
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_windows_that_the_tower_heard_are_mixed_in(cache, tmp_path):
    heard = tmp_path / "heard"
    heard.mkdir()
    rng, source = np.random.default_rng(0), window_source(cache)
    kept = [source.draw(rng, sft.Stage((8, 20), (("tune", 1.0),))) for _ in range(12)]
    window_files.save(heard / "windows-00000.npz", kept)
    mixed = training_source(tiny(cache, tmp_path, heard=heard))
    known = {window.excerpt for window in kept}
    drawn = [mixed.draw(rng, sft.Stage((8, 20), (("tune", 1.0),))) for _ in range(60)]
    share = np.mean([window.excerpt in known for window in drawn])
    assert abs(share - sft.HEARD_SHARE) < 0.2
    with pytest.raises(AbcscribeError, match="holds no windows"):
        next(sft.main(tiny(cache, tmp_path / "out", heard=tmp_path)))


def test_a_resumed_run_is_the_same_run(cache, tmp_path):
    """Six steps at once, and three steps, a checkpoint, and three by a new process: equal to the last bit."""
    config = tiny(cache, tmp_path / "whole")
    whole = new_trainer(config)
    losses = steps(whole, config, range(6))
    config = dataclasses.replace(config, out=tmp_path / "halves")
    first = new_trainer(config)
    first.resume()
    begun = steps(first, config, range(3))
    first.save(3, 0.5)
    again = new_trainer(dataclasses.replace(config, seed=9))  # other weights, which are overwritten
    assert again.resume() == (3, 0.5)
    assert begun + steps(again, config, range(3, 6)) == losses
    for ours, theirs in zip(again.shadows + again.average, whole.shadows + whole.average, strict=True):
        assert torch.equal(ours, theirs)


def test_a_run_can_begin_with_the_weights_of_another(cache, tmp_path):
    first = new_trainer(tiny(cache, tmp_path / "a"))
    first.resume()
    first.save(0, 0.0)
    config = tiny(cache, tmp_path / "b", start=tmp_path / "a", seed=2)
    trainer = new_trainer(config)
    assert trainer.resume() == (0, 0.0)
    for ours, theirs in zip(trainer.averaged().parameters(), first.averaged().parameters(), strict=True):
        assert torch.equal(ours, theirs)
