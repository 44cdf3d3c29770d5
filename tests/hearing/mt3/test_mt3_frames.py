"""The front end against a computation of its own, written out filter by filter."""

import dataclasses

import numpy as np
import pytest

from abcscribe.hearing.mt3.frames import frame_count, log_mel, mel_weights, network_input
from abcscribe.hearing.mt3.vocabulary import SYSTEMS


def mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def by_hand(waveform: np.ndarray, frame: int, band: int) -> float:
    """Natural log of one mel bin of one frame: a Fourier sum over 2,048 samples from sample 128 x frame on."""
    n = np.arange(2048)
    samples = np.zeros(2048)
    piece = waveform[128 * frame : 128 * frame + 2048]
    samples[: len(piece)] = piece
    samples *= 0.5 - 0.5 * np.cos(2 * np.pi * n / 2048)
    low, middle, high = (mel(20) + (band + i) * (mel(7600) - mel(20)) / 513 for i in range(3))
    total = 0.0
    for k in range(1, 1025):
        place = mel(k * 16000 / 2048)
        weight = min((place - low) / (middle - low), (high - place) / (high - middle))
        if weight > 0:
            total += weight * abs(np.sum(samples * np.exp(-2j * np.pi * k * n / 2048)))
    return float(np.log(total if total > 0 else 1e-5))


@pytest.mark.parametrize(("frame", "band"), [(0, 0), (0, 40), (7, 100), (3, 333), (19, 511), (19, 2)])
def test_log_mel_is_what_the_sum_over_samples_gives(frame: int, band: int) -> None:
    waveform = np.random.default_rng(1).uniform(-0.5, 0.5, 20 * 128).astype(np.float32)
    assert log_mel(waveform, 20)[frame, band] == pytest.approx(by_hand(waveform, frame, band), abs=2e-3)


def test_filters_are_triangles_without_0_hz_and_the_two_between_bins_are_empty() -> None:
    weights = mel_weights()
    assert weights.shape == (1025, 512)
    assert (weights.max(axis=0) == 0).sum() == 2
    assert weights[0].max() == 0
    assert 0 <= weights.min() < weights.max() <= 1


def test_a_tone_lights_up_its_place() -> None:
    t = np.arange(16000) / 16000
    frames = log_mel(np.sin(2 * np.pi * 1000 * t).astype(np.float32), 100)
    assert frames[50].argmax() == pytest.approx((mel(1000) - mel(20)) / (mel(7600) - mel(20)) * 513 - 1, abs=1)


def test_a_segment_ends_in_silence_and_its_rest_is_zero() -> None:
    system = SYSTEMS["mt3"]
    waveform = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    frames = network_input(waveform, system)
    assert frames.shape == (256, 512)
    assert frame_count(1000) == 8
    np.testing.assert_array_equal(frames[:8], log_mel(waveform, 8))
    assert not frames[8:].any()


def test_the_published_code_adds_a_frame_where_samples_fill_all() -> None:
    assert [frame_count(n) for n in (0, 1, 127, 128, 256)] == [1, 1, 1, 2, 3]


def test_normalised_values_lie_between_0_and_1() -> None:
    system = dataclasses.replace(SYSTEMS["mr-mt3"], segment_frames=4)
    silent, loud = (
        network_input(np.zeros(512, np.float32), system),
        network_input(np.ones(512, np.float32) * 1e3, system),
    )
    assert silent[0, 100] == pytest.approx((np.log(1e-5) + 12) / 17)
    assert loud.max() == 1
    assert loud.min() >= 0
