"""Inference of an exported ScoreLanguageModel, token by token, with ONNX Runtime and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from abcscribe.model import WEIGHTS
from abcscribe.model.note_features import OWN_FEATURES, HeardNotes, collate
from abcscribe.model.onnx_session import open_session

ROOM_STEP = 128  # tokens by which the buffers grow: few copies, and little attention to empty places
HIDDEN = -1e9  # added to attention scores of masked places


class OnnxStepper:
    """See `abcscribe.writing.decoding.Checker`. One recording (or batch) at a time; the sessions are kept for the next.

    The cache is two buffers, keys (layers, rows, heads, head width, room) and values (layers, rows, heads, room, head
    width), of which the first ``used`` places are filled. The runtime reads them in place.
    """

    def __init__(self, folder: Path = WEIGHTS) -> None:
        """``folder``: where `language_model_export.export_language_model` wrote its two files."""
        self.notes = open_session(folder / "language_model_notes.onnx")
        self.decoder = open_session(folder / "language_model.onnx")
        features = next(i for i in self.notes.get_inputs() if i.name == "features")
        self.analysis = features.shape[2] - OWN_FEATURES  # columns of the analysis that the model was trained with
        shapes = {i.name: i.shape for i in self.decoder.get_inputs()}
        self.width = shapes["soft"][2]
        self.keys: np.ndarray = np.zeros(0, np.float32)
        self.values: np.ndarray = self.keys
        self.past_bias: np.ndarray = self.keys
        self.layers = sum(name.startswith("values") for name in shapes)
        _, self.heads, _, self.head_width = shapes["values0"]

    def start(self, heard: Sequence[HeardNotes]) -> None:
        batch = collate(heard)
        rows, notes = batch.mask.shape
        inputs = {name: getattr(batch, name) for name in ("pitch", "family", "features", "positions", "mask")}
        (soft,) = self.notes.run(None, inputs | {"places": _places(rows, notes)})
        self.used = 0
        self._allocate(rows, notes + ROOM_STEP)
        hidden = np.where(batch.mask, 0, HIDDEN).astype(np.float32)[:, None, None]
        ids = np.zeros((rows, 0), np.int64)
        self._run(soft, ids, batch.positions, np.repeat(hidden, notes, axis=2), hidden)

    def step(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return self.check(ids, positions)[:, -1]

    def check(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        rows, length = ids.shape
        if self.used + length > self.past_bias.shape[3]:
            self._allocate(rows, self.used + length + ROOM_STEP)
        bias = np.zeros((rows, 1, length, length), np.float32)
        if length > 1:
            bias += np.triu(np.full((length, length), HIDDEN, np.float32), 1)
        return self._run(np.zeros((rows, 0, self.width), np.float32), ids, positions, bias, np.float32(0))

    def drop(self, count: int) -> None:
        self.past_bias[..., self.used - count : self.used] = HIDDEN
        self.used -= count

    def keep(self, rows: np.ndarray) -> None:
        if np.array_equal(rows, np.arange(len(self.past_bias))):
            return
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]
        self.past_bias = self.past_bias[rows]
        self._feed()

    def _run(self, soft, ids, positions, bias, seen) -> np.ndarray:
        """Logits after each place; the new keys and values are appended to the cache, with ``seen`` as their bias."""
        places = _places(*positions.shape[:2])
        self.inputs |= {"soft": soft, "ids": ids, "positions": positions, "places": places, "bias": bias}
        logits, keys, values = self.decoder.run(None, self.inputs)
        new = slice(self.used, self.used + positions.shape[1])
        self.keys[..., new], self.values[..., new, :], self.past_bias[..., new] = keys, values, seen
        self.used = new.stop
        return logits

    def _allocate(self, rows: int, room: int) -> None:
        """Buffers with ``room`` places, the used ones copied."""
        keys = np.zeros((self.layers, rows, self.heads, self.head_width, room), np.float32)
        values = np.zeros((self.layers, rows, self.heads, room, self.head_width), np.float32)
        bias = np.full((rows, 1, 1, room), HIDDEN, np.float32)
        if self.used:
            keys[..., : self.used] = self.keys[..., : self.used]
            values[..., : self.used, :] = self.values[..., : self.used, :]
            bias[..., : self.used] = self.past_bias[..., : self.used]
        self.keys, self.values, self.past_bias = keys, values, bias
        self._feed()

    def _feed(self) -> None:
        """Views of the buffers under the names of the graph's inputs."""
        self.inputs = {"past_bias": self.past_bias}
        for layer in range(self.layers):
            self.inputs |= {f"keys{layer}": self.keys[layer], f"values{layer}": self.values[layer]}


def _places(rows: int, length: int) -> np.ndarray:
    """(rows, length): index of each place in the batch, by which the graphs look up its rotation."""
    return np.arange(rows * length).reshape(rows, length)
