"""Train the tower's timbre head on the scenes of `player_scenes`, whose cells are kept: minutes on one core.

    python -m abcscribe.training.small.timbre_head SCENES OUT [--start FOLDER] [--valid SCENES] [--steps 700]

The rest of the tower stays as it is, so notes and families are heard as before. The head tells instruments, and vectors
that are near for notes of one player (supervised contrast within each scene, Khosla et al., NeurIPS 2020). Writes a
checkpoint, `abcscribe train ship` makes files of it.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F  # noqa: N812

from abcscribe.errors import AbcscribeError
from abcscribe.files import write_text
from abcscribe.model import WEIGHTS
from abcscribe.model.audio_tower import AudioTower
from abcscribe.model.config import AudioTowerConfig
from abcscribe.model.tower_classes import PLAYER_WIDTH, PROGRAMS, program_class
from abcscribe.training.pace import Entry
from abcscribe.training.small import note_cells, player_scenes
from abcscribe.training.small.player_scenes import Scene
from abcscribe.training.tower import MAY_BE_MISSING
from abcscribe.training.tower_losses import TEMPERATURE
from abcscribe.training.tower_table import area_under_curve

BATCH = 8  # scenes a step
WARMUP, FINAL = 20, 0.03  # steps in which the rate rises; share of it at the end
WEIGHTS_OF = {"program": 0.5, "player": 0.7}
UNKNOWN = -1
LOG_STEPS = 50


@dataclass(frozen=True)
class TimbreHead:
    """Options of a run."""

    scenes: Path
    out: Path
    start: Path = WEIGHTS  # checkpoint whose tower, and timbre head if it has one, are begun with
    valid: Path | None = None
    steps: int = 700
    rate: float = 2e-3  # of AdamW, at its peak
    decay: float = 0.02  # of the weights
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """Who plays the n notes of a scene; UNKNOWN where nobody does."""

    player: torch.Tensor
    program: torch.Tensor  # index in PROGRAMS


def labels(scene: Scene) -> Labels:
    """Of the notes of a scene."""
    programs = [UNKNOWN if (index := program_class(p)) is None else index for p in scene.programs]
    of_notes = [UNKNOWN if player < 0 else programs[player] for player in scene.player]
    return Labels(torch.from_numpy(scene.player), torch.tensor(of_notes))


def losses(tower: AudioTower, scene: Scene, truth: Labels) -> dict[str, torch.Tensor]:
    """Of one scene."""
    assert scene.cells is not None
    programs, vectors = note_cells.answers(tower, scene.cells, len(scene.notes))
    made = {}
    known, named = truth.player >= 0, truth.program >= 0
    if named.any():
        made["program"] = F.nll_loss((programs[named] + 1e-4).log(), truth.program[named])
    contrast = _contrast(vectors[known], truth.player[known])
    return made if contrast is None else made | {"player": contrast}


def _contrast(vectors: torch.Tensor, player: torch.Tensor) -> torch.Tensor | None:
    """None where there is nobody to be told from."""
    itself = torch.eye(len(vectors), dtype=torch.bool)
    same = (player[:, None] == player) & ~itself
    told = same.any(dim=1) & (~same & ~itself).any(dim=1)
    if not told.any():
        return None
    likeness = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -1e4)
    said = likeness - likeness.logsumexp(dim=1, keepdim=True)
    return -((said * same).sum(dim=1) / same.sum(dim=1).clamp(min=1))[told].mean()


def main(config: TimbreHead) -> Iterator[Entry]:
    """Train and write a checkpoint; yields figures. Raises AbcscribeError if the scenes have no cells."""
    torch.manual_seed(config.seed)
    draw = random.Random(config.seed)
    tower = with_head(config.start)
    assert tower.timbre is not None
    scenes = [(scene, labels(scene)) for scene in player_scenes.load(config.scenes) if scene.cells]
    if not scenes:
        raise AbcscribeError(f"{config.scenes} holds no scenes with cells: make them with player_scenes.")
    tower.requires_grad_(False)
    tower.timbre.requires_grad_(True)
    optimizer = torch.optim.AdamW(tower.timbre.parameters(), weight_decay=config.decay, betas=(0.9, 0.98))
    sums: dict[str, list[float]] = {}
    for step in range(1, config.steps + 1):
        left = (1 - step / config.steps) / 0.7
        optimizer.param_groups[0]["lr"] = config.rate * min(1.0, step / WARMUP) * min(1.0, FINAL + left)
        optimizer.zero_grad()
        for scene, truth in draw.sample(scenes, min(BATCH, len(scenes))):
            made = losses(tower, scene, truth)
            if made:
                (torch.stack([WEIGHTS_OF[name] * loss for name, loss in made.items()]).sum() / BATCH).backward()
            for name, loss in made.items():
                sums.setdefault(name, []).append(float(loss.detach()))
        optimizer.step()
        if step % LOG_STEPS == 0 or step == config.steps:
            yield {"step": step, **{name: round(float(np.mean(values)), 3) for name, values in sums.items()}}
            sums.clear()
    save(tower, config.out)
    if config.valid:
        yield figures(tower, [scene for scene in player_scenes.load(config.valid) if scene.cells])


def with_head(folder: Path) -> AudioTower:
    """The tower of a checkpoint, with a fresh timbre head if it has none."""
    stored = json.loads((folder / "config.json").read_text())
    stored["harmonics"] = tuple(stored["harmonics"])
    config = replace(AudioTowerConfig(**stored), programs=len(PROGRAMS), player=PLAYER_WIDTH)
    tower = AudioTower(config)
    missing, unknown = tower.load_state_dict(load_file(folder / "tower.safetensors"), strict=False)
    if unknown or any(not name.startswith(MAY_BE_MISSING) for name in missing):
        raise AbcscribeError(f"The tower in {folder} is not of the kind that is trained here.")
    return tower.eval()


def save(tower: AudioTower, folder: Path) -> None:
    """Write a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tower.state_dict().items()}, folder / "tower.part")
    (folder / "tower.part").replace(folder / "tower.safetensors")
    write_text(folder / "config.json", json.dumps(asdict(tower.config), indent=1))


def figures(tower: AudioTower, scenes: Sequence[Scene]) -> Entry:
    """How well a tower tells who plays the heard notes of scenes.

    Returns:
        The share of notes with the right program, and how often two notes of one player are nearer than two of
        different ones, by vectors and by families alone: the mean of the scenes with different instruments.
    """
    right = notes = 0
    areas: list[tuple[float, float]] = []
    for scene in scenes:
        truth = labels(scene)
        assert scene.cells is not None
        with torch.no_grad():
            programs, vectors = note_cells.answers(tower, scene.cells, len(scene.notes))
        named, known = truth.program >= 0, truth.player >= 0
        notes += int(named.sum())
        right += int((programs.argmax(dim=1) == truth.program)[named].sum())
        if len(set(scene.programs)) > 1:
            families = np.array([note.families for note in scene.notes])
            areas += _areas(vectors[known].numpy(), families[known.numpy()], truth.player[known].numpy())
    means = np.mean(areas, axis=0).round(3).tolist() if areas else [0.0, 0.0]
    return {"notes": notes, "program": round(right / max(notes, 1), 3), "AUC": means[0], "AUC of families": means[1]}


def _areas(vectors: np.ndarray, families: np.ndarray, player: np.ndarray) -> list[tuple[float, float]]:
    """Of one scene by vectors and by families; nothing where there is nobody to be told from."""
    one, other = np.triu_indices(len(player), 1)
    same = player[one] == player[other]
    if same.all() or not same.any():
        return []
    by_vectors = (vectors[one] * vectors[other]).sum(axis=1)
    by_families = -np.abs(families[one] - families[other]).sum(axis=1)
    by_vectors, by_families = (area_under_curve(near[same], near[~same]) for near in (by_vectors, by_families))
    return [(by_vectors, by_families)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--start", type=Path, default=WEIGHTS)
    parser.add_argument("--valid", type=Path)
    parser.add_argument("--steps", type=int, default=TimbreHead.steps)
    parser.add_argument("--rate", type=float, default=TimbreHead.rate)
    parser.add_argument("--decay", type=float, default=TimbreHead.decay)
    parser.add_argument("--seed", type=int, default=TimbreHead.seed)
    for row in main(TimbreHead(**vars(parser.parse_args()))):
        print(row, flush=True)
