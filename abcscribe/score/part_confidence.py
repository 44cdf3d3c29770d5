"""How sure the notes of each part of a recorded score are."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Score
from abcscribe.score.timing import followed


def of_parts(score: Score) -> list[float | None]:
    """The mean probability that a note of each part was played, as the engine gives it for the notes it heard.

    None for a part of which nothing was heard, for drums, whose hits have no probability, and for certain notes, as of
    a MIDI file.
    """
    if all(note.confidence >= 1 for note in score.performance):
        return [None] * len(score.parts)
    sure: dict[int, list[float]] = defaultdict(list)
    for (part, *_), index in followed(score)[1].items():
        sure[part].append(score.performance[index].confidence)
    known = (sure[i] if part.program != PERCUSSION else [] for i, part in enumerate(score.parts))
    return [round(fmean(own), 2) if own else None for own in known]
