"""Which characters of a canonical ABC text write which note or rest.

``write_abc`` lays the voices out one behind the other, and a voice as the written values of each bar. The tokens of the
text are read with the reader's own grammar and paired with those values, so the text itself stays the one truth about
where things stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from abcscribe.errors import ScoreError
from abcscribe.score.abc_tokens import TOKENS
from abcscribe.score.abc_writer import beside, rest_cuts
from abcscribe.score.durations import Value, bar_offsets, chords, write_rhythm
from abcscribe.score.model import Note, Score

_SOUNDS = frozenset({"note", "chord", "rest"})
_CONTINUATION = frozenset({"tie"})  # belongs to the element before it

Span = tuple[int, int]  # [start, end) in the text, in UTF-16 units as JavaScript counts


@dataclass(frozen=True, slots=True)
class Written:
    """One written value: a note or chord head, or a rest."""

    part: int
    staff: int
    voice: int
    bar: int
    start: Fraction  # quarters from the bar line
    duration: Fraction
    notes: tuple[Note, ...]  # the chord; empty for a rest
    chars: Span


def positions(score: Score, text: str) -> list[Written]:
    """Every written value of a score in the text that ``write_abc`` made of it.

    Raises:
        ScoreError: the text does not write this score.
    """
    found: list[Written] = []
    blocks = _voice_blocks(text)
    for part, staff, voice in _voices(score):
        tokens = iter(next(blocks, []))
        leads = voice == score.parts[part].staves[staff].voices[0]
        signs = beside(score, score.parts[part], staff + 1, part == staff == 0) if leads else []
        for bar, values, events in _values(score, part, voice):
            for value in values:
                pieces = 1
                if value.event is None and value.actual == value.normal and leads:
                    pieces = len(rest_cuts(value.start, value.start + value.duration, signs[bar])) - 1
                spans = list(islice(tokens, pieces))
                if len(spans) < pieces:
                    raise ScoreError("The ABC text does not belong to this score.")
                span = (spans[0][0], spans[-1][1])
                heads = events[value.event] if value.event is not None else ()
                found.append(Written(part, staff, voice, bar, value.start, value.duration, heads, span))
    return found


def _voices(score: Score) -> Iterator[tuple[int, int, int]]:
    """(part, staff, voice) in the order of the text."""
    for p, part in enumerate(score.parts):
        for s, staff in enumerate(part.staves):
            yield from ((p, s, voice) for voice in staff.voices)


def _values(score: Score, part: int, voice: int) -> Iterator[tuple[int, tuple[Value, ...], list[tuple[Note, ...]]]]:
    """(bar, written values, chords) of a voice; a bar without notes is one rest."""
    offsets = bar_offsets(score.bars)
    for bar, notes in enumerate(score.voice_bars(score.parts[part], voice)):
        shared, events = score.bars[bar], chords(notes)
        rhythm = tuple((chord[0].start, chord[0].duration) for chord in events)
        values = write_rhythm(rhythm, shared.length, shared.metre, offsets[bar])
        if not values:
            values = (Value(Fraction(0), shared.length, None, shared.length),)
        yield bar, values, events


def _voice_blocks(text: str) -> Iterator[list[Span]]:
    """The spans of the notes, chords and rests of each ``V:`` block; ties belong to what they follow."""
    block: list[Span] | None = None
    position = 0
    for line in text.splitlines(keepends=True):
        if line.startswith("V:"):
            if block is not None:
                yield block
            block = []
        elif block is not None and not (line.startswith("%") or (line[0].isalpha() and line[1:2] == ":")):
            block.extend(_spans(line, position))
        position += len(line.encode("utf-16-le")) // 2
    if block is not None:
        yield block


def _spans(line: str, offset: int) -> Iterator[Span]:
    span: Span | None = None
    for match in TOKENS.finditer(line):
        if match.lastgroup in _SOUNDS:
            if span:
                yield span
            span = offset + match.start(), offset + match.end()
        elif match.lastgroup in _CONTINUATION and span and match.start() + offset == span[1]:
            span = span[0], offset + match.end()
    if span:
        yield span
