"""The audio tower: log-frequency frames -> embeddings and, per frame and pitch, onset and sounding.

Two views of the sound are joined. Convolutions over harmonically stacked bins (each pitch sees its own partials side by
side: Bittner et al., ICASSP 2022) treat every pitch alike and so carry over to new timbres; a transformer over
four-frame tokens knows the context: the instruments, the room, what sounded before. Knows no score and no notes.

Everything behind the stem lives on a grid of tokens (64 ms) x 88 pitches, with a token's four frames as channels: the
same arithmetic as convolutions at the frame rate, at a quarter of the memory traffic, which is what a CPU lacks.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.model.config import FRAMES_PER_TOKEN, AudioTowerConfig
from abcscribe.spectrogram import BINS_PER_SEMITONE

SHARING = (-28, -24, -19, -12, -7, -5, 0, 5, 7, 12, 19, 24, 28)  # semitones between notes with partials in common


DRUM_BANDS = 8  # stretches of pitches that the drum head sees one beside the other: 11 semitones each
DRUM_WIDTH = 64  # channels within the drum head
TIMBRE_WIDTH = 96  # channels within the timbre head


class TowerOutput(NamedTuple):
    """What the tower says of a batch; None for a head that it does not have."""

    embeddings: torch.Tensor  # (batch, tokens, width), tokens = time / 4
    activity: torch.Tensor  # (batch, 2, time, 88) logits of onset and sounding
    velocity: torch.Tensor  # (batch, tokens, 88) logits of velocity / 127
    family: torch.Tensor  # (batch, families, tokens, 88) logits
    program: torch.Tensor | None = None  # (batch, programs, tokens, 88) logits
    player: torch.Tensor | None = None  # (batch, player, tokens, 88): near for notes of one player, not normalised
    drums: torch.Tensor | None = None  # (batch, time, drums) logits of onsets
    tuning: torch.Tensor | None = None  # (batch, tokens, 2): cosine and sine, not normalised


class AudioTower(nn.Module):
    """See the module. 3.4 M parameters with the default config."""

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        self.config = config
        c, n = config.channels, FRAMES_PER_TOKEN
        self.stack = HarmonicStack(config.harmonics)
        # Twelve frames, the token's four and four to either side, by seven bins around the pitch's middle one.
        stem = nn.Conv2d(len(config.harmonics), c, (3 * n, 7), stride=(n, BINS_PER_SEMITONE), padding=(n, 2))
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(c), nn.ReLU())
        self.blocks = nn.ModuleList(ResidualBlock(c) for _ in range(config.blocks))
        self.chords = nn.ModuleList(ChordBlock(c, config.shared) for _ in range(config.blocks))
        self.context = Context(config)
        self.joint = nn.Conv2d(c + config.squeezed, c, 3, padding=1)
        self.heads = nn.Conv2d(c, 2 * n + 1 + config.families, 1)
        assert self.heads.bias is not None
        nn.init.constant_(self.heads.bias[: 2 * n], -4.0)  # most cells are silent
        self.timbre = TimbreHead(config) if config.programs and config.player else None
        self.drums = DrumHead(config) if config.drums else None
        self.tuning = nn.Linear(config.width, config.tuning) if config.tuning else None

    def forward(self, frames: torch.Tensor) -> TowerOutput:
        """frames (batch, time, 264), time a multiple of 4."""
        x = self.stack(frames[:, None]).contiguous(memory_format=torch.channels_last)
        x = self.stem(x)
        for block, chord in zip(self.blocks, self.chords, strict=True):
            x = chord(block(x))
        embeddings, context = self.context(x)
        joint = F.relu(self.joint(torch.cat([x, context], dim=1)))
        logits = self.heads(joint)
        batch, _, tokens, pitches = logits.shape
        n = FRAMES_PER_TOKEN
        family, program, player = logits[:, 2 * n + 1 :], None, None
        if self.timbre is not None:
            correction, program, player = self.timbre(torch.cat([joint, x, context], dim=1), embeddings)
            family = family + correction
        activity = logits[:, : 2 * n].reshape(batch, 2, n, tokens, pitches).transpose(2, 3)
        return TowerOutput(
            embeddings, activity.reshape(batch, 2, tokens * n, pitches), logits[:, 2 * n], family, program, player,
            drums=self.drums(joint, embeddings) if self.drums else None,
            tuning=self.tuning(embeddings) if self.tuning else None,
        )  # fmt: skip


class TimbreHead(nn.Module):
    """What plays each cell, from all that the trunk knows of it and of its token.

    Families get a correction, nothing before it is trained, so that a tower from before the head answers as it did.
    """

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        self.sizes = [config.families, config.programs, config.player]
        self.cell = nn.Conv2d(2 * config.channels + config.squeezed, TIMBRE_WIDTH, 1)
        self.token = nn.Linear(config.width, TIMBRE_WIDTH)
        self.out = nn.Conv2d(TIMBRE_WIDTH, sum(self.sizes), 1)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.weight[: config.families])
        nn.init.zeros_(self.out.bias[: config.families])

    def forward(self, cells: torch.Tensor, embeddings: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(batch, channels, tokens, 88), (batch, tokens, width) -> logits of families and programs, and players."""
        hidden = F.relu(self.cell(cells) + self.token(embeddings).transpose(1, 2)[..., None])
        return self.out(hidden).split(self.sizes, dim=1)


class DrumHead(nn.Module):
    """Drums have no pitch: a token's bands of pitches side by side, with the context -> hits of its four frames."""

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        self.kinds = config.drums
        seen = config.channels * DRUM_BANDS + config.width
        self.body = nn.Conv1d(seen, DRUM_WIDTH, 3, padding=1)
        self.out = nn.Conv1d(DRUM_WIDTH, FRAMES_PER_TOKEN * config.drums, 1)
        assert self.out.bias is not None
        nn.init.constant_(self.out.bias, -4.0)

    def forward(self, grid: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        """(batch, channels, tokens, 88), (batch, tokens, width) -> (batch, time, kinds) logits."""
        batch, channels, tokens, pitches = grid.shape
        bands = grid.reshape(batch, channels, tokens, DRUM_BANDS, pitches // DRUM_BANDS).mean(dim=-1)
        bands = bands.permute(0, 1, 3, 2).reshape(batch, channels * DRUM_BANDS, tokens)
        hits = self.out(F.relu(self.body(torch.cat([bands, embeddings.transpose(1, 2)], dim=1))))
        return hits.transpose(1, 2).reshape(batch, tokens * FRAMES_PER_TOKEN, self.kinds)


class HarmonicStack(nn.Module):
    """(batch, 1, time, bins) -> (batch, harmonics, time, bins): channel h holds the bin h times as high."""

    def __init__(self, harmonics: tuple[float, ...]) -> None:
        super().__init__()
        self.shifts = [round(12 * BINS_PER_SEMITONE * math.log2(h)) for h in harmonics]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        up, down = max(0, *self.shifts), max(0, *(-shift for shift in self.shifts))
        padded, bins = F.pad(x, (down, up)), x.shape[-1]
        return torch.cat([padded[..., down + shift : down + shift + bins] for shift in self.shifts], dim=1)


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions: 192 ms by three semitones each."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.body(x))


class ChordBlock(nn.Module):
    """Each pitch sees those that share partials with it: an octave above may be a note of its own or a partial.

    Harmonic dilated convolution (Wei et al., HPPNet, ISMIR 2022) on a few channels. Adds nothing before it is trained,
    so that weights from before can be trained on.
    """

    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, narrow, 1)
        self.wide = nn.Conv2d(narrow * len(SHARING), channels, (3, 1), padding=(1, 0))
        self.norm = nn.BatchNorm2d(channels)
        assert self.norm.weight is not None
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        few, reach = F.relu(self.narrow(x)), max(SHARING)
        padded, pitches = F.pad(few, (reach, reach)), x.shape[-1]
        seen = torch.cat([padded[..., reach + shift : reach + shift + pitches] for shift in SHARING], dim=1)
        return F.relu(x + self.norm(self.wide(seen)))


class Context(nn.Module):
    """Grid of tokens x pitches -> one embedding a token -> transformer -> back to a few channels on the grid."""

    def __init__(self, config: AudioTowerConfig) -> None:
        super().__init__()
        grid = config.pitches * config.squeezed
        self.squeezed = config.squeezed
        self.squeeze = nn.Conv2d(config.channels, config.squeezed, 1)
        self.enter = nn.Linear(grid, config.width)
        self.layers = nn.ModuleList(TransformerLayer(config.width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, grid)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, channels, tokens, 88) -> (batch, tokens, width), (batch, squeezed, tokens, 88)."""
        batch, _, tokens, pitches = x.shape
        z = self.enter(F.relu(self.squeeze(x)).permute(0, 2, 1, 3).reshape(batch, tokens, -1))
        z = z + sinusoids(tokens, z.shape[-1]).to(z)
        for layer in self.layers:
            z = layer(z)
        z = self.norm(z)
        return z, self.leave(z).reshape(batch, tokens, self.squeezed, pitches).permute(0, 2, 1, 3)


class TransformerLayer(nn.Module):
    """Pre-norm self-attention over all tokens of the window, then a GELU feed-forward of four times the width."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_feed = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, tokens, width))
        return x + self.feed(self.norm_feed(x))


def sinusoids(length: int, width: int) -> torch.Tensor:
    """(length, width) positions as in Vaswani et al. (2017)."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(width // 2) / (width // 2))
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)
