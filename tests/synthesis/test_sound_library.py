import csv

import numpy as np
import pytest
import soundfile
from tiny_sounds import RATE, tone, write_instrument, write_kit, write_libraries

from abcscribe.errors import AbcscribeError
from abcscribe.synthesis.sound_library import (
    Sound,
    may_be_used,
    measured_onset,
    measured_pitch,
    read_library,
    read_rooms,
)


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("CC0-1.0", True), ("CC-BY-4.0", True), ("MIT", True), ("Public domain", True), ("CC-BY-NC-4.0", False),
        ("CC-BY-SA-4.0", False), ("GPL-3.0", False), ("", False), ("ask the author", False), ("Unlicense", True),
        ("free, no restrictions (a university)", True), ("CC BY 3.0, non-commercial", False),
    ],
)  # fmt: skip
def test_sounds_that_are_given_away_may_be_used(licence, allowed):
    assert may_be_used(licence) is allowed


def test_a_library_is_read_from_its_source(tmp_path):
    sounds = read_library(write_libraries(tmp_path))
    assert {sound.split for sound in sounds} == {"train", "valid"}
    assert {sound.program for sound in sounds} == {0, 73, 128}
    piano = [sound for sound in sounds if sound.instrument == "piano-train"]
    assert {sound.layer for sound in piano} == {1, 2}
    assert all(sound.source.endswith("@0123abc") and len(sound.sha256) == 64 for sound in sounds)
    assert len(list(read_rooms(tmp_path))) == 1
    assert all("impulse" not in str(sound.path) for sound in sounds)


@pytest.mark.parametrize("cents", [-40, 0, 27])
def test_the_pitch_is_measured_and_not_the_label(tmp_path, cents):
    write_instrument(tmp_path / "made", "flute", 73, sustained=True, cents=cents)
    for sound in read_library(tmp_path):
        labelled = int(sound.path.name[:3])
        assert sound.midi == pytest.approx(labelled + cents / 100, abs=0.03)


def test_noise_has_the_pitch_of_its_label():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert measured_pitch(noise, RATE, 60) == 60


@pytest.mark.parametrize("before", [0.0, 0.02, 0.3])
def test_the_onset_is_where_the_sound_begins(before):
    assert measured_onset(tone(60, 0.5, 3.0, before), RATE) == pytest.approx(before, abs=0.006)


def test_an_index_is_taken_where_the_checksum_agrees(tmp_path):
    write_instrument(tmp_path / "made", "flute", 73, sustained=True)
    sounds = read_library(tmp_path)
    columns = (
        "file", "instrument", "library", "gm_program", "sustained", "midi", "velocity_layer", "onset_s", "licence",
        "author", "source", "sha256", "split",
    )  # fmt: skip
    with (tmp_path / "index.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for s in sounds[1:]:
            writer.writerow(
                (s.path.relative_to(tmp_path), "oboe", s.library, 68, 1, 99.5, 1, 0.1, "MIT", "A", "B", s.sha256,
                 "valid")
            )  # fmt: skip
    again = read_library(tmp_path)
    assert again[0] == sounds[0]  # not in the index: measured
    assert {sound.program for sound in again[1:]} == {68}
    assert again[1].midi == 99.5
    soundfile.write(sounds[1].path, tone(50, 0.2, 3.0), RATE)
    with pytest.raises(AbcscribeError, match="checksum differs"):
        read_library(tmp_path)


def test_what_may_not_be_used_is_left_out(tmp_path):
    write_instrument(tmp_path / "a", "flute", 73, sustained=True, licence="CC-BY-NC-4.0")
    with pytest.raises(AbcscribeError, match="no recorded notes under a licence"):
        read_library(tmp_path)
    write_kit(tmp_path / "b", "kit")
    assert {sound.instrument for sound in read_library(tmp_path)} == {"kit"}


def test_what_cannot_be_read_is_said(tmp_path):
    with pytest.raises(AbcscribeError, match="There is no folder"):
        read_library(tmp_path / "none")
    write_instrument(tmp_path / "a", "flute", 73, sustained=True)
    (tmp_path / "a" / "flute" / "036_x_v1.wav").rename(tmp_path / "a" / "flute" / "low.wav")
    with pytest.raises(AbcscribeError, match="not named like"):
        read_library(tmp_path)
    (tmp_path / "a" / "SOURCE").write_text("instrument: flute\nlicence: MIT\n")
    with pytest.raises(AbcscribeError, match="needs a block for flute"):
        read_library(tmp_path)


def test_a_sound_knows_its_file(tmp_path):
    write_kit(tmp_path / "b", "kit")
    kick = next(sound for sound in read_library(tmp_path) if sound.midi == 36)
    assert isinstance(kick, Sound)
    assert kick.path.name == "key036_x_v1.wav"


def test_a_library_may_be_a_link(tmp_path):
    write_libraries(tmp_path / "elsewhere")
    (tmp_path / "here").mkdir()
    for library in ("winds-train", "impulse-responses"):
        (tmp_path / "here" / library).symlink_to(tmp_path / "elsewhere" / library)
    assert {sound.instrument for sound in read_library(tmp_path / "here")} == {"flute-train"}
    assert len(list(read_rooms(tmp_path / "here"))) == 1
