"""The projector of the text model: frames of an audio tower -> soft tokens of a language model."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe.model.config import FrameProjectorConfig

TOKEN_RMS = 0.02  # root mean square of a fresh language model's token vectors; pretrained ones lie near


class FrameProjector(nn.Module):
    """Joins ``config.frames`` neighbours into one, then a linear map or, with ``config.hidden``, an MLP (LLaVA-1.5).

    Frames are normalised first, since towers differ in scale by orders of magnitude (activations of Jukebox reach
    thousands), and what leaves is as loud as the language model's own token vectors: louder tokens drown its residual
    stream, and a frozen model cannot adapt.
    """

    def __init__(self, config: FrameProjectorConfig, token_rms: float = TOKEN_RMS) -> None:
        super().__init__()
        if config.join not in ("stack", "mean"):
            raise ValueError(f"join is {config.join!r}; it may be 'stack' or 'mean'")
        self.config = config
        joined = config.frame_width * (config.frames if config.join == "stack" else 1)
        self.norm = nn.LayerNorm(config.frame_width)
        if config.hidden:
            last: nn.Module = nn.Linear(config.hidden, config.width)
            self.project = nn.Sequential(nn.Linear(joined, config.hidden), nn.GELU(), last)
        else:
            self.project = nn.Sequential(nn.Linear(joined, config.width))
        self.out = nn.RMSNorm(config.width)
        nn.init.constant_(self.out.weight, token_rms)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """(time, frame width) -> (soft tokens, width); soft tokens = ceil(time / ``config.frames``)."""
        time, width = frames.shape
        n = self.config.frames
        x = F.pad(self.norm(frames), (0, 0, 0, -time % n)).view(-1, n, width)
        if self.config.join == "stack":
            return self.out(self.project(x.flatten(1)))
        real = torch.full((len(x), 1), n, dtype=x.dtype, device=x.device)
        real[-1] -= -time % n  # frames that the last group really has
        return self.out(self.project(x.sum(1) / real))
