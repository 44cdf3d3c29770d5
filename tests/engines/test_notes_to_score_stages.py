"""The stages of notes_to_score, each for itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.engines.notes_to_score import beats, cleaning, hands, keys, quantise, rhythm, streams
from abcscribe.engines.notes_to_score.features import FEATURES, features
from abcscribe.engines.notes_to_score.network import guess
from abcscribe.score.model import Key, Metre, PlayedNote


def note(onset: float, pitch: int, length: float = 0.4, *, confidence: float = 0.9, velocity: int = 80) -> PlayedNote:
    return PlayedNote(onset, onset + length, pitch, velocity, "piano", confidence)


def scale(tonic: int, degrees: str) -> list[PlayedNote]:
    steps = dict(zip("1234567", (0, 2, 4, 5, 7, 9, 11), strict=True))
    return [note(0.5 * k, tonic + steps[degree]) for k, degree in enumerate(degrees)]


# --- cleaning ---------------------------------------------------------------------------------------------------------


def test_a_note_split_by_the_detector_is_one_note():
    second = note(0.5, 60, 0.3, confidence=0.4, velocity=50)
    (whole,) = cleaning.clean([note(0.0, 60, 0.49), second])
    assert (whole.onset, whole.offset) == (0.0, second.offset)


def test_a_note_played_again_stays_two_notes():
    assert len(cleaning.clean([note(0.0, 60, 0.49), note(0.5, 60, 0.3)])) == 2


def test_an_unsure_blip_is_dropped_and_a_sure_one_kept():
    assert cleaning.clean([note(0.0, 60, 0.03, confidence=0.2)]) == []
    assert len(cleaning.clean([note(0.0, 60, 0.03)])) == 1


def test_a_rolled_chord_is_one_chord_and_a_trill_is_not():
    rolled = [note(0.03 * k, 60 + 4 * k) for k in range(4)]
    assert cleaning.chords(rolled) == [[0, 1, 2, 3]]
    assert len(cleaning.chords([note(0.09 * k, 60 + k % 2) for k in range(6)])) == 6


# --- rhythm and beats -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metre", [*rhythm.METRES, Metre(5, 4), Metre(7, 8), Metre(2, 2), Metre(1, 16)], ids=str)
@pytest.mark.parametrize("texture", ["line", "whole"])
def test_tables_hold_probabilities(metre, texture):
    table = rhythm.table(metre, texture)
    assert np.exp(table.step).sum(axis=(1, 2)) == pytest.approx(1, abs=0.02)
    assert np.exp(table.start).sum() == pytest.approx(1, abs=0.02)
    assert len(table.coarse.places) <= len(table.places)


def onsets_only(seconds) -> beats.Heard:
    seconds = np.asarray(seconds)
    n = len(seconds)
    return beats.Heard(seconds, np.full(n, np.inf), np.zeros((n, 1)), np.zeros((n, 1)))


def test_a_slowing_tempo_keeps_the_note_values():
    quarters = np.tile([1, 0.5, 0.5, 1, 1], 6)
    pace = 0.5 * np.linspace(1, 1.6, len(quarters))
    (path,) = beats.track(onsets_only(np.r_[0, np.cumsum(quarters * pace)]), [rhythm.table(Metre(4, 4), "line")])
    assert (np.diff(path.ticks) / rhythm.TICKS == quarters).all()
    assert path.quarter[-1] / path.quarter[1] == pytest.approx(1.6, abs=0.2)


def test_a_fermata_at_every_phrase_end_keeps_the_bars_whole():
    quarters = np.tile([1, 0.5, 0.5, 1, 1], 6)
    sounded = quarters + np.tile([0, 0, 0, 0, 0.7], 6)
    heard = onsets_only(np.r_[0, np.cumsum(0.6 * sounded)])
    (path,) = beats.track(heard, [rhythm.table(Metre(4, 4), "line")], hold_price=beats.FREQUENT)
    assert (np.diff(path.ticks) / rhythm.TICKS == quarters).all()


def test_an_onset_in_doubt_is_ignored_and_one_in_no_doubt_is_not():
    heard = onsets_only(sorted([*np.arange(16) * 0.6, 0.6 * 5.37]))
    table = rhythm.table(Metre(4, 4), "line")
    (path,) = beats.track(heard, [table])
    assert len(path.used) == 17
    heard.doubt[6] = 0.5
    (path,) = beats.track(heard, [table])
    assert np.setdiff1d(np.arange(17), path.used).tolist() == [6]


# --- features and network ---------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(48, 72), min_size=3, max_size=30), st.integers(-12, 12))
def test_features_do_not_know_the_transposition(pitches, shift):
    def of(up):
        notes = [note(0.3 * k, pitch + up, 0.28) for k, pitch in enumerate(pitches)]
        groups = cleaning.chords(notes)
        return features(notes, groups, cleaning.chord_onsets(notes, groups))

    assert of(0).shape == (len(pitches), FEATURES)
    assert np.allclose(of(0), of(shift), atol=1e-4)


def test_guesses_are_probabilities_of_all_places_and_tempos():
    places, tempos = guess(np.random.default_rng(0).normal(size=(40, FEATURES)).astype(np.float32))
    assert places.shape == (40, sum(len(rhythm.places(metre)) for metre in rhythm.METRES))
    assert tempos.shape == (40, len(beats.BPM))
    assert np.exp(places).sum(axis=1) == pytest.approx(1, abs=1e-3)


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tonic", range(12))
def test_the_key_moves_with_the_tune(tonic):
    major = keys.find_key(scale(60 + tonic, "12313455654311517"))
    minor = keys.find_key(scale(60 + tonic, "67167123217656363176"))
    assert (major.mode, minor.mode) == ("major", "minor")
    assert major.fifths == minor.fifths == (7 * tonic + 5) % 12 - 5


def test_one_note_has_a_key():
    assert isinstance(keys.find_key([note(0, 60)]), Key)


# --- streams, hands and values ----------------------------------------------------------------------------------------


def test_lines_are_followed_through_chords_with_missing_notes():
    upper, lower = [72, 71, 69, 71, 72, 74, 72, 71], [60, 62, 64, 62, 60, 59, 60, 62]
    notes = [
        note(0.5 * k, p, 0.48)
        for k, pair in enumerate(zip(upper, lower, strict=True))
        for p in pair
        if (k, p) != (3, 71)
    ]
    line = streams.split(notes, cleaning.chords(notes), 2)
    assert streams.count(notes) == 2
    assert [n.pitch for n, own in zip(notes, line, strict=True) if own == 1] == lower


def test_a_second_voice_needs_more_than_legato():
    assert streams.count([note(0.5 * k, 60 + k, 0.55) for k in range(12)]) == 1


def test_the_hands_follow_the_music_across_middle_c():
    chords = [[36, 43, 60, 64, 67], [40, 45, 64, 69], [57, 60, 76, 81], [64, 67, 84, 88]]
    sides = hands.right_hand(chords)
    assert [[p for p, right in zip(c, s, strict=True) if not right] for c, s in zip(chords, sides, strict=True)] == [
        [36, 43], [40, 45], [57, 60], [64, 67],
    ]  # fmt: skip


def test_values_fill_the_time_unless_the_note_clearly_stops():
    four = Metre(4, 4)
    assert quantise.lengths([0, 24, 48], [20, 21, 40], four, 96) == [24, 24, 48]  # legato
    assert quantise.lengths([0, 24, 48, 72], [11, 12, 11, 12], four, 96) == [24, 24, 24, 24]  # staccato throughout
    assert quantise.lengths([0, 24, 96], [22, 24, 90], four, 192) == [24, 24, 96]  # a rest after a note
