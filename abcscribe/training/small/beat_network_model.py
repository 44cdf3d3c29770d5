"""The beat network in torch; `abcscribe.analysis.beat_network` is the same in numpy."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import beat_network, beats
from abcscribe.analysis.chord_features import FEATURES
from abcscribe.model import weight_files
from abcscribe.score.grid import METRE_NAMES, METRES
from abcscribe.training.small.beat_network_examples import PLACES

WIDTH = 128
DROPOUT = 0.2


class Convolution(nn.Module):
    """A dilated convolution of width three over the rows, with their mean as context: `analysis.layers.convolution`."""

    def __init__(self, dilation: int, width: int = WIDTH) -> None:
        super().__init__()
        self.dilation = dilation
        self.n = nn.LayerNorm(width)
        self.c = nn.Linear(3 * width, width)
        self.g = nn.Linear(width, width)
        self.o = nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.n(hidden) * mask  # (batch, n, width)
        mean = x.sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        d, n = self.dilation, x.shape[1]
        padded = nn.functional.pad(x, (0, 0, d, d))
        around = torch.cat((padded[:, :n], x, padded[:, 2 * d :]), dim=2)
        out: torch.Tensor = self.o(torch.relu(self.c(around) + self.g(mean)))
        return out


class Attention(nn.Module):
    """Self-attention over all onsets, with rotary positions in seconds or in onsets."""

    def __init__(self) -> None:
        super().__init__()
        self.n = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        b, n, _ = hidden.shape
        mixed = self.qkv(self.n(hidden)).view(b, n, 3, beat_network.HEADS, WIDTH // beat_network.HEADS)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        cos, sin = turn.cos().transpose(1, 2), turn.sin().transpose(1, 2)  # (batch, heads, n, half a head)
        query, key = (_turned(part.float(), cos, sin).to(value.dtype) for part in (query, key))
        # Written out: the backward pass of PyTorch's own attention takes ten times as long on a processor.
        likeness = query @ key.transpose(2, 3) / math.sqrt(WIDTH // beat_network.HEADS)
        weight = (likeness - 1e4 * (1 - mask[:, None, None, :, 0])).softmax(-1)
        out: torch.Tensor = self.o((weight.to(value.dtype) @ value).transpose(1, 2).reshape(b, n, WIDTH))
        return out


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    one, other = x.chunk(2, dim=-1)
    return torch.cat((one * cos - other * sin, one * sin + other * cos), dim=-1)


class Network(nn.Module):
    """The network; its parameters have the names that `abcscribe.analysis.beat_network` uses."""

    def __init__(self) -> None:
        super().__init__()
        self.i = nn.Linear(FEATURES, WIDTH)
        self.b = nn.ModuleList([Convolution(dilation) for dilation in beat_network.DILATIONS])
        self.a = nn.ModuleList([Attention() for _ in beat_network.DILATIONS])
        self.n = nn.LayerNorm(WIDTH)
        self.p = nn.Linear(WIDTH, sum(PLACES))
        self.t = nn.Linear(WIDTH, len(beats.BPM))
        self.m = nn.Linear(WIDTH, len(METRES))
        self.dropout = nn.Dropout(DROPOUT)
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))

    def forward(self, x: torch.Tensor, mask: torch.Tensor, turn: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = self.i((x - self.mean) / self.scale)
        for convolution, attention in zip(self.b, self.a, strict=True):
            hidden = hidden + convolution(hidden, mask)
            hidden = hidden + self.dropout(attention(hidden, mask, turn))
        hidden = self.n(hidden)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        hidden = self.dropout(hidden)
        return self.p(hidden), self.t(hidden), self.m(mean)

    def begin_with(self, path: Path) -> None:
        """Load the weights of a file; those of places and metres stay new if it was fitted to other METRES."""
        own = self.state_dict()
        stored = {name: torch.from_numpy(array.astype(np.float32)) for name, array in _numbers(path).items()}
        self.load_state_dict(own | {name: value for name, value in stored.items() if value.shape == own[name].shape})

    def save(self, path: Path) -> None:
        """Weights as float16, and the metres that they are fitted to."""
        weights = {name: value.detach().numpy().astype(np.float16) for name, value in self.state_dict().items()}
        weight_files.save(path, weights, METRE_NAMES)


def _numbers(path: Path) -> dict[str, np.ndarray]:
    return {name: array for name, array in weight_files.read(path).items() if array.dtype.kind == "f"}
