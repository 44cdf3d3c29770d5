"""A score in one line, and how far it is to be believed."""

from dataclasses import replace
from fractions import Fraction

import pytest

from abcscribe.score.model import Bar, Key, Metre, Part, Score, Tempo
from abcscribe.score.summary import confidence, doubts, first_number, summary

BAR = Bar(Fraction(3), Metre(6, 8), Key(1), Tempo(92, Fraction(3, 2)))


def score(*sure, pickup=False):
    bars = [replace(BAR, confidence=value) for value in sure]
    if pickup:
        bars[0] = replace(bars[0], length=Fraction(1, 2))
    return Score(tuple(bars), (Part(((),) * len(bars), "Violin", 40), Part(((),) * len(bars), "", 42)))


def test_a_line_says_what_stands_at_the_top_of_the_page():
    assert summary(score(None, None)) == "6/8, G major, dotted quarter = 92, Violin + Cello, 2 bars"
    assert summary(Score()) == "no music"
    assert first_number(Score()) == 1


@pytest.mark.parametrize(
    ("sure", "pickup", "said"),
    [
        ((0.9, 0.9), False, ""),
        ((None, None), False, ""),
        ((0.9, 0.5, 0.9), False, "bar 2 is doubtful"),
        ((0.9, 0.5, 0.5, 0.9, 0.5), False, "bars 2-3 and 5 are doubtful"),
        ((0.5, 0.9, 0.5, 0.9, 0.5), True, "bars 0, 2 and 4 are doubtful"),
        ((0.5, 0.9) * 6, False, "6 bars are doubtful"),
        ((0.3, 0.3, 0.4), False, "not usable as it is: only about 33% of its notes are expected to be right"),
    ],
)
def test_doubts(sure, pickup, said):
    assert doubts(score(*sure, pickup=pickup)) == said


def test_bars_of_which_nothing_is_known_do_not_count():
    assert confidence(score(0.8, None, 0.6)) == 0.7
    assert confidence(score(None)) is None
