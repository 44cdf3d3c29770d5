"""Heard notes (transcribed from audio) as arrays, and the projector's features of each: the input of the default model.

Every note of an engine becomes one soft token. Notes with one onset form a *group*, the unit of the language model's
pointer. Numpy only: the runtime shares it with training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abcscribe.score.instruments import FAMILIES

LOWEST_PITCH, PITCHES = 21, 88
UNKNOWN_FAMILY = len(FAMILIES)
TOGETHER = 0.05  # seconds between onsets of one group; players of a chord differ by 30 ms and more
SPREAD = 0.12  # seconds: the longest chord, if it is rolled
WAVES = 12  # of the onset's sinusoids
WAVE_SECONDS = (0.1, 60.0)  # shortest and longest period
OWN_FEATURES = 2 * WAVES + 8  # of each note by itself; the columns of the analysis follow


@dataclass(frozen=True, slots=True)
class HeardNotes:
    """Notes by (onset, pitch), arrays of length n."""

    onset: np.ndarray  # (n,) seconds
    offset: np.ndarray  # (n,) seconds
    pitch: np.ndarray  # (n,) MIDI, 21-108
    velocity: np.ndarray  # (n,) 1-127
    family: np.ndarray  # (n,) index in FAMILIES, UNKNOWN_FAMILY
    confidence: np.ndarray  # (n,) 0 ... 1
    chord: np.ndarray  # (n,) never falling; one value for the notes that begin together
    analysis: np.ndarray  # (n, a) float32: `abcscribe.analysis.analysis_features`, zeros where there is none

    def __len__(self) -> int:
        return len(self.onset)

    @property
    def groups(self) -> np.ndarray:
        """(n,) the chords counted from 0."""
        return np.cumsum(np.diff(self.chord, prepend=self.chord[:1]) > 0)

    @property
    def starts(self) -> np.ndarray:
        """(g,) seconds: the mean onset of each group."""
        groups = self.groups
        return np.bincount(groups, self.onset) / np.maximum(np.bincount(groups), 1)

    def select(self, index: np.ndarray | slice) -> HeardNotes:
        """Some of the notes."""
        return HeardNotes(*(getattr(self, name)[index] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class NoteBatch:
    """b note lists side by side, padded to n notes: the projector's input."""

    pitch: np.ndarray  # (b, n) int64, MIDI less LOWEST_PITCH
    family: np.ndarray  # (b, n) int64
    features: np.ndarray  # (b, n, OWN_FEATURES + a) float32
    positions: np.ndarray  # (b, n, 3) float32: index in the text (0), group, seconds since the first note
    mask: np.ndarray  # (b, n) bool, True where there is a note
    seconds: list[np.ndarray]  # b times (g,): when each group begins, since the first note


def chords(onset: np.ndarray) -> np.ndarray:
    """(n,) chord of each note, from 0, by time alone. ``onset`` (n,) ascending, seconds."""
    groups = np.zeros(len(onset), np.int64)
    first = 0
    for i in range(1, len(onset)):
        together = onset[i] - onset[i - 1] < TOGETHER and onset[i] - onset[first] < SPREAD
        if not together:
            first = i
        groups[i] = groups[i - 1] + (not together)
    return groups


def features(notes: HeardNotes, begin: float = 0.0) -> np.ndarray:
    """Features of each note besides pitch and family.

    Args:
        notes: n notes with a columns of the analysis.
        begin: seconds of the window's start.

    Returns:
        (n, OWN_FEATURES + a) float32: sinusoids of the onset; log-seconds to the groups before and after, of the length
        and to the next group; offset from the group's onset (s), velocity, confidence, size of the group; the analysis.
    """
    onset = notes.onset - begin
    rates = 2 * np.pi / np.geomspace(*WAVE_SECONDS, WAVES)
    angle = onset[:, None] * rates
    groups, starts = notes.groups, notes.starts - begin
    gap = np.diff(starts, prepend=starts[:1], append=starts[-1:]) if len(starts) else np.zeros(1)
    length = notes.offset - notes.onset
    columns = [
        _log_seconds(gap[:-1][groups]), _log_seconds(gap[1:][groups]), _log_seconds(length),
        _log_seconds(np.append(starts[1:], starts[-1:] + 9.0)[groups] - onset),
        onset - starts[groups], notes.velocity / 127, notes.confidence,
        np.bincount(groups, minlength=1)[groups] / 4,
    ]  # fmt: skip
    own = np.stack(columns, axis=1)
    return np.concatenate([np.sin(angle), np.cos(angle), own, notes.analysis], axis=1).astype(np.float32)


def collate(lists: Sequence[HeardNotes], multiple: int = 1) -> NoteBatch:
    """Note lists (ascending onset, at least one note each) as a batch, padded to a multiple of ``multiple`` notes."""
    shape = (len(lists), -(-max(map(len, lists)) // multiple) * multiple)
    width = OWN_FEATURES + lists[0].analysis.shape[1]
    batch = NoteBatch(
        np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros((*shape, width), np.float32),
        np.zeros((*shape, 3), np.float32), np.zeros(shape, bool), [],
    )  # fmt: skip
    for row, notes in enumerate(lists):
        n, begin = len(notes), float(notes.onset[0])
        groups, starts = notes.groups, notes.starts - begin
        batch.pitch[row, :n], batch.family[row, :n] = notes.pitch - LOWEST_PITCH, notes.family
        batch.features[row, :n] = features(notes, begin)
        batch.positions[row, :n, 1], batch.positions[row, :n, 2] = groups, starts[groups]
        batch.mask[row, :n] = True
        batch.seconds.append(starts)
    return batch


def _log_seconds(x: np.ndarray) -> np.ndarray:
    """Octaves from a third of a second, about -2 ... 2."""
    return np.log2(np.maximum(x, 0.02) / 0.33)
