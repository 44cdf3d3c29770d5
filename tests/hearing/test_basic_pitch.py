"""Basic Pitch: how notes are read off the network's activity, and that the network itself runs on any blocks."""

import numpy as np
import pytest

from abcscribe.errors import EngineError
from abcscribe.hearing import basic_pitch

FRAME = basic_pitch.HOP / basic_pitch.SAMPLE_RATE  # seconds


def activity(*notes: tuple[int, int, int], onsets: bool = True, frames: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """(sounding, onset) of notes given as (start, end, column)."""
    sounding, onset = np.zeros((2, frames, 88), np.float32)
    for start, end, column in notes:
        sounding[start:end, column] = 0.8
        if onsets:
            onset[start, column] = 0.9
    return sounding, onset


def read(sounding: np.ndarray, onset: np.ndarray) -> set[tuple[int, int, int]]:
    notes = basic_pitch._read_off(sounding, onset, 0)
    return {(round(n.onset / FRAME), round(n.offset / FRAME), n.pitch - basic_pitch.LOWEST) for n in notes}


def test_notes_with_onsets_are_read_as_they_are() -> None:
    chord = {(10, 40, 30), (10, 50, 34), (60, 90, 30)}
    assert read(*activity(*chord)) == chord


def test_a_note_whose_onset_was_missed_is_found_by_its_activity() -> None:
    sounding, onset = activity((5, 60, 40), onsets=False)
    sounding[:, 20] = 0.1  # else the inferred onset would be scaled to nothing
    sounding[5:60, 40] = np.hanning(57)[1:-1] * 0.8
    ((start, end, column),) = read(sounding, onset)
    assert column == 40
    assert 5 < start < 25 < 45 < end < 60  # as long as it stays above the threshold


def test_short_notes_are_dropped_and_short_gaps_are_bridged() -> None:
    sounding, onset = activity((10, 21, 30), (40, 80, 50))
    sounding[55:61, 50] = 0.6, 0.4, 0.2, 0.2, 0.4, 0.6  # soft enough not to look like an onset
    assert read(sounding, onset) == {(40, 80, 50)}


def test_a_repeated_note_is_two_notes() -> None:
    assert read(*activity((10, 30, 30), (30, 60, 30))) == {(10, 30, 30), (30, 60, 30)}


@pytest.fixture(scope="module")
def engine() -> basic_pitch.BasicPitch:
    return basic_pitch.load()


@pytest.fixture(scope="module")
def arpeggio() -> np.ndarray:
    """Four plucked tones, half a second each, at 22,050 Hz."""
    t = np.arange(11_025) / 22_050
    tones = [60, 64, 67, 72]
    waves = [sum(np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * k * t) / k for k in range(1, 6)) for p in tones]
    return np.concatenate([0.2 * wave * np.exp(-2 * t) for wave in waves]).astype(np.float32)


def test_the_network_hears_an_arpeggio(engine: basic_pitch.BasicPitch, arpeggio: np.ndarray) -> None:
    notes = sorted((n for found in engine.notes([arpeggio]) for n in found), key=lambda n: n.onset)
    strong = [n for n in notes if n.confidence > engine.clear_confidence]
    assert [n.pitch for n in strong] == [60, 64, 67, 72]
    assert [n.onset for n in strong] == pytest.approx([0, 0.5, 1, 1.5], abs=0.05)


def test_blocks_of_any_size_give_the_same_notes(engine: basic_pitch.BasicPitch, arpeggio: np.ndarray) -> None:
    recording = np.tile(arpeggio, 3)
    whole = [n for found in engine.notes([recording]) for n in found]
    pieces = [n for found in engine.notes(np.array_split(recording, 23)) for n in found]
    assert pieces == whole


def test_a_long_recording_is_read_off_in_sections(
    engine: basic_pitch.BasicPitch, arpeggio: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = np.tile(arpeggio, 6)
    whole = [n for found in engine.notes([recording]) for n in found]
    monkeypatch.setattr(basic_pitch, "SECTION_FRAMES", 400)
    monkeypatch.setattr(basic_pitch, "SEARCH_FRAMES", 100)
    sections = [n for found in engine.notes([recording]) for n in found]
    strong = engine.clear_confidence
    assert sum(n.confidence > strong for n in whole) == sum(n.confidence > strong for n in sections) == 24
    assert {round(n.onset, 1) for n in sections} >= {round(0.5 * i, 1) for i in range(1, 24)}


def test_a_missing_wheel_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic_pitch, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install --no-deps basic-pitch"):
        basic_pitch.load()
