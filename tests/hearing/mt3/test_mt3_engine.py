"""Waveform -> notes: how segments are cut, batched and joined; the export; the name on the command line."""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mt3_examples import noise_frames, note, performances, tiny_config, tiny_network, tiny_system

from abcscribe import hearing
from abcscribe.errors import EngineError
from abcscribe.hearing import mt3
from abcscribe.hearing.mt3 import checkpoint, onnx_export
from abcscribe.hearing.mt3.decoding import first_memory, greedy
from abcscribe.hearing.mt3.engine import BATCH, Mt3
from abcscribe.hearing.mt3.events import encode, note_events
from abcscribe.hearing.mt3.frames import HOP
from abcscribe.hearing.mt3.onnx_runtime import OnnxRuntime
from abcscribe.hearing.mt3.torch_runtime import TorchRuntime
from abcscribe.hearing.mt3.vocabulary import SYSTEMS
from abcscribe.score.model import PlayedNote


class Knowing:
    """A runtime that knows the notes: it writes the true tokens of each segment, whatever it is shown, in order."""

    def __init__(self, notes: Sequence[PlayedNote], name: str = "mt3") -> None:
        system = tiny_system(name, target_length=400)
        self.config = dataclasses.replace(tiny_config(name), system=system)
        self.events, self.seen = note_events(notes, system), 0
        self.memories: list[list[int]] = []

    def begin(self, frames: np.ndarray, previous: np.ndarray | None) -> tuple:
        size = self.config.system.segment_frames
        assert frames.shape[1:] == (size, 512)
        rows = range(self.seen, self.seen + len(frames))
        self.true = [encode(self.events, row * size, (row + 1) * size, self.config.system) for row in rows]
        self.seen += len(frames)
        if previous is not None:
            self.memories.append(previous[0].tolist())
        alive = np.arange(len(frames))[None]
        return (alive, alive), (alive, alive)

    def step(self, tokens: np.ndarray, position: int, past: tuple, cross: tuple) -> tuple:
        logits = np.full((len(tokens), 1536), -30.0)
        for i, row in enumerate(past[0][0]):
            logits[i, self.true[row][position]] = 0
        return logits, past


def waveform(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * 16000), np.float32)


def heard(engine: Mt3, blocks: Sequence[np.ndarray]) -> list[PlayedNote]:
    return sorted(
        (n for found in engine.notes(blocks) for n in found), key=lambda n: (n.onset, n.drum, n.pitch, n.program or 0)
    )


@settings(max_examples=25, deadline=None)
@given(performances(), st.integers(1, 9))
def test_segments_are_joined_to_the_notes_of_the_recording(notes: list[PlayedNote], blocks: int) -> None:
    """Times to 10 ms, lengths of pitched notes, programs and drums, whatever the blocks are."""
    found = heard(Mt3(Knowing(notes)), np.array_split(waveform(2.5), blocks))
    expected = sorted(notes, key=lambda n: (n.onset, n.drum, n.pitch, n.program or 0))
    assert [(n.pitch, n.program, n.drum) for n in found] == [(n.pitch, n.program, n.drum) for n in expected]
    assert [n.onset for n in found] == pytest.approx([n.onset for n in expected], abs=1e-6)
    assert [n.offset for n in found if not n.drum] == pytest.approx(
        [n.offset for n in expected if not n.drum], abs=1e-6
    )


@pytest.mark.parametrize("samples", [1, 25 * HOP - 1, 25 * HOP, 25 * HOP * BATCH, 25 * HOP * (BATCH + 1) + 5])
def test_every_sample_is_in_a_segment(samples: int) -> None:
    """A recording that ends with a segment has one more, of a silent frame, as in the published code."""
    runtime = Knowing([note(0.01, 0.05, 60)])
    assert len(heard(Mt3(runtime), [np.zeros(samples, np.float32)])) == 1
    assert runtime.seen == samples // (25 * HOP) + 1


def test_notes_are_handed_out_as_soon_as_they_are_complete() -> None:
    notes = [note(0.1, 0.2, 60), note(0.3, 3.9, 62)]
    steps = list(Mt3(Knowing(notes)).notes(np.array_split(waveform(4), 2)))
    assert [[n.pitch for n in step] for step in steps if step] == [[60], [62]]
    assert [n.pitch for n in steps[0]] == [60]


def test_an_empty_recording_has_no_notes() -> None:
    assert heard(Mt3(Knowing([])), []) == []


def test_a_segment_is_told_what_was_written_before_it() -> None:
    """The system with a memory: one segment at a time."""
    runtime = Knowing([note(0.1, 0.15, 60), note(0.25, 0.3, 61)], "mr-mt3")
    assert [n.pitch for n in heard(Mt3(runtime), [waveform(0.5)])] == [60, 61]
    system = runtime.config.system
    segments = [encode(runtime.events, 25 * i, 25 * i + 25, system) for i in range(3)]
    assert runtime.memories[0] == first_memory(system)[0].tolist()
    for memory, before in zip(runtime.memories[1:], segments, strict=False):
        assert memory[: len(before) + 2] == [0, *before, 0]


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_the_export_writes_what_torch_writes(tmp_path: Path, name: str) -> None:
    network = tiny_network(name)
    onnx_export.export(network, tmp_path)
    previous = np.repeat(first_memory(network.config.system), 3, axis=0) if network.config.system.memory else None
    by_torch, by_onnx = (
        greedy(runtime, noise_frames(3), previous) for runtime in (TorchRuntime(network), OnnxRuntime(tmp_path))
    )
    for ours, theirs in zip(by_torch, by_onnx, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)


def test_files_and_folders_are_engines(tmp_path: Path) -> None:
    network = tiny_network()
    checkpoint.save(network, tmp_path / "model.safetensors")
    onnx_export.export(network, tmp_path / "onnx")
    recording = np.random.default_rng(2).standard_normal(9000).astype(np.float32)
    results = [
        heard(mt3.load(str(path)), [recording])
        for path in (tmp_path / "model.safetensors", tmp_path, tmp_path / "onnx")
    ]
    assert results[0] == results[1]
    assert [(n.pitch, n.onset) for n in results[0]] == [(n.pitch, n.onset) for n in results[2]]


def test_an_exported_network_needs_no_torch(tmp_path: Path) -> None:
    onnx_export.export(tiny_network(), tmp_path)
    code = (
        "import sys, numpy; from abcscribe import hearing;"
        f"list(hearing.load('mt3', {str(tmp_path)!r}).notes([numpy.zeros(4000, 'f')]));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("checkpoint_name", "sentence"), [("", "needs weights"), ("nowhere.pth", "There is no file"), (".", "encoder.onnx")]
)
def test_without_weights_there_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoint_name: str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EngineError, match=sentence):
        hearing.load("mt3", checkpoint_name)


def test_a_folder_with_broken_sizes_gets_one_sentence(tmp_path: Path) -> None:
    onnx_export.export(tiny_network(), tmp_path)
    (tmp_path / "config.json").write_text('{"width": 3}')
    with pytest.raises(EngineError, match="cannot be read"):
        mt3.load(str(tmp_path))
