"""Repeats and endings: in which order bars are played, and the same order in signs that no program reads differently.

Knows the bars of a score, not what is played in them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import pairwise

from abcscribe.score.bars import Bar

_ENDING_NUMBERS = tuple("123456789")
_JUMPS = {  # letters of a jump's words -> its name in model.SIGNS
    "dcalfine": "D.C. al Fine", "dacapoalfine": "D.C. al Fine", "dcalcoda": "D.C. al Coda",
    "dacapoalcoda": "D.C. al Coda",
    "dsalfine": "D.S. al Fine", "dalsegnoalfine": "D.S. al Fine", "dsalcoda": "D.S. al Coda",
    "dalsegnoalcoda": "D.S. al Coda", "dc": "D.C.", "dacapo": "D.C.", "ds": "D.S.", "dalsegno": "D.S.", "fine": "fine",
    "tocoda": "to coda", "dacoda": "to coda",
}  # fmt: skip


def jump_named(text: str) -> str:
    """The name in model.SIGNS of what words say: ``"D.C. al Fine"``, ``"Da Capo"``; "" if they name no jump."""
    return _JUMPS.get("".join(letter for letter in text.casefold() if letter.isalpha()), "")


def play_order(bars: Sequence[Bar]) -> list[int]:
    """Indices of the bars as they are played, repeats and jumps (D.C., D.S. ...) followed.

    A bar is repeated nine times at most, whatever the endings say. Behind a jump repeats are not played again, as is
    the
    custom: the last ending follows at once. A jump is made once, when its bar is left for the last time.
    """
    order = _repeated(bars)
    if not any(sign.startswith("D.") for bar in bars for sign in bar.signs):
        return order
    once = _repeated(bars, last_turns=True)
    done: set[int] = set()
    position = 0
    while position < len(order):
        i = order[position]
        sign = next((sign for sign in bars[i].signs if sign.startswith("D.")), "")
        if sign and i not in done and i not in order[position + 1 :]:
            done.add(i)
            order[position + 1 :] = _behind_jump(bars, once, i, sign) or (
                [k for k in once if k <= i] + order[position + 1 :]
            )
        position += 1
    return order


def _behind_jump(bars: Sequence[Bar], once: list[int], i: int, sign: str) -> list[int]:
    """What is played after the jump of bar ``i``, out of the bars ``once`` of a run without repeats; [] if no sign says
    where that ends: then it goes on behind the jump when it comes there again."""
    target = next((k for k in range(i, -1, -1) if "segno" in bars[k].signs), 0) if sign.startswith("D.S.") else 0
    run = [k for k in once if k >= target]
    if not sign.endswith("Coda"):
        fine = next((at for at, k in enumerate(run) if "fine" in bars[k].signs), None)
        return run[: fine + 1] if fine is not None else run if target else []
    leave = next((at for at, k in enumerate(run) if "to coda" in bars[k].signs), None)
    codas = [k for k, bar in enumerate(bars) if "coda" in bar.signs]
    if leave is None and len(codas) > 1:  # both places have the same sign, as ABC's !coda! and older prints do
        leave = next((at for at, k in enumerate(run) if k == codas[0]), None)
        leave = leave - 1 if leave else leave
    if leave is None or not codas:
        return []
    return run[: leave + 1] + [k for k in once if k >= codas[-1]]


def _repeated(bars: Sequence[Bar], last_turns: bool = False) -> list[int]:
    """Indices of the bars with repeats played, or with the last turn of each alone."""
    order: list[int] = []
    for section, endings in sections(bars):
        count = turns(bars, section, endings)
        for turn in range(count if last_turns else 1, count + 1):
            for i, ending in zip(section, endings, strict=True):
                if count > 1 and ending and str(turn) not in ending.split(","):
                    continue
                order.append(i)
                if bars[i].repeat_end and turn < count:
                    break
    return order


def with_plain_repeats(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """The same bars, played in the same order, with signs that all programs agree on: every repeat but one from the
    beginning says where it starts, nothing that is played once has a repeat sign or an ending, and the last ending does
    not go back. abc2midi plays ``|: A |1 B :|2 C :|`` as A B A C A, and repeats up to a ``|:`` that is never closed."""
    plain: list[Bar] = []
    for section, endings in sections(bars):
        count = turns(bars, section, endings)
        goes_back = next((i for i in section if bars[i].repeat_end), section.stop)
        for i, ending in zip(section, endings, strict=True):
            last = count == 1 or (i > goes_back and str(count) in ending.split(","))
            plain.append(
                dataclasses.replace(
                    bars[i],
                    repeat_start=count > 1 and i == section.start and (i > 0 or bars[i].repeat_start),
                    repeat_end=bars[i].repeat_end and not last,
                    ending=bars[i].ending if count > 1 else "",
                    ending_stop=bars[i].ending_stop and count > 1,
                )
            )
    return tuple(plain) if play_order(plain) == play_order(bars) else bars


def ending_stops(bars: Sequence[Bar]) -> dict[int, str]:
    """The bars at which the brackets of endings close, with the ending's numbers.

    Where no bar says so (``Bar.ending_stop``), the first ending goes to its repeat sign; the next ones to theirs if it
    comes as soon, otherwise they are as long as the first.
    """
    stops: dict[int, str] = {}
    begins = [i for i, bar in enumerate(bars) if bar.ending]
    longest = len(bars)
    for begin, following in pairwise([*begins, len(bars)]):
        if not (begin and bars[begin - 1].repeat_end):
            longest = len(bars)  # a first ending
        limit = min(following, begin + longest)
        said = next((i for i in range(begin, following) if bars[i].ending_stop), None)
        stop = said if said is not None else next((i for i in range(begin, limit) if bars[i].repeat_end), None)
        if stop is None:
            stop = begin if longest == len(bars) else limit - 1
        stops[stop] = bars[begin].ending
        longest = stop - begin + 1
    return stops


def changing_repeats(bars: Sequence[Bar]) -> set[int]:
    """Where repeats start in which metre, key or tempo change, so that going back changes them too."""
    return {
        section.start
        for section, endings in sections(bars)
        if turns(bars, section, endings) > 1 and len({(bars[i].metre, bars[i].key, bars[i].tempo) for i in section}) > 1
    }


def sections(bars: Sequence[Bar]) -> Iterator[tuple[range, list[str]]]:
    """The stretches that are repeated as one, and for each of their bars the ending it belongs to."""
    start = 0
    while start < len(bars):
        endings = _endings(bars, start)
        yield range(start, start + len(endings)), endings
        start += len(endings)


def _endings(bars: Sequence[Bar], start: int) -> list[str]:
    endings: list[str] = []
    goes_back = False
    for i in range(start, len(bars)):
        if bars[i].repeat_start and i > start:
            break
        endings.append(bars[i].ending or (endings[-1] if endings else ""))
        goes_back = goes_back or bars[i].repeat_end
        closed = bars[i].repeat_end or (bars[i].ending_stop and goes_back)
        if closed and not (i + 1 < len(bars) and bars[i + 1].ending):
            break
    return endings


def brackets(bars: Sequence[Bar], section: range, endings: Sequence[str]) -> list[range]:
    """The stretches of a section's endings; what follows the last bracket is no part of it."""
    begins = [i for k, i in enumerate(section) if endings[k] and (k == 0 or endings[k] != endings[k - 1])]
    ends = [*begins[1:], section.stop] if begins else []
    found = [range(a, b) for a, b in zip(begins, ends, strict=True)]
    if found:
        stops = ending_stops(bars)
        last = next((i + 1 for i in found[-1] if i in stops), found[-1].stop)
        found[-1] = range(found[-1].start, last)
    return found


def turns(bars: Sequence[Bar], section: range, endings: list[str]) -> int:
    """How often a section is played: once without a repeat sign, else twice or as often as its endings say."""
    if not any(bars[i].repeat_end for i in section):
        return 1
    times = max(bars[i].times for i in section)
    return max([times, *(int(n) for ending in endings for n in ending.split(",") if n in _ENDING_NUMBERS)])
