"""A training checkpoint -> the ONNX file that the package ships, with its card."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import WINDOW_FRAMES, AudioTowerConfig

OUTPUTS = ("embeddings", "activity", "velocity", "family")


def load_tower(folder: Path) -> AudioTower:
    """The tower of a checkpoint folder (``tower.safetensors``, ``config.json``), in evaluation mode."""
    stored = json.loads((folder / "config.json").read_text())
    stored["harmonics"] = tuple(stored["harmonics"])
    tower = AudioTower(AudioTowerConfig(**stored))
    tower.load_state_dict(load_file(folder / "tower.safetensors"))
    return tower.eval()


def export_tower(folder: Path, out: Path) -> None:
    """Write the tower of a checkpoint as ONNX: one window of WINDOW_FRAMES frames in, OUTPUTS out, float32."""
    frames = torch.zeros(1, WINDOW_FRAMES, load_tower(folder).config.bins)
    temporary = out.with_suffix(".tmp")
    torch.onnx.export(
        load_tower(folder), (frames,), temporary, input_names=["frames"], output_names=list(OUTPUTS),
        opset_version=17, dynamo=False,
    )  # fmt: skip
    temporary.replace(out)
