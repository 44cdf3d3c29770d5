"""Audio towers for the text model, by name: waveform -> frames.

A tower is any callable that takes a waveform, float32 (samples,), mono, 16 kHz, of any length but not empty, and gives
(frames, width), an array or a tensor. Those of this module also know their ``width`` and ``frame_rate``. They are
frozen: a checkpoint keeps a tower's name, not its weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import EngineError
from abcscribe.model.config import FRAMES_PER_TOKEN, WINDOW_FRAMES, AudioTowerConfig
from abcscribe.model.tower_runtime import MARGIN, STEP, TowerRuntime
from abcscribe.spectrogram import FRAME_RATE, HOP, normalise, spectrogram

FeatureTower = Callable[[np.ndarray], Any]
OWN = "abcscribe"
WHISPER = "whisper:"


def load_feature_tower(name: str) -> FeatureTower:
    """``abcscribe``, or ``whisper:`` and a folder or Hub name such as ``openai/whisper-small``. Raises EngineError."""
    if name == OWN:
        return OwnTower()
    if name.startswith(WHISPER):
        return WhisperTower.from_pretrained(name.removeprefix(WHISPER))
    raise EngineError(f"There is no audio tower {name!r}; there are {OWN!r} and '{WHISPER}NAME'.")


class OwnTower:
    """The embeddings of the project's audio tower, run by ONNX Runtime in windows that overlap as in transcription."""

    width = AudioTowerConfig.width
    frame_rate = FRAME_RATE / FRAMES_PER_TOKEN  # 15.6 a second

    def __init__(self, runtime: TowerRuntime | None = None) -> None:
        self.session = (runtime or TowerRuntime()).session

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        """(samples,) -> (ceil(samples / 1024), 256) float32."""
        tokens = -(-waveform.size // (HOP * FRAMES_PER_TOKEN))
        padded = np.pad(waveform, (MARGIN * HOP, WINDOW_FRAMES * HOP))
        keep = slice(MARGIN // FRAMES_PER_TOKEN, (MARGIN + STEP) // FRAMES_PER_TOKEN)
        windows = []
        for start in range(0, waveform.size, STEP * HOP):
            frames = spectrogram(normalise(padded[start : start + WINDOW_FRAMES * HOP]))[None]
            windows.append(self.session.run(["embeddings"], {"frames": frames})[0][0, keep])
        return np.concatenate(windows)[:tokens]


class WhisperTower(nn.Module):
    """The encoder of a Whisper model, 50 frames a second; recordings beyond its window (30 s) are heard in pieces."""

    def __init__(self, encoder: nn.Module, extractor: Any) -> None:
        """``encoder``: transformers' WhisperEncoder; ``extractor``: the WhisperFeatureExtractor that goes with it."""
        super().__init__()
        self.encoder = encoder.requires_grad_(False).eval()
        self.extractor = extractor
        config: Any = encoder.config
        self.width: int = config.d_model
        self.piece = 2 * config.max_source_positions * extractor.hop_length  # samples; the stem halves the frame rate
        self.frame_rate = SAMPLE_RATE / (2 * extractor.hop_length)

    @classmethod
    def from_pretrained(cls, name: str) -> WhisperTower:
        """From a folder or a name on the Hugging Face Hub. Raises OSError if there is none."""
        from transformers import AutoFeatureExtractor, WhisperModel

        return cls(WhisperModel.from_pretrained(name).encoder, AutoFeatureExtractor.from_pretrained(name))

    def train(self, mode: bool = True) -> WhisperTower:
        """Stays in evaluation mode: it is part of models that are trained."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, waveform: np.ndarray) -> torch.Tensor:
        """(samples,) -> (ceil(samples / 320), width): frames of padding are left out."""
        weight = next(self.encoder.parameters())
        pieces = []
        for start in range(0, waveform.size, self.piece):
            piece = waveform[start : start + self.piece]
            mel = self.extractor(
                piece, sampling_rate=SAMPLE_RATE, padding="max_length", max_length=self.piece, return_tensors="pt"
            )
            hidden = self.encoder(mel.input_features.to(weight)).last_hidden_state[0]
            pieces.append(hidden[: -(-piece.size // (2 * self.extractor.hop_length))])
        return torch.cat(pieces)
