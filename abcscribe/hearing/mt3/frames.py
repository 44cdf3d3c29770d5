"""Waveform -> log-mel frames as the MT3 family's networks were trained on (numpy only).

Frame ``i`` is the spectrum of the 2,048 samples from sample ``128 i`` on (not centred), under a periodic Hann window,
with silence behind the end. The mel filters are triangles on the mel scale of 2595 log10(1 + f / 700), not on that of
frequency, are not normalised, and have no weight at 0 Hz: as ``tf.signal`` makes them. Two low ones fall between two
bins of the spectrum and are empty.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.hearing.mt3.vocabulary import FRAMES_PER_SECOND, LOG_MEL_RANGE, System

HOP = SAMPLE_RATE // FRAMES_PER_SECOND  # 128 samples
FFT = 2048  # samples
MELS = 512
LOWEST, HIGHEST = 20.0, 7600.0  # Hz
SILENCE = 1e-5  # what the logarithm is taken of where a mel bin is empty; small values are left as they are
GROUP = 64  # filters that share one product: they see a fraction of the spectrum only


def frame_count(samples: int) -> int:
    """Frames of a recording: the published code adds one where the samples fill all, so there is one at least."""
    return samples // HOP + 1


def log_mel(waveform: np.ndarray, frames: int) -> np.ndarray:
    """The first ``frames`` frames of a waveform, with silence behind its end.

    Args:
        waveform: (samples,) float32 at 16 kHz; a segment, since the published code lets no frame look into the next.
    Returns:
        (frames, 512) float32.
    """
    padded = np.zeros(frames * HOP + FFT, np.float32)
    used = waveform[: frames * HOP]
    padded[: used.size] = used
    windows = np.lib.stride_tricks.sliding_window_view(padded, FFT)[: frames * HOP : HOP]
    magnitude = np.abs(np.fft.rfft(windows * _window())).astype(np.float32)
    mel = np.concatenate([magnitude[:, first:last] @ filters for first, last, filters in _filters()], axis=1)
    return np.log(np.where(mel <= 0, np.float32(SILENCE), mel))


def network_input(waveform: np.ndarray, system: System) -> np.ndarray:
    """What the network sees of a segment, in the system's scale; zeros behind the end of the recording.

    Args:
        waveform: (samples,) float32, at most a segment long; the shorter the last one of a recording.
    Returns:
        (segment_frames, 512) float32.
    """
    frames = min(frame_count(waveform.size), system.segment_frames)
    values = log_mel(waveform, frames)
    if system.normalised:
        low, high = LOG_MEL_RANGE
        values = (np.clip(values, low, high) - low) / np.float32(high - low)
    return np.pad(values, ((0, system.segment_frames - frames), (0, 0)))


@cache
def _window() -> np.ndarray:
    return np.hanning(FFT + 1)[:-1].astype(np.float32)


@cache
def _filters() -> list[tuple[int, int, np.ndarray]]:
    """(first bin, end, weights (bins, filters)) of each group of filters."""
    weights = mel_weights()
    groups = []
    for column in range(0, MELS, GROUP):
        group = weights[:, column : column + GROUP]
        used = np.flatnonzero(group.any(axis=1))
        first, last = int(used[0]), int(used[-1]) + 1
        groups.append((first, last, np.ascontiguousarray(group[first:last])))
    return groups


def mel_weights() -> np.ndarray:
    """The filters: (1025, 512), computed in float32 as the original does, since rounding is not negligible."""
    frequencies = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=np.float32)
    edges = np.linspace(_mel(np.float32(LOWEST)), _mel(np.float32(HIGHEST)), MELS + 2, dtype=np.float32)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    mels = _mel(frequencies)[:, None]
    weights = np.maximum(0, np.minimum((mels - low) / (middle - low), (high - mels) / (high - middle)))
    weights[0] = 0
    return weights


def _mel(hertz: np.ndarray | np.float32) -> np.ndarray:
    return np.float32(1127) * np.log(np.float32(1) + hertz / np.float32(700))
