"""Structure: whether a score is well formed, whatever its notes are.

The origin's fine-tuned model failed here first: it repeated a bar without end and wrote bars that do not add up, and no
part of its reward measured it. Tradition has no such metric. Three figures, each in [0, 1], 1 is good:

- ``bars``: share of bars that are as long as their metre and contain their notes (pickup and last bar may be short);
- ``repetition``: 1 less the share of bars that continue a cycle of up to 8 bars played before, as far as the reference
  repeats less than that: a verse sung twice is no fault if the reference sings it twice;
- ``length``: the shorter over the longer number of quarters.

Defined values: a prediction without bars scores 0 (1 if the reference has none either).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abcscribe.metrics.ticks import Cells, TickNote, in_ticks, metre_ticks, ticks
from abcscribe.score.model import Bar, Score

LONGEST_CYCLE = 8  # bars: the usual strain of a folk tune, longer than any loop a language model was seen to fall into


@dataclass(frozen=True, slots=True)
class Shape:
    """A score without its contents."""

    bars: int
    length: int  # ticks
    sound: float  # share of bars without a problem
    repetition: float  # share of bars that only continue a cycle


def sound_bars(score: Score, cells: Cells | None = None) -> float:
    """Share of bars without a problem; a score without bars or parts has none: 0. ``cells``: the score in ticks."""
    if not score.bars or not score.parts:
        return 0.0
    last = len(score.bars) - 1
    pairs = enumerate(zip(score.bars, zip(*(cells or in_ticks(score)), strict=False), strict=False))
    sound = sum(_is_full(bar, may_be_short=b in (0, last)) and _fits(bar, cell) for b, (bar, cell) in pairs)
    return sound / len(score.bars)


def _is_full(bar: Bar, may_be_short: bool) -> bool:
    if bar.metre is None:
        return True
    length, full = ticks(bar.length), metre_ticks(bar.metre)
    return length == full or (may_be_short and length < full)


def _fits(bar: Bar, parts: Iterable[Sequence[TickNote]]) -> bool:
    """Whether the notes of all parts stay inside the bar and no voice overlaps itself (chords may)."""
    length = ticks(bar.length)
    return all(_follow(sorted({note[:3] for note in notes}), length) for notes in parts)


def _follow(spans: list[tuple[int, int, int]], length: int) -> bool:
    """Whether (voice, start, end), in order, lie between 0 and ``length`` and those of a voice one after the other."""
    before, until = None, 0
    for voice, start, end in spans:
        if start < (until if voice == before else 0) or end > length:
            return False
        before, until = voice, end
    return True


def repetition(score: Score, cells: Cells | None = None) -> float:
    """Share of bars in the longest run that only continues a cycle of 1 to LONGEST_CYCLE bars; empty bars never do."""
    bars = zip(*([_content(bar) for bar in part] for part in cells or in_ticks(score)), strict=False)
    number: dict[tuple[int, ...], int] = {}  # bars alike have the same number; 0 is an empty bar
    contents = [number.setdefault(bar, len(number) + 1) if any(bar) else 0 for bar in bars]
    longest = 0
    for cycle in range(1, min(LONGEST_CYCLE, len(contents) - 1) + 1):
        same = (bar == earlier != 0 for bar, earlier in zip(contents[cycle:], contents, strict=False))
        runs = (sum(1 for _ in run) for alike, run in itertools.groupby(same) if alike)
        longest = max(longest, *runs, 0)
    return longest / len(contents) if contents else 0.0


def _content(notes: Sequence[TickNote]) -> int:
    """A fingerprint of what a part plays in a bar; 0 if nothing."""
    return hash(frozenset(note[:4] for note in notes)) if notes else 0


def shape(score: Score, cells: Cells | None = None) -> Shape:
    """What ``compare`` needs to know of a score. ``cells``: the score ``in_ticks``, if it is known already."""
    cells = cells or in_ticks(score)
    length = sum(ticks(bar.length) for bar in score.bars)
    return Shape(len(score.bars), length, sound_bars(score, cells), repetition(score, cells))


def compare(expected: Shape, given: Shape) -> dict[str, float]:
    """The figures of ``evaluate``."""
    if not expected.bars and not given.bars:
        return dict.fromkeys(("bars", "repetition", "length", "score"), 1.0)
    shorter, longer = sorted((expected.length, given.length))
    values = {
        # An irregular reference (an open repeat, a cadenza) sets the standard.
        "bars": min(1.0, given.sound / (expected.sound or 1.0)),
        "repetition": 1 - max(0.0, given.repetition - expected.repetition) / (1 - expected.repetition),
        "length": shorter / longer if longer else 1.0,
    }
    return values | {"score": values["bars"] * values["repetition"] * values["length"]}


def evaluate(reference: Score, prediction: Score) -> dict[str, float]:
    """``bars``, ``repetition``, ``length`` and their product ``score``."""
    return compare(shape(reference), shape(prediction))
