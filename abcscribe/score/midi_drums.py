"""Drums of a MIDI file that was played -> a percussion part: strokes have a time and no length.

lytk writes the length of each pressed pad as note values, confetti of tuplets and 64ths. Here every stroke goes to the
nearest sixteenth or triplet of its quarter, whichever fits all strokes of the quarter better, and lasts to the next
one, to the next beat at most. Drummers are recorded to a click, so that the bars of the file are true.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.midi_events import DRUM_CHANNEL, events, is_printed, sounds
from abcscribe.score.model import Note, Score
from abcscribe.score.percussion import key_pitch

GRIDS = (4, 3)  # places in a quarter, the likelier first


def with_placed_drums(score: Score, content: bytes) -> Score:
    """The score with its percussion parts, if they were played, placed anew by the ticks of the file."""
    if not any(part.program == PERCUSSION for part in score.parts):
        return score
    division, found = events(content)
    strokes = [sound for sound in sounds(found) if sound.channel == DRUM_CHANNEL]
    if division <= 0 or not strokes or is_printed([stroke.start for stroke in strokes], division):
        return score
    first, *others = [i for i, part in enumerate(score.parts) if part.program == PERCUSSION]
    placed = _placed([(Fraction(stroke.start, division), stroke.pitch) for stroke in strokes])
    drums = dataclasses.replace(score.parts[first], bars=_bars(score, placed))
    staff = dataclasses.replace(drums.staves[0], voices=(1,))
    parts = [dataclasses.replace(drums, staves=(staff,)) if i == first else p for i, p in enumerate(score.parts)]
    return dataclasses.replace(score, parts=tuple(part for i, part in enumerate(parts) if i not in others))


def _placed(strokes: Sequence[tuple[Fraction, int]]) -> dict[Fraction, set[int]]:
    """(quarters, key) -> place: keys."""
    quarters: dict[int, list[tuple[Fraction, int]]] = defaultdict(list)
    for onset, key in strokes:
        quarters[int(onset + Fraction(1, 8))].append((onset, key))  # what comes early belongs to the next quarter
    placed: dict[Fraction, set[int]] = defaultdict(set)
    for members in quarters.values():
        grid = min(GRIDS, key=lambda n: sum(abs(onset - _nearest(onset, n)) for onset, _ in members))
        for onset, key in members:
            placed[_nearest(onset, grid)].add(key)
    return placed


def _nearest(onset: Fraction, places: int) -> Fraction:
    return Fraction(round(onset * places), places)


def _bars(score: Score, placed: dict[Fraction, set[int]]) -> tuple[tuple[Note, ...], ...]:
    bars = []
    for bar, start in zip(score.bars, score.bar_starts(), strict=False):
        inside = sorted(place for place in placed if start <= place < start + bar.length)
        ends = [*inside, start + bar.length][1:]
        bars.append(
            tuple(
                Note(place - start, min(end - place, _to_beat(place)), key_pitch(key))
                for place, end in zip(inside, ends, strict=True)
                for key in sorted(placed[place])
            )
        )
    return tuple(bars)


def _to_beat(place: Fraction) -> Fraction:
    """Quarters to the next quarter: a stroke between two beats ends at the beat."""
    return 1 - place % 1
