"""Players as a system names them that gives each note its General MIDI program, or a MIDI file that has tracks.

Such systems put a few notes of a player on another instrument (MR-MT3's authors call it instrument leakage): a program
with hardly a note goes to the one that plays most. Tracks of a file are players for sure; but of keyboards and harps
two tracks are the two hands of one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from abcscribe.score.instruments import GRAND, family
from abcscribe.score.model import PlayedNote

LEAST_SHARE = 0.02  # of all notes, from which a program is a player

Player = tuple[int, int]  # (program, number of the player in the file, 0 if there is none)


def by_program(notes: Sequence[PlayedNote]) -> list[tuple[int, list[int]]]:
    """(program, indices of its notes) of each player; empty unless every note has a program."""
    found: dict[Player, list[int]] = defaultdict(list)
    for index, note in enumerate(notes):
        if note.program is None:
            return []
        found[note.program, 0 if note.program in GRAND else note.player].append(index)
    if not any(note.player for note in notes):
        _gather_leaks(found, len(notes))
    return [(program, sorted(own)) for (program, _), own in found.items()]


def _gather_leaks(found: dict[Player, list[int]], total: int) -> None:
    players = {player for player, own in found.items() if len(own) >= LEAST_SHARE * total}
    for player in found.keys() - players:
        found[_nearest(player, found, players)] += found.pop(player)


def _nearest(player: Player, found: dict[Player, list[int]], players: set[Player]) -> Player:
    """The player with the most notes, of the same family if there is one."""
    return max(players, key=lambda other: (family(other[0]) == family(player[0]), len(found[other]), -other[0]))
