"""A piece -> an excerpt of a few of its lines, at a tempo: the score of a clip of a test suite.

A line is a voice of a part; of its chords the top note is kept (the bottom one in the bass). An excerpt is whole bars
of one metre, from a bar line on or from the beginning of the piece with its pickup.
"""

from __future__ import annotations

import dataclasses
import itertools
from functools import lru_cache

import numpy as np

from abcscribe.corpora.collections import load
from abcscribe.corpora.manifest import Piece
from abcscribe.errors import ScoreError
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Metre, Note, Part, Score, Staff
from abcscribe.synthesis import performance as playing

SECONDS = (12.0, 30.0)  # shortest and longest excerpt
PRESENT = 0.7  # share of an excerpt's bars in which a line must have notes
OPENING = 0.4  # share of excerpts that begin where the piece does, with its pickup
# Quarters a minute, where a piece has no mark: medians of the marks in the corpora of docs/corpora.md.
QUARTER_BPM = {
    (4, 4): 116, (6, 8): 150, (2, 4): 100, (3, 4): 92, (2, 2): 144, (9, 8): 140, (3, 8): 92, (12, 8): 106,
}  # fmt: skip
BEAT_BPM = 96.0  # beats a minute in other metres
SPREAD = 0.22  # of the logarithm of a tempo drawn from the prior: nine of ten lie within a factor of 1.44
MARKED = 0.06  # the same around a piece's own mark: players differ
BPM_RANGE = (40.0, 220.0)  # of tempo marks that are used; others are mistakes of the file
# Collections whose files have signatures without major or minor: 1,573 of 1,575 pieces are read as major. Their keys
# are not scored.
MODELESS = ("openscore-lieder", "openscore-string-quartets")


@lru_cache(maxsize=1024)
def of_lines(piece: Piece) -> Score | None:
    """The piece as it is played, a part for each line; None if it cannot be read."""
    try:
        score = load(piece).unfolded()
    except ScoreError:
        return None
    if piece.source in MODELESS:
        bars = (dataclasses.replace(bar, key=dataclasses.replace(bar.key, mode="none")) for bar in score.bars)
        score = dataclasses.replace(score, bars=tuple(bars))
    lines = [
        _with_true_ties([_one_at_a_time(notes, part, voice) for notes in score.voice_bars(part, voice)])
        for part in score.parts
        if part.program != PERCUSSION
        for voice in part.voices
    ]
    return _joined(dataclasses.replace(score, parts=tuple(line for line in lines if any(line.bars))))


def _one_at_a_time(notes: tuple[Note, ...], part: Part, voice: int) -> list[Note]:
    """The top notes of a voice, the bottom notes if it is written in the bass; as voice 1, without grace notes."""
    bass = any(staff.clef.startswith("bass") and voice in staff.voices for staff in part.staves)
    kept: list[Note] = []
    for _, chord in itertools.groupby(sorted(notes, key=lambda n: n.start), key=lambda n: n.start):
        note = (min if bass else max)(chord, key=lambda n: n.pitch.midi)
        if not kept or note.start >= kept[-1].end:
            kept.append(dataclasses.replace(note, voice=1, grace=()))
    return kept


def _with_true_ties(bars: list[list[Note]]) -> Part:
    """The line, without ties to notes of a chord that were not kept."""
    following: Note | None = None
    for bar in reversed(bars):
        for index in range(len(bar) - 1, -1, -1):
            if bar[index].tie and (following is None or following.pitch != bar[index].pitch):
                bar[index] = dataclasses.replace(bar[index], tie=False)
            following = bar[index]
    return Part(tuple(map(tuple, bars)))


def _joined(score: Score) -> Score:
    """The score with the two halves of a bar joined where a repeat sign splits it."""
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


def tempo(rng: np.random.Generator, score: Score) -> float:
    """Draw quarters a minute: around the piece's own mark, else around the usual tempo of its metre."""
    if not score.bars:
        return BEAT_BPM
    mark, metre = score.bars[0].tempo, score.bars[0].metre or Metre()
    if mark and BPM_RANGE[0] <= mark.quarter_bpm <= BPM_RANGE[1]:
        return float(mark.quarter_bpm * np.exp(rng.normal(0, MARKED)))
    usual = QUARTER_BPM.get((metre.beats, metre.unit), BEAT_BPM * float(metre.beat))
    return float(np.clip(usual * np.exp(rng.normal(0, SPREAD)), *BPM_RANGE))


def excerpt(rng: np.random.Generator, score: Score, bpm: float, voices: int) -> Score | None:
    """Draw whole bars of one metre from a bar line on, and lines that have notes in most of them.

    Args:
        rng: random generator.
        score: of lines (`of_lines`).
        bpm: quarters a minute.
        voices: number of lines.

    Returns:
        The excerpt of SECONDS, or None if the drawn place is unsuitable.
    """
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
    """Some bars of a line, without a tie beyond its end; the clef is that of its range."""
    bars = [list(notes) for notes in part.bars[first:end]]
    if bars[-1]:
        bars[-1][-1] = dataclasses.replace(bars[-1][-1], tie=False)
    pitches = [note.pitch.midi for notes in bars for note in notes] or [60]
    staff = Staff("treble" if np.mean(pitches) >= 57 else "bass")
    return Part(tuple(map(tuple, bars)), staves=(staff,))


def playable(score: Score, bpm: float) -> float:
    """The tempo, clipped so that the busiest line's median inter-onset interval is within MEDIAN_IOI."""
    onsets = [
        np.unique([float(n.onset) for n in score.sounding_notes() if n.part == p]) for p in range(len(score.parts))
    ]
    quarters = min((float(np.median(np.diff(line))) for line in onsets if line.size > 1), default=1.0)
    slowest, fastest = (60 * quarters / seconds for seconds in playing.MEDIAN_IOI[::-1])
    return float(np.clip(bpm, slowest, fastest))
