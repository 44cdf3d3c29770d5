"""What rooms, microphones and codecs do to a clean waveform. Times of notes stay as they are.

Linear effects (room, equaliser, band limits) are one product in the frequency domain; noise, hum, clipping and codec
follow.
"""

from __future__ import annotations

import io

import numpy as np

from abcscribe.audio import SAMPLE_RATE

# Share of clips that get each effect. About a fifth stays dry and clean, so that clean recordings are in the data too.
REVERB, EQUALISER, BAND_LIMIT, NOISE, HUM, CLIPPING, CODEC = 0.65, 0.6, 0.2, 0.6, 0.05, 0.06, 0.08
CODEC_BLOCK = 1 << 16  # samples: of millions at once libvorbis overflows the stack (libsndfile issue 1095)


def augment(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    """Waveform (samples,) float32 -> (samples,) float32 as a listener's device would have recorded it."""
    peak = float(np.abs(waveform).max(initial=1e-6))
    waveform = waveform * np.float32(0.5 / max(peak, 1e-6))
    if rng.random() < 0.8:
        waveform = _linear(rng, waveform)
        waveform = waveform + _noise(rng, waveform)
        if rng.random() < CLIPPING:
            level = np.abs(waveform).max() * rng.uniform(0.2, 0.8)
            waveform = np.clip(waveform, -level, level)
        if rng.random() < CODEC:
            waveform = _codec(rng, waveform)
    return waveform.astype(np.float32)


def _linear(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    size = 1 << int(np.ceil(np.log2(waveform.size + SAMPLE_RATE)))
    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    response = np.ones(frequency.size, np.complex64)
    if rng.random() < REVERB:
        response *= np.fft.rfft(_impulse_response(rng), size).astype(np.complex64)
    if rng.random() < EQUALISER:
        response *= equaliser(rng, frequency)
    if rng.random() < BAND_LIMIT:
        low, high = rng.uniform(20, 300), np.exp(rng.uniform(np.log(2500), np.log(8000)))
        response /= np.sqrt((1 + (low / np.maximum(frequency, 1)) ** 8) * (1 + (frequency / high) ** 12))
    if np.all(response == 1):
        return waveform
    return np.fft.irfft(np.fft.rfft(waveform, size) * response, size)[: waveform.size].astype(np.float32)


def _impulse_response(rng: np.random.Generator) -> np.ndarray:
    """A direct sound, a few early reflections and a tail of decaying noise, darker as it fades (Moorer, 1979)."""
    decay = np.exp(rng.uniform(np.log(0.15), np.log(1.6)))  # seconds for 60 dB
    length = int(min(decay, 1.0) * SAMPLE_RATE)
    t = np.arange(length) / SAMPLE_RATE
    tail = rng.standard_normal(length).astype(np.float32) * np.exp(-6.9 * t / decay)
    darkness = rng.uniform(0.0, 0.9)
    tail = tail * (1 - darkness) + darkness * np.convolve(tail, np.ones(8) / 8, "same")
    delay = int(rng.uniform(0.002, 0.03) * SAMPLE_RATE)
    tail[:delay] = 0
    wet = np.exp(rng.uniform(np.log(0.05), np.log(1.2)))  # energy of the tail relative to the direct sound
    tail *= np.sqrt(wet / max(float(np.sum(tail**2)), 1e-9))
    tail[0] = 1.0
    for _ in range(rng.integers(0, 6)):
        tail[int(rng.uniform(0.001, 0.04) * SAMPLE_RATE)] += rng.uniform(-0.4, 0.4)
    return tail


def equaliser(rng: np.random.Generator, frequency: np.ndarray) -> np.ndarray:
    """A smooth random gain curve: control points an octave apart, up to about +-12 dB."""
    octaves = np.log2(np.maximum(frequency, 20) / 20)
    points = rng.normal(0, rng.uniform(1, 5), 10)
    return (10 ** (np.interp(octaves, np.arange(10), points) / 20)).astype(np.float32)


def _noise(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    level = float(np.sqrt(np.mean(waveform**2)))
    noise = np.zeros(waveform.size, np.float32)
    if rng.random() < NOISE:
        white = rng.standard_normal(waveform.size).astype(np.float32)
        spectrum = np.fft.rfft(white)
        colour = rng.uniform(0, 1.2)  # 0 white, 1 brown-ish
        spectrum *= (np.arange(spectrum.size) + 50.0) ** -colour
        shaped = np.fft.irfft(spectrum, waveform.size)
        noise += shaped * (level * 10 ** (-rng.uniform(12, 60) / 20) / max(float(shaped.std()), 1e-9))
    if rng.random() < HUM:
        t = np.arange(waveform.size) / SAMPLE_RATE
        mains = rng.choice([50.0, 60.0])
        partials = (rng.uniform(0, 1) / k * np.sin(2 * np.pi * k * mains * t) for k in (1, 2, 3, 5))
        noise += sum(partials) * level * 10 ** (-rng.uniform(20, 40) / 20)
    return noise


def _codec(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    """Encode as Ogg Vorbis or MP3 and decode: the same length, the same start as before."""
    import soundfile

    buffer, kind = io.BytesIO(), rng.choice(["OGG", "MP3"])
    quality = float(rng.uniform(0.5, 1.0))
    safe = np.clip(waveform / max(1.0, float(np.abs(waveform).max())), -1, 1)
    with soundfile.SoundFile(buffer, "w", SAMPLE_RATE, 1, format=kind, compression_level=quality) as file:
        for first in range(0, safe.size, CODEC_BLOCK):
            file.write(safe[first : first + CODEC_BLOCK])
    buffer.seek(0)
    decoded = soundfile.read(buffer, dtype="float32")[0]
    lag = _lag(safe, decoded)
    decoded = decoded[lag:] if lag >= 0 else np.concatenate([np.zeros(-lag, np.float32), decoded])
    out = np.zeros_like(waveform)
    out[: decoded.size] = decoded[: out.size]
    return out


def _lag(reference: np.ndarray, delayed: np.ndarray) -> int:
    """Samples by which ``delayed`` comes late (up to +-4096), by cross-correlation: MP3 adds a delay of its own."""
    size = 1 << int(np.ceil(np.log2(reference.size + delayed.size)))
    correlation = np.fft.irfft(np.conj(np.fft.rfft(reference, size)) * np.fft.rfft(delayed, size), size)
    window = np.concatenate([correlation[-4096:], correlation[:4097]])
    return int(np.argmax(window)) - 4096
