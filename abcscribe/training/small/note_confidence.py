"""Fit ``note_confidence.npz``: which candidate notes of the tower's activity were played.
``abcscribe train small note-confidence``.

Runs the tower in the folder of weights on rendered clips of the train split; a candidate is true if a note of the same
pitch begins within 50 ms. Prints loss, and F1 at several thresholds, on the clips of the valid split, whose pieces the
tower was not trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.errors import AbcscribeError
from abcscribe.hearing import note_confidence
from abcscribe.hearing.note_decoding import candidates
from abcscribe.model import runtime_files
from abcscribe.model.tower_runtime import TowerRuntime
from abcscribe.spectrogram import FRAME_RATE, LOWEST_PITCH
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import NoteConfidence
from abcscribe.training.small.perceptron_fit import Fitted, fit

HIDDEN = (64, 32)
BATCH, RATE = 512, 2e-3
TOLERANCE = 0.05  # seconds


def clips(folder: Path, split: str, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Frames (640, 264) and notes (n, 5) of clips, some of every shard."""
    shards = sorted(folder.glob(f"{split}-*.npz"))
    for shard in shards:
        with np.load(shard) as file:
            frames, notes, first = file["frames"], file["notes"], file["first"]
        for index in range(min(len(frames), -(-count // len(shards)))):
            yield frames[index].astype(np.float32) / 255, notes[first[index] : first[index + 1]]


def examples(tower: TowerRuntime, folder: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Candidates of rendered clips.

    Args:
        tower: the network.
        folder: of ``abcscribe data render``.
        split: train or valid.
        count: number of clips.

    Returns:
        (n, FEATURES) of candidates, (n,) whether they are true, and the number of played notes.

    Raises:
        AbcscribeError: there are no clips with candidates.
    """
    rows: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    played = 0
    for frames, notes in clips(folder, split, count):
        heard = tower.hear(frames)
        found = candidates(heard.onset, heard.sounding)
        if len(found.pitch):
            rows.append(note_confidence.features(found, heard.onset, heard.sounding, heard.velocity, heard.family))
            labels.append(_true(found, notes))
        played += len(notes)
    if not rows:
        raise AbcscribeError(f"{folder} holds no {split} clips in which anything is heard: run abcscribe data render.")
    return np.concatenate(rows), np.concatenate(labels), played


def _true(found: note_confidence.Candidates, notes: np.ndarray) -> np.ndarray:
    """(n,) whether each candidate is a note; each note counts once, for the candidate next to it."""
    true = np.zeros(len(found.pitch), bool)
    for onset, _, midi, *_ in notes:
        miss = np.where(found.pitch == midi - LOWEST_PITCH, np.abs(found.begin / FRAME_RATE - onset), np.inf)
        miss[true] = np.inf
        if miss.min(initial=np.inf) <= TOLERANCE:
            true[miss.argmin()] = True
    return true


def main(config: NoteConfidence) -> Iterator[Entry]:
    """Fit the network and write it; yields its figures. Raises AbcscribeError without clips or tower."""
    torch.set_num_threads(1)
    found = runtime_files.tower(config.weights)
    if found is None:
        raise AbcscribeError(f"There is no tower in {config.weights}, to whose notes the confidence could be fitted.")
    tower = TowerRuntime(found)
    rows, labels, _ = examples(tower, config.clips, "train", config.count)
    torch.manual_seed(config.seed)
    model, true = Fitted(rows, HIDDEN, 1), torch.from_numpy(labels[:, None]).float()
    loss = nn.functional.binary_cross_entropy_with_logits
    yield from fit(model, rows, true, loss, config.steps, batch=BATCH, rate=RATE, noise=0.0)
    model.save(config.weights / "note_confidence.npz")
    rows, labels, played = examples(tower, config.clips, "valid", config.count)
    with torch.no_grad():
        sure = model(model.scaled(rows)).sigmoid().numpy()[:, 0]
    entropy = round(_entropy(sure, labels), 4)
    yield {
        "valid": "candidates",
        "count": len(labels),
        "true": round(float(labels.mean()), 4),
        "cross-entropy": entropy,
    }
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        kept = sure >= threshold
        right = float((kept & labels).sum())
        figures = {
            "precision": right / max(kept.sum(), 1),
            "recall": right / played,
            "F1": 2 * right / (kept.sum() + played),
        }
        yield {"valid": f"above {threshold}"} | {name: round(float(value), 4) for name, value in figures.items()}


def _entropy(sure: np.ndarray, labels: np.ndarray) -> float:
    p = np.clip(sure, 1e-6, 1 - 1e-6)
    return float(-np.where(labels, np.log(p), np.log(1 - p)).mean())
