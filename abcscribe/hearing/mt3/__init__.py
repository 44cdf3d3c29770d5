"""The MT3 family: Seq2Seq Piano (2021), MT3 (2022), MR-MT3 (2024), which write MIDI-like events token by token.

`vocabulary` (what tokens mean, how the systems differ), `events` (notes <-> tokens, segments joined), `frames` (the
front end), `config` and `network` (torch), `decoding` (greedy, with cached keys and values), `checkpoint` (own and
foreign weights), `torch_runtime`, `onnx_export` and `onnx_runtime`, `engine`. No weights come with the package:
``docs/mt3.md`` says what can be loaded and how to train.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abcscribe.errors import EngineError
from abcscribe.extras import require

if TYPE_CHECKING:
    from abcscribe.hearing.mt3.engine import Mt3


def load(checkpoint: str = "") -> Mt3:
    """The engine with the weights in a file (by torch) or a folder of ONNX files (without).

    Raises:
        EngineError: there is none, it cannot be read, or torch is not installed.
    """
    if not checkpoint:
        raise EngineError("The engine mt3 needs weights: mt3:FILE or mt3:FOLDER; docs/mt3.md says which it can read.")
    from abcscribe.hearing.mt3.engine import Mt3

    path = Path(checkpoint)
    if path.is_dir() and not (path / "model.safetensors").is_file():
        from abcscribe.hearing.mt3.onnx_runtime import OnnxRuntime

        return Mt3(OnnxRuntime(path))
    require("The engine mt3 with weights that are not ONNX files", "train", "torch", "safetensors")
    from abcscribe.hearing.mt3 import checkpoint as checkpoints
    from abcscribe.hearing.mt3.torch_runtime import TorchRuntime

    return Mt3(TorchRuntime(checkpoints.load(path / "model.safetensors" if path.is_dir() else path)))
