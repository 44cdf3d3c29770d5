"""The projector of the default model: heard notes -> soft tokens of the language model."""

from __future__ import annotations

import torch
from torch import nn

from abcscribe.model.config import NoteProjectorConfig
from abcscribe.model.language_model import DecoderLayer, rotary
from abcscribe.model.note_features import OWN_FEATURES, PITCHES, UNKNOWN_FAMILY


class NoteProjector(nn.Module):
    """One soft token a note: embeddings of pitch, family and features, then layers of bidirectional self-attention."""

    def __init__(self, config: NoteProjectorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.pitch = nn.Embedding(PITCHES, width)
        self.family = nn.Embedding(UNKNOWN_FAMILY + 1, width)
        self.features = nn.Sequential(
            nn.Linear(OWN_FEATURES + config.analysis, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(DecoderLayer(width, config.heads, config.dropout) for _ in range(config.layers))

    def forward(
        self,
        pitch: torch.Tensor,
        family: torch.Tensor,
        features: torch.Tensor,
        positions: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """Project notes to soft tokens.

        Args:
            pitch: (batch, notes) MIDI less 21.
            family: (batch, notes) index of the family.
            features: (batch, notes, OWN_FEATURES + analysis).
            positions: (batch, notes, 3): index in the text, group, seconds.
            mask: (batch, 1, 1, notes), True where there is a note.

        Returns:
            (batch, notes, width).
        """
        x = self.pitch(pitch) + self.family(family) + self.features(features)
        rotation = rotary(positions, self.config.width // self.config.heads)
        for layer in self.layers:
            x, _ = layer(x, rotation, mask)
        return x
