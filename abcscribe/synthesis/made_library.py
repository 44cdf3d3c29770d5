"""Notes of soundfonts and of the singer as libraries of recorded notes, for the instruments that nobody recorded.

What `batch_renderer` plays is a bank of recorded notes; clarinet, oboe, viola, cello, recorder or a woman's voice are
in none of the free libraries that the project uses. Here they are recorded note by note from the soundfonts of
`soundfonts` and from `singer`, in the form that `sound_library` reads. Stand-ins: the same few tones as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.score import instruments
from abcscribe.synthesis import soundfonts
from abcscribe.synthesis.performance import RANGES, Performance
from abcscribe.synthesis.singer import sing

# General MIDI programs: clarinet, oboe, English horn, soprano saxophone, viola, cello, piccolo, recorder, pan flute,
# muted trumpet, church organ, drawbar organ, harmonica, choir, strings pizzicato, celesta.
MISSING = (71, 68, 69, 64, 41, 42, 72, 74, 75, 59, 19, 16, 22, 52, 45, 8)
SINGERS = {"tenor": (48, 69), "alto": (53, 74), "soprano": (60, 84)}  # MIDI
TAKES = 2  # of each kind of singer
STEP = 4  # semitones between notes
BEFORE, HELD, AFTER = 0.05, 2.0, 0.6  # seconds: silence, key down, release
AUTHORS = {
    "fluid-soundfont-gm": "Frank Wen and contributors (FluidR3 GM)",
    "musescore-general-soundfont-small": "S. Christian Collins (MuseScore General)",
    "fluidr3mono-gm-soundfont": "Michael Cowgill (FluidR3 Mono)",
}

Record = Callable[[Performance], np.ndarray]  # one note -> waveform


def write_made_library(folder: Path, seed: int = 1, programs: tuple[int, ...] = MISSING) -> int:
    """Write a library for each installed soundfont and one of singers into ``folder``; returns the number of notes."""
    count = 0
    for font in soundfonts.installed_fonts():
        for program in programs:
            rng = np.random.default_rng([seed, program])
            count += _write_instrument(
                folder / font, f"{font}-{program:03d}", program, RANGES[program], AUTHORS[font], "MIT",
                lambda note, rng=rng, font=font: soundfonts.render(  # type: ignore[misc]
                    rng, note, BEFORE + HELD + AFTER, font, 0.0, np.zeros((0, 2))
                ),
            )  # fmt: skip
    for number, (kind, reach) in enumerate(SINGERS.items()):
        for take in range(TAKES):
            rng = np.random.default_rng([seed, 1000 + number, take])
            count += _write_instrument(
                folder / "singer", f"singer-{kind}-{take}", instruments.FAMILY_PROGRAM["voice"], reach,
                "abcscribe's own synthesizer", "CC0-1.0",
                lambda note, rng=rng: sing(rng, note, BEFORE + HELD + AFTER, 0.0, True),  # type: ignore[misc]
            )  # fmt: skip
    return count


def _write_instrument(
    library: Path, name: str, program: int, reach: tuple[int, int], author: str, licence: str, record: Record
) -> int:
    """Record every STEP-th note of an instrument; returns their number."""
    import soundfile

    (library / name).mkdir(parents=True, exist_ok=True)
    sustained = soundfonts.is_sustained(program) or instruments.family(program) == "organ"
    (library / "LICENSE").write_text(f"{licence}: {author}\n", encoding="utf-8")
    block = (
        f"instrument: {name}\nlicence: {licence}\nauthor: {author}\nprogram: {program}\nsustained: {int(sustained)}\n"
    )
    source = library / "SOURCE"
    earlier = source.read_text(encoding="utf-8") if source.exists() else ""
    if f"instrument: {name}\n" not in earlier:
        source.write_text(earlier + block + "\n", encoding="utf-8")
    pitches = range(reach[0] + 1, reach[1] + 1, STEP)
    for pitch in pitches:
        waveform = record(_note(pitch, program))
        peak = max(float(np.abs(waveform).max()), 1e-6)
        soundfile.write(library / name / f"{pitch:03d}_made_v1.flac", 0.8 * waveform / peak, SAMPLE_RATE)
    return len(pitches)


def _note(pitch: int, program: int) -> Performance:
    one = np.zeros(1, int)
    return Performance(
        np.array([BEFORE]), np.array([BEFORE + HELD]), np.array([pitch]), np.array([100]), one, one, (program,)
    )
