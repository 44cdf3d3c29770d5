"""ABC edit rate: the cost of correcting the score, relative to typing it anew (MCR, ISMIR 2026).

The package ``mcr-metric`` compares two ABC texts note by note and bar by bar: 1 for each wrong pitch, duration or
staff, 1 for a note to delete, 2 for a note to insert, divided by the cost of deleting all and typing the reference.
So a wrong melody in the right rhythm costs a third only, and metre, key, tempo and instruments nothing: read it
beside the others.

Where this differs: both texts are the canonical ABC of a Score. The package reads any text, and the letters of an
English sentence as notes; a text in which the project's reader finds no music scores 1 here. Defined values: two
scores without notes 0, one without notes 1. The package aligns all bars with all bars: beyond MOST_PAIRS nothing is
computed, ``mcr`` is NaN and ``skipped`` 1.
"""

from __future__ import annotations

import math

from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Score

MOST_PAIRS = 250_000  # written reference notes x predicted notes: 500 each take some 10 s


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """The edit rate of the canonical ABC of both scores.

    Returns:
        ``mcr`` in [0, 1], 0 is perfect, NaN beyond MOST_PAIRS; ``skipped``: 1 if the scores are too long to compare.
    """
    notes = [sum(len(bar) for part in score.parts for bar in part.bars) for score in (reference, prediction)]
    if not all(notes):
        return {"mcr": float(any(notes)), "skipped": 0.0}
    if math.prod(notes) > MOST_PAIRS:
        return {"mcr": math.nan, "skipped": 1.0}
    import mcr

    result = mcr.score(write_abc(prediction), write_abc(reference), pred_format="abc", ref_format="abc")
    return {"mcr": float(result.mcr), "skipped": 0.0}
