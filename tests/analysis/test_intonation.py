"""What a singer means, from how high the notes are."""

import numpy as np
import pytest

from abcscribe.analysis.intonation import in_tune
from abcscribe.score.model import PlayedNote

TUNE = [60, 62, 64, 65, 67, 65, 64, 62, 60, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60]  # C major


def sung(exact):
    """Notes of half a second, heard at the nearest semitone."""
    return [PlayedNote(k / 2, k / 2 + 0.45, round(pitch), fine_pitch=round(pitch, 2)) for k, pitch in enumerate(exact)]


def pitches(notes):
    return [note.pitch for note in notes]


def test_a_voice_that_sinks_by_a_semitone_sings_the_same_tune():
    exact = np.array(TUNE) - np.linspace(0, 0.9, len(TUNE))
    heard = sung(exact)
    assert pitches(heard) != TUNE
    assert pitches(in_tune(heard)) == TUNE


@pytest.mark.parametrize("tuning", [-0.4, 0.4])
def test_a_voice_between_two_tunings(tuning):
    unsteady = np.random.default_rng(1).normal(0, 0.12, len(TUNE))
    heard = sung(np.array(TUNE) + tuning + unsteady)
    assert pitches(heard) != TUNE
    assert pitches(in_tune(heard)) == TUNE


def test_of_two_tunings_that_are_equally_near_the_one_with_fewer_accidentals_is_written():
    """Half a semitone below C major, or above B major, which has five sharps."""
    assert pitches(in_tune(sung(np.array(TUNE) - 0.5))) == TUNE


def test_notes_outside_of_the_scale_stay_if_they_are_in_tune():
    chromatic = [60, 62, 64, 66, 67, 66, 67, 69, 70, 69, 67, 65, 64, 62, 60, 62, 64, 65, 67, 72]
    assert pitches(in_tune(sung(chromatic))) == chromatic


def test_a_note_that_is_not_measured_keeps_its_pitch():
    heard = sung(np.array(TUNE) - 0.3)
    heard[4] = PlayedNote(2.0, 2.45, 67)
    assert pitches(in_tune(heard))[4] == 67


def test_few_notes_are_left_as_they_are():
    heard = sung(np.array(TUNE[:7]) - 0.45)
    assert in_tune(heard) == heard
    assert in_tune([]) == []
