"""A heard note list -> the notes worth writing, gathered into chords.

This stage knows how note detectors err (split notes, octave ghosts, blips) and how far apart the notes of a chord
begin; it knows nothing of rhythm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from abcscribe.model import note_features
from abcscribe.score.model import PlayedNote

SPLIT_GAP = 0.04  # seconds of silence inside one note that a detector split
BLIP = 0.05  # seconds: shorter and unsure notes are noise
UNSURE = 0.35  # confidence
# Of singing: notes so short (seconds) that lie within JOINED of one LONGER times as long and NEIGHBOUR semitones away
# at most are none. Of the extra notes in 28 % more than were sung, most are under .15 s.
SHORT, LONGER, JOINED, NEIGHBOUR = 0.15, 1.8, 0.06, 2


def clean(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """Plausible notes by (onset, pitch): repeats of a sounding pitch that begin together are merged, blips dropped."""
    ordered = sorted((n for n in notes if 0 <= n.pitch <= 127 and n.offset > n.onset), key=lambda n: (n.onset, n.pitch))
    kept: list[PlayedNote] = []
    sounding: dict[tuple[int, str, int | None], int] = {}  # index in kept of the last note of a pitch
    for note in ordered:
        if note.offset - note.onset < BLIP and note.confidence < UNSURE:
            continue
        last = sounding.get((note.pitch, note.family, note.program))
        if last is not None and note.onset - kept[last].onset < note_features.TOGETHER:
            kept[last] = dataclasses.replace(kept[last], offset=max(kept[last].offset, note.offset))
            continue
        if last is not None and _is_continuation(kept[last], note):
            kept[last] = dataclasses.replace(kept[last], offset=max(kept[last].offset, note.offset))
            continue
        sounding[note.pitch, note.family, note.program] = len(kept)
        kept.append(note)
    return kept


def sung(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    """The notes of a singer without what a voice does around them: scoops into a note, tails, consonants that cut it.

    A short note beside a longer one, of its pitch or a neighbouring one, joins it; in a run of short notes all stay.

    Args:
        notes: of one line, by onset.
    """
    kept = list(notes)
    for index in range(len(notes) - 1, -1, -1):
        note = kept[index]
        if note.offset - note.onset >= SHORT:
            continue
        around = [kept[i] for i in (index - 1, index + 1) if 0 <= i < len(kept)]
        longer = [n for n in around if n.offset - n.onset >= LONGER * (note.offset - note.onset)]
        joined = next((n for n in longer if _beside(n, note)), None)
        if joined is not None and len(longer) == len(around):
            at = kept.index(joined)
            kept[at] = dataclasses.replace(joined, offset=max(joined.offset, note.offset))
            del kept[index]
    return kept


def _beside(note: PlayedNote, short: PlayedNote) -> bool:
    gap = max(short.onset - note.offset, note.onset - short.offset)
    return gap < JOINED and abs(note.pitch - short.pitch) <= NEIGHBOUR


def _is_continuation(earlier: PlayedNote, note: PlayedNote) -> bool:
    """A second onset without a new attack: no gap, softer and less sure than the first."""
    return (
        note.onset - earlier.offset < SPLIT_GAP
        and note.velocity < 0.85 * earlier.velocity
        and note.confidence < 0.8 * earlier.confidence
    )


def chords(notes: Sequence[PlayedNote]) -> list[list[int]]:
    """Indices of ``notes`` (by onset), gathered by common onset."""
    groups: dict[int, list[int]] = {}
    for index, chord in enumerate(note_features.chords(np.array([note.onset for note in notes])).tolist()):
        groups.setdefault(chord, []).append(index)
    return list(groups.values())


def chord_onsets(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> np.ndarray:
    """(n,) seconds: the mean onset of each chord."""
    return np.array([sum(notes[i].onset for i in group) / len(group) for group in groups])
