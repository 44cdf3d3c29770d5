"""Fit ``timbre.json``: the confusion matrix of instrument families. ``abcscribe train small timbre``.

Each note of the tower is matched with the nearest played note of its pitch. Each family has PRIOR pseudo-counts: half
of them on itself, half distributed as the answers to all notes, so that for a family that is rare in the recordings
nothing is certain or impossible.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from abcscribe.errors import AbcscribeError
from abcscribe.files import replacing
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import Timbre
from abcscribe.training.small.heard_clips import clips_of

NEAR = 0.1  # seconds between a heard note and the played one that it is matched with
PRIOR = 20.0  # pseudo-counts of each family


def main(config: Timbre) -> Iterator[Entry]:
    """Count and write the table; yields a row for each family. Raises AbcscribeError without recordings."""
    counts = np.zeros((len(FAMILIES), len(FAMILIES)))
    for folder in config.heard:
        for clip in clips_of(folder):
            counts += confusions(clip.score.performance, clip.heard)
    if not counts.any():
        raise AbcscribeError("No note of the recordings was heard with a family: there is nothing to count.")
    table = np.round(100 * shares(counts), 2)
    rows = {name: dict(zip(FAMILIES, row.tolist(), strict=True)) for name, row in zip(FAMILIES, table, strict=True)}
    with replacing(config.weights / "timbre.json") as path:
        lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
        path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    for index, name in enumerate(FAMILIES):
        yield {"family": name, "notes": int(counts[index].sum()), "heard as": rows[name]}


def confusions(played: Sequence[PlayedNote], heard: Sequence[PlayedNote]) -> np.ndarray:
    """(families, families) counts of notes, by true family and family in the transcription."""
    counts = np.zeros((len(FAMILIES), len(FAMILIES)))
    for note in heard:
        alike = [other for other in played if other.pitch == note.pitch and abs(other.onset - note.onset) < NEAR]
        nearest = min(alike, key=lambda other: abs(other.onset - note.onset), default=None)
        if nearest and nearest.family in FAMILIES and note.family in FAMILIES:
            counts[FAMILIES.index(nearest.family), FAMILIES.index(note.family)] += 1
    return counts


def shares(counts: np.ndarray) -> np.ndarray:
    """(families, families) shares of the answers for each true family, smoothed by the pseudo-counts."""
    imagined = PRIOR * (np.eye(len(counts)) + counts.sum(axis=0) / counts.sum()) / 2
    smoothed = counts + imagined
    found: np.ndarray = smoothed / smoothed.sum(axis=1, keepdims=True)
    return found
