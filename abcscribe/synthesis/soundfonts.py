"""Performance -> waveform through FluidSynth and General MIDI soundfonts.

Only fonts whose licence lets trained weights ship (MIT) are named here. Needs libfluidsynth (see docs/training.md).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.score import instruments
from abcscribe.synthesis.performance import Performance

# Debian package -> file; all MIT (see docs/training.md for authors). MuseScore General and FluidR3 Mono derive from
# FluidR3 but differ in sampling, loops and envelopes.
FONTS = {
    "fluid-soundfont-gm": Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "musescore-general-soundfont-small": Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
    "fluidr3mono-gm-soundfont": Path("/usr/share/fluidr3mono-gm-soundfont/FluidR3Mono_GM.sf3"),
}
BLOCK = 64  # samples: FluidSynth starts notes on multiples of it (4 ms)
MODULATION, SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS = 1, 64, 120, 121  # MIDI controllers
DRUM_BANK = 128  # of a General MIDI soundfont: the percussion kits
BEND_RANGE = 2.0  # semitones at full pitch bend, the General MIDI default


def installed_fonts() -> list[str]:
    """Names in FONTS whose file is present; raises one clear sentence if there is none."""
    found = [name for name, path in FONTS.items() if path.exists()]
    if not found:
        raise AbcscribeError(f"No soundfont found; install one with: apt install {' '.join(FONTS)}")
    return found


@cache
def _synth(font: str):
    try:
        import fluidsynth
    except ImportError as error:
        raise AbcscribeError(
            "FluidSynth is missing; install it with: apt install libfluidsynth3, pip install pyfluidsynth"
        ) from error
    synth = fluidsynth.Synth(gain=0.4, samplerate=SAMPLE_RATE)
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    synth.setting("synth.polyphony", 128)
    return synth, synth.sfload(str(FONTS[font]))


def render(
    rng: np.random.Generator, performance: Performance, seconds: float, font: str, cents: float, pedal: np.ndarray
) -> np.ndarray:
    """Synthesise a performance.

    Args:
        cents: detuning of the whole clip.
        pedal: (changes, 2) of (seconds, 1 down or 0 up) for the piano parts.
    Returns:
        (samples,) float32.
    """
    synth, handle = _synth(font)
    for channel, program in enumerate(performance.programs):
        _prepare(rng, synth, handle, channel, program, cents)
    waveform = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    position = 0
    for sample, action in _events(synth, performance, seconds, pedal):
        if sample > position:
            position = _synthesise(synth, waveform, position, sample)
        action()
    _synthesise(synth, waveform, position, waveform.size)
    for channel in range(len(performance.programs)):
        synth.cc(channel, ALL_SOUND_OFF, 0)
    synth.get_samples(BLOCK * 4)
    return waveform


def is_sustained(program: int) -> bool:
    """Whether the player of an instrument keeps its tone up: blown, bowed or sung."""
    return instruments.family(program) in ("strings", "reed", "pipe", "brass", "voice")


def _prepare(rng: np.random.Generator, synth, handle: int, channel: int, program: int, cents: float) -> None:
    synth.cc(channel, RESET_CONTROLLERS, 0)
    bank, preset = (DRUM_BANK, 0) if program == instruments.PERCUSSION else (0, program)
    synth.program_select(channel, handle, bank, preset)
    synth.pitch_bend(channel, int(8191 * (cents + rng.normal(0, 4)) / 100 / BEND_RANGE))
    vibrato = rng.integers(10, 90) if is_sustained(program) and rng.random() < 0.5 else 0
    synth.cc(channel, MODULATION, int(vibrato))


def _events(synth, performance: Performance, seconds: float, pedal: np.ndarray) -> list[tuple[int, Callable[[], None]]]:
    """(sample, action) in time order; on equal times releases come first."""
    events: list[tuple[int, int, Callable[[], None]]] = []
    for i in range(performance.onset.size):
        if performance.onset[i] >= seconds:
            continue
        channel, pitch = int(performance.part[i]), int(performance.pitch[i])
        velocity = int(performance.velocity[i])
        on = _block(performance.onset[i])
        off = max(_block(performance.offset[i]), on + BLOCK)
        events.append((on, 1, partial(synth.noteon, channel, pitch, velocity)))
        events.append((off, 0, partial(synth.noteoff, channel, pitch)))
    for channel, program in enumerate(performance.programs):
        if instruments.family(program) == "piano":
            events.extend((_block(t), 0, partial(synth.cc, channel, SUSTAIN, 127 * int(down))) for t, down in pedal)
    events.sort(key=lambda event: event[:2])
    return [(min(sample, int(seconds * SAMPLE_RATE)), action) for sample, _, action in events]


def _block(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / BLOCK) * BLOCK


def _synthesise(synth, waveform: np.ndarray, begin: int, end: int) -> int:
    if end > begin:
        stereo = synth.get_samples(end - begin)
        waveform[begin:end] = (stereo[0::2].astype(np.float32) + stereo[1::2]) / 65536.0
    return max(begin, end)
