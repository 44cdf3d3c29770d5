"""Scores -> clips to train the audio tower on: log-frequency frames and the exact notes behind them.

One clip is a function of (seed, split, shard, clip): excerpt -> performance -> sound -> room -> frames. Shards are
independent files, so rendering runs in parallel, stops anywhere and goes on where it stopped.

Reads the note cache of ``corpora.build_cache``. Writes ``DIR/{train,valid}-00000.npz`` and ``DIR/manifest.json``.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from abcscribe import cluster
from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.files import replacing
from abcscribe.score import instruments
from abcscribe.spectrogram import FRAME_RATE, HOP, LOWEST_PITCH, PITCHES, normalise, spectrogram
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis import soundfonts
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.configs import RenderConfig
from abcscribe.synthesis.playing_style import play
from abcscribe.synthesis.singer import sing

CLIP_FRAMES = 640  # 10.24 s
CLIP_SECONDS = CLIP_FRAMES / FRAME_RATE
CLIPS_PER_SHARD = 128  # 22 MB a shard
# Of the notes of a clip. Seconds, MIDI, 1-127, index in FAMILIES, General MIDI, index of the player.
COLUMNS = ("onset", "offset", "pitch", "velocity", "family", "program", "part")
UNKNOWN_FAMILY = 255  # tones that belong to no family, and hits of drums: not a target
UNKNOWN_PROGRAM = 255
# Share of clips that are: nothing but noise; random chords (every pitch, no musical prior); one part alone.
SILENT, RANDOM_NOTES, SOLO = 0.015, 0.08, 0.25
# Share of clips from pieces of one line, of keyboard music and songs, of several lines. Two pieces in three are tunes:
# drawn as they come, with a SOLO of .45, one clip in thirty had four lines, and the first tower missed a quarter of the
# notes of such music.
TEXTURES = {"line": 0.3, "keyboard": 0.35, "ensemble": 0.35}
SUNG = 0.3  # share of singable solo parts given to the singer instead of a soundfont
VOICE = 0.7  # share of the singer's clips that are a voice; the rest are nameless winds and strings
PLAYED = 0.6  # share of clips in which every part of a soundfont has its own font and player
PART_GAIN_DB = (-4.0, 4.0)
LEGATO = 0.8  # of a played note's length: what is left if neighbours that are played into each other must not overlap
GAIN_JITTER_DB = (-8.0, 6.0)  # around the level that inference normalises to


@dataclass(frozen=True, slots=True)
class Clip:
    """``frames`` (640, 264) uint8, 255 = 1.0; ``notes`` (n, 7) float32: `COLUMNS`."""

    frames: np.ndarray
    notes: np.ndarray


def render_clip(rng: np.random.Generator, pieces: dict[str, list[Notes]]) -> Clip:
    """Draw a piece, by texture, perform an excerpt of it and record it."""
    if rng.random() < SILENT:
        return _finish(
            rng, np.zeros(int(CLIP_SECONDS * SAMPLE_RATE), np.float32), np.zeros((0, len(COLUMNS)), np.float32)
        )
    by_chance = rng.random() < RANDOM_NOTES
    notes = random_notes(rng) if by_chance else excerpt(rng, draw(rng, pieces))
    onset, duration, pitch, part = notes
    bpm = playing.draw_tempo(rng, onset, part)
    cents = detuning(rng)
    parts = [part == p for p in np.unique(part)]
    chordal = [is_chordal(onset[p], duration[p]) for p in parts]
    sung = choose_sung(rng, pitch, parts, chordal)
    programs = tuple(playing.choose_program(rng, pitch[p], c) for p, c in zip(parts, chordal, strict=True))
    index = np.searchsorted(np.unique(part), part)
    played = playing.perform(rng, onset, duration, pitch, index, programs, bpm).before(CLIP_SECONDS)
    return _finish(rng, *sound(rng, played, sung, cents))


def draw(rng: np.random.Generator, pieces: dict[str, list[Notes]]) -> Notes:
    """A piece, its texture first, by the shares of TEXTURES."""
    shares = np.array([TEXTURES[texture] for texture in pieces])
    chosen = list(pieces.values())[rng.choice(len(shares), p=shares / shares.sum())]
    return chosen[rng.integers(len(chosen))]


def excerpt(rng: np.random.Generator, piece: Notes, most: int = 8) -> tuple[np.ndarray, ...]:
    """About a clip's worth of notes of some parts, at most ``most``, from a random place, transposed: onset, duration,
    pitch, part."""
    onset, duration, pitch, part = (
        piece.onset.astype(float), piece.duration.astype(float), piece.pitch.astype(int), piece.part.astype(int)
    )  # fmt: skip
    present = np.unique(part)
    count = 1 if rng.random() < SOLO else int(rng.integers(1, present.size + 1))
    chosen = rng.permutation(present)[:count]
    keep = np.isin(part, chosen[:most])
    begin = rng.choice(onset[keep])
    keep &= (onset >= begin) & (onset < begin + 64)
    keep[np.cumsum(keep) > 400] = False
    onset, duration, pitch, part = onset[keep] - begin, duration[keep], pitch[keep], part[keep]
    shift = int(rng.integers(-7, 8))
    top = LOWEST_PITCH + PITCHES - 1
    shift = int(np.clip(shift, LOWEST_PITCH + 3 - pitch.min(), top - 3 - pitch.max()))
    return onset, duration, pitch + shift, part


def random_notes(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Chords of random notes on a loose grid."""
    onsets: list[float] = []
    durations: list[float] = []
    pitches: list[float] = []
    centre, width, most = rng.uniform(36, 96), rng.uniform(3, 18), rng.integers(1, 6)
    position = 0.0
    for _ in range(80):
        size = int(rng.integers(1, most + 1))
        chord = np.unique(np.clip(np.round(rng.normal(centre, width, size)), LOWEST_PITCH + 1, 107))
        onsets.extend([position] * chord.size)
        durations.extend(rng.choice([0.25, 0.5, 1, 2], chord.size))
        pitches.extend(chord)
        position += rng.choice([0.25, 0.5, 1.0])
    return np.array(onsets), np.array(durations), np.array(pitches, int), np.zeros(len(onsets), int)


def detuning(rng: np.random.Generator) -> float:
    """Cents by which all that plays is too high."""
    return float(rng.normal(0, 8)) if rng.random() < 0.7 else float(rng.uniform(-50, 50))


def is_chordal(onset: np.ndarray, duration: np.ndarray) -> bool:
    """Whether notes (n,) of a part sound together now and then."""
    order = np.argsort(onset, kind="stable")
    overlap = (onset + duration)[order][:-1] > onset[order][1:] + 1e-3
    return bool(overlap.mean() > 0.05) if overlap.size else False


def choose_sung(
    rng: np.random.Generator, pitch: np.ndarray, parts: list[np.ndarray], chordal: list[bool]
) -> int | None:
    """Index of the part that the singer takes, or None. In ensembles the singer is rarer."""
    able = [i for i, p in enumerate(parts) if not chordal[i] and pitch[p].min() >= 38 and pitch[p].max() <= 88]
    if not able or rng.random() > (SUNG if len(parts) == 1 else SUNG / 2):
        return None
    return int(rng.choice(able))


def sound(
    rng: np.random.Generator,
    played: playing.Performance,
    sung: int | None,
    cents: float,
    seconds: float = CLIP_SECONDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Waveform and (n, 7) notes; the pedal lengthens the piano's notes."""
    pedal = draw_pedal(rng, seconds)
    families = [_family_index(program) for program in played.programs]
    programs = list(played.programs)
    waveform = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    melody = played.select(played.part == sung)  # nothing if sung is None
    if sung is not None and melody.onset.size:
        voice = bool(rng.random() < VOICE)
        line = sing(rng, melody, seconds, cents, voice)
        waveform += line * np.float32(10 ** (rng.uniform(-6, 6) / 20))
        families[sung] = instruments.FAMILIES.index("voice") if voice else UNKNOWN_FAMILY
        programs[sung] = instruments.FAMILY_PROGRAM["voice"] if voice else UNKNOWN_PROGRAM
    others = played.select(played.part != sung)
    if others.onset.size:
        band = _band(rng, others, seconds, cents, pedal)
        waveform += band * np.float32(0.2 / max(float(np.abs(band).max()), 1e-4))
    offset = np.where(
        np.isin(played.part, [p for p, f in enumerate(families) if f == 0]),
        pedalled(played.onset, played.offset, played.pitch, pedal),
        played.offset,
    )
    columns = (
        played.onset, offset, played.pitch, played.velocity, np.array(families)[played.part],
        np.array(programs)[played.part], played.part,
    )  # fmt: skip
    return waveform, np.stack(columns, axis=1).astype(np.float32)


def _band(
    rng: np.random.Generator, played: playing.Performance, seconds: float, cents: float, pedal: np.ndarray
) -> np.ndarray:
    """The soundfonts' parts: all of one font as they are, or each of its own and played by somebody."""
    fonts = soundfonts.installed_fonts()
    if rng.random() > PLAYED:
        return soundfonts.render(rng, played, seconds, str(rng.choice(fonts)), cents, pedal)
    band = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    for index in np.unique(played.part):
        part = played.select(played.part == index)
        alone = soundfonts.render(rng, part, seconds, str(rng.choice(fonts)), cents, pedal)
        chordal = is_chordal(part.onset, (part.offset - part.onset) * LEGATO)
        blown = soundfonts.is_sustained(played.programs[index]) and not chordal
        band += play(rng, alone, part, blown) * np.float32(10 ** (rng.uniform(*PART_GAIN_DB) / 20))
    return band


def _family_index(program: int) -> int:
    return instruments.FAMILIES.index(instruments.family(program))


def draw_pedal(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """(changes, 2) of (seconds, down): none in most clips, else renewed every half to three seconds."""
    if rng.random() > 0.35:
        return np.zeros((0, 2))
    changes, t, spacing = [], float(rng.uniform(0, 1)), rng.uniform(0.5, 3)
    while t < seconds:
        length = spacing * rng.uniform(0.6, 1.0)
        changes += [(t, 1.0), (t + length, 0.0)]
        t += max(spacing, length + 0.06)
    return np.array(changes)


def pedalled(onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray, pedal: np.ndarray) -> np.ndarray:
    """Offsets as heard: a key released under the pedal sounds until the pedal is lifted or the key struck again."""
    heard = offset.copy()
    for down, up in pedal[:, 0].reshape(-1, 2):
        heard = np.where((heard > down) & (heard < up), up, heard)
    for p in np.unique(pitch):
        same = np.flatnonzero(pitch == p)
        heard[same[:-1]] = np.minimum(heard[same[:-1]], np.maximum(onset[same[1:]], onset[same[:-1]] + 0.02))
    return heard


def _finish(rng: np.random.Generator, waveform: np.ndarray, notes: np.ndarray) -> Clip:
    if not len(notes):
        waveform = rng.standard_normal(waveform.size).astype(np.float32) * np.float32(10 ** rng.uniform(-4, -1))
    recorded = normalise(augment(rng, waveform)) * np.float32(10 ** (rng.uniform(*GAIN_JITTER_DB) / 20))
    frames = spectrogram(recorded[: CLIP_FRAMES * HOP])
    return Clip(np.clip(frames * 255 + 0.5, 0, 255).astype(np.uint8), notes)


@cache
def pieces_of(path: Path, split: str) -> dict[str, list[Notes]]:
    """The pieces of a split by texture."""
    cached = NoteCache(path)
    found: dict[str, list[Notes]] = {}
    for i, piece in enumerate(cached.pieces):
        if piece.split == split and (notes := cached[i].notes).onset.size >= 8:
            found.setdefault(_texture(notes), []).append(notes)
    return found


def _texture(notes: Notes) -> str:
    if notes.staff.max() > 0:
        return "keyboard"
    return "line" if len(notes.program) == 1 else "ensemble"


def _render_shard(task: tuple[RenderConfig, str, int]) -> int:
    config, split, shard = task
    path = config.out / f"{split}-{shard:05d}.npz"
    if path.exists():
        return 0
    pieces = pieces_of(config.cache, split)
    stream = [("train", "valid").index(split), shard]
    clips = [render_clip(np.random.default_rng([config.seed, *stream, i]), pieces) for i in range(CLIPS_PER_SHARD)]
    first = np.cumsum([0] + [len(clip.notes) for clip in clips])
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        frames, notes = np.stack([clip.frames for clip in clips]), np.concatenate([clip.notes for clip in clips])
        np.savez(file, frames=frames, notes=notes, first=first)  # type: ignore[arg-type]
    return CLIPS_PER_SHARD


def render(config: RenderConfig) -> Iterator[tuple[int, int]]:
    """Render the shards that are missing; yields (shards done, shards in all) as they come."""
    config.out.mkdir(parents=True, exist_ok=True)
    tasks = [(config, "valid", i) for i in range(config.valid_shards)]
    tasks += [(config, "train", i) for i in range(config.shards)]
    _write_manifest(config)
    if config.on:
        for done, _ in enumerate(cluster.answers(_render_shard, tasks, config.on), 1):
            yield done, len(tasks)
        return
    # A process of its own for each worker: FluidSynth keeps its fonts and state inside the process.
    with multiprocessing.get_context("spawn").Pool(config.jobs) as pool:
        for done, _ in enumerate(pool.imap_unordered(_render_shard, tasks), 1):
            yield done, len(tasks)


def _write_manifest(config: RenderConfig) -> None:
    cached = NoteCache(config.cache)
    sources: dict[str, dict] = {}
    for piece in cached.pieces:
        entry = sources.setdefault(piece.source, {"licence": piece.licence, "train": 0, "valid": 0, "test": 0})
        entry[piece.split] += 1
    manifest = {
        "config": {key: str(value) for key, value in asdict(config).items()},
        "soundfonts": soundfonts.installed_fonts(),
        "sources": sources,
        "clip_seconds": CLIP_SECONDS,
        "made": time.strftime("%Y-%m-%d"),
    }
    (config.out / "manifest.json").write_text(json.dumps(manifest, indent=1))
