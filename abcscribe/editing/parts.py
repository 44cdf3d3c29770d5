"""Operations on parts and the whole score: names, merging, splitting, hands, transposition, keys from a bar on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from statistics import median

import numpy as np

from abcscribe.analysis import hands
from abcscribe.editing.notes import EditError, by_semitones, repitched
from abcscribe.editing.timeline import Held, held_notes, identified, written
from abcscribe.score import instruments
from abcscribe.score.instruments import GRAND
from abcscribe.score.model import CLEFS, Key, Metre, Part, Score, Staff, Tempo
from abcscribe.score.spelling import spell
from abcscribe.score.transpose import transposed

MOST_VOICES = 2  # on a staff
MOST_PARTS = 64


def described(
    score: Score,
    index: int,
    *,
    name: str | None = None,
    program: int | None = None,
    clef: str | None = None,
    staff: int = 0,
) -> Score:
    """The part with another name, instrument or clef. A name that only said the instrument follows it."""
    part = score.parts[index]
    if program is not None:
        if name is None and part.name in ("", instruments.name(part.program), instruments.plain_name(part.program)):
            name = instruments.name(program)
        part = replace(part, program=program)
    if name is not None:
        part = replace(part, name=name)
    if clef is not None:
        if clef not in CLEFS:
            raise EditError(f"There is no clef {clef!r}; there are {', '.join(CLEFS)}.")
        if not 0 <= staff < len(part.staves):
            raise EditError("The part has no such staff.")
        staves = [replace(own, clef=clef) if i == staff else own for i, own in enumerate(part.staves)]
        part = replace(part, staves=tuple(staves))
    return _with_parts(score, [part if i == index else own for i, own in enumerate(score.parts)])


def merged(score: Score, indices: Sequence[int]) -> Score:
    """Several parts as one: the first of ``indices``, with the notes of all."""
    if len(set(indices)) < 2:
        raise EditError("Merging takes two parts or more.")
    first = indices[0]
    notes = [held for index in dict.fromkeys(indices) for held in held_notes(score, index)]
    if score.parts[first].program in GRAND and len(score.parts[first].staves) > 1:
        part = _two_hands(score, score.parts[first], notes)
    else:
        part = _one_staff(score, score.parts[first], notes)
    gone = set(indices) - {first}
    return _with_parts(score, [part if i == first else own for i, own in enumerate(score.parts) if i not in gone])


def split_by_pitch(score: Score, index: int, at: int) -> Score:
    """A part as two: what is ``at`` (MIDI) or higher, and what is lower."""
    notes = held_notes(score, index)
    above = [held for held in notes if held.pitch.midi >= at]
    below = [held for held in notes if held.pitch.midi < at]
    if not above or not below:
        raise EditError("All notes of the part lie on one side of that pitch.")
    return _in_place(score, index, [_one_staff(score, score.parts[index], own) for own in (above, below)])


def split_by_voice(score: Score, index: int) -> Score:
    """A part as several: one for each of its voices."""
    notes = held_notes(score, index)
    voices = [[held for held in notes if held.voice == voice] for voice in score.parts[index].voices]
    voices = [own for own in voices if own]
    if len(voices) < 2:
        raise EditError("The part has only one voice.")
    return _in_place(score, index, [_one_staff(score, score.parts[index], own) for own in voices])


def on_staves(score: Score, index: int, staves: int) -> Score:
    """A part on two staves, as a pianist's hands, or on one."""
    if staves not in (1, 2):
        raise EditError("A part can be written on one staff or on two.")
    make = _two_hands if staves == 2 else _one_staff
    return _in_place(score, index, [make(score, score.parts[index], held_notes(score, index))])


def removed(score: Score, index: int) -> Score:
    """The score without a part."""
    if len(score.parts) == 1:
        raise EditError("The last part cannot be removed.")
    return _with_parts(score, [part for i, part in enumerate(score.parts) if i != index])


def ordered(score: Score, order: Sequence[int]) -> Score:
    """The parts in another order, from the top."""
    if sorted(order) != list(range(len(score.parts))):
        raise EditError("The order has to name every part once.")
    return _with_parts(score, [score.parts[i] for i in order])


def part_transposed(score: Score, index: int, semitones: int) -> Score:
    """One part higher or lower, spelled for the key; the notes heard stay what they are."""
    ids = [name for _, _, name in identified(score.parts[index], index)]
    return repitched(score, ids, by_semitones(semitones)) if ids else score


def all_transposed(score: Score, semitones: int) -> Score:
    """All parts and keys higher or lower; the notes heard stay what they are."""
    return replace(transposed(score, semitones), performance=score.performance)


def with_key(score: Score, bar: int, key: Key) -> Score:
    """Another key from a bar on, up to where it changes; notes are spelled anew for it."""
    run = _run(score, bar, [own.key for own in score.bars])
    bars = [replace(own, key=key) if i in run else own for i, own in enumerate(score.bars)]
    parts = [_respelled(part, run, key) for part in score.parts]
    return replace(score, bars=tuple(bars), parts=tuple(parts))


def with_tempo(score: Score, bar: int, quarter_bpm: float) -> Score:
    """Another metronome mark from a bar on, up to where it changes."""
    run = _run(score, bar, [own.tempo for own in score.bars])
    bars = list(score.bars)
    for i in run:
        metre = bars[i].metre
        beat = metre.beat if metre else Fraction(1)
        bars[i] = replace(bars[i], tempo=Tempo(round(quarter_bpm / float(beat), 2), beat))
    return replace(score, bars=tuple(bars))


def _run(score: Score, bar: int, values: Sequence[object]) -> range:
    """The bars from ``bar`` on that share its value."""
    stop = next((i for i in range(bar, len(values)) if values[i] != values[bar]), len(values))
    return range(bar, stop)


def _respelled(part: Part, run: range, key: Key) -> Part:
    if part.program == instruments.PERCUSSION:
        return part
    bars = list(part.bars)
    for voice in part.voices:
        places = [(i, n) for i in run for n, note in enumerate(bars[i]) if note.voice == voice]
        pitches = spell([bars[i][n].pitch.midi for i, n in places], key)
        for (i, n), pitch in zip(places, pitches, strict=True):
            bars[i] = (*bars[i][:n], replace(bars[i][n], pitch=pitch), *bars[i][n + 1 :])
    return replace(part, bars=tuple(bars))


def _one_staff(score: Score, part: Part, notes: Sequence[Held]) -> Part:
    voices = _voiced(notes, first=1)
    pitches = [held.pitch.midi for held in notes]
    clef = instruments.usual_clef(part.program, median(pitches)) if pitches else part.staves[0].clef
    if part.program == instruments.PERCUSSION:
        clef = part.staves[0].clef
    return _from(score, part, [Staff(clef, _numbers(voices, 1))], voices)


def _two_hands(score: Score, part: Part, notes: Sequence[Held]) -> Part:
    ordered = sorted(notes, key=lambda h: (h.onset, h.pitch.midi))
    onset, end = np.array([(float(h.onset), float(h.end)) for h in ordered]).reshape(-1, 2).T
    starts = np.array([float(start) for start in score.bar_starts()])
    place = onset - starts[np.searchsorted(starts, onset, side="right") - 1]
    metre = next((bar.metre for bar in score.bars if bar.metre), Metre())
    pitch = np.array([held.pitch.midi for held in ordered])
    voice = hands.divided(onset, end - onset, pitch, place, float(metre.length), float(metre.beat))
    is_right = np.isin(voice, hands.RIGHT)
    right = _voiced([held for held, right in zip(ordered, is_right, strict=True) if right], first=1)
    left = _voiced([held for held, right in zip(ordered, is_right, strict=True) if not right], first=1 + MOST_VOICES)
    staves = [Staff("treble", _numbers(right, 1)), Staff("bass", _numbers(left, 1 + MOST_VOICES))]
    return _from(score, part, staves, [*right, *left])


def _numbers(notes: Iterable[Held], otherwise: int) -> tuple[int, ...]:
    return tuple(sorted({held.voice for held in notes})) or (otherwise,)


def _voiced(notes: Sequence[Held], first: int) -> list[Held]:
    """The notes in one voice if they are a row of chords, else in MOST_VOICES: what overlaps goes to the next one."""
    ends: dict[int, tuple[Fraction, Fraction]] = {}  # voice -> onset and end of its last chord
    voiced = []
    for held in sorted(notes, key=lambda h: (h.onset, -h.pitch.midi)):
        for voice in range(first, first + MOST_VOICES):
            onset, end = ends.get(voice, (Fraction(-1), Fraction(0)))
            free = held.onset >= end or (held.onset, held.end) == (onset, end)
            if free or voice == first + MOST_VOICES - 1:
                ends[voice] = held.onset, max(held.end, end) if held.onset < end else held.end
                voiced.append(replace(held, voice=voice))
                break
    return voiced


def _from(score: Score, part: Part, staves: Sequence[Staff], notes: Sequence[Held]) -> Part:
    """The part with these staves and notes in place of its own; changes of clef were for the old staves."""
    signs = tuple(
        tuple(replace(sign, staff=min(sign.staff, len(staves))) for sign in bar if sign.kind != "clef")
        for bar in part.directions
    )
    empty = replace(part, staves=tuple(staves), bars=tuple(() for _ in score.bars), directions=signs)
    return written(score, empty, notes)


def _in_place(score: Score, index: int, parts: Sequence[Part]) -> Score:
    return _with_parts(score, [*score.parts[:index], *parts, *score.parts[index + 1 :]])


def _with_parts(score: Score, parts: Sequence[Part]) -> Score:
    if len(parts) > MOST_PARTS:
        raise EditError(f"A score has {MOST_PARTS} parts at most.")
    return replace(score, parts=tuple(parts))
