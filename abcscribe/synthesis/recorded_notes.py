"""A performance on recorded instruments -> a table of what to play: which sample, how fast, how loud, how bent.

The table says everything; `batch_renderer` makes sound of it. Here are the habits of players: neighbouring notes
run into each other on winds and strings, tones waver and are bent, chords of a guitar are strummed, a pianist's
pedal holds notes, and no two strokes of one note are the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.score import instruments
from abcscribe.score.instruments import PERCUSSION
from abcscribe.synthesis.performance import CHORDAL, FAMILY_WEIGHTS, Performance
from abcscribe.synthesis.sound_bank import BEFORE, SoundBank

COVERED = 0.97  # share of a part's notes that an instrument must reach to be given the part
CLASS_SPREAD = 1.0  # power of "each program alike" within a family: nine pianos are not heard nine times
OTHER_SAMPLE = 0.2  # share of notes played by the second nearest sample (round robin)
DETUNED = 4.0  # cents: standard deviation of a note
LOUDNESS_DB = 26.0  # between velocity 1 and 127 of an instrument with one layer; half of it with several
STRUM = (0.004, 0.03)  # seconds between strings
LEGATO_GAP = 0.04  # seconds: notes that are nearer are one breath or bow
RELEASES = {"piano": 0.05, "mallet": 0.15, "organ": 0.02, "plucked": 0.06, "bass": 0.04, "voice": 0.05}
RELEASE = 0.045  # seconds: time constant of the others
TAIL = 5.0  # time constants that a release is played for


@dataclass(frozen=True)
class NoteTable:
    """n notes to be played, aligned arrays."""

    start: np.ndarray  # (n,) seconds into the clip at which the sample begins to be read
    sample: np.ndarray  # (n,) note of the bank
    skip: np.ndarray  # (n,) samples of the recording that are passed over
    rate: np.ndarray  # (n,) samples of the recording to a sample of the clip
    gain: np.ndarray  # (n,)
    hold: np.ndarray  # (n,) seconds from ``start`` to the release
    attack: np.ndarray  # (n,) seconds of a linear rise
    release: np.ndarray  # (n,) seconds: time constant
    depth: np.ndarray  # (n,) semitones of vibrato, zero to peak
    speed: np.ndarray  # (n,) Hz of vibrato and tremolo
    tremolo: np.ndarray  # (n,) share of the loudness, zero to peak
    bend: np.ndarray  # (n,) semitones at the beginning, relative to the note
    glide: np.ndarray  # (n,) seconds: time constant of the bend

    def __len__(self) -> int:
        return len(self.start)


FIELDS = tuple(NoteTable.__dataclass_fields__)


def joined(tables: list[NoteTable]) -> NoteTable:
    return NoteTable(**{name: np.concatenate([getattr(table, name) for table in tables]) for name in FIELDS})


def choose_instrument(
    rng: np.random.Generator, bank: SoundBank, able: np.ndarray, pitches: np.ndarray, chordal: bool
) -> int | None:
    """One of the instruments ``able`` (indices) that reaches nearly all of a part's pitches; None if there is none.

    A family is drawn first, as for soundfonts, then a program, then one of its recordings.
    """
    reached = bank.reach[able][:, np.clip(pitches, 0, 127)].mean(axis=1) >= COVERED
    by_family: dict[str, dict[int, list[int]]] = {}
    for index in able[reached]:
        program = bank.instruments[index].program
        if program != PERCUSSION:
            by_family.setdefault(instruments.family(program), {}).setdefault(program, []).append(int(index))
    if not by_family:
        return None
    names = list(by_family)
    weights = np.array([FAMILY_WEIGHTS[name] * (0.12 if chordal and name not in CHORDAL else 1) for name in names])
    programs = by_family[names[rng.choice(len(names), p=weights / weights.sum())]]
    return int(rng.choice(list(programs.values())[rng.integers(len(programs))]))


def strummed(rng: np.random.Generator, part: Performance) -> Performance:
    """A plucked part whose chords are strummed, up or down; alone notes stay where they are."""
    onset = part.onset.copy()
    spread, up = rng.uniform(*STRUM), rng.random() < 0.3
    begins = np.r_[True, np.diff(part.onset) > STRUM[1]]
    chord = np.cumsum(begins) - 1
    for index in np.flatnonzero(np.bincount(chord) > 1):
        members = np.flatnonzero(chord == index)
        order = np.argsort(part.pitch[members] * (-1 if up else 1), kind="stable")
        onset[members[order]] = part.onset[members].min() + spread * np.arange(members.size)
    order = np.argsort(onset, kind="stable")
    moved = replace(part, onset=onset, offset=np.maximum(part.offset, onset + 0.03))
    return Performance(
        moved.onset[order], moved.offset[order], part.pitch[order], part.velocity[order], part.part[order],
        part.note[order], part.programs,
    )  # fmt: skip


def play_part(
    rng: np.random.Generator, bank: SoundBank, index: int, part: Performance, cents: float, legato: bool
) -> NoteTable:
    """The notes of one part on instrument ``index``.

    Args:
        part: its notes, by onset; all within reach.
        cents: detuning of the clip.
        legato: one note at a time on an instrument that keeps its tone up: notes may be slurred, bent and wavering.
    """
    instrument, count = bank.instruments[index], part.onset.size
    sample = _samples(rng, bank, index, part)
    drums = instrument.program == PERCUSSION
    wrong = np.zeros(count) if drums else part.pitch - bank.midi[sample]
    tuned = wrong + (rng.normal(0, 12) if drums else cents + rng.normal(0, DETUNED, count)) / 100
    # Seconds of the recording before the onset are read before the onset; a slurred note begins behind its attack.
    slurred = _slurred(rng, part) if legato else np.zeros(count, bool)
    skip = np.where(slurred, bank.onset[sample] + rng.uniform(0.04, 0.12, count) * SAMPLE_RATE, 0.0)
    skip = np.minimum(skip, 0.4 * bank.length[sample])
    rate = 2 ** (tuned / 12)
    lead = np.where(slurred, 0.0, np.minimum(bank.onset[sample] / rate / SAMPLE_RATE, 2 * BEFORE))
    lead = np.minimum(lead, part.onset)
    skip = np.where(slurred, skip, np.maximum(bank.onset[sample] - lead * rate * SAMPLE_RATE, 0.0))
    release = RELEASES.get(instruments.family(instrument.program), RELEASE) * np.exp(rng.normal(0, 0.35))
    hold = np.where(drums, 10.0, part.offset - part.onset + lead)
    overlap = np.r_[slurred[1:], False] * rng.uniform(0.0, 0.03, count)
    attack = np.where(slurred, rng.uniform(0.012, 0.05, count), 0.003)
    wavering = _wavering(rng, part, legato)
    bend, glide = _bends(rng, part, slurred, instrument.program)
    return NoteTable(
        start=part.onset - lead, sample=sample, skip=skip, rate=rate, gain=_gains(rng, bank, index, part),
        hold=hold + overlap, attack=attack, release=np.full(count, release), bend=bend, glide=glide, **wavering,
    )  # fmt: skip


def _samples(rng: np.random.Generator, bank: SoundBank, index: int, part: Performance) -> np.ndarray:
    """(n,) The recording for each note: by velocity the layer, then the nearest, at times the next."""
    layers = bank.layers[index]
    layer = np.clip(part.velocity / 128 * layers + rng.normal(0, 0.15, part.pitch.size), 0, layers - 1).astype(int)
    rank = (rng.random(part.pitch.size) < OTHER_SAMPLE).astype(int)
    return bank.choices[index, layer, np.clip(part.pitch, 0, 127), rank]


def _gains(rng: np.random.Generator, bank: SoundBank, index: int, part: Performance) -> np.ndarray:
    spread = LOUDNESS_DB if bank.layers[index] == 1 else LOUDNESS_DB / 2
    decibels = (part.velocity / 127 - 1) * spread + rng.normal(0, 0.7, part.velocity.size)
    return bank.instruments[index].level * 10 ** (decibels / 20)


def _slurred(rng: np.random.Generator, part: Performance) -> np.ndarray:
    """(n,) Which notes go on from the one before, without an attack of their own. A note struck again has one."""
    near = np.r_[False, part.onset[1:] - part.offset[:-1] < LEGATO_GAP]
    other = np.r_[False, np.diff(part.pitch) != 0]
    return near & other & (rng.random(part.onset.size) < rng.choice([0.05, 0.3, 0.75]))


def _wavering(rng: np.random.Generator, part: Performance, legato: bool) -> dict[str, np.ndarray]:
    count = part.onset.size
    used = legato and rng.random() < 0.55
    depth = rng.uniform(0.05, 0.45) * np.exp(rng.normal(0, 0.3, count)) if used else np.zeros(count)
    shaken = legato and rng.random() < 0.4
    tremolo = rng.uniform(0.02, 0.3) * rng.uniform(0.3, 1, count) if shaken else np.zeros(count)
    speed = rng.uniform(4.2, 7.2) * np.exp(rng.normal(0, 0.05, count))
    return {"depth": depth, "speed": speed, "tremolo": tremolo}


def _bends(
    rng: np.random.Generator, part: Performance, slurred: np.ndarray, program: int
) -> tuple[np.ndarray, np.ndarray]:
    """Semitones at the beginning and the time in which they are gone: from the note before, scoops, string bends."""
    count, family = part.onset.size, instruments.family(program)
    step = np.r_[0, np.diff(part.pitch)]
    bend = np.where(slurred & (np.abs(step) <= 7), -step * rng.uniform(0, 0.9), 0.0)
    glide = rng.uniform(0.006, 0.03) * np.exp(rng.normal(0, 0.3, count))
    scoops = {"voice": 0.4, "reed": 0.15, "brass": 0.1, "strings": 0.1, "plucked": 0.03, "bass": 0.04}.get(family, 0.0)
    scooped = ~slurred & (rng.random(count) < scoops * rng.choice([0.2, 1.0, 2.0]))
    bend = np.where(scooped, rng.uniform(-2.0, -0.2, count), bend)
    return bend, np.where(scooped, rng.uniform(0.02, 0.09, count), glide)
