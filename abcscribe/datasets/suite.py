"""Pieces that no training saw -> a suite that ``abcscribe evaluate`` reads: recordings with their scores and notes.

A suite is a function of the note cache and its seed. Its clips are excerpts of 12 to 30 seconds from one to four lines
of a piece, each line on an instrument of its own; the folder of a clip says how many. They come in turn, so that the
first N clips of a suite are a smaller suite of the same kind. A line is a voice of a part; of its chords the top note
is kept (the bottom one in the bass), because what is asked is how many voices at once can be written down.

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
from functools import lru_cache
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
from abcscribe.errors import AbcscribeError, ScoreError
from abcscribe.score import instruments
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.json_format import to_json
from abcscribe.score.model import Bar, Metre, Note, Part, PlayedNote, Score, Staff, Tempo
from abcscribe.score.transpose import transposed

GROUPS = {1: "one", 2: "two", 3: "three", 4: "four"}  # voices -> folder
SECONDS = (12.0, 30.0)  # shortest and longest excerpt
PRESENT = 0.7  # share of an excerpt's bars in which a line must have notes to be played
OPENING = 0.4  # share of excerpts that begin where the piece does, with its pickup
TRANSPOSE = (-5, 6)  # semitones, from the second excerpt of a piece on
TURNS = 20  # excerpts tried of each piece, before a suite is as long as it can be
MILD = (0.8, 1.25)  # pace of any STRETCH relative to the mean: a steady player, or one who breathes
STRETCH = 4.0  # quarters
# Quarters a minute, where a piece has no mark: medians of the marks in the corpora of docs/corpora.md.
QUARTER_BPM = {
    (4, 4): 116, (6, 8): 150, (2, 4): 100, (3, 4): 92, (2, 2): 144, (9, 8): 140, (3, 8): 92, (12, 8): 106,
}  # fmt: skip
BEAT_BPM = 96.0  # beats a minute in other metres
SPREAD = 0.22  # of the logarithm of a tempo drawn from the prior: nine of ten lie within a factor of 1.44
MARKED = 0.06  # the same around a piece's own mark: players differ
BPM_RANGE = (40.0, 220.0)  # of marks that are believed
# Collections whose files give signatures but not whether a piece is in major or minor: 1,573 of 1,575 pieces read as
# major. Their keys are not scored.
MODELESS = ("openscore-lieder", "openscore-string-quartets")
COLUMNS = (
    "audio", "dur_s", "instrument", "n_parts", "gt_level", "score_gt", "aligned_notes_gt", "meter", "key", "tempo",
    "licence", "comment",
)  # fmt: skip


@dataclass(frozen=True)
class SuiteConfig:
    """What ``abcscribe data suite`` makes."""

    cache: Path  # note cache of corpora.build_cache
    out: Path
    clips: int = 320
    seed: int = 1
    samples: Path | None = None  # folder of sampled instruments; None: the soundfonts of training
    split: str = "test"
    source: str = ""  # a collection whose licence keeps it out of training: its pieces instead of a split
    voices: tuple[int, ...] = tuple(GROUPS)


@dataclass(frozen=True, slots=True)
class Named:
    """A suite with a name, for ``abcscribe evaluate --suite NAME``."""

    summary: str
    split: str = "test"
    source: str = ""
    voices: tuple[int, ...] = tuple(GROUPS)
    sampled: bool = False  # on instruments that training never hears


NAMED = {
    "rendered": Named("pieces of the test split on the soundfonts of training"),
    "unseen-timbres": Named("pieces of the test split on sampled instruments that training never hears", sampled=True),
    "rendered-valid": Named("pieces of the valid split, for choosing and fitting", split="valid"),
    "folk": Named("folk songs of the Essen collection, each another", source="music21/essenFolksong", voices=(1,)),
}


def made(
    name: str, cache: Path, home: Path, samples: Path, clips: int = 320, seed: int = 1
) -> Iterator[tuple[int, int]]:
    """Make the named suite ``home / name`` unless it is there; yields (clips done, clips in all)."""
    out, named = home / name, NAMED[name]
    if (out / "manifest.csv").exists():
        return
    if not cache.exists():
        raise AbcscribeError(f"The suite {name} is made from {cache}, which is not there: run abcscribe data scores.")
    folder = samples if named.sampled else None
    yield from make_suite(SuiteConfig(cache, out, clips, seed, folder, named.split, named.source, named.voices))


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
    unfinished.replace(config.out)  # an empty folder is in nobody's way


def _pieces(config: SuiteConfig) -> list[Piece]:
    """Those of the split, or of a collection that is left out for its licence; never one of the benchmark's."""
    cache = NoteCache(config.cache)
    if config.source:
        return [p for p in cache.left_out if p.source == config.source and p.left_out.startswith("licence")]
    return [piece for piece in cache.pieces if piece.split == config.split]


def _in_turn(streams: list[Iterator[dict[str, object]]]) -> Iterator[dict[str, object]]:
    """One of each stream, again and again, until one has no more."""
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
    """Draw, perform and record one clip; None if the piece has no such excerpt, or nobody can play it."""
    lines = _of_lines(piece)
    bpm = _tempo(rng, lines) if lines else 0.0
    score = _excerpt(rng, lines, bpm, voices) if lines else None
    if score is None:
        return None
    score = transposed(score, int(rng.integers(*TRANSPOSE, endpoint=True)) if turn else 0)
    folders = sampler.instruments_in(config.samples) if config.samples else None
    programs = _programs(rng, score, folders)
    if programs is None:
        return None
    score = _played_by(score, programs)
    played = _perform(rng, score, programs, _playable(score, bpm))
    seconds = float(played.offset.max()) + 1.0
    if folders:
        waveform = sampler.render(played, folders, seconds)
    else:
        font = str(rng.choice(soundfonts.installed_fonts()))
        waveform = soundfonts.render(rng, played, seconds, font, 0.0, np.zeros((0, 2)))
    waveform = augment(rng, waveform)
    return _write(config.out, stem, _aligned(score, played, waveform.size / SAMPLE_RATE), waveform, piece)


@lru_cache(maxsize=1024)
def _of_lines(piece: Piece) -> Score | None:
    """The piece as it is played, a part for each line; None if it cannot be read."""
    try:
        score = load(piece).unfolded()
    except ScoreError:
        return None
    if piece.source in MODELESS:
        bars = (dataclasses.replace(bar, key=dataclasses.replace(bar.key, mode="none")) for bar in score.bars)
        score = dataclasses.replace(score, bars=tuple(bars))
    lines = [
        Part(tuple(_one_at_a_time(notes, part, voice) for notes in score.voice_bars(part, voice)))
        for part in score.parts
        if part.program != PERCUSSION
        for voice in part.voices
    ]
    return _joined(dataclasses.replace(score, parts=tuple(line for line in lines if any(line.bars))))


def _one_at_a_time(notes: tuple[Note, ...], part: Part, voice: int) -> tuple[Note, ...]:
    """The top notes of a voice, the bottom notes if it is written in the bass; as voice 1, without grace notes."""
    bass = any(staff.clef.startswith("bass") and voice in staff.voices for staff in part.staves)
    kept: list[Note] = []
    for _, chord in itertools.groupby(sorted(notes, key=lambda n: n.start), key=lambda n: n.start):
        note = (min if bass else max)(chord, key=lambda n: n.pitch.midi)
        if not kept or note.start >= kept[-1].end:
            kept.append(dataclasses.replace(note, voice=1, grace=()))
    return tuple(kept)


def _joined(score: Score) -> Score:
    """The score with the two halves of a bar made one where a repeat cut it."""
    bars: list[Bar] = []
    parts: list[list[tuple[Note, ...]]] = [[] for _ in score.parts]
    for index, bar in enumerate(score.bars):
        before = bars[-1] if index > 1 else None
        if before and before.metre and before.metre == bar.metre and before.length + bar.length == bar.metre.length:
            for line, part in zip(parts, score.parts, strict=True):
                later = [dataclasses.replace(n, start=n.start + before.length) for n in part.bars[index]]
                line[-1] = (*line[-1], *later)
            bars[-1] = dataclasses.replace(before, length=bar.metre.length)
        else:
            bars.append(bar)
            for line, part in zip(parts, score.parts, strict=True):
                line.append(part.bars[index])
    joined = [dataclasses.replace(part, bars=tuple(line)) for part, line in zip(score.parts, parts, strict=True)]
    return dataclasses.replace(score, bars=tuple(bars), parts=tuple(joined))


def _tempo(rng: np.random.Generator, score: Score) -> float:
    """Quarters a minute: around the piece's own mark, else around what is usual in its metre."""
    if not score.bars:
        return BEAT_BPM
    mark, metre = score.bars[0].tempo, score.bars[0].metre or Metre()
    if mark and BPM_RANGE[0] <= mark.quarter_bpm <= BPM_RANGE[1]:
        return float(mark.quarter_bpm * np.exp(rng.normal(0, MARKED)))
    usual = QUARTER_BPM.get((metre.beats, metre.unit), BEAT_BPM * float(metre.beat))
    return float(np.clip(usual * np.exp(rng.normal(0, SPREAD)), *BPM_RANGE))


def _excerpt(rng: np.random.Generator, score: Score, bpm: float, voices: int) -> Score | None:
    """Whole bars of one metre from a bar line on, and so many lines that have notes in most of them."""
    starts = [float(start) * 60 / bpm for start in score.bar_starts()]
    last = len(score.bars) - int(np.searchsorted(np.cumsum(np.diff(starts)[::-1]), SECONDS[0]))
    if last <= 0:
        return None
    first = 0 if rng.random() < OPENING else int(rng.integers(last))
    wanted, longest = starts[first] + rng.uniform(*SECONDS), starts[first] + SECONDS[1]
    end = first + 1
    while end < len(score.bars) and starts[end] < wanted and starts[end + 1] < longest:
        end += 1
    if starts[end] - starts[first] < SECONDS[0] or not _adds_up(score.bars, first, end):
        return None
    lines = [_cut(part, first, end) for part in score.parts]
    lines = [line for line in lines if sum(map(bool, line.bars)) >= PRESENT * (end - first)]
    if len(lines) < voices:
        return None
    chosen = sorted(rng.choice(len(lines), voices, replace=False))
    bars = tuple(dataclasses.replace(b, repeat_start=False, repeat_end=False, ending="") for b in score.bars[first:end])
    return Score(bars, tuple(lines[i] for i in chosen), score.title, score.composer)


def _adds_up(bars: tuple[Bar, ...], first: int, end: int) -> bool:
    """One metre, and all bars full but for the pickup and the end of the piece."""
    metre = bars[first].metre
    if metre is None or any(bar.metre != metre for bar in bars[first:end]):
        return False
    may_be_short = {0, len(bars) - 1}
    return all(
        bars[i].length == metre.length or (i in may_be_short and bars[i].length < metre.length)
        for i in range(first, end)
    )


def _cut(part: Part, first: int, end: int) -> Part:
    """Some bars of a line; its last note is not tied to what no longer follows. The clef suits its notes."""
    bars = [list(notes) for notes in part.bars[first:end]]
    if bars[-1]:
        bars[-1][-1] = dataclasses.replace(bars[-1][-1], tie=False)
    pitches = [note.pitch.midi for notes in bars for note in notes] or [60]
    staff = Staff("treble" if np.mean(pitches) >= 57 else "bass")
    return Part(tuple(map(tuple, bars)), staves=(staff,))


def _programs(rng: np.random.Generator, score: Score, folders: dict[int, Path] | None) -> list[int] | None:
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


def _playable(score: Score, bpm: float) -> float:
    """The tempo, changed as far as it must be for the busiest line to be playable and not asleep."""
    onsets = [
        np.unique([float(n.onset) for n in score.sounding_notes() if n.part == p]) for p in range(len(score.parts))
    ]
    quarters = min((float(np.median(np.diff(line))) for line in onsets if line.size > 1), default=1.0)
    slowest, fastest = (60 * quarters / seconds for seconds in playing.MEDIAN_IOI[::-1])
    return float(np.clip(bpm, slowest, fastest))


def _perform(rng: np.random.Generator, score: Score, programs: list[int], bpm: float) -> playing.Performance:
    """A performance that is not freer than MILD: of the ways in which training is played, the calmer ones."""
    notes = score.sounding_notes()
    columns = np.array([(float(n.onset), float(n.duration), n.pitch, n.part) for n in notes])
    onset, duration = columns[:, 0], columns[:, 1]
    pitch, part = columns[:, 2].astype(int), columns[:, 3].astype(int)
    while True:
        played = playing.perform(rng, onset, duration, pitch, part, tuple(programs), bpm)
        if _is_mild(onset, played):
            return played


def _is_mild(onset: np.ndarray, played: playing.Performance) -> bool:
    quarters, seconds = _clock(onset, played)
    grid = np.arange(quarters[0], quarters[-1] - STRETCH, 1.0)
    if not grid.size:
        return True
    pace = np.interp(grid + STRETCH, quarters, seconds) - np.interp(grid, quarters, seconds)
    return bool(np.all((pace > MILD[0] * pace.mean()) & (pace < MILD[1] * pace.mean())))


def _clock(onset: np.ndarray, played: playing.Performance) -> tuple[np.ndarray, np.ndarray]:
    """Each distinct onset in quarters, and in seconds: the mean of the notes that were meant to begin together."""
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
