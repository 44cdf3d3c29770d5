"""Which line of a score is the tune: a voice if one sings, otherwise the most prominent. A recording: `heard_tune`.

A line is one voice of a part's upper staff, of its chords the top notes. How prominent it is: one note at a time, high
among the others, present in most bars, moving in steps or repeating a tone rather than in leaps, loud.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from abcscribe.arranging.heard_tune import heard_tune, is_uncertain
from abcscribe.arranging.lines import Tone, pitched, single, tones
from abcscribe.score import instruments
from abcscribe.score.model import Score

SINGS = re.compile(
    r"(?i)\b(voice|voc|vocals?|voix|voce|gesang|singstimme|stimme|canto|chant|sopran\w*|mezzo\w*|alto? (?:voice|solo)|"
    r"contralto|tenor\w*|bariton\w*|melod\w*|lead)\b"
)
SUNG = 30.0  # of the score of a line that a singer has: no other line reaches it
# Weights of features that are each 0 ... 1: a softmax over the lines of 70 OpenScore songs whose names were hidden, but
# for the loudness, which no print has. On 37 other songs the singer is found in .92; the highest line is his in .78.
REGISTER, PRESENCE, STEPS, SINGLE, REPEATED, LOUD = 5.0, 3.0, 2.1, 8.1, 2.3, 3.0
LOUDER = 40.0  # MIDI velocities from the softest to the loudest part
STEP = 4  # semitones up to which an interval is one of a tune


@dataclass(frozen=True, slots=True)
class Line:
    """A candidate for the tune."""

    part: int  # index in the score; of a tune that goes through several the one that has most of it
    voice: int
    tones: list[Tone]  # one at a time
    prominence: float


def find_melody(score: Score, names: bool = True) -> Line | None:
    """The tune of a score.

    Args:
        score: with any parts; drums have none.
        names: whether names and programs may say who sings.

    Returns:
        The most prominent line; None if the score has no pitched note.
    """
    found = max(candidates(score, names), key=lambda line: line.prominence, default=None)
    if found is None or not is_uncertain(score):
        return found
    line = heard_tune(score)
    if not line:
        return found
    (part, voice), _ = Counter((own.part, own.voice) for own in line).most_common(1)[0]
    return Line(part, voice, [own.tone for own in line], found.prominence)


def candidates(score: Score, names: bool = True) -> list[Line]:
    """All lines with their prominence."""
    lines = [
        (index, voice, all_of_voice)
        for index in pitched(score)
        for voice in score.parts[index].staves[0].voices
        if (all_of_voice := tones(score, score.parts[index], (voice,)))
    ]
    centre = [float(np.median([tone.pitch for tone in own])) for *_, own in lines]
    loud = _loudness(score)
    return [
        Line(index, voice, single(own), _prominence(score, index, own, centre[k], centre, loud, names))
        for k, (index, voice, own) in enumerate(lines)
    ]


def _prominence(
    score: Score,
    index: int,
    line: list[Tone],
    centre: float,
    centres: list[float],
    loud: dict[int, float],
    names: bool,
) -> float:
    one = single(line)
    pitches = np.array([tone.pitch for tone in one])
    steps = np.abs(np.diff(pitches))
    register = (1 + sum(centre > other for other in centres)) / len(centres)
    bars = sum(any(own) for own in score.parts[index].bars) or 1
    starts = np.array([float(start) for start in score.bar_starts()[:-1]])
    present = len({int(np.searchsorted(starts, float(tone.start), "right")) for tone in line}) / max(len(starts), 1)
    stepwise = float(np.mean((steps > 0) & (steps <= STEP))) if len(steps) else 0.0
    repeated = float(np.mean(steps == 0)) if len(steps) else 0.0
    value = (
        REGISTER * register + PRESENCE * present + STEPS * stepwise + SINGLE * len(one) / len(line)
        + LOUD * loud.get(index, 0.5) + REPEATED * repeated
    )  # fmt: skip
    part = score.parts[index]
    sings = names and (instruments.family(part.program) == "voice" or bool(SINGS.search(part.name)))
    return value + SUNG * (sings and present * len(starts) >= min(4, bars))


def _loudness(score: Score) -> dict[int, float]:
    """How loud each part is played, 0 ... 1 with the mean of all at one half; {} for a score that was never played."""
    seconds = [bar.seconds for bar in score.bars if bar.seconds is not None]
    if not score.performance or len(seconds) < len(score.bars):
        return {}
    starts = [float(start) for start in score.bar_starts()[:-1]]
    onsets = np.interp([n.onset for n in score.performance], seconds, starts)
    velocity = {
        (round(2 * onset), n.pitch): n.velocity for onset, n in zip(onsets.tolist(), score.performance, strict=True)
    }
    mean = float(np.mean([n.velocity for n in score.performance]))
    found = {}
    for index in pitched(score):
        keys = ((round(2 * float(tone.start)), tone.pitch) for tone in tones(score, score.parts[index]))
        own = [velocity[key] for key in keys if key in velocity]
        if own:
            found[index] = float(np.clip(0.5 + (np.mean(own) - mean) / LOUDER, 0, 1))
    return found
