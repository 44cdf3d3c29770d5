"""The weights of a checkpoint folder, read and written. Needs torch and safetensors alone."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from abcscribe import hub
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import AudioTowerConfig


def load_tower(name: Path | str) -> AudioTower:
    """The tower of a checkpoint folder (``tower.safetensors``, ``config.json``) or of a name on the Hub
    (`abcscribe.hub`), in evaluation mode."""
    folder = hub.local(name)
    stored = json.loads((folder / "config.json").read_text())
    stored["harmonics"] = tuple(stored["harmonics"])
    tower = AudioTower(AudioTowerConfig(**stored))
    tower.load_state_dict(load_file(folder / "tower.safetensors"))
    return tower.eval()


def save_half(source: Path, target: Path) -> None:
    """Copy weights as float16: what is shipped, and good enough to go on training from."""
    tensors = load_file(source)
    save_file({name: t.half() if t.is_floating_point() else t for name, t in tensors.items()}, target)
