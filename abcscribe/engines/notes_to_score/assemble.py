"""Written notes on a grid of ticks -> the bars, ties and spelled pitches of a Score.

This stage knows where every note stands and how long it is written; it cuts notes at bar lines and names pitches. How
a duration looks inside a bar (ties, rests, tuplets, beams) is decided by `abcscribe.score.durations` when it is
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.engines.notes_to_score.rhythm import TICKS
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Staff, Tempo
from abcscribe.score.spelling import spell


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note with its place in the piece. ``start`` and ``duration`` are ticks."""

    start: int
    duration: int
    midi: int
    voice: int = 1

    @property
    def end(self) -> int:
        return self.start + self.duration


@dataclass(frozen=True, slots=True)
class Line:
    """A part before it has bars."""

    notes: tuple[WrittenNote, ...]  # within a voice no overlaps, except chords of equal start and duration
    program: int = 0
    name: str = ""
    staves: tuple[Staff, ...] = (Staff(),)
    heard: tuple[tuple[int, ...], ...] = ()  # for each staff, which of the heard notes it was made from


@dataclass(frozen=True, slots=True)
class BarSpan:
    """One bar on the grid and in the recording."""

    start: int  # ticks
    length: int  # ticks
    seconds: float | None = None
    confidence: float | None = None

    @property
    def end(self) -> int:
        return self.start + self.length


def assemble(
    lines: Sequence[Line],
    spans: Sequence[BarSpan],
    *,
    metre: Metre,
    key: Key,
    tempo: Tempo | None,
    performance: Sequence[PlayedNote] = (),
    seconds: float | None = None,
) -> Score:
    """Lay the lines out in the bars, which follow each other without gaps."""
    bars = tuple(
        Bar(Fraction(span.length, TICKS), metre, key, tempo, seconds=span.seconds, confidence=span.confidence)
        for span in spans
    )
    parts = tuple(Part(_part_bars(line.notes, spans, key), line.name, line.program, line.staves) for line in lines)
    return Score(bars, parts, performance=tuple(performance), seconds=seconds)


def _part_bars(notes: Sequence[WrittenNote], spans: Sequence[BarSpan], key: Key) -> tuple[tuple[Note, ...], ...]:
    by_bar: list[list[Note]] = [[] for _ in spans]
    for voice in sorted({note.voice for note in notes}):
        line = sorted((n for n in notes if n.voice == voice), key=lambda n: (n.start, n.midi))
        first = 0
        for note, pitch in zip(line, spell([n.midi for n in line], key), strict=True):
            while spans[first].end <= note.start:
                first += 1
            for index, piece in _cut(note, pitch, spans, first):
                by_bar[index].append(piece)
    return tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in by_bar)


def _cut(note: WrittenNote, pitch: Pitch, spans: Sequence[BarSpan], first: int) -> Iterator[tuple[int, Note]]:
    """The note's pieces, tied over bar lines, each with the index of its bar."""
    for index in range(first, len(spans)):
        span = spans[index]
        if span.start >= note.end:
            return
        start, end = max(note.start, span.start), min(note.end, span.end)
        place = Fraction(start - span.start, TICKS)
        yield index, Note(place, Fraction(end - start, TICKS), pitch, note.voice, tie=end < note.end)
