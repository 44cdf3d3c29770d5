"""Single notes of a few instruments for the page's own playback, rendered from the soundfont FluidR3 GM (MIT).

    python make_samples.py /usr/share/sounds/sf2/FluidR3_GM.sf2

writes an MP3 for each sampled note beside this file, and ``index.json``: the sets, and the set of each General MIDI
program. A sustained set sounds on for as long as a note lasts: its sound repeats itself between the two seconds of
``loop``, and goes on repeating behind them, since decoders may shift an MP3 by some hundredths of a second.
Needs pyfluidsynth, numpy and PyAV.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import fluidsynth
import numpy as np

RATE = 32_000
BIT_RATE = 48_000
LOOP_START, LOOP_END, CROSSFADE = 0.7, 1.5, 0.3  # seconds
SECONDS_LOOPED, SECONDS_RINGING, SECONDS_DRUM = 1.75, 2.6, 0.9
FADE = 0.05  # seconds at the end of a note that is not looped
RELEASE_LOOPED, RELEASE_RINGING = 0.12, 0.25  # seconds in which a note dies away when it is let go
DRUM_KEYS = (35, 36, 37, 38, 39, 40, 41, 42, 44, 45, 46, 48, 49, 51, 54, 56)
# name -> (General MIDI program, lowest and highest sampled pitch, whether its sound goes on)
INSTRUMENTS = {
    "piano": (0, 28, 100, False),
    "mallet": (12, 48, 90, False),
    "organ": (16, 36, 90, True),
    "accordion": (21, 48, 84, True),
    "guitar": (25, 40, 82, False),
    "nylon": (24, 40, 82, False),
    "bass": (33, 28, 58, False),
    "contrabass": (32, 28, 58, False),
    "violin": (40, 55, 97, True),
    "cello": (42, 36, 72, True),
    "harp": (46, 36, 90, False),
    "strings": (48, 36, 90, True),
    "voice": (52, 43, 79, True),
    "trumpet": (56, 54, 84, True),
    "horn": (60, 36, 72, True),
    "sax": (65, 46, 82, True),
    "oboe": (68, 58, 88, True),
    "bassoon": (70, 34, 64, True),
    "clarinet": (71, 50, 86, True),
    "flute": (73, 60, 96, True),
}
STEP = 6  # semitones between sampled pitches: a note is shifted by three at most
# The set of each General MIDI program: (first program above, set).
PROGRAMS = (
    (8, "piano"), (16, "mallet"), (21, "organ"), (24, "accordion"), (25, "nylon"), (32, "guitar"), (33, "contrabass"),
    (40, "bass"), (42, "violin"), (44, "cello"), (45, "strings"), (47, "harp"), (48, "mallet"), (52, "strings"),
    (55, "voice"), (56, "strings"), (57, "trumpet"), (59, "horn"), (60, "trumpet"), (64, "horn"), (68, "sax"),
    (70, "oboe"), (71, "bassoon"), (72, "clarinet"), (80, "flute"), (88, "organ"), (104, "strings"), (108, "guitar"),
    (109, "mallet"), (110, "oboe"), (111, "violin"), (112, "oboe"), (120, "mallet"), (128, "strings"),
    (129, "percussion"),
)  # fmt: skip


def main(soundfont: str) -> None:
    """Render every set of ``soundfont`` and write the index."""
    sets: dict[str, dict[str, object]] = {}
    for name, (program, low, high, looped) in INSTRUMENTS.items():
        seconds = SECONDS_LOOPED if looped else SECONDS_RINGING
        loop = [LOOP_START, LOOP_END] if looped else None
        notes = {pitch: _note(soundfont, 0, program, pitch, seconds, looped) for pitch in range(low, high + 1, STEP)}
        sets[name] = _set(name, notes, loop, RELEASE_LOOPED if looped else RELEASE_RINGING)
    drums = {key: _note(soundfont, 128, 0, key, SECONDS_DRUM, False) for key in DRUM_KEYS}
    sets["percussion"] = _set("percussion", drums, None, SECONDS_DRUM)
    programs = [next(name for above, name in PROGRAMS if program < above) for program in range(129)]
    index = {"sets": sets, "programs": programs}
    (Path(__file__).parent / "index.json").write_text(json.dumps(index, separators=(",", ":")) + "\n")


def _set(name: str, notes: dict[int, np.ndarray], loop: list[float] | None, release: float) -> dict[str, object]:
    """Write the notes of a set; its entry in the index."""
    entries = []
    for pitch, sound in notes.items():
        file = f"{name}-{pitch:03d}.mp3"
        _write(Path(__file__).parent / file, sound)
        entries.append({"midi": pitch, "url": f"/static/samples/{file}", "gain": 1.0, "loop": loop})
    return {"sustained": loop is not None, "release": release, "notes": entries}


def _note(soundfont: str, bank: int, program: int, pitch: int, seconds: float, looped: bool) -> np.ndarray:
    """A note of a good loudness, faded out at its end or made to repeat itself."""
    synth = fluidsynth.Synth(samplerate=float(RATE), gain=0.6)
    synth.setting("synth.reverb.active", 0)
    synth.setting("synth.chorus.active", 0)
    channel = 9 if bank == 128 else 0
    synth.program_select(channel, synth.sfload(soundfont), bank, program)
    synth.noteon(channel, pitch, 96)
    length = round(seconds * RATE)
    sound = synth.get_samples(length).reshape(-1, 2).mean(axis=1).astype(np.float32) / 32768
    synth.delete()
    sound = _repeating(sound) if looped else sound
    fade = round(FADE * RATE)
    sound[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    loudest = float(np.sqrt(np.mean(np.square(sound[: RATE // 2])))) or 1.0
    return np.clip(sound * min(0.14 / loudest, 0.9 / max(1e-6, float(np.abs(sound).max()))), -1, 1)


def _repeating(sound: np.ndarray) -> np.ndarray:
    """What follows ``LOOP_END`` is what follows ``LOOP_START``, after a crossfade of equal power."""
    start, end, fade = (round(seconds * RATE) for seconds in (LOOP_START, LOOP_END, CROSSFADE))
    sound, angle = sound.copy(), np.linspace(0, np.pi / 2, fade, dtype=np.float32)
    sound[end - fade : end] = sound[end - fade : end] * np.cos(angle) + sound[start - fade : start] * np.sin(angle)
    rest = len(sound) - end
    sound[end:] = sound[start : start + rest]
    return sound


def _write(path: Path, sound: np.ndarray) -> None:
    """A sound as a mono MP3."""
    samples = (sound * 32767).astype(np.int16)[None, :]
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE)
        stream.bit_rate, stream.layout = BIT_RATE, "mono"
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=RATE, frame_size=1152)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(sys.argv[1])
