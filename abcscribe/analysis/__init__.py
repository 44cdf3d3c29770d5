"""Notes of any engine -> `Analysis`: beats, metre, bars, key, players, hands and voices.

The stages, one module each: `cleaning` (notes without mistakes, in chords), `intonation` (the semitones that a singer
means), `placing` (with `chord_features`, `beat_network`, `rhythm_tables`, `beats`, `metre_choice` and `downbeats`: the
place of each chord in a bar), `keys`,
`parts` (with `player_count`, `players`, `timbre`, `hands`, `voices` and `quantise`: parts, staves, voices and note
values). ``docs/analysis.md`` has the accuracy of each. Either writer of `abcscribe.writing` makes a score of the
result; `analysis_features` gives it to the language model as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from abcscribe.analysis import cleaning, intonation, player_count
from abcscribe.analysis.keys import find_key, signatures
from abcscribe.analysis.lines import BarSpan, Line
from abcscribe.analysis.parts import parts
from abcscribe.analysis.placing import Placed, place
from abcscribe.analysis.voices import Timeline
from abcscribe.hints import Hints
from abcscribe.score.grid import PICKUP, TICKS, bar_ticks
from abcscribe.score.model import Key, Metre, PlayedNote, Tempo

__all__ = ["Analysis", "analyse"]

Onset = tuple[float, int]  # seconds and MIDI pitch: names a note


@dataclass(frozen=True)
class Analysis:
    """What is found in the notes of a recording, before anything is written."""

    played: tuple[PlayedNote, ...]  # all notes, by onset and pitch
    heard: list[PlayedNote]  # those that are not taken for mistakes of the engine
    placed: Placed
    spans: list[BarSpan]
    lines: list[Line]
    key: Key
    tempo: Tempo
    remarks: tuple[str, ...] = ()  # sentences for the user: what the hints leave out
    words: str = ""  # that the tempo is printed with

    @property
    def metre(self) -> Metre:
        """The metre that the ticks count; `Placed.written` is what it is printed as."""
        return self.placed.metre

    @property
    def quarter_bpm(self) -> float:
        """Quarters a minute."""
        return self.tempo.quarter_bpm

    @property
    def parts(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """General MIDI program and clefs of each part."""
        return tuple((line.program, tuple(staff.clef for staff in line.staves)) for line in self.lines)

    @cached_property
    def signatures(self) -> np.ndarray:
        """(12,) Log probability of the signatures of 0 ... 11 sharps."""
        return signatures(self.heard)

    @cached_property
    def ticks(self) -> dict[Onset, int]:
        """Of each placed note the tick from the first bar line; notes of one chord share one; never falls in time."""
        groups = zip(self.placed.groups, self.placed.ticks.tolist(), strict=True)
        return {self._name(i): tick for group, tick in groups for i in group}

    @cached_property
    def staves(self) -> dict[Onset, int]:
        """Of each written note its staff, counted through all parts."""
        own = [staff for line in self.lines for staff in line.heard]
        return {self._name(i): number for number, indices in enumerate(own) for i in indices}

    def _name(self, index: int) -> Onset:
        note = self.heard[index]
        return note.onset, note.pitch


def analyse(notes: Sequence[PlayedNote], hints: Hints = Hints()) -> Analysis | None:
    """Find beats, metre, key and players.

    Args:
        notes: what an engine heard, in any order; times in seconds.
        hints: what the user knows; each overrides one decision, and the rest is found around it.

    Returns:
        The analysis, or None if no note is left to analyse.
    """
    played = tuple(sorted(notes, key=lambda n: (n.onset, n.pitch)))
    heard = cleaning.clean(played)
    if not heard:
        return None
    if player_count.is_sung(heard):
        played = tuple(intonation.in_tune(played))
        heard = cleaning.sung(cleaning.clean(played))
    groups = cleaning.chords(heard)
    onsets = cleaning.chord_onsets(heard, groups)
    placed = place(
        heard, groups, onsets, metre=hints.metre, tempo=hints.tempo, downbeat=hints.downbeat, swing=hints.swing
    )
    spans = _bars(placed)
    lines, remarks = parts(Timeline(heard, placed, spans[-1].end), hints)
    words = "Swing" if hints.swing and placed.metre.beat == 1 else ""
    tempo = _tempo(placed, placed.written.beat, hints.tempo, bool(words))
    return Analysis(played, heard, placed, spans, lines, hints.key or find_key(heard), tempo, remarks, words)


def _tempo(placed: Placed, beat: Fraction, hint: float | None, swing: bool) -> Tempo:
    """The metronome mark, in beats of the metre: the median over time, so that many quick notes do not decide.

    ``swing``: eighths are not even, so from quarter to quarter.
    """
    if hint:
        return Tempo(hint / float(beat), beat)
    counted = placed.ticks % TICKS == 0 if swing else np.ones(len(placed.ticks), bool)
    quarters, seconds = np.diff(placed.ticks[counted]) / TICKS, np.diff(placed.onsets[counted])
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
