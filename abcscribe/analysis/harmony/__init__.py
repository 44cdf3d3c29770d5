"""The notes of a score -> its chord symbols.

`evidence` (what sounds on each beat), `decoder` (the likeliest chords, by statistics of scores), `accompaniment` (who
plays them), `symbols` (how they are printed). ``docs/songs.md`` has the accuracy.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from fractions import Fraction

import numpy as np

from abcscribe.analysis.harmony.accompaniment import accompanying, wants_chords
from abcscribe.analysis.harmony.decoder import Tables, decode, load
from abcscribe.analysis.harmony.evidence import Beats, beats_of, evidence_of, heard, sounding
from abcscribe.analysis.harmony.symbols import SILENT, basses, name, with_silence
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Harmony, Score

__all__ = ["chords_of", "wants_chords", "with_chords"]


def with_chords(score: Score) -> Score:
    """The score with chord symbols from its notes, in the place of those that it has.

    Args:
        score: printed, or heard (then it has a performance).

    Returns:
        The score; a symbol stands where the chord changes, and N.C. where the accompaniment rests.
    """
    beats = beats_of(score.bars)
    if not len(beats.start):
        return score
    tables = load("heard" if score.performance else "printed")
    chords, bass = chords_of(score, tables, beats)
    found: dict[int, list[Harmony]] = defaultdict(list)
    starts, before = score.bar_starts(), None
    for n in range(len(beats.start)):
        if (now := (int(chords[n]), int(bass[n]))) == before:
            continue
        before, bar = now, int(beats.bar[n])
        place = Fraction(float(beats.start[n])).limit_denominator(96) - starts[bar]
        parts = name(*now, score.bars[bar].key) if now[0] != SILENT else ("", "", "")
        found[bar].append(Harmony(place, *parts))
    bars = (dataclasses.replace(bar, harmonies=tuple(found[i])) for i, bar in enumerate(score.bars))
    return dataclasses.replace(score, bars=tuple(bars))


def chords_of(score: Score, tables: Tables, beats: Beats) -> tuple[np.ndarray, np.ndarray]:
    """(n,) chord of each beat, SILENT where nothing accompanies, and (n,) its bass in semitones above the root."""
    every = evidence_of(heard(score) or sounding(score), beats)
    parts = accompanying(score)
    beside = any(part.program != PERCUSSION and any(part.bars) for i, part in enumerate(score.parts) if i not in parts)
    below = evidence_of(sounding(score, parts), beats) if beside else every
    chords = with_silence(decode(tables, every, beats), below, beats)
    return chords, basses(chords, below)
