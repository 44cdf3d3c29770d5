"""Notes of any engine -> a readable Score: beats, metre, bars, key, voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.engines.notes_to_score.assemble import TICKS, BarSpan, Line, WrittenNote, assemble
from abcscribe.engines.notes_to_score.keys import find_key
from abcscribe.score.instruments import FAMILY_PROGRAM
from abcscribe.score.model import Key, Metre, PlayedNote, Score, Tempo

__all__ = ["Hints", "notes_to_score"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What the user knows; each overrides one decision and the rest is found around it."""

    tempo: float | None = None  # quarter notes in a minute
    metre: Metre | None = None
    key: Key | None = None
    instrument: int | None = None  # General MIDI program of every part
    downbeat: float | None = None  # seconds: where some bar begins


def notes_to_score(notes: Sequence[PlayedNote], hints: Hints = Hints(), *, seconds: float | None = None) -> Score:
    """Write what was played as a score. ``seconds`` is the length of the recording."""
    notes = sorted(notes, key=lambda n: (n.onset, n.pitch))
    if not notes:
        return Score(seconds=seconds)
    onsets = np.array([n.onset for n in notes])
    quarter = 60 / (hints.tempo or _tempo(onsets))
    origin = onsets[0] if hints.downbeat is None else hints.downbeat
    ticks = np.round((onsets - origin) / quarter * 4).astype(int) * (TICKS // 4)
    metre = hints.metre or Metre()
    bar = int(metre.length * TICKS)
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.offset - note.onset
    starts = sorted(set(ticks.tolist()))
    following = dict(zip(starts, [*starts[1:], starts[-1] + TICKS], strict=True))
    written = {
        (t, n.pitch): WrittenNote(t, following[t] - t, n.pitch) for t, n in zip(ticks.tolist(), notes, strict=True)
    }
    first, last = starts[0] // bar, (following[starts[-1]] - 1) // bar
    spans = [BarSpan(b * bar, bar, float(origin + b * bar * quarter / TICKS), 0.5) for b in range(first, last + 1)]
    families = [n.family for n in notes if n.family]
    family = max(set(families), key=families.count) if families else "piano"
    program = FAMILY_PROGRAM.get(family, 0) if hints.instrument is None else hints.instrument
    return assemble(
        [Line(tuple(written.values()), program)],
        spans,
        metre=metre,
        key=hints.key or find_key(weights),
        tempo=Tempo(round(60 / quarter)),
        performance=notes,
        seconds=seconds,
    )


def _tempo(onsets: np.ndarray) -> float:
    """Quarter BPM of a steady grid on which most onsets lie, near 100."""
    gaps = np.diff(onsets)
    gaps = gaps[gaps > 0.05]
    if not len(gaps):
        return 100.0
    bpms = np.arange(60, 160, 1.0)
    misfit = [np.mean(np.abs(gaps * b / 15 - np.round(gaps * b / 15))) + 0.2 * abs(np.log(b / 100)) for b in bpms]
    return float(bpms[int(np.argmin(misfit))])
