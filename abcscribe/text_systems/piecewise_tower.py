"""What towers of other people's networks share: frozen, at a rate of their own, a piece of a recording at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn

from abcscribe.audio import SAMPLE_RATE


class PiecewiseTower(nn.Module):
    """Hears recordings in pieces of ``piece`` samples at its own rate."""

    def __init__(self, rate: int, piece: int, frame_rate: float) -> None:
        super().__init__()
        self.rate, self.piece, self.frame_rate = rate, piece, frame_rate

    def train(self, mode: bool = True) -> PiecewiseTower:
        """Stays in evaluation mode: it is part of models that are trained."""
        return super().train(False)

    def hidden(self, piece: np.ndarray) -> Sequence[torch.Tensor]:
        """(frames, width) of every layer for a piece at the tower's rate; frames of padding are left out."""
        raise NotImplementedError

    @torch.no_grad()
    def forward(self, waveform: np.ndarray) -> torch.Tensor:
        """(samples,) -> (frames, width) of the last layer."""
        return torch.cat([self.hidden(piece)[-1] for piece in self._pieces(waveform)])

    @torch.no_grad()
    def layers(self, waveform: np.ndarray) -> list[np.ndarray]:
        """(frames, width) of every layer."""
        pieces = [self.hidden(piece) for piece in self._pieces(waveform)]
        return [torch.cat(one).float().numpy() for one in zip(*pieces, strict=True)]

    def _pieces(self, waveform: np.ndarray) -> Iterator[np.ndarray]:
        if self.rate != SAMPLE_RATE:
            from scipy.signal import resample_poly

            waveform = resample_poly(waveform, self.rate, SAMPLE_RATE).astype(np.float32)
        for start in range(0, waveform.size, self.piece):
            yield waveform[start : start + self.piece]
