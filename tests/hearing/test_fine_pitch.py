"""Measuring a voice: harmonics with a known pitch and known pauses."""

import numpy as np
import pytest

from abcscribe.hearing import fine_pitch
from abcscribe.score.model import PlayedNote


def voice(notes, seconds):
    """Harmonic tones: (onset, offset, MIDI pitch, loudness at the end of the tone relative to its beginning)."""
    time = np.arange(int(seconds * fine_pitch.RATE)) / fine_pitch.RATE
    sound = np.zeros(len(time))
    for onset, offset, pitch in notes:
        own = (time >= onset) & (time < offset)
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * k * hertz * time[own]) / k for k in range(1, 8))
        edge = np.minimum(np.minimum(time[own] - onset, offset - time[own]) / 0.02, 1.0)
        sound[own] += 0.2 * tone * edge
    return sound.astype(np.float32)


def blocks(sound):
    """In pieces of uneven length, as a decoder gives them."""
    return iter(np.split(sound, [1000, 17_000, 17_001]))


def test_the_pitch_is_measured_in_hundredths():
    sound = voice([(0.2, 0.9, 60.3), (1.0, 1.8, 64.6)], 2.0)
    heard = [PlayedNote(0.2, 0.9, 60), PlayedNote(1.0, 1.8, 65)]
    one, other = fine_pitch.refined(heard, blocks(sound))
    assert one.fine_pitch == pytest.approx(60.3, abs=0.1)
    assert other.fine_pitch == pytest.approx(64.6, abs=0.1)
    assert (one.pitch, other.pitch) == (60, 65)


def test_a_section_counts_from_where_it_begins():
    sound = voice([(0.2, 0.9, 60.3), (1.0, 1.8, 64.6)], 2.0)
    heard = [PlayedNote(30.2, 30.9, 60), PlayedNote(31.0, 31.8, 65)]
    one, other = fine_pitch.refined(heard, blocks(sound), start=30.0)
    assert (one.fine_pitch, other.fine_pitch) == (pytest.approx(60.3, abs=0.1), pytest.approx(64.6, abs=0.1))


def test_a_note_that_was_cut_in_two_is_one_again():
    sound = voice([(0.2, 1.6, 62.0)], 2.0)
    heard = [PlayedNote(0.2, 0.8, 62), PlayedNote(0.9, 1.6, 62)]
    (whole,) = fine_pitch.refined(heard, blocks(sound))
    assert (whole.onset, whole.offset, whole.pitch) == (0.2, 1.6, 62)


def test_repeated_notes_and_steps_stay_two():
    repeated = voice([(0.2, 0.85, 62.0), (0.9, 1.6, 62.0)], 2.0)
    heard = [PlayedNote(0.2, 0.85, 62), PlayedNote(0.9, 1.6, 62)]
    assert len(fine_pitch.refined(heard, blocks(repeated))) == 2
    step = voice([(0.2, 0.9, 62.0), (0.9, 1.6, 63.0)], 2.0)
    assert len(fine_pitch.refined([PlayedNote(0.2, 0.9, 62), PlayedNote(0.9, 1.6, 63)], blocks(step))) == 2


def test_what_has_no_pitch_is_not_measured():
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * fine_pitch.RATE).astype(np.float32)
    heard = [PlayedNote(0.2, 0.9, 40), PlayedNote(1.0, 1.03, 80)]
    assert fine_pitch.refined(heard, blocks(noise)) == heard
    assert fine_pitch.refined([], blocks(noise)) == []
    assert fine_pitch.refined(heard, iter([])) == heard
