"""Waveform -> log-frequency frames, the same numbers in training and inference (numpy only).

Three window lengths share one time grid: low bins need long windows to tell semitones apart, high bins short ones to
place onsets. What this stage does not know: notes, loudness of the file (``normalise`` is the caller's choice).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from abcscribe.audio import SAMPLE_RATE

HOP = 256  # samples: 16 ms
FRAME_RATE = SAMPLE_RATE / HOP  # 62.5 frames/s
LOWEST_PITCH = 21  # MIDI, A0 = 27.5 Hz
PITCHES = 88
BINS_PER_SEMITONE = 3
BINS = PITCHES * BINS_PER_SEMITONE  # 264; bin 3p + 1 is the centre of MIDI pitch 21 + p
# (window in samples, lowest MIDI pitch that uses it): 256 ms, 128 ms, 64 ms.
WINDOWS = ((4096, 21), (2048, 57), (1024, 81))
LONGEST = WINDOWS[0][0]
COMPRESSION = 10_000.0  # log1p(c x) / log1p(c): full scale is 1, -80 dB about 0.08
TARGET_RMS = 0.1  # what ``normalise`` scales to
MAX_GAIN = 100.0  # 40 dB: more would turn room noise into music

assert FRAME_RATE == 62.5


def normalise(waveform: np.ndarray) -> np.ndarray:
    """Scale to TARGET_RMS (root mean square), by at most MAX_GAIN. Input and output: (samples,) float32."""
    rms = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float32)))) if waveform.size else 0.0
    return waveform * np.float32(min(MAX_GAIN, TARGET_RMS / max(rms, 1e-9)))


def spectrogram(waveform: np.ndarray) -> np.ndarray:
    """Log-frequency frames of a waveform.

    Args:
        waveform: (samples,) float32, mono, 16 kHz.
    Returns:
        (frames, 264) float32 of about 0 ... 1; frame ``i`` is centred on sample ``i * HOP``;
        frames = ceil(samples / HOP).
    """
    frames = -(-waveform.size // HOP)
    padded = np.zeros(frames * HOP + LONGEST, np.float32)
    padded[LONGEST // 2 : LONGEST // 2 + waveform.size] = waveform
    out = np.empty((frames, BINS), np.float32)
    for band in bands():
        begin = LONGEST // 2 - band.size // 2
        windows = np.lib.stride_tricks.sliding_window_view(padded[begin:], band.size)[: frames * HOP : HOP]
        for i in range(0, frames, 1024):  # bounded memory
            spectrum = np.abs(np.fft.rfft(windows[i : i + 1024] * band.window)[:, band.first : band.last])
            out[i : i + 1024, band.bins] = spectrum.astype(np.float32) @ band.filters
    np.log1p(out * np.float32(COMPRESSION), out=out)
    out /= np.float32(np.log1p(COMPRESSION))
    return out


class _Band:
    """One window length and the filters that map its FFT bins [first, last) to the log-frequency bins it serves."""

    def __init__(self, size: int, lowest: int, above: int) -> None:
        self.size = size
        window = np.hanning(size + 1)[:-1]
        self.window = (window * 2 / window.sum()).astype(np.float32)  # a full-scale sine has magnitude 1
        self.bins = slice((lowest - LOWEST_PITCH) * BINS_PER_SEMITONE, (above - LOWEST_PITCH) * BINS_PER_SEMITONE)
        steps = np.arange(self.bins.start, self.bins.stop)
        centres = 27.5 * 2.0 ** ((steps - 1) / (12 * BINS_PER_SEMITONE))
        spacing = SAMPLE_RATE / size
        half_widths = np.maximum(centres * (2 ** (1 / (12 * BINS_PER_SEMITONE)) - 1), spacing)
        frequencies = np.arange(size // 2 + 1) * spacing
        weights = np.maximum(0, 1 - np.abs(frequencies[:, None] - centres) / half_widths)
        used = np.flatnonzero(weights.any(axis=1))
        self.first, self.last = int(used[0]), int(used[-1]) + 1
        self.filters = (weights / weights.sum(axis=0))[self.first : self.last].astype(np.float32)


@cache
def bands() -> tuple[_Band, ...]:
    """The three windows and their filters, the longest first."""
    edges = [lowest for _, lowest in WINDOWS[1:]] + [LOWEST_PITCH + PITCHES]
    return tuple(_Band(size, lowest, above) for (size, lowest), above in zip(WINDOWS, edges, strict=True))
