"""Fit ``rhythm_tables.npz``: probabilities of rhythms in each metre. ``abcscribe train small rhythm-tables``.

Counts the pieces of the train split in the note cache: public-domain scores without the pieces of the benchmark and
without collections whose licence restricts use. Ten seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abcscribe.analysis import rhythm_tables
from abcscribe.analysis.rhythm_tables import BARS
from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.model import weight_files
from abcscribe.score.grid import METRE_NAMES, METRES, TICKS, bar_ticks
from abcscribe.score.model import Metre
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import RhythmTables

SAME = {Metre(2, 2): Metre(4, 4), Metre(4, 8): Metre(2, 4)}  # metres counted as another
BACKOFF = 20.0  # pseudo-counts of the statistics of single beats, relative to counts of the place in the bar
FLOOR = 2e-5  # probability of steps without a count
FEWEST_BARS = 4
GROUP_WEIGHT = {"openscore-lieder": 1.0, "music21/bach": 2.0, "openscore-string-quartets": 1.0}
Counts = dict[tuple[str, Metre], tuple[np.ndarray, np.ndarray]]  # texture, metre -> start (p,), step (p, p, BARS)
TUNE_WEIGHT = 0.5  # dance tunes are numerous and similar


def fold(piece: Piece) -> str:
    """learn, tune or report: the splits of the corpora, so that no piece of the tables is in a test suite."""
    return {"train": "learn", "valid": "tune", "test": "report"}[piece.split]


def excerpts(notes: Notes) -> Iterator[tuple[Metre, np.ndarray, np.ndarray]]:
    """Runs of bars in one known metre: the metre, the bar lines (b + 1, quarters), and which notes begin there."""
    changes = np.flatnonzero(np.any(np.diff(notes.metre, axis=0), axis=1)) + 1
    for first, last in zip([0, *changes], [*changes, len(notes.metre)], strict=True):
        beats, unit = (int(n) for n in notes.metre[first]) if last > first else (0, 0)
        if last - first < FEWEST_BARS or not beats:
            continue
        metre = SAME.get(Metre(beats, unit), Metre(beats, unit))
        lines = notes.bar_start[first : last + 1].astype(float)
        odd = np.abs(np.diff(lines)[1:-1] - float(metre.length)) > 0.01
        if odd.mean() <= 0.1:
            yield metre, lines, (notes.onset >= lines[0] - 0.01) & (notes.onset < lines[-1] - 0.01)


def sequences(notes: Notes, inside: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """(texture, onsets in quarters): every voice for itself, all parts together, and every part with several voices."""
    texts = 0
    for part in np.unique(notes.part[inside]):
        of_part = inside & (notes.part == part)
        voices = np.unique(notes.voice[of_part])
        chords = len(np.unique(notes.onset[of_part])) < 0.9 * of_part.sum()
        if len(voices) == 1 and not chords:
            yield "line", np.unique(notes.onset[of_part])
        elif len(np.unique(notes.part[inside])) > 1:
            yield "whole", np.unique(notes.onset[of_part])
        texts += 1
    if texts > 1 or chords:
        yield "whole", np.unique(notes.onset[inside])


def placed(onsets: np.ndarray, lines: np.ndarray, metre: Metre) -> tuple[np.ndarray, np.ndarray]:
    """Bar and index of the place of every onset. A short first bar is a pickup: its end is the bar line."""
    bar = np.clip(np.searchsorted(lines, onsets + 1e-3) - 1, 0, len(lines) - 2)
    tick = (onsets - lines[bar]) * TICKS
    short = bar_ticks(metre) - (lines[1] - lines[0]) * TICKS
    tick = np.where((bar == 0) & (short > 0), tick + short, tick)
    where = rhythm_tables.places(metre)
    return bar, np.abs(tick[:, None] - where).argmin(axis=1)


def count(cache: NoteCache) -> Counts:
    """(start, step) counts for each texture and metre."""
    counts = {
        (texture, metre): (np.zeros(n := len(rhythm_tables.places(metre))), np.zeros((n, n, BARS)))
        for texture in ("line", "whole")
        for metre in METRES
    }
    for item in cache:
        if fold(item.piece) != "learn":
            continue
        weight = GROUP_WEIGHT.get(item.piece.source, TUNE_WEIGHT)
        for metre, lines, inside in excerpts(item.notes):
            if metre not in METRES:
                continue
            for texture, onsets in sequences(item.notes, inside):
                bar, place = placed(onsets.astype(float), lines, metre)
                start, step = counts[texture, metre]
                start[place[0]] += weight
                ahead = np.diff(bar)
                near = (ahead < BARS) & (ahead * 10000 + np.diff(place) > 0)
                np.add.at(step, (place[:-1][near], place[1:][near], ahead[near]), weight)
    return counts


def beat_chain(counts: Counts, texture: str, compound: bool) -> np.ndarray:
    """(phase, phase, beats between) counts over all metres with such a beat, independent of the bar."""
    beat = 36 if compound else 24
    chain = np.zeros((beat, beat, 13)) + 1e-3
    for (of_texture, metre), (_, step) in counts.items():
        if of_texture != texture or (metre.unit == 8) != compound:
            continue
        where, bar = rhythm_tables.places(metre), bar_ticks(metre)
        a, b, k = np.nonzero(step)
        beats = (k * bar + where[b]) // beat - where[a] // beat
        near = beats < chain.shape[2]
        np.add.at(chain, (where[a][near] % beat, where[b][near] % beat, beats[near]), step[a, b, k][near])
    chain /= chain.sum(axis=(1, 2), keepdims=True)
    return chain


def smoothed(step: np.ndarray, chain: np.ndarray, metre: Metre) -> np.ndarray:
    where, bar, beat = rhythm_tables.places(metre), bar_ticks(metre), chain.shape[0]
    to = where[None, :, None] + bar * np.arange(BARS)
    origin = where[:, None, None]
    beats = np.clip(to // beat - origin // beat, 0, chain.shape[2] - 1)
    prior = np.where(to > origin, chain[origin % beat, to % beat, beats] + FLOOR, 0.0)
    prior /= prior.sum(axis=(1, 2), keepdims=True)
    mixed = step + BACKOFF * prior
    mixed /= mixed.sum(axis=(1, 2), keepdims=True)
    with np.errstate(divide="ignore"):
        return np.log(np.where(to > origin, np.maximum(mixed, FLOOR * 0.1), 0.0))


def main(config: RhythmTables) -> Iterator[Entry]:
    """Count the pieces and write the tables; yields an entry for each texture and metre."""
    counts = count(NoteCache(config.cache))
    arrays = {}
    for texture in ("line", "whole"):
        chains = {compound: beat_chain(counts, texture, compound) for compound in (False, True)}
        for metre in METRES:
            start, step = counts[texture, metre]
            name = f"{texture}_{metre.beats}_{metre.unit}"
            arrays[f"{name}_step"] = smoothed(step, chains[metre.unit == 8], metre).astype(np.float16)
            arrays[f"{name}_start"] = np.log((start + 0.1) / (start + 0.1).sum()).astype(np.float16)
            yield {
                "table": f"{texture} {metre}",
                "pieces": round(float(start.sum())),
                "steps": round(float(step.sum())),
            }
    weight_files.save(config.weights / "rhythm_tables.npz", arrays, METRE_NAMES)
