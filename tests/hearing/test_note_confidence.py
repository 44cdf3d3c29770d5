"""What is said of a note that the tower's activity suggests."""

import numpy as np
import pytest
from test_note_decoding import Activity

from abcscribe.hearing.note_confidence import FAR, INTERVALS, Candidates, confidence, features
from abcscribe.hearing.note_decoding import LEAST_CONFIDENCE, candidates


def heard(activity: Activity) -> tuple[Candidates, np.ndarray]:
    found = candidates(activity.onset, activity.sounding)
    arrays = (activity.onset, activity.sounding, activity.velocity, activity.family)
    return found, confidence(found, *arrays)


def test_a_clear_note_is_probable_and_one_begun_again_in_its_middle_is_less():
    activity = Activity()
    activity.note(60, 10, 90)
    activity.note(60, 50, 90, onset=0.45)
    _, (first, again) = heard(activity)
    assert first > 0.8
    assert again < first - 0.2


def test_a_faint_octave_is_less_probable_than_the_note_below_it():
    activity = Activity()
    activity.note(60, 10, 60)
    activity.note(72, 10, 60, onset=0.4)
    activity.sounding[10:60, 72 - 21] = 0.45
    _, (note, octave) = heard(activity)
    assert note > octave + 0.3


def test_improbable_notes_are_not_listed():
    activity = Activity()
    activity.note(60, 10, 90)
    activity.note(72, 40, 43, onset=0.3)
    activity.sounding[40:43, 72 - 21] = 0.41
    found, sure = heard(activity)
    assert len(found.pitch) == 2
    assert [note.confidence for note in activity.notes()] == [s for s in sure if s >= LEAST_CONFIDENCE]


def test_numbers_by_hand():
    activity = Activity()
    activity.note(60, 10, 50)
    activity.note(60, 70, 90)
    activity.note(64, 70, 90)
    found = candidates(activity.onset, activity.sounding)
    seen = features(found, activity.onset, activity.sounding, activity.velocity, activity.family)
    assert np.isfinite(seen).all()
    length, gap, since, until, others = (seen[:, column] for column in (6, 7, 8, 9, 13))
    assert np.exp(length) == pytest.approx([40, 20, 20])
    assert np.expm1(gap) == pytest.approx([FAR, 20, FAR], rel=1e-4)
    assert np.expm1(since) == pytest.approx([FAR, 60, FAR], rel=1e-4)
    assert np.expm1(until) == pytest.approx([60, FAR, FAR], rel=1e-4)
    assert others.tolist() == [0, 1, 1]


def test_the_pitches_beside_a_note_are_seen_up_to_the_ends_of_the_keyboard():
    for pitch in (21, 108):
        activity = Activity()
        activity.note(pitch, 10, 50)
        found = candidates(activity.onset, activity.sounding)
        (row,) = features(found, activity.onset, activity.sounding, activity.velocity, activity.family)
        assert not row[-2 * len(INTERVALS) :].any()


def test_nothing_has_no_confidence():
    found, sure = heard(Activity())
    assert len(found.pitch) == len(sure) == 0
