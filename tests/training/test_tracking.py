import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from abcscribe.errors import AbcscribeError
from abcscribe.training import tracking
from abcscribe.training.tracking import default_tracker, flat

ENTRY = {"step": 3, "loss": 1.5, "note": "text", "valid": {"loss": 2, "good": True}}


def test_numbers_of_an_entry():
    assert flat(ENTRY) == {"loss": 1.5, "valid/loss": 2}


@pytest.mark.parametrize("tracker", ["trackio", "wandb"])
def test_a_run_is_opened_logged_and_closed(monkeypatch, tmp_path, tracker):
    calls = []
    fake = SimpleNamespace(
        init=lambda **settings: calls.append(settings),
        log=lambda figures, step: calls.append((figures, step)),
        finish=lambda: calls.append("finished"),
    )
    monkeypatch.setitem(sys.modules, tracker, fake)
    with suppress(KeyError), tracking.tracking(tracker, tmp_path / "run", {"out": tmp_path}) as log:
        log(ENTRY)
        raise KeyError  # a run that fails is closed too
    opened = {"project": "abcscribe", "name": "run", "config": {"out": str(tmp_path)}}
    assert calls == [opened, ({"loss": 1.5, "valid/loss": 2}, 3), "finished"]


def test_tensorboard(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with tracking.tracking("tensorboard", tmp_path) as log:
        log(ENTRY)
    found = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("valid/loss")] == [(3, 2.0)]


def test_none_and_what_is_not_there(monkeypatch, tmp_path):
    with tracking.tracking("none", tmp_path) as log:
        log(ENTRY)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AbcscribeError, match="no tracker 'diary'"), tracking.tracking("diary", tmp_path):
        pass
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(AbcscribeError, match="pip install wandb"), tracking.tracking("wandb", tmp_path):
        pass


def test_trackio_is_used_where_it_is_installed(monkeypatch):
    for found, wanted in ((object(), "trackio"), (None, "none")):
        monkeypatch.setattr(tracking, "find_spec", lambda name, found=found: found)
        assert default_tracker() == wanted
