"""Drum parts as drummers play them, as random draws: a groove of a bar, repeated, with fills and crashes."""

from __future__ import annotations

import numpy as np

KICK, SNARE, RIM, CLOSED, PEDAL, OPEN, RIDE, CRASH = 36, 38, 37, 42, 44, 46, 51, 49  # General MIDI percussion map
TOMS = (50, 48, 47, 45, 43, 41)  # from the highest
FILL, ACCIDENT = 0.18, 0.07  # shares of bars that end with a fill, and of hits that are left out or moved

# A groove: quarters in which each drum is struck, in a bar of four.
GROOVES: tuple[dict[int, tuple[float, ...]], ...] = (
    {KICK: (0, 2), SNARE: (1, 3), CLOSED: tuple(np.arange(0, 4, 0.5))},
    {KICK: (0, 1.5, 2), SNARE: (1, 3), CLOSED: tuple(np.arange(0, 4, 0.5)), OPEN: (3.5,)},
    {KICK: (0, 0.75, 2.5), SNARE: (1, 3), CLOSED: tuple(np.arange(0, 4, 0.25))},
    {KICK: (0, 1, 2, 3), SNARE: (1, 3), OPEN: (0.5, 1.5, 2.5, 3.5)},
    {RIDE: (0, 1, 1.67, 2, 3, 3.67), PEDAL: (1, 3), KICK: (0, 2.67), SNARE: (3.67,)},
    {KICK: (0, 1.5, 2, 3.5), RIM: (1, 2.5, 3.5), CLOSED: tuple(np.arange(0, 4, 0.5))},
    {KICK: (0,), SNARE: (2,), RIDE: (0, 1, 2, 3)},
)


def drum_part(
    rng: np.random.Generator, quarters: float, keys: frozenset[int], groove: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Hits of a drummer over ``quarters``, with the drums of a kit: onset in quarters (n,), key (n,).

    ``keys``: what the kit has; what it lacks is played on something near, or not at all. ``groove``: of GROOVES, drawn
    if none is given.
    """
    played = GROOVES[rng.integers(len(GROOVES)) if groove is None else groove]
    hits: list[tuple[float, int]] = []
    for start in np.arange(0, quarters, 4.0):
        fills = rng.random() < FILL
        end = 3.0 if fills else 4.0
        for key, places in played.items():
            hits += [(start + at, key) for at in places if at < end and rng.random() > ACCIDENT]
        if fills:
            drums = (SNARE, *TOMS)
            steps = np.arange(3, 4, rng.choice([0.25, 0.5]))
            hits += [(start + at, int(rng.choice(drums))) for at in steps]
        if rng.random() < 0.15:
            hits.append((start, CRASH))
    hits += [(at + 0.25, SNARE) for at, key in hits if key == SNARE and rng.random() < 0.06]
    owned = {(at, found) for at, key in hits if (found := _on_kit(key, keys)) is not None}
    if not owned:
        return np.zeros(0), np.zeros(0, int)
    columns = np.array(sorted(owned))
    return columns[:, 0], columns[:, 1].astype(int)


def _on_kit(key: int, keys: frozenset[int]) -> int | None:
    """The drum itself, or the nearest of its kind."""
    kinds = ((35, 36), (38, 40), (37, 39), (42, 44, 46), (51, 59, 53), (49, 57, 55, 52), TOMS)
    alike = next((kind for kind in kinds if key in kind), (key,))
    near = sorted((abs(other - key), other) for other in alike if other in keys)
    return near[0][1] if near else None
