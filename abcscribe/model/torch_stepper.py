"""Inference of a ScoreLanguageModel, token by token, in torch: for reinforcement learning, and to verify the export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from abcscribe.model.note_features import HeardNotes
from abcscribe.model.score_language_model import ScoreLanguageModel, collate_heard


class TorchStepper:
    """See `abcscribe.writing.decoding.Checker`."""

    def __init__(self, model: ScoreLanguageModel) -> None:
        self.model = model

    @torch.no_grad()
    def start(self, heard: Sequence[HeardNotes]) -> None:
        batch = collate_heard(heard).to(self.model.language_model.embedding.weight.device)
        batch.features = batch.features.to(self.model.language_model.embedding.weight.dtype)
        self.cache = self.model.prefill(batch)
        self.mask = batch.mask

    def step(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        return self.check(ids, positions)[:, -1]

    @torch.no_grad()
    def check(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        rows, length = ids.shape
        device = self.mask.device
        past = self.mask[:, None].expand(-1, length, -1)
        own = torch.ones(length, length, dtype=torch.bool, device=device).tril()
        mask = torch.cat([past, own.expand(rows, -1, -1)], dim=2)
        vectors = self.model.language_model.embed(torch.from_numpy(ids).to(device))
        where = torch.from_numpy(positions).to(device)
        hidden, self.cache = self.model.language_model(vectors, where, mask[:, None], self.cache)
        self.mask = torch.cat([self.mask, torch.ones(rows, length, dtype=torch.bool, device=device)], dim=1)
        return self.model.language_model.logits(hidden).float().cpu().numpy()

    def drop(self, count: int) -> None:
        length = self.mask.shape[1] - count
        self.cache = [(k[:, :, :length], v[:, :, :length]) for k, v in self.cache]
        self.mask = self.mask[:, :length]

    def keep(self, rows: np.ndarray) -> None:
        index = torch.from_numpy(rows).to(self.mask.device)
        self.cache = [(k[index], v[index]) for k, v in self.cache]
        self.mask = self.mask[index]
