"""Recordings with their notes -> batches for the MT3 family: segments from random places, and what to write of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.hearing.mt3.decoding import first_memory
from abcscribe.hearing.mt3.events import encode, note_events
from abcscribe.hearing.mt3.frames import HOP, frame_count, network_input
from abcscribe.hearing.mt3.vocabulary import FRAMES_PER_SECOND, PAD, STEPS_PER_SECOND, System
from abcscribe.score.instruments import family
from abcscribe.score.model import PlayedNote
from abcscribe.training.processes import ALONE, Processes

SHARDS_AT_ONCE = 4  # segments are drawn from so many shards at a time
NOWHERE = -1  # "frame" of a token that belongs to no moment
ONSET_FRAMES = 2  # frames around an onset that count as one


@dataclass
class Batch:
    """b segments of t frames, n tokens at most."""

    frames: torch.Tensor  # (b, t, 512)
    tokens: torch.Tensor  # (b, n) what to write, EOS last, then PAD
    previous: torch.Tensor | None  # (b, target length) what was written of the segment before, for a memory
    moments: torch.Tensor  # (b, n) the frame that a token speaks of, NOWHERE if none
    rolls: torch.Tensor  # (b, t, 2, 128) of 0 and 1: pitch begins, pitch sounds; drums left out

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        previous = self.previous.to(device) if self.previous is not None else None
        rest = (self.frames, self.tokens, self.moments, self.rolls)
        frames, tokens, moments, rolls = (tensor.to(device, non_blocking=True) for tensor in rest)
        return Batch(frames, tokens, previous, moments, rolls)

    @property
    def inputs(self) -> torch.Tensor:
        """The decoder's input: the tokens one place later, PAD first."""
        return torch.nn.functional.pad(self.tokens, (1, -1), value=PAD)


@dataclass(frozen=True, slots=True)
class Recording:
    """A waveform (samples,) int16 and the notes played in it."""

    waveform: np.ndarray
    notes: list[PlayedNote]

    @property
    def samples(self) -> np.ndarray:
        """float32 of -1 ... 1."""
        return self.waveform.astype(np.float32) / 32768


def recordings(path: Path) -> list[Recording]:
    """The recordings of a shard of ``abcscribe data record``."""
    with np.load(path) as file:
        waveforms, notes, first = file["waveforms"], file["notes"], file["first"]
    return [Recording(waveform, _played(notes[first[i] : first[i + 1]])) for i, waveform in enumerate(waveforms)]


def _played(rows: np.ndarray) -> list[PlayedNote]:
    notes = []
    for onset, offset, pitch, velocity, program, drum in rows.tolist():
        named = None if drum else int(program)
        kind = "" if drum else family(int(program))
        notes.append(PlayedNote(onset, offset, int(pitch), int(velocity), kind, program=named, drum=bool(drum)))
    return notes


def shards(folder: Path, split: str) -> list[Path]:
    """Raises AbcscribeError if there are none."""
    found = sorted(folder.glob(f"{split}-*.npz"))
    if not found:
        raise AbcscribeError(f"There are no {split} recordings in {folder}: make them with abcscribe data record.")
    return found


def batches(folder: Path, system: System, size: int, seed: int, processes: Processes = ALONE) -> Iterator[Batch]:
    """Endless: passes over the shards in random order, each time looking again for new ones; a few segments of each
    recording.

    Args:
        size: segments of a batch in each process; all processes draw the same places and take their share.

    Raises AbcscribeError if there are fewer recordings than a batch needs.
    """
    rng, size = np.random.default_rng(seed), size * processes.world
    while True:
        paths = shards(folder, "train")
        order, filled = rng.permutation(len(paths)), False
        for i in range(0, len(order), SHARDS_AT_ONCE):
            loaded = [item for j in order[i : i + SHARDS_AT_ONCE] for item in recordings(paths[j])]
            rounds = max(1, loaded[0].waveform.size // HOP // system.segment_frames)
            chosen = np.concatenate([rng.permutation(len(loaded)) for _ in range(rounds)])
            for k in range(0, len(chosen) - size + 1, size):
                filled = True
                places = [(loaded[c], _place(rng, loaded[c])) for c in chosen[k : k + size]]
                yield make_batch(processes.share(places), system)
        if not filled:
            raise AbcscribeError(f"{folder} holds too few recordings for batches of {size} segments.")


def _place(rng: np.random.Generator, recording: Recording) -> int:
    """The first frame of a segment. Now and then it reaches beyond the end, as the last one of a recording does."""
    return int(rng.integers(frame_count(recording.waveform.size)))


def make_batch(places: Sequence[tuple[Recording, int]], system: System) -> Batch:
    """The segments that begin in these recordings at these frames."""
    rows = [_segment(recording, first, system) for recording, first in places]
    frames, tokens, previous, rolls = (list(column) for column in zip(*rows, strict=True))
    longest = max(map(len, tokens))
    padded = np.full((len(rows), longest), PAD)
    moments = np.full((len(rows), longest), NOWHERE)
    for row, ids in enumerate(tokens):
        padded[row, : len(ids)] = ids
        moments[row, : len(ids)] = moments_of(ids, system)
    memory = torch.from_numpy(np.concatenate(previous)) if system.memory else None
    stacked = torch.from_numpy(np.stack(frames)), torch.from_numpy(padded)
    return Batch(*stacked, memory, torch.from_numpy(moments), torch.from_numpy(np.stack(rolls)))


def _segment(recording: Recording, first: int, system: System) -> tuple[np.ndarray, list[int], np.ndarray, np.ndarray]:
    end = min(first + system.segment_frames, frame_count(recording.waveform.size))
    events = note_events(recording.notes, system)
    tokens = encode(events, first, end, system)[: system.target_length]
    frames = network_input(recording.samples[first * HOP : end * HOP], system)
    previous = first_memory(system)
    if system.memory and first >= system.segment_frames:
        before = encode(events, first - system.segment_frames, first, system)[: system.target_length]
        previous = np.pad([before], ((0, 0), (0, system.target_length - len(before))), constant_values=PAD)
    return frames, tokens, previous, roll(recording.notes, first, system.segment_frames)


def moments_of(tokens: Sequence[int], system: System) -> list[int]:
    """The frame, from the segment's first, of what each token speaks of; NOWHERE for ties and EOS."""
    found, now = [], NOWHERE if system.ties else 0
    for token in tokens:
        event = system.vocabulary.event(token)
        if event is not None and event.kind == "shift":
            now = event.value * FRAMES_PER_SECOND // STEPS_PER_SECOND
        found.append(NOWHERE if event is None or event.kind == "tie" else now)
        if event is not None and event.kind == "tie":
            now = 0
    return found


def roll(notes: Sequence[PlayedNote], first: int, frames: int) -> np.ndarray:
    """Where pitches begin and sound in a segment: (frames, 2, 128) float32."""
    grid = np.zeros((frames, 2, 128), np.float32)
    for note in notes:
        begin, end = round(note.onset * FRAMES_PER_SECOND) - first, round(note.offset * FRAMES_PER_SECOND) - first
        if note.drum or end < 0 or begin >= frames + ONSET_FRAMES:
            continue
        grid[max(0, begin) : max(0, end, begin + 1), 1, note.pitch] = 1
        grid[max(0, begin - ONSET_FRAMES + 1) : max(0, begin + ONSET_FRAMES), 0, note.pitch] = 1
    return grid
