"""Rhythm: the written duration of each note and its place in the bar.

Tradition compares onsets and offsets in seconds; a score is right or wrong in its note values. Notes are matched by
voice and sequence (``matching``), wrongly pitched ones too, so a wrong pitch does not count a second time here. Values
must be equal exactly. Each figure is an F1 over all notes: unmatched notes count as wrong on either side.

``duration`` and ``position`` (in the bar, from its bar line) are compared as written; ``scaled`` compares durations
after the most frequent ratio between the two scores is taken out, so a piece written in twice the note values, which
lowers ``duration`` to 0, keeps it. Defined values: two scores without notes score 1; if only one has none, 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abcscribe.metrics.matching import VIEWS, VoiceMatch, lines, match_notes, match_voices
from abcscribe.score.model import Score


def compare(matches: Sequence[VoiceMatch]) -> dict[str, float]:
    """The F1 values of ``evaluate`` for voices that are matched already."""
    pairs = match_notes(matches)
    notes = sum(len(line.notes) for match in matches for line in (match.reference, match.prediction) if line)
    durations = Counter((expected.duration, given.duration) for expected, given in pairs)  # few are distinct
    scaled: Counter[float] = Counter()
    for (expected, given), count in durations.items():
        if expected:
            scaled[given / expected] += count
    right = {
        "duration": sum(count for (expected, given), count in durations.items() if expected == given),
        "position": sum([expected.position == given.position for expected, given in pairs]),
        "scaled": max(scaled.values(), default=0),
    }
    return {name: 2 * count / notes if notes else 1.0 for name, count in right.items()}


def score(matches: Sequence[VoiceMatch]) -> float:
    """The mean of ``duration`` and ``position``: what the reward and the headline use."""
    values = compare(matches)
    return (values["duration"] + values["position"]) / 2


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``duration``, ``position``, ``scaled`` and ``score``, the mean of the first two; all in [0, 1]."""
    values = compare(match_voices(lines(reference), lines(prediction), VIEWS))
    return values | {"score": (values["duration"] + values["position"]) / 2}
