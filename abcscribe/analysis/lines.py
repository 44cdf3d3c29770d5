"""What the analysis finds, on a grid of ticks: notes with written values, parts before they have bars, and the bars."""

from __future__ import annotations

from dataclasses import dataclass

from abcscribe.score.model import Staff


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
