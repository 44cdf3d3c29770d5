"""Structure: does the score hold together as a score, whatever it says?

The origin's fine-tuned model failed here first: it repeated a bar without end and wrote bars that do not add up, and no
number of its reward said so. Tradition has no such metric. Three figures, each in [0, 1], 1 is good:

- ``bars``: share of bars that are as long as their metre says and hold their notes (pickup and last bar may be short);
- ``repetition``: 1 less the share of bars that continue a cycle of up to 8 bars played before, as far as the reference
  repeats less than that: a verse sung twice is no fault if the reference sings it twice;
- ``length``: the shorter over the longer number of quarters.

Defined values: a prediction without bars scores 0 (1 if the reference has none either).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from abcscribe.metrics.ticks import ticks
from abcscribe.score.model import Bar, Note, Score

LONGEST_CYCLE = 8  # bars: the usual strain of a folk tune, longer than any loop a language model was seen to fall into


@dataclass(frozen=True, slots=True)
class Shape:
    """A score without its contents."""

    bars: int
    length: int  # ticks
    sound: float  # share of bars without a problem
    repetition: float  # share of bars that only go on with a cycle


def sound_bars(score: Score) -> float:
    """Share of bars without a problem; a score without bars or parts has none: 0."""
    if not score.bars or not score.parts:
        return 0.0
    last = len(score.bars) - 1
    cells = zip(*(part.bars for part in score.parts), strict=False)
    pairs = enumerate(zip(score.bars, cells, strict=False))
    sound = sum(_is_full(bar, may_be_short=b in (0, last)) and _fits(bar, cell) for b, (bar, cell) in pairs)
    return sound / len(score.bars)


def _is_full(bar: Bar, may_be_short: bool) -> bool:
    if bar.metre is None or bar.length == bar.metre.length:
        return True
    return may_be_short and bar.length < bar.metre.length


def _fits(bar: Bar, parts: Iterable[tuple[Note, ...]]) -> bool:
    """Whether the notes of all parts stay inside the bar and no voice overlaps itself (chords may)."""
    length = ticks(bar.length)
    for notes in parts:
        spans = sorted({(n.voice, ticks(n.start), ticks(n.start) + ticks(n.duration)) for n in notes})
        if any(start < 0 or end > length for _, start, end in spans):
            return False
        if any(one[0] == other[0] and other[1] < one[2] for one, other in itertools.pairwise(spans)):
            return False
    return True


def repetition(score: Score) -> float:
    """Share of bars in the longest run that only continues a cycle of 1 to LONGEST_CYCLE bars; empty bars never do."""
    contents = list(zip(*([_content(bar) for bar in part.bars] for part in score.parts), strict=False))
    longest = 0
    for cycle in range(1, min(LONGEST_CYCLE, len(contents) - 1) + 1):
        run = 0
        for b in range(cycle, len(contents)):
            run = run + 1 if any(contents[b]) and contents[b] == contents[b - cycle] else 0
            longest = max(longest, run)
    return longest / len(contents) if contents else 0.0


def _content(notes: tuple[Note, ...]) -> int:
    """A fingerprint of what a part plays in a bar; 0 if nothing."""
    return hash(frozenset((n.voice, ticks(n.start), ticks(n.duration), n.pitch.midi) for n in notes)) if notes else 0


def shape(score: Score) -> Shape:
    """What ``compare`` needs to know of a score."""
    return Shape(len(score.bars), sum(ticks(bar.length) for bar in score.bars), sound_bars(score), repetition(score))


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
