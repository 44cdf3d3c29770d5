"""The audio language model: what it may see, its files, and its export."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch

from abcscribe.model import onnx_export
from abcscribe.model.checkpoint import ship
from abcscribe.model.config import LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.language_model import rotary, rotate
from abcscribe.model.language_model_export import export_language_model
from abcscribe.model.language_model_runtime import ROOM_STEP, OnnxStepper
from abcscribe.model.note_features import OWN_FEATURES, HeardNotes, chords, collate, features
from abcscribe.model.score_language_model import (  # fmt: skip
    IGNORED,
    ScoreLanguageModel,
    ScoreLanguageModelConfig,
    answer_loss,
    collate_heard,
    prefix_mask,
    token_positions,
)
from abcscribe.model.torch_stepper import TorchStepper

VOCABULARY = 40
ANALYSIS = 9  # columns; any number will do
CONFIG = ScoreLanguageModelConfig(
    NoteProjectorConfig(ANALYSIS, width=128, layers=1, heads=2),
    LanguageModelConfig(VOCABULARY, width=128, layers=2, heads=2),
)
EXACT, QUANTISED = 1e-4, 0.1  # largest difference of logits whose standard deviation is about one


def notes(count: int, seed: int = 0) -> HeardNotes:
    rng = np.random.default_rng(seed)
    onset = np.sort(rng.uniform(2, 2 + count / 4, count))
    return HeardNotes(
        onset, onset + 0.3, rng.integers(40, 90, count), rng.uniform(30, 100, count), rng.integers(0, 12, count),
        rng.uniform(0.4, 1, count), chords(onset), rng.uniform(-1, 1, (count, ANALYSIS)),
    )  # fmt: skip


def new_model() -> ScoreLanguageModel:
    """A model whose layers all do something: new ones begin with zeros."""
    torch.manual_seed(0)
    model = ScoreLanguageModel(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2 and not parameter.any():
                parameter.normal_(0, 0.08)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return new_model()


@pytest.fixture(scope="module")
def shipped(model, tmp_path_factory):
    """A folder with float16 weights and ONNX files."""
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder / "checkpoint")
    ship(folder / "checkpoint", folder / "weights")
    return folder / "weights"


def answers(stepper, lists, steps: int = 6, keep=None) -> list[np.ndarray]:
    """Logits at a prompt of three tokens and at single ones after it; ``keep`` after the second."""
    stepper.start(lists)
    rng, rows, found = np.random.default_rng(1), len(lists), []
    for step in range(steps):
        shape = (rows, 3 if step == 0 else 1)
        positions = rng.uniform(0, 9, (*shape, 3)).astype(np.float32)
        found.append(stepper.step(rng.integers(0, VOCABULARY, shape), positions))
        if step == 2 and keep is not None:
            stepper.keep(keep)
            rows = len(keep)
    return found


def difference(ours, theirs) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))


def test_the_batch_is_what_single_lists_are(model):
    """Padding changes nothing."""
    lists = [notes(5), notes(9, 1)]
    ids, positions = torch.arange(6).expand(2, -1), torch.rand(2, 6, 3)
    together = model(collate_heard(lists, multiple=16), ids, positions)
    alone = model(collate_heard(lists[:1]), ids[:1], positions[:1])
    assert together.shape == (2, 6, VOCABULARY)
    assert torch.allclose(together[:1], alone, atol=1e-4)


def test_an_answer_sees_what_was_heard_and_its_own_past(model):
    heard, ids, positions = collate_heard([notes(6)]), torch.arange(5)[None], torch.rand(1, 5, 3)
    before = model(heard, ids, positions)
    later = model(heard, ids.clone().index_fill_(1, torch.tensor([3]), 9), positions)
    assert torch.allclose(before[:, :3], later[:, :3], atol=1e-5)
    assert not torch.allclose(before[:, 3:], later[:, 3:], atol=1e-3)
    other = model(collate_heard([notes(6, 7)]), ids, positions)
    assert not torch.allclose(before[:, :1], other[:, :1], atol=1e-3)


def test_the_prefix_mask_by_hand():
    mask = prefix_mask(torch.tensor([[True, False]]), 2)[0, 0]
    assert mask.int().tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1]]


def test_rotation_knows_distances_only():
    q, k = torch.rand(1, 1, 1, 64), torch.rand(1, 1, 1, 64)
    at = lambda *place: rotary(torch.tensor([[place]], dtype=torch.float32), 64)  # noqa: E731
    near = (rotate(q, at(5, 3, 1.5)) * rotate(k, at(4, 1, 1.0))).sum()
    far = (rotate(q, at(25, 13, 3.5)) * rotate(k, at(24, 11, 3.0))).sum()
    assert torch.allclose(near, far, atol=1e-3)
    assert not torch.allclose(near, (rotate(q, at(5, 3, 1.5)) * rotate(k, at(4, 2, 1.0))).sum(), atol=1e-3)


def test_token_positions_follow_the_pointer():
    found = token_positions(np.array([-1, 0, 2]), np.array([0.0, 0.5, 1.25]), first=10)
    assert found.tolist() == [[11, -1, 0], [12, 0, 0], [13, 2, 1.25]]


def test_only_the_answer_counts():
    logits, targets = torch.zeros(1, 3, 4), torch.tensor([[IGNORED, 2, IGNORED]])
    assert answer_loss(logits, targets) == pytest.approx(np.log(4))
    logits[0, 0] = torch.tensor([90.0, 0, 0, 0])
    assert answer_loss(logits, targets) == pytest.approx(np.log(4))


def test_groups_are_notes_that_begin_together():
    assert chords(np.array([0.0, 0.04, 0.08, 0.115, 0.16, 1.0])).tolist() == [0, 0, 0, 0, 1, 2]
    some = dataclasses.replace(notes(3), onset=np.array([0.0, 0.2, 1.0]), chord=np.array([4, 4, 7]))
    assert some.groups.tolist() == [0, 0, 1]
    assert some.starts.tolist() == [0.1, 1.0]
    assert some.select(slice(2, 3)).groups.tolist() == [0]


def test_features_do_not_depend_on_where_a_window_lies():
    early = notes(8)
    late = dataclasses.replace(early, onset=early.onset + 50, offset=early.offset + 50)
    assert features(early, 2.0).shape == (8, OWN_FEATURES + ANALYSIS)
    assert np.allclose(features(early, 2.0), features(late, 52.0), atol=1e-4)
    assert np.allclose(collate([early]).features, collate([late]).features, atol=1e-4)


def test_a_checkpoint_comes_back(model, tmp_path):
    model.save_pretrained(tmp_path / "a")
    again = ScoreLanguageModel.from_pretrained(tmp_path / "a")
    assert again.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name])
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["config.json", "model.safetensors"]


def test_what_is_shipped_can_be_trained_on(model, shipped):
    again = ScoreLanguageModel.from_pretrained(shipped)
    assert again.config == model.config
    for ours, theirs in zip(again.parameters(), model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-3)


@pytest.mark.parametrize("keep", [None, [1, 0], [1, 1, 0], [0]])
@pytest.mark.parametrize("exact", [True, False])
def test_the_runtime_gives_the_numbers_of_torch(model, shipped, tmp_path, monkeypatch, exact, keep):
    """With lists of different length, after rows were dropped, doubled and swapped; int8 within QUANTISED."""
    folder = shipped
    if exact:
        monkeypatch.setattr(onnx_export, "stored_as_bytes", lambda graph: graph)
        monkeypatch.setattr(onnx_export, "stored_as_half", lambda graph: graph)
        export_language_model(model, folder := tmp_path)
    lists, keep = [notes(7), notes(3, 1)], None if keep is None else np.array(keep)
    ours, theirs = (answers(s, lists, keep=keep) for s in (OnnxStepper(folder), TorchStepper(model)))
    assert difference(ours, theirs) < (EXACT if exact else QUANTISED) * max(1.0, float(np.std(theirs[-1])))


def test_the_buffers_grow(model, shipped):
    steps = ROOM_STEP + 20
    ours, theirs = (answers(s, [notes(4)], steps) for s in (OnnxStepper(shipped), TorchStepper(model)))
    assert difference(ours[-5:], theirs[-5:]) < QUANTISED * max(1.0, float(np.std(theirs[-1])))


def test_a_stepper_begins_anew(shipped):
    stepper = OnnxStepper(shipped)
    first = answers(stepper, [notes(4)])
    answers(stepper, [notes(9, 3), notes(2, 4)])
    assert difference(first, answers(stepper, [notes(4)])) == 0


def test_the_runtime_needs_no_torch():
    code = (
        "import sys, abcscribe.model.language_model_runtime, abcscribe.writing.decoding; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
