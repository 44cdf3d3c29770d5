"""What a player and an instrument maker add to a soundfont's tone, so that three fonts stand for many instruments.

A font's notes all begin, swell and colour alike; the recorded samples of other makers do not. On those the tower of
November 26 read one clarinet note in eight twice, where its tone wavers, and heard it 44 ms late.
"""

from __future__ import annotations

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.synthesis.augment import equaliser
from abcscribe.synthesis.performance import Performance

CONTROL = 64  # samples between points of a gain curve: 4 ms
# Share of parts that get each.
COLOUR, ATTACK, WAVER = 0.7, 0.5, 0.5


def play(rng: np.random.Generator, waveform: np.ndarray, part: Performance, blown: bool) -> np.ndarray:
    """Waveform (samples,) of one part alone -> (samples,) float32: another tone colour and, if one note at a time is
    ``blown``, bowed or sung, slower attacks and a tone that wavers."""
    if rng.random() < COLOUR:
        waveform = _coloured(rng, waveform)
    if not blown:
        return waveform
    gain = np.ones(waveform.size // CONTROL + 2)
    if rng.random() < ATTACK:
        gain *= _attacks(rng, gain.size, part.onset)
    if rng.random() < WAVER:
        gain *= _wavering(rng, gain.size)
    return waveform * np.interp(np.arange(waveform.size) / CONTROL, np.arange(gain.size), gain).astype(np.float32)


def _coloured(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    size = 1 << int(np.ceil(np.log2(waveform.size + SAMPLE_RATE // 8)))
    response = equaliser(rng, np.fft.rfftfreq(size, 1 / SAMPLE_RATE))
    return np.fft.irfft(np.fft.rfft(waveform, size) * response, size)[: waveform.size].astype(np.float32)


def _attacks(rng: np.random.Generator, points: int, onset: np.ndarray) -> np.ndarray:
    """(points,) Each note rises from a softened tone, by its own time constant around the player's."""
    usual, softest = np.exp(rng.uniform(np.log(0.008), np.log(0.12))), rng.uniform(0, 0.8)
    rise = usual * np.exp(rng.normal(0, 0.3, onset.size))  # seconds
    dip = rng.uniform(softest, 1, onset.size) if rng.random() < 0.5 else np.full(onset.size, softest)
    time = np.arange(points) * CONTROL / SAMPLE_RATE
    last = np.searchsorted(onset, time, side="right") - 1
    since = time - onset[np.maximum(last, 0)]
    return np.where(last < 0, 1.0, 1 - (1 - dip[last]) * np.exp(-np.maximum(since, 0) / rise[last]))


def _wavering(rng: np.random.Generator, points: int) -> np.ndarray:
    """(points,) Up to 4 dB of slow noise and a tremolo at the speed of a vibrato: no new note."""
    time = np.arange(points) * CONTROL / SAMPLE_RATE
    knots = np.arange(0, time[-1] + 1, rng.uniform(0.1, 0.5))
    noise = np.interp(time, knots, rng.normal(0, rng.uniform(0.3, 2), knots.size).clip(-4, 4))
    tremolo = rng.uniform(0, 2) * np.sin(2 * np.pi * rng.uniform(4, 7) * time)
    return 10 ** ((noise + tremolo) / 20)
