"""Score -> the same music some semitones higher or lower, respelled as a musician would write it.

The whole piece moves by one interval, so the relation of every note to its key stays: an F sharp in G major becomes an
E in F major, not an F flat. Of the enharmonic intervals the one that leaves the simplest key signatures is taken.
Percussion parts stay as they are; a recording's notes (``Score.performance``) move too.
"""

from __future__ import annotations

import dataclasses

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import STEP_SEMITONES, Note, Part, Pitch, Score

FIFTHS_PER_SEMITONE = 7  # seven fifths up are one semitone up, octaves aside
ENHARMONIC = 12  # fifths between two spellings of the same pitch
LINE_OF_FIFTHS = "FCGDAEB"


def transposed(score: Score, semitones: int) -> Score:
    """The score moved by ``semitones`` (negative: down)."""
    if semitones == 0:
        return score
    fifths = _interval(score, semitones)
    bars = tuple(
        dataclasses.replace(bar, key=dataclasses.replace(bar.key, fifths=bar.key.fifths + fifths)) for bar in score.bars
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
    grace = tuple(_move_pitch(pitch, semitones, fifths) for pitch in note.grace)
    return dataclasses.replace(note, pitch=_move_pitch(note.pitch, semitones, fifths), grace=grace)


def _move_pitch(pitch: Pitch, semitones: int, fifths: int) -> Pitch:
    position = LINE_OF_FIFTHS.index(pitch.step) + 7 * pitch.alter + fifths
    while position // 7 > 2:  # beyond a double accidental: the simpler enharmonic spelling
        position -= ENHARMONIC
    while position // 7 < -2:
        position += ENHARMONIC
    alter, index = divmod(position, 7)
    step = LINE_OF_FIFTHS[index]
    octave = (pitch.midi + semitones - alter - STEP_SEMITONES[step]) // 12 - 1
    return Pitch(step, alter, octave)
