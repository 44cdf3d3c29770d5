"""Confusion of instrument families: how probable each family is as the tower's answer for a note of a true family."""

from __future__ import annotations

import json
from functools import cache
from math import lgamma

import numpy as np

from abcscribe.errors import EngineError
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.score.instruments import FAMILIES

# JSON: for each true family, per cent of the answers for each family. ``abcscribe train small timbre`` counts them.
WEIGHTS = FOLDER / "timbre.json"
NAMELESS = len(FAMILIES)  # index of notes without a family
NAMELESS_SHARE = 0.02
CONSISTENT = 6.0  # concentration of a player's own shares: how alike the notes of one player are confused


@cache
def shares() -> np.ndarray:
    """(families, families + 1) probability of each answer, NAMELESS the last, for the notes of a family.

    Raises EngineError if the weights lack a family.
    """
    try:
        heard_as = json.loads(WEIGHTS.read_text(encoding="utf-8"))
        rows = np.array([[heard_as[family][answer] for answer in FAMILIES] for family in FAMILIES])
    except (OSError, ValueError, KeyError) as error:
        raise EngineError(f"{WEIGHTS} is no table of families: fit it with abcscribe train small timbre.") from error
    rows = (1 - NAMELESS_SHARE) * rows / rows.sum(axis=1, keepdims=True)
    return np.column_stack([rows, np.full(len(rows), NAMELESS_SHARE)])


def index(family: str) -> int:
    return FAMILIES.index(family) if family in FAMILIES else NAMELESS


def surprise(counts: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of the families that a player's notes were labelled with, for each true family.

    The player's own shares are drawn around those of the family (a Dirichlet-multinomial, or Polya's urn).

    Args:
        counts: (families + 1,) notes labelled with each family, NAMELESS the last.

    Returns:
        (families,) nats.
    """
    prior = CONSISTENT * shares()
    each = _lgamma(prior + counts) - _lgamma(prior)
    return lgamma(CONSISTENT + counts.sum()) - lgamma(CONSISTENT) - each.sum(axis=1)


def _lgamma(values: np.ndarray) -> np.ndarray:
    return np.array([lgamma(x) for x in values.ravel()]).reshape(values.shape)  # scipy's would cost the start its speed
