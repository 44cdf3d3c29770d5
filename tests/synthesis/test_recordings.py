"""Recordings with programs and drums: what is in them; the soundfont's part is played by a stand-in."""

from pathlib import Path

import numpy as np
import pytest
from tiny_cache import write_cache

from abcscribe.errors import AbcscribeError
from abcscribe.score.instruments import PERCUSSION
from abcscribe.synthesis import performance, recordings, render, soundfonts
from abcscribe.synthesis.recordings import RecordingConfig, make, tones


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[performance.Performance]:
    """What the stand-in for FluidSynth was given to play; it plays a sine."""
    seen: list[performance.Performance] = []

    def play(rng, played, seconds, font, cents, pedal):  # type: ignore[no-untyped-def]
        seen.append(played)
        return np.sin(np.arange(int(seconds * 16000)) / 9).astype(np.float32) * 0.1

    monkeypatch.setattr(soundfonts, "installed_fonts", lambda: ["some font"])
    monkeypatch.setattr(soundfonts, "render", play)
    return seen


@pytest.fixture
def config(tmp_path: Path) -> RecordingConfig:
    return RecordingConfig(write_cache(tmp_path / "notes.npz"), tmp_path / "out", rooms=False, shards=1, valid_shards=1)


def test_notes_are_what_was_played_with_programs_and_drums(
    asked: list[performance.Performance], config: RecordingConfig
) -> None:
    pieces = render.pieces_of(config.cache, "train")
    drums = 0
    for seed in range(12):
        waveform, notes = make(np.random.default_rng(seed), pieces, config)
        played = asked[-1]
        assert (waveform.dtype, waveform.shape) == (np.int16, (163_840,))
        np.testing.assert_allclose(notes[:, 0], played.onset, rtol=1e-6)
        np.testing.assert_allclose(notes[:, 2], played.pitch)
        program = np.array(played.programs)[played.part]
        assert notes[:, 5].tolist() == (program == PERCUSSION).tolist()
        assert notes[notes[:, 5] == 0, 4].tolist() == program[program != PERCUSSION].tolist()
        assert notes[:, 0].max() < recordings.SECONDS
        drums += PERCUSSION in played.programs
    assert 1 <= drums <= 8


def test_programs_and_parts_can_be_restricted(
    asked: list[performance.Performance], config: RecordingConfig, tmp_path: Path
) -> None:
    few = RecordingConfig(config.cache, tmp_path, parts=1, programs="40,73", drums=0, rooms=False)
    pieces = render.pieces_of(config.cache, "train")
    for seed in range(8):
        make(np.random.default_rng(seed), pieces, few)
    assert {played.programs for played in asked} == {(40,), (73,)}


@pytest.mark.parametrize("programs", ["flute", "40,", "128", "127"])
def test_programs_without_a_range_are_refused(config: RecordingConfig, tmp_path: Path, programs: str) -> None:
    with pytest.raises(AbcscribeError, match="General MIDI numbers"):
        next(recordings.record(RecordingConfig(config.cache, tmp_path, programs=programs)))


def test_a_shard_is_written_once_and_is_a_function_of_its_seed(
    asked: list[performance.Performance], config: RecordingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recordings, "RECORDINGS_PER_SHARD", 3)
    config.out.mkdir()
    recordings._shard((config, "train", 0))
    path = config.out / "train-00000.npz"
    written = dict(np.load(path))
    recordings._shard((config, "train", 0))
    assert len(asked) == 3
    path.unlink()
    recordings._shard((config, "train", 0))
    assert all(np.array_equal(written[name], array) for name, array in np.load(path).items())
    assert written["waveforms"].shape == (3, 163_840)
    assert written["first"][-1] == len(written["notes"])


def test_textures_that_the_cache_does_not_have_are_named(config: RecordingConfig, tmp_path: Path) -> None:
    other = RecordingConfig(config.cache, tmp_path, textures="opera")
    with pytest.raises(AbcscribeError, match="opera"):
        recordings._shard((other, "train", 0))


def test_drums_are_played_on_the_kit_of_the_soundfont() -> None:
    class Synth:
        chosen: tuple = ()

        def program_select(self, *chosen: int) -> None:
            self.chosen = chosen

        def cc(self, *_: int) -> None: ...

        def pitch_bend(self, *_: int) -> None: ...

    synth = Synth()
    soundfonts._prepare(np.random.default_rng(0), synth, 7, 2, PERCUSSION, 0.0)
    assert synth.chosen == (2, 7, 128, 0)
    soundfonts._prepare(np.random.default_rng(0), synth, 7, 2, 40, 0.0)
    assert synth.chosen == (2, 7, 0, 40)


def test_tones_sound_where_their_notes_say() -> None:
    waveform, notes = tones(np.random.default_rng(1), 3.0)
    assert waveform.shape == (48_000,)
    for onset, offset, pitch, *_ in notes:
        piece = waveform[round(onset * 16000) : round(offset * 16000)].astype(float)
        spectrum = np.abs(np.fft.rfft(piece * np.hanning(piece.size)))
        hertz = spectrum.argmax() * 16000 / piece.size
        assert abs(12 * np.log2(hertz / 440) + 69 - pitch) < 0.5
