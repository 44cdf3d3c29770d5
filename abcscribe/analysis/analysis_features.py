"""An `Analysis` as numbers on each heard note, the form in which the language model reads it.

A search over rhythms follows one hypothesis through all notes; a network that reads them side by side does not. So
every note comes with what the search found: its place in the bar, the tempo, the key, how far the other metres are
behind, and who plays it. The language model learns from scores when to rely on it.

`NAMES` are the columns. Their number is stored in the config of a checkpoint (``NoteProjectorConfig.analysis``); a
checkpoint that was trained with other columns is refused when it is loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from abcscribe.analysis import Analysis, Onset
from abcscribe.model.note_features import LOWEST_PITCH, PITCHES, TOGETHER, UNKNOWN_FAMILY, HeardNotes, chords
from abcscribe.score.grid import METRES, TICKS
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.model import PlayedNote

IN_BAR, IN_QUARTER = 8, 4  # harmonics that say where in the bar and where in the quarter a note stands
STAVES = 8  # that are told apart
FARTHEST = 10.0  # nats: metres farther behind are all alike
MOST_FIFTHS = 7  # of a key signature
NAMES = (
    *(f"{f} {k} of {unit}" for unit, most in (("bar", IN_BAR), ("quarter", IN_QUARTER))
      for k in range(1, most + 1) for f in ("sin", "cos")),
    "placed",
    *(f"metre {metre}" for metre in METRES), "another metre", *(f"distance of {metre}" for metre in METRES),
    "octaves of tempo above 90", "bar in four quarters",
    *(f"signature {fifths}" for fifths in range(-MOST_FIFTHS, MOST_FIFTHS + 1)),
    *(f"staff {number}" for number in range(STAVES)), *(f"part of {name}" for name in FAMILIES),
    "upper staff of two", "lower staff of two",
)  # fmt: skip


def with_analysis(heard: HeardNotes, analysis: Analysis | None) -> tuple[HeardNotes, np.ndarray]:
    """The notes with the analysis on them and in its chords.

    A chord that is played slowly is one chord for whoever knows the beat, and would else be several groups.

    Args:
        heard: n notes.
        analysis: of the same notes; None gives columns of zeros.

    Returns:
        The notes, and (groups,) int: ticks of each group from the first bar line, -1 where the analysis ignores it.
    """
    if analysis is None:
        nothing = np.zeros((len(heard), len(NAMES)), np.float32)
        return replace(heard, analysis=nothing), np.full(int(heard.groups[-1]) + 1, -1)
    ticks = _ticks(analysis, heard)
    apart = np.diff(ticks, prepend=-1) != 0
    apart |= (ticks < 0) & (np.diff(heard.chord, prepend=-1) != 0)
    made = replace(heard, chord=np.cumsum(apart), analysis=_columns(analysis, heard, ticks))
    return made, ticks[apart]


def _ticks(analysis: Analysis, heard: HeardNotes) -> np.ndarray:
    """(n,) of each note; of a note that the analysis does not have, those of the chord that it is
    in the midst of or close to, else -1."""
    ticks = np.array([analysis.ticks.get(note, -1) for note in _notes(heard)])
    known = np.flatnonzero(ticks >= 0)
    if not known.size:
        return ticks
    after = np.searchsorted(known, np.arange(len(ticks)))
    before, after = known[(after - 1).clip(0)], known[after.clip(max=known.size - 1)]
    since, until = np.abs(heard.onset - heard.onset[before]), np.abs(heard.onset[after] - heard.onset)
    nearest = ticks[np.where(since <= until, before, after)]
    joins = (ticks[before] == ticks[after]) & (before < after) | (np.minimum(since, until) < TOGETHER)
    return np.where(ticks >= 0, ticks, np.where(joins, nearest, -1))


def _notes(heard: HeardNotes) -> list[Onset]:
    return list(zip(heard.onset.tolist(), heard.pitch.tolist(), strict=True))


def _columns(analysis: Analysis, heard: HeardNotes, ticks: np.ndarray) -> np.ndarray:
    """(n, NAMES) float32 of notes that stand at ``ticks`` (n,)."""
    known, bar = ticks >= 0, int(analysis.metre.length * TICKS)
    angles = [2 * np.pi * k * ticks / bar for k in range(1, IN_BAR + 1)]
    angles += [2 * np.pi * k * ticks / TICKS for k in range(1, IN_QUARTER + 1)]
    places = np.stack([f(angle) * known for angle in angles for f in (np.sin, np.cos)] + [known], axis=1)
    metre = np.array([analysis.metre == m for m in METRES] + [analysis.metre not in METRES], float)
    key = np.arange(-MOST_FIFTHS, MOST_FIFTHS + 1) == analysis.key.fifths
    rivals = np.maximum(analysis.placed.rivals, -FARTHEST) / FARTHEST
    whole = np.concatenate([metre, rivals, [np.log2(analysis.quarter_bpm / 90), bar / 96], key])
    columns = [places, np.tile(whole, (len(ticks), 1)), _players(analysis, heard)]
    return np.concatenate(columns, axis=1).astype(np.float32)


def _players(analysis: Analysis, heard: HeardNotes) -> np.ndarray:
    """(n, STAVES + families + 2) For each note its staff, the family of its part, and whether it is on the upper or
    lower staff of two; zeros where the analysis leaves the note out."""
    rows: list[np.ndarray] = []
    for program, clefs in analysis.parts:
        kind = np.zeros(len(FAMILIES) + 2)
        kind[FAMILIES.index(family(program))] = 1
        for hand in range(len(clefs)):
            kind[len(FAMILIES) :] = (len(clefs) == 2) * np.eye(2)[min(hand, 1)]
            rows.append(np.concatenate([np.eye(STAVES)[min(len(rows), STAVES - 1)], kind]))
    rows.append(np.zeros(STAVES + len(FAMILIES) + 2))
    return np.array(rows)[[analysis.staves.get(note, -1) for note in _notes(heard)]]


def played_notes(heard: HeardNotes) -> list[PlayedNote]:
    """Heard notes as an engine gives them."""
    rows = zip(heard.onset, heard.offset, heard.pitch, heard.velocity, heard.family, heard.confidence, strict=True)
    return [
        PlayedNote(
            float(onset), float(offset), int(pitch), int(np.clip(velocity, 1, 127)),
            FAMILIES[index] if index < UNKNOWN_FAMILY else "", float(confidence),
        )
        for onset, offset, pitch, velocity, index, confidence in rows
    ]  # fmt: skip


def heard_notes(notes: Sequence[PlayedNote]) -> HeardNotes:
    """The notes of the piano's range as arrays, by onset and pitch, without an analysis."""
    kept = sorted(
        (n for n in notes if LOWEST_PITCH <= n.pitch < LOWEST_PITCH + PITCHES and n.offset > n.onset),
        key=lambda n: (n.onset, n.pitch),
    )
    families = [FAMILIES.index(n.family) if n.family in FAMILIES else UNKNOWN_FAMILY for n in kept]
    return HeardNotes(
        np.array([n.onset for n in kept]), np.array([n.offset for n in kept]),
        np.array([n.pitch for n in kept], np.int64), np.array([n.velocity for n in kept], float),
        np.array(families, np.int64), np.array([n.confidence for n in kept]),
        chords(np.array([n.onset for n in kept])), np.zeros((len(kept), 0), np.float32),
    )  # fmt: skip
