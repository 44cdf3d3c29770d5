"""Scores -> recordings with programs and drums, to train systems that name instruments (the MT3 family).

Unlike the clips of ``render`` these keep the waveform, as every system has a front end of its own, and the General MIDI
program of each note. One recording is a function of (seed, split, shard, recording); shards are independent files, so
recording runs in parallel, stops anywhere and goes on where it stopped.

Reads the note cache of ``corpora.collections.build_cache``. Writes ``DIR/{train,valid}-00000.npz`` and
``DIR/manifest.json``.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import Notes
from abcscribe.errors import AbcscribeError
from abcscribe.files import replacing, write_text
from abcscribe.score.instruments import PERCUSSION
from abcscribe.spectrogram import normalise
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis import render, soundfonts
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.drum_patterns import drum_part

SECONDS = 10.24
SAMPLES = round(SECONDS * SAMPLE_RATE)
RECORDINGS_PER_SHARD = 128  # 42 MB a shard
COLUMNS = ("onset", "offset", "pitch", "velocity", "program", "drum")  # of the notes; seconds, MIDI, 0 or 1
KIT = frozenset(range(35, 82))  # keys of the General MIDI percussion map
HIT = 0.25  # quarters that a drum's key is held
GAIN_DB = (-10.0, 4.0)


@dataclass(frozen=True)
class RecordingConfig:
    """What ``abcscribe data record`` makes."""

    cache: Path  # note cache of corpora.collections.build_cache
    out: Path
    shards: int = 60
    valid_shards: int = 1
    textures: str = "line,keyboard,ensemble"  # of the pieces: render.TEXTURES
    parts: int = 8  # most parts of a recording, drums not counted
    programs: str = ""  # General MIDI numbers to draw from, with commas; "": all that have a range
    drums: float = 0.3  # share of recordings with a drum kit
    rooms: bool = True  # rooms, microphones, noise, codecs
    seed: int = 1
    jobs: int = os.cpu_count() or 1

    @property
    def allowed(self) -> tuple[int, ...]:
        """The programs. Raises AbcscribeError for one without a range."""
        if not self.programs:
            return tuple(playing.RANGES)
        chosen = self.programs.split(",")
        if any(not p.isdecimal() or int(p) not in playing.RANGES for p in chosen):
            raise AbcscribeError(f"Programs are General MIDI numbers of pitched instruments, not {self.programs!r}.")
        return tuple(int(p) for p in chosen)


def record(config: RecordingConfig) -> Iterator[tuple[int, int]]:
    """Make the shards that are missing; yields (shards done, shards in all) as they come."""
    config.out.mkdir(parents=True, exist_ok=True)
    settings = {key: str(value) for key, value in dataclasses.asdict(config).items()}
    manifest = {"config": settings, "soundfonts": soundfonts.installed_fonts(), "allowed": config.allowed}
    write_text(config.out / "manifest.json", json.dumps(manifest, indent=1))
    tasks = [(config, "valid", i) for i in range(config.valid_shards)]
    tasks += [(config, "train", i) for i in range(config.shards)]
    # A process of its own for each worker: FluidSynth keeps its fonts and state inside the process.
    with multiprocessing.get_context("spawn").Pool(config.jobs) as pool:
        for done, _ in enumerate(pool.imap_unordered(_shard, tasks), 1):
            yield done, len(tasks)


def _shard(task: tuple[RecordingConfig, str, int]) -> None:
    config, split, shard = task
    path = config.out / f"{split}-{shard:05d}.npz"
    if path.exists():
        return
    pieces = {t: p for t, p in render.pieces_of(config.cache, split).items() if t in config.textures.split(",")}
    if not pieces:
        raise AbcscribeError(f"{config.cache} has no pieces of the {split} split with textures {config.textures!r}.")
    stream = [config.seed, ("train", "valid").index(split), shard]
    made = [make(np.random.default_rng([*stream, i]), pieces, config) for i in range(RECORDINGS_PER_SHARD)]
    save(path, [waveform for waveform, _ in made], [notes for _, notes in made])


def save(path: Path, waveforms: list[np.ndarray], notes: list[np.ndarray]) -> None:
    """Write a shard: waveforms (samples,) int16 of one length, notes (n, 6). It appears only once it is complete."""
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez(
            file, waveforms=np.stack(waveforms), notes=np.concatenate(notes),
            first=np.cumsum([0] + [len(own) for own in notes]),
        )  # fmt: skip


def make(
    rng: np.random.Generator, pieces: dict[str, list[Notes]], config: RecordingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """One recording: (SAMPLES,) int16 and its notes (n, 6) float32."""
    onset, duration, pitch, part = render.excerpt(rng, render.draw(rng, pieces), config.parts)
    bpm = playing.draw_tempo(rng, onset, part)
    names = np.unique(part)
    programs = [_program(rng, onset, duration, pitch, part == name, config.allowed) for name in names]
    index = np.searchsorted(names, part)
    if rng.random() < config.drums:
        struck, keys = drum_part(rng, SECONDS / 60 * bpm + 4, KIT)
        onset, pitch = np.concatenate([onset, struck]), np.concatenate([pitch, keys])
        duration = np.concatenate([duration, np.full(len(struck), HIT)])
        index = np.concatenate([index, np.full(len(struck), len(programs))])
        programs.append(PERCUSSION)
    played = playing.perform(rng, onset, duration, pitch, index, tuple(programs), bpm).before(SECONDS)
    font = str(rng.choice(soundfonts.installed_fonts()))
    waveform = soundfonts.render(rng, played, SECONDS, font, float(rng.normal(0, 6)), np.zeros((0, 2)))
    if config.rooms:
        waveform = augment(rng, waveform)[:SAMPLES]
    loud = normalise(waveform) * np.float32(10 ** (rng.uniform(*GAIN_DB) / 20))
    program = np.array(programs)[played.part]
    drum = program == PERCUSSION
    columns = played.onset, played.offset, played.pitch, played.velocity, np.where(drum, 0, program), drum
    return (np.clip(loud, -1, 1) * 32767).astype(np.int16), np.stack(columns, axis=1).astype(np.float32)


def _program(
    rng: np.random.Generator, onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray, own: np.ndarray,
    allowed: tuple[int, ...],
) -> int:  # fmt: skip
    """A program for a part: by the usual weights if all are allowed, else any whose range holds its notes."""
    if set(allowed) == set(playing.RANGES):
        return playing.choose_program(rng, pitch[own], render.is_chordal(onset[own], duration[own]))
    low, high = np.percentile(pitch[own], (2, 98))
    fitting = [p for p in allowed if playing.RANGES[p][0] <= low and high <= playing.RANGES[p][1]]
    return int(rng.choice(fitting or allowed))


def save_tones(folder: Path, recordings: int = 16, seed: int = 1) -> None:
    """A train and a valid shard of sines with random notes: enough to see whether a training works, without scores,
    soundfonts and FluidSynth."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, split in enumerate(("train", "valid")):
        made = [tones(np.random.default_rng([seed, number, i])) for i in range(recordings)]
        save(folder / f"{split}-00000.npz", [waveform for waveform, _ in made], [notes for _, notes in made])


def tones(rng: np.random.Generator, seconds: float = SECONDS) -> tuple[np.ndarray, np.ndarray]:
    """A line of sines that fade: (samples,) int16 and its notes (n, 6) float32, program 0."""
    waveform = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    onset, rows = float(rng.uniform(0, 0.3)), []
    while onset < seconds - 0.1:
        end = min(onset + float(rng.uniform(0.15, 0.6)), seconds)
        pitch = int(rng.integers(48, 84))
        first, last = round(onset * SAMPLE_RATE), round(end * SAMPLE_RATE)
        t = np.arange(last - first) / SAMPLE_RATE
        waveform[first:last] += np.exp(-3 * t) * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * t)
        rows.append((onset, end, pitch, 90, 0, 0))
        onset = end
    return (waveform * 0.3 * 32767).astype(np.int16), np.array(rows, np.float32)
