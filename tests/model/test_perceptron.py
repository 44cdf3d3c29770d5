"""Small networks: what was fitted is what is run."""

import numpy as np
import pytest

from abcscribe.analysis import player_count
from abcscribe.hearing import note_confidence
from abcscribe.model import perceptron


def test_by_hand(tmp_path):
    path = tmp_path / "weights.npz"
    layers = {"0.weight": [[1, 0], [0, -1]], "0.bias": [0, 1], "1.weight": [[2, 3]], "1.bias": [0.5]}
    np.savez(path, mean=np.array([1.0, 0.0]), scale=np.array([2.0, 1.0]), **{k: np.array(v) for k, v in layers.items()})
    # (5 - 1) / 2 = 2 and 100 bounded to 5; layer: 2 and max(1 - 5, 0); 2 * 2 + .5
    assert perceptron.answer(path, np.array([5.0, 100.0])) == pytest.approx([4.5])
    assert perceptron.answer(path, np.array([[5.0, 100.0], [1.0, 0.0]])) == pytest.approx(np.array([[4.5], [3.5]]))


def test_what_was_fitted_is_what_is_run(tmp_path):
    torch = pytest.importorskip("torch")
    from abcscribe.training.small.perceptron_fit import Fitted, fit

    rng = np.random.default_rng(0)
    rows = rng.normal(3, 2, (400, 5)).astype(np.float32)
    labels = torch.from_numpy((rows[:, 0] > rows[:, 1]).astype(np.int64))
    torch.manual_seed(0)
    model = Fitted(rows, (16, 8), 2)
    list(fit(model, rows, labels, torch.nn.functional.cross_entropy, 300, batch=64, rate=1e-2, noise=0.0))
    model.save(tmp_path / "weights.npz")
    answers = perceptron.answer(tmp_path / "weights.npz", rows)
    with torch.no_grad():
        assert answers == pytest.approx(model(model.scaled(rows)).numpy(), abs=0.1)
    assert (answers.argmax(axis=1) == labels.numpy()).mean() > 0.9


@pytest.mark.parametrize(
    ("weights", "outputs"), [(player_count.WEIGHTS, len(player_count.TEXTURES)), (note_confidence.WEIGHTS, 1)]
)
def test_shipped_networks_fit_what_they_are_shown(weights, outputs):
    with np.load(weights) as file:
        assert file["2.weight"].shape[0] == outputs
        assert len(file["mean"]) == len(file["scale"]) == file["0.weight"].shape[1]
