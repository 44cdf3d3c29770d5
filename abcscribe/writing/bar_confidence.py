"""Note confidences -> the confidence of each bar: the share of it that is expected to be right.

An engine's own confidences increase with correctness but are not calibrated. For each engine a logistic regression on
three features is fitted to the agreement in recordings rendered from the valid split: the F1 of the onsets of a bar's
notes within 100 ms. It is non-decreasing in each of the three:

- the mean confidence of the notes heard in the bar, and of those in the whole recording (a bad room spoils all bars);
- the number of notes in the bar: single notes are often false, or not the only ones.

The certainty of a bar's rhythm was tried as a feature and left out: it is uncorrelated with which notes are right
(.04). ``abcscribe train small bar-confidence`` fits the weights and prints their calibration. Bars of an engine
without weights get no confidence, which is better than a wrong one.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from statistics import fmean

from abcscribe.errors import EngineError
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.score.model import Score

Features = tuple[float, float, float]  # of a bar; see FEATURES
FEATURES = ("confidence in the bar", "confidence in the recording", "logarithm of 1 + notes")
CONSTANT = "constant"
WEIGHTS = FOLDER / "bar_confidence.json"  # for each engine the constant and a slope for each of FEATURES


def calibrated(score: Score, engine: str) -> Score:
    """The score with a confidence for each bar; None for bars without a note or a time.

    Args:
        score: with the transcribed notes in ``performance``.
        engine: the name of the engine that transcribed the notes, on which correctness depends more than on the writer;
            "" for a checkpoint that no weights were fitted to.

    Raises:
        EngineError: the file of weights is missing or damaged.
    """
    weights = fitted().get(engine)
    found = features(score) if weights else [None] * len(score.bars)
    bars = tuple(
        dataclasses.replace(bar, confidence=_expected(of_bar, weights) if of_bar and weights else None)
        for bar, of_bar in zip(score.bars, found, strict=True)
    )
    return dataclasses.replace(score, bars=bars)


@cache
def fitted() -> Mapping[str, tuple[float, ...]]:
    """For each engine that was fitted: the constant, and the slopes in the order of FEATURES. Raises EngineError."""
    try:
        stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        return {engine: tuple(row[name] for name in (CONSTANT, *FEATURES)) for engine, row in stored.items()}
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(f"{WEIGHTS} holds no weights: fit them with abcscribe train small bar-confidence.") from error


def features(score: Score) -> list[Features | None]:
    """The features of each bar; None for a bar without transcribed notes."""
    notes = sorted(score.performance, key=lambda note: note.onset)
    if not notes:
        return [None] * len(score.bars)
    onsets, whole = [note.onset for note in notes], fmean(note.confidence for note in notes)
    begins = _begins(score)
    spans = [slice(bisect_left(onsets, a), bisect_left(onsets, b)) for a, b in itertools.pairwise([*begins, math.inf])]
    return [
        (fmean(note.confidence for note in inside), whole, math.log1p(len(inside))) if (inside := notes[span]) else None
        for span in spans
    ]


def _begins(score: Score) -> list[float]:
    """Seconds at which the bars begin; one whose time is not known begins, and ends, where the next one does."""
    begins, following = [], math.inf
    for bar in reversed(score.bars):
        following = following if bar.seconds is None else bar.seconds
        begins.append(following)
    return begins[::-1]


def _expected(of_bar: Sequence[float], weights: Sequence[float]) -> float:
    constant, *slopes = weights
    return round(1 / (1 + math.exp(-constant - sum(w * x for w, x in zip(slopes, of_bar, strict=True)))), 2)
