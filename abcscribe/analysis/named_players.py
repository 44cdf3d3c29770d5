"""Players as a system names them that gives each note its General MIDI program.

Such systems put a few notes of a player on another instrument (MR-MT3's authors call it instrument leakage): a program
with hardly a note goes to the one that plays most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from abcscribe.score.instruments import family
from abcscribe.score.model import PlayedNote

LEAST_SHARE = 0.02  # of all notes, from which a program is a player


def by_program(notes: Sequence[PlayedNote]) -> dict[int, list[int]]:
    """Program -> indices of its notes; empty unless every note has a program."""
    found: dict[int, list[int]] = defaultdict(list)
    for index, note in enumerate(notes):
        if note.program is None:
            return {}
        found[note.program].append(index)
    players = {program for program, own in found.items() if len(own) >= LEAST_SHARE * len(notes)}
    for program in found.keys() - players:
        found[_nearest(program, found, players)] += found.pop(program)
    return {program: sorted(own) for program, own in found.items()}


def _nearest(program: int, found: dict[int, list[int]], players: set[int]) -> int:
    """The player with the most notes, of the same family if there is one."""
    return max(players, key=lambda other: (family(other) == family(program), len(found[other]), -other))
