"""What the tower's answers are held against: the losses of a batch. Knows no data and no optimizer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from abcscribe.model.audio_tower import TowerOutput
from abcscribe.score.instruments import FAMILIES
from abcscribe.spectrogram import PITCHES
from abcscribe.training.tower_batches import Batch

ONSET_WEIGHT = 3.0  # of a cell with an onset: onsets are rare
# Relative weights of the losses. With .02 the cross-entropy of the family stood at 1.7 (chance 2.4) after 15,000 clips
# and singers were taken for pianos.
LOSS_WEIGHTS = {
    "onset": 2.0, "sounding": 1.0, "velocity": 0.05, "family": 0.4, "program": 0.2, "drums": 0.5, "player": 0.2,
    "tuning": 0.1,
}  # fmt: skip
# Share of sounding cells that belong to each family, from 96 rendered clips: chords make pianos and guitars common.
# Unweighted, the tower answers "piano" and is right half of the time. Weights go with the power -0.7 of the share.
FAMILY_SHARES = {
    "piano": 0.46, "mallet": 0.01, "organ": 0.08, "plucked": 0.19, "bass": 0.01, "strings": 0.05, "voice": 0.05,
    "brass": 0.02, "reed": 0.08, "pipe": 0.02, "synth": 0.06,
}  # fmt: skip
TEMPERATURE = 0.2  # of the likeness of players' vectors


def tower_losses(
    model: Callable[[torch.Tensor], TowerOutput], batch: Batch, precision: torch.dtype | None = None
) -> dict[str, torch.Tensor]:
    """The losses of a batch, each a scalar; those of heads that the model does not have are left out.

    Args:
        precision: of the products within the model; None: float32.
    """
    assert batch.frames is not None
    with torch.autocast(batch.frames.device.type, precision or torch.bfloat16, enabled=precision is not None):
        said = model(batch.frames)
    activity = batch.activity.float() / 255
    onset_weight = 1 + (ONSET_WEIGHT - 1) * activity[:, 0]
    begins = batch.velocity >= 0
    given = said.activity.float()
    # Sums over pitches, means over frames: of the size of "wrong bits a frame", whatever the number of pitches.
    losses = {
        "onset": PITCHES * F.binary_cross_entropy_with_logits(given[:, 0], activity[:, 0], onset_weight),
        "sounding": PITCHES * F.binary_cross_entropy_with_logits(given[:, 1], activity[:, 1]),
        "velocity": F.binary_cross_entropy_with_logits(
            said.velocity.float()[begins], batch.velocity[begins].float() / 127
        ),
        "family": classes_loss(said.family, batch.family, family_weights(batch.frames.device)),
    }
    if said.program is not None:
        losses["program"] = classes_loss(said.program, batch.program)
    if said.drums is not None:
        hits = batch.drums.float() / 255
        weight = 1 + (ONSET_WEIGHT - 1) * hits
        kinds = hits.shape[2]
        losses["drums"] = kinds * F.binary_cross_entropy_with_logits(said.drums.float(), hits, weight)
    if said.player is not None:
        losses["player"] = player_loss(said.player.float(), batch.cells)
    if said.tuning is not None:
        losses["tuning"] = tuning_loss(said.tuning.float(), batch)
    return losses


def total(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    """The weighted sum that is minimised."""
    return torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()


def family_weights(device: torch.device) -> torch.Tensor:
    return torch.tensor([FAMILY_SHARES[name] for name in FAMILIES], device=device) ** -0.7


def classes_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Cross-entropy of (b, classes, tokens, 88) where (b, tokens, 88) is known; 0 if it is nowhere."""
    known = target >= 0
    chosen = logits.float().permute(0, 2, 3, 1)[known]
    return F.cross_entropy(chosen, target[known].long(), weight) if len(chosen) else chosen.sum()


def player_loss(vectors: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Supervised contrast (Khosla et al., NeurIPS 2020) among the notes of each clip that has several players.

    Args:
        vectors: (b, width, tokens, 88).
        cells: (b, n, 3) token, pitch and player of notes, -1 behind the last.
    """
    token, pitch, player = cells.long().unbind(dim=2)
    there = player >= 0
    clip = torch.arange(len(cells), device=cells.device)[:, None]
    chosen = F.normalize(vectors[clip, :, token.clamp(min=0), pitch.clamp(min=0)], dim=2)  # (b, n, width)
    pairs = there[:, :, None] & there[:, None, :] & ~torch.eye(cells.shape[1], dtype=torch.bool, device=cells.device)
    same = pairs & (player[:, :, None] == player[:, None, :])
    likeness = (chosen @ chosen.transpose(1, 2) / TEMPERATURE).masked_fill(~pairs, -1e4)
    said = likeness - likeness.logsumexp(dim=2, keepdim=True)
    contrast = same.any(dim=2) & (pairs & ~same).any(dim=2)  # notes with somebody to be told from
    mean = (said * same).sum(dim=2) / same.sum(dim=2).clamp(min=1)
    return -(mean * contrast).sum() / contrast.sum().clamp(min=1)


def tuning_loss(said: torch.Tensor, batch: Batch) -> torch.Tensor:
    """1 less the cosine of the angle between (b, tokens, 2) and the tuning, over tokens in which something sounds."""
    known = ~batch.tuning.isnan()
    angle = 2 * np.pi * batch.tuning.nan_to_num()
    wanted = torch.stack([angle.cos(), angle.sin()], dim=1)[:, None]
    tokens = said.shape[1]
    sounds = batch.activity[:, 1].flatten(2).amax(dim=2).unflatten(1, (tokens, -1)).amax(dim=2) > 0
    counts = (sounds & known[:, None]).float()
    off = 1 - F.cosine_similarity(said, wanted.expand_as(said), dim=2)
    return (off * counts).sum() / counts.sum().clamp(min=1)
