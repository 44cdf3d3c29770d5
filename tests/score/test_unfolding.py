"""Repeats and endings written out."""

import time
from fractions import Fraction

from abcscribe.score import Bar, Part, Score


def played(text: str) -> str:
    """The order in which the bars of ``text`` are played. Bars are letters; [ ] around one are repeat signs; a digit
    before it is its ending."""
    bars, names, begins, ending = [], "", False, ""
    for sign in text:
        if sign == "[":
            begins = True
        elif sign.isdigit():
            ending = sign
        elif sign == "]":
            last = bars.pop()
            bars.append(Bar(last.length, repeat_start=last.repeat_start, repeat_end=True, ending=last.ending))
        else:
            bars.append(Bar(Fraction(len(bars) + 1), repeat_start=begins, ending=ending))
            names, begins, ending = names + sign, False, ""
    unfolded = Score(tuple(bars), (Part(((),) * len(bars)),)).unfolded()
    assert len(unfolded.parts[0].bars) == len(unfolded.bars)
    return "".join(names[int(bar.length) - 1] for bar in unfolded.bars)


def test_repeats():
    assert played("abc") == "abc"
    assert played("ab]c") == "ababc"
    assert played("a[bc]d") == "abcbcd"
    assert played("[ab][cd]") == "ababcdcd"


def test_endings():
    assert played("ab1c]2d") == "abcabd"
    assert played("[a1b]2c[d1e]2f") == "abacdedf"
    assert played("a1b]2c]3d") == "abacad"


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
