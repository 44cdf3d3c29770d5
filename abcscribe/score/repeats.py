"""Repeats and endings: in which order bars are played, and the same order in signs that no program reads differently.

Knows the bars of a score, not what is played in them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abcscribe.score.model import Bar

_ENDING_NUMBERS = tuple("123456789")


def play_order(bars: Sequence[Bar]) -> list[int]:
    """Indices of the bars as they are played. Nine times each at most, whatever the endings say."""
    order: list[int] = []
    for section, endings in _sections(bars):
        turns = _turns(bars, section, endings)
        for turn in range(1, turns + 1):
            for i, ending in zip(section, endings, strict=True):
                if turns > 1 and ending and str(turn) not in ending.split(","):
                    continue
                order.append(i)
                if bars[i].repeat_end and turn < turns:
                    break
    return order


def with_plain_repeats(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """The same bars, played in the same order, with signs that all programs agree on: every repeat but one from the
    beginning says where it starts, nothing that is played once has a repeat sign or an ending, and the last ending does
    not go back. abc2midi plays ``|: A |1 B :|2 C :|`` as A B A C A, and repeats up to a ``|:`` that is never closed."""
    plain: list[Bar] = []
    for section, endings in _sections(bars):
        turns = _turns(bars, section, endings)
        goes_back = next((i for i in section if bars[i].repeat_end), section.stop)
        for i, ending in zip(section, endings, strict=True):
            last = turns == 1 or (i > goes_back and str(turns) in ending.split(","))
            plain.append(
                dataclasses.replace(
                    bars[i],
                    repeat_start=turns > 1 and i == section.start and (i > 0 or bars[i].repeat_start),
                    repeat_end=bars[i].repeat_end and not last,
                    ending=bars[i].ending if turns > 1 else "",
                )
            )
    return tuple(plain) if play_order(plain) == play_order(bars) else bars


def changing_repeats(bars: Sequence[Bar]) -> set[int]:
    """Where repeats start in which metre, key or tempo change, so that going back changes them too."""
    return {
        section.start
        for section, endings in _sections(bars)
        if _turns(bars, section, endings) > 1
        and len({(bars[i].metre, bars[i].key, bars[i].tempo) for i in section}) > 1
    }


def _sections(bars: Sequence[Bar]) -> Iterator[tuple[range, list[str]]]:
    """The stretches that are repeated as one, and for each of their bars the ending it belongs to."""
    start = 0
    while start < len(bars):
        endings = _endings(bars, start)
        yield range(start, start + len(endings)), endings
        start += len(endings)


def _endings(bars: Sequence[Bar], start: int) -> list[str]:
    endings: list[str] = []
    for i in range(start, len(bars)):
        if bars[i].repeat_start and i > start:
            break
        endings.append(bars[i].ending or (endings[-1] if endings else ""))
        if bars[i].repeat_end and not (i + 1 < len(bars) and bars[i + 1].ending):
            break
    return endings


def _turns(bars: Sequence[Bar], section: range, endings: list[str]) -> int:
    """How often a section is played: once without a repeat sign, else twice or as often as its endings say."""
    if not any(bars[i].repeat_end for i in section):
        return 1
    return max([2, *(int(n) for ending in endings for n in ending.split(",") if n in _ENDING_NUMBERS)])
