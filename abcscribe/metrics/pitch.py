"""Pitch: the notes of each voice in their order, without regard to time.

``loss`` is the origin's: the Levenshtein distance between the pitch sequence of each predicted voice and its best
reference voice, paired by an assignment, so that the order of voices does not matter; a missing or extra voice costs
all its notes. It is divided by the most edits that pairs of such lengths can need, which keeps it in [0, 1] and makes
each further wrong note cost more. Note F1 against a recording, the field's tradition, is in ``notes``; this one needs
no clock, so a wrong tempo or metre does not change it.

``loss_merged`` compares each score as one sequence by onset: notes in the wrong voice (a pianist's hands) cost nothing
there, a wrong order does. Defined values: two scores without notes lose 0; if only one of them has none, the loss
is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from abcscribe.metrics.matching import Line, VoiceMatch, lines, match_voices, merged
from abcscribe.score.model import Score


def loss(matches: Sequence[VoiceMatch]) -> float:
    """The origin's pitch loss in [0, 1] of matched voices."""
    worst = sum(match.worst for match in matches)
    return sum(match.edits for match in matches) / worst if worst else 0.0


def _merged_loss(expected: Sequence[Line], given: Sequence[Line]) -> float:
    one, other = ([merged(voices)] if voices else [] for voices in (expected, given))
    return loss(match_voices(one, other))


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``loss``, ``loss_merged``, and ``notes``: predicted over reference number of notes (inf if there are none)."""
    expected, given = lines(reference), lines(prediction)
    n_expected, n_given = (sum(len(line.notes) for line in side) for side in (expected, given))
    return {
        "loss": loss(match_voices(expected, given)),
        "loss_merged": _merged_loss(expected, given),
        "notes": n_given / n_expected if n_expected else (float("inf") if n_given else 1.0),
    }
