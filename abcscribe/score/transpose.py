"""Score -> the same music some semitones higher or lower, respelled as a musician would write it.

The whole piece moves by one interval, so the relation of every note to its key stays: an F sharp in G major becomes an
E in F major, not an F flat. Of the enharmonic intervals the one that leaves the simplest key signatures is taken.
Percussion parts stay as they are; a recording's notes (``Score.performance``) move too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache

from abcscribe.score.harmony import moved
from abcscribe.score.instruments import PERCUSSION, usual_transposition
from abcscribe.score.model import STEP_SEMITONES, STEPS, Bar, Note, Part, Pitch, Score

FIFTHS_PER_SEMITONE = 7  # seven fifths up are one semitone up, octaves aside
ENHARMONIC = 12  # fifths between two spellings of the same pitch
LINE_OF_FIFTHS = "FCGDAEB"
WRITTEN_OCTAVES = (0, 9)  # that MusicXML can name


def transposed(score: Score, semitones: int) -> Score:
    """The score moved by ``semitones`` (negative: down)."""
    if semitones == 0:
        return score
    fifths = _interval(score, semitones)
    bars = tuple(
        dataclasses.replace(
            bar,
            key=dataclasses.replace(bar.key, fifths=bar.key.fifths + fifths),
            harmonies=tuple(moved(harmony, fifths) for harmony in bar.harmonies),
        )
        for bar in score.bars
    )
    parts = tuple(_move_part(part, semitones, fifths) for part in score.parts)
    played = tuple(
        note if note.drum else dataclasses.replace(note, pitch=note.pitch + semitones) for note in score.performance
    )
    return dataclasses.replace(score, bars=bars, parts=parts, performance=played)


def _interval(score: Score, semitones: int) -> int:
    """Fifths to move by: congruent to the semitones, and with the fewest accidentals in the worst key signature."""
    keys = {bar.key.fifths for bar in score.bars} or {0}
    up = FIFTHS_PER_SEMITONE * semitones % ENHARMONIC
    return min((up, up - ENHARMONIC), key=lambda shift: (max(abs(key + shift) for key in keys), abs(shift)))


def _move_part(part: Part, semitones: int, fifths: int) -> Part:
    if part.program == PERCUSSION:
        return part
    bars = tuple(tuple(_move_note(note, semitones, fifths) for note in bar) for bar in part.bars)
    return dataclasses.replace(part, bars=bars)


def _move_note(note: Note, semitones: int, fifths: int) -> Note:
    """The place on the strings does not move with the note: it is left to be found again."""
    grace = tuple(move_pitch(pitch, semitones, fifths) for pitch in note.grace)
    after = tuple(move_pitch(pitch, semitones, fifths) for pitch in note.after)
    pitch = move_pitch(note.pitch, semitones, fifths)
    return dataclasses.replace(note, pitch=pitch, grace=grace, after=after, string=0, fret=None)


def move_pitch(pitch: Pitch, semitones: int, fifths: int) -> Pitch:
    """A pitch some semitones higher, its name some fifths further; beyond double accidentals its enharmonic name."""
    position = LINE_OF_FIFTHS.index(pitch.step) + 7 * pitch.alter + fifths
    while position // 7 > 2:  # beyond a double accidental: the simpler enharmonic spelling
        position -= ENHARMONIC
    while position // 7 < -2:
        position += ENHARMONIC
    alter, index = divmod(position, 7)
    step = LINE_OF_FIFTHS[index]
    octave = (pitch.midi + semitones - alter - STEP_SEMITONES[step]) // 12 - 1
    return Pitch(step, alter, octave)


@lru_cache(maxsize=4096)
def interval_pitch(pitch: Pitch, steps: int, semitones: int) -> Pitch:
    """A pitch moved by an interval, as (-1, -2) for the clarinet in B flat from written to sounding pitch."""
    octaves, index = divmod(STEPS.index(pitch.step) + steps, 7)
    natural = Pitch(STEPS[index], 0, pitch.octave + octaves)
    return dataclasses.replace(natural, alter=pitch.midi + semitones - natural.midi)


def as_written(bars: Sequence[Bar], part: Part) -> tuple[tuple[Bar, ...], Part, list[tuple[int, int]]]:
    """What the player of a transposing instrument reads.

    Args:
        bars: of the score, at sounding pitch.
        part: one of its parts, at sounding pitch.

    Returns:
        The bars with the key signatures of the part, the part with its written pitches, and for each bar the interval
        (steps, semitones) from there to what sounds. Signatures are the simplest: for A flat major a clarinet in A
        reads B major, not C flat; from there it is (-1, -3) to what sounds and not the usual (-2, -3).
    """
    steps, semitones = transposition(part)
    if (steps, semitones) == (0, 0):
        return tuple(bars), part, [(0, 0)] * len(bars)
    fifths = ENHARMONIC * steps - FIFTHS_PER_SEMITONE * semitones
    written, contents, intervals = [], [], []
    for bar, notes in zip(bars, part.bars, strict=True):
        moved_key = bar.key.fifths + fifths
        simplest = min((moved_key, moved_key - ENHARMONIC, moved_key + ENHARMONIC), key=abs)
        written.append(dataclasses.replace(bar, key=dataclasses.replace(bar.key, fifths=simplest)))
        shift = simplest - bar.key.fifths
        contents.append(tuple(_written_note(note, -semitones, shift) for note in notes))
        intervals.append(((shift + FIFTHS_PER_SEMITONE * semitones) // ENHARMONIC, semitones))
    octaves = {pitch.octave for notes in contents for n in notes for pitch in (n.pitch, *n.grace, *n.after)}
    if octaves and not WRITTEN_OCTAVES[0] <= min(octaves) <= max(octaves) <= WRITTEN_OCTAVES[1]:
        return tuple(bars), part, [(0, 0)] * len(bars)  # far outside of the instrument: as it sounds
    return tuple(written), dataclasses.replace(part, bars=tuple(contents)), intervals


def transposition(part: Part) -> tuple[int, int]:
    """(steps, semitones) from what a part's player reads to what sounds."""
    return usual_transposition(part.program, part.name) if part.transposition is None else part.transposition


def _written_note(note: Note, semitones: int, fifths: int) -> Note:
    moved_note = _move_note(note, semitones, fifths)
    return dataclasses.replace(moved_note, string=note.string, fret=note.fret)
