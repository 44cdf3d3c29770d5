"""Learn abcscribe/note_confidence.npz: which of the notes that the tower's activity suggests were played.

    python benchmarks/learn_note_confidence.py CLIPS [--clips 3000] [--steps 6000]

CLIPS is a folder of ``abcscribe data render``. Its train clips are heard by the shipped tower; a note is true if a note
of the same pitch begins within 50 ms. Prints loss, and F1 at several thresholds, on the clips of the valid split, whose
pieces the tower was not trained on. Needs torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.hearing import note_confidence
from abcscribe.hearing.note_decoding import candidates
from abcscribe.model.tower_runtime import TowerRuntime
from abcscribe.spectrogram import FRAME_RATE, LOWEST_PITCH
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


def examples(folder: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray, int]:
    """(n, N) numbers of heard notes, (n,) whether they are true, and how many were played."""
    tower, rows, labels, played = TowerRuntime(), [], [], 0
    for frames, notes in clips(folder, split, count):
        heard = tower.hear(frames)
        found = candidates(heard.onset, heard.sounding)
        if len(found.pitch):
            rows.append(note_confidence.numbers(found, heard.onset, heard.sounding, heard.velocity, heard.family))
            labels.append(_true(found, notes))
        played += len(notes)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--clips", dest="count", type=int, default=3_000)
    parser.add_argument("--steps", type=int, default=6_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, labels, _ = examples(options.clips, "train", options.count)
    torch.manual_seed(0)
    model = Fitted(rows, HIDDEN, 1)
    true = torch.from_numpy(labels[:, None]).float()
    loss = nn.functional.binary_cross_entropy_with_logits
    fit(model, rows, true, loss, options.steps, batch=BATCH, rate=RATE, noise=0.0)
    model.save(note_confidence.WEIGHTS)
    rows, labels, played = examples(options.clips, "valid", options.count)
    with torch.no_grad():
        sure = model(model.scaled(rows)).sigmoid().numpy()[:, 0]
    print(f"{len(labels)} candidates, {labels.mean():.3f} true, cross-entropy {_entropy(sure, labels):.3f}")
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        kept = sure >= threshold
        right = float((kept & labels).sum())
        print(f"{threshold}: precision {right / kept.sum():.3f}, recall {right / played:.3f}, ", end="")
        print(f"F1 {2 * right / (kept.sum() + played):.3f}")


def _entropy(sure: np.ndarray, labels: np.ndarray) -> float:
    p = np.clip(sure, 1e-6, 1 - 1e-6)
    return float(-np.where(labels, np.log(p), np.log(1 - p)).mean())


if __name__ == "__main__":
    main()
