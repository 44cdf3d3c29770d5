"""Instruments: whether the right ones are there, and whether each has its own notes.

``loss`` is the origin's: parts of both scores are paired so that the losses add up to the least, whatever their
order; a pair loses nothing for the same General MIDI program, something for the same family, and more the less alike
the names are; missing and extra parts lose 1 each. It compares the instrumentation, not the assignment of notes to
instruments: that is ``per_note``, the share of reference notes whose voice is matched with a voice of the same program
(voices are matched by all ``VIEWS``).

Defined values: two scores without parts lose 0; if only one of them has none, the loss is 1. ``per_note`` of a
reference without notes is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Indel
from scipy.optimize import linear_sum_assignment

from abcscribe.metrics.matching import VIEWS, VoiceMatch, lines, match_voices
from abcscribe.score import instruments
from abcscribe.score.model import Part, Score

FAMILY_LOSS = 0.3  # a cello for a violin reads well in another clef; a wrong family cannot lose less than this


def part_loss(expected: Part, given: Part) -> float:
    """0 the same program, FAMILY_LOSS the same family, else between FAMILY_LOSS (equal names) and 1 (nothing alike)."""
    if expected.program == given.program:
        return 0.0
    if instruments.family(expected.program) == instruments.family(given.program):
        return FAMILY_LOSS
    alike = Indel.normalized_similarity(_label(expected), _label(given))
    return FAMILY_LOSS + (1 - FAMILY_LOSS) * (1 - alike)


def _label(part: Part) -> str:
    """The printed name, or that of the program; at most as long as the longest sensible one."""
    return (part.name or instruments.name(part.program)).casefold()[:64]


def loss(reference: Score, prediction: Score) -> float:
    """The origin's instrument loss in [0, 1]."""
    expected, given = reference.parts, prediction.parts
    parts = max(len(expected), len(given))
    if parts == 0:
        return 0.0
    losses = np.array([[part_loss(r, p) for p in given] for r in expected]).reshape(len(expected), len(given))
    rows, columns = linear_sum_assignment(losses)
    return (float(losses[rows, columns].sum()) + (parts - len(rows))) / parts


def per_note(matches: Sequence[VoiceMatch]) -> float:
    """Share of reference notes in voices that are matched with a voice of the same program; NaN without such notes."""
    total = sum(len(match.reference.notes) for match in matches if match.reference)
    right = sum(
        len(match.reference.notes)
        for match in matches
        if match.reference and match.prediction and match.reference.program == match.prediction.program
    )
    return right / total if total else math.nan


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``loss``, ``per_note``, and ``parts``: predicted less reference number of parts."""
    return {
        "loss": loss(reference, prediction),
        "per_note": per_note(match_voices(lines(reference), lines(prediction), VIEWS)),
        "parts": float(len(prediction.parts) - len(reference.parts)),
    }
