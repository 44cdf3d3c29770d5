"""What the language model is told of the rules' reading."""

import dataclasses

import numpy as np
import pytest

from abcscribe.engines.notes_to_score import Hints
from abcscribe.engines.notes_to_score.rhythm import METRES
from abcscribe.engines.second_opinion import STAVES, heard_notes, played_notes, second_opinion, told
from abcscribe.model.note_tokens import OPINION, group_index, group_onsets
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Key, Metre, PlayedNote

BEAT = 0.5  # seconds
WHOLE = OPINION - STAVES - len(FAMILIES) - 2  # what is said of place and piece
WALTZ = Hints(metre=Metre(3, 4), tempo=120.0)


def waltz(bars: int = 8) -> list[PlayedNote]:
    """A long bass note on the first beat and short chords on the others."""
    notes = []
    for bar in range(bars):
        at = 1 + 3 * BEAT * bar
        notes.append(PlayedNote(at, at + 2.9 * BEAT, 41 + 2 * (bar % 2) * 3, 100, "piano", 0.9))
        for beat in (1, 2):
            notes += [PlayedNote(at + beat * BEAT, at + (beat + 0.5) * BEAT, p, 60, "piano", 0.9) for p in (65, 69, 72)]
    return sorted(notes, key=lambda n: (n.onset, n.pitch))


@pytest.fixture
def groups() -> np.ndarray:
    return group_index(heard_notes(waltz()).onset)


@pytest.fixture
def starts(groups) -> np.ndarray:
    return group_onsets(heard_notes(waltz()).onset, groups)


def test_the_rules_opinion_of_a_waltz(starts):
    opinion = second_opinion(waltz(), starts, WALTZ)
    assert (opinion.ticks % 72).tolist() == [0, 24, 48] * 8
    assert opinion.quarter_bpm == pytest.approx(120, abs=3)


def test_the_best_metre_has_no_better_rival(starts):
    opinion = second_opinion(waltz(), starts)
    assert opinion.rivals.max() == 0
    assert METRES[int(opinion.rivals.argmax())] == opinion.metre
    assert np.isfinite(opinion.rivals).all()


def test_hints_leave_no_rivals(starts):
    opinion = second_opinion(waltz(), starts, Hints(metre=Metre(6, 8), key=Key(-4)))
    assert opinion.metre == Metre(6, 8)
    assert (opinion.fifths, sorted(opinion.rivals)[-2]) == (-4, -np.inf)


def test_notes_of_one_place_are_told_the_same(groups, starts):
    opinion = second_opinion(waltz(), starts, WALTZ)
    rows = told(opinion, heard_notes(waltz()), groups)
    assert rows.shape == (len(groups), OPINION)
    assert np.isfinite(rows).all()
    assert np.allclose(rows[0], rows[7], atol=1e-4), "two first beats"
    assert np.array_equal(rows[1, :WHOLE], rows[2, :WHOLE]), "two notes of a chord"
    assert not np.array_equal(rows[0], rows[1])


def test_ignored_groups_have_no_place_but_know_the_rest(groups, starts):
    opinion = second_opinion(waltz(), starts)
    ticks = opinion.ticks.copy()
    ticks[1] = -1
    rows = told(dataclasses.replace(opinion, ticks=ticks), heard_notes(waltz()), groups)
    second = rows[groups == 1]
    assert not second[:, :25].any()
    assert np.array_equal(second[0, 25:40], rows[0, 25:40])


def test_notes_are_told_who_plays_them(groups, starts):
    heard = heard_notes(waltz())
    opinion = second_opinion(waltz(), starts, WALTZ)
    assert [len(clefs) for _, clefs in opinion.parts] == [2], "a piano"
    staff, kind, hand = np.split(told(opinion, heard, groups)[:, WHOLE:], [STAVES, STAVES + len(FAMILIES)], axis=1)
    assert (staff.argmax(axis=1) == (heard.pitch < 60)).all(), "the left hand plays the bass"
    assert (kind.argmax(axis=1) == FAMILIES.index("piano")).all()
    assert (hand.argmax(axis=1) == staff.argmax(axis=1)).all()


def test_a_note_that_the_rules_leave_out_has_no_player(groups, starts):
    heard = heard_notes(waltz())
    opinion = second_opinion(waltz(), starts, WALTZ)
    first = (float(heard.onset[0]), int(heard.pitch[0]))
    without = dataclasses.replace(opinion, staff={k: v for k, v in opinion.staff.items() if k != first})
    rows = told(without, heard, groups)[:, WHOLE:]
    assert not rows[0].any()
    assert rows[1].any()


def test_no_opinion_is_told_as_nothing():
    assert not told(None, heard_notes(waltz()[:3]), np.arange(3)).any()
    assert second_opinion([], np.zeros(0)) is None


def test_notes_survive_the_way_to_arrays_and_back():
    assert played_notes(heard_notes(waltz())) == waltz()
