"""Pitch, rhythm and instrument: voices and notes matched without a clock, numbers worked out by hand."""

import dataclasses
import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tunes import score, walk

from abcscribe.metrics import instrument, pitch, rhythm
from abcscribe.metrics.matching import lines, match_notes, match_voices
from abcscribe.metrics.ticks import TICKS_PER_QUARTER, ticks
from abcscribe.score import Metre, Part, Score
from abcscribe.score.instruments import PERCUSSION

EMPTY = Score()
VIOLIN, CELLO, BASSOON = 40, 42, 70


def pitch_loss(reference: Score, prediction: Score) -> float:
    return pitch.evaluate(reference, prediction)["loss"]


def reordered(tune: Score, order: list[int]) -> Score:
    return dataclasses.replace(tune, parts=tuple(tune.parts[i] for i in order))


def test_ticks_hold_what_a_musician_writes():
    for beats, per in ((1, 32), (1, 96), (4, 3), (2, 5), (4, 7), (8, 9)):
        assert Fraction(ticks(Fraction(beats, per)), TICKS_PER_QUARTER) == Fraction(beats, per)


@pytest.mark.parametrize(
    ("prediction", "loss"),
    [
        ("C4 D4 E4 F4", 0),
        ("C4 D4 E4 G4", 1 / 4),  # one substitution of four
        ("C4 D4 F4 z", 1 / 4),  # one deletion of four
        ("C4 D4 E4 E4:1/2 F4:1/2", 1 / 5),  # one insertion, the longer side has five
        ("A4 A4 A4 A4", 1),
        ("z:4", 1),
    ],
)
def test_pitch_loss_by_hand(prediction: str, loss: float):
    reference = score("C4 D4 E4 F4")
    assert pitch_loss(reference, score(prediction)) == pytest.approx(loss)
    assert pitch_loss(score(prediction), reference) == pytest.approx(loss)


def test_pitch_needs_no_clock_and_no_order_of_voices():
    reference = score("C4 D4 E4 F4", "C3:2 G3:2")
    slow_and_swapped = score("C3:4 | G3:4", "C4:2 D4:2 | E4:2 F4:2")
    assert pitch_loss(reference, slow_and_swapped) == 0


def test_missing_and_extra_voices_count_all_their_notes():
    both, upper = score("C4 D4 E4 F4", "C3:2 G3:2"), score("C4 D4 E4 F4")
    assert pitch_loss(both, upper) == pytest.approx(2 / 6)
    assert pitch_loss(upper, both) == pytest.approx(2 / 6)


def test_one_voice_torn_in_two():
    # C4 D4 against the whole costs 2 of 4 edits, the rest is an extra voice of 2: 4 of 6; as one sequence it is right
    torn = score("C4 D4 z z", "z z E4 F4")
    values = pitch.evaluate(score("C4 D4 E4 F4"), torn)
    assert values == {"loss": pytest.approx(4 / 6), "loss_merged": 0, "notes": 1}


def test_ties_are_one_note_and_keep_their_first_position():
    held = lines(score("C4 D4 E4 F4~ | F4 G4:3"))[0].notes
    assert [(n.pitch, n.duration / TICKS_PER_QUARTER, n.position / TICKS_PER_QUARTER) for n in held[3:]] == [
        (65, 2, 3), (67, 3, 1),
    ]  # fmt: skip


def test_a_pickup_stands_at_the_end_of_its_bar():
    upbeat = lines(score("G4 | C4 D4 E4", metre=Metre(3, 4)))[0].notes
    assert [n.position / TICKS_PER_QUARTER for n in upbeat] == [2, 0, 1, 2]


def test_octave_errors_leave_the_matching_alone():
    low, high = walk(8, seed=1), score("C4")
    high = dataclasses.replace(low, parts=tuple(_octave_up(p) for p in low.parts))
    assert len(match_notes(match_voices(lines(low), lines(high)))) == 32
    assert rhythm.evaluate(low, high)["score"] == 1


def _octave_up(part: Part) -> Part:
    raise_note = lambda n: dataclasses.replace(n, pitch=dataclasses.replace(n.pitch, octave=n.pitch.octave + 1))  # noqa: E731
    return dataclasses.replace(part, bars=tuple(tuple(map(raise_note, bar)) for bar in part.bars))


def test_rhythm_by_hand():
    # durations: C right, D and E wrong, F right; positions: C, D, F right, E late
    reference, prediction = score("C4 D4 E4 F4"), score("C4 D4:3/2 E4:1/2 F4")
    assert rhythm.evaluate(reference, prediction) == pytest.approx(
        {"duration": 2 / 4, "position": 3 / 4, "scaled": 2 / 4, "score": 5 / 8}
    )


def test_rhythm_of_unmatched_notes_counts_as_wrong():
    # three of four notes found, all right: F1 = 2 * 3 / (4 + 3)
    values = rhythm.evaluate(score("C4 D4 E4 F4"), score("C4 D4 E4 z"))
    assert values["duration"] == values["position"] == pytest.approx(6 / 7)


def test_twice_the_note_values():
    doubled = rhythm.evaluate(score("C4 D4 E4 F4"), score("C4:2 D4:2 | E4:2 F4:2"))
    # positions 0 1 2 3 against 0 2 0 2: only C is right
    assert doubled == {"duration": 0, "position": 1 / 4, "scaled": 1, "score": 1 / 8}


def test_bars_shifted_by_a_beat_move_positions_only():
    shifted = rhythm.evaluate(score("C4 D4 E4 F4 | G4 A4 B4 C5"), score("z C4 D4 E4 | F4 G4 A4 B4 | C5 z:3"))
    assert (shifted["duration"], shifted["position"]) == (1, 0)


def test_instrument_loss_by_hand():
    def band(*programs: int) -> Score:
        return score(*["C4"] * len(programs), programs=programs)

    loss = instrument.loss
    assert loss(band(VIOLIN, BASSOON), band(BASSOON, VIOLIN)) == 0
    assert loss(band(VIOLIN), band(CELLO)) == instrument.FAMILY_LOSS
    assert loss(band(VIOLIN, BASSOON), band(CELLO, BASSOON)) == pytest.approx(0.3 / 2)
    assert loss(band(VIOLIN, CELLO), band(VIOLIN)) == 1 / 2
    assert loss(band(VIOLIN), band(VIOLIN, PERCUSSION)) == 1 / 2
    # "violin" and "viola" share vio and l, 4 letters twice of 11, if the programs were of different families:
    violin, viola = Part((), "Violin", VIOLIN), Part((), "Viola", 0)
    assert instrument.part_loss(violin, viola) == pytest.approx(0.3 + 0.7 * (1 - 8 / 11))
    assert instrument.part_loss(Part((), "Violin", 0), violin) == pytest.approx(0.3)


def test_who_plays_what():
    reference = score("C5 D5 E5 F5", "C3:2 G2:2", programs=(VIOLIN, CELLO))
    exchanged = score("C5 D5 E5 F5", "C3:2 G2:2", programs=(CELLO, VIOLIN))
    assert instrument.evaluate(reference, exchanged) == {"loss": 0, "per_note": 0, "parts": 0}
    only_cello_wrong = score("C5 D5 E5 F5", "C3:2 G2:2", programs=(VIOLIN, BASSOON))
    assert instrument.evaluate(reference, only_cello_wrong)["per_note"] == pytest.approx(4 / 6)


def test_nothing_against_nothing_and_something():
    tune = score("C4 D4 E4 F4")
    assert pitch.evaluate(EMPTY, EMPTY) == {"loss": 0, "loss_merged": 0, "notes": 1}
    assert pitch.evaluate(tune, EMPTY) == {"loss": 1, "loss_merged": 1, "notes": 0}
    assert pitch.evaluate(EMPTY, tune) == {"loss": 1, "loss_merged": 1, "notes": math.inf}
    assert rhythm.evaluate(EMPTY, EMPTY)["score"] == 1
    assert rhythm.evaluate(tune, EMPTY)["score"] == rhythm.evaluate(EMPTY, tune)["score"] == 0
    assert instrument.loss(EMPTY, EMPTY) == 0
    assert instrument.loss(tune, EMPTY) == instrument.loss(EMPTY, tune) == 1
    assert math.isnan(instrument.evaluate(EMPTY, tune)["per_note"])


MELODIES = st.lists(st.sampled_from(["C4", "D4", "E4", "G4", "A4", "C5", "z"]), min_size=1, max_size=12)
SCORES = st.lists(MELODIES, min_size=1, max_size=4).map(lambda voices: score(*(" ".join(v) for v in voices)))


@settings(max_examples=25, deadline=None)
@given(SCORES)
def test_a_score_agrees_with_itself(tune: Score):
    assert pitch_loss(tune, tune) == 0
    assert rhythm.evaluate(tune, tune)["score"] == 1
    assert instrument.loss(tune, tune) == 0


@settings(max_examples=25, deadline=None)
@given(SCORES, SCORES)
@example(score("C4", "C4", "C4", "C4 D4"), score("C4", "C4", "C4 C4", "D4"))  # two pairings with two edits
def test_losses_are_bounded_and_pitch_is_symmetric(one: Score, other: Score):
    assert 0 <= pitch_loss(one, other) <= 1
    assert pitch_loss(one, other) == pytest.approx(pitch_loss(other, one))
    assert 0 <= instrument.loss(one, other) <= 1
    assert all(0 <= value <= 1 for value in rhythm.evaluate(one, other).values())


@settings(max_examples=25, deadline=None)
@given(SCORES, SCORES, st.data())
def test_the_order_of_voices_does_not_matter(reference: Score, prediction: Score, data: st.DataObject):
    order = data.draw(st.permutations(range(len(prediction.parts))))
    other = reordered(prediction, order)
    for metric in (pitch, rhythm, instrument):
        assert metric.evaluate(reference, prediction) == pytest.approx(metric.evaluate(reference, other), nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(MELODIES.filter(lambda m: set(m) != {"z"}), st.data())
def test_one_more_wrong_note_costs_more(melody: list[str], data: st.DataObject):
    sounding = [i for i, token in enumerate(melody) if token != "z"]
    order = data.draw(st.permutations(sounding))
    reference, prediction, before = score(" ".join(melody)), list(melody), 0.0
    for index in order:
        prediction[index] = "B2"  # a pitch the melody does not have
        loss = pitch_loss(reference, score(" ".join(prediction)))
        assert loss > before
        before = loss
    assert before == 1
