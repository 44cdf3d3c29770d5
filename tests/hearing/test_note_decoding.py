import numpy as np
import pytest

from abcscribe.hearing import note_decoding
from abcscribe.hearing.note_decoding import candidates, decode_notes
from abcscribe.score.instruments import FAMILIES
from abcscribe.spectrogram import FRAME_RATE


@pytest.fixture(autouse=True)
def no_latency(request, monkeypatch):
    """Frames are times here; what is added for real recordings has a test of its own."""
    if "latency" not in request.node.name:
        monkeypatch.setattr(note_decoding, "STRUCK_LATENCY", 0.0)
        monkeypatch.setattr(note_decoding, "SUSTAINED_LATENCY", 0.0)


class Activity:
    """A silent activity to draw notes into."""

    def __init__(self, frames: int = 200) -> None:
        self.onset = np.zeros((frames, 88))
        self.sounding = np.zeros((frames, 88))
        self.velocity = np.full((frames, 88), 0.5)
        self.family = np.full((frames, 88, len(FAMILIES)), 1 / len(FAMILIES))

    def note(self, pitch: int, first: int, last: int, onset: float = 0.9) -> None:
        self.onset[first, pitch - 21] = onset
        self.onset[first + 1, pitch - 21] = onset / 2
        self.onset[first - 1, pitch - 21] = onset / 2
        self.sounding[first:last, pitch - 21] = 0.9

    def notes(self):
        return decode_notes(self.onset, self.sounding, self.velocity, self.family)


def test_one_note_with_its_times_velocity_family_and_confidence():
    activity = Activity()
    activity.note(60, 10, 50)
    activity.velocity[10, 39] = 100 / 127
    activity.family[:, 39] = 0
    activity.family[:, 39, FAMILIES.index("reed")] = 1
    (note,) = activity.notes()
    assert (note.pitch, note.velocity, note.family) == (60, 100, "reed")
    assert note.onset == pytest.approx(10 / FRAME_RATE)
    assert note.offset == pytest.approx(50 / FRAME_RATE)
    assert 0.5 < note.confidence <= 1


def test_the_onset_lies_between_frames():
    activity = Activity()
    activity.note(60, 10, 50)
    activity.onset[11, 39] = 0.8
    (note,) = activity.notes()
    assert 10 / FRAME_RATE < note.onset < 10.5 / FRAME_RATE


def test_a_repeated_note_ends_where_it_begins_again():
    activity = Activity()
    activity.note(60, 10, 60)
    activity.note(60, 30, 60)
    first, second = activity.notes()
    assert first.offset == pytest.approx(second.onset, abs=1 / FRAME_RATE)
    assert second.offset == pytest.approx(60 / FRAME_RATE)


def test_a_short_gap_does_not_split_a_note_and_a_long_one_does():
    activity = Activity()
    activity.note(60, 10, 50)
    activity.sounding[20:22, 39] = 0.0
    assert len(activity.notes()) == 1
    activity.sounding[30:36, 39] = 0.0
    assert activity.notes()[0].offset == pytest.approx(30 / FRAME_RATE)


def test_a_note_without_an_onset_is_found_if_it_sounds_long_and_surely():
    activity = Activity()
    activity.sounding[20:60, 40] = 0.9
    activity.sounding[20:23, 50] = 0.9
    found = candidates(activity.onset, activity.sounding)
    assert (found.pitch.tolist(), found.begin.tolist(), found.end.tolist()) == ([40], [20], [60])
    assert found.soft.all()
    assert found.peak[0] == pytest.approx(0.45)


def test_silence_has_no_notes_and_no_frames_neither():
    assert Activity().notes() == []
    assert Activity(0).notes() == []


def test_the_latency_is_that_of_the_whole_ensemble():
    activity = Activity()
    activity.note(60, 50, 90)
    activity.note(64, 50, 90)
    activity.family[:] = 0
    activity.family[:, 39, FAMILIES.index("piano")] = 1
    activity.family[:, 43, FAMILIES.index("voice")] = 1
    latency = (note_decoding.STRUCK_LATENCY + note_decoding.SUSTAINED_LATENCY) / 2
    for note in activity.notes():
        assert note.onset == pytest.approx(50 / FRAME_RATE - latency)
        assert note.offset - note.onset == pytest.approx(40 / FRAME_RATE)


def test_no_latency_moves_a_note_before_the_beginning():
    activity = Activity()
    activity.onset[0, 39] = 0.9
    activity.sounding[:30, 39] = 0.9
    assert activity.notes()[0].onset == 0.0


def test_weak_peaks_are_no_notes():
    activity = Activity()
    activity.onset[10, 39] = 0.3
    assert activity.notes() == []
