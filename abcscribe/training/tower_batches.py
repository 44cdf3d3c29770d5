"""What the tower is trained on, batch by batch: clips from a folder, clips rendered as they are needed, or both.

Rendered clips come as plans, made by worker processes, so that the device that trains also renders and no processor
waits; stored ones as frames. Every rendered clip is a function of the seed and its number, whatever the number of
processes; a run that is resumed has another seed and sees new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from abcscribe.errors import AbcscribeError
from abcscribe.model.config import FRAMES_PER_TOKEN
from abcscribe.model.tower_classes import DRUMS, drum_class, program_class
from abcscribe.score.instruments import PERCUSSION
from abcscribe.spectrogram import BINS, FRAME_RATE, LOWEST_PITCH, PITCHES
from abcscribe.synthesis.batch_renderer import BatchRenderer, PlanBatch, collated
from abcscribe.synthesis.clip_plans import ClipPlan, draw_plan
from abcscribe.synthesis.render import CLIP_FRAMES, UNKNOWN_FAMILY, UNKNOWN_PROGRAM, pieces_of
from abcscribe.synthesis.sound_bank import load_bank
from abcscribe.training.processes import ALONE, Processes

ONSET_WIDTH = 1.5  # frames over which an onset target falls from 1 to 0: lets the peak be read between frames
MOST_CELLS = 96  # notes of a clip whose players are compared
UNKNOWN = -1


@dataclass(frozen=True)
class Sources:
    """Where clips come from. At least one of ``clips`` and ``sounds`` is given."""

    clips: Path | None = None  # folder of abcscribe data render
    sounds: Path | None = None  # bank of abcscribe data sounds
    notes: Path | None = None  # note cache, for clips rendered from ``sounds``
    rendered: float = 0.6  # share of a batch that is rendered from ``sounds`` where there are both
    split: str = "train"  # of pieces and sounds


@dataclass
class Batch:
    """Inputs and targets of b clips; targets as small integers, so that they travel fast.

    ``frames`` is None until the plans are rendered.
    """

    activity: torch.Tensor  # (b, 2, t, 88) uint8, 255 = 1: onset and sounding
    velocity: torch.Tensor  # (b, tokens, 88) int16, UNKNOWN where no note begins
    family: torch.Tensor  # (b, tokens, 88) int16 index in FAMILIES, UNKNOWN
    program: torch.Tensor  # (b, tokens, 88) int16 index in PROGRAMS, UNKNOWN
    drums: torch.Tensor  # (b, t, kinds) uint8, 255 = 1: onsets
    cells: torch.Tensor  # (b, MOST_CELLS, 3) int16 token, pitch and player of notes, UNKNOWN behind the last
    tuning: torch.Tensor  # (b,) semitones above A = 440 Hz; nan where it is not known
    stored: torch.Tensor | None = None  # (s, t, 264) uint8 frames of the first s clips
    plans: PlanBatch | None = None  # of the others
    frames: torch.Tensor | None = None  # (b, t, 264) float32

    def to(self, device: torch.device) -> Batch:
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:  # what DataLoader calls
        return self._each(lambda tensor: tensor.pin_memory())

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {k: change(v) if isinstance(v, torch.Tensor) else v for k, v in values.items() if k != "plans"}
        plans = self.plans and self.plans.each(change)
        return Batch(**changed, plans=plans)

    def rendered(self, renderer: BatchRenderer | None) -> Batch:
        """The batch with its frames."""
        parts = [] if self.stored is None else [self.stored.float() / 255]
        if self.plans is not None and renderer is not None:
            parts.append(renderer.frames(self.plans).clamp(0, 1))
        self.frames = torch.cat(parts)
        return self


def batches(
    sources: Sources,
    size: int,
    seed: int,
    workers: int = 0,
    device: torch.device | None = None,
    processes: Processes = ALONE,
) -> Iterator[Batch]:
    """Endless batches on a device, their frames rendered.

    Args:
        size: clips of a batch in each process that trains.
        workers: processes that draw clips; 0 draws them in this one.
        processes: those that train, each with clips of its own.
    """
    device = device or torch.device("cpu")
    renderer = BatchRenderer(load_bank(sources.sounds), device) if sources.sounds else None
    loader = DataLoader(
        Clips(sources, size, seed, processes), batch_size=None, num_workers=workers, pin_memory=device.type == "cuda",
        prefetch_factor=4 if workers else None,
    )  # fmt: skip
    for batch in loader:
        yield batch.to(device).rendered(renderer)


class Clips(IterableDataset):
    """Batches before they are rendered."""

    def __init__(self, sources: Sources, size: int, seed: int, processes: Processes = ALONE) -> None:
        both = sources.clips is not None and sources.sounds is not None
        self.sources, self.seed, self.processes = sources, seed, processes
        self.drawn = round(size * sources.rendered) if both else size * (sources.sounds is not None)
        self.stored = size - self.drawn

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        # One stream for each process that draws for one that trains: batches are dealt to them in turn.
        drawers = worker.num_workers if worker else 1
        streams = self.processes.world * drawers
        stream = self.processes.rank * drawers + (worker.id if worker else 0)
        stored, drawn = self._stored(stream, streams), self._drawn(stream, streams)
        while True:
            kept = [next(stored) for _ in range(self.stored)]
            plans = [next(drawn) for _ in range(self.drawn)]
            labelled = [(notes, np.nan) for _, notes in kept] + [(plan.notes, plan.cents / 100) for plan in plans]
            batch = targets(labelled, len(kept[0][0]) if kept else CLIP_FRAMES)
            if kept:
                batch.stored = torch.from_numpy(np.stack([frames for frames, _ in kept]))
            if plans:
                batch.plans = collated(plans, int(drawn_seed(plans)))
            yield batch

    def _drawn(self, stream: int, streams: int) -> Iterator[ClipPlan]:
        assert self.sources.sounds is None or self.sources.notes is not None
        if self.sources.sounds is None:
            return
        bank = load_bank(self.sources.sounds)
        pieces = pieces_of(self.sources.notes, self.sources.split)
        for number in count(stream, streams):
            yield draw_plan(np.random.default_rng([self.seed, 1, number]), pieces, bank, self.sources.split)

    def _stored(self, stream: int, streams: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Clips of (frames, notes), shuffled; every pass looks at the folder again, so rendering may still go on.
        Streams share the shards, or the clips of each shard if there are fewer shards than streams."""
        rng, made = np.random.default_rng([self.seed, 0]), -1
        while self.sources.clips is not None and made:
            made = 0
            shards = sorted(self.sources.clips.glob(f"{self.sources.split}-*.npz"))
            order = rng.permutation(len(shards))
            few = len(order) < streams
            order = order if few else order[stream::streams]
            shuffle = np.random.default_rng([*rng.integers(2**32, size=2), 0 if few else stream])
            for i in range(0, len(order), 4):
                loaded = [dict(np.load(shards[j])) for j in order[i : i + 4]]
                index = [(s, c) for s, shard in enumerate(loaded) for c in range(len(shard["frames"]))]
                shuffle.shuffle(index)
                for s, c in (index[stream::streams] or index) if few else index:
                    made += 1
                    yield clip_of(loaded[s], c)
        raise AbcscribeError(f"{self.sources.clips} holds no clips to train on: make them with abcscribe data render.")


def drawn_seed(plans: list[ClipPlan]) -> int:
    """A seed for the noise of a batch that is a function of its plans."""
    return int(abs(float(plans[0].table.start.sum()) * 1e6)) % (1 << 31)


def clip_of(shard: dict[str, np.ndarray], c: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (t, 264) uint8 and notes (n, 5 or 7) of a clip."""
    return shard["frames"][c], shard["notes"][shard["first"][c] : shard["first"][c + 1]]


def make_batch(clips: list[tuple[np.ndarray, np.ndarray]]) -> Batch:
    """Stored clips of (frames (t, 264) uint8, notes) -> a batch with its frames."""
    batch = targets([(notes, np.nan) for _, notes in clips], len(clips[0][0]))
    batch.stored = torch.from_numpy(np.stack([frames for frames, _ in clips]))
    assert batch.stored.shape[2] == BINS
    return batch.rendered(None)


def targets(clips: list[tuple[np.ndarray, float]], frames: int) -> Batch:
    """Notes of clips, with the tuning of each -> a batch without frames."""
    made = [clip_targets(notes, frames) for notes, _ in clips]
    activity, velocity, family, program, drums, cells = (
        torch.from_numpy(np.stack(column)) for column in zip(*made, strict=True)
    )
    tuning = torch.tensor([tuning for _, tuning in clips], dtype=torch.float32)
    return Batch(activity, velocity, family, program, drums, cells, tuning)


def clip_targets(notes: np.ndarray, frames: int) -> tuple[np.ndarray, ...]:
    """Notes -> the targets of a clip, in the order of `Batch`.

    Args:
        notes: (n, 7) as `render.COLUMNS`, or (n, 5) of clips made before programs and players were kept.
    """
    tokens = frames // FRAMES_PER_TOKEN
    activity = np.zeros((2, frames, PITCHES), np.uint8)
    velocity, family, program = (np.full((tokens, PITCHES), UNKNOWN, np.int16) for _ in range(3))
    drums = np.zeros((frames, len(DRUMS)), np.uint8)
    cells: list[tuple[int, int, int]] = []
    for onset, offset, midi, strength, instrument, *more in notes:
        start, end = onset * FRAME_RATE, offset * FRAME_RATE
        number, player = (int(value) for value in more) if more else (UNKNOWN_PROGRAM, UNKNOWN)
        if start >= frames - 0.5:
            continue
        if number == PERCUSSION:
            if (kind := drum_class(int(midi))) is not None:
                _mark(drums[:, kind], start)
            continue
        pitch = int(midi) - LOWEST_PITCH
        if not 0 <= pitch < PITCHES:
            continue
        _mark(activity[0, :, pitch], start)
        first, last = round(start), max(round(end), round(start) + 1)
        activity[1, first:last, pitch] = 255
        token = min(round(start) // FRAMES_PER_TOKEN, tokens - 1)
        velocity[token, pitch] = strength
        while_sounding = slice(token, last // FRAMES_PER_TOKEN + 1)
        if instrument != UNKNOWN_FAMILY:
            family[while_sounding, pitch] = int(instrument)
        if (kind := program_class(number)) is not None:
            program[while_sounding, pitch] = kind
        if player != UNKNOWN:
            cells.append((min(token + 1, tokens - 1), pitch, player))
    return activity, velocity, family, program, drums, _padded(cells)


def _mark(column: np.ndarray, at: float) -> None:
    """Set an onset at a fractional frame into (frames,) uint8: a triangle whose highest frame is 255."""
    near = np.arange(max(0, int(at) - 1), min(len(column), int(at) + 3))
    peak = np.maximum(0, 1 - np.abs(near - at) / ONSET_WIDTH)
    column[near] = np.maximum(column[near], np.round(255 * peak / peak.max()))


def _padded(cells: list[tuple[int, int, int]]) -> np.ndarray:
    """(MOST_CELLS, 3) some of the notes, evenly chosen if there are more."""
    out = np.full((MOST_CELLS, 3), UNKNOWN, np.int16)
    if cells:
        kept = np.array(cells)[np.unique(np.linspace(0, len(cells) - 1, min(len(cells), MOST_CELLS)).astype(int))]
        out[: len(kept)] = kept
    return out
