"""How well a tower hears clips that are rendered from held-out pieces on held-out sounds: one table of figures.

Needs torch and numpy alone, so that it runs where the tower is trained. Onsets are peaks above a half, without the
confidence network that is fitted to a tower later: figures are for comparing towers with each other.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from abcscribe.model.audio_tower import AudioTower, TowerOutput
from abcscribe.model.tower_classes import DRUMS
from abcscribe.training.tower_batches import Batch, Sources, batches

SEED = 977
TOLERANCE = 3  # frames: 48 ms
THRESHOLD = 0.5  # probability at the peak of an onset

Table = dict[str, float | None]


def held_out_table(tower: AudioTower, sources: Sources, device: str, clips: int = 128, batch: int = 32) -> Table:
    """Figures of the same clips each time; None for what the tower has no head for, or the clips do not hold.

    ``onset F1`` of notes, and of clips by their number of players; ``family`` and ``program``: shares of sounding cells
    with the right one; ``kick F1`` and the other drums; ``player AUC``: how often two notes of one player are nearer
    than two of different ones; ``tuning cents``: the median error.
    """
    place = torch.device(device)
    tower = tower.to(place).eval()
    counts: Counter[str] = Counter()
    likeness: dict[bool, list[np.ndarray]] = {True: [], False: []}
    off: list[float] = []
    with torch.no_grad():
        for part in islice(batches(sources, batch, SEED, device=place), -(-clips // batch)):
            assert part.frames is not None
            said = tower(part.frames)
            counts.update(_counts(part, said))
            if said.player is not None:
                for same, values in _likeness(said.player.float(), part.cells):
                    likeness[same].append(values)
            if said.tuning is not None:
                off += _tuning_errors(part, said.tuning.float())
    return _table(counts, likeness, off)


def _table(counts: Counter[str], likeness: dict[bool, list[np.ndarray]], off: list[float]) -> Table:
    table: Table = {}
    for name in ("onset", *(f"onset, {group}" for group in ("1", "2", "3", "4+")), *DRUMS):
        both = counts[f"{name} true"] + counts[f"{name} found"]
        known = both and (name.startswith("onset") or counts["drum head"])
        table[f"{name} F1"] = round(2 * counts[f"{name} right"] / both, 4) if known else None
    for name in ("family", "program"):
        total = counts[f"{name} cells"]
        table[name] = round(counts[f"{name} right"] / total, 4) if total else None
    near, far = (np.concatenate(values) if values else np.zeros(0) for values in (likeness[True], likeness[False]))
    table["player AUC"] = round(area_under_curve(near, far), 4) if near.size and far.size else None
    table["tuning cents"] = round(float(np.median(off)), 2) if off else None
    return table


def area_under_curve(positive: np.ndarray, negative: np.ndarray) -> float:
    """Probability that a positive value is above a negative one (Mann and Whitney, 1947); ties count half."""
    values = np.concatenate([positive, negative])
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[index]
    above = rank[: positive.size].sum() - positive.size * (positive.size + 1) / 2
    return float(above / (positive.size * negative.size))


def _counts(batch: Batch, said: TowerOutput) -> Counter[str]:
    """What was played, found and right, by name."""
    counts: Counter[str] = Counter()
    onset = said.activity[:, 0].float().sigmoid()
    players = batch.cells[..., 2].amax(dim=1).cpu().numpy() + 1
    for clip, number in enumerate(players):
        true, found = _peaks(batch.activity[clip, 0].float() / 255), _peaks(onset[clip])
        for name in ("onset", f"onset, {number if number < 4 else '4+'}"):
            counts.update(_matched(name, true, found))
    for name, logits, target in (("family", said.family, batch.family), ("program", said.program, batch.program)):
        if logits is not None:
            known = target >= 0
            counts[f"{name} cells"] += int(known.sum())
            counts[f"{name} right"] += int((logits.argmax(dim=1) == target)[known].sum())
    if said.drums is not None:
        counts["drum head"] += 1
        hits = said.drums.float().sigmoid()
        for clip in range(len(hits)):
            true, found = _peaks(batch.drums[clip].float() / 255), _peaks(hits[clip])
            for kind, name in enumerate(DRUMS):
                counts.update(_matched(name, true[true[:, 1] == kind], found[found[:, 1] == kind]))
    return counts


def _peaks(probability: torch.Tensor) -> np.ndarray:
    """(n, 2) frame and column of the local maxima above THRESHOLD of (frames, columns)."""
    padded = F.pad(probability.T[None], (2, 2), value=-1.0)
    highest = F.max_pool1d(padded, 5, 1)[0].T
    return ((probability >= highest) & (probability > THRESHOLD)).nonzero().cpu().numpy()


def _matched(name: str, true: np.ndarray, found: np.ndarray) -> Counter[str]:
    """Counts of peaks that pair up one to one: same column, at most TOLERANCE frames apart, in order of time."""
    right = 0
    for column in np.intersect1d(true[:, 1], found[:, 1]):
        wanted, given = (list(np.sort(side[side[:, 1] == column, 0])) for side in (true, found))
        while wanted and given:
            gap = int(given[0]) - int(wanted[0])
            right += abs(gap) <= TOLERANCE
            if gap >= -TOLERANCE:
                wanted.pop(0)
            if gap <= TOLERANCE:
                given.pop(0)
    return Counter({f"{name} true": len(true), f"{name} found": len(found), f"{name} right": right})


def _likeness(vectors: torch.Tensor, cells: torch.Tensor) -> list[tuple[bool, np.ndarray]]:
    """Cosines between the notes of each clip: of one player, and of different ones."""
    pairs: list[tuple[bool, np.ndarray]] = []
    for clip, own in enumerate(cells.long()):
        token, pitch, player = own[own[:, 2] >= 0].T
        if len(player.unique()) < 2:
            continue
        chosen = F.normalize(vectors[clip, :, token, pitch].T, dim=1)
        cosine, same = chosen @ chosen.T, player[:, None] == player
        once = torch.ones_like(same).triu(1).bool()
        pairs += [(kind, cosine[once & (same == kind)].cpu().numpy()) for kind in (True, False)]
    return pairs


def _tuning_errors(batch: Batch, said: torch.Tensor) -> list[float]:
    """Cents between said and true tuning of each clip in which something sounds."""
    tokens = said.shape[1]
    sounds = batch.activity[:, 1].flatten(2).amax(dim=2).unflatten(1, (tokens, -1)).amax(dim=2) > 0
    cosine, sine = (said * sounds[..., None]).sum(dim=1).T
    heard = torch.atan2(sine, cosine) / (2 * np.pi)
    gap = (heard - batch.tuning + 0.5).remainder(1) - 0.5
    return (100 * gap.abs())[sounds.any(dim=1) & ~batch.tuning.isnan()].cpu().tolist()
