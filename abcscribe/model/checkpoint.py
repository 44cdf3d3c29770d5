"""A training checkpoint -> the shipped files: ONNX for inference, float16 weights to continue training from."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from abcscribe.files import write_text
from abcscribe.model import onnx_export
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.checksums import write_sums
from abcscribe.model.config import WINDOW_FRAMES, AudioTowerConfig
from abcscribe.model.language_model_export import export_language_model
from abcscribe.model.score_language_model import SHIPPED_AS, ScoreLanguageModel

OUTPUTS = ("embeddings", "activity", "velocity", "family")


def load_tower(folder: Path) -> AudioTower:
    """The tower of a checkpoint folder (``tower.safetensors``, ``config.json``), in evaluation mode."""
    stored = json.loads((folder / "config.json").read_text())
    stored["harmonics"] = tuple(stored["harmonics"])
    tower = AudioTower(AudioTowerConfig(**stored))
    tower.load_state_dict(load_file(folder / "tower.safetensors"))
    return tower.eval()


def export_tower(folder: Path, out: Path) -> None:
    """Write the tower of a checkpoint as ONNX: one window of WINDOW_FRAMES frames in, OUTPUTS out.

    Weights are stored as float16 and cast to float32 when the file is loaded: half the size, the same speed, and
    logits within 0.01 of those of float32.
    """
    tower = load_tower(folder)
    frames = torch.zeros(1, WINDOW_FRAMES, tower.config.bins)
    model = onnx_export.export(tower, (frames,), (["frames"], list(OUTPUTS)))
    onnx_export.save(onnx_export.stored_as_half(model), out)


def ship(folder: Path, weights: Path) -> None:
    """Write the files of a release from a checkpoint folder of the tower or of the language model.

    Both may be shipped to one folder: the names are ``tower.onnx``, ``tower.safetensors`` and ``config.json``, and
    ``language_model*.onnx``, ``language_model.safetensors`` and ``language_model.json``.

    Args:
        folder: the checkpoint.
        weights: the folder to write to, which gets new checksums too.
    """
    weights.mkdir(parents=True, exist_ok=True)
    config = (folder / "config.json").read_text()
    if "language_model" in json.loads(config):
        export_language_model(ScoreLanguageModel.from_pretrained(folder), weights)
        _save_half(folder / "model.safetensors", weights / f"{SHIPPED_AS}.safetensors")
        write_text(weights / f"{SHIPPED_AS}.json", config)
    else:
        export_tower(folder, weights / "tower.onnx")
        _save_half(folder / "tower.safetensors", weights / "tower.safetensors")
        write_text(weights / "config.json", config)
    write_sums(weights)


def _save_half(source: Path, target: Path) -> None:
    tensors = load_file(source)
    save_file({name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}, target)
