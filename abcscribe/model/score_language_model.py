"""Heard notes -> soft tokens -> language model, in the architecture of LLaVA and Qwen2-Audio.

The answer follows the soft tokens of the heard notes; the loss is taken on the answer only. Attention is bidirectional
among the notes and causal in the answer. The audio tower is trained before (`abcscribe train tower`) and frozen: the
soft tokens are made of its notes, so the notes of any engine can be used.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F  # noqa: N812

from abcscribe import hub
from abcscribe.files import write_text
from abcscribe.model.config import LanguageModelConfig, NoteProjectorConfig
from abcscribe.model.language_model import Cache, LanguageModel
from abcscribe.model.note_features import HeardNotes, collate
from abcscribe.model.note_projector import NoteProjector

IGNORED = -100  # target without a loss
SHIPPED_AS = "language_model"  # stem of the files in a folder shared with the audio tower
_PLAIN = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class ScoreLanguageModelConfig:
    """Sizes of both halves."""

    projector: NoteProjectorConfig
    language_model: LanguageModelConfig


@dataclass
class Heard:
    """A batch of note lists, padded: pitch and family (b, n), features (b, n, f), positions (b, n, 3), mask (b, n)."""

    pitch: torch.Tensor
    family: torch.Tensor
    features: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    seconds: list[np.ndarray]  # of each list's groups, from its first note

    def to(self, device: torch.device) -> Heard:
        """The same on a device."""
        tensors = (self.pitch, self.family, self.features, self.positions, self.mask)
        pitch, family, features, positions, mask = (tensor.to(device, non_blocking=True) for tensor in tensors)
        return Heard(pitch, family, features, positions, mask, self.seconds)


class ScoreLanguageModel(nn.Module):
    """``projector`` and ``language_model``; sizes in ``config``."""

    def __init__(self, config: ScoreLanguageModelConfig) -> None:
        super().__init__()
        self.config = config
        self.projector = NoteProjector(config.projector)
        self.language_model = LanguageModel(config.language_model)

    def forward(self, heard: Heard, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Next-token logits.

        Args:
            heard: the notes.
            ids: (batch, tokens) of the answers.
            positions: (batch, tokens, 3), from `token_positions`.

        Returns:
            (batch, tokens, vocabulary): logits of the token that follows each.
        """
        return self.language_model.logits(self.states(heard, ids, positions)[1])

    def states(self, heard: Heard, ids: torch.Tensor, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Last hidden states of the soft tokens (batch, notes, width) and of the tokens (batch, tokens, width)."""
        soft = self.soft_tokens(heard)
        vectors = torch.cat([soft, self.language_model.embed(ids).to(soft.dtype)], dim=1)
        where = torch.cat([heard.positions, positions], dim=1)
        hidden, _ = self.language_model(vectors, where, prefix_mask(heard.mask, ids.shape[1]))
        return hidden[:, : soft.shape[1]], hidden[:, soft.shape[1] :]

    def soft_tokens(self, heard: Heard) -> torch.Tensor:
        """The projected notes, (batch, notes, width)."""
        return self.projector(heard.pitch, heard.family, heard.features, heard.positions, heard.mask[:, None, None])

    def prefill(self, heard: Heard) -> Cache:
        """The keys and values of the heard notes, from which decoding starts."""
        soft = self.soft_tokens(heard)
        return self.language_model(soft, heard.positions, heard.mask[:, None, None])[1]

    def save_pretrained(self, folder: Path | str) -> None:
        """Write ``config.json`` and ``model.safetensors``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        config, weights = _PLAIN
        write_text(folder / config, json.dumps(asdict(self.config), indent=1))
        save_file({name: t.contiguous() for name, t in self.state_dict().items()}, folder / "model.tmp")
        (folder / "model.tmp").replace(folder / weights)

    @classmethod
    def from_pretrained(cls, name: Path | str) -> ScoreLanguageModel:
        """The model that ``save_pretrained`` or ``checkpoint.ship`` wrote to a folder, or of a name on the Hub
        (`abcscribe.hub`), as float32, in evaluation mode."""
        folder = hub.local(name)
        shipped = (folder / f"{SHIPPED_AS}.json").exists()
        config, weights = (f"{SHIPPED_AS}.json", f"{SHIPPED_AS}.safetensors") if shipped else _PLAIN
        stored = json.loads((folder / config).read_text())
        projector = NoteProjectorConfig(**stored["projector"])
        model = cls(ScoreLanguageModelConfig(projector, LanguageModelConfig(**stored["language_model"])))
        state = {name: t.float() for name, t in load_file(folder / weights).items()}
        model.load_state_dict(state)
        return model.eval()


def collate_heard(lists: Sequence[HeardNotes], multiple: int = 1) -> Heard:
    """`note_features.collate` as tensors."""
    batch = collate(lists, multiple)
    pitch, family, features, positions, mask = (
        torch.from_numpy(array) for array in (batch.pitch, batch.family, batch.features, batch.positions, batch.mask)
    )
    return Heard(pitch, family, features, positions, mask, batch.seconds)


def token_positions(groups: np.ndarray, seconds: np.ndarray, first: int = 0) -> np.ndarray:
    """Positions of tokens on the three axes: index in the text, group of the pointer, onset of that group.

    Args:
        groups: (t,) group of each token, -1 before the first.
        seconds: onsets of the groups.
        first: index of the first token.

    Returns:
        (t, 3) float32.
    """
    when = np.where(groups >= 0, seconds[np.maximum(groups, 0)], 0.0)
    return np.stack([first + 1 + np.arange(len(groups)), groups, when], axis=1).astype(np.float32)


def prefix_mask(heard: torch.Tensor, tokens: int) -> torch.Tensor:
    """(batch, 1, n + t, n + t) from heard (batch, n): all attend to the notes, tokens also to those before them."""
    batch, notes = heard.shape
    causal = torch.ones(notes + tokens, tokens, dtype=torch.bool, device=heard.device).tril(-notes)
    causal = causal.expand(batch, -1, -1)
    return torch.cat([heard[:, None].expand(-1, notes + tokens, -1), causal], dim=2)[:, None]


def answer_loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Mean cross-entropy of logits (b, t, vocabulary) over targets (b, t) that are not IGNORED, weighed by (b, t)."""
    flat, wanted = logits.float().flatten(0, 1), targets.flatten()
    if weights is None:
        return F.cross_entropy(flat, wanted, ignore_index=IGNORED)
    losses = F.cross_entropy(flat, wanted, ignore_index=IGNORED, reduction="none")
    kept = weights.flatten() * (wanted != IGNORED)
    return (losses * kept).sum() / kept.sum()
