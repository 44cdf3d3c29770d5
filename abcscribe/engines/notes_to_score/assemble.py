"""Written notes on a grid of ticks -> the bars, ties and spelled pitches of a Score.

This stage knows where every note stands and how long it is written; it decides only how that looks inside bars: where a
note is cut by a bar line, and where a long or syncopated note is tied so that the beats stay visible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Staff, Tempo

TICKS = 24  # ticks in a quarter: a 32nd is 3, an eighth of a triplet 8
_PLAIN = {TICKS * 4 >> k for k in range(6)}  # whole note ... 32nd
_WRITABLE = _PLAIN | {3 * value // 2 for value in _PLAIN if value > 3} | {TICKS * 8, TICKS * 6}
_TRIPLET = (16, 8, 4)  # quarter, eighth and sixteenth of a triplet


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


@dataclass(frozen=True, slots=True)
class BarSpan:
    """One bar on the grid and in the recording."""

    start: int  # ticks
    length: int  # ticks
    seconds: float | None = None
    confidence: float | None = None


def periods(metre: Metre) -> list[int]:
    """Ticks between boundaries of each metrical level, from the bar down to the 32nd."""
    bar, beat = int(metre.length * TICKS), int(metre.beat * TICKS)
    levels = [bar]
    if bar % (2 * beat) == 0 and bar > 2 * beat:
        levels.append(bar // 2)
    if beat < bar:
        levels.append(beat)
    smaller = beat // 3 if beat % 9 == 0 else beat // 2
    while smaller >= 3:
        levels.append(smaller)
        smaller //= 2
    return levels


def level(position: int, metre: Metre) -> int:
    """Depth of a position (ticks from the bar line) in the metre: 0 for the bar line, larger for weaker places."""
    levels = periods(metre)
    return next((i for i, period in enumerate(levels) if position % period == 0), len(levels))


def pieces(start: int, end: int, metre: Metre) -> Iterator[tuple[int, int]]:
    """Cut a note that lies inside one bar into tied pieces (start, end) that a musician reads at sight.

    A note may run over a stronger boundary than the one it starts on only as the usual syncopation (half its length
    on each side, one level down); anything else is tied there.
    """
    inner = [(level(t, metre), t) for t in _boundaries(start, end, metre)]
    strongest, cut = min(inner, default=(0, end))
    if not inner or (_is_writable(start, end, metre) and _is_clear(start, end, cut, strongest, metre)):
        yield start, end
        return
    yield from pieces(start, cut, metre)
    yield from pieces(cut, end, metre)


def _boundaries(start: int, end: int, metre: Metre) -> list[int]:
    """Where a note could be cut: multiples of the smallest step on which the note lies, and of every beat."""
    step = next((s for s in (12, 8, 6, 4, 3) if start % s == 0 and end % s == 0), 1)
    beat = int(metre.beat * TICKS)
    return [t for t in range(start + 1, end) if t % step == 0 or t % beat == 0]


def _is_writable(start: int, end: int, metre: Metre) -> bool:
    duration = end - start
    if duration in _WRITABLE and (start % 3 == 0 or duration > TICKS):
        return True
    beat = int(metre.beat * TICKS)
    return duration in _TRIPLET and start // beat == (end - 1) // beat


def _is_clear(start: int, end: int, cut: int, strongest: int, metre: Metre) -> bool:
    own = level(start, metre)
    if own <= strongest:
        return True
    if metre.compound or (start % 3 or end % 3):
        return not metre.compound and cut % int(metre.beat * TICKS) != 0
    return own - strongest == 1 and (cut - start == end - cut or end % int(metre.length * TICKS) == 0)


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
    """Lay the lines out in the bars. Notes outside the bars are cut off."""
    bars = tuple(
        Bar(Fraction(span.length, TICKS), metre, key, tempo, seconds=span.seconds, confidence=span.confidence)
        for span in spans
    )
    parts = tuple(
        Part(_part_bars(line.notes, spans, metre, key), line.name, line.program, line.staves) for line in lines
    )
    return Score(bars, parts, performance=tuple(performance), seconds=seconds)


def _part_bars(
    notes: Sequence[WrittenNote], spans: Sequence[BarSpan], metre: Metre, key: Key
) -> tuple[tuple[Note, ...], ...]:
    by_bar: list[list[Note]] = [[] for _ in spans]
    ordered = sorted(notes, key=lambda n: (n.start, n.midi))
    pitches = spell([n.midi for n in ordered], key)
    first = 0
    for note, pitch in zip(ordered, pitches, strict=True):
        while first < len(spans) and spans[first].start + spans[first].length <= note.start:
            first += 1
        for index in range(first, len(spans)):
            if spans[index].start >= note.end:
                break
            by_bar[index].extend(_in_bar(note, pitch, spans[index], metre))
    return tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in by_bar)


def _in_bar(note: WrittenNote, pitch: Pitch, span: BarSpan, metre: Metre) -> Iterator[Note]:
    offset = int(metre.length * TICKS) - span.length if span.length < metre.length * TICKS and span.start <= 0 else 0
    start = max(note.start - span.start, 0)
    end = min(note.end - span.start, span.length)
    for left, right in pieces(start + offset, end + offset, metre):
        ties_on = right - offset + span.start < note.end
        yield Note(Fraction(left - offset, TICKS), Fraction(right - left, TICKS), pitch, note.voice, ties_on)


def spell(midis: Sequence[int], key: Key) -> list[Pitch]:
    """Placeholder: nearest names on the line of fifths around the key's signature."""
    return [_nearest(midi, key) for midi in midis]


def _nearest(midi: int, key: Key) -> Pitch:
    centre = key.fifths + 2  # the middle of the seven diatonic names on the line of fifths, F = -1
    position = min((p for p in range(-8, 16) if (7 * p) % 12 == midi % 12), key=lambda p: abs(p - centre))
    alter, index = divmod(position + 1, 7)
    step = "FCGDAEB"[index]
    plain = Pitch(step, alter, 0)
    return Pitch(step, alter, (midi - plain.midi) // 12)
