"""Notes -> numbers that tell who plays: of a whole recording, and of each note beside the others.

One player of chords is heard as several families at once, but as the same mixture throughout; a soloist is a second
mixture on notes of one at a time. So what is measured is less which families are heard than how much the notes differ
from one another, and whether those that differ make a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from abcscribe.model import timbre
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote

CHORDAL = ("piano", "mallet", "organ", "plucked", "synth")  # families that play several notes at once by themselves
RELEASE = 0.06  # seconds that a note may sound into the next without sounding together with it
MOST_SOUNDING, MOST_BEGINNING = 7, 6
SURE = 0.85  # share of the family that an engine names, where it tells no probabilities
ROUNDS = 6  # of k-means
NEIGHBOURS = 8  # notes before and after that a note is compared with


class Heard(NamedTuple):
    """n notes chord by chord, as arrays."""

    onset: np.ndarray  # (n,) seconds
    offset: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    confidence: np.ndarray
    families: np.ndarray  # (n, families) probabilities
    timbre: np.ndarray  # (n, width) unit vectors, near for notes of one player; (n, 0) if the engine gives none
    chord: np.ndarray  # (n,) index of its chord
    order: list[int]  # (n,) index of each in the notes given


def heard(notes: Sequence[PlayedNote], groups: Sequence[Sequence[int]]) -> Heard:
    """The notes of chords ``groups`` (indices of ``notes``), each from high to low."""
    order = [i for group in groups for i in sorted(group, key=lambda i: -notes[i].pitch)]
    chord = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    columns = np.array([(n.onset, n.offset, n.pitch, n.velocity, n.confidence) for n in (notes[i] for i in order)])
    families = np.array([probabilities(notes[i]) for i in order])
    known = all(notes[i].timbre for i in order)
    timbres = np.array([notes[i].timbre for i in order]) if known else np.zeros((len(order), 0))
    onset, offset, pitch, velocity, confidence = columns.T
    return Heard(onset, offset, pitch, velocity, confidence, families, timbres, chord, order)


def probabilities(note: PlayedNote) -> np.ndarray:
    """(families,) of a note; of an engine that names one family or none, as sure as such names are."""
    if note.families:
        return np.array(note.families)
    index = timbre.index(note.family)
    if index == timbre.NAMELESS:
        return np.full(len(FAMILIES), 1 / len(FAMILIES))
    return np.where(np.arange(len(FAMILIES)) == index, SURE, (1 - SURE) / (len(FAMILIES) - 1))


def sounding(onset: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """(MOST_SOUNDING - 1,) shares of the sounding time in which two or more notes sound, three or more, ..."""
    ends = np.maximum(offset - RELEASE, onset)
    events = sorted([(t, 1) for t in onset.tolist()] + [(t, -1) for t in ends.tolist()])
    time, count = np.zeros(len(onset) + 1), 0
    for (at, change), (after, _) in pairwise(events):
        count += change
        time[max(count, 0)] += after - at
    total = time[1:].sum() or 1.0
    return np.array([time[k:].sum() / total for k in range(2, MOST_SOUNDING + 1)])


def of_recording(music: Heard) -> np.ndarray:
    """(N,) float32: what tells how many play, and whether one of them plays chords."""
    sizes = np.bincount(music.chord)
    mean = (music.families * music.confidence[:, None]).sum(axis=0) / max(music.confidence.sum(), 1e-9)
    first = np.r_[True, np.diff(music.chord) > 0]
    last = np.r_[first[1:], True]
    top, bottom = music.pitch[first], music.pitch[last]
    spread = (top - bottom)[sizes > 1] / 12 if (sizes > 1).any() else np.zeros(1)
    steps = np.abs(np.diff(np.stack([top, bottom]), axis=1)) if len(top) > 1 else np.zeros((2, 1))
    length = music.offset - music.onset
    seconds = max(float(music.onset[-1] - music.onset[0]), 1.0)
    return np.array([
        *sounding(music.onset, music.offset), *((sizes >= k).mean() for k in range(2, MOST_BEGINNING + 1)),
        *mean, *np.sort(mean)[::-1][:3], *_variety(music, mean),
        spread.mean(), np.quantile(spread, 0.9), *(np.quantile(music.pitch, (0.05, 0.5, 0.95)) / 24 - 2.5),
        np.log(len(sizes) / seconds), np.log(len(length) / len(sizes)), np.log(np.median(length)),
        *(np.minimum(steps, 24).mean(axis=1) / 6), *(steps > 12).mean(axis=1),
        *_between(music, first & (sizes[music.chord] > 1), ~first), *_between(music, last & ~first, first),
        *_clusters(music, music.families), *_timbres(music, first, last, sizes),
    ], np.float32)  # fmt: skip


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -(shares * np.log(shares + 1e-9)).sum(axis=-1)


def _variety(music: Heard, mean: np.ndarray) -> list[float]:
    """How unlike the notes are: of all, and of notes near in pitch."""
    own = _entropy(music.families)
    near = [music.families[(music.pitch >= low) & (music.pitch < low + 12)] for low in range(24, 108, 12)]
    apart = [(_entropy(f.mean(axis=0)) - _entropy(f).mean(), len(f)) for f in near if len(f) > 3]
    within = sum(a * n for a, n in apart) / max(sum(n for _, n in apart), 1)
    together = [
        np.abs(f - f.mean(axis=0)).sum(axis=1).mean()
        for f in np.split(music.families, np.flatnonzero(np.diff(music.chord)) + 1)
        if len(f) > 1
    ]
    chordal = [FAMILIES.index(name) for name in CHORDAL]
    return [
        float(own.mean()), float(_entropy(mean) - own.mean()), float(within),
        float(np.mean(together)) if together else 0.0, float(mean[chordal].sum()),
        float(music.families[:, chordal].sum(axis=1).std()),
    ]  # fmt: skip


def _between(music: Heard, one: np.ndarray, other: np.ndarray) -> list[float]:
    """What the notes (n,) of ``one`` have more than those of ``other``."""
    if one.sum() < 3 or other.sum() < 3:
        return [0.0] * 4
    length = np.log(music.offset - music.onset)
    return [
        float(np.abs(music.families[one].mean(axis=0) - music.families[other].mean(axis=0)).sum()),
        float(music.velocity[one].mean() - music.velocity[other].mean()) / 20,
        float(length[one].mean() - length[other].mean()),
        float(music.confidence[one].mean() - music.confidence[other].mean()),
    ]


def _timbres(music: Heard, first: np.ndarray, last: np.ndarray, sizes: np.ndarray) -> list[float]:
    """What the vectors of the notes tell, beside what their families do; zeros if there are none."""
    if not music.timbre.shape[1]:
        return [0.0] * 23
    several = sizes[music.chord] > 1
    near = [music.timbre[(music.pitch >= low) & (music.pitch < low + 12)] for low in range(24, 108, 12)]
    within = sum(_spread(own) * len(own) for own in near) / len(music.timbre)
    together = [
        _spread(own) for own in np.split(music.timbre, np.flatnonzero(np.diff(music.chord)) + 1) if len(own) > 1
    ]
    return [
        1.0, _spread(music.timbre), within, float(np.mean(together)) if together else 0.0,
        _apart(music.timbre, first & several, ~first), _apart(music.timbre, last & ~first, first),
        _apart(music.timbre, first & several, first & ~several), *_clusters(music, music.timbre),
    ]  # fmt: skip


def _spread(vectors: np.ndarray) -> float:
    """0 for equal unit vectors (n, width), 1 for those that point everywhere."""
    return 1 - float(np.linalg.norm(vectors.mean(axis=0))) if len(vectors) else 0.0


def _apart(vectors: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The distance between the means of two kinds of notes (n,)."""
    if one.sum() < 3 or other.sum() < 3:
        return 0.0
    return float(np.linalg.norm(vectors[one].mean(axis=0) - vectors[other].mean(axis=0)))


def _clusters(music: Heard, vectors: np.ndarray) -> list[float]:
    """Two kinds of notes by ``vectors`` (n, width) alone: how far apart, and whether the rarer or the less chordal kind
    is a line."""
    second = two_kinds(vectors)
    chordal = [FAMILIES.index(name) for name in CHORDAL]
    if second.sum() < 3 or (~second).sum() < 3:
        return [0.0] * 16
    if music.families[second][:, chordal].sum(axis=1).mean() > music.families[~second][:, chordal].sum(axis=1).mean():
        second = ~second  # the less chordal kind
    one, other = vectors[second], vectors[~second]
    centres = one.mean(axis=0), other.mean(axis=0)
    apart = float(((centres[0] - centres[1]) ** 2).sum())
    within = float(((one - centres[0]) ** 2).sum() + ((other - centres[1]) ** 2).sum()) / len(music.pitch)
    sung = [music.families[kind][:, chordal].sum(axis=1).mean() for kind in (second, ~second)]
    order = np.argsort(music.onset, kind="stable")
    changes = float((np.diff(second[order].astype(int)) != 0).mean())
    share = float(second.mean())
    first = np.r_[True, np.diff(music.chord) > 0]
    size = np.bincount(music.chord, second)
    return [
        apart, apart / (apart + within + 1e-6), share, changes / max(2 * share * (1 - share), 0.02),
        float(np.median(music.pitch[second]) - np.median(music.pitch[~second])) / 12,
        float(first[second].mean()), float((size > 1).sum() / max((size > 0).sum(), 1)),
        *sounding(music.onset[second], music.offset[second])[:2],
        *sounding(music.onset[~second], music.offset[~second])[:3],
        *map(float, sung),
        float(np.std(music.pitch[second])) / 12, float(np.std(music.pitch[~second])) / 12,
    ]  # fmt: skip


def two_kinds(vectors: np.ndarray) -> np.ndarray:
    """(n,) bool: which notes are of the second of two kinds (k-means from both ends of the widest direction)."""
    centred = vectors - vectors.mean(axis=0)
    values, directions = np.linalg.eigh(centred.T @ centred)
    second = centred @ directions[:, values.argmax()] > 0
    for _ in range(ROUNDS):
        if second.all() or not second.any():
            break
        one, other = vectors[second].mean(axis=0), vectors[~second].mean(axis=0)
        second = ((vectors - one) ** 2).sum(axis=1) < ((vectors - other) ** 2).sum(axis=1)
    return second


def of_notes(music: Heard) -> np.ndarray:
    """(n, N) float32: what tells for each note whether a soloist plays it, beside one who plays chords."""
    n, families = len(music.pitch), music.families
    chordal = families[:, [FAMILIES.index(name) for name in CHORDAL]].sum(axis=1)
    length = music.offset - music.onset
    sizes = np.bincount(music.chord)
    starts = np.flatnonzero(np.r_[True, np.diff(music.chord) > 0])
    rank = np.arange(n) - starts[music.chord]
    below = np.where(rank + 1 < sizes[music.chord], music.pitch - np.roll(music.pitch, -1), 24).clip(max=24)
    by_family = _of_two_kinds(families, chordal)
    over = np.array(
        [((music.onset < b) & (music.offset > a)).sum() for a, b in zip(music.onset, music.offset, strict=True)]
    )
    higher = np.array([
        ((music.onset < b - RELEASE) & (music.offset > a + RELEASE) & (music.pitch > p)).sum()
        for a, b, p in zip(music.onset, music.offset, music.pitch, strict=True)
    ])  # fmt: skip
    local = _local_rank(music)
    whole = np.tile([chordal.mean(), chordal.std(), np.log(n / len(sizes)), by_family[:, 2].mean()], (n, 1))
    return np.column_stack([
        families, families - families.mean(axis=0), chordal, chordal - chordal.mean(), by_family,
        _nearest_alike(music, music.families), rank, sizes[music.chord] - 1 - rank, sizes[music.chord], below, higher,
        np.minimum(over, 12), local, (music.pitch - np.median(music.pitch)) / 12, music.pitch / 12 - 5,
        np.log(length), np.log(length / np.median(length)), (music.velocity - np.median(music.velocity)) / 20,
        music.confidence, whole, _timbre_of_notes(music, chordal),
    ]).astype(np.float32)  # fmt: skip


def _of_two_kinds(vectors: np.ndarray, chordal: np.ndarray) -> np.ndarray:
    """(n, 3) How much nearer each note is to the less chordal of two kinds, how far these are apart, and its kind."""
    kinds = two_kinds(vectors)
    if kinds.all() or not kinds.any():
        return np.column_stack([np.zeros((len(vectors), 2)), kinds])
    if chordal[kinds].mean() > chordal[~kinds].mean():
        kinds = ~kinds
    one, other = vectors[kinds].mean(axis=0), vectors[~kinds].mean(axis=0)
    nearer = ((vectors - other) ** 2).sum(axis=1) - ((vectors - one) ** 2).sum(axis=1)
    return np.column_stack([nearer, np.full(len(vectors), ((one - other) ** 2).sum()), kinds])


def _timbre_of_notes(music: Heard, chordal: np.ndarray) -> np.ndarray:
    """(n, 9) What the vectors tell of each note; zeros if there are none."""
    if not music.timbre.shape[1]:
        return np.zeros((len(music.pitch), 9))
    first = np.r_[True, np.diff(music.chord) > 0]
    last = np.r_[first[1:], True]
    means = np.stack([music.timbre[own].mean(axis=0) for own in (first, last, np.ones_like(first))])
    return np.column_stack([
        _of_two_kinds(music.timbre, chordal), _nearest_alike(music, music.timbre), music.timbre @ means.T,
    ])  # fmt: skip


def _local_rank(music: Heard) -> np.ndarray:
    """(n, 2) the share of the neighbours in time that lie below each note, and the distance to the highest of them."""
    n = len(music.pitch)
    rows = []
    for i in range(n):
        near = music.pitch[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1]
        rows.append(((near < music.pitch[i]).mean(), (near.max() - music.pitch[i]) / 12))
    return np.array(rows)


def _nearest_alike(music: Heard, vectors: np.ndarray) -> np.ndarray:
    """(n, 3) the distance by ``vectors`` (n, width) to the neighbours of about the same pitch before and after, and to
    the others of the chord."""
    n = len(music.pitch)
    rows = np.zeros((n, 3))
    for i in range(n):
        for side, indices in enumerate((range(i - 1, max(-1, i - 25), -1), range(i + 1, min(n, i + 25)))):
            near = [j for j in indices if music.chord[j] != music.chord[i] and abs(music.pitch[j] - music.pitch[i]) < 5]
            rows[i, side] = np.abs(vectors[near[0]] - vectors[i]).sum() if near else 1.0
        chord = [j for j in range(max(0, i - 8), min(n, i + 9)) if j != i and music.chord[j] == music.chord[i]]
        rows[i, 2] = np.abs(vectors[chord].mean(axis=0) - vectors[i]).sum() if chord else 1.0
    return rows
