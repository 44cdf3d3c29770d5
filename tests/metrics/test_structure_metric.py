"""Structure: bars that add up, loops, length."""

import dataclasses
from fractions import Fraction

import pytest
from tunes import score, walk

from abcscribe.metrics import structure
from abcscribe.score import Metre, Note, Pitch, Score


def test_bars_that_do_not_add_up():
    # the third of four bars is a quarter short; a short first or last bar is a pickup and its answer
    assert structure.sound_bars(score("C4 D4 E4 F4 | G4:4 | C4 D4 E4 | C4:4")) == 3 / 4
    assert structure.sound_bars(score("G4 | C4:4 | C4:3")) == 1
    assert structure.sound_bars(score("C4:5 | C4:4")) == 1 / 2


def test_overlapping_notes_of_a_voice_make_a_bar_unsound():
    tune = score("C4 D4 E4 F4 | G4:4")
    late = Note(Fraction(7, 2), Fraction(1, 2), Pitch("B"))
    overlapping = dataclasses.replace(tune.parts[0], bars=(tune.parts[0].bars[0] + (late,), tune.parts[0].bars[1]))
    assert structure.sound_bars(dataclasses.replace(tune, parts=(overlapping,))) == 1 / 2


def test_repetition_is_the_share_of_bars_that_only_go_on():
    assert structure.repetition(score("C4 | D4 | E4 | F4", metre=Metre(1, 4))) == 0
    assert structure.repetition(score("C4 | C4 | C4 | C4", metre=Metre(1, 4))) == 3 / 4
    assert structure.repetition(score("C4 | D4 | C4 | D4", metre=Metre(1, 4))) == 2 / 4
    assert structure.repetition(score("z | z | z | z", metre=Metre(1, 4))) == 0


def test_only_repetition_beyond_the_references_counts():
    verse_twice = score("C4 | D4 | C4 | D4", metre=Metre(1, 4))
    loop = score("C4 | C4 | C4 | C4", metre=Metre(1, 4))
    assert structure.evaluate(verse_twice, verse_twice)["repetition"] == 1
    assert structure.evaluate(verse_twice, loop)["repetition"] == pytest.approx(1 - (3 / 4 - 2 / 4) / (1 - 2 / 4))
    assert structure.evaluate(loop, verse_twice)["repetition"] == 1


def test_length():
    for one, other in ((walk(8, 1), walk(2, 1)), (walk(2, 1), walk(8, 1))):
        assert structure.evaluate(one, other)["length"] == structure.evaluate(one, other)["score"] == 1 / 4


def test_the_reference_sets_the_standard():
    irregular = score("C4 D4 | E4 F4 | G4 A4 | B4 C5")
    assert structure.sound_bars(irregular) == 1 / 2
    assert structure.evaluate(irregular, irregular)["bars"] == 1


def test_structure_of_nothing():
    assert structure.evaluate(Score(), Score())["score"] == 1
    assert structure.evaluate(walk(2, 1), Score())["score"] == 0
    assert structure.evaluate(Score(), walk(2, 1))["score"] == 0
