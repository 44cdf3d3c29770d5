"""Transposition: pitches move by semitones, spelling by one interval."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.score import Bar, Key, Note, Part, Pitch, PlayedNote, Score
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.transpose import transposed

QUARTER = 1


def tune(key: Key, *pitches: Pitch, program: int = 0) -> Score:
    notes = tuple(Note(QUARTER * i, QUARTER, pitch) for i, pitch in enumerate(pitches))
    return Score((Bar(4, key=key),), (Part((notes,), program=program),))


def spelled(score: Score) -> str:
    return " ".join(str(note.pitch) for note in score.parts[0].bars[0])


def test_degrees_keep_their_function():
    g_major = tune(Key(1), Pitch("G"), Pitch("F", 1), Pitch("E", -1), Pitch("C", 1))
    down = transposed(g_major, -2)
    assert (down.bars[0].key, spelled(down)) == (Key(-1), "F4 E4 Db4 B3")


@pytest.mark.parametrize(
    ("key", "semitones", "fifths"),
    [(0, 1, -5), (0, 6, 6), (0, -1, 5), (4, 1, -1), (-5, 1, 2), (0, 12, 0), (7, 1, 2), (0, -11, -5)],
)
def test_the_simplest_signature_is_taken(key: int, semitones: int, fifths: int):
    assert transposed(tune(Key(key)), semitones).bars[0].key.fifths == fifths


def test_graces_and_performance_move_and_drums_stay():
    note = Note(0, 1, Pitch("C"), grace=(Pitch("D"),))
    score = Score(
        (Bar(4),), (Part(((note,),)), Part(((note,),), program=PERCUSSION)), performance=(PlayedNote(0, 1, 60),)
    )
    up = transposed(score, 2)
    moved, drum = up.parts[0].bars[0][0], up.parts[1].bars[0][0]
    assert (str(moved.pitch), str(moved.grace[0]), up.performance[0].pitch, drum) == ("D4", "E4", 62, note)


PITCHES = st.builds(Pitch, st.sampled_from("CDEFGAB"), st.integers(-2, 2), st.integers(1, 7))


@settings(max_examples=30, deadline=None)
@given(st.lists(PITCHES, min_size=1, max_size=6), st.integers(-7, 7), st.integers(-14, 14))
def test_every_pitch_moves_by_the_semitones_and_is_writable(pitches: list[Pitch], key: int, semitones: int):
    moved = [note.pitch for note in transposed(tune(Key(key), *pitches), semitones).parts[0].bars[0]]
    assert [pitch.midi + semitones for pitch in pitches] == [pitch.midi for pitch in moved]
    assert all(abs(pitch.alter) <= 2 for pitch in moved)


@settings(max_examples=30, deadline=None)
@given(st.lists(PITCHES, min_size=1, max_size=6), st.integers(-5, 6), st.integers(-12, 12))
def test_there_and_back_is_the_same_signature(pitches: list[Pitch], key: int, semitones: int):
    there = transposed(tune(Key(key), *pitches), semitones)
    assert (transposed(there, -semitones).bars[0].key.fifths - key) % 12 == 0
