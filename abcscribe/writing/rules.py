"""Analysis -> Score by rules: notes are cut at bar lines and tied, and pitches are spelled in the key.

The notation of a duration inside a bar (ties, rests, tuplets, beams) is decided by `abcscribe.score.durations` when it
is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from abcscribe.analysis import Analysis, analyse
from abcscribe.analysis.lines import BarSpan, WrittenNote
from abcscribe.hints import Hints
from abcscribe.score.grid import TICKS
from abcscribe.score.model import Bar, Key, Note, Part, Pitch, PlayedNote, Score
from abcscribe.score.spelling import spell


def notes_to_score(notes: Sequence[PlayedNote], hints: Hints = Hints(), *, seconds: float | None = None) -> Score:
    """Analyse notes and write their score.

    Args:
        notes: transcribed notes, in any order.
        hints: what the user knows.
        seconds: length of the recording.

    Returns:
        The score; without notes one without bars.
    """
    analysis = analyse(notes, hints)
    if analysis is None:
        return Score(performance=tuple(sorted(notes, key=lambda n: (n.onset, n.pitch))), seconds=seconds)
    return write_score(analysis, seconds=seconds)


def write_score(analysis: Analysis, *, seconds: float | None = None) -> Score:
    """The score of an analysis. ``seconds``: length of the recording."""
    metre, key, tempo = analysis.placed.written, analysis.key, analysis.tempo
    bars = tuple(
        Bar(Fraction(span.length, TICKS), metre, key, tempo, seconds=span.seconds, confidence=span.confidence)
        for span in analysis.spans
    )
    bars = (replace(bars[0], words=analysis.words), *bars[1:])
    parts = tuple(
        Part(_part_bars(line.notes, analysis.spans, key), line.name, line.program, line.staves)
        for line in analysis.lines
    )
    return Score(bars, parts, performance=analysis.played, seconds=seconds)


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
