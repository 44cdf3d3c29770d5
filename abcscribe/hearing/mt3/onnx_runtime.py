"""A network of the MT3 family run by ONNX Runtime, without torch, from the files that ``onnx_export`` writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abcscribe.errors import EngineError
from abcscribe.hearing.mt3.config import NetworkConfig
from abcscribe.model.onnx_session import open_session

Cache = tuple[np.ndarray, np.ndarray]
ENCODER, DECODER, CONFIG = "encoder.onnx", "decoder.onnx", "config.json"


class OnnxRuntime:
    """A ``decoding.Runtime``."""

    def __init__(self, folder: Path) -> None:
        missing = [name for name in (ENCODER, DECODER, CONFIG) if not (folder / name).is_file()]
        if missing:
            raise EngineError(f"The folder {folder} is no exported MT3 network: {', '.join(missing)} missing.")
        self.config = NetworkConfig.from_json((folder / CONFIG).read_text(encoding="utf-8"))
        self._encoder, self._decoder = open_session(folder / ENCODER), open_session(folder / DECODER)

    def begin(self, frames: np.ndarray, previous: np.ndarray | None) -> tuple[Cache, Cache]:
        inputs = {"frames": frames} if previous is None else {"frames": frames, "previous": previous.astype(np.int64)}
        keys, values = self._encoder.run(["cross_keys", "cross_values"], inputs)
        shape = (self.config.decoder_layers, len(frames), self.config.heads, 0, self.config.head_width)
        empty = np.zeros(shape, np.float32)
        return (empty, empty), (keys, values)

    def step(self, tokens: np.ndarray, position: int, past: Cache, cross: Cache) -> tuple[np.ndarray, Cache]:
        inputs = {
            "tokens": tokens.astype(np.int64)[:, None], "position": np.array(position, np.int64),
            "past_keys": past[0], "past_values": past[1], "cross_keys": cross[0], "cross_values": cross[1],
        }  # fmt: skip
        logits, keys, values = self._decoder.run(["logits", "keys", "values"], inputs)
        return logits, (keys, values)
