"""Training of the language model: it learns, goes on exactly, and is the same on all processes."""

import dataclasses
import json
import os
import socket
from pathlib import Path

import numpy as np
import pytest
import tiny_cache
import torch
from torch import multiprocessing

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


def steps(trainer, config, numbers, world=1, rank=0) -> list[float]:
    source = window_source(config.cache)
    return [
        trainer.step(
            draw_batch(np.random.default_rng([config.seed, rank, number]), source, lesson(config, 0.5)), 1.0, world
        )
        for number in numbers
    ]


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


def _work(rank: int, port: int, config: SftTraining, folder: str) -> None:
    """One of two processes: runs ``main`` and writes its trainer's weights."""
    os.environ.update(WORLD_SIZE="2", RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    made: list[Trainer] = []
    sft.Trainer = lambda *args: made.append(Trainer(*args)) or made[0]  # type: ignore[assignment, func-returns-value]
    # The second clock would stop much earlier: the first one counts for both.
    log = list(sft.main(config, Clock(12.0 if rank == 0 else 90.0)))
    assert bool(log) == (rank == 0)
    torch.save(made[0].shadows, f"{folder}/{rank}.pt")


def _spawn(config: SftTraining, folder: Path) -> None:
    """Run both processes; again on another port if somebody took the one that was free a moment ago."""
    for left in (2, 1, 0):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        try:
            multiprocessing.spawn(_work, (port, config, str(folder)), nprocs=2)
            return
        except multiprocessing.ProcessRaisedException as error:
            network = any(word in str(error) for word in ("DistNetworkError", "DistBackendError", "onnect"))
            if not (left and network):
                raise


def test_two_processes_train_one_model(cache, tmp_path):
    config = tiny(cache, tmp_path / "out")
    _spawn(config, tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    new = new_trainer(config).shadows
    for ours, theirs in zip(first, second, strict=True):
        assert torch.equal(ours, theirs)
    assert any(not torch.equal(a, b) for a, b in zip(first, new, strict=True))
    alone = list(sft.main(dataclasses.replace(config, out=tmp_path / "alone"), Clock(12.0)))
    assert alone
    own = torch.load(tmp_path / "alone" / "state.pt", weights_only=True)["shadows"]
    assert any(not torch.equal(a, b) for a, b in zip(first, own, strict=True)), "both processes' windows count"
    _check_as_of_one_process(config, first, new)


def _check_as_of_one_process(
    config: SftTraining, trained: list[torch.Tensor], new: list[torch.Tensor], count: int = 5
) -> None:
    """Two processes do what one does with both batches at once. Not to the bit: a loss is a mean over the tokens of a
    batch, and the mean of two such means weighs tokens by their batch."""
    source, one = window_source(config.cache), new_trainer(config)
    for number in range(count):  # a look at the clock is .2 of the budget
        halves = [
            draw_batch(np.random.default_rng([config.seed, rank, number]), source, lesson(config, number / count))
            for rank in range(2)
        ]
        drawn = [set(map(tuple, half.ids.tolist())) for half in halves]
        assert drawn[0].isdisjoint(drawn[1]), "no window is drawn twice"
        one.step(_together(*halves), schedule(number, number / count, config))
    moved, wanted = (
        torch.cat([(a - b).flatten() for a, b in zip(x, new, strict=True)]) for x in (trained, one.shadows)
    )
    assert float(torch.nn.functional.cosine_similarity(moved, wanted, dim=0)) > 0.9
    held, losses = draw_batch(np.random.default_rng(99), source, lesson(config, 0.5)), []
    for weights in (trained, one.shadows):
        judge = new_trainer(config)
        judge._set([w.detach() for w in weights], None)
        losses.append(judge.step(held, 0.0))
    assert losses[0] == pytest.approx(losses[1], rel=0.03)


def _together(first: sft.Batch, second: sft.Batch) -> sft.Batch:
    """Two batches of one shape as one."""
    heard = [
        torch.cat(pair)
        for pair in zip(
            *((h.pitch, h.family, h.features, h.positions, h.mask) for h in (first.heard, second.heard)), strict=True
        )
    ]
    rest = [
        torch.cat([getattr(first, n), getattr(second, n)]) for n in ("ids", "positions", "targets", "weights", "labels")
    ]
    return sft.Batch(sft.Heard(*heard, [*first.heard.seconds, *second.heard.seconds]), *rest)
