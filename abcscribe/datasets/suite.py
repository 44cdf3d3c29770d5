"""Pieces of the test split -> a suite that ``abcscribe evaluate`` reads: recordings with score and notes.

A suite is a function of its seed. Pieces are never in training (the split keeps variants of a melody together); with
sampled instruments the sounds are not either.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from abcscribe.audio import SAMPLE_RATE
from abcscribe.datasets import performance as playing
from abcscribe.datasets import sampler, soundfonts
from abcscribe.datasets.augment import augment
from abcscribe.datasets.corpora import load
from abcscribe.datasets.manifest import Piece
from abcscribe.datasets.note_cache import NoteCache
from abcscribe.score import instruments
from abcscribe.score.model import Score
from abcscribe.score.writers import write_score

SECONDS = (18.0, 30.0)  # shortest and longest excerpt
QUARTER_BPM = (60.0, 140.0)  # what most music is played at
COLUMNS = (
    "audio", "dur_s", "instrument", "n_parts", "gt_level", "score_gt", "aligned_notes_gt", "meter", "key", "tempo",
    "licence", "comment",
)  # fmt: skip


@dataclass(frozen=True)
class SuiteConfig:
    """What ``abcscribe data suite`` makes."""

    cache: Path  # note cache of corpora.build_cache
    out: Path
    clips: int = 30
    seed: int = 1
    samples: Path | None = None  # folder of sampled instruments; None: the soundfonts of training


def make_suite(config: SuiteConfig) -> Iterator[tuple[int, int]]:
    """Write the suite; yields (clips done, clips in all). Pieces that no instrument can play are passed over."""
    pieces = [piece for piece in NoteCache(config.cache).pieces if piece.split == "test"]
    order = np.random.default_rng([config.seed, 0]).permutation(len(pieces))
    config.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, object]] = []
    for number in order:
        row = _clip(np.random.default_rng([config.seed, 1, int(number)]), pieces[number], config, len(rows))
        if row:
            rows.append(row)
            yield len(rows), config.clips
        if len(rows) == config.clips:
            break
    with (config.out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _clip(rng: np.random.Generator, piece: Piece, config: SuiteConfig, number: int) -> dict[str, object] | None:
    bpm = float(rng.uniform(*QUARTER_BPM))
    score = _opening(load(piece), bpm)
    folders = sampler.instruments_in(config.samples) if config.samples else None
    programs = _programs(rng, score, folders) if score else None
    if score is None or programs is None:
        return None
    score = _played_by(score, programs)
    played = _perform(rng, score, programs, bpm)
    seconds = float(played.offset.max()) + 1.0
    if folders:
        waveform = sampler.render(played, folders, seconds)
    else:
        font = str(rng.choice(soundfonts.installed_fonts()))
        waveform = soundfonts.render(rng, played, seconds, font, 0.0, np.zeros((0, 2)))
    stem = f"{'unseen' if folders else 'seen'}/{number:03d}"
    return _write(config.out, stem, score, played, augment(rng, waveform), piece, bpm)


def _opening(score: Score, bpm: float) -> Score | None:
    """The first bars, about SECONDS long; None if the piece is too short or a bar breaks the metre."""
    starts = [float(start) * 60 / bpm for start in score.bar_starts()]
    last = max((i for i, start in enumerate(starts) if start <= SECONDS[1]), default=0)
    if last == 0 or starts[last] < SECONDS[0] or len({bar.metre for bar in score.bars[:last]}) != 1:
        return None
    bars = tuple(dataclasses.replace(bar, repeat_start=False, repeat_end=False, ending="") for bar in score.bars[:last])
    parts = tuple(dataclasses.replace(part, bars=part.bars[:last]) for part in score.parts)
    parts = tuple(part for part in parts if any(part.bars))
    return dataclasses.replace(score, bars=bars, parts=parts) if parts else None


def _programs(rng: np.random.Generator, score: Score, folders: dict[int, Path] | None) -> list[int] | None:
    """An instrument for each part that can play all its notes."""
    chosen = []
    for part in score.parts:
        pitches = np.array([note.pitch.midi for bar in part.bars for note in bar])
        chordal = len(part.voices) > 1
        if folders is None:
            chosen.append(playing.choose_program(rng, pitches, chordal))
            continue
        able = [p for p, folder in folders.items() if _reaches(folder, pitches)]
        able = [p for p in able if not chordal or instruments.family(p) in playing.CHORDAL]
        if not able:
            return None
        chosen.append(int(rng.choice(able)))
    return chosen


def _reaches(folder: Path, pitches: np.ndarray) -> bool:
    low, high = sampler.playable(folder)
    return bool(low <= pitches.min() and pitches.max() <= high)


def _played_by(score: Score, programs: list[int]) -> Score:
    parts = zip(score.parts, programs, strict=True)
    named = (dataclasses.replace(part, program=p, name=instruments.name(p)) for part, p in parts)
    return dataclasses.replace(score, parts=tuple(named))


def _perform(rng: np.random.Generator, score: Score, programs: list[int], bpm: float) -> playing.Performance:
    notes = score.sounding_notes()
    columns = np.array([(float(n.onset), float(n.duration), n.pitch, n.part) for n in notes])
    onset, duration = columns[:, 0], columns[:, 1]
    pitch, part = columns[:, 2].astype(int), columns[:, 3].astype(int)
    return playing.perform(rng, onset, duration, pitch, part, tuple(programs), bpm)


def _write(
    out: Path, stem: str, score: Score, played: playing.Performance, waveform: np.ndarray, piece: Piece, bpm: float
) -> dict[str, object]:
    (out / stem).parent.mkdir(parents=True, exist_ok=True)
    peak = max(float(np.abs(waveform).max()), 1e-6)
    soundfile.write(out / f"{stem}.flac", waveform / max(peak, 1.0), SAMPLE_RATE)
    write_score(score, out / f"{stem}.musicxml")
    lines = ["onset_s\toffset_s\tmidi"]
    for onset, offset, pitch in zip(played.onset, played.offset, played.pitch, strict=True):
        lines.append(f"{onset:.4f}\t{offset:.4f}\t{pitch}")
    (out / f"{stem}.notes.tsv").write_text("\n".join(lines) + "\n")
    metre, key = score.bars[0].metre, score.bars[0].key
    return {
        "audio": f"{stem}.flac", "dur_s": f"{waveform.size / SAMPLE_RATE:.2f}",
        "instrument": "+".join(part.name.lower() for part in score.parts), "n_parts": len(score.parts),
        "gt_level": "A", "score_gt": f"{stem}.musicxml", "aligned_notes_gt": f"{stem}.notes.tsv",
        "meter": str(metre or ""), "key": "" if key.mode == "none" else str(key), "tempo": f"{bpm:.1f}",
        "licence": piece.licence, "comment": piece.id,
    }  # fmt: skip
