"""Transkun's events as played notes, with a network that answers what the test wants."""

import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest

from abcscribe.errors import EngineError
from abcscribe.hearing import transkun
from abcscribe.score import PlayedNote


class Network:
    """Hears one note, one of no length, and a pedal."""

    def transcribe(self, waveform):
        self.shape = tuple(waveform.shape)
        return [
            SimpleNamespace(start=0.5, end=1.0, pitch=60, velocity=90),
            SimpleNamespace(start=2.0, end=2.0, pitch=62, velocity=0),
            SimpleNamespace(start=0.0, end=3.0, pitch=-64, velocity=127),
        ]


def test_notes_without_pedals():
    network = Network()
    blocks = [np.zeros(100, np.float32), np.zeros(50, np.float32)]
    (notes,) = transkun.Transkun(network).notes(blocks)
    assert network.shape == (150, 1)
    assert notes == [PlayedNote(0.5, 1.0, 60, 90, "piano"), PlayedNote(2.0, 2.01, 62, 1, "piano")]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(transkun, "find_spec", lambda name: None if name == "ncls" else find(name) or object())
    with pytest.raises(EngineError, match="needs ncls"):
        transkun.load()
