"""The windows of `abcscribe.synthesis` with modes of keys and the analysis of the notes, which synthesis lacks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from abcscribe.analysis import analyse
from abcscribe.analysis.analysis_features import played_notes, with_analysis
from abcscribe.analysis.keys import find_mode
from abcscribe.corpora.note_cache import MODES, CachedPiece, NoteCache
from abcscribe.model.note_features import HeardNotes
from abcscribe.synthesis.simulated_hearing import hear as simulated
from abcscribe.synthesis.windows import Hearing, WindowSource


def window_source(cache: NoteCache | Path, split: str = "train", hear: Hearing = simulated) -> WindowSource:
    """The training windows of the language model.

    Args:
        cache: the notes of the corpus.
        split: train, valid or test.
        hear: performance -> heard notes.
    """
    return WindowSource(cache, split, prepared=with_modes, hear=hear, advise=advise)


def advise(heard: HeardNotes, analysed: bool) -> HeardNotes:
    """See `abcscribe.synthesis.windows.Advise`."""
    return with_analysis(heard, analyse(played_notes(heard)) if analysed else None)[0]


def with_modes(item: CachedPiece) -> CachedPiece:
    """The piece with a mode for each stretch of one signature.

    OpenScore's files have none and are read as major: 1,573 of 1,575 pieces. The classifier is right in 94.7 % of
    pieces whose mode is known.
    """
    if not item.piece.source.startswith("openscore"):
        return item
    notes, mode = item.notes, item.notes.mode.copy()
    changes = np.flatnonzero(np.diff(notes.fifths)) + 1
    for first, last in zip([0, *changes], [*changes, len(mode)], strict=True):
        inside = (notes.onset >= notes.bar_start[first] - 1e-3) & (notes.onset < notes.bar_start[last] - 1e-3)
        if inside.any():
            found = find_mode(
                notes.pitch[inside], notes.onset[inside], notes.duration[inside] / 2, int(notes.fifths[first])
            )
            mode[first:last] = MODES.index(found)
    return replace(item, notes=replace(notes, mode=mode))
