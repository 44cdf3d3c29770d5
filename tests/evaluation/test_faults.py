"""Each fault moves the metric that names it, and leaves alone those that have nothing to do with it."""

import pytest
from metrics.tunes import score

from abcscribe.evaluation.faults import FAULTS
from abcscribe.metrics import evaluate_scores

RIGHT = score(
    "C5 E5 D5:2 | E5:3/2 F5:1/2 G5:2 | A5 G5 F5 E5 | D5:2 G5:2 | F5 E5 D5 C5 | C5:4",
    "C3:2 G3:2 | C3 D3 E3 F3 | G3:2 C3:2 | G2 A2 B2 G2 | D3:2 G2:2 | C3:4",
    programs=(40, 70),
)
# What each module may lose under a fault; the modules that are not named must lose nothing.
MOVES = {
    "every pitch an octave up": {"pitch"},
    "every third pitch wrong": {"pitch"},
    "every third note lost": {"pitch", "rhythm"},
    "every note half as long": {"rhythm"},
    "bars shifted by a beat": {"rhythm", "structure"},  # the shift adds a bar: length
    "metre doubled": {"metre", "rhythm"},  # places in the bar change with the bar
    "note values doubled": {"tempo", "rhythm", "structure"},
    "tempo halved": {"tempo"},
    "key a fifth up": {"key"},
    "outer instruments exchanged": {"instrument"},
    "all on the piano": {"instrument"},
    "two bars in a loop": {"pitch", "rhythm", "structure"},
}
FIGURES = {
    "pitch": [("pitch.loss", 0)],
    "rhythm": [("rhythm.score", 1)],
    "metre": [("metre.loss", 0)],
    "tempo": [("tempo.loss", 0)],
    "key": [("key.score", 1)],
    "instrument": [("instrument.loss", 0), ("instrument.per_note", 1)],
    "structure": [("structure.score", 1)],
}


def test_every_fault_is_in_the_table():
    assert set(MOVES) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_moves_what_it_should_and_nothing_else(fault: str):
    wrong = FAULTS[fault](RIGHT)
    assert not wrong.problems()
    values = evaluate_scores(RIGHT, wrong, names=list(FIGURES))
    moved = {
        module
        for module, figures in FIGURES.items()
        if any(values[name] != pytest.approx(good) for name, good in figures)
    }
    assert moved == MOVES[fault]


def test_what_sounds_the_same_keeps_its_sequence_and_proportions():
    for fault in ("bars shifted by a beat", "metre doubled", "note values doubled"):
        values = evaluate_scores(RIGHT, FAULTS[fault](RIGHT), names=["pitch", "rhythm"])
        assert (values["pitch.loss"], values["rhythm.scaled"]) == (0, 1)
