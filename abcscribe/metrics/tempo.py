"""Tempo: quarter notes a minute, whatever note value the metronome mark counts.

The origin's loss is linear up to 10 BPM and exponential beyond. Beat tracking reports accuracy within 4 % instead,
strictly (``accuracy_1``) and with the half, third, double or triple tempo allowed (``accuracy_2``; Gouyon et al. 2006,
"An experimental comparison of audio tempo induction algorithms"); both are given, because a transcription written in
twice the note values is readable and yet loses everything here.

A piece with several marks has its mean tempo: all marked quarters over all marked time. Defined values: a reference
without any mark is NaN (cannot be scored); a prediction without one, or with an impossible one, loses 1.
"""

from __future__ import annotations

import math

from abcscribe.metrics.curve import graded_loss
from abcscribe.score.model import Score

KNEE = 10.0  # BPM, from the origin
KNEE_LOSS = 0.2  # 10 BPM at 120 is a different character but the same piece; the loss is 1 at 26 BPM, before 4/3 of it
ACCURACY = 0.04  # relative
OCTAVES = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)


def mean_tempo(score: Score) -> float | None:
    """Quarter BPM, None if no bar has a usable mark."""
    quarters = minutes = 0.0
    for bar in score.bars:
        bpm = bar.tempo.quarter_bpm if bar.tempo else 0.0
        if math.isfinite(bpm) and bpm > 0:
            quarters += float(bar.length)
            minutes += float(bar.length) / bpm
    return quarters / minutes if minutes > 0 else None


def loss(reference: Score, prediction: Score) -> float:
    """The origin's tempo loss in [0, 1]; NaN if the reference has no tempo."""
    expected, given = mean_tempo(reference), mean_tempo(prediction)
    if expected is None:
        return math.nan
    return 1.0 if given is None else graded_loss(given - expected, KNEE, KNEE_LOSS)


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``loss``; ``accuracy_1`` and ``accuracy_2``: 1 or 0; ``ratio``: predicted over reference tempo."""
    expected, given = mean_tempo(reference), mean_tempo(prediction)
    if expected is None:
        return dict.fromkeys(("loss", "accuracy_1", "accuracy_2", "ratio"), math.nan)
    ratio = given / expected if given else math.nan
    within = [1 - ACCURACY <= ratio / octave <= 1 + ACCURACY for octave in OCTAVES]  # comparisons with NaN are False
    return {
        "loss": loss(reference, prediction),
        "accuracy_1": float(within[0]),
        "accuracy_2": float(any(within)),
        "ratio": ratio,
    }
