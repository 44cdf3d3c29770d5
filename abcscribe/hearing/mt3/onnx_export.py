"""A network of the MT3 family -> a folder that ``onnx_runtime`` runs: encoder, one step of the decoder, and sizes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from abcscribe.files import write_text
from abcscribe.hearing.mt3.network import Transcriber
from abcscribe.hearing.mt3.onnx_runtime import CONFIG, DECODER, ENCODER
from abcscribe.model import onnx_export

BATCH, PAST, CROSS = {1: "batch"}, {1: "batch", 3: "past"}, {1: "batch", 3: "cross"}  # axes of caches


class _Encoder(nn.Module):
    def __init__(self, network: Transcriber) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: torch.Tensor, previous: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network.decoder.cross_cache(self.network.encode(frames, previous))


class _Step(nn.Module):
    def __init__(self, network: Transcriber) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: torch.Tensor, position: torch.Tensor, past_keys: torch.Tensor, past_values: torch.Tensor,
        cross_keys: torch.Tensor, cross_values: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:  # fmt: skip
        logits, cache = self.network.step(tokens, position, (past_keys, past_values), (cross_keys, cross_values))
        return logits, *cache


def export(network: Transcriber, folder: Path) -> None:
    """Write the files, the sizes last: a folder without them is not complete."""
    network = network.cpu().eval()
    config, system = network.config, network.config.system
    folder.mkdir(parents=True, exist_ok=True)
    inputs = [torch.zeros(2, system.segment_frames, config.mels)]
    if system.memory:
        inputs.append(torch.zeros(2, system.target_length, dtype=torch.long))
    names = ["frames", "previous"][: len(inputs)]
    axes = {name: {0: "batch"} for name in names} | {"cross_keys": CROSS, "cross_values": CROSS}
    made = onnx_export.export(_Encoder(network), tuple(inputs), (names, ["cross_keys", "cross_values"]), axes)
    onnx_export.save(made, folder / ENCODER)
    onnx_export.save(_step(network), folder / DECODER)
    write_text(folder / CONFIG, config.to_json())


def _step(network: Transcriber):  # type: ignore[no-untyped-def]  # onnx has no types
    config = network.config
    past, cross = (torch.zeros(config.decoder_layers, 2, config.heads, length, config.head_width) for length in (3, 5))
    inputs = torch.zeros(2, 1, dtype=torch.long), torch.tensor(3), past, past, cross, cross
    names = ["tokens", "position", "past_keys", "past_values", "cross_keys", "cross_values"]
    axes = {
        "tokens": {0: "batch"}, "past_keys": PAST, "past_values": PAST, "cross_keys": CROSS, "cross_values": CROSS,
        "logits": {0: "batch"}, "keys": PAST, "values": PAST,
    }  # fmt: skip
    return onnx_export.export(_Step(network), inputs, (names, ["logits", "keys", "values"]), axes)
