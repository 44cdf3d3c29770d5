"""A ScoreLanguageModel -> two ONNX files that run without torch (`abcscribe.model.language_model_runtime`).

- ``language_model_notes.onnx``: the projector; a batch of notes in, soft tokens out.
- ``language_model.onnx``: the decoder. Its input is soft tokens (the prefill, once) or ids (mostly one at a time); its
  output is the logits after each and their keys and values. Both are one graph, with a length of zero for the one or
  the other, so the weights are stored once.

The returned keys and values are inputs of every later call, in buffers with spare room: nothing in the graph copies or
grows them. Keys are transposed, (rows, heads, head width, room), as their product with a query needs them.

Matrices are int8 in the file and float32 once it is loaded (`onnx_export.stored_as_bytes`).
"""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, TypeVar

import torch
from onnx import ModelProto
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.model import onnx_export
from abcscribe.model.language_model import AXES, DecoderLayer, LanguageModel, rotary, rotate
from abcscribe.model.note_features import OWN_FEATURES
from abcscribe.model.score_language_model import ScoreLanguageModel

NOTES_FILE, DECODER_FILE = "language_model_notes.onnx", "language_model.onnx"
_Network = TypeVar("_Network", bound=nn.Module)
HIDDEN = -1e9  # added to attention scores of masked places
NOTE_INPUTS = ["pitch", "family", "features", "positions", "mask", "places"]


class _Notes(nn.Module):
    """`NoteProjector.forward` with its mask as (rows, notes)."""

    def __init__(self, model: ScoreLanguageModel) -> None:
        super().__init__()
        self.projector = _with_scaled_queries(model.projector)

    def forward(self, pitch, family, features, positions, mask, places):
        p = self.projector
        x = p.pitch(pitch) + p.family(family) + p.features(features)
        rotation = _rotation(positions, p.config.width // p.config.heads)
        bias = (~mask[:, None, None]).float() * HIDDEN
        for layer in p.layers:
            x, _, _ = _layer(layer, x, rotation, places, bias)
        return x


class _Decoder(nn.Module):
    """The language model with its past in buffers.

    ``past_bias`` (rows, 1, 1, room) and ``bias`` (rows, 1, length, length) are added to the attention scores: 0 where a
    query attends, a large negative number where it is masked. ``past``: keys and values, layer after layer.
    """

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self.model = _with_scaled_queries(model)

    def forward(self, soft, ids, positions, places, past_bias, bias, *past):
        x = torch.cat([soft, self.model.embed(ids)], dim=1)
        rotation = _rotation(positions, self.model.config.width // self.model.config.heads)
        keys, values = [], []
        for layer, past_keys, past_values in zip(self.model.layers, past[::2], past[1::2], strict=True):
            x, k, v = _layer(layer, x, rotation, places, bias, (past_keys, past_values, past_bias))
            keys.append(k)
            values.append(v)
        return self.model.head(_normed(self.model.norm, x)), torch.stack(keys), torch.stack(values)


def _layer(layer: Any, x, rotation, places, bias, past=None):
    """`DecoderLayer.forward`; also the new keys (rows, heads, head width, length) and values (..., length, head width).

    ``past``: keys and values of this kind and their bias.
    """
    width, head = layer.out.in_features, layer.out.in_features // layer.heads
    qk, v = layer.qkv(_normed(layer.norm_attention, x)).split([2 * width, width], -1)
    qk = _Reshape.apply(_Rotate.apply(qk, places, *rotation), 2 * layer.heads, head).transpose(1, 2)
    q, k = qk.split(layer.heads, 1)
    k, v = k.transpose(2, 3), _Reshape.apply(v, layer.heads, head).transpose(1, 2)
    scores = q @ k + bias
    if past is None:
        attended = scores.softmax(-1) @ v
    else:
        past_keys, past_values, past_bias = past
        weights = torch.cat([q @ past_keys + past_bias, scores], dim=-1).softmax(-1)
        room = past_keys.shape[-1]
        attended = weights[..., :room] @ past_values + weights[..., room:] @ v
    x = x + layer.out(_Reshape.apply(attended.transpose(1, 2), width))
    gate, up = layer.gate_up(_normed(layer.norm_feed, x)).chunk(2, dim=-1)
    return x + layer.down(F.silu(gate) * up), k, v


def _normed(norm: nn.RMSNorm, x: torch.Tensor) -> torch.Tensor:
    """RMSNorm in operations that the exporter supports and the runtime fuses again."""
    epsilon = torch.finfo(torch.float32).eps if norm.eps is None else norm.eps
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * norm.weight


def _rotation(positions: torch.Tensor, head_width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (rows x length, head width / 2)."""
    cos, sin = rotary(positions, head_width)
    return cos.flatten(0, 2), sin.flatten(0, 2)


class _Reshape(torch.autograd.Function):
    """(rows, length, ...) -> (rows, length, *shape), without the operations that look up rows and length."""

    @staticmethod
    def forward(ctx, x, *shape):
        return x.reshape(*x.shape[:2], *shape)

    @staticmethod
    def symbolic(g, x, *shape):
        return g.op("Reshape", x, g.op("Constant", value_t=torch.tensor([0, -1, *shape])))


class _Rotate(torch.autograd.Function):
    """`rotate` of all heads of x (rows, length, heads x head width) as one operation of the runtime.

    ``places`` (rows, length): row of cos and sin for each place.
    """

    @staticmethod
    def forward(ctx, x, places, cos, sin):
        head = 2 * cos.shape[1]
        heads = x.unflatten(-1, (x.shape[-1] // head, head)).transpose(1, 2)
        return rotate(heads, (cos[places][:, None], sin[places][:, None])).transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(g, x, places, cos, sin):
        return g.op("com.microsoft::RotaryEmbedding", x, places, cos, sin).setType(x.type())


def _with_scaled_queries(model: _Network) -> _Network:
    """A copy whose queries are divided by the square root of the head width, which saves an operation a layer."""
    model = copy.deepcopy(model)
    for layer in (module for module in model.modules() if isinstance(module, DecoderLayer)):
        width = layer.out.in_features
        layer.qkv.weight.data[:width] /= math.sqrt(width // layer.heads)
    return model


def export_language_model(model: ScoreLanguageModel, folder: Path) -> None:
    """Write NOTES_FILE and DECODER_FILE, matrices as int8, the rest as float16."""
    for graph, name in ((_notes_graph(model), NOTES_FILE), (_decoder_graph(model.language_model), DECODER_FILE)):
        onnx_export.save(onnx_export.stored_as_half(onnx_export.stored_as_bytes(graph)), folder / name)


def _notes_graph(model: ScoreLanguageModel) -> ModelProto:
    rows, notes = 2, 3
    width = OWN_FEATURES + model.config.projector.analysis
    inputs = (
        torch.zeros(rows, notes, dtype=torch.long), torch.zeros(rows, notes, dtype=torch.long),
        torch.zeros(rows, notes, width), torch.zeros(rows, notes, AXES), torch.ones(rows, notes, dtype=torch.bool),
        torch.zeros(rows, notes, dtype=torch.long),
    )  # fmt: skip
    axes = {name: {0: "rows", 1: "notes"} for name in [*NOTE_INPUTS, "soft"]}
    return onnx_export.export(_Notes(model), inputs, (NOTE_INPUTS, ["soft"]), axes)


def _decoder_graph(model: LanguageModel) -> ModelProto:
    c = model.config
    rows, notes, tokens, room, head = 2, 2, 3, 5, c.width // c.heads
    length = notes + tokens
    inputs = [
        torch.zeros(rows, notes, c.width), torch.zeros(rows, tokens, dtype=torch.long),
        torch.zeros(rows, length, AXES), torch.zeros(rows, length, dtype=torch.long), torch.zeros(rows, 1, 1, room),
        torch.zeros(rows, 1, length, length),
    ]  # fmt: skip
    names = ["soft", "ids", "positions", "places", "past_bias", "bias"]
    axes = {
        "soft": {0: "rows", 1: "notes"}, "ids": {0: "rows", 1: "tokens"}, "positions": {0: "rows", 1: "length"},
        "places": {0: "rows", 1: "length"},
        "past_bias": {0: "rows", 3: "room"}, "bias": {0: "rows", 2: "length", 3: "length"},
        "logits": {0: "rows", 1: "length"},
        "keys": {1: "rows", 4: "length"}, "values": {1: "rows", 3: "length"},
    }  # fmt: skip
    for layer in range(c.layers):
        inputs += [torch.zeros(rows, c.heads, head, room), torch.zeros(rows, c.heads, room, head)]
        names += [f"keys{layer}", f"values{layer}"]
        axes |= {f"keys{layer}": {0: "rows", 3: "room"}, f"values{layer}": {0: "rows", 2: "room"}}
    return onnx_export.export(_Decoder(model), tuple(inputs), (names, ["logits", "keys", "values"]), axes)
