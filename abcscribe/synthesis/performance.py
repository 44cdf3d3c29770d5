"""Score notes -> a performance: onsets, offsets, velocities and instruments.

Expressive timing is drawn at random (tempo, drift, rubato, swing, articulation, early and late onsets). Every draw uses
the given generator, so a clip is a function of its seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abcscribe.score import instruments

QUARTER_BPM = (40.0, 220.0)
MEDIAN_IOI = (0.13, 0.75)  # seconds between onsets of the busiest part: keeps fast notes at fast tempos playable


@dataclass(frozen=True, slots=True)
class Performance:
    """Notes as played, aligned arrays of length n, ordered by onset."""

    onset: np.ndarray  # (n,) seconds, float64
    offset: np.ndarray  # (n,) seconds: key released, before any pedal
    pitch: np.ndarray  # (n,) MIDI
    velocity: np.ndarray  # (n,) 1-127
    part: np.ndarray  # (n,) index in ``programs``
    note: np.ndarray  # (n,) index of the score note, in the order given to ``perform``
    programs: tuple[int, ...]  # GM program of each part

    def before(self, seconds: float) -> Performance:
        """The notes that begin before ``seconds``."""
        return self.select(self.onset < seconds)

    def select(self, keep: np.ndarray) -> Performance:
        """The notes where ``keep`` (n,) is true."""
        return Performance(
            self.onset[keep], self.offset[keep], self.pitch[keep], self.velocity[keep], self.part[keep],
            self.note[keep], self.programs,
        )  # fmt: skip


# Programs that may play a part, with the sounding range in which their samples are natural: the usual ranges of the
# instruments, a little inside their limits.
RANGES: dict[int, tuple[int, int]] = {
    0: (21, 108), 1: (21, 108), 2: (21, 108), 3: (28, 100), 4: (28, 100), 5: (28, 100), 6: (29, 89), 7: (29, 89),
    8: (60, 108), 9: (72, 108), 10: (60, 103), 11: (53, 89), 12: (45, 96), 13: (65, 108), 15: (48, 88),
    16: (36, 96), 17: (36, 96), 18: (36, 96), 19: (36, 96), 20: (36, 91), 21: (41, 93), 22: (55, 96), 23: (41, 93),
    24: (40, 84), 25: (40, 84), 26: (40, 84), 27: (40, 86), 28: (40, 84), 29: (40, 86), 30: (40, 86),
    32: (28, 62), 33: (28, 62), 34: (28, 62), 35: (28, 64), 38: (28, 60), 39: (28, 60),
    40: (55, 100), 41: (48, 88), 42: (36, 79), 43: (28, 62), 44: (48, 90), 45: (43, 90), 46: (24, 101), 48: (36, 96),
    49: (36, 96), 50: (36, 96), 52: (43, 84), 53: (43, 84), 54: (43, 84),
    56: (54, 86), 57: (40, 74), 58: (28, 60), 59: (54, 86), 60: (36, 79), 61: (40, 84), 62: (40, 84),
    64: (56, 89), 65: (49, 82), 66: (44, 77), 67: (36, 70), 68: (58, 92), 69: (52, 82), 70: (34, 74), 71: (50, 92),
    72: (74, 108), 73: (60, 98), 74: (60, 96), 75: (60, 96), 77: (55, 86), 78: (62, 100), 79: (60, 90),
    80: (36, 96), 81: (36, 96), 82: (48, 96), 85: (43, 88), 89: (36, 90), 90: (36, 90),
    104: (45, 84), 105: (48, 86), 106: (45, 84), 107: (45, 88), 108: (60, 90), 109: (55, 86), 110: (55, 98),
    111: (58, 90),
}  # fmt: skip
# Relative frequency of the families; those that are recorded most are the most frequent.
FAMILY_WEIGHTS = {
    "piano": 5.0, "strings": 4.0, "reed": 4.0, "plucked": 2.5, "voice": 1.5, "brass": 2.0, "pipe": 2.0, "organ": 1.0,
    "mallet": 0.7, "bass": 1.0, "synth": 0.7,
}  # fmt: skip
CHORDAL = {"piano", "organ", "plucked", "mallet", "synth"}  # families of polyphonic instruments


def choose_program(rng: np.random.Generator, pitches: np.ndarray, chordal: bool) -> int:
    """Draw a GM program whose range covers nearly all of ``pitches`` (MIDI); for chordal parts mostly polyphonic."""
    low, high = np.percentile(pitches, (2, 98))
    by_family: dict[str, list[int]] = {}
    for program, (lowest, highest) in RANGES.items():
        if lowest <= low and high <= highest:
            by_family.setdefault(instruments.family(program), []).append(program)
    if not by_family:
        return 0
    names = list(by_family)
    weights = np.array([FAMILY_WEIGHTS[name] * (0.12 if chordal and name not in CHORDAL else 1) for name in names])
    return int(rng.choice(by_family[names[rng.choice(len(names), p=weights / weights.sum())]]))


def perform(
    rng: np.random.Generator, onset: np.ndarray, duration: np.ndarray, pitch: np.ndarray, part: np.ndarray,
    programs: tuple[int, ...], quarter_bpm: float,
) -> Performance:  # fmt: skip
    """Perform score notes.

    Args:
        rng: random generator.
        onset: (n,) quarters from the excerpt's start.
        duration: (n,) quarters.
        pitch: (n,) MIDI.
        part: (n,) index in ``programs``.
        programs: GM program of each part.
        quarter_bpm: mean tempo, about.

    Returns:
        The performance, ordered by onset in seconds.
    """
    swung = onset + _swing(rng, onset)
    ends = onset + duration
    seconds = _tempo_map(rng, float(ends.max(initial=1.0)), 60.0 / quarter_bpm)
    legato = _articulation(rng, part, len(programs))
    start = np.interp(swung, *seconds)
    full = np.interp(ends, *seconds) - start
    start = start + rng.normal(0, rng.uniform(0.0, 0.012), onset.size)
    start += _arpeggio(rng, onset, pitch, part)
    start = np.maximum(start, 0.0)
    length = np.maximum(full * legato * rng.uniform(0.92, 1.04, onset.size), 0.05)
    order = np.argsort(start, kind="stable")
    velocity = _velocities(rng, onset, pitch, part, len(programs))
    return Performance(
        start[order], (start + length)[order], pitch[order], velocity[order], part[order], order, programs
    )  # fmt: skip


def draw_tempo(rng: np.random.Generator, onset: np.ndarray, part: np.ndarray) -> float:
    """Quarter BPM such that the busiest part's median inter-onset interval lies in MEDIAN_IOI."""
    intervals = [np.diff(np.unique(onset[part == p])) for p in np.unique(part)]
    quarters = min((float(np.median(i)) for i in intervals if i.size), default=1.0)
    ioi = np.exp(rng.uniform(*np.log(MEDIAN_IOI)))
    return float(np.clip(60.0 * quarters / ioi, *QUARTER_BPM))


def _tempo_map(rng: np.random.Generator, quarters: float, seconds_per_quarter: float) -> tuple[np.ndarray, np.ndarray]:
    """(quarters, seconds) grid: steady, drifting or free, with an occasional hold."""
    grid = np.arange(0.0, quarters + 1.0, 0.25)
    kind = rng.choice(3, p=(0.35, 0.4, 0.25))
    log_rate = np.zeros(grid.size)
    if kind:
        walk = np.cumsum(rng.normal(0, (0.0, 0.008, 0.03)[kind], grid.size))
        phrase = (0.0, 0.02, 0.10)[kind] * np.sin(2 * np.pi * (grid / rng.uniform(4, 16) + rng.uniform()))
        log_rate = np.clip(walk, -0.3, 0.3) + phrase
    steps = 0.25 * seconds_per_quarter * np.exp(log_rate)
    if kind == 2:  # fermatas
        steps[rng.random(grid.size) < 0.02] *= rng.uniform(2, 5)
    return grid, np.concatenate([[0.0], np.cumsum(steps[:-1])])


def _swing(rng: np.random.Generator, onset: np.ndarray) -> np.ndarray:
    if rng.random() > 0.12:
        return np.zeros(onset.size)
    offbeat = np.abs(onset % 1 - 0.5) < 0.01
    return np.where(offbeat, rng.uniform(0.05, 0.2), 0.0)


def _articulation(rng: np.random.Generator, part: np.ndarray, parts: int) -> np.ndarray:
    """Sounding share of each note's value: mostly legato, sometimes detached, single notes staccato."""
    base = np.where(rng.random(parts) < 0.75, rng.uniform(0.85, 1.03, parts), rng.uniform(0.35, 0.85, parts))
    legato = base[part]
    return np.where(rng.random(part.size) < 0.05, rng.uniform(0.25, 0.6, part.size), legato)


def _arpeggio(rng: np.random.Generator, onset: np.ndarray, pitch: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(n,) seconds of delay in a chord, a few ms a note from the bottom; rolled chords are rare."""
    spread = rng.choice([0.0, 0.004, 0.03], p=[0.5, 0.4, 0.1])
    if spread == 0.0 or onset.size == 0:
        return np.zeros(onset.size)
    order = np.lexsort((pitch, onset, part))
    same = (np.diff(onset[order]) == 0) & (np.diff(part[order]) == 0)
    rank, delays = 0, np.zeros(onset.size)
    for index, chained in zip(order[1:], same, strict=True):
        rank = rank + 1 if chained else 0
        delays[index] = min(rank, 6) * spread
    return delays


def _velocities(
    rng: np.random.Generator, onset: np.ndarray, pitch: np.ndarray, part: np.ndarray, parts: int
) -> np.ndarray:
    level = rng.normal(78, 16) + rng.normal(0, 10, parts)
    swell = rng.uniform(0, 15) * np.sin(2 * np.pi * (onset / rng.uniform(4, 24) + rng.uniform()))
    accent = np.where(onset % 1 == 0, rng.uniform(0, 8), 0.0)
    melody = rng.uniform(0, 0.4) * (pitch - 60)
    noise = rng.normal(0, rng.uniform(2, 10), onset.size)
    return np.clip(level[part] + swell + accent + melody + noise, 12, 127).astype(np.int16)
