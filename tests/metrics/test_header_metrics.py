"""Metre, tempo and key: the curve they share, and each number worked out by hand."""

import math
from fractions import Fraction

import mir_eval.key
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunes import score

from abcscribe.metrics import key, metre, tempo
from abcscribe.metrics.curve import graded_loss
from abcscribe.score import Bar, Key, Metre, Score, Tempo

EMPTY = Score()


def one_bar(time: Metre | None) -> Score:
    return Score((Bar(Fraction(4), time),))


def at(bpm: float, beat: Fraction = Fraction(1)) -> Score:
    return Score((Bar(Fraction(4), tempo=Tempo(bpm, beat)),))


def in_key(fifths: int, mode: str = "major") -> Score:
    return Score((Bar(Fraction(4), key=Key(fifths, mode)),))


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_curve_never_falls_and_stays_in_bounds(a: float, b: float):
    low, high = sorted((graded_loss(min(a, b), 10, 0.2), graded_loss(max(a, b), 10, 0.2)))
    assert graded_loss(min(a, b), 10, 0.2) == low
    assert 0 <= low <= high <= 1


@given(st.floats(0, 40))
def test_the_curve_is_continuous(difference: float):
    # The steepest slope is at the cap: loss' = loss / knee = 1 / 10.
    assert abs(graded_loss(difference + 1e-4, 10, 0.2) - graded_loss(difference, 10, 0.2)) <= 1e-4 / 10 + 1e-9


def test_the_curve_joins_line_and_exponential_with_one_slope():
    h = 1e-6
    left = (graded_loss(10, 10, 0.2) - graded_loss(10 - h, 10, 0.2)) / h
    right = (graded_loss(10 + h, 10, 0.2) - graded_loss(10, 10, 0.2)) / h
    assert left == pytest.approx(right, rel=1e-4)


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf, 1e308])
def test_the_curve_survives_strange_differences(strange: float):
    assert graded_loss(strange, 10, 0.2) == 1


@pytest.mark.parametrize(
    ("expected", "given", "loss"),
    [
        # (numerator + denominator + ratio) / 3; at its knee each loses 1/2
        (Metre(4, 4), Metre(4, 4), 0),
        (Metre(4, 4), Metre(3, 4), (0.25 + 0 + 0.5) / 3),  # one beat of two; 1/4 of 1/4
        (Metre(4, 4), Metre(2, 4), (0.5 + 0 + 1) / 3),  # ratio off by 1/2: e^1 / 2 > 1
        (Metre(4, 4), Metre(2, 2), (0.5 + 0.5 + 0) / 3),  # the same length
        (Metre(3, 4), Metre(6, 8), (0.5 * math.exp(0.5) + 0.5 + 0) / 3),  # 3 beats are 1.5 knees
        (Metre(4, 4), Metre(7, 16), (0.5 * math.exp(0.5) + 1 + 1) / 3),  # two halvings; ratio off by 9/16
        (None, None, 0),
        (None, Metre(4, 4), 1),
    ],
)
def test_metre_loss_by_hand(expected: Metre | None, given: Metre | None, loss: float):
    assert metre.metre_loss(expected, given) == pytest.approx(loss)
    assert metre.metre_loss(given, expected) == pytest.approx(loss)


def test_the_metre_that_prevails_counts():
    mixed = Score((Bar(Fraction(2), Metre(2, 4)), *[Bar(Fraction(3), Metre(3, 4))] * 2))
    assert metre.evaluate(one_bar(Metre(3, 4)), mixed) == {"loss": 0, "exact": 1}


def test_metre_of_nothing():
    assert math.isnan(metre.evaluate(EMPTY, one_bar(Metre()))["loss"])
    assert metre.evaluate(one_bar(Metre()), EMPTY) == {"loss": 1, "exact": 0}


@pytest.mark.parametrize(
    ("bpm", "loss"),
    [(100, 0), (105, 0.1), (90, 0.2), (115, 0.2 * math.exp(0.5)), (126.1, 0.2 * math.exp(1.61)), (130, 1), (50, 1)],
)
def test_tempo_loss_by_hand(bpm: float, loss: float):
    assert tempo.loss(at(100), at(bpm)) == pytest.approx(min(loss, 1))


def test_tempo_is_counted_in_quarters():
    assert tempo.loss(at(60, Fraction(3, 2)), at(90)) == 0


def test_tempo_accuracy_allows_octaves_only_in_the_second():
    assert tempo.evaluate(at(100), at(51)) == {"loss": 1, "accuracy_1": 0, "accuracy_2": 1, "ratio": 0.51}
    assert tempo.evaluate(at(100), at(104))["accuracy_1"] == 1
    assert tempo.evaluate(at(100), at(105))["accuracy_2"] == 0


def test_mean_tempo_is_all_quarters_over_all_time():
    # 4 quarters at 120 take 2 s, 4 at 60 take 4 s: 8 quarters in 6 s are 80 BPM
    mixed = Score((Bar(Fraction(4), tempo=Tempo(120)), Bar(Fraction(4), tempo=Tempo(60))))
    assert tempo.mean_tempo(mixed) == pytest.approx(80)


@pytest.mark.parametrize("bpm", [0.0, -3.0, math.nan, math.inf])
def test_an_impossible_tempo_is_no_tempo(bpm: float):
    assert tempo.mean_tempo(at(bpm)) is None
    assert tempo.loss(at(100), at(bpm)) == 1
    assert math.isnan(tempo.loss(at(bpm), at(100)))


KEYS = [Key(f, m) for f in range(-5, 7) for m in ("major", "minor")]


@pytest.mark.parametrize("expected", KEYS, ids=str)
def test_key_score_agrees_with_mir_eval(expected: Key):
    for found in KEYS:
        assert key.key_score(expected, found) == mir_eval.key.weighted_score(str(expected), str(found)), found


def test_key_of_modes():
    d_dorian = Key(0, "dorian")
    assert key.key_score(Key(0), d_dorian) == key.RELATIVE
    assert key.key_score(Key(-1, "minor"), d_dorian) == key.PARALLEL  # D minor
    assert key.key_score(Key(0, "minor"), Key(0, "aeolian")) == 1


def test_key_signature_is_what_the_staff_shows():
    assert key.evaluate(in_key(6), in_key(-6)) == {"score": 1, "exact": 1, "signature": 0}  # F# and Gb
    assert key.evaluate(in_key(0), in_key(0, "minor")) == {"score": 0.3, "exact": 0, "signature": 1}


def test_key_of_nothing():
    assert math.isnan(key.evaluate(EMPTY, in_key(0))["score"])
    assert key.evaluate(in_key(0), EMPTY) == {"score": 0, "exact": 0, "signature": 0}


def test_header_metrics_do_not_look_at_notes():
    tune, silence = score("C4 D4 E4 F4"), score("z:4")
    assert metre.loss(tune, silence) == tempo.loss(tune, silence) == 0
    assert key.score(tune, silence) == 1
