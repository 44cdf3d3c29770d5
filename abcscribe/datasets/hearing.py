"""A performance -> the notes that an engine would hear of it, mistakes included, without any sound.

The language model is trained on what towers make of recordings. Rendering and hearing a clip costs a hundred times what
this costs, and a tower that is trained on would make the model depend on its habits. Rates are drawn wider than those
of the first tower on 256 rendered clips of the validation split (recall .76 / .94 / 1 at the quartiles, precision .92 /
1 / 1, a third of the false notes a semitone beside a true one, a quarter a true note begun again): real recordings are
harder.
"""

from __future__ import annotations

import numpy as np

from abcscribe.datasets.performance import Performance
from abcscribe.model.note_tokens import LOWEST_PITCH, OPINION, PITCHES, UNKNOWN_FAMILY, HeardNotes
from abcscribe.score.instruments import FAMILIES, family

SEVERITY = (0.03, 1.0)  # of a clip, drawn with even logarithm
MISSED, INVENTED, SPLIT, SHORTENED = 0.22, 0.30, 0.10, 0.25  # shares of the notes at severity 1
JITTER = (0.004, 0.025)  # seconds, standard deviation of heard onsets in a clip
LATE = 0.03  # seconds: standard deviation of a part's latency
# What lies between a false note and a true one, semitones, and how often.
INTERVALS = (-1, 1, -2, 2, -4, 3, 5, -12, 12, 7, -3, 4, 19, 24)
INTERVAL_SHARES = np.array([30, 14, 6, 4, 4, 4, 3, 6, 8, 3, 3, 2, 3, 1], float)
# Rows: true family; columns: share of the shipped tower's answers, from the same clips, smoothed.
_HEARD = {
    "piano": {"piano": 80, "plucked": 12, "mallet": 3, "reed": 2, "strings": 1},
    "mallet": {"mallet": 55, "piano": 22, "plucked": 15, "voice": 3, "pipe": 3},
    "organ": {"strings": 35, "reed": 28, "organ": 15, "brass": 8, "voice": 6, "pipe": 4},
    "plucked": {"plucked": 60, "piano": 30, "mallet": 3, "brass": 3, "strings": 2},
    "bass": {"piano": 60, "plucked": 20, "bass": 10, "strings": 5},
    "strings": {"strings": 70, "piano": 8, "voice": 8, "brass": 5, "reed": 5, "pipe": 3},
    "voice": {"voice": 88, "pipe": 4, "strings": 3, "reed": 2, "piano": 2},
    "brass": {"brass": 60, "reed": 12, "voice": 8, "strings": 8, "piano": 6, "pipe": 3},
    "reed": {"reed": 58, "strings": 14, "brass": 14, "voice": 6, "pipe": 6},
    "pipe": {"pipe": 64, "mallet": 12, "piano": 8, "voice": 8, "strings": 4},
    "synth": {"strings": 35, "piano": 28, "plucked": 8, "pipe": 6, "brass": 6, "synth": 8, "organ": 5},
}
CONFUSION = np.array([[_HEARD[true].get(heard, 0) + 0.5 for heard in FAMILIES] for true in FAMILIES])
CONFUSION /= CONFUSION.sum(axis=1, keepdims=True)
CONSISTENT = 6.0  # how alike the notes of one part are misheard: concentration of the part's own shares
NAMELESS = 0.06  # share of clips from an engine that tells no families


def hear(rng: np.random.Generator, played: Performance, severity: float | None = None) -> tuple[HeardNotes, np.ndarray]:
    """The notes heard of a performance, by onset and pitch, and (n,) the score note behind each, -1 if invented."""
    bad = float(np.exp(rng.uniform(*np.log(SEVERITY)))) if severity is None else severity
    families = _families(rng, played)
    count = played.onset.size
    late = rng.normal(0, LATE * rng.random(), max(len(played.programs), 1))[played.part]
    onset = played.onset + late + rng.normal(0, rng.uniform(*JITTER), count)
    length = (played.offset - played.onset) * np.exp(rng.normal(0, rng.uniform(0.05, 0.4), count))
    length = np.where(rng.random(count) < SHORTENED * bad, length * rng.uniform(0.15, 0.7, count), length)
    confidence = 1 - np.exp(rng.normal(-1.95 + 0.5 * bad, 0.45, count))
    short = np.exp(-np.maximum(length, 0.03) / 0.12)
    soft = np.clip((60 - played.velocity) / 40, 0, 1)
    kept = rng.random(count) > np.minimum(MISSED * bad * (0.6 + 2.0 * short + soft + _covered(played)), 0.8)
    true = np.stack(
        [onset, onset + np.maximum(length, 0.032), played.pitch, played.velocity + rng.normal(0, 14, count), families,
         np.clip(confidence, 0.3, 0.98), played.note], axis=1,
    )  # fmt: skip
    notes = np.concatenate([true[kept], _invented(rng, true, INVENTED * bad), _again(rng, true, SPLIT * bad)])
    if not len(notes):
        notes = true[:1]
    notes[:, 0] = np.maximum(notes[:, 0], 0)
    notes = notes[(notes[:, 2] >= LOWEST_PITCH) & (notes[:, 2] < LOWEST_PITCH + PITCHES)]
    notes = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    heard = HeardNotes(
        notes[:, 0], np.maximum(notes[:, 1], notes[:, 0] + 0.03), notes[:, 2].astype(np.int64),
        np.clip(notes[:, 3], 1, 127), notes[:, 4].astype(np.int64), notes[:, 5],
        np.zeros((len(notes), OPINION), np.float32),
    )  # fmt: skip
    return heard, notes[:, 6].astype(np.int64)


def _families(rng: np.random.Generator, played: Performance) -> np.ndarray:
    """(n,) what family each note is heard as."""
    if rng.random() < NAMELESS:
        return np.full(played.onset.size, UNKNOWN_FAMILY)
    heard = np.empty(played.onset.size, int)
    for part, program in enumerate(played.programs):
        own = played.part == part
        shares = rng.dirichlet(CONSISTENT * CONFUSION[FAMILIES.index(family(program))] + 1e-3)
        heard[own] = rng.choice(len(FAMILIES), own.sum(), p=shares)
    return heard


def _covered(played: Performance) -> np.ndarray:
    """(n,) 1 for a note an octave above another that begins with it: hard to tell from its partial."""
    at = {(round(float(o) * 20), int(p)) for o, p in zip(played.onset, played.pitch, strict=True)}
    pairs = zip(played.onset, played.pitch, strict=True)
    return np.array([(round(float(o) * 20), int(p) - 12) in at for o, p in pairs], float)


def _invented(rng: np.random.Generator, true: np.ndarray, share: float) -> np.ndarray:
    """False notes beside true ones: neighbours, partials, blips; more or less sure of themselves."""
    false = true[rng.random(len(true)) < share * rng.uniform(0.3, 1.7)].copy()
    n, length = len(false), false[:, 1] - false[:, 0]
    false[:, 2] += rng.choice(INTERVALS, n, p=INTERVAL_SHARES / INTERVAL_SHARES.sum())
    beside = rng.random(n) < 0.6
    false[:, 0] += np.where(beside, rng.normal(0, 0.04, n), rng.uniform(0, 1, n) * length)
    false[:, 1] = false[:, 0] + np.where(
        rng.random(n) < 0.6, rng.uniform(0.03, 0.2, n), rng.uniform(0.3, 1, n) * length
    )
    false[:, 5] = np.clip(rng.normal(0.64, 0.13, n), 0.3, 0.9)
    false[:, 6] = -1
    return false


def _again(rng: np.random.Generator, true: np.ndarray, share: float) -> np.ndarray:
    """True notes that are heard to begin a second time while they sound."""
    again = true[(rng.random(len(true)) < share) & (true[:, 1] - true[:, 0] > 0.2)].copy()
    again[:, 0] += rng.uniform(0.2, 0.8, len(again)) * (again[:, 1] - again[:, 0])
    again[:, 5] = np.clip(rng.normal(0.6, 0.13, len(again)), 0.3, 0.9)
    again[:, 6] = -1
    return again
