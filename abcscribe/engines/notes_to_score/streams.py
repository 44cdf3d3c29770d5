"""Notes of several players of one line each -> the lines, by pitch and time alone.

Beam search over assignments of every chord's notes to the streams, from high to low: lines prefer small steps, do not
cross, and do not begin a note while they hold one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from abcscribe.score.model import PlayedNote

BEAM = 12
OVERLAP = 0.15  # seconds that one note may sound into the next of its line
OVERLAP_PRICE = 4.0
SHARED_PRICE = 12.0  # a note more than there are lines: it joins the nearest
REGISTER = 0.25  # price of each semitone away from the line's usual pitch, beside 1 for the step itself
MEMORY = 0.9  # how slowly the usual pitch follows the line
MOST = 5  # lines
OFTEN = 0.3  # share of the sounding time in which so many notes must sound


def count(notes: Sequence[PlayedNote]) -> int:
    """How many lines the texture has: the most notes that sound together for a good part of the time."""
    events = sorted([(n.onset, 1) for n in notes] + [(max(n.offset - 0.06, n.onset), -1) for n in notes])
    time = np.zeros(len(notes) + 1)
    sounding = 0
    for (at, change), (after, _) in pairwise(events):
        sounding += change
        time[max(sounding, 0)] += after - at
    total = time[1:].sum()
    enough = [k for k in range(1, min(MOST, len(notes)) + 1) if time[k:].sum() >= OFTEN * total]
    return max(enough, default=1)


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    price: float
    last: tuple[float, ...]  # pitch of each line
    usual: tuple[float, ...]
    busy: tuple[float, ...]  # seconds until which each line sounds
    trail: tuple | None  # (streams of the last chord, trail before it)


def split(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], lines: int) -> list[int]:
    """The line (0 = highest) of each note."""
    centres = _registers(notes, groups, lines)
    beam = [_Hypothesis(0.0, centres, centres, (0.0,) * lines, None)]
    for group in groups:
        ordered = sorted(group, key=lambda i: -notes[i].pitch)
        beam = sorted((h for old in beam for h in _continued(old, notes, ordered, lines)), key=lambda h: h.price)[:BEAM]
    line, trail = [0] * len(notes), beam[0].trail
    while trail is not None:
        (ordered, chosen), trail = trail
        for index, stream in zip(ordered, chosen, strict=True):
            line[index] = stream
    return line


def _registers(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]], lines: int) -> tuple[float, ...]:
    """The usual pitch of each line, from the chords in which all of them move together."""
    full = [sorted((notes[i].pitch for i in g), reverse=True) for g in groups if len(g) == lines]
    if full:
        return tuple(float(p) for p in np.median(np.array(full), axis=0))
    pitches = [n.pitch for n in notes]
    return tuple(float(p) for p in np.quantile(pitches, [(lines - k - 0.5) / lines for k in range(lines)]))


def _continued(old: _Hypothesis, notes: Sequence[PlayedNote], ordered: list[int], lines: int) -> list[_Hypothesis]:
    own, extra = ordered[:lines], ordered[lines:]
    found = []
    for chosen in combinations(range(lines), len(own)):
        price, last, usual, busy = old.price, list(old.last), list(old.usual), list(old.busy)
        for index, stream in zip(own, chosen, strict=True):
            note = notes[index]
            price += abs(note.pitch - last[stream]) ** 0.8 + REGISTER * abs(note.pitch - usual[stream])
            price += OVERLAP_PRICE * (busy[stream] > note.onset + OVERLAP)
            last[stream], busy[stream] = note.pitch, note.offset
            usual[stream] = MEMORY * usual[stream] + (1 - MEMORY) * note.pitch
        joined = [min(chosen, key=lambda s: abs(last[s] - notes[i].pitch)) for i in extra]
        price += SHARED_PRICE * len(extra)
        trail = ((ordered, (*chosen, *joined)), old.trail)
        found.append(_Hypothesis(price, tuple(last), tuple(usual), tuple(busy), trail))
    return found
