"""Inference of the exported audio tower with ONNX Runtime, without torch.

The input is windows of 10.24 s. Windows overlap by twice MARGIN, and only the middle of each is kept, so that every
frame has context on both sides; each window is normalised by itself, so the result does not depend on the loudness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from abcscribe.model import WEIGHTS
from abcscribe.model.config import FRAMES_PER_TOKEN, WINDOW_FRAMES
from abcscribe.model.onnx_session import open_session
from abcscribe.spectrogram import HOP, normalise, spectrogram

MARGIN = 48  # frames (0.77 s) of context thrown away on each side of a window
STEP = WINDOW_FRAMES - 2 * MARGIN
TOWER = WEIGHTS / "tower.onnx"


@dataclass(frozen=True, slots=True)
class Activity:
    """Probabilities for consecutive frames (62.5 a second)."""

    onset: np.ndarray  # (frames, 88)
    sounding: np.ndarray  # (frames, 88)
    velocity: np.ndarray  # (frames, 88), 0 ... 1
    family: np.ndarray  # (frames, 88, families)
    # None where the tower has no such head; the small ones in half precision.
    program: np.ndarray | None = None  # (frames, 88, programs), see `tower_classes.PROGRAMS`
    player: np.ndarray | None = None  # (frames, 88, width) unit vectors: near for notes of one player
    drums: np.ndarray | None = None  # (frames, kinds) onsets, see `tower_classes.DRUMS`
    tuning: np.ndarray | None = None  # (frames, 2) cosine and sine; `tuning_of` makes semitones of them

    def part(self, frames: slice) -> Activity:
        """A stretch of it."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return Activity(**{name: array[frames] for name, array in arrays.items() if array is not None})


def joined(parts: Sequence[Activity]) -> Activity:
    """Consecutive stretches of one tower as one."""
    columns = {field.name: [getattr(part, field.name) for part in parts] for field in fields(Activity)}
    return Activity(**{name: np.concatenate(arrays) for name, arrays in columns.items() if arrays[0] is not None})


def tuning_of(activity: Activity) -> float | None:
    """Semitones, -.5 to .5, by which a recording is higher than A = 440 Hz; None if the tower does not tell."""
    if activity.tuning is None:
        return None
    weight = activity.sounding.max(axis=1, initial=0)[:, None]  # where nothing sounds there is no tuning
    cosine, sine = (activity.tuning * weight).sum(axis=0)
    return float(np.arctan2(sine, cosine) / (2 * np.pi))


class TowerRuntime:
    """The tower as a function of a stream of audio."""

    def __init__(self, model: Path = TOWER) -> None:
        """``model``: an ONNX file of ``checkpoint.export_tower``; by default the one in the package."""
        self.session = open_session(model)
        self.outputs = [output.name for output in self.session.get_outputs()]

    def stream(self, blocks: Iterable[np.ndarray]) -> Iterator[Activity]:
        """Activity of a stream of audio; memory does not grow with its length.

        Args:
            blocks: float32 samples (16 kHz), blocks of any length.

        Yields:
            Stretches of activity, in order and without gaps, whose frames together cover the audio.
        """
        buffer = np.zeros(MARGIN * HOP, np.float32)  # silence before the beginning
        for block in blocks:
            buffer = np.concatenate([buffer, block])
            while buffer.size >= WINDOW_FRAMES * HOP:
                yield self._window(buffer[: WINDOW_FRAMES * HOP], STEP)
                buffer = buffer[STEP * HOP :]
        while (left := -(-buffer.size // HOP) - MARGIN) > 0:
            padded = np.pad(buffer, (0, max(0, WINDOW_FRAMES * HOP - buffer.size)))[: WINDOW_FRAMES * HOP]
            yield self._window(padded, min(left, STEP))
            buffer = buffer[STEP * HOP :]

    def _window(self, waveform: np.ndarray, frames: int) -> Activity:
        """(WINDOW_FRAMES * HOP,) samples -> activity of ``frames`` frames after the margin."""
        return self.hear(spectrogram(normalise(waveform)), slice(MARGIN, MARGIN + frames))

    def hear(self, spectra: np.ndarray, keep: slice = slice(None)) -> Activity:
        """(WINDOW_FRAMES, bins) of `abcscribe.spectrogram` -> the activity of the frames to keep."""
        given = dict(zip(self.outputs, self.session.run(None, {"frames": spectra[None]}), strict=True))
        token = (np.arange(WINDOW_FRAMES) // FRAMES_PER_TOKEN)[keep]
        program, player, drums, tuning = (given.get(name) for name in ("program", "player", "drums", "tuning"))
        return Activity(
            onset=_sigmoid(given["activity"][0, 0, keep]),
            sounding=_sigmoid(given["activity"][0, 1, keep]),
            velocity=_sigmoid(given["velocity"][0])[token],
            family=_softmax(given["family"][0])[token],
            program=None if program is None else _softmax(program[0]).astype(np.float16)[token],
            player=None if player is None else _unit(player[0].transpose(1, 2, 0)).astype(np.float16)[token],
            drums=None if drums is None else _sigmoid(drums[0, keep]),
            tuning=None if tuning is None else _unit(tuning[0])[token],
        )


def _softmax(logits: np.ndarray) -> np.ndarray:
    """(classes, tokens, 88) -> (tokens, 88, classes) probabilities."""
    likely = np.exp(logits - logits.max(axis=0))
    return (likely / likely.sum(axis=0)).transpose(1, 2, 0)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., width) of length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
