"""A score -> what one guitar can play: the tune on top, under it the bass and what of the chord the hand still stops.

The piece moves by octaves to where its tune lies on the upper strings; a bass below the lowest string is played an
octave higher. What no hand can stop together (`abcscribe.score.fingering`) is left out, the tune last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise

from abcscribe.arranging.lines import Tone, in_bars, pitched, tones
from abcscribe.arranging.melody import find_melody
from abcscribe.arranging.reduction import on_a_beat, playable
from abcscribe.score import instruments
from abcscribe.score.fingering import finger
from abcscribe.score.model import Note, Part, Score, Staff
from abcscribe.score.tab import open_strings

GUITAR = 24
TUNING = "guitar"
LOWEST, HIGHEST = 40, 83  # MIDI: the lowest string, and the nineteenth fret of the highest
TUNE = (55, 76)  # between the third string and the twelfth fret of the first: where a tune leaves room for a bass
BELOW = 3  # semitones that the others stay below the tune
ALONE = 64  # MIDI: the highest note of the others where the tune rests
SPAN = 28  # semitones from the bass to what is struck with it; the fingering says what a hand can stop
NOTES = {"full": 3, "easy": 1}  # beside the tune; "easy" has them on the beats only


def guitar(score: Score, level: str = "full") -> tuple[Score, list[str]]:
    """An arrangement for one guitar, and sentences about what is left out.

    Args:
        score: of any parts; drums are left out.
        level: "full" or "easy": the tune with a bass on the beats.
    """
    tune = find_melody(score)
    if tune is None:
        return score, []
    octaves = _octaves([tone.pitch for tone in tune.tones])
    top = [_moved(tone, octaves) for tone in tune.tones]
    taken = {(tone.start, tone.pitch) for tone in tune.tones}
    every = [tone for part in pitched(score) for tone in tones(score, score.parts[part])]
    others = {(t.start, t.pitch): _moved(t, octaves) for t in every if (t.start, t.pitch) not in taken}
    low = {(t.start, t.pitch): t for t in _below(list(others.values()), top)}
    below = [low[key] for key in sorted(low)]
    if level == "easy":
        below = [tone for tone in below if on_a_beat(score, tone.start)]
    part = _part(score, top, playable(below, SPAN, NOTES[level]))
    part, stopped = _stopped(score, part)
    left = len(others) - len(tones(score, part, (2,)))
    drums = [part.name or "Percussion" for part in score.parts if part.program == instruments.PERCUSSION]
    said = [
        *_said(left, f"of {len(every)} notes are left out: a guitar plays the tune with what is under the hand."),
        *_said(abs(octaves), f"octave(s) {'higher' if octaves > 0 else 'lower'} than it was: there a guitar plays it."),
        *_said(stopped, "note(s) of the tune cannot be stopped together with their bass."),
        *(f"{name} is left out: a guitar has no drums." for name in drums),
    ]
    return dataclasses.replace(score, parts=(part,)), said


def _said(count: int, what: str) -> list[str]:
    return [f"{count} {what.replace('(s)', 's' * (count != 1))}"] if count else []


def _octaves(pitches: Sequence[int]) -> int:
    """By which the piece moves, so that most of its tune lies within TUNE; as few as will do."""
    low, high = TUNE
    return min(range(-3, 4), key=lambda k: (sum(not low <= p + 12 * k <= high for p in pitches), abs(k)))


def _moved(tone: Tone, octaves: int) -> Tone:
    pitch = dataclasses.replace(tone.note.pitch, octave=tone.note.pitch.octave + octaves)
    return dataclasses.replace(tone, note=dataclasses.replace(tone.note, pitch=pitch))


def _below(others: Sequence[Tone], top: Sequence[Tone]) -> Iterator[Tone]:
    """The other tones on strings that exist, those that stay below the tune."""
    ends = [(a.start, b.start, a) for a, b in pairwise(top)] + ([(top[-1].start, top[-1].end, top[-1])] if top else [])
    for tone in others:
        octaves = max(0, -(-(LOWEST - tone.pitch) // 12))
        raised = _moved(tone, octaves)
        over = next((a for begin, end, a in ends if begin <= tone.start < end and tone.start < a.end), None)
        if raised.pitch <= (over.pitch - BELOW if over else ALONE):
            yield raised


def _part(score: Score, top: Sequence[Tone], low: Sequence[Tone]) -> Part:
    staff = Staff("treble-8", (1, 2) if low else (1,))
    return Part(in_bars(score, (top, low)), instruments.name(GUITAR), GUITAR, (staff,), tuning=open_strings(TUNING))


def _stopped(score: Score, part: Part) -> tuple[Part, int]:
    """The part without what a hand cannot stop, and how many notes of the tune that would have cost."""
    places = finger(part, score.bar_starts(), open_strings(TUNING)).places
    lost = sum(note.voice == 1 and (i, note) not in places for i, bar in enumerate(part.bars) for note in bar)

    def kept(index: int, bar: tuple[Note, ...]) -> tuple[Note, ...]:
        return tuple(note for note in bar if note.voice == 1 or (index, note) in places)

    return dataclasses.replace(part, bars=tuple(kept(i, bar) for i, bar in enumerate(part.bars))), lost
