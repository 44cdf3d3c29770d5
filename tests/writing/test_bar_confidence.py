"""The confidence of bars: a rising function of what was heard in them."""

import dataclasses
import math
from fractions import Fraction

import pytest

from abcscribe.score import Bar, PlayedNote, Score
from abcscribe.writing import bar_confidence

BARS = tuple(Bar(Fraction(4), seconds=seconds, confidence=0.5) for seconds in (0.0, 2.0, 4.0, None, 8.0))


def heard(*notes: tuple[float, float]) -> Score:
    """A score of five bars in which notes of some confidence were heard at some time."""
    return Score(BARS, performance=tuple(PlayedNote(at, at + 0.5, 60, confidence=sure) for at, sure in notes))


def bars(score: Score, engine: str = "abcscribe") -> list[float | None]:
    return [bar.confidence for bar in bar_confidence.calibrated(score, engine).bars]


def test_features_by_hand():
    found = bar_confidence.features(heard((0.0, 0.9), (1.9, 0.7), (2.0, 0.8), (9.0, 0.4)))
    assert found[0] == pytest.approx((0.8, 0.7, math.log(3)))
    assert found[1] == pytest.approx((0.8, 0.7, math.log(2)))
    assert found[2:4] == [None, None]  # nothing heard; no place in the recording
    assert found[4] == pytest.approx((0.4, 0.7, math.log(2)))


def test_more_and_surer_notes_make_a_bar_surer():
    one, other = bars(heard((0.0, 0.9), (1.0, 0.9), (2.0, 0.6), (3.0, 0.6)))[:2]
    assert 0 < other < one < 1
    assert bars(heard((0.0, 0.9), (0.5, 0.9), (1.0, 0.9)))[0] > bars(heard((0.0, 0.9)))[0]
    assert bars(heard((0.0, 0.9), (2.0, 0.9)))[0] > bars(heard((0.0, 0.9), (2.0, 0.3)))[0]


def test_nothing_known_is_nothing_said():
    assert bars(heard()) == [None] * 5
    assert bars(heard((0.0, 1.0)), engine="transkun") == [None] * 5
    assert bar_confidence.calibrated(Score(), "abcscribe") == Score()


def test_weights_that_nothing_was_fitted_to_have_no_confidence():
    assert bars(heard((0.0, 0.9), (2.0, 0.6)), "") == [None] * 5


def test_no_weight_is_negative():
    for constant, *slopes in bar_confidence.fitted().values():
        assert constant < 0 <= min(slopes)


def test_only_confidence_is_changed():
    score = heard((0.0, 0.9), (2.0, 0.9))
    cleared = [dataclasses.replace(s, bars=()) for s in (score, bar_confidence.calibrated(score, "abcscribe"))]
    assert cleared[0] == cleared[1]
