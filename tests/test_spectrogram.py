import numpy as np
import pytest

from abcscribe.audio import SAMPLE_RATE
from abcscribe.spectrogram import BINS, FRAME_RATE, HOP, MAX_GAIN, TARGET_RMS, normalise, spectrogram


def tone(midi: float, seconds: float = 1.0, amplitude: float = 0.5) -> np.ndarray:
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * t)).astype(np.float32)


@pytest.mark.parametrize("midi", [33, 45, 57, 60, 69, 80, 81, 93, 105])
def test_a_sine_peaks_at_the_middle_bin_of_its_pitch(midi):
    frames = spectrogram(tone(midi))
    assert frames.shape == (-(-SAMPLE_RATE // HOP), BINS)
    assert abs(int(frames[30].argmax()) - (3 * (midi - 21) + 1)) <= (1 if midi < 45 else 0)


def test_a_full_scale_sine_is_one():
    assert spectrogram(tone(69, amplitude=1.0))[30].max() == pytest.approx(1.0, abs=0.02)


def test_silence_is_zero_and_nothing_is_no_frame():
    assert not spectrogram(np.zeros(4000, np.float32)).any()
    assert spectrogram(np.zeros(0, np.float32)).shape == (0, BINS)


def test_frame_i_is_centred_on_sample_i_times_hop():
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[30 * HOP] = 1.0
    high = spectrogram(click)[:, -60:].sum(axis=1)
    assert high.argmax() == 30
    assert FRAME_RATE * HOP == SAMPLE_RATE


def test_normalise_scales_to_the_target_but_never_lifts_noise_without_bound():
    loud = normalise(tone(60))
    assert float(np.sqrt(np.mean(loud**2))) == pytest.approx(TARGET_RMS, rel=1e-4)
    faint = np.full(100, 1e-6, np.float32)
    assert normalise(faint).max() == pytest.approx(1e-6 * MAX_GAIN, rel=1e-4)
    assert not normalise(np.zeros(10, np.float32)).any()
    assert normalise(np.zeros(0, np.float32)).size == 0
