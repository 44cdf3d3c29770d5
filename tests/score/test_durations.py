"""Exact durations -> written values."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import METRES, rhythms

from abcscribe.score.durations import Value, bar_offsets, write_rhythm
from abcscribe.score.model import Bar, Metre

ZERO = Fraction(0)


def shown(durations: str, metre: Metre, offset: Fraction = ZERO) -> str:
    """Values as text: ``1.~`` is a dotted quarter tied on, ``[3:2 ]`` a tuplet, ``z`` a rest, ``a`` and ``b`` beams."""
    rhythm, position = [], ZERO
    for word in durations.split():
        if not word.startswith("z"):
            rhythm.append((position, Fraction(word)))
        position += Fraction(word.lstrip("z"))
    return " ".join(map(_shown, write_rhythm(tuple(rhythm), position, metre, offset)))


def _shown(value: Value) -> str:
    text = f"[{value.actual}:{value.normal} " if value.bracket_start else ""
    text += ("z" if value.event is None else "") + str(value.base) + "." * value.dots + "~" * value.tied
    return text + ("abcdef"[value.beam - 1] if value.beam else "") + (" ]" if value.bracket_stop else "")


@pytest.mark.parametrize(
    ("durations", "metre", "written"),
    [
        ("1 1 2", Metre(4, 4), "1 1 2"),
        ("3/2 1/2 2", Metre(4, 4), "1. 1/2 2"),
        ("1/2 1 1/2 2", Metre(4, 4), "1/2 1 1/2 2"),  # a syncopation that everybody reads
        ("1/4 1 3/4 2", Metre(4, 4), "1/4a 1/2.~a 1/4b 1/2.b 2"),  # one that hides the beat
        ("5", Metre(5, 4), "4~ 1"),
        ("5/2 3/2", Metre(4, 4), "2~ 1/2 1."),
        ("1/2 5/2 1", Metre(4, 4), "1/2 1.~ 1 1"),
        ("1/2 1/2 1/2 1/2 1/2 1/2", Metre(6, 8), "1/2a 1/2a 1/2a 1/2b 1/2b 1/2b"),
        ("1/2 1/2 1/2 1/2 1/2 1/2", Metre(3, 4), "1/2a 1/2a 1/2b 1/2b 1/2c 1/2c"),
        ("1/2 1/2 1/2 1/2 1/2 1/2 1/2", Metre(7, 8), "1/2a 1/2a 1/2a 1/2b 1/2b 1/2c 1/2c"),
    ],
)
def test_plain_values_ties_and_beams(durations, metre, written):
    assert shown(durations, metre) == written


@pytest.mark.parametrize(
    ("durations", "metre", "written"),
    [
        ("z1 3", Metre(4, 4), "z1 2."),
        ("1 z3", Metre(4, 4), "1 z1 z2"),
        ("z1 1/2 3/2", Metre(6, 8), "z1 1/2 1."),
        ("z3/2 3/2", Metre(6, 8), "z1. 1."),
        ("1/2 z1 3/2", Metre(6, 8), "1/2 z1/2 z1/2 1."),
    ],
)
def test_rests_never_hide_a_beat(durations, metre, written):
    assert shown(durations, metre) == written


@pytest.mark.parametrize(
    ("durations", "metre", "written"),
    [
        ("1/3 1/3 1/3 3", Metre(4, 4), "[3:2 1/2a 1/2a 1/2a ] 2."),
        ("2/3 1/3 3", Metre(4, 4), "[3:2 1 1/2 ] 2."),
        ("2/3 2/3 2/3 2", Metre(4, 4), "[3:2 1 1 1 ] 2"),  # one bracket over two beats
        ("1/3 4/3 1/3 2", Metre(4, 4), "[3:2 1/2 1~ ] [3:2 1 1/2 ] 2"),  # not so this one
        ("4/3 1/3 1/3 2", Metre(4, 4), "1~ [3:2 1/2a 1/2a 1/2a ] 2"),
        ("1/3 z2/3 3", Metre(4, 4), "[3:2 1/2 z1 ] 2."),
        ("1/5 1/5 1/5 1/5 1/5 3", Metre(4, 4), "[5:4 1/4a 1/4a 1/4a 1/4a 1/4a ] 2."),
        ("3/10 3/10 3/10 3/10 3/10 3/2", Metre(6, 8), "[5:3 1/2a 1/2a 1/2a 1/2a 1/2a ] 1."),
        ("1/3 1/6 1/6 1/3 3", Metre(4, 4), "[3:2 1/2a 1/4a 1/4a 1/2a ] 2."),
    ],
)
def test_tuplets_follow_from_durations(durations, metre, written):
    assert shown(durations, metre) == written


def test_a_bar_without_events_is_left_to_the_writer():
    assert write_rhythm((), Fraction(4), Metre(), ZERO) == ()


def test_a_pickup_counts_its_beats_from_the_end_of_the_metre():
    bars = [Bar(Fraction(1, 2)), Bar(Fraction(4)), Bar(Fraction(3)), Bar(Fraction(1)), Bar(Fraction(4))]
    assert bar_offsets(bars) == [Fraction(7, 2), 0, 0, 3, 0]
    assert shown("1/2 1/2 1/2", Metre(4, 4), Fraction(5, 2)) == "1/2 1/2a 1/2a"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_values_fill_the_bar_and_write_every_event(data):
    metre = data.draw(st.sampled_from(METRES))
    length = metre.length if metre else Fraction(data.draw(st.integers(1, 30)), 2)
    rhythm = tuple(data.draw(rhythms(length)))
    values = write_rhythm(rhythm, length, metre, data.draw(st.sampled_from([ZERO, Fraction(1, 2)])))
    position = ZERO
    for value in values:
        assert value.start == position
        assert value.written * value.normal / value.actual == value.duration
        assert value.base.numerator == 1 or value.base.denominator == 1
        position += value.duration
    assert position == (length if rhythm else 0)
    for event, (start, duration) in enumerate(rhythm):
        written = [value for value in values if value.event == event]
        assert (written[0].start, sum(value.duration for value in written)) == (start, duration)
        assert [value.tied for value in written] == [True] * (len(written) - 1) + [False]


def test_a_rest_beside_a_tuplet_ends_at_the_beat() -> None:
    """The last eighth of a triplet on the third beat: no triplet over three beats."""
    values = write_rhythm(((Fraction(8, 3), Fraction(1, 3)),), Fraction(4), Metre(4, 4), Fraction(0))
    assert [(v.start, v.duration, v.actual) for v in values] == [
        (0, 2, 1), (2, Fraction(2, 3), 3), (Fraction(8, 3), Fraction(1, 3), 3), (3, 1, 1),
    ]  # fmt: skip
    over_two_beats = ((Fraction(0), Fraction(2, 3)), (Fraction(4, 3), Fraction(2, 3)))
    values = write_rhythm(over_two_beats, Fraction(4), Metre(4, 4), Fraction(0))
    assert [(v.start, v.duration) for v in values if v.event is None] == [(Fraction(2, 3), Fraction(2, 3)), (2, 2)]
