"""Scores and a bank of recorded notes -> plans of clips: every draw made, no sample computed yet.

A plan is a function of its generator and costs milliseconds, so that processor cores can feed an accelerator that
renders (`batch_renderer`). What `render` draws (piece, excerpt, tempo, performance) is drawn alike here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abcscribe.corpora.note_cache import Notes
from abcscribe.score import instruments
from abcscribe.score.instruments import PERCUSSION
from abcscribe.synthesis import performance as playing
from abcscribe.synthesis import render
from abcscribe.synthesis.drum_patterns import drum_part
from abcscribe.synthesis.recorded_notes import NoteTable, choose_instrument, joined, play_part, strummed
from abcscribe.synthesis.sound_bank import SoundBank

DRUMS = 0.3  # share of clips with a drummer
DRUMS_ALONE = 0.02
TWO_PIECES = 0.12  # share of clips in which parts of another piece sound as well: parts that have nothing in common
MOST_PARTS = 6
SAME_LIBRARY = 0.15  # share of clips whose parts try to come from one library
PART_GAIN_DB = (-7.0, 5.0)
DRUM_GAIN_DB = (-8.0, 6.0)
REVERB, EQUALISER, BAND_LIMIT, NOISE, CLIPPING = 0.7, 0.6, 0.2, 0.6, 0.05  # shares of clips
CONTROL_POINTS = 10  # of the equaliser, an octave apart from 20 Hz
GAIN_JITTER_DB = render.GAIN_JITTER_DB


@dataclass(frozen=True)
class Recording:
    """What room, microphone and device do to a clip."""

    room: int  # impulse response of the bank; -1 for none
    wet: float  # share of the room in it
    equaliser: np.ndarray  # (CONTROL_POINTS,) dB
    low: float  # Hz: what is below is lost
    high: float  # Hz: what is above is lost
    noise_db: float  # level of the noise below that of the music; inf for none
    colour: float  # of the noise: 0 white, above 1 brown
    clipping: float  # share of the peak above which the waveform is cut; 1 for none
    gain_db: float  # around the level that inference normalises to


@dataclass(frozen=True)
class ClipPlan:
    """One clip."""

    table: NoteTable
    notes: np.ndarray  # (n, 7): render.COLUMNS, what is to be heard
    recording: Recording
    cents: float  # tuning of the clip


def draw_plan(
    rng: np.random.Generator, pieces: dict[str, list[Notes]], bank: SoundBank, split: str = "train"
) -> ClipPlan:
    """Draw a clip from pieces (by texture, as of `render.pieces_of`) and instruments of a split."""
    able = bank.of_split(split)
    while True:
        cents = render.detuning(rng)
        plan = _parts(rng, pieces, bank, able, cents)
        if plan is not None:
            table, notes = plan
            return ClipPlan(table, notes, draw_recording(rng, len(bank.rooms)), cents)


def plan_of(rng: np.random.Generator, bank: SoundBank, chosen: list[int], played: playing.Performance) -> ClipPlan:
    """The plan of a performance whose parts, one line each, play on the ``chosen`` instruments of the bank."""
    cents = render.detuning(rng)
    tables: list[NoteTable] = []
    rows: list[np.ndarray] = []
    for number, index in enumerate(chosen):
        own = played.select(played.part == number)
        instrument = bank.instruments[index]
        tables.append(play_part(rng, bank, index, own, cents, instrument.sustained))
        _scale(rng, tables[-1], PART_GAIN_DB)
        family = instruments.FAMILIES.index(instruments.family(instrument.program))
        rows.append(_rows(own, own.offset, family, instrument.program, number))
    return ClipPlan(joined(tables), np.concatenate(rows), draw_recording(rng, len(bank.rooms)), cents)


def _parts(
    rng: np.random.Generator, pieces: dict[str, list[Notes]], bank: SoundBank, able: np.ndarray, cents: float
) -> tuple[NoteTable, np.ndarray] | None:
    by_chance = rng.random() < render.RANDOM_NOTES
    drawn = [render.random_notes(rng) if by_chance else render.excerpt(rng, render.draw(rng, pieces), MOST_PARTS)]
    if rng.random() < TWO_PIECES:
        drawn.append(render.excerpt(rng, render.draw(rng, pieces), 2))
    bpm = playing.draw_tempo(rng, drawn[0][0], drawn[0][3])
    tables: list[NoteTable] = []
    rows: list[np.ndarray] = []
    alone = rng.random() < DRUMS_ALONE
    for notes in [] if alone else drawn:
        for own in _played_parts(rng, notes, bpm if notes is drawn[0] else bpm * rng.uniform(0.8, 1.25)):
            made = _part(rng, bank, able, own, cents, len(tables))
            if made is not None:
                tables.append(made[0])
                rows.append(made[1])
    if alone or rng.random() < DRUMS:
        made = _drums(rng, bank, able, bpm, len(tables))
        if made is not None:
            tables.append(made[0])
            rows.append(made[1])
    return (joined(tables), np.concatenate(rows)) if tables else None


def _played_parts(rng: np.random.Generator, notes: tuple[np.ndarray, ...], bpm: float) -> list[playing.Performance]:
    """The performance of an excerpt, part by part, as far as a clip reaches."""
    onset, duration, pitch, part = notes
    names = np.unique(part)
    index = np.searchsorted(names, part)
    played = playing.perform(rng, onset, duration, pitch, index, (0,) * names.size, bpm).before(render.CLIP_SECONDS)
    return [own for p in range(names.size) if (own := played.select(played.part == p)).onset.size]


def _part(
    rng: np.random.Generator, bank: SoundBank, able: np.ndarray, own: playing.Performance, cents: float, number: int
) -> tuple[NoteTable, np.ndarray] | None:
    """A part on an instrument of the bank; None if no instrument reaches its notes."""
    chordal = render.is_chordal(own.onset, (own.offset - own.onset) * render.LEGATO)
    index = choose_instrument(rng, bank, able, own.pitch, chordal)
    if index is None:
        return None
    own = own.select(bank.reach[index, own.pitch])
    instrument = bank.instruments[index]
    family = instruments.family(instrument.program)
    if family == "plucked" and chordal:
        own = strummed(rng, own)
        own = own.before(render.CLIP_SECONDS)
    heard = own.offset
    if family == "piano":
        pedal = render.draw_pedal(rng, render.CLIP_SECONDS)
        heard = render.pedalled(own.onset, own.offset, own.pitch, pedal)
        own = playing.Performance(own.onset, heard, own.pitch, own.velocity, own.part, own.note, own.programs)
    table = play_part(rng, bank, index, own, cents, instrument.sustained and not chordal)
    _scale(rng, table, PART_GAIN_DB)
    return table, _rows(own, heard, instruments.FAMILIES.index(family), instrument.program, number)


def _drums(
    rng: np.random.Generator, bank: SoundBank, able: np.ndarray, bpm: float, number: int
) -> tuple[NoteTable, np.ndarray] | None:
    kits = [int(i) for i in able if bank.instruments[i].program == PERCUSSION]
    if not kits:
        return None
    index = int(rng.choice(kits))
    keys = frozenset(int(key) for key in np.flatnonzero(bank.reach[index]))
    onset, key = drum_part(rng, render.CLIP_SECONDS * bpm / 60 + 4, keys)
    if not onset.size:
        return None
    parts = np.zeros(onset.size, int)
    played = playing.perform(rng, onset, np.full(onset.size, 0.25), key, parts, (PERCUSSION,), bpm)
    played = played.before(render.CLIP_SECONDS)
    if not played.onset.size:
        return None
    table = play_part(rng, bank, index, played, 0.0, False)
    _scale(rng, table, DRUM_GAIN_DB)
    return table, _rows(played, played.offset, render.UNKNOWN_FAMILY, PERCUSSION, number)


def _scale(rng: np.random.Generator, table: NoteTable, decibels: tuple[float, float]) -> None:
    table.gain[:] *= 10 ** (rng.uniform(*decibels) / 20)


def _rows(played: playing.Performance, offset: np.ndarray, family: int, program: int, part: int) -> np.ndarray:
    same = np.ones(played.onset.size)
    columns = (played.onset, offset, played.pitch, played.velocity, family * same, program * same, part * same)
    return np.stack(columns, axis=1).astype(np.float32)


def draw_recording(rng: np.random.Generator, rooms: int) -> Recording:
    """A room and a device; a fifth of the clips are dry and clean."""
    rough = rng.random() < 0.8
    limited = rough and rng.random() < BAND_LIMIT
    return Recording(
        room=int(rng.integers(rooms)) if rough and rng.random() < REVERB else -1,
        wet=float(np.exp(rng.uniform(np.log(0.08), np.log(1.0)))),
        equaliser=rng.normal(0, rng.uniform(1, 5), CONTROL_POINTS) * (rough and rng.random() < EQUALISER),
        low=float(rng.uniform(20, 300)) if limited else 0.0,
        high=float(np.exp(rng.uniform(np.log(2500), np.log(8000)))) if limited else np.inf,
        noise_db=float(rng.uniform(12, 60)) if rough and rng.random() < NOISE else np.inf,
        colour=float(rng.uniform(0, 1.2)),
        clipping=float(rng.uniform(0.2, 0.8)) if rough and rng.random() < CLIPPING else 1.0,
        gain_db=float(rng.uniform(*GAIN_JITTER_DB)),
    )
