"""What a family of instruments is heard as: how likely the tower of this package names each family for notes of one."""

from __future__ import annotations

from functools import cache
from math import lgamma

import numpy as np

from abcscribe.score.instruments import FAMILIES

# Rows: true family; columns: per cent of the answers, in the order of FAMILIES. From 200 clips of the valid split with
# one to four lines, smoothed; bass and organ by analogy where there were too few notes.
HEARD_AS = {
    "piano": (73, 3, 2, 10, 1, 1, 0.5, 5, 2, 1, 2),
    "mallet": (16, 69, 0.5, 6, 0.5, 1, 1, 2, 0.5, 3, 3),
    "organ": (2, 0.5, 33, 1, 0.5, 15, 0.5, 12, 35, 1, 1),
    "plucked": (35, 7, 3, 42, 2, 1, 1, 8, 3, 1, 1),
    "bass": (50, 1, 1, 15, 20, 3, 1, 8, 2, 1, 1),
    "strings": (3, 0.5, 5, 1, 0.5, 74, 2, 6, 5, 2, 3),
    "voice": (6, 3, 2, 4, 0.5, 10, 40, 9, 3, 14, 8),
    "brass": (9, 1, 1, 3, 1, 5, 1, 70, 7, 1, 2),
    "reed": (6, 1, 4, 2, 0.5, 9, 2, 13, 59, 4, 1),
    "pipe": (2, 4, 1, 0.5, 0.5, 4, 3, 2, 2, 76, 6),
    "synth": (24, 8, 4, 2, 1, 17, 6, 15, 7, 3, 14),
}
NAMELESS = len(FAMILIES)  # index of what an engine gives no family
NAMELESS_SHARE = 0.02
CONSISTENT = 6.0  # how alike the notes of one player are misheard: concentration of the player's own shares


@cache
def shares() -> np.ndarray:
    """(families, families + 1) probability of each answer, NAMELESS the last, for the notes of a family."""
    rows = np.array([HEARD_AS[family] for family in FAMILIES])
    rows = (1 - NAMELESS_SHARE) * rows / rows.sum(axis=1, keepdims=True)
    return np.column_stack([rows, np.full(len(rows), NAMELESS_SHARE)])


def index(family: str) -> int:
    return FAMILIES.index(family) if family in FAMILIES else NAMELESS


def surprise(counts: np.ndarray) -> np.ndarray:
    """(families,) nats: minus the log probability that the notes of a player of each family are heard as often as each
    family in (families + 1,) ``counts``, if his own shares are drawn around those of the family (Polya's urn)."""
    prior = CONSISTENT * shares()
    each = _lgamma(prior + counts) - _lgamma(prior)
    return lgamma(CONSISTENT + counts.sum()) - lgamma(CONSISTENT) - each.sum(axis=1)


def _lgamma(values: np.ndarray) -> np.ndarray:
    return np.array([lgamma(x) for x in values.ravel()]).reshape(values.shape)  # scipy's would cost the start its speed
