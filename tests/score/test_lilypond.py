"""Score -> LilyPond, and what is said of a LilyPond source that is read."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from example_scores import note

from abcscribe.score import Bar, Direction, Metre, Part, Score
from abcscribe.score.differences import differences
from abcscribe.score.lilypond import to_lilypond
from abcscribe.score.lilypond_source import left_out
from abcscribe.score.readers import read_score

TWO = Metre(2, 4)


def read_again(score: Score, folder: Path) -> Score:
    path = folder / "score.ly"
    path.write_text(to_lilypond(score), encoding="utf-8")
    return read_score(path)


def lines_of(score: Score) -> list[str]:
    return to_lilypond(score).splitlines()


def of_bars(*lengths: str, repeat: int | None = None) -> Score:
    """A voice of quarters and what is left, in 2/4; ``repeat``: the bar with a repeat sign."""
    bars = tuple(Bar(Fraction(n), TWO, repeat_end=i == repeat) for i, n in enumerate(lengths))
    music = tuple(
        (note(0, min(bar.length, 1), "C4"), *((note(1, bar.length - 1, "D4"),) * (bar.length > 1))) for bar in bars
    )
    return Score(bars, (Part(music, "Flute", 73),))


@pytest.mark.parametrize(
    "lengths",
    [("1/2", "2", "3/2"), ("2", "3", "2"), ("2", "7/2", "2", "1", "2"), ("2", "3/2", "1/2", "2"), ("2", "2", "5/2")],
)
def test_bars_of_any_length_come_back(lengths: tuple[str, ...], tmp_path: Path) -> None:
    score = of_bars(*lengths)
    assert differences(score, read_again(score, tmp_path)) == []


def test_a_bar_that_a_repeat_divides(tmp_path: Path) -> None:
    score = of_bars("1/2", "2", "3/2", "1/2", "2", repeat=2)
    assert differences(score, read_again(score, tmp_path)) == []


def test_an_irregular_bar_is_timed_and_the_next_one_again() -> None:
    assert [line for line in lines_of(of_bars("2", "3", "2")) if "measureLength" in line] == [
        "\\set Timing.measureLength = #(ly:make-moment 3/4) c'4 d'2 |",
        "\\set Timing.measureLength = #(ly:make-moment 1/2) c'4 d'4 |",
    ]


def test_an_empty_pickup_has_rests_and_a_short_last_bar_no_check() -> None:
    bars = (Bar(Fraction(1, 2), TWO), Bar(Fraction(2), TWO), Bar(Fraction(3, 2), TWO))
    part = Part(((), (note(0, 2, "C4"),), (note(0, 1, "C4"),)))
    written = lines_of(Score(bars, (part,)))
    assert next(line for line in written if "\\partial" in line).endswith("\\partial 8 r8 |")
    assert "c'4 r8" in written


def test_texts_at_rests_and_signs_at_the_end_of_a_bar(tmp_path: Path) -> None:
    score = of_bars("2", "2", "2")
    signs = (
        (Direction(Fraction(0), "hairpin", "<"), Direction(Fraction(2), "hairpin", "!")),
        (Direction(Fraction(0), "words", "rit."),),
        (),
    )
    part = replace(score.parts[0], bars=(score.parts[0].bars[0], (note(1, 1, "E4"),), ()), directions=signs)
    score = replace(score, parts=(part,))
    assert differences(score, read_again(score, tmp_path)) == []
    assert '<>^"rit." s4\\! e\'4 |' in lines_of(score)


def test_a_breath_stands_behind_all_that_is_its_notes() -> None:
    score = of_bars("2")
    first, second = score.parts[0].bars[0]
    notes = (replace(first, slur_start=1), replace(second, slur_stop=1, marks=("breath-mark", "accent")))
    written = lines_of(replace(score, parts=(replace(score.parts[0], bars=(notes,)),)))
    assert any(line.endswith("c'4( d'4->)\\breathe |") for line in written)


def test_what_the_parser_drops_is_named() -> None:
    source = r"""
    % \glissando in a comment
    \header { title = "Without \glissando" }
    { c'4\glissando d'4:16 \ottava #1 e'4\sustainOn f'4\sustainOff \repeat tremolo 4 { c'16 d' } c'4\( d'\) }
    """
    assert left_out(source) == [
        "2 tremolos left out", "1 glissando left out", "1 pedal mark left out", "1 octave bracket left out",
        "1 phrasing slur left out",
    ]  # fmt: skip
    assert left_out(to_lilypond(of_bars("2", "2"))) == []
