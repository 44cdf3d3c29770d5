"""Melody fingerprints, groups of pieces that share a melody, and the train/valid/test split.

Editions, transpositions and harmonisations of one melody must not be in two splits. A melody is the top line
of a part with repeated notes dropped; its fingerprint is the set of its runs of eight intervals in semitones, which
neither transposition, nor rhythm, nor the underlay of a text changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

RUN = 8  # intervals in a run: eight int8 fill one uint64, so a run needs no hashing
COMMON = 40  # a run in more melodies than this (scales, turns, Alberti figures) is no evidence of identity
# Two melodies are one if they share so many runs, and this share of the shorter one.
SHARED_RUNS, SHARED_PART = 6, 0.25
VALID_PERCENT = TEST_PERCENT = 2


def melody(onsets: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    """The intervals of the top line of a part, repeated notes dropped: n onsets and n pitches -> (m,) int8, m < n."""
    if len(onsets) == 0:
        return np.zeros(0, np.int8)
    order = np.lexsort((-pitches.astype(np.int32), onsets))
    line = pitches[order][np.r_[True, np.diff(onsets[order]) > 0]]
    return intervals(line)


def intervals(line: Sequence[int] | np.ndarray) -> np.ndarray:
    """The intervals of a line of pitches in semitones, without the unisons, as int8."""
    steps = np.diff(np.asarray(line, np.int32))
    return np.clip(steps[steps != 0], -127, 127).astype(np.int8)


def fingerprint(melody: np.ndarray) -> np.ndarray:
    """The distinct runs of a melody's intervals as (k,) uint64, sorted. Fewer than eight intervals have none."""
    if len(melody) < RUN:
        return np.zeros(0, np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(melody, RUN)
    return np.unique(np.ascontiguousarray(runs).view("<u8").ravel())


def same_melody(prints: Sequence[np.ndarray]) -> csr_matrix:
    """Find the pairs of fingerprints that belong to one melody, by their runs that are in at most COMMON melodies.

    Args:
        prints: n fingerprints.

    Returns:
        (n, n) sparse, True for a pair that shares SHARED_RUNS runs and SHARED_PART of the shorter one.
    """
    rows = np.repeat(np.arange(len(prints)), [len(p) for p in prints])
    runs, columns = np.unique(np.concatenate([*prints, np.zeros(0, np.uint64)]), return_inverse=True)
    telling = (np.bincount(columns, minlength=len(runs)) <= COMMON)[columns]
    rows, columns = rows[telling], columns[telling]
    has = coo_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(prints), len(runs))).tocsr()
    shared = (has @ has.T).tocoo()
    size = np.bincount(rows, minlength=len(prints))
    shorter = np.minimum(size[shared.row], size[shared.col])
    alike = (shared.data >= SHARED_RUNS) & (shared.data >= SHARED_PART * shorter)
    return csr_matrix((np.ones(alike.sum(), bool), (shared.row[alike], shared.col[alike])), shape=shared.shape)


def groups(ids: Sequence[str], owners: np.ndarray, alike: csr_matrix) -> list[str]:
    """The group of each piece: the first id, alphabetically, of its connected component.

    Args:
        ids: of the pieces.
        owners: (n,) index of the piece of each melody.
        alike: (n, n), from `same_melody`.
    """
    pairs = alike.tocoo()
    links = coo_matrix((np.ones(pairs.nnz), (owners[pairs.row], owners[pairs.col])), shape=(len(ids), len(ids)))
    _, label = connected_components(links, directed=False)
    first: dict[int, str] = {}
    for number, piece_id in sorted(zip(label, ids, strict=True), key=lambda pair: pair[1]):
        first.setdefault(number, piece_id)
    return [first[number] for number in label]


def split(group: str) -> str:
    """The split of a group, train, valid or test, by a hash of its id: the same on every machine."""
    percent = int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") % 100
    return "test" if percent < TEST_PERCENT else "valid" if percent < TEST_PERCENT + VALID_PERCENT else "train"
