"""A network of the MT3 family run by torch."""

from __future__ import annotations

import numpy as np
import torch

from abcscribe.hearing.mt3.network import Cache, Transcriber


class TorchRuntime:
    """A ``decoding.Runtime``. The network is used where it is, and put into evaluation mode."""

    def __init__(self, network: Transcriber) -> None:
        self.network = network.eval()
        self.config = network.config
        self.device = network.lm_head.weight.device

    @torch.inference_mode()
    def begin(self, frames: np.ndarray, previous: np.ndarray | None) -> tuple[Cache, Cache]:
        ids = torch.from_numpy(previous).to(self.device) if previous is not None else None
        states = self.network.encode(torch.from_numpy(frames).to(self.device), ids)
        shape = (self.config.decoder_layers, len(frames), self.config.heads, 0, self.config.head_width)
        empty = torch.zeros(shape, device=self.device)
        return (empty, empty), self.network.decoder.cross_cache(states)

    @torch.inference_mode()
    def step(self, tokens: np.ndarray, position: int, past: Cache, cross: Cache) -> tuple[np.ndarray, Cache]:
        ids = torch.from_numpy(tokens).to(self.device)[:, None]
        logits, past = self.network.step(ids, position, past, cross)
        return logits.float().cpu().numpy(), past
