"""Notes of any engine -> a readable Score: beats, metre, bars, key, parts and voices.

The road, one module a stage: `cleaning` (what was really played, in chords), `metre` (with `features`, `network`,
`rhythm`, `beats`, `metre_choice` and `downbeats`: where each chord stands in which bar), `keys`, `parts` (with
`texture`, `players`, `timbre`, `hands`, `voices` and `quantise`: who plays what, and how long it is written),
`assemble`.
``docs/notes_to_score.md`` tells how well each of them does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from abcscribe.engines.notes_to_score import cleaning
from abcscribe.engines.notes_to_score.assemble import BarSpan, Line, assemble
from abcscribe.engines.notes_to_score.keys import find_key
from abcscribe.engines.notes_to_score.metre import Placed, place
from abcscribe.engines.notes_to_score.parts import parts
from abcscribe.engines.notes_to_score.rhythm import TICKS, bar_ticks
from abcscribe.engines.notes_to_score.voices import Timeline
from abcscribe.score.model import Key, Metre, PlayedNote, Score, Tempo

__all__ = ["Hints", "notes_to_score"]

PICKUP = (
    0.45  # of a bar: music that begins later than this in its first bar is a pickup, else the bar begins with rests
)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user knows; each overrides one decision and the rest is found around it."""

    tempo: float | None = None  # quarter notes in a minute
    metre: Metre | None = None
    key: Key | None = None
    instrument: int | None = None  # General MIDI program; the recording is then written as one part
    downbeat: float | None = None  # seconds: where some bar begins


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rules make of a recording: beats, tempo and players."""

    heard: list[PlayedNote]  # without what is taken for a mistake
    placed: Placed
    spans: list[BarSpan]
    lines: list[Line]
    tempo: Tempo


def read(notes: Sequence[PlayedNote], hints: Hints = Hints()) -> Reading | None:
    """Beats and players, None without notes."""
    heard = cleaning.clean(notes)
    if not heard:
        return None
    groups = cleaning.chords(heard)
    onsets = cleaning.chord_onsets(heard, groups)
    placed = place(heard, groups, onsets, metre=hints.metre, tempo=hints.tempo, downbeat=hints.downbeat)
    spans = _bars(placed)
    lines = parts(Timeline(heard, placed, spans[-1].end), hints.instrument)
    return Reading(heard, placed, spans, lines, _tempo(placed, placed.written.beat, hints.tempo))


def notes_to_score(notes: Sequence[PlayedNote], hints: Hints = Hints(), *, seconds: float | None = None) -> Score:
    """Write what was played as a score; no notes give a score without bars. ``seconds`` is the recording's length."""
    played = tuple(sorted(notes, key=lambda n: (n.onset, n.pitch)))
    reading = read(played, hints)
    if reading is None:
        return Score(performance=played, seconds=seconds)
    return assemble(
        reading.lines,
        reading.spans,
        metre=reading.placed.written,
        key=hints.key or find_key(reading.heard),
        tempo=reading.tempo,
        performance=played,
        seconds=seconds,
    )


def _tempo(placed: Placed, beat: Fraction, hint: float | None) -> Tempo:
    """The metronome mark, in beats of the metre: the median over time, so that many quick notes do not decide."""
    if hint:
        return Tempo(hint / float(beat), beat)
    quarters, seconds = np.diff(placed.ticks) / TICKS, np.diff(placed.onsets)
    quarter = float(np.median(placed.quarter))
    moved = quarters > 0
    if moved.any():
        pace, weight = seconds[moved] / quarters[moved], quarters[moved]
        order = np.argsort(pace)
        middle = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
        quarter = float(pace[order][min(middle, len(order) - 1)])
    return Tempo(round(60 / quarter / float(beat)), beat)


def _bars(placed: Placed) -> list[BarSpan]:
    bar = bar_ticks(placed.metre)
    first, last = int(placed.ticks[0]), int(placed.ticks[-1])
    lines = [line for line in range(0, last + bar + 1, bar) if line > first or line == 0]
    if first >= PICKUP * bar:
        lines[0] = first - first % 3
    seconds = _seconds(placed, lines)
    index = np.searchsorted(placed.ticks, lines)
    return [
        BarSpan(start, end - start, float(at), _confidence(placed.certainty[a:b]))
        for start, end, at, a, b in zip(lines, lines[1:], seconds, index, index[1:], strict=False)
    ]


def _seconds(placed: Placed, ticks: Sequence[int]) -> np.ndarray:
    """When each tick comes: between the chords around it, beyond the ends at the tempo there; never below zero."""
    distinct, first = np.unique(placed.ticks, return_index=True)
    at = np.interp(ticks, distinct, placed.onsets[first])
    wanted = np.asarray(ticks)
    at += np.minimum(wanted - distinct[0], 0) * placed.quarter[0] / TICKS
    at += np.maximum(wanted - distinct[-1], 0) * placed.quarter[-1] / TICKS
    return np.maximum(at, 0.0)


def _confidence(certainty: np.ndarray) -> float | None:
    return round(float(certainty.mean()), 2) if len(certainty) else None
