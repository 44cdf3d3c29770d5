"""The encoder of a Whisper model in the form of CTranslate2 (``model.bin``), as packages for speech carry it.

Read without CTranslate2, which gives no layers. Format: CTranslate2's model specification, binary version 6, weights in
float16 or float32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from abcscribe.errors import EngineError

TYPES = {0: np.float32, 4: np.float16}
VERSION = 6
# Names there -> names of transformers' WhisperEncoder
NAMES = {
    "conv1": "conv1", "conv2": "conv2", "layer_norm": "layer_norm", "ffn/layer_norm": "final_layer_norm",
    "ffn/linear_0": "fc1", "ffn/linear_1": "fc2", "self_attention/layer_norm": "self_attn_layer_norm",
    "self_attention/linear_1": "self_attn.out_proj",
}  # fmt: skip
KINDS = {"gamma": "weight", "beta": "bias", "weight": "weight", "bias": "bias"}


def whisper_encoder(folder: Path) -> torch.nn.Module:
    """The encoder in ``folder / "model.bin"``, as transformers' WhisperEncoder.

    Raises EngineError if the file is no Whisper model, or is quantised to integers.
    """
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    path = folder / "model.bin"
    try:
        with path.open("rb") as file:
            stored = dict(_variables(file))
        heads = int(stored.pop("encoder/num_heads"))
        weights = dict(_named(stored))
    except (struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is no Whisper model of CTranslate2 in float16 or float32: {error}") from error
    width, mels, _ = weights["conv1.weight"].shape
    config = WhisperConfig(
        d_model=width, num_mel_bins=mels, encoder_attention_heads=heads,
        encoder_layers=1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layers.")),
        encoder_ffn_dim=len(weights["layers.0.fc1.bias"]), max_source_positions=len(weights["embed_positions.weight"]),
    )  # fmt: skip
    encoder = WhisperEncoder(config)
    encoder.load_state_dict(weights)
    return encoder.eval()


def _variables(file: BinaryIO) -> Iterator[tuple[str, Any]]:
    """Names and arrays of the encoder; the decoder's are skipped."""

    def read(kind: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))

    def text() -> str:
        return file.read(read("H")[0])[:-1].decode("utf-8")

    version = read("I")[0]
    if version != VERSION:
        raise ValueError(f"binary version {version}")
    if (spec := text()) != "WhisperSpec":
        raise ValueError(f"it holds {spec!r}")
    _, count = read("II")
    for _ in range(count):
        name, shape = text(), read(f"{read('B')[0]}I")
        kind, size = read("BI")
        data = file.read(size)
        if name == "encoder/num_heads":
            yield name, int.from_bytes(data, "little")
        elif name.startswith("encoder/"):
            if kind not in TYPES:
                raise ValueError(f"{name} is of type {kind}")
            yield name, np.frombuffer(data, TYPES[kind]).reshape(shape).astype(np.float32)


def _named(stored: dict[str, np.ndarray]) -> Iterator[tuple[str, torch.Tensor]]:
    """The weights under transformers' names: queries, keys and values apart; keys have no bias there."""
    for name, array in stored.items():
        where, _, kind = name.removeprefix("encoder/").rpartition("/")
        layer, _, inside = where.partition("/") if where.startswith("layer_") and "/" in where else ("", "", where)
        home = f"layers.{int(layer.removeprefix('layer_'))}." if layer else ""
        if inside == "position_encodings":
            yield "embed_positions.weight", torch.from_numpy(array)
        elif inside == "self_attention/linear_0":
            for part, rows in zip(("q_proj", "k_proj", "v_proj"), np.split(array, 3), strict=True):
                if (part, kind) != ("k_proj", "bias"):
                    yield f"{home}self_attn.{part}.{kind}", torch.from_numpy(rows.copy())
        elif kind in KINDS:
            yield f"{home}{NAMES[inside]}.{KINDS[kind]}", torch.from_numpy(array)
