"""What sounds on each beat -> the likeliest chords: a hidden Markov model over the beats, decoded by Viterbi.

Its statistics are counted in scores by ``abcscribe train small harmony``: which tones sound and which is lowest under
each chord of a key, how often chords change at each place of the bar, and which follow each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from abcscribe.analysis.harmony.evidence import Beats, Evidence
from abcscribe.analysis.harmony.vocabulary import KINDS, STATES
from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import weight_files

WEIGHTS = FOLDER / "harmony.npz"


class Tables(NamedTuple):
    """The statistics. Roots are counted from the tonic of the major key with the signature, tones from the root."""

    tones: np.ndarray  # (12, kinds, 12) log probability of each tone under a chord
    bass: np.ndarray  # (kinds, 12) log probability that each tone is the lowest
    change: np.ndarray  # (PLACES,) probability that the chord changes at a place of the bar
    steps: np.ndarray  # (STATES, STATES) log probability of the next chord when it changes
    first: np.ndarray  # (STATES,) log probability of a chord at the beginning
    trust: np.ndarray  # (2,) weights of tones and of the bass: what sounds on a beat is no independent evidence


def load(kind: str) -> Tables:
    """The statistics of "printed" or "heard" notes in the package."""
    arrays = weight_files.load(WEIGHTS)
    return Tables(*(np.asarray(_of(arrays, kind, name), float) for name in Tables._fields))


def _of(arrays: dict[str, np.ndarray], kind: str, name: str) -> np.ndarray:
    return arrays[f"{kind}_{name}"] if f"{kind}_{name}" in arrays else arrays[name]


def decode(tables: Tables, heard: Evidence, beats: Beats) -> np.ndarray:
    """(n,) the likeliest chord (`vocabulary`) of each of n beats."""
    if not len(beats.start):
        return np.zeros(0, int)
    emitted = emissions(tables, heard, beats)
    stays, changes = np.log1p(-tables.change[beats.place]), np.log(tables.change[beats.place])
    back = np.zeros(emitted.shape, np.int16)
    total = emitted[0] + _turned(tables.first, int(beats.tonic[0]))
    steps = _Steps(tables.steps)
    itself = np.arange(STATES)
    for n in range(1, len(emitted)):
        ways = total[:, None] + steps.in_key(int(beats.tonic[n]))
        origin = ways.argmax(axis=0)
        moved, stayed = ways[origin, itself] + changes[n], total + stays[n]
        back[n] = np.where(moved > stayed, origin, itself)
        total = np.maximum(moved, stayed) + emitted[n]
    found = np.zeros(len(emitted), int)
    found[-1] = int(total.argmax())
    for n in range(len(emitted) - 1, 0, -1):
        found[n - 1] = back[n, found[n]]
    return found


def emissions(tables: Tables, heard: Evidence, beats: Beats) -> np.ndarray:
    """(n, STATES) log probability of what sounds on each beat under each chord."""
    above = (np.arange(12)[:, None] + np.arange(12)) % 12  # (root, tone): pitch class
    relative = (np.arange(12) - beats.tonic[:, None]) % 12  # (n, root): from the tonic
    tones = np.zeros((len(beats.start), 12, len(KINDS)))
    for tonic in np.unique(beats.tonic):
        own = beats.tonic == tonic
        table = tables.tones[relative[own][0]]  # (root, kinds, tone)
        tones[own] = np.einsum("nrt,rkt->nrk", heard.tones[own][:, above], table)
    bass = np.einsum("nrt,kt->nrk", heard.bass[:, above], tables.bass)
    return (tables.trust[0] * tones + tables.trust[1] * bass).reshape(len(tones), STATES)


class _Steps:
    """The table of successions in each key."""

    def __init__(self, table: np.ndarray) -> None:
        self._table = table
        self.in_key = lru_cache(maxsize=12)(self._in_key)

    def _in_key(self, tonic: int) -> np.ndarray:
        return _turned(_turned(self._table, tonic).T, tonic).T


def _turned(table: np.ndarray, tonic: int) -> np.ndarray:
    """A table whose first axis are chords counted from the tonic, with chords counted from C instead."""
    return np.roll(table, tonic * len(KINDS), axis=0)
