"""Notes on a grid of beats -> what sounds on each beat: the input of `decoder`.

A chord may change on any beat of the metre (in 3/8 on the bar line only), as lead sheets are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from abcscribe.score.bars import Bar
from abcscribe.score.model import Score

MOST = 1.5  # of a pitch class on a beat: doubling in octaves is evidence, but not without end
GRID = 4  # to a quarter: heard notes begin on sixteenths
DOWNBEAT, MIDDLE, WEAK = 0, 1, 2  # places in the bar, by how often chords change there
PLACES = 3


@dataclass(frozen=True, slots=True)
class Beats:
    """n beats of a piece."""

    start: np.ndarray  # (n,) quarters from the start of the piece
    end: np.ndarray  # (n,)
    bar: np.ndarray  # (n,) index of the bar
    place: np.ndarray  # (n,) DOWNBEAT, MIDDLE or WEAK
    tonic: np.ndarray  # (n,) semitones above C of the major key with the signature


class Sounding(NamedTuple):
    """n notes in quarters from the start of the piece."""

    onset: np.ndarray
    end: np.ndarray
    pitch: np.ndarray  # MIDI
    weight: np.ndarray  # 0 ... 1: how sure each note is


@dataclass(frozen=True, slots=True)
class Evidence:
    """What sounds on each of n beats."""

    tones: np.ndarray  # (n, 12) how much of the beat each pitch class sounds, MOST at most
    bass: np.ndarray  # (n, 12) how much of the beat each pitch class is the lowest that sounds


def beats_of(bars: tuple[Bar, ...]) -> Beats:
    """The beats of bars. The first bar may be a pickup: it has the last beats of its metre."""
    rows: list[tuple[float, float, int, int, int]] = []
    at = Fraction(0)
    for index, bar in enumerate(bars):
        beat = bar.metre.beat if bar.metre else Fraction(1)
        full = bar.metre.length if bar.metre else bar.length
        before = full - bar.length if index == 0 and bar.length < full else Fraction(0)
        tonic = 7 * bar.key.fifths % 12
        place = before // beat * beat
        while place < before + bar.length:
            start, end = max(place, before), min(place + beat, before + bar.length)
            rows.append((float(at + start - before), float(at + end - before), index, _place(place, full, beat), tonic))
            place += beat
        at += bar.length
    columns = np.array(rows, float).reshape(-1, 5).T
    return Beats(columns[0], columns[1], *(column.astype(int) for column in columns[2:]))


def _place(place: Fraction, full: Fraction, beat: Fraction) -> int:
    if place == 0:
        return DOWNBEAT
    return MIDDLE if 2 * place == full and full / beat % 2 == 0 else WEAK


def sounding(score: Score, parts: set[int] | None = None) -> Sounding:
    """The notes of a score, or of some of its parts; drums make no chord."""
    wanted = {i for i, part in enumerate(score.parts) if part.program < 128 and (parts is None or i in parts)}
    notes = [note for note in score.sounding_notes() if note.part in wanted]
    onset = np.array([float(n.onset) for n in notes])
    end = onset + np.array([float(n.duration) for n in notes])
    return Sounding(onset, end, np.array([n.pitch for n in notes], int), np.ones(len(notes)))


def heard(score: Score) -> Sounding | None:
    """The notes of a recording on the bars of its score: all that were heard, as sure as they are, also those that
    the score leaves out. None where it is not known when each bar begins."""
    seconds = [bar.seconds for bar in score.bars if bar.seconds is not None]
    notes = [note for note in score.performance if not note.drum]
    if not notes or len(seconds) < len(score.bars) or np.any(np.diff(seconds) <= 0):
        return None
    starts = [float(start) for start in score.bar_starts()]
    last = score.bars[-1]
    pace = 60 / last.tempo.quarter_bpm if last.tempo else 0.5
    lines = [*seconds, seconds[-1] + pace * float(last.length)]
    onset, end = (np.interp([getattr(n, name) for n in notes], lines, starts) for name in ("onset", "offset"))
    onset = np.round(GRID * onset) / GRID
    pitch, weight = np.array([n.pitch for n in notes], int), np.array([n.confidence for n in notes])
    return Sounding(onset, np.maximum(end, onset + 1 / GRID), pitch, weight)


def evidence_of(notes: Sounding, beats: Beats) -> Evidence:
    """What sounds on each beat."""
    tones, bass = np.zeros((len(beats.start), 12)), np.zeros((len(beats.start), 12))
    first = np.searchsorted(beats.end, notes.onset + 1e-6, side="left")
    order = np.argsort(notes.pitch, kind="stable")
    free = [[(a, b)] for a, b in zip(beats.start.tolist(), beats.end.tolist(), strict=True)]
    for i in order.tolist():
        onset, end, pitch, weight = notes.onset[i], notes.end[i], int(notes.pitch[i]) % 12, notes.weight[i]
        beat = int(first[i])
        while beat < len(beats.start) and beats.start[beat] < end:
            length = beats.end[beat] - beats.start[beat]
            share = min(end, beats.end[beat]) - max(onset, beats.start[beat])
            tones[beat, pitch] += weight * share / length
            taken, free[beat] = _lowest(free[beat], onset, end)
            bass[beat, pitch] += weight * taken / length
            beat += 1
    return Evidence(np.minimum(tones, MOST), bass)


def _lowest(free: list[tuple[float, float]], onset: float, end: float) -> tuple[float, list[tuple[float, float]]]:
    """How long a note is the lowest in the spans that no lower note fills, and what it leaves of them."""
    taken, left = 0.0, []
    for a, b in free:
        start, stop = max(a, onset), min(b, end)
        if stop <= start:
            left.append((a, b))
            continue
        taken += stop - start
        left += [span for span in ((a, start), (stop, b)) if span[1] > span[0]]
    return taken, left
