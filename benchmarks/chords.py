"""How well the chord symbols of performed songs agree with those of their print.

    python benchmarks/chords.py NOTES.npz [--songs 20] [--split test] [--severity .3]
    python benchmarks/chords.py NOTES.npz --font TimGM6mb.sf2 --seconds 25

Songs of the note cache are performed, and either heard with the mistakes of simulated hearing, as the language model's
training has them, or played by a soundfont and heard by the tower. They are transcribed like any recording, with metre
and key found by ear. Chords are compared in time: the root, the root and the family (major, minor, seventh), and a
chord a bar of the print.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.harmony.decoder import decode, load
from abcscribe.analysis.harmony.evidence import evidence_of
from abcscribe.analysis.harmony.vocabulary import FAMILY, NAMES, split
from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import CachedPiece, NoteCache
from abcscribe.hints import Hints
from abcscribe.score.harmony import alter
from abcscribe.score.model import STEP_SEMITONES, Score
from abcscribe.synthesis import soundfonts
from abcscribe.synthesis.performance import QUARTER_BPM, Performance, perform
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.systems import SystemName
from abcscribe.training.small import harmony
from abcscribe.transcription import transcribe, written

LOUD = 0.5  # full scale 1
NOBODY = (-1, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--split", default="test")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each song")
    parser.add_argument("--font", type=Path, help="a soundfont, preferably one that nothing was trained on")
    parser.add_argument("--severity", type=float, help="of the mistakes, 0 to 1; drawn if none is given")
    parser.add_argument("--source", default="openscore-lieder")
    wanted = parser.parse_args()
    cache = NoteCache(wanted.cache)
    chosen = [i for i, p in enumerate(cache.pieces) if p.split == wanted.split and p.source == wanted.source]
    rows = []
    for number in chosen[: wanted.songs]:
        row = measured(np.random.default_rng(number), cache[number], wanted)
        rows.append(row)
        print(cache.pieces[number].id, *(f"{value:.3f}" for value in row), flush=True)
    print("root, root and family, chord a bar:", *np.mean(rows, axis=0).round(3))


def transcribed(rng: np.random.Generator, played: Performance, wanted: argparse.Namespace) -> Score:
    """The score of a performance, by simulated hearing or by sound."""
    if wanted.font:
        soundfonts.FONTS["given"] = wanted.font
        sound = soundfonts.render(rng, played, wanted.seconds + 1, "given", 0.0, np.zeros((0, 2)))
        sound *= LOUD / np.abs(sound).max()
        return transcribe((sound, SAMPLE_RATE), engine="abcscribe+rules", hints=Hints(chords=True))
    heard, _ = hear(rng, played, wanted.severity)
    steps = written(list(played_notes(heard)), Hints(chords=True), wanted.seconds, SystemName("midi", writer="rules"))
    return next(step for step in steps if isinstance(step, Score))


def measured(rng: np.random.Generator, item: CachedPiece, wanted: argparse.Namespace) -> tuple[float, float, float]:
    """Shares of the time with the right root, and root and family, and of the bars with the right longest chord."""
    notes, beats = item.notes, harmony.grid(item.notes)
    pitched = notes.program[notes.part] < 128
    printed = decode(load("printed"), evidence_of(harmony.sounding(notes, pitched), beats), beats)
    onset, length = (a[pitched].astype(float) for a in (notes.onset, notes.duration))
    marks = notes.tempo[~np.isnan(notes.tempo)]
    bpm = float(np.clip(marks[0], *QUARTER_BPM)) if len(marks) else 96.0
    programs = tuple(int(p) for p in notes.program)
    pitch, part = notes.pitch[pitched].astype(int), notes.part[pitched].astype(int)
    played = perform(rng, onset, length, pitch, part, programs, bpm).before(wanted.seconds)
    score = transcribed(rng, played, wanted)
    order = np.argsort(onset[played.note], kind="stable")
    quarters, seconds = onset[played.note][order], np.maximum.accumulate(played.onset[order])
    ends = beats.end[beats.end <= quarters[-1]]
    middle = np.interp((beats.start + beats.end)[: len(ends)] / 2, quarters, seconds)
    found = list(at(score, middle))
    roots, kinds = split(printed[: len(ends)])
    right = [(int(r), FAMILY[NAMES[k]]) for r, k in zip(roots, kinds.tolist(), strict=True)]
    time = (beats.end - beats.start)[: len(ends)]
    root = np.average([a[0] == b[0] for a, b in zip(found, right, strict=True)], weights=time)
    family = np.average([a == b for a, b in zip(found, right, strict=True)], weights=time)
    bars = beats.bar[: len(ends)]
    whole = [longest(found, time, bars == bar) == longest(right, time, bars == bar) for bar in np.unique(bars)]
    return float(root), float(family), float(np.mean(whole))


def longest(chords: list[tuple[int, str]], time: np.ndarray, own: np.ndarray) -> tuple[int, str]:
    totals: dict[tuple[int, str], float] = {}
    for index in np.flatnonzero(own).tolist():
        totals[chords[index]] = totals.get(chords[index], 0.0) + float(time[index])
    return max(totals, key=totals.__getitem__)


def at(score: Score, moments: np.ndarray) -> Iterator[tuple[int, str]]:
    """Root and family of the symbol in force at each second."""
    starts = [float(start) for start in score.bar_starts()[:-1]]
    seconds = [bar.seconds or 0.0 for bar in score.bars]
    places = [float(h.start) + start for bar, start in zip(score.bars, starts, strict=True) for h in bar.harmonies]
    symbols = [h for bar in score.bars for h in bar.harmonies]
    last = 60 / score.bars[-1].tempo.quarter_bpm if score.bars[-1].tempo else 0.5
    whole = float(score.bars[-1].length)
    quarters = np.interp(moments, [*seconds, seconds[-1] + last * whole], [*starts, starts[-1] + whole])
    for quarter in quarters.tolist():
        index = int(np.searchsorted(places, quarter + 1e-3)) - 1
        symbol = symbols[index] if index >= 0 else None
        if symbol is None or not symbol.root:
            yield NOBODY
        else:
            yield (STEP_SEMITONES[symbol.root[0]] + alter(symbol.root)) % 12, FAMILY.get(symbol.kind, "")


if __name__ == "__main__":
    main()
