"""A singing and bowing synthesizer for training data: what soundfonts lack.

General MIDI voices are looped choirs; early runs trained on them alone transcribed no singer at all. Here a melody is
sung by a harmonic source with a continuous pitch line (scoops, glides, vibrato, drift, off-key notes), formants that
move from vowel to vowel, consonants and breath. With random formants and attacks it also stands for winds and strings
that no font has. Source-filter model: Fant, Acoustic Theory of Speech Production (1960); vowel formants after
Peterson and Barney (1952).
"""

from __future__ import annotations

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.synthesis.performance import Performance

CONTROL = 64  # samples between control points: 4 ms
# Formants of a man's voice in Hz; women and children lie up to 25 % higher.
VOWELS = np.array([
    (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410), (730, 1090, 2440),
    (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (490, 1350, 1690),
], dtype=np.float64)  # fmt: skip
BANDWIDTHS = np.array([80.0, 110.0, 160.0, 220.0])  # Hz
SINGERS_FORMANT = 3000.0  # Hz
PEAK = 0.2


def sing(rng: np.random.Generator, performance: Performance, seconds: float, cents: float, voice: bool) -> np.ndarray:
    """Perform a melody (overlaps are cut at the next onset): sung if ``voice``, else on a nameless instrument.

    Returns (samples,) float32, peak 0.2.
    """
    samples = int(seconds * SAMPLE_RATE)
    controls = samples // CONTROL + 1
    times = np.arange(controls) * CONTROL / SAMPLE_RATE
    onset = performance.onset
    offset = np.minimum(performance.offset, np.append(onset[1:], np.inf))
    pitch = _pitch_line(rng, times, onset, offset, performance.pitch + cents / 100)
    loudness = _loudness(rng, times, onset, offset, performance.velocity, voice)
    frequency = 440.0 * 2 ** ((pitch - 69) / 12)
    gains = _formant_gains(rng, times, onset, frequency, voice)
    waveform = _harmonics(frequency, loudness, gains, samples)
    return waveform + _breath(rng, times, onset, loudness, samples, voice)


def _pitch_line(
    rng: np.random.Generator, times: np.ndarray, onset: np.ndarray, offset: np.ndarray, pitch: np.ndarray
) -> np.ndarray:
    """MIDI pitch at every control point."""
    careless = rng.choice([0.04, 0.12, 0.25])  # semitones a note may be off
    target = pitch + rng.normal(0, careless, pitch.size)
    index = np.clip(np.searchsorted(onset, times, side="right") - 1, 0, None)
    line = target[index].astype(np.float64)
    since = times - onset[index]
    glide = rng.uniform(0.02, 0.12)  # seconds
    previous = np.where(index > 0, target[np.maximum(index - 1, 0)], target[index])
    gap = onset[index] - np.where(index > 0, offset[np.maximum(index - 1, 0)], -np.inf)
    slurred = (gap < 0.05) & (rng.random(onset.size) < rng.choice([0.1, 0.7]))[index]
    scoop = np.where(rng.random(onset.size) < rng.choice([0.05, 0.5]), rng.uniform(-2.5, 0.3, onset.size), 0.0)[index]
    start = np.where(slurred, previous, line + scoop)
    # A glide is centred on the onset: singers leave the old note before it and arrive after it.
    line += (start - line) * np.exp(-0.5 * (np.maximum(since, 0) / (0.5 * glide)) ** 2)
    ahead = np.minimum(index + 1, onset.size - 1)
    before = np.clip((times - (onset[ahead] - 0.5 * glide)) / glide, 0, 0.5)
    leaves = (slurred[np.minimum(np.searchsorted(times, onset[ahead]), times.size - 1)]) & (ahead > index)
    line += np.where(leaves, (target[ahead] - line) * before, 0.0)
    depth = rng.choice([0.0, rng.uniform(0.1, 0.9)], p=[0.35, 0.65])  # semitones, zero to peak
    delay = rng.uniform(0.0, 0.4)
    grown = np.clip((since - delay) / 0.3, 0, 1)
    wobble = np.cumsum(rng.normal(0, 0.02, times.size))
    line += depth * grown * np.sin(2 * np.pi * rng.uniform(4.5, 7.0) * times + wobble)
    drift = np.cumsum(rng.normal(0, 0.003, times.size))
    return np.clip(line + np.clip(drift - drift.mean(), -0.4, 0.4), 20, 110)


def _loudness(
    rng: np.random.Generator,
    times: np.ndarray,
    onset: np.ndarray,
    offset: np.ndarray,
    velocity: np.ndarray,
    voice: bool,
) -> np.ndarray:
    """Amplitude at every control point: attack, slow swell, release, and a dip between notes on one breath."""
    attack = rng.uniform(0.01, 0.08) if voice else rng.uniform(0.005, 0.12)
    release = rng.uniform(0.02, 0.12)
    curve = np.zeros(times.size)
    for begin, end, strength in zip(onset, offset, velocity, strict=True):
        first = int(begin * SAMPLE_RATE / CONTROL)
        last = min(int((end + 4 * release) * SAMPLE_RATE / CONTROL) + 1, times.size)
        t = times[first:last]
        dip = rng.uniform(0.0, 0.8)  # a slurred note starts from a softened, not silent, tone
        rise = dip + (1 - dip) * (1 - np.exp(-np.maximum(t - begin, 0) / attack))
        fall = np.exp(-np.maximum(t - end, 0) / release)
        swell = 1 + rng.uniform(-0.5, 0.5) * np.clip((t - begin) / max(end - begin, 0.05), 0, 1)
        curve[first:last] = np.maximum(curve[first:last] * (t > end), (strength / 127) ** 1.5 * rise * fall * swell)
    smooth = np.ones(3) / 3
    return np.convolve(curve, smooth, "same") * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(4, 7) * times))


def _formant_gains(
    rng: np.random.Generator, times: np.ndarray, onset: np.ndarray, frequency: np.ndarray, voice: bool
) -> np.ndarray:
    """(harmonics, controls) amplitude of each harmonic."""
    count = int(np.clip(7600 / np.percentile(frequency, 10), 4, 40))
    harmonic = np.arange(1, count + 1)[:, None]
    partials = harmonic * frequency[None, :]
    tilt = rng.uniform(0.6, 1.6)
    source = harmonic**-tilt * np.exp(rng.normal(0, 0.0 if voice else 0.6, (count, 1)))
    if not voice and rng.random() < 0.3:
        source[1::2] *= rng.uniform(0.05, 0.5)  # closed pipes: weak even harmonics
    vowels = rng.integers(0, len(VOWELS), onset.size)
    sounds = VOWELS[vowels] * rng.uniform(1.0, 1.25) if voice else rng.uniform(300, 4000, (1, 3)).repeat(onset.size, 0)
    track = np.stack([np.interp(times, onset + 0.03, sounds[:, k]) for k in range(3)])
    resonance = np.full(partials.shape, 0.02 if voice else 0.3)
    strengths = (1.0, 0.5, 0.25) if voice else rng.uniform(0.2, 2.0, 3)
    for k in range(3):
        resonance += strengths[k] / (1 + ((partials - track[k]) / BANDWIDTHS[k]) ** 2)
    if voice:
        resonance += rng.uniform(0, 0.3) / (1 + ((partials - SINGERS_FORMANT) / BANDWIDTHS[3]) ** 2)
    return source * resonance * (partials < 7800)


def _harmonics(frequency: np.ndarray, loudness: np.ndarray, gains: np.ndarray, samples: int) -> np.ndarray:
    at = np.arange(samples) / CONTROL
    grid = np.arange(frequency.size)
    phase = 2 * np.pi * np.cumsum(np.interp(at, grid, frequency)) / SAMPLE_RATE
    turn = np.exp(1j * phase).astype(np.complex64)
    rotated, waveform = np.ones_like(turn), np.zeros(samples, np.float32)
    for gain in gains:  # z^k by repeated products: one complex product a harmonic instead of one sine
        rotated = rotated * turn
        waveform += rotated.imag * np.interp(at, grid, gain * loudness).astype(np.float32)
    peak = float(np.abs(waveform).max(initial=1e-9))
    return waveform * np.float32(PEAK / peak)


def _breath(
    rng: np.random.Generator, times: np.ndarray, onset: np.ndarray, loudness: np.ndarray, samples: int, voice: bool
) -> np.ndarray:
    """Noise that follows the tone, and consonants just before notes."""
    curve = loudness / max(float(loudness.max(initial=0)), 1e-9) * rng.uniform(0, 0.01)
    if voice and rng.random() < 0.6:
        for begin in onset[rng.random(onset.size) < 0.6]:
            length = rng.uniform(0.02, 0.12)
            curve = curve + rng.uniform(0.003, 0.04) * ((times > begin - length) & (times < begin))
    noise = rng.standard_normal(samples).astype(np.float32)
    if rng.random() < 0.5:
        noise = np.diff(noise, prepend=np.float32(0))  # sibilants: rising spectrum
    return noise * np.interp(np.arange(samples) / CONTROL, np.arange(times.size), curve).astype(np.float32)
