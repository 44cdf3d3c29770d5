"""Bars of five and seven, swung eighths, and rests of any length, on notes that a machine plays with a jitter."""

import numpy as np
import pytest

from abcscribe.analysis import analyse, rare_rhythms
from abcscribe.hints import Hints
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.grid import TICKS
from abcscribe.score.model import Metre, PlayedNote
from abcscribe.writing import language_model
from abcscribe.writing.rules import write_score


def played(rows, quarter: float, seed: int = 1) -> list[PlayedNote]:
    """Rows of (onset, duration, pitch, family) in quarters."""
    jitter = np.random.default_rng(seed).normal(0, 0.006, len(rows))
    return [
        PlayedNote(max(at * quarter + late, 0.0), (at + length * 0.9) * quarter + late, pitch, 80, family, 0.95)
        for (at, length, pitch, family), late in zip(rows, jitter, strict=True)
    ]


@pytest.mark.parametrize("beats", [4, 8, 12, 20, 37, 64])
def test_a_rest_keeps_its_beats(beats):
    """A phrase of two bars, silence, and the phrase again."""
    phrase = [(0, 1.5, 60), (1.5, 0.5, 62), (2, 1, 64), (3, 1, 60), (4, 2, 67), (6, 1, 64), (7, 1, 60)]
    rows = [(at + start, length, pitch, "brass") for start in (0, 8 + beats) for at, length, pitch in phrase]
    analysis = analyse(played(rows, 60 / 108), Hints(metre=Metre(4, 4), tempo=108))
    ticks = np.unique(list(analysis.ticks.values())) / TICKS
    assert ticks[7] - ticks[6] == beats + 1


def test_the_tempo_of_a_rest_is_that_around_it_where_no_metre_is_told():
    rows = [(k + start, 1, 60 + k % 5, "reed") for start in (0, 16 + 12) for k in range(16)]
    analysis = analyse(played(rows, 0.5))
    ticks = sorted(set(analysis.ticks.values()))
    pace = (ticks[16] - ticks[15]) / (ticks[15] - ticks[14])
    assert pace == pytest.approx(13, rel=0.02)


def seven(bars: int) -> list[tuple]:
    tune = ((0, 1, 74), (1, 0.5, 76), (1.5, 0.5, 77), (2, 1, 74), (3, 0.5, 72))
    rows = []
    for bar in range(bars):
        rows += [(3.5 * bar + at, length, pitch + bar % 3, "pipe") for at, length, pitch in tune]
        rows += [(3.5 * bar + at, 1, pitch, "plucked") for at, pitch in ((0, 45), (1, 52), (2, 52))]
    return rows


def test_bars_of_seven_are_found():
    analysis = analyse(played(seven(12), 60 / 140))
    assert analysis.metre == Metre(7, 8)
    assert analysis.quarter_bpm == pytest.approx(140, rel=0.04)
    lines = {tick for tick in analysis.ticks.values() if tick % (TICKS * 7 // 2) == 0}
    assert len(lines) == 12
    assert not language_model.follows(analysis, Hints())
    assert language_model.follows(analyse(played(seven(4), 60 / 140), Hints(metre="7/8")), Hints(metre="7/8"))


def test_music_in_four_is_not_in_five_or_seven():
    ticks = np.concatenate([np.array([0, 36, 48, 72]) + 96 * bar for bar in range(12)])
    assert rare_rhythms.additive_metre(ticks, np.ones(len(ticks)), 0.5) is None


@pytest.mark.parametrize(("beats", "unit"), [(7, 12), (5, 24), (5, 12), (7, 24)])
def test_a_pattern_that_comes_again_after_five_or_seven_units_gives_the_metre(beats, unit):
    pattern = np.array([0, 2, 3])
    ticks = np.concatenate([(pattern + beats * bar) * unit for bar in range(14)])
    metre, factor = rare_rhythms.additive_metre(ticks, np.ones(len(ticks)), 0.5)
    assert metre.beats == beats
    assert metre.length * TICKS == beats * unit * factor


def swung_rows() -> list[tuple[float, float, int, str]]:
    """Long and short by two to one."""
    return [
        row
        for k in range(30)
        for row in ((k, 2 / 3, 69 + (2 * k) % 9, "reed"), (k + 2 / 3, 1 / 3, 71 + (2 * k) % 7, "reed"))
    ]


def test_swung_eighths_keep_their_quarter():
    """Over a walking bass: the quarters are those of the bass."""
    rows = [(k, 1, 40 + 5 * (k % 4), "bass") for k in range(32)] + swung_rows()
    analysis = analyse(played(rows, 0.6))
    assert analysis.quarter_bpm == pytest.approx(100, rel=0.04)
    places = {tick % TICKS for tick in analysis.ticks.values()}
    assert places == {0, 16}
    assert not language_model.follows(analysis, Hints())


def test_what_is_said_to_be_swung_is_printed_even():
    """Without a bass nothing but the hint tells swung eighths from bars of 6/8 or 12/8."""
    analysis = analyse(played(swung_rows(), 0.6), Hints(swing=True))
    assert analysis.metre.beat == 1
    assert {tick % TICKS for tick in analysis.ticks.values()} == {0, 12}
    assert analysis.quarter_bpm == pytest.approx(100, rel=0.04)
    score = write_score(analysis)
    assert [bar.words for bar in score.bars[:2]] == ["Swing", ""]
    assert 'Q:"Swing"' in write_abc(score)
    assert not language_model.follows(analysis, Hints(swing=True))


def test_triplets_and_sixteenths_of_swung_music_keep_their_places():
    ticks = np.array([0, 16, 24, 32, 40, 48, 60, 66, 72, 90, 96, 101])
    assert rare_rhythms.printed_even(ticks).tolist() == [0, 12, 24, 32, 40, 48, 60, 66, 72, 84, 96, 101]


def test_straight_eighths_and_triplets_are_no_swing():
    assert not rare_rhythms.is_swung(np.arange(0, 1000, 12))
    assert not rare_rhythms.is_swung(np.arange(0, 1000, 8))
    swung = np.sort(np.concatenate([np.arange(0, 1000, 24), np.arange(17, 1000, 24)]))
    assert rare_rhythms.is_swung(swung)
    assert set((rare_rhythms.evenly_swung(swung) % TICKS).tolist()) == {0, 16}
