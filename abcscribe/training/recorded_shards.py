"""Recordings of data sets -> shards for ``abcscribe train mt3`` (waveforms) and ``train tower`` (frames).

The same files that ``abcscribe data record`` and ``data render`` make: windows of 10.24 s, with the notes that sound in
them. The validation split is the data set's; of a set without one, every twentieth recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from abcscribe import audio
from abcscribe.corpora.recording import Recording
from abcscribe.errors import AudioError
from abcscribe.files import replacing
from abcscribe.score.instruments import FAMILIES, PERCUSSION, family
from abcscribe.score.model import PlayedNote
from abcscribe.spectrogram import HOP, normalise, spectrogram
from abcscribe.synthesis import recordings
from abcscribe.synthesis.render import CLIP_FRAMES, UNKNOWN_FAMILY, UNKNOWN_PROGRAM
from abcscribe.training.configs import ExportConfig

SAMPLES = recordings.SAMPLES
SECONDS = recordings.SECONDS
SHARD = recordings.RECORDINGS_PER_SHARD
VALID_OF = 20
assert CLIP_FRAMES * HOP == SAMPLES  # a clip of the tower is as long

Section = tuple[np.ndarray, list[PlayedNote]]  # (SAMPLES,) float32, and its notes


def write_shards(config: ExportConfig, found: Sequence[Recording]) -> Iterator[tuple[int, int]]:
    """Write the shards of ``config.kind``; yields recordings done and in all."""
    write = _write_recordings if config.kind == "recordings" else _write_clips
    config.out.mkdir(parents=True, exist_ok=True)
    kept = {name: list[Section]() for name in ("train", "valid")}
    numbers = dict.fromkeys(kept, 0)
    published = any(one.split == "validation" for one in found)
    for number, one in enumerate(found):
        name = _split(one, number, published)
        if name:
            kept[name].extend(_sections(one))
            while len(kept[name]) >= SHARD:
                write(config, f"{name}-{numbers[name]:05d}", kept[name][:SHARD])
                kept[name] = kept[name][SHARD:]
                numbers[name] += 1
        yield number + 1, len(found)
    for name, left in kept.items():
        if left:
            write(config, f"{name}-{numbers[name]:05d}", left)


def _split(one: Recording, number: int, published: bool) -> str:
    """train, valid, or "" for what is kept for testing."""
    if one.split == "test":
        return ""
    if published:
        return "valid" if one.split == "validation" else "train"
    return "valid" if number % VALID_OF == 0 else "train"


def _sections(one: Recording) -> Iterator[Section]:
    """The sections of a recording, one after the other, those without a note too; the last is filled with zeros."""
    notes, start = one.sounding(), 0.0
    while start < max((note.offset for note in notes), default=0.0):
        try:
            waveform = audio.load(one.audio, start, start + SECONDS)[:SAMPLES]
        except AudioError:
            return  # the truth goes on after the recording
        inside = [note for note in notes if note.offset > start and note.onset < start + SECONDS]
        yield np.pad(waveform, (0, SAMPLES - waveform.size)), [_moved(note, start) for note in inside]
        start += SECONDS


def _moved(note: PlayedNote, start: float) -> PlayedNote:
    return PlayedNote(
        note.onset - start, min(note.offset - start, SECONDS), note.pitch, note.velocity, note.family,
        program=note.program, drum=note.drum,
    )  # fmt: skip


def _write_recordings(config: ExportConfig, name: str, sections: Sequence[Section]) -> None:
    waveforms = [(np.clip(waveform, -1, 1) * 32767).astype(np.int16) for waveform, _ in sections]
    rows = [_table(notes, _recording_row) for _, notes in sections]
    recordings.save(config.out / f"{name}.npz", waveforms, rows)


def _recording_row(note: PlayedNote) -> tuple[float, ...]:
    """`recordings.COLUMNS`; an unknown program is the family's usual one, or the piano."""
    return note.onset, note.offset, note.pitch, note.velocity, note.program or 0, note.drum


def _write_clips(config: ExportConfig, name: str, sections: Sequence[Section]) -> None:
    frames = [spectrogram(normalise(waveform)[: CLIP_FRAMES * HOP]) for waveform, _ in sections]
    stored = np.stack([np.clip(one * 255 + 0.5, 0, 255).astype(np.uint8) for one in frames])
    rows = [_table(notes, _clip_row) for _, notes in sections]
    first = np.cumsum([0] + [len(own) for own in rows])
    with replacing(config.out / f"{name}.npz") as unfinished, unfinished.open("wb") as file:
        np.savez(file, frames=stored, notes=np.concatenate(rows), first=first)


def _clip_row(note: PlayedNote) -> tuple[float, ...]:
    """`render.COLUMNS`; players are told apart by their program, drums have no family."""
    program = PERCUSSION if note.drum else UNKNOWN_PROGRAM if note.program is None else note.program
    kind = note.family or (family(note.program) if note.program is not None and not note.drum else "")
    place = FAMILIES.index(kind) if kind else UNKNOWN_FAMILY
    return note.onset, note.offset, note.pitch, note.velocity, place, program, program


def _table(notes: Sequence[PlayedNote], row: Callable[[PlayedNote], tuple[float, ...]]) -> np.ndarray:
    """(n, columns) float32."""
    width = len(row(PlayedNote(0, 1, 60)))
    return np.array([row(note) for note in notes], np.float32).reshape(-1, width)
