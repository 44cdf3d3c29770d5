"""Note lists in seconds: hand-computed F1s, and agreement with mir_eval called on the whole list."""

import math

import mir_eval.transcription
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tunes import played

from abcscribe.metrics import multi_instrument, notes
from abcscribe.score import PlayedNote
from abcscribe.score.instruments import PERCUSSION

REFERENCE = played((0.0, 1.0, 60), (1.0, 2.0, 62), (2.0, 3.0, 64), (3.0, 4.0, 65))


def test_onsets_by_hand():
    # 60 in time; 62 is 40 ms late; 64 is 80 ms late; 65 is an octave high; one extra note
    found = played((0.0, 1.0, 60), (1.04, 2.0, 62), (2.08, 3.0, 64), (3.0, 4.0, 77), (3.5, 4.0, 40))
    values = notes.evaluate(REFERENCE, found)
    assert values["onset_f1"] == pytest.approx(2 * 2 / 9)
    assert values["onset_precision"] == 2 / 5
    assert values["onset_recall"] == 2 / 4
    assert values["onset_100ms_f1"] == pytest.approx(2 * 3 / 9)


def test_offsets_within_a_fifth_of_the_duration():
    found = played((0.0, 0.81, 60), (1.0, 1.79, 62), (2.0, 3.2, 64), (3.0, 4.3, 65))
    assert notes.evaluate(REFERENCE, found)["offset_f1"] == 2 / 4
    assert notes.evaluate(REFERENCE, found)["onset_f1"] == 1


def test_a_note_is_found_once():
    assert notes.evaluate(played((0, 1, 60)), played((0, 1, 60), (0.01, 1, 60)))["onset_f1"] == pytest.approx(2 / 3)


def test_frames_by_hand():
    # 1 s against the 0.5 s in its middle: 50 of 100 and of 50 frames
    assert notes.frame_f1(played((0, 1, 60)), played((0.25, 0.75, 60))) == pytest.approx(2 * 50 / 150)
    # overlapping notes of one pitch sound once
    assert notes.frame_f1(played((0, 1, 60)), played((0, 0.6, 60), (0.4, 1, 60))) == 1


def test_empty_and_garbage():
    assert set(notes.evaluate([], []).values()) == {1}
    assert set(notes.evaluate(REFERENCE, []).values()) == {0}
    assert set(notes.evaluate([], REFERENCE).values()) == {0}
    garbage = [PlayedNote(math.nan, 1, 60), PlayedNote(1.0, 0.5, 62), PlayedNote(0.0, math.inf, 60)]
    assert notes.evaluate(REFERENCE, REFERENCE + garbage)["onset_f1"] == pytest.approx(2 * 4 / 11)


ONSETS, LENGTHS = st.integers(0, 40), st.integers(1, 10)  # twentieths of a second
NOTES = st.lists(
    st.builds(lambda on, long, pitch: (on / 20, (on + long) / 20, pitch), ONSETS, LENGTHS, st.integers(60, 62)),
    max_size=12,
).map(lambda items: played(*items))


@settings(max_examples=25, deadline=None)
@given(NOTES, NOTES, st.booleans())
def test_pitch_by_pitch_finds_what_mir_eval_finds(reference: list, prediction: list, offsets: bool):
    def arrays(side: list) -> tuple[np.ndarray, np.ndarray]:
        intervals = np.array([(n.onset, n.offset) for n in side]).reshape(-1, 2)
        return intervals, mir_eval.util.midi_to_hz(np.array([n.pitch for n in side], dtype=float))

    matched = mir_eval.transcription.match_notes(
        *arrays(reference), *arrays(prediction), offset_ratio=0.2 if offsets else None
    )
    assert notes.count_matches(reference, prediction, offsets=offsets) == len(matched)


def test_programs_at_three_granularities():
    reference = {40: REFERENCE[:2], 42: REFERENCE[2:]}  # violin, cello
    # the violin is right, the cello's notes are given to a flute (73) and, one of them, to a viola (41)
    prediction = {40: REFERENCE[:2], 73: REFERENCE[2:3], 41: REFERENCE[3:]}
    assert multi_instrument.evaluate(reference, prediction) == {"flat": 1, "midi_class": 3 / 4, "full": 2 / 4}


def test_drums_are_apart_and_have_no_offsets():
    hit, long_hit = played((0.0, 0.1, 36)), played((0.0, 2.0, 36))
    assert multi_instrument.evaluate({PERCUSSION: hit}, {PERCUSSION: long_hit})["full"] == 1
    assert multi_instrument.evaluate({PERCUSSION: hit}, {0: hit})["flat"] == 0
    assert multi_instrument.evaluate({0: hit}, {0: long_hit})["flat"] == 0


def test_bands_of_nothing():
    assert set(multi_instrument.evaluate({}, {}).values()) == {1}
    assert set(multi_instrument.evaluate({0: REFERENCE}, {}).values()) == {0}


def test_families_stand_for_programs():
    tracks = multi_instrument.tracks_by_family([*played((0, 1, 60), family="reed"), *played((0, 1, 60))])
    assert {program: len(items) for program, items in tracks.items()} == {71: 1, 0: 1}
