"""Repeats and endings written out, and written plainly."""

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abcscribe.score import Bar, Part, Score
from abcscribe.score.repeats import play_order, with_plain_repeats


def bars_of(text: str) -> tuple[Bar, ...]:
    """Bars are letters, a as long as 1 quarter, b 2; [ ] around one are repeat signs; a digit before it its ending."""
    bars: list[Bar] = []
    begins, ending = False, ""
    for sign in text:
        if sign == "[":
            begins = True
        elif sign.isdigit():
            ending = sign
        elif sign == "]":
            last = bars.pop()
            bars.append(Bar(last.length, repeat_start=last.repeat_start, repeat_end=True, ending=last.ending))
        else:
            bars.append(Bar(Fraction(ord(sign) - 96), repeat_start=begins, ending=ending))
            begins, ending = False, ""
    return tuple(bars)


def played(text: str) -> str:
    """The order in which the bars of ``text`` are played."""
    bars = bars_of(text)
    unfolded = Score(bars, (Part(((),) * len(bars)),)).unfolded()
    assert len(unfolded.parts[0].bars) == len(unfolded.bars)
    return "".join(chr(int(bar.length) + 96) for bar in unfolded.bars)


def test_repeats():
    assert played("abc") == "abc"
    assert played("ab]c") == "ababc"
    assert played("a[bc]d") == "abcbcd"
    assert played("[ab][cd]") == "ababcdcd"


def test_endings():
    assert played("ab1c]2d") == "abcabd"
    assert played("[a1b]2c[d1e]2f") == "abacdedf"
    assert played("a1b]2c]3d") == "abacad"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ab]cd]e", "ab][cd]e"),  # where a repeat starts
        ("[a1b]2c]d", "[a1b]2cd"),  # nothing goes back from the last ending
        ("[a1b]2c]de]", "[a1b]2c[de]"),
        ("a[b1c2d", "abcd"),  # signs of a repeat that never comes
        ("[a][bc", "[a]bc"),
        ("[a1b]2c]3d", "[a1b]2c]3d"),
    ],
)
def test_plain_repeats(text: str, plain: str):
    assert with_plain_repeats(bars_of(text)) == bars_of(plain)
    assert played(text) == played(plain)


SIGNS = st.tuples(st.booleans(), st.booleans(), st.sampled_from(["", "", "1", "2", "1,2", "3"]))


@given(st.lists(SIGNS, max_size=8))
def test_plain_repeats_are_played_as_before_and_stay_plain(signs: list[tuple[bool, bool, str]]):
    bars = tuple(Bar(Fraction(4), repeat_start=start, repeat_end=end, ending=ending) for start, end, ending in signs)
    plain = with_plain_repeats(bars)
    assert play_order(plain) == play_order(bars)
    assert with_plain_repeats(plain) == plain


def test_broken_repeats_end_soon():
    for bars in (
        [Bar(Fraction(1), repeat_end=True, ending="999999" if i % 2 else "") for i in range(400)],
        [
            Bar(Fraction(1), repeat_start=i == 0, repeat_end=i == 399, ending="999999" if i == 399 else "")
            for i in range(400)
        ],
    ):
        began = time.process_time()
        unfolded = Score(tuple(bars), (Part(((),) * 400),)).unfolded()
        assert len(unfolded.bars) <= 10 * 400
        assert time.process_time() - began < 1  # quadratic repeats took ten seconds
