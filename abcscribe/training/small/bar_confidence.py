"""Fit the confidence of a bar: what an engine says of its notes -> how much of a bar is right.

    python benchmarks/learn_confidence.py [--engine NAME,...] [--fit SUITE] [--check SUITE ...] [--clips N]

Fits on --fit, the suite rendered from the valid split, and prints the weights for ``abcscribe/engines/confidence.py``;
then, for that suite and those of --check, the expected calibration error with these weights and with the ones in the
package, and the correlation with what was right. A suite is a folder; ``abcscribe evaluate --suite rendered-valid``
makes the first.
"""

from __future__ import annotations

import argparse
import dataclasses
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.calibration import bar_agreement, calibration
from abcscribe.evaluation.suites import read_suite
from abcscribe.score.model import Score
from abcscribe.transcription import transcribe
from abcscribe.writing.bar_confidence import WEIGHTS, features

RIDGE = 1e-4  # keeps weights finite


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="abcscribe,basic-pitch")
    parser.add_argument("--fit", type=Path, default=Path("data/suites/rendered-valid"))
    parser.add_argument("--check", type=Path, nargs="*", default=[])
    parser.add_argument("--clips", type=int, default=160, help="of each suite")
    options = parser.parse_args()
    for engine in options.engine.split(","):
        suites = {folder: bars(engine, folder, options.clips) for folder in (options.fit, *options.check)}
        weights = fit(*suites[options.fit])
        print(f'"{engine}": ({", ".join(f"{w:.2f}" for w in weights)}),')
        for folder, (known, right) in suites.items():
            errors = [error(known, right, np.array(w)) for w in (weights, WEIGHTS.get(engine)) if w is not None]
            correlation = np.corrcoef(predict(known, weights), right)[0, 1]
            print(f"  {folder.name}: {len(right)} bars, mean {right.mean():.2f}, ", end="")
            print(f"calibration error {' now, in the package '.join(f'{e:.3f}' for e in errors)}, ", end="")
            print(f"correlation {correlation:.2f}", flush=True)


def bars(engine: str, folder: Path, clips: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 3) features of the bars in which something was heard, and (n,) what was right in them."""
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
    return np.array(known), np.array(right)


def _all_confident(score: Score) -> Score:
    """The score with a confidence for just the bars that have features: others have no place in the comparison."""
    pairs = zip(score.bars, features(score), strict=True)
    bars_ = tuple(dataclasses.replace(bar, confidence=1.0 if of_bar else None) for bar, of_bar in pairs)
    return dataclasses.replace(score, bars=bars_)


def fit(known: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Constant and slopes, none below zero, with the least cross-entropy."""

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


if __name__ == "__main__":
    main()
