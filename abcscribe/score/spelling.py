"""Spelling: MIDI numbers -> written pitches by key and melodic direction, and names of keys -> signatures.

Knows one melodic line and its key; it does not find the key and does not look at other voices. A note of the key is
written as the key has it. For the others the cheapest path through the line is taken on the line of fifths (Viterbi):
each chromatic note costs what it is worth in the key (the leading note of minor almost nothing, E# in C a lot), each
step of the melody costs how far its notes lie apart, and an alteration that does not move on in its own direction -
a sharp that falls, a flat that rises by a semitone - costs extra. Melodic context beyond this (a sliding average of the
line, the other voices) was tried and gained 0.1 % on Bach chorales and lieder: not worth its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from abcscribe.score.model import MODE_FIFTHS, STEP_SEMITONES, Key, Pitch

FIFTHS = "FCGDAEB"  # positions -1 ... 5 of the line of fifths on which C is 0

# Cost of a chromatic note by its position relative to the signature: -2 is the first further flat, 6 the first sharp.
_MAJOR_COSTS = {
    -8: 6,
    -7: 5,
    -6: 4,
    -5: 2.5,
    -4: 1.8,
    -3: 1.5,
    -2: 1,
    6: 1,
    7: 1.2,
    8: 1.2,
    9: 1.8,
    10: 3,
    11: 4.5,
    12: 5,
}
_MINOR_COSTS = _MAJOR_COSTS | {-4: 3.2, -3: 2.2, 6: 0.6, 7: 1, 9: 1.2}
_REMOTE_COST = 7.0
_LEADING_NOTE_COST = 0.3
_DOUBLE_COST = 1.5  # double sharps and flats, on top
_TURN_COST = 1.0  # a sharp that falls or a flat that rises by a semitone
_NEAR = 6  # melodic intervals up to the tritone cost nothing, each fifth beyond it one


def spell(midis: Sequence[int], key: Key) -> list[Pitch]:
    """Spelled pitches of a melodic line in a key; the MIDI numbers stay the same. Linear time."""
    paths: list[dict[int, int]] = []  # per note: position -> the best position of the note before
    costs: dict[int, float] = {}
    for i, midi in enumerate(midis):
        candidates = _candidates(midi % 12, key)
        if not costs:
            costs = dict(candidates)
            paths.append({})
            continue
        step = midi - midis[i - 1]
        best = {p: min((c + _step_cost(q, p, step, key.fifths), q) for q, c in costs.items()) for p, _ in candidates}
        costs = {p: best[p][0] + own for p, own in candidates}
        paths.append({p: q for p, (_, q) in best.items()})
    return _pitches(midis, costs, paths)


def _pitches(midis: Sequence[int], costs: dict[int, float], paths: list[dict[int, int]]) -> list[Pitch]:
    """Walk the best path back from its end."""
    pitches: list[Pitch] = []
    position = min(costs, key=costs.__getitem__, default=0)
    for midi, path in zip(reversed(midis), reversed(paths), strict=True):
        pitches.append(pitch_at(midi, position))
        position = path.get(position, 0)
    return pitches[::-1]


def pitch_at(midi: int, position: int) -> Pitch:
    """The pitch of a MIDI number at a position of the line of fifths: C is 0, G 1, F -1, F# 6."""
    alter, index = divmod(position + 1, 7)
    step = FIFTHS[index]
    return Pitch(step, alter, (midi - alter - STEP_SEMITONES[step]) // 12 - 1)


def key_named(tonic: str, mode: str = "major") -> Key:
    """The key on a tonic such as ``F#`` or ``Bb`` in a mode of MODE_FIFTHS."""
    position = FIFTHS.index(tonic[0]) - 1 + 7 * (tonic.count("#") - tonic.count("b"))
    return Key(position - MODE_FIFTHS[mode], mode)


@lru_cache(maxsize=4096)
def _candidates(pitch_class: int, key: Key) -> tuple[tuple[int, float], ...]:
    """(position, cost) of every spelling of a pitch class with at most two accidentals."""
    positions = (p for p in range(-15, 20) if 7 * p % 12 == pitch_class)
    return tuple((p, _chromatic_cost(p, key)) for p in positions)


def _chromatic_cost(position: int, key: Key) -> float:
    relative = position - key.fifths
    double = _DOUBLE_COST if not -8 <= position <= 12 else 0.0
    if -1 <= relative <= 5:
        return 0.0
    tonic = MODE_FIFTHS.get(key.mode, 0)
    if tonic and relative == tonic + 5:
        return _LEADING_NOTE_COST
    major, minor = _MAJOR_COSTS.get(relative, _REMOTE_COST), _MINOR_COSTS.get(relative, _REMOTE_COST)
    if key.mode == "none":
        return (major + minor) / 2 + double
    return (minor if tonic >= 2 else major) + double


def _step_cost(before: int, position: int, semitones: int, fifths: int) -> float:
    """Cost of a melodic step between two positions of the line of fifths."""
    cost = float(max(0, abs(position - before) - _NEAR))
    if (semitones == 1 and before - fifths < -1) or (semitones == -1 and before - fifths > 5):
        cost += _TURN_COST
    return cost
