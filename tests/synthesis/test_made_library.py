import numpy as np
import pytest
from tiny_sounds import tone

from abcscribe.audio import SAMPLE_RATE
from abcscribe.synthesis import made_library, soundfonts
from abcscribe.synthesis.made_library import SINGERS, TAKES, write_made_library
from abcscribe.synthesis.sound_library import read_library


@pytest.fixture
def folder(tmp_path, monkeypatch):
    def recorded(rng, performance, seconds, font, cents, pedal):
        # Played at another rate a tone has another pitch: made lower so that it is right.
        pitch = float(performance.pitch[0]) + 12 * np.log2(24_000 / SAMPLE_RATE)
        return np.pad(tone(pitch, 1.5, 0.0), (0, int(seconds * SAMPLE_RATE)))[: int(seconds * SAMPLE_RATE)]

    monkeypatch.setattr(soundfonts, "installed_fonts", lambda: ["fluid-soundfont-gm"])
    monkeypatch.setattr(soundfonts, "render", recorded)
    assert write_made_library(tmp_path, programs=(71, 19)) > 40
    return tmp_path


def test_what_is_made_is_a_library_like_others(folder):
    sounds = read_library(folder)
    assert {sound.program for sound in sounds} == {71, 19, 52}
    assert {sound.licence for sound in sounds if sound.program != 52} == {"MIT"}
    assert all(sound.sustained for sound in sounds)  # clarinet, organ, singers
    assert len({sound.instrument for sound in sounds if sound.program == 52}) == len(SINGERS) * TAKES
    for sound in sounds:
        labelled = int(sound.path.name[:3])
        # A singer may be off his note; what he sings is what counts.
        assert sound.midi == pytest.approx(labelled, abs=0.1 if sound.program != 52 else 1.0)


def test_making_it_again_adds_nothing(folder, monkeypatch):
    before = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    made_library.write_made_library(folder, programs=(71, 19))
    assert {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()} == before
