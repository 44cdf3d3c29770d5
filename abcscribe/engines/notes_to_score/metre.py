"""Chords in time -> their places in bars: joins what the network guesses with the search over rhythms.

The metre is decided on the first chords, with coarse rhythms; the chosen metre is then followed through the whole
piece with all rhythms. A hint removes the choice it is about and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.engines.notes_to_score import beats, network, rhythm
from abcscribe.engines.notes_to_score.beats import BPM, Path
from abcscribe.engines.notes_to_score.features import features
from abcscribe.engines.notes_to_score.rhythm import METRES, TICKS, RhythmTable
from abcscribe.score.model import Metre, PlayedNote

DECISIVE = 250  # chords from which the metre is decided
TRUST = 0.3  # weight of the network's log probabilities: neighbouring guesses rest on the same notes
TEMPO_TRUST = 0.25
LEAST = -9.0  # log probability below which a guess says no more
DENSE = 1.25  # notes a chord from which the music counts as several voices
HINTED_TEMPO = 0.12  # how far the tempo may wander from a hint, in log
HINT_NEAR = 0.12  # seconds between a hinted downbeat and the chord that is meant
HALTING_PRICE = 6.0  # nats by which a reading with many fermatas must be better than one with few
IMPOSSIBLE = -60.0
# How common each metre is in what people record and print: a prior of our own, the corpora are too full of jigs.
PRIOR = dict(zip(METRES, np.log([0.4, 0.2, 0.16, 0.15, 0.03, 0.02, 0.04]), strict=True))


@dataclass(frozen=True, slots=True)
class Placed:
    """Where every chord stands."""

    metre: Metre
    ticks: np.ndarray  # (n,) from the bar line at or before the first chord, never falling
    onsets: np.ndarray  # (n,) seconds
    quarter: np.ndarray  # (n,) seconds a quarter lasts at each chord
    certainty: np.ndarray  # (n,) 0 ... 1: how probable the network finds each chord's place


def place(
    notes: Sequence[PlayedNote],
    groups: Sequence[Sequence[int]],
    onsets: np.ndarray,
    *,
    metre: Metre | None = None,
    tempo: float | None = None,
    downbeat: float | None = None,
) -> Placed:
    """Place the chords ``groups`` (indices of ``notes``) that begin at ``onsets``; ``tempo`` counts quarters."""
    texture = "whole" if len(notes) > DENSE * len(groups) else "line"
    bpm = BPM if tempo is None else tempo * np.exp(np.linspace(-HINTED_TEMPO, HINTED_TEMPO, 7))
    guesses, tempos = network.guess(features(notes, groups, onsets))
    tempo_evidence = TEMPO_TRUST * np.maximum(tempos, LEAST) if tempo is None else None
    if metre is None:
        metre = _decide(onsets, texture, guesses, tempo_evidence, bpm, downbeat)
    table = rhythm.table(metre, texture)
    evidence = _evidence(table, guesses, onsets, downbeat)
    path = _followed(onsets, [table], evidence, tempo_evidence, bpm)[0]
    path = _turned(path, onsets, downbeat)
    return Placed(metre, path.ticks, onsets, path.quarter, _certainty(path, guesses))


def _decide(
    onsets: np.ndarray,
    texture: str,
    guesses: np.ndarray,
    tempos: np.ndarray | None,
    bpm: np.ndarray,
    downbeat: float | None,
) -> Metre:
    tables = [rhythm.table(metre, texture).coarse() for metre in METRES]
    head = slice(0, DECISIVE)
    evidence = np.concatenate([_evidence(t, guesses[head], onsets[head], downbeat) for t in tables], axis=1)
    paths = _followed(onsets[head], tables, evidence, None if tempos is None else tempos[head], bpm)
    return max(paths, key=lambda path: path.score + PRIOR[path.table.metre]).table.metre


def _followed(
    onsets: np.ndarray,
    tables: Sequence[RhythmTable],
    evidence: np.ndarray,
    tempos: np.ndarray | None,
    bpm: np.ndarray,
) -> list[Path]:
    """The best path in each metre: in music that flows or, if that is much likelier, that stops again and again."""
    flowing = beats.track(onsets, tables, evidence, tempos, bpm, beats.RARE)
    halting = beats.track(onsets, tables, evidence, tempos, bpm, beats.FREQUENT)
    return [h if h.score - HALTING_PRICE > f.score else f for f, h in zip(flowing, halting, strict=True)]


def _evidence(table: RhythmTable, guesses: np.ndarray, onsets: np.ndarray, downbeat: float | None) -> np.ndarray:
    """(n, places of the table)"""
    column = _columns(table)
    evidence = np.zeros((len(onsets), len(table.places))) if column is None else TRUST * guesses[:, column].clip(LEAST)
    if downbeat is not None and len(onsets):
        nearest = int(np.abs(onsets - downbeat).argmin())
        if abs(onsets[nearest] - downbeat) < HINT_NEAR:
            evidence[nearest, table.places != 0] += IMPOSSIBLE
    return evidence


def _columns(table: RhythmTable) -> np.ndarray | None:
    """Which of the network's outputs mean the places of a table; None for a metre that it does not know."""
    known = Metre(4, 4) if table.metre == Metre(2, 2) else table.metre
    if known not in METRES:
        return None
    first = sum(len(rhythm.places(metre)) for metre in METRES[: METRES.index(known)])
    return first + np.searchsorted(rhythm.places(known), table.places)


def _turned(path: Path, onsets: np.ndarray, downbeat: float | None) -> Path:
    """The path with its bar lines moved, by whole beats, to where the user hears one."""
    if downbeat is None:
        return path
    beat, bar = int(path.table.metre.beat * TICKS), path.table.bar
    distinct, first = np.unique(path.ticks, return_index=True)
    tick = float(np.interp(downbeat, onsets[first], distinct))
    if downbeat < onsets[0]:
        tick += (downbeat - onsets[0]) / path.quarter[0] * TICKS
    ticks = path.ticks - round(tick / beat) * beat
    return Path(path.table, ticks - ticks[0] // bar * bar, path.quarter, path.score)


def _certainty(path: Path, guesses: np.ndarray) -> np.ndarray:
    column = _columns(path.table)
    if column is None:
        return np.full(len(guesses), 0.5)
    place = np.searchsorted(path.table.places, path.ticks % path.table.bar).clip(max=len(column) - 1)
    return np.exp(guesses[np.arange(len(guesses)), column[place]])
