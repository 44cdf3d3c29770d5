"""The ONNX files of a checkpoint folder, exported from its weights when they are missing or older.

A folder may be the package's own (`abcscribe.model.WEIGHTS`), one that ``abcscribe train ship`` filled, or what
``abcscribe train tower``, ``sft`` or ``rl`` leaves. Only the export needs torch.
"""

from __future__ import annotations

import json
from pathlib import Path

from abcscribe.errors import EngineError
from abcscribe.extras import require

TOWER, LANGUAGE_MODEL = "tower.onnx", "language_model.onnx"
NOTE_CONFIDENCE = "note_confidence.npz"
EXPORTED = "onnx"  # folder inside a training checkpoint for what is exported here


def tower(folder: Path) -> Path | None:
    """The tower's ONNX file, or None if the folder has no tower."""
    return _ready(folder, TOWER, folder / "tower.safetensors")


def language_model(folder: Path) -> Path | None:
    """The folder of the language model's ONNX files, or None if there is no language model in ``folder``."""
    ready = _ready(folder, LANGUAGE_MODEL, folder / "model.safetensors")
    return ready and ready.parent


def _ready(folder: Path, name: str, weights: Path) -> Path | None:
    if not folder.is_dir():
        raise EngineError(f"There is no folder {folder} with weights.")
    if (folder / name).is_file():
        return folder / name
    if not weights.is_file() or (name == LANGUAGE_MODEL) != _is_language_model(folder):
        return None
    exported = folder / EXPORTED / name
    if not exported.is_file() or exported.stat().st_mtime < weights.stat().st_mtime:
        require(f"Exporting {weights}", "train", "torch", "safetensors", "onnx")
        from abcscribe.model.checkpoint import ship

        ship(folder, exported.parent)
    return exported


def _is_language_model(folder: Path) -> bool:
    try:
        return "language_model" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{folder / 'config.json'} cannot be read: {error}") from None
