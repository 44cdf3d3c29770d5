"""How exact durations are written: plain and dotted values, ties, rests, tuplet brackets, beams.

The score model stores a duration as a ``Fraction`` of quarter notes and a rest as a gap. Every writer of notation needs
the same decisions about them, made here once per voice and bar by ``write_rhythm``:

- A duration that one value can write stays whole unless it hides the beat: a value may be syncopated by half its length
  (eighth-quarter-eighth), not by less (Gould, Behind Bars, p. 166). All others are cut at the strongest beat inside.
- Rests are stricter: they never hide a beat.
- Durations with an odd factor in the denominator, such as 1/3 or 2/5, are gathered into tuplets that fill a beat, or
  several beats when their number is odd (three quarters in the time of two).
- Values shorter than a quarter are beamed by beat, in 5/8, 7/8 and the like by threes and twos.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache, reduce
from itertools import groupby, islice

from abcscribe.score.model import Bar, Metre, Note

LONGEST_BASE = 8  # quarters in a breve, the longest undotted value written
MOST_IN_TUPLET = 64  # notes; a longer search would be quadratic on nonsense
DOT_FACTORS = (Fraction(1), Fraction(3, 2), Fraction(7, 4))  # by number of dots

Rhythm = tuple[tuple[Fraction, Fraction], ...]  # (start, duration) of a voice's events in a bar, in quarters


@dataclass(frozen=True, slots=True)
class Value:
    """One written value of a voice: a note or chord head, or a rest."""

    start: Fraction  # quarters from the bar line
    duration: Fraction  # sounding quarters
    event: int | None  # which event of the rhythm it writes; None for a rest
    base: Fraction  # the undotted value in quarters, a power of two: 1 is a quarter note
    dots: int = 0  # 0, 1 or 2
    tied: bool = False  # the same event goes on in the next value
    actual: int = 1  # tuplet: ``actual`` written values ...
    normal: int = 1  # ... in the time of ``normal``
    bracket_start: bool = False  # first value of its tuplet
    bracket_stop: bool = False  # last value of its tuplet
    beam: int = 0  # neighbours with the same number above zero share a beam

    @property
    def written(self) -> Fraction:
        """Quarters that the head and its dots say, before the tuplet changes them."""
        return self.base * DOT_FACTORS[self.dots]


@dataclass(frozen=True, slots=True)
class _Span:
    start: Fraction
    end: Fraction
    event: int | None

    @property
    def duration(self) -> Fraction:
        return self.end - self.start

    def cut(self, position: Fraction) -> tuple[_Span, _Span]:
        return _Span(self.start, position, self.event), _Span(position, self.end, self.event)


def chords(notes: Sequence[Note]) -> list[tuple[Note, ...]]:
    """The events of one voice in a bar: its notes grouped by start, in time order, each chord from the lowest note."""
    ordered = sorted(notes, key=lambda n: (n.start, n.pitch.midi, n.pitch.step))
    return [tuple(group) for _, group in groupby(ordered, key=lambda n: n.start)]


def bar_offsets(bars: Sequence[Bar]) -> list[Fraction]:
    """Where in its metre each bar begins, in quarters: above zero for a pickup and for the rest of a divided bar."""
    offsets: list[Fraction] = []
    for i, bar in enumerate(bars):
        full = bar.metre.length if bar.metre else bar.length
        before = offsets[-1] + bars[i - 1].length if i else full - bar.length
        completes = 0 < before < full and before + bar.length == full
        offsets.append(before if completes else Fraction(0))
    return offsets


@lru_cache(maxsize=65536)  # bars repeat their rhythms: a tune of 32 bars has about six
def write_rhythm(rhythm: Rhythm, length: Fraction, metre: Metre | None, offset: Fraction) -> tuple[Value, ...]:
    """Written values of one voice in a bar of ``length`` quarters that begins ``offset`` quarters into its metre.

    ``rhythm`` is ordered and without overlaps. The values fill the bar without gaps; a bar without events has none, so
    that each writer says "whole bar rest" in its own way.
    """
    if not rhythm:
        return ()
    grid = _Grid(metre, offset)
    values: list[Value] = []
    pending = deque(piece for span in _with_rests(rhythm, length) for piece in _at_beats(span, grid))
    while pending:
        if _is_dyadic(pending[0].duration):
            values.extend(_plain(pending.popleft(), grid))
        elif count := _tuplet_size(pending, grid):
            spans = [pending.popleft() for _ in range(count)]
            values.extend(_tuplet(spans, *_ratio(spans)))
        elif not _cut_at_beat(pending, grid):
            values.extend(_tuplet([pending[0]], *_lone_ratio(pending.popleft().duration)))
    return tuple(_beamed(_tied(values), grid))


class _Grid:
    """Positions of beats in a bar, strongest first."""

    def __init__(self, metre: Metre | None, offset: Fraction) -> None:
        if metre is None or not (_is_dyadic(metre.beat) and _is_dyadic(offset)):
            metre, offset = Metre(1, 4), Fraction(0)
        self.offset = offset
        self.beat = metre.beat
        self.steps = [self.beat, Fraction(4, metre.unit)]
        if (metre.length / self.beat) % 2 == 0:
            self.steps.insert(0, 2 * self.beat)
        self.beams = _beam_lengths(metre)

    def on(self, position: Fraction, step: Fraction) -> bool:
        return (position + self.offset) % step == 0

    def next_beat(self, position: Fraction) -> Fraction:
        """The first beat after a position."""
        return ((position + self.offset) // self.beat + 1) * self.beat - self.offset

    def strongest_between(self, start: Fraction, end: Fraction) -> Fraction:
        """The strongest position strictly inside a dyadic span; of equals the last that one value reaches."""
        steps = iter(self.steps)
        step = next(steps)
        while True:
            first = ((start + self.offset) // step + 1) * step - self.offset
            if first < end:
                reachable = (start + value for value in _values_below(end - start))
                return next((p for p in reachable if self.on(p, step)), first)
            step = next(steps, step / 2)

    def beam_window(self, position: Fraction) -> tuple[int, int]:
        """Number of the beam group that a position falls into."""
        cycle, inside = divmod(position + self.offset, sum(self.beams))
        index = 0
        while inside >= self.beams[index]:
            inside -= self.beams[index]
            index += 1
        return int(cycle), index


def _beam_lengths(metre: Metre) -> list[Fraction]:
    """Lengths of a bar's beam groups: the beats; where the beat is an eighth or shorter, threes and twos of it."""
    if metre.beat >= 1:
        return [metre.beat] * int(metre.length / metre.beat)
    lengths, left = [], metre.beats
    while left:
        size = left if left < 3 else 2 if left in (2, 4) else 3
        lengths.append(size * metre.beat)
        left -= size
    return lengths


def _with_rests(rhythm: Rhythm, length: Fraction) -> Iterator[_Span]:
    position = Fraction(0)
    for event, (start, duration) in enumerate(rhythm):
        if start > position:
            yield _Span(position, start, None)
        position = start + duration
        yield _Span(start, position, event)
    if position < length:
        yield _Span(position, length, None)


def _at_beats(span: _Span, grid: _Grid) -> Iterator[_Span]:
    """A rest that ends or begins within a tuplet is cut at the beats around it, so that the tuplet is within a beat; a
    single one of three in the time of two stays."""
    odd = span.event is None and not _is_dyadic(span.duration) and span.duration != grid.beat * Fraction(2, 3)
    if not odd or span.end <= grid.next_beat(span.start):
        yield span
        return
    if not _is_dyadic(span.start):
        first, span = span.cut(grid.next_beat(span.start))
        yield first
    last = grid.next_beat(span.end - grid.beat)
    if not _is_dyadic(span.end) and span.start < last < span.end:
        whole, span = span.cut(last)
        yield whole
    yield span


def _is_dyadic(number: Fraction) -> bool:
    return number.denominator & (number.denominator - 1) == 0


def _plain(span: _Span, grid: _Grid) -> Iterator[Value]:
    """Values outside tuplets."""
    if not _is_dyadic(span.start):  # off every grid, behind an incomplete tuplet: cut by value alone
        yield from _values(span, 1, 1)
        return
    fits = _rest_fits if span.event is None else _note_fits
    for piece in _cut(span, grid, fits):
        yield from _values(piece, 1, 1)


def _cut(span: _Span, grid: _Grid, fits: Callable[[_Span, _Grid], bool]) -> Iterator[_Span]:
    stack = [span]
    while stack:
        piece = stack.pop()
        if fits(piece, grid):
            yield piece
        else:
            stack.extend(reversed(piece.cut(grid.strongest_between(piece.start, piece.end))))


def _note_fits(span: _Span, grid: _Grid) -> bool:
    value = _split_value(span.duration)
    if value is None:
        return False
    base, dots = value
    return grid.on(span.start, base / 2**dots if dots else base / 2)


def _rest_fits(span: _Span, grid: _Grid) -> bool:
    value = _split_value(span.duration)
    if value is None or value[1] > 1:
        return False
    if span.end > grid.next_beat(span.start):  # over a beat: only whole beats in pairs, fours ...
        beats = span.duration / grid.beat
        return beats.denominator == 1 and _is_dyadic(1 / beats) and grid.on(span.start, span.duration)
    return grid.on(span.start, grid.beat if value[1] else span.duration)


def _split_value(duration: Fraction) -> tuple[Fraction, int] | None:
    """(base, dots) of a duration that one value writes, otherwise None."""
    for dots, factor in enumerate(DOT_FACTORS):
        base = duration / factor
        if base <= LONGEST_BASE and _is_dyadic(base) and base.numerator & (base.numerator - 1) == 0:
            return base, dots
    return None


def _values_below(duration: Fraction) -> Iterator[Fraction]:
    """All single values shorter than a duration, down to a 32nd of it, longest first."""
    base = Fraction(LONGEST_BASE)
    while base >= duration:
        base /= 2
    shortest = base / 32
    while base >= shortest:
        yield from (base * factor for factor in reversed(DOT_FACTORS) if base * factor < duration)
        base /= 2


def _values(span: _Span, actual: int, normal: int) -> Iterator[Value]:
    """A span as values of a tuplet ratio, longest first: one value in most cases."""
    start = span.start
    while start < span.end:
        left = (span.end - start) * actual / normal
        base, dots = _split_value(left) or next(filter(None, map(_split_value, _values_below(left))))
        duration = base * DOT_FACTORS[dots] * normal / actual
        yield Value(start, duration, span.event, base, dots, actual=actual, normal=normal)
        start += duration


def _tuplet(spans: Sequence[_Span], actual: int, normal: int) -> list[Value]:
    values = [value for span in spans for value in _values(span, actual, normal)]
    values[0] = replace(values[0], bracket_start=True)
    values[-1] = replace(values[-1], bracket_stop=True)
    return values


def _tuplet_size(pending: deque[_Span], grid: _Grid) -> int | None:
    """How many spans in front form a good tuplet: one within the beat, or an odd number of units over several beats."""
    start = pending[0].start
    beat = grid.next_beat(start)
    size, unit = None, Fraction(0)
    for count, span in enumerate(islice(pending, MOST_IN_TUPLET), 1):
        total, unit = span.end - start, _gcd(unit, span.duration)
        if size and (span.end > beat or _is_dyadic(span.duration)):
            return size
        if _is_dyadic(total):
            units = total / unit
            if span.end > beat:
                return count if units % 2 == 1 and _odd_part(total.numerator) <= 3 else None
            size = count
            if units == count == 3 or span.end == beat:
                return size
    return size


def _cut_at_beat(pending: deque[_Span], grid: _Grid) -> bool:
    """Cut the span in front that lies across the next beat, so that a tuplet can end there. False: there is none."""
    beat = grid.next_beat(pending[0].start)
    for i, span in enumerate(islice(pending, MOST_IN_TUPLET)):
        if span.start < beat < span.end:
            pending[i], rest = span.cut(beat)
            pending.insert(i + 1, rest)
            return True
    return False


def _gcd(a: Fraction, b: Fraction) -> Fraction:
    denominator = math.lcm(a.denominator, b.denominator)
    return Fraction(math.gcd(int(a * denominator), int(b * denominator)), denominator)


def _odd_part(number: int) -> int:
    return number // (number & -number)


def _ratio(spans: Sequence[_Span]) -> tuple[int, int]:
    """(actual, normal) of a complete tuplet, reduced: three eighths in the time of two, five in the time of three."""
    total = spans[-1].end - spans[0].start
    actual = int(total / reduce(_gcd, (span.duration for span in spans)))
    normal = _odd_part(total.numerator)
    while 2 * normal < actual:
        normal *= 2
    shared = math.gcd(actual, normal)
    return actual // shared, normal // shared


def _lone_ratio(duration: Fraction) -> tuple[int, int]:
    """(actual, normal) for a value whose tuplet is incomplete."""
    actual = _odd_part(duration.denominator)
    return actual, 1 << (actual.bit_length() - 1)


def _tied(values: list[Value]) -> Iterator[Value]:
    for value, following in zip(values, [*values[1:], None], strict=True):
        goes_on = following is not None and value.event is not None and value.event == following.event
        yield replace(value, tied=True) if goes_on else value


def _beamed(values: Iterable[Value], grid: _Grid) -> Iterator[Value]:
    def group(value: Value) -> tuple[int, int] | None:
        return grid.beam_window(value.start) if value.event is not None and value.base < 1 else None

    beam = 0
    for window, members in groupby(values, key=group):
        neighbours = list(members)
        if window is not None and len(neighbours) > 1:
            beam += 1
            yield from (replace(value, beam=beam) for value in neighbours)
        else:
            yield from neighbours
