"""The probability that a candidate note, decoded from the tower's activity, was played.

The height of the onset alone cannot reject repeated onsets of a sounding note, nor partials of others: half of the
false positives in music of four lines are repeated onsets. A small network takes features of each note and of its
context: its pitch before and after, its octaves, fifths and neighbours, the notes that begin with it. Onset F1 of
listed notes rose from .721 to .732 on real recordings, from .870 to .880 on rendered ones.
Trained on rendered clips by ``abcscribe train small note-confidence``, run here with numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe.model import WEIGHTS as FOLDER
from abcscribe.model import perceptron

INTERVALS = (-28, -24, -19, -12, -2, -1, 1, 2, 12, 19)  # semitones: neighbours, and pitches that share partials
NEAR = 2  # frames within which notes begin together
FAR = 200.0  # frames: distances between notes of a pitch are clipped here
FEATURES = (
    "onset", "no onset", "sounding", "sounding before", "sounding after", "least sounding at the onset", "length",
    "gap", "since the last", "until the next", "onset of the last", "louder than the last", "family of the last",
    "notes beside", "loudest beside", "velocity", "velocity beside the mean", "family", "share of the family", "pitch",
    "pitches sounding", "notes a second",
    *(f"{what} {interval:+d}" for interval in INTERVALS for what in ("onset", "sounding")),
)  # fmt: skip
WEIGHTS = FOLDER / "note_confidence.npz"


@dataclass(frozen=True, slots=True)
class Candidates:
    """n notes of one stretch of activity, by pitch and start."""

    pitch: np.ndarray  # (n,) index of the column
    begin: np.ndarray  # (n,) frame of the onset's maximum, interpolated
    end: np.ndarray  # (n,) frame behind the last
    peak: np.ndarray  # (n,) probability of the onset; half of the sounding probability where none was detected
    soft: np.ndarray  # (n,) whether no onset was detected


def confidence(
    notes: Candidates, onset: np.ndarray, sounding: np.ndarray, velocity: np.ndarray, family: np.ndarray,
    *, weights: Path = WEIGHTS,
) -> np.ndarray:  # fmt: skip
    """The probability that each candidate was played.

    Args:
        notes: n candidates.
        onset, sounding, velocity, family: activity, as in `note_decoding.decode_notes`.
        weights: the network's file; it is fitted to one tower.

    Returns:
        (n,) probabilities.
    """
    if not len(notes.pitch):
        return np.zeros(0)
    logit = perceptron.answer(weights, features(notes, onset, sounding, velocity, family))[:, 0]
    return 1 / (1 + np.exp(-logit))


def features(
    notes: Candidates, onset: np.ndarray, sounding: np.ndarray, velocity: np.ndarray, family: np.ndarray
) -> np.ndarray:
    """The features of each candidate, (n, FEATURES) float32."""
    frames, pitch, start = len(onset), notes.pitch, np.rint(notes.begin).astype(int)
    end = np.maximum(notes.end, start + 1)
    total = np.vstack([np.zeros(sounding.shape[1]), np.cumsum(sounding, axis=0)])
    length = (end - start).astype(float)
    louder = _widest(onset)  # the highest onset within NEAR frames

    def mean(first: np.ndarray, last: np.ndarray, at: np.ndarray) -> np.ndarray:
        first, last = first.clip(0, frames), last.clip(0, frames)
        return (total[last, at] - total[first, at]) / np.maximum(last - first, 1)

    own = mean(start, end, pitch)
    before, after = mean(start - 4, start - 1, pitch), mean(start + 1, start + 5, pitch)
    dip = np.min([sounding[(start + k).clip(0, frames - 1), pitch] for k in (-3, -2, -1, 0)], axis=0)
    at = start.clip(0, frames - 1)
    strength, sound = velocity[at, pitch], family[at, pitch]
    share = sound.mean(axis=0)
    same = np.r_[False, pitch[1:] == pitch[:-1]]
    last, following = np.arange(len(pitch)) - same, np.arange(len(pitch)) + np.r_[same[1:], False]
    gap = np.where(same, start - end[last], FAR).clip(0, FAR)
    since = np.where(same, start - start[last], FAR).clip(0, FAR)
    until = np.where(following > np.arange(len(pitch)), start[following] - start, FAR).clip(0, FAR)
    beside = np.abs(start[:, None] - start) <= NEAR
    others = beside.sum(axis=1) - 1
    loudest = np.where(beside & ~np.eye(len(pitch), dtype=bool), notes.peak, 0).max(axis=1)
    columns = [
        _logit(notes.peak), notes.soft, _logit(own), _logit(before), _logit(after), _logit(dip),
        np.log(length), np.log1p(gap), np.log1p(since), np.log1p(until), same * _logit(notes.peak[last]),
        same * (strength - strength[last]), same * (sound.argmax(axis=1) == sound[last].argmax(axis=1)),
        others, _logit(loudest), strength, strength - strength.mean(), sound.max(axis=1),
        share[sound.argmax(axis=1)], pitch / 44 - 1, np.log1p(total[(at + 1)].sum(axis=1) - total[at].sum(axis=1)),
        np.full(len(pitch), np.log(len(pitch) / frames * 60)),
    ]  # fmt: skip
    for interval in INTERVALS:
        other = pitch + interval
        there = (other >= 0) & (other < sounding.shape[1])
        other = other.clip(0, sounding.shape[1] - 1)
        columns += [there * louder[at, other], there * mean(start, end, other)]
    return np.column_stack(columns).astype(np.float32)


def _widest(onset: np.ndarray) -> np.ndarray:
    padded = np.pad(onset, ((NEAR, NEAR), (0, 0)))
    return np.max([padded[k : k + len(onset)] for k in range(2 * NEAR + 1)], axis=0)


def _logit(probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.log(p / (1 - p))
