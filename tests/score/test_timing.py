"""The time of each note in its recording: rubato within bars, notes missed and invented, scores without times."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
import strategies
from hypothesis import given, settings

from abcscribe.score.abc_reader import read_abc
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.timing import followed, time_map

TUNE = "X:1\nM:4/4\nL:1/4\nQ:1/4=100\nK:C\n" + "CDEF|GABc|" * 4


def rubato(quarter: float) -> float:
    """Seconds of a player who hurries and waits by a third within two bars."""
    return 1.0 + 0.6 * (quarter + 0.4 * math.sin(quarter * math.pi / 4))


def performed(bars_at: bool = True) -> Score:
    score, _ = read_abc(TUNE)
    starts = score.bar_starts()
    bars = tuple(
        replace(bar, seconds=rubato(float(start)) if bars_at else None)
        for bar, start in zip(score.bars, starts, strict=False)
    )
    played = tuple(
        PlayedNote(rubato(float(n.onset)), rubato(float(n.onset + n.duration)), n.pitch) for n in score.sounding_notes()
    )
    return replace(score, bars=bars, performance=played, seconds=rubato(32))


def test_rubato_is_followed_to_the_note() -> None:
    score = performed()
    times = time_map(score)
    for note in score.sounding_notes():
        assert times.at(note.onset) == pytest.approx(rubato(float(note.onset)), abs=0.002)
    for quarter in (0.5, 3.25, 7.9, 20.5):
        assert times.quarter(times.at(quarter)) == pytest.approx(quarter)
        assert times.at(quarter) == pytest.approx(rubato(quarter), abs=0.05)


def test_notes_that_were_missed_or_invented_move_nothing_else() -> None:
    score = performed()
    notes = [n for i, n in enumerate(score.performance) if i % 5]
    notes += [replace(n, onset=n.onset + 0.13, pitch=n.pitch + 12) for n in notes[::3]]
    times = time_map(replace(score, performance=tuple(sorted(notes, key=lambda n: n.onset))))
    for note in score.sounding_notes():
        assert times.at(note.onset) == pytest.approx(rubato(float(note.onset)), abs=0.08)


def test_each_written_note_knows_the_note_that_was_heard() -> None:
    score = performed()
    _, heard = followed(score)
    assert sorted(heard.values()) == list(range(32))
    for (_, _, pitch), index in heard.items():
        assert score.performance[index].pitch == pitch


def test_a_score_without_a_recording_goes_by_its_tempo() -> None:
    score, _ = read_abc(TUNE)
    times = time_map(score)
    assert times.at(Fraction(10)) == pytest.approx(6.0)
    assert time_map(Score()).at(2) == pytest.approx(1.0)


def test_one_known_bar_is_enough_for_a_start() -> None:
    score, _ = read_abc(TUNE)
    bars = (score.bars[0], replace(score.bars[1], seconds=5.0), *score.bars[2:])
    assert time_map(replace(score, bars=bars)).at(0) == pytest.approx(5.0 - 2.4)


@settings(max_examples=50, deadline=None)
@given(strategies.scores())
def test_time_rises_in_every_score(score: Score) -> None:
    times = time_map(score)
    moments = [times.at(start) for start in score.bar_starts()]
    assert all(a < b for a, b in pairwise(moments))
