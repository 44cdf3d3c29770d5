"""Pieces outside the training data -> a suite for ``abcscribe evaluate``: recordings with their scores and notes.

A suite is a function of the note cache and its seed. Its clips are excerpts of 12 to 30 seconds from one to four lines
of a piece, each line on an instrument of its own; the folder of a clip names their number. They alternate, so that the
first N clips of a suite are a smaller suite of the same kind. ``excerpts`` defines lines and excerpts.

The ground truth of a clip is one file, a score in the project's JSON: bars with their times in the recording, metre,
key, tempo as played, instruments, and the notes as played.
"""

from __future__ import annotations

import csv
import dataclasses
import itertools
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.score import instruments
from abcscribe.score.json_format import to_json
from abcscribe.score.model import PlayedNote, Score, Tempo
from abcscribe.score.transpose import transposed
from abcscribe.synthesis import excerpts, sampler, soundfonts
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.configs import GROUPS, SuiteConfig

if TYPE_CHECKING:
    from abcscribe.synthesis.batch_renderer import BatchRenderer
    from abcscribe.synthesis.sound_bank import SoundBank

TRANSPOSE = (-5, 6)  # semitones, from the second excerpt of a piece on
TURNS = 20  # excerpts tried of each piece, before a suite is as long as it can be
MILD = (0.8, 1.25)  # tempo of any STRETCH relative to the mean: steady, or with moderate rubato
STRETCH = 4.0  # quarters
LONGEST = (
    48.0  # seconds of a clip on recorded notes: an excerpt of excerpts.SECONDS, played at its slowest, and its end
)
COLUMNS = (
    "audio", "dur_s", "instrument", "n_parts", "gt_level", "score_gt", "aligned_notes_gt", "meter", "key", "tempo",
    "licence", "comment",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """A suite with a name, for ``abcscribe evaluate --suite NAME``."""

    summary: str
    split: str = "test"
    source: str = ""
    voices: tuple[int, ...] = tuple(GROUPS)
    sampled: bool = False  # on instruments outside the training data
    recorded: bool = False  # on the recorded notes of a bank that are marked valid


NAMED = {
    "rendered": Named("pieces of the test split on the soundfonts of training"),
    "unseen-timbres": Named("pieces of the test split on sampled instruments that training never hears", sampled=True),
    "valid-sounds": Named("pieces of the test split on recorded notes that are held out, in rooms", recorded=True),
    "rendered-valid": Named("pieces of the valid split, for choosing and fitting", split="valid"),
    "folk": Named("folk songs of the Essen collection, each another", source="music21/essenFolksong", voices=(1,)),
}


def made(
    name: str, cache: Path, home: Path, samples: Path, clips: int = 320, seed: int = 1,
    sounds: Path = Path("data/sounds.npz"),
) -> Iterator[tuple[int, int]]:  # fmt: skip
    """Make the named suite ``home / name`` unless it exists.

    Args:
        name: of NAMED.
        cache: note cache of ``abcscribe data scores``.
        home: folder of the suites.
        samples: folder of the sampled instruments.
        clips: number of clips.
        seed: of the suite.
        sounds: bank of recorded notes.

    Yields:
        (clips done, clips in all).

    Raises:
        AbcscribeError: there is no note cache.
    """
    out, named = home / name, NAMED[name]
    if (out / "manifest.csv").exists():
        return
    if not cache.exists():
        raise AbcscribeError(f"The suite {name} is made from {cache}, which is not there: run abcscribe data scores.")
    folder, bank = samples if named.sampled else None, sounds if named.recorded else None
    yield from make_suite(SuiteConfig(cache, out, clips, seed, folder, bank, named.split, named.source, named.voices))


def make_suite(config: SuiteConfig) -> Iterator[tuple[int, int]]:
    """Write the suite, which appears once it is complete; yields (clips done, clips in all)."""
    if config.out.exists() and any(config.out.iterdir()):
        raise AbcscribeError(f"{config.out} is not empty: name a new folder for the suite.")
    pieces = _pieces(config)
    unfinished = config.out.with_name(config.out.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    streams = [_clips(dataclasses.replace(config, out=unfinished), pieces, voices) for voices in config.voices]
    rows: list[dict[str, object]] = []
    for row in itertools.islice(_in_turn(streams), config.clips):
        rows.append(row)
        yield len(rows), config.clips
    if not rows:
        raise AbcscribeError(f"{config.cache} has no piece that such a suite could be made of.")
    with (unfinished / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    unfinished.replace(config.out)  # an empty folder may be replaced


def _pieces(config: SuiteConfig) -> list[Piece]:
    """The pieces of the split, or of a collection that training leaves out for its licence; none of the benchmark."""
    cache = NoteCache(config.cache)
    if config.source:
        return [p for p in cache.left_out if p.source == config.source and p.left_out.startswith("licence")]
    return [piece for piece in cache.pieces if piece.split == config.split]


def _in_turn(streams: list[Iterator[dict[str, object]]]) -> Iterator[dict[str, object]]:
    """Alternate between the streams until one ends."""
    for rows in zip(*streams, strict=False):
        yield from rows


def _clips(config: SuiteConfig, pieces: list[Piece], voices: int) -> Iterator[dict[str, object]]:
    """Clips of so many voices: one of each piece that has them, then another of each."""
    count = 0
    for turn in range(TURNS):
        for number in np.random.default_rng([config.seed, voices, turn]).permutation(len(pieces)):
            rng = np.random.default_rng([config.seed, voices, turn, int(number)])
            row = _clip(rng, pieces[number], config, voices, turn, f"{GROUPS[voices]}/{count:03d}")
            if row:
                count += 1
                yield row


def _clip(
    rng: np.random.Generator, piece: Piece, config: SuiteConfig, voices: int, turn: int, stem: str
) -> dict[str, object] | None:
    """Draw, perform and record one clip; None if the piece has no such excerpt, or no instrument has its range."""
    lines = excerpts.of_lines(piece)
    bpm = excerpts.tempo(rng, lines) if lines else 0.0
    score = excerpts.excerpt(rng, lines, bpm, voices) if lines else None
    if score is None:
        return None
    score = transposed(score, int(rng.integers(*TRANSPOSE, endpoint=True)) if turn else 0)
    recorded = _on_recorded_notes if config.sounds else _on_sampled_instruments
    made = recorded(rng, score, config, excerpts.playable(score, bpm))
    if made is None:
        return None
    score, played, waveform = made
    return _write(config.out, stem, _aligned(score, played, waveform.size / SAMPLE_RATE), waveform, piece)


Made = tuple[Score, playing.Performance, np.ndarray]  # a score with its instruments, as played, as recorded


def _on_sampled_instruments(rng: np.random.Generator, score: Score, config: SuiteConfig, bpm: float) -> Made | None:
    """Played by samples or soundfonts; None if no instrument can play a line."""
    folders = sampler.instruments_in(config.samples) if config.samples else None
    programs = choose_programs(rng, score, folders)
    if programs is None:
        return None
    score = _played_by(score, programs)
    played = perform_mildly(rng, score, programs, bpm)
    seconds = float(played.offset.max()) + 1.0
    if folders:
        waveform = sampler.render(played, folders, seconds)
    else:
        font = str(rng.choice(soundfonts.installed_fonts()))
        waveform = soundfonts.render(rng, played, seconds, font, 0.0, np.zeros((0, 2)))
    return score, played, augment(rng, waveform)


def _on_recorded_notes(rng: np.random.Generator, score: Score, config: SuiteConfig, bpm: float) -> Made | None:
    """Held-out instruments of a bank, different ones for the lines as far as there are; None if a line has none."""
    from abcscribe.synthesis.batch_renderer import collated
    from abcscribe.synthesis.clip_plans import plan_of
    from abcscribe.synthesis.recorded_notes import choose_instrument

    assert config.sounds is not None
    bank, renderer = _bank_and_renderer(config.sounds)
    chosen: list[int] = []
    for part in score.parts:
        pitches = np.array([note.pitch.midi for bar in part.bars for note in bar])
        left = np.setdiff1d(bank.of_split("valid"), chosen)
        able = left[bank.reach[left][:, pitches].all(axis=1)]
        index = choose_instrument(rng, bank, able, pitches, chordal=False) if able.size else None
        if index is None:
            return None
        chosen.append(index)
    programs = [bank.instruments[index].program for index in chosen]
    score = _played_by(score, programs)
    played = perform_mildly(rng, score, programs, bpm)
    samples = min(int((float(played.offset.max()) + 1.0) * SAMPLE_RATE), renderer.samples)
    batch = collated([plan_of(rng, bank, chosen, played)], int(rng.integers(1 << 31)))
    return score, played, renderer.waveforms(batch)[0, :samples].numpy()


@cache
def _bank_and_renderer(path: Path) -> tuple[SoundBank, BatchRenderer]:
    from abcscribe.synthesis.batch_renderer import BatchRenderer
    from abcscribe.synthesis.sound_bank import load_bank

    bank = load_bank(path)
    return bank, BatchRenderer(bank, samples=int(LONGEST * SAMPLE_RATE))


def choose_programs(rng: np.random.Generator, score: Score, folders: dict[int, Path] | None) -> list[int] | None:
    """An instrument for each line that can play all its notes."""
    chosen = []
    for part in score.parts:
        pitches = np.array([note.pitch.midi for bar in part.bars for note in bar])
        if folders is None:
            chosen.append(playing.choose_program(rng, pitches, chordal=False))
            continue
        able = [program for program, folder in folders.items() if _reaches(folder, pitches)]
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


def perform_mildly(rng: np.random.Generator, score: Score, programs: list[int], bpm: float) -> playing.Performance:
    """A performance whose tempo stays within MILD, drawn from those of training by rejection."""
    notes = score.sounding_notes()
    columns = np.array([(float(n.onset), float(n.duration), n.pitch, n.part) for n in notes])
    onset, duration = columns[:, 0], columns[:, 1]
    pitch, part = columns[:, 2].astype(int), columns[:, 3].astype(int)
    while True:
        played = playing.perform(rng, onset, duration, pitch, part, tuple(programs), bpm)
        if is_mild(onset, played):
            return played


def is_mild(onset: np.ndarray, played: playing.Performance) -> bool:
    """Whether the tempo of notes at ``onset`` quarters stays within MILD."""
    quarters, seconds = _clock(onset, played)
    grid = np.arange(quarters[0], quarters[-1] - STRETCH, 1.0)
    if not grid.size:
        return True
    pace = np.interp(grid + STRETCH, quarters, seconds) - np.interp(grid, quarters, seconds)
    return bool(np.all((pace > MILD[0] * pace.mean()) & (pace < MILD[1] * pace.mean())))


def _clock(onset: np.ndarray, played: playing.Performance) -> tuple[np.ndarray, np.ndarray]:
    """Each distinct onset in quarters, and in seconds the mean over its notes."""
    quarters, index = np.unique(onset[played.note], return_inverse=True)
    return quarters, np.bincount(index, played.onset) / np.bincount(index)


def _aligned(score: Score, played: playing.Performance, seconds: float) -> Score:
    """The score with the times of its bars, the tempo that was played and the notes as they were played."""
    onset = np.array([float(note.onset) for note in score.sounding_notes()])
    quarters, at = _clock(onset, played)
    pace = (at[-1] - at[0]) / (quarters[-1] - quarters[0])  # seconds a quarter
    metre = score.bars[0].metre
    beat = metre.beat if metre else Fraction(1)
    tempo = Tempo(round(60 / pace / float(beat), 1), beat)
    lines = np.array([float(start) for start in score.bar_starts()[:-1]])
    begins = np.interp(lines, quarters, at) + np.minimum(lines - quarters[0], 0) * pace
    begins += np.maximum(lines - quarters[-1], 0) * pace
    bars = (
        dataclasses.replace(bar, tempo=tempo, seconds=round(max(0.0, float(begin)), 4))
        for bar, begin in zip(score.bars, begins, strict=True)
    )
    families = [instruments.family(program) for program in played.programs]
    columns = zip(played.onset, played.offset, played.pitch, played.velocity, played.part, strict=True)
    notes = tuple(
        PlayedNote(round(float(on), 4), round(float(off), 4), int(pitch), int(velocity), families[int(part)])
        for on, off, pitch, velocity, part in columns
    )
    return dataclasses.replace(score, bars=tuple(bars), performance=notes, seconds=seconds)


def _write(out: Path, stem: str, score: Score, waveform: np.ndarray, piece: Piece) -> dict[str, object]:
    (out / stem).parent.mkdir(parents=True, exist_ok=True)
    peak = max(float(np.abs(waveform).max()), 1e-6)
    soundfile.write(out / f"{stem}.flac", waveform / max(peak, 1.0), SAMPLE_RATE)
    (out / f"{stem}.json").write_text(to_json(score), encoding="utf-8")
    first = score.bars[0]
    return {
        "audio": f"{stem}.flac", "dur_s": f"{waveform.size / SAMPLE_RATE:.2f}",
        "instrument": "+".join(part.name.lower() for part in score.parts), "n_parts": len(score.parts),
        "gt_level": "A", "score_gt": f"{stem}.json", "aligned_notes_gt": "same",
        "meter": str(first.metre or ""), "key": "" if first.key.mode == "none" else str(first.key),
        "tempo": f"{first.tempo.quarter_bpm:.1f}" if first.tempo else "", "licence": piece.licence,
        "comment": piece.id,
    }  # fmt: skip
