"""What a user may type as a hint, and what is refused with which sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abcscribe.hints import HintError, Hints, parse_instrument, parse_key, parse_metre, parse_seconds, parse_tempo
from abcscribe.score.model import MODE_FIFTHS, Key, Metre


@pytest.mark.parametrize(
    ("text", "metre"),
    [("3/4", Metre(3, 4)), (" 12 / 8 ", Metre(12, 8)), ("C", Metre(4, 4)), ("C|", Metre(2, 2))],
)
def test_metres(text: str, metre: Metre) -> None:
    assert parse_metre(text) == metre


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", Key(0)), ("g", Key(1)), ("Am", Key(0, "minor")), ("A minor", Key(0, "minor")), ("Bb", Key(-2)),
        ("F# minor", Key(3, "minor")), ("D dorian", Key(0, "dorian")), ("Gmix", Key(0, "mixolydian")),
        ("E♭ major", Key(-3)), ("AM", Key(3)),
    ],
)  # fmt: skip
def test_keys(text: str, key: Key) -> None:
    assert parse_key(text) == key


@given(st.integers(-7, 7), st.sampled_from(sorted(MODE_FIFTHS)))
def test_every_key_is_read_as_it_is_printed(fifths: int, mode: str) -> None:
    assert parse_key(str(Key(fifths, mode))) == Key(fifths, mode)


@pytest.mark.parametrize(
    ("text", "program"),
    [("violin", 40), ("Alto Sax", 65), ("piano", 0), ("flute", 73), ("nylon", 24), ("66", 66), ("0", 0)],
)
def test_instruments(text: str, program: int) -> None:
    assert parse_instrument(text) == program


@pytest.mark.parametrize(("text", "seconds"), [("95.5", 95.5), ("1:35.5", 95.5), ("1:00:01", 3601), ("0", 0)])
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (parse_metre, "0/4"), (parse_metre, "4/5"), (parse_metre, "waltz"), (parse_metre, ""),
        (parse_key, "H"), (parse_key, "C banana"), (parse_key, "G#"), (parse_key, ""),
        (parse_instrument, "kazoo"), (parse_instrument, "128"), (parse_instrument, " "),
        (parse_seconds, "-1"), (parse_seconds, "soon"), (parse_seconds, "1:2:3:4"),
        (parse_tempo, "0"), (parse_tempo, "nan"), (parse_tempo, "inf"), (parse_tempo, "fast"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_a_sentence_that_quotes_it(parse, text: str) -> None:
    with pytest.raises(HintError, match=r".*\.$") as failure:
        parse(text)
    assert repr(text) in str(failure.value)


def test_tempo() -> None:
    assert parse_tempo("92.5") == 92.5


def test_hints_take_text_and_values() -> None:
    typed = Hints(tempo="96", metre="3/4", key="Am", instrument="flute", downbeat="1:05")
    assert typed == Hints(96.0, Metre(3, 4), Key(0, "minor"), 73, 65.0)
    assert Hints() == Hints(None, None, None, None, None)
    with pytest.raises(HintError, match="not a metre"):
        Hints(metre="three")
