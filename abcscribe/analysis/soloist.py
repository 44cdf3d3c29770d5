"""Which notes a soloist plays, where another plays chords: trees say how likely each is his, a search makes a line.

The line has one note at a time and may rest. What each note is heard as counts most, then where it lies among the
others, then the steps from note to note.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abcscribe.analysis import player_features
from abcscribe.model import WEIGHTS as SHIPPED
from abcscribe.model import boosted_trees
from abcscribe.score.model import PlayedNote

WEIGHTS = SHIPPED / "soloist.npz"
STEP_PRICE, FREE_STEP, MOST_STEP = 0.06, 2.0, 1.2  # nats for each semitone beyond a step, and at most
OVERLAP, OVERLAP_PRICE = 0.12, 2.0  # seconds that a note may sound into the next of the line
BEAM = 24


def likely(music: player_features.Heard) -> np.ndarray:
    """(n,) how likely the soloist plays each note, if there is one."""
    return _probability(boosted_trees.answers(WEIGHTS, player_features.of_notes(music))[:, 0])


def _probability(scores: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-scores)))


def summary(probabilities: np.ndarray) -> np.ndarray:
    """(N,) float32: how clearly notes (n,) are told apart, for the decision whether there is a soloist."""
    p = probabilities
    return np.array([
        p.mean(), *((p > limit).mean() for limit in (0.3, 0.5, 0.7, 0.9)), *np.quantile(p, (0.5, 0.75, 0.9)),
        np.minimum(p, 1 - p).mean(), p.std(),
    ], np.float32)  # fmt: skip


def chosen(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> set[int]:
    """The notes of the soloist, one at a time."""
    music = player_features.heard(notes, groups)
    odds = dict(zip(music.order, boosted_trees.answers(WEIGHTS, player_features.of_notes(music))[:, 0], strict=True))
    # hypotheses: score, last note of the line, and the notes before as linked pairs
    paths: list[tuple[float, int, tuple | None]] = [(0.0, -1, None)]
    for group in groups:
        grown = list(paths)
        candidates = [i for i in group if odds[i] > -MOST_STEP - OVERLAP_PRICE - 2]
        for score, last, trail in paths:
            for i in candidates:
                grown.append((score + odds[i] - _price(notes, last, i), i, (i, trail)))
        best: dict[int, tuple[float, int, tuple | None]] = {}
        for path in grown:  # of the hypotheses with one last note the likeliest
            if path[1] not in best or path[0] > best[path[1]][0]:
                best[path[1]] = path
        paths = sorted(best.values(), key=lambda path: -path[0])[:BEAM]
    found, trail = set(), paths[0][2]
    while trail is not None:
        found.add(trail[0])
        trail = trail[1]
    return found


def _price(notes: Sequence[PlayedNote], last: int, following: int) -> float:
    if last < 0:
        return 0.0
    step = abs(notes[last].pitch - notes[following].pitch)
    price = min(STEP_PRICE * max(step - FREE_STEP, 0.0), MOST_STEP)
    return price + OVERLAP_PRICE * (notes[last].offset > notes[following].onset + OVERLAP)
