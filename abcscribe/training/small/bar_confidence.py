"""Fit ``bar_confidence.json``: note confidences of an engine -> agreement of a bar.
``abcscribe train small bar-confidence``.

Fits on a suite rendered from the valid split (``abcscribe evaluate --suite rendered-valid`` makes it). Prints, for that
suite and others, the expected calibration error with the new and with the former weights, and the correlation with the
agreement.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.calibration import bar_agreement, calibration
from abcscribe.evaluation.suites import read_suite
from abcscribe.files import replacing
from abcscribe.score.model import Score
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import BarConfidence
from abcscribe.transcription import transcribe
from abcscribe.writing.bar_confidence import CONSTANT, FEATURES, features

RIDGE = 1e-4  # keeps weights finite


def main(config: BarConfidence) -> Iterator[Entry]:
    """Fit each engine and write the file; yields calibration figures. Raises AbcscribeError without bars to fit to."""
    path = config.weights / "bar_confidence.json"
    stored: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for engine in config.engine:
        suites = {folder: bars(engine, folder, config.clips) for folder in (config.fit, *config.check)}
        weights = {"new": fit(*suites[config.fit])}
        if engine in stored:
            weights["before"] = np.array([stored[engine][name] for name in (CONSTANT, *FEATURES)])
        for folder, (known, right) in suites.items():
            errors = {name: round(error(known, right, own), 4) for name, own in weights.items()}
            correlation = round(float(np.corrcoef(predict(known, weights["new"]), right)[0, 1]), 4)
            told = {"bars": len(right), "right": round(float(right.mean()), 4), "correlation": correlation}
            yield {"valid": folder.name, "engine": engine, **told, "calibration error": errors}
        fitted = np.round(weights["new"], 2).tolist()
        stored[engine] = dict(zip((CONSTANT, *FEATURES), fitted, strict=True))
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def bars(engine: str, folder: Path, clips: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, FEATURES) of the bars with transcribed notes, and (n,) their agreement. Raises AbcscribeError without any."""
    known: list[tuple[float, ...]] = []
    right: list[float] = []
    for clip in read_suite(folder)[:clips]:
        if clip.notes is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score = transcribe(clip.audio, engine=engine)
        except AbcscribeError:
            continue
        found = [of_bar for of_bar in features(score) if of_bar]
        agreement = [agreed for _, agreed in bar_agreement(clip.notes, _all_confident(score))]
        known += found
        right += agreement
    if not right:
        raise AbcscribeError(f"No clip in {folder} has bars whose notes are known: there is nothing to fit to.")
    return np.array(known), np.array(right)


def _all_confident(score: Score) -> Score:
    """The score with a confidence for just the bars that have features: others are not compared."""
    pairs = zip(score.bars, features(score), strict=True)
    bars_ = tuple(dataclasses.replace(bar, confidence=1.0 if of_bar else None) for bar, of_bar in pairs)
    return dataclasses.replace(score, bars=bars_)


def fit(known: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Constant and non-negative slopes of a logistic regression, by least cross-entropy."""

    def loss(weights: np.ndarray) -> float:
        p = np.clip(predict(known, weights), 1e-6, 1 - 1e-6)
        entropy = -np.mean(right * np.log(p) + (1 - right) * np.log(1 - p))
        return float(entropy + RIDGE * np.sum(weights[1:] ** 2))

    slopes = known.shape[1]
    found: np.ndarray = minimize(loss, np.zeros(1 + slopes), bounds=[(None, None)] + [(0, None)] * slopes).x
    return found


def predict(known: np.ndarray, weights: np.ndarray) -> np.ndarray:
    predicted: np.ndarray = 1 / (1 + np.exp(-weights[0] - known @ weights[1:]))
    return predicted


def error(known: np.ndarray, right: np.ndarray, weights: np.ndarray) -> float:
    return calibration(list(zip(predict(known, weights), right, strict=True)))[1]
