"""The ABC edit rate: hand-computed costs, and the same number as mcr-metric gives on the texts themselves."""

import math

import mcr
import pytest
from tunes import score, walk

from abcscribe.metrics import edit_rate, evaluate_notes, evaluate_scores
from abcscribe.score import Key, Metre, Score
from abcscribe.score.abc_writer import write_abc


def rate(reference: Score, prediction: Score) -> float:
    return edit_rate.evaluate(reference, prediction)["mcr"]


@pytest.mark.parametrize(
    ("prediction", "cost"),
    [
        ("C4 D4 E4 F4", 0 / 12),  # all typed anew: delete 4, insert 4 at 2 each
        ("C4 D4 E4 G4", 1 / 12),  # one pitch
        ("C4 D4 E4 z", 2 / 11),  # one note to insert, three to delete in the worst case
        ("C4 D4 E4 F4:1/2 C6:1/2", 2 / 13),  # F too short, C6 to delete
    ],
)
def test_by_hand(prediction: str, cost: float):
    assert rate(score("C4 D4 E4 F4"), score(prediction)) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("reference", "prediction"),
    [
        (walk(6, 1), walk(6, 1, wrong=0.4)),
        (walk(6, 1), walk(4, 2)),
        (score("C4 D4 E4 F4 | G4:4", "C3:2 G3:2 | C3:4"), score("C4 D4 C3:2 | G4:4", "E3:2 E4 F4 | C3:4")),
        (score("C4 D4 E4 F4~ | F4 G4:3"), score("C4:1/2 z:1/2 D4 E4 F4 | F4 G4:1/3 A4:1/3 B4:1/3 z:2")),
        (
            score("C4:3/2 D4:3/2 | E4:3", metre=Metre(6, 8), key=Key(2)),
            score("C#4:3/2 D4:3/2 | E4:3", metre=Metre(6, 8)),
        ),
    ],
    ids=["wrong notes", "another tune", "voices exchanged", "ties, rests and triplets", "another key"],
)
def test_agrees_with_the_package(reference: Score, prediction: Score):
    theirs = mcr.score(write_abc(prediction), write_abc(reference), pred_format="abc", ref_format="abc")
    assert rate(reference, prediction) == theirs.mcr > 0


def test_of_nothing_and_of_too_much():
    tune, long = score("C4 D4 E4 F4"), walk(126, 1)  # 504 notes
    assert (rate(Score(), score("z:4")), rate(tune, Score()), rate(Score(), tune)) == (0, 1, 1)
    assert edit_rate.evaluate(long, long)["skipped"] == 1
    assert math.isnan(rate(long, long))


def test_all_metrics_by_one_call():
    tune = walk(4, 1)
    values = evaluate_scores(tune, tune)
    assert {"metre.loss", "key.score", "rhythm.score", "mv2h.mv2h", "edit_rate.mcr"} < set(values)
    assert (values["pitch.loss"], values["mv2h.mv2h"], values["structure.score"]) == (0, 1, 1)
    assert set(evaluate_scores(tune, tune, names=["key"])) == {"key.score", "key.exact", "key.signature"}
    assert evaluate_notes([], [])["multi_instrument.full"] == 1


def test_a_repeat_is_the_same_as_its_notes_twice():
    import dataclasses

    once = score("C4 D4 E4 F4")
    repeated = dataclasses.replace(once, bars=(dataclasses.replace(once.bars[0], repeat_end=True),))
    assert evaluate_scores(repeated, score("C4 D4 E4 F4 | C4 D4 E4 F4"), names=["pitch"])["pitch.loss"] == 0
