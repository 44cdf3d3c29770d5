"""Inference of the exported audio tower with ONNX Runtime, without torch.

The input is windows of 10.24 s. Windows overlap by twice MARGIN, and only the middle of each is kept, so that every
frame has context on both sides; each window is normalised by itself, so the result does not depend on the loudness.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


class TowerRuntime:
    """The tower as a function of a stream of audio."""

    def __init__(self, model: Path = TOWER) -> None:
        """``model``: an ONNX file of ``checkpoint.export_tower``; by default the one in the package."""
        self.session = open_session(model)

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
        _, activity, velocity, family = self.session.run(None, {"frames": spectra[None]})
        per_frame = np.arange(WINDOW_FRAMES) // FRAMES_PER_TOKEN
        family = np.exp(family[0] - family[0].max(axis=0))
        family = (family / family.sum(axis=0)).transpose(1, 2, 0)
        return Activity(
            onset=_sigmoid(activity[0, 0, keep]),
            sounding=_sigmoid(activity[0, 1, keep]),
            velocity=_sigmoid(velocity[0])[per_frame[keep]],
            family=family[per_frame[keep]],
        )


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
