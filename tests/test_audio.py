"""What ``audio`` promises: any format, rate and number of channels becomes the same waveform, in bounded memory."""

import tracemalloc
import wave
from pathlib import Path

import media
import numpy as np
import pytest

from abcscribe import audio
from abcscribe.errors import AudioError


def pitch_of(samples: np.ndarray, rate: int = audio.SAMPLE_RATE) -> float:
    """Frequency in Hz of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("suffix", sorted(media.CODECS))
def test_every_format_gives_the_same_tone(tmp_path: Path, suffix: str) -> None:
    path = media.write(tmp_path / f"a{suffix}", media.tone(1.0, 48_000), 48_000, video=suffix == ".mp4")
    samples = audio.load(path)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert len(samples) == pytest.approx(16_000, rel=0.1)  # codecs pad
    assert pitch_of(samples) == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 96_000, 192_000])
def test_every_rate_is_resampled(tmp_path: Path, rate: int) -> None:
    samples = audio.load(media.write(tmp_path / "a.wav", media.tone(1.0, rate), rate))
    assert len(samples) == pytest.approx(16_000, abs=20)
    assert pitch_of(samples) == pytest.approx(440, abs=1)


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_channels_are_averaged(tmp_path: Path, channels: int) -> None:
    stacked = np.zeros((channels, 16_000), np.float32)
    stacked[-1] = media.tone(1.0)
    samples = audio.load(media.write(tmp_path / "a.wav", stacked))
    assert np.abs(samples).max() == pytest.approx(0.4 / channels, rel=0.02)


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_mulaw"])
def test_every_sample_format(tmp_path: Path, codec: str) -> None:
    samples = audio.load(media.write(tmp_path / "a.wav", media.tone(1.0), codec=codec))
    assert pitch_of(samples) == pytest.approx(440, abs=1)


def test_values_that_are_not_numbers_become_silence(tmp_path: Path) -> None:
    broken = media.tone(1.0)
    broken[4_000:4_010] = np.nan
    broken[8_000] = np.inf
    samples = audio.load(media.write(tmp_path / "a.wav", broken, codec="pcm_f32le"))
    assert np.isfinite(samples).all()
    assert pitch_of(samples) == pytest.approx(440, abs=1)


def test_blocks_are_equal_but_for_the_last_and_join_to_the_whole(tmp_path: Path) -> None:
    path = media.write(tmp_path / "a.flac", media.tone(2.5))
    parts = list(audio.blocks(path, seconds=1.0))
    assert [len(part) for part in parts] == [16_000, 16_000, 8_000]
    assert np.array_equal(np.concatenate(parts), audio.load(path))


def test_a_section_is_cut_to_the_sample(tmp_path: Path) -> None:
    path = media.write(tmp_path / "a.flac", media.tone(3.0))
    whole, section = audio.load(path), audio.load(path, start=0.5, end=1.75)
    assert np.array_equal(section, whole[8_000:28_000])
    assert np.array_equal(audio.load(path, start=2.5, end=99), whole[40_000:])


@pytest.mark.parametrize(("start", "end"), [(-1, None), (2, 1), (1, 1)])
def test_an_impossible_section_is_refused(tmp_path: Path, start: float, end: float | None) -> None:
    path = media.write(tmp_path / "a.wav", media.tone(3.0))
    with pytest.raises(AudioError, match="section"):
        audio.load(path, start=start, end=end)


def test_a_section_behind_the_end_is_refused(tmp_path: Path) -> None:
    path = media.write(tmp_path / "a.wav", media.tone(1.0))
    with pytest.raises(AudioError, match="ends before 5 s"):
        audio.load(path, start=5)


def test_another_rate_can_be_asked_for(tmp_path: Path) -> None:
    samples = audio.load(media.write(tmp_path / "a.wav", media.tone(1.0, 44_100), 44_100), rate=22_050)
    assert pitch_of(samples, 22_050) == pytest.approx(440, abs=1)


def test_probe_reads_the_header(tmp_path: Path) -> None:
    path = media.write(tmp_path / "a.flac", np.stack([media.tone(2.0, 44_100)] * 2), 44_100)
    assert audio.probe(path) == audio.AudioInfo(pytest.approx(2.0), 44_100, 2, "flac")


def test_a_long_file_needs_the_memory_of_a_block(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as raw, wave.open(raw, "wb") as out:
        out.setparams((1, 2, 8_000, 0, "NONE", ""))
        for _ in range(10):
            out.writeframes(bytes(2 * 8_000 * 60))
    tracemalloc.start()
    seconds = sum(len(block) for block in audio.blocks(path, seconds=10)) / audio.SAMPLE_RATE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds == pytest.approx(600, abs=0.1)
    assert peak < 4e6  # the whole would be 38 MB


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16, np.int32, np.uint8])
def test_arrays_become_the_same_waveform(kind: type) -> None:
    tone = media.tone(0.5, 44_100)
    if np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        tone = (tone * limits.max / (2 if kind is np.uint8 else 1)) + (128 if kind is np.uint8 else 0)
    with audio.as_file(np.stack([tone, tone], axis=1).astype(kind), 44_100) as path:
        samples = audio.load(path)
    assert not path.exists()
    assert pitch_of(samples) == pytest.approx(440, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(
    ("samples", "rate"),
    [(np.zeros(0), 16_000), (np.zeros((2, 2, 2)), 16_000), (np.array(["a"]), 16_000), (np.zeros(9), 0)],
)
def test_other_arrays_are_refused(samples: np.ndarray, rate: int) -> None:
    with pytest.raises(AudioError, match="An array of samples"), audio.as_file(samples, rate):
        pass
