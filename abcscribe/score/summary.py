"""A score in one line: metre, key, tempo, players, bars, and how far it is to be believed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from statistics import fmean

from abcscribe.score.model import Bar, Score
from abcscribe.score.names import plainly_named

DOUBTFUL_BAR = 0.6  # calibrated share of a bar's notes that is right
USABLE = 0.4  # mean confidence of the bars: below it there is more to correct than to keep
MOST_RUNS = 4  # of doubtful bars that are named one by one
BEATS = {Fraction(1, 2): "eighth", Fraction(1): "quarter", Fraction(3, 2): "dotted quarter", Fraction(2): "half"}


def summary(score: Score, sure: Sequence[float | None] = ()) -> str:
    """Such as ``6/8, G major, dotted quarter = 92, Violin + Cello, 32 bars``; ``sure``: of the notes of each part."""
    if not score.bars:
        return "no music"
    first = score.bars[0]
    said = [str(first.metre or "free metre"), str(first.key)]
    if first.tempo:
        said.append(f"{BEATS.get(first.tempo.beat, first.tempo.beat)} = {first.tempo.bpm:.0f}")
    names = [plainly_named(part, missing=True).name for part in score.parts]
    shares = [f" {share:.0%}" if share else "" for share in sure] or [""] * len(names)
    said.append(" + ".join(map("".join, zip(names, shares, strict=True))))
    return ", ".join([*said, f"{len(score.bars)} bar{'s' * (len(score.bars) != 1)}"])


def confidence(score: Score) -> float | None:
    """The mean confidence of the bars, None if it is not known of any."""
    sure = [bar.confidence for bar in score.bars if bar.confidence is not None]
    return round(fmean(sure), 2) if sure else None


def is_doubtful(bar: Bar) -> bool:
    """Whether a reader should look at the bar again."""
    return bar.confidence is not None and bar.confidence < DOUBTFUL_BAR


def first_number(score: Score) -> int:
    """Of the first bar: a pickup is bar 0."""
    first = score.bars[0] if score.bars else None
    return int(first is None or first.metre is None or first.length >= first.metre.length)


def doubts(score: Score) -> str:
    """Such as ``bars 12-18 and 24 are doubtful``, or that the whole is not usable; "" if neither."""
    sure = confidence(score)
    if sure is not None and sure < USABLE:
        return f"not usable as it is: only about {sure:.0%} of its notes are expected to be right"
    found = [i + first_number(score) for i, bar in enumerate(score.bars) if is_doubtful(bar)]
    if not found:
        return ""
    runs = _runs(found)
    if len(runs) > MOST_RUNS:
        return f"{len(found)} bars are doubtful"
    named = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    which = " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
    return f"bar {which} is doubtful" if len(found) == 1 else f"bars {which} are doubtful"


def _runs(numbers: Sequence[int]) -> list[list[int]]:
    """Rising numbers as runs without a gap."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
