"""Two scores -> matched voices, and matched notes within them, without a common clock.

The tempo, the metre and the order of voices of a prediction may all differ from the reference, so absolute time is not
used here. A voice is a sequence; voices are paired by the assignment with the fewest edits, and the notes of
paired voices by the edit script that turns one sequence into the other.

Ties are merged and grace notes left out (as in ``Score.sounding_notes``); a chord counts as its notes from the bottom.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein
from scipy.optimize import linear_sum_assignment

from abcscribe.metrics.ticks import Cells, TickNote, in_ticks, metre_ticks, ticks
from abcscribe.score.model import Bar, Score


class LineNote(NamedTuple):
    """A note of a voice with its ties merged. Times are in ticks (``ticks.TICKS_PER_QUARTER``)."""

    onset: int  # from the start of the piece
    pitch: int  # MIDI
    duration: int
    position: int  # from the bar line; in a pickup bar counted as if the bar were full


@dataclass(frozen=True, slots=True)
class Line:
    """One voice of one part as a sequence, by (onset, pitch)."""

    part: int  # index in Score.parts
    program: int
    notes: tuple[LineNote, ...]


View = Callable[[Line], Sequence[int]]


def by_pitch(line: Line) -> Sequence[int]:
    return [note.pitch for note in line.notes]


def by_pitch_class(line: Line) -> Sequence[int]:
    """The same for a voice in another octave."""
    return [note.pitch % 12 for note in line.notes]


def by_duration(line: Line) -> Sequence[int]:
    """The same for a voice in another key."""
    return [note.duration for note in line.notes]


VIEWS = (by_pitch, by_pitch_class, by_duration)


@dataclass(frozen=True, slots=True)
class VoiceMatch:
    """A reference voice and the predicted voice matched to it; None on one side where a voice is unmatched."""

    reference: Line | None
    prediction: Line | None
    edits: int  # insertions, deletions and substitutions of pitches between the two

    @property
    def worst(self) -> int:
        """The most edits two sequences of these lengths can need."""
        return max(len(line.notes) if line else 0 for line in (self.reference, self.prediction))


def lines(score: Score, cells: Cells | None = None) -> list[Line]:
    """The voices that have notes, in an order that depends on their music only, not on their place in the score.

    ``cells``: the score ``in_ticks``, if it is known already.
    """
    starts = list(itertools.accumulate((ticks(bar.length) for bar in score.bars), initial=0))
    missing = _missing_before_pickup(score.bars)
    found = [
        Line(index, part.program, tuple(sorted(notes)))
        for index, (part, bars) in enumerate(zip(score.parts, cells or in_ticks(score), strict=True))
        for notes in _voices(bars, starts, missing).values()
    ]
    return sorted(found, key=lambda line: (line.program, line.notes))


def merged(voices: Sequence[Line]) -> Line:
    """All voices as one line."""
    return Line(0, 0, tuple(sorted(note for voice in voices for note in voice.notes)))


def match_voices(
    reference: Sequence[Line], prediction: Sequence[Line], views: Sequence[View] = (by_pitch,)
) -> list[VoiceMatch]:
    """The pairing of voices with the fewest edits in all.

    Pitch alone measures how much of the music is right; all VIEWS together identify the voices even if little is.

    Args:
        reference, prediction: the voices of both scores (`lines`).
        views: the sequences of a voice whose Levenshtein distances are added up.

    Returns:
        One match a pair; voices that are left over are matched with None.
    """
    shape = len(reference), len(prediction)
    edits = {view: _edits(reference, prediction, view) for view in {by_pitch, *views}}
    # The cost of a pair is counted relative to deleting the one voice and inserting the other. It is never above 0, so
    # an assignment of as many pairs as there can be is the best of all. Of equal assignments the one whose voices are
    # the most alike in length: else the loss of two scores could depend on which of them is the reference.
    lengths = [len(line.notes) for line in reference], [len(line.notes) for line in prediction]
    costs = sum((edits[view] - np.add.outer(*lengths) for view in views), np.zeros(shape))
    tied = np.minimum.outer(*lengths) / (sum(lengths[0]) + 1)  # less than an edit in all
    rows, columns = linear_sum_assignment(costs - tied)
    pitches = edits[by_pitch]
    pairs = [VoiceMatch(reference[i], prediction[j], int(pitches[i, j])) for i, j in zip(rows, columns, strict=True)]
    missing = [VoiceMatch(line, None, len(line.notes)) for i, line in enumerate(reference) if i not in rows]
    extra = [VoiceMatch(None, line, len(line.notes)) for j, line in enumerate(prediction) if j not in columns]
    return pairs + missing + extra


def _edits(reference: Sequence[Line], prediction: Sequence[Line], view: View) -> np.ndarray:
    """Levenshtein distances, (reference voices, predicted voices)."""
    given = [view(line) for line in prediction]
    distances = [[Levenshtein.distance(view(line), other) for other in given] for line in reference]
    return np.array(distances, dtype=np.int64).reshape(len(reference), len(prediction))


def match_notes(matches: Sequence[VoiceMatch]) -> list[tuple[LineNote, LineNote]]:
    """Pairs of (reference, predicted) notes of the paired voices, the wrongly pitched ones included.

    Sequences are aligned by pitch class, so a line written in the wrong octave still meets its reference note by note.
    """
    pairs: list[tuple[LineNote, LineNote]] = []
    for match in matches:
        if match.reference and match.prediction:
            pairs.extend(_align(match.reference.notes, match.prediction.notes))
    return pairs


def _align(reference: Sequence[LineNote], prediction: Sequence[LineNote]) -> Iterator[tuple[LineNote, LineNote]]:
    script = Levenshtein.opcodes([n.pitch % 12 for n in reference], [n.pitch % 12 for n in prediction])
    for tag, *span in script:
        if tag in ("equal", "replace"):
            start, end, other_start, other_end = (int(place) for place in span)
            yield from zip(reference[start:end], prediction[other_start:other_end], strict=True)


def anchors(reference: Line, prediction: Line) -> list[tuple[int, int]]:
    """Onsets (reference, predicted) in ticks of notes that agree in pitch, strictly increasing on both sides."""
    found: list[tuple[int, int]] = []
    for step in Levenshtein.opcodes(by_pitch(reference), by_pitch(prediction)):
        if step.tag == "equal":
            for r, p in zip(range(step.src_start, step.src_end), range(step.dest_start, step.dest_end), strict=True):
                point = (reference.notes[r].onset, prediction.notes[p].onset)
                if not found or (point[0] > found[-1][0] and point[1] > found[-1][1]):
                    found.append(point)
    return found


def _missing_before_pickup(bars: Sequence[Bar]) -> int:
    """Ticks that the first bar lacks to a full one: a quarter upbeat in 3/4 stands at position 2 quarters, not 0."""
    if not bars or bars[0].metre is None:
        return 0
    return max(0, metre_ticks(bars[0].metre) - ticks(bars[0].length))


def _voices(bars: Sequence[Sequence[TickNote]], starts: Sequence[int], missing: int) -> dict[int, list[LineNote]]:
    """Notes of each voice with ties merged. ``starts``: ticks from the start of the piece to each bar line."""
    voices: dict[int, list[LineNote]] = {}
    open_ties: dict[tuple[int, int], int] = {}  # (voice, pitch) -> index of the note that sounds on
    for bar_start, bar in zip(starts, bars, strict=False):
        for voice, start, end, pitch, tie in sorted(bar, key=_by_start):
            line = voices.setdefault(voice, [])
            index = open_ties.pop((voice, pitch), None) if open_ties else None
            if index is not None and line[index].onset + line[index].duration == bar_start + start:
                line[index] = line[index]._replace(duration=line[index].duration + end - start)
            else:
                index = len(line)
                position = start if bar_start else start + missing
                line.append(LineNote(bar_start + start, pitch, end - start, position))
            if tie:
                open_ties[voice, pitch] = index
    return voices


_by_start = attrgetter("start")
