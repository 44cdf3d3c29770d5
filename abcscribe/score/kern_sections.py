"""Sections of a Humdrum file, ``*>A``, ``*>A1``, and their order, ``*>[A,A1,A,A2]`` -> endings and numbers of turns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise

from abcscribe.score.drafts import DraftBar


def take_sections(bars: Sequence[DraftBar], labels: Mapping[int, str], order: Sequence[str]) -> None:
    """Put endings into the bars, and how often a section is played where that is more than twice.

    Args:
        bars: of one part.
        labels: of the bars at which a section begins. ``A2`` is an ending of ``A`` if there is an ``A``.
        order: the sections as they are played; without it an ending has the number of its label.
    """
    begins = sorted(i for i in labels if i < len(bars))
    names = set(labels.values())
    for i, following in pairwise([*begins, len(bars)]):
        label, last = labels[i], bars[following - 1]
        match = re.fullmatch(r"([A-Za-z]+)(\d{1,2})", label)
        if match and match[1] in names:
            bars[i].ending = ",".join(_numbers(order, match[1], label)) or match[2]
            last.ending_stop = True
        elif last.repeat_end:
            last.times = max(last.times, _most_in_a_row(order, label))


def _numbers(order: Sequence[str], section: str, ending: str) -> list[str]:
    """In which turns of its section an ending is played: the first run of the section in the order tells."""
    numbers: list[str] = []
    turn = 0
    for label in order:
        if label == section:
            turn += 1
        elif turn and label == ending:
            numbers.append(str(turn))
        elif turn and label.rstrip("0123456789") != section:
            break
    return numbers


def _most_in_a_row(order: Sequence[str], section: str) -> int:
    return max((len(list(run)) for label, run in groupby(order) if label == section), default=0)
