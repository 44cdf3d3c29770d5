"""Guitar Pro files, read back by the library that writes them."""

import io
from dataclasses import replace

import guitarpro
import pytest
from example_scores import guitar, note

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Harmony, Metre, Part, Score
from abcscribe.score.guitar_pro import to_gp5


def read(content: bytes) -> guitarpro.Song:
    return guitarpro.parse(io.BytesIO(content))


def test_strings_frets_and_ties() -> None:
    song = read(to_gp5(guitar()))
    (track,) = song.tracks
    assert (song.title, track.name, [s.value for s in track.strings]) == ("Study", "Guitar", [64, 59, 55, 50, 45, 40])
    chord = track.measures[0].voices[0].beats[0]
    assert sorted((n.string, n.value) for n in chord.notes) == [(1, 3), (2, 0), (3, 0), (4, 0), (5, 2), (6, 3)]
    held = track.measures[2].voices[0].beats
    assert [beat.notes[0].type.name for beat in held] == ["normal", "tie"]


def test_capo_tuning_metre_endings_and_chord_names() -> None:
    bars = (
        Bar(3, Metre(6, 8), repeat_start=True, harmonies=(Harmony(0, "G"),)),
        Bar(3, Metre(6, 8), repeat_end=True, ending="1"),
        Bar(3, Metre(6, 8), ending="2"),
    )
    notes = (note(0, 3, "A2"),)
    song = read(to_gp5(Score(bars, (Part((notes,) * 3, "Guitar", 24),)), tuning="guitar-drop-d", capo=2))
    (track,) = song.tracks
    assert (track.offset, track.strings[-1].value) == (2, 38)
    headers = [m.header for m in track.measures]
    assert (headers[0].timeSignature.numerator, headers[0].timeSignature.denominator.value) == (6, 8)
    assert [h.isRepeatOpen for h in headers] == [True, False, False]
    assert [h.repeatAlternative for h in headers] == [0, 1, 2]
    assert track.measures[0].voices[0].beats[0].text == "G"
    assert [b.duration.isDotted for b in track.measures[0].voices[0].beats] == [True]


def test_other_letters_than_western_ones_do_not_stop_it() -> None:
    song = read(to_gp5(replace(guitar(), title="№ 5, Ж", composer="Dvořák")))
    assert (song.title, song.music) == ("No 5, ?", "Dvorák")


def test_nothing_to_write_is_one_sentence() -> None:
    with pytest.raises(ScoreError, match="no bars"):
        to_gp5(Score())
