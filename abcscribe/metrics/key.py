"""Key: whether the key is right, or a related one.

``score`` is the weighted score of MIREX as ``mir_eval.key`` computes it: 1 the same key, 0.5 the same mode a perfect
fifth above, 0.3 the relative, 0.2 the parallel key. Where it differs from mir_eval: modes. Ionian is major and aeolian
minor; a church mode against another mode of the same signature (D dorian for C major) is a relative key, and "none"
(a signature without a tonic) counts as a mode of its own. ``signature`` compares only the sharps and flats on the
staff, which is all that the sheet shows; enharmonic signatures are different there.

A piece that modulates counts as the key that prevails. Defined values: a reference without bars is NaN, a prediction
without bars scores 0.
"""

from __future__ import annotations

import math

from abcscribe.metrics.prevailing import prevailing
from abcscribe.score.model import MODE_FIFTHS, Key, Score

FIFTH, RELATIVE, PARALLEL = 0.5, 0.3, 0.2  # the weights of MIREX
SAME_MODE = {"ionian": "major", "aeolian": "minor"}


def key_score(expected: Key, given: Key) -> float:
    """The MIREX weight in [0, 1] of the relation between two keys; enharmonic keys are the same."""
    same_mode = _mode(expected) == _mode(given)
    tonic_up = (_tonic(given) - _tonic(expected)) % 12
    if same_mode:
        return {0: 1.0, 7: FIFTH}.get(tonic_up, 0.0)
    if (given.fifths - expected.fifths) % 12 == 0:
        return RELATIVE
    return PARALLEL if tonic_up == 0 else 0.0


def _mode(key: Key) -> str:
    return SAME_MODE.get(key.mode, key.mode)


def _tonic(key: Key) -> int:
    """Semitones above C."""
    return 7 * (key.fifths + MODE_FIFTHS.get(key.mode, 0)) % 12


def score(reference: Score, prediction: Score) -> float:
    """The weighted score of the prevailing keys; NaN if the reference has no bars."""
    if not reference.bars:
        return math.nan
    if not prediction.bars:
        return 0.0
    return key_score(prevailing(reference, lambda bar: bar.key), prevailing(prediction, lambda bar: bar.key))


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``score`` and ``exact`` as MIREX has them; ``signature``: 1 if the prevailing signatures are the same."""
    weighted = score(reference, prediction)
    if math.isnan(weighted):
        return dict.fromkeys(("score", "exact", "signature"), math.nan)
    signatures = [prevailing(s, lambda bar: bar.key.fifths) for s in (reference, prediction) if s.bars]
    return {
        "score": weighted,
        "exact": float(weighted == 1),
        "signature": float(len(signatures) == 2 and signatures[0] == signatures[1]),
    }
