"""Notes in seconds: how well a list of transcribed notes agrees with the notes that were played.

The field's standard, computed by ``mir_eval.transcription``: a note is found if a predicted one of its pitch begins
within 50 ms (``onset``; also at 100 ms, as for singers, whose onsets annotators place no better), and with ``offset``
also ends within 20 % of its duration or 50 ms. ``frame`` is the F1 over 10 ms frames of sounding pitches. Pitches are
MIDI numbers on both sides, so the 50 cents of tradition mean equality, and the matching can be done pitch by pitch:
same result, and memory that stays small for an hour of piano.

Defined values: two empty lists agree (1); otherwise an empty list scores 0. A note with a time that is no number, or
that ends before it begins, can match nothing but is counted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from abcscribe.score.model import PlayedNote

ONSET = 0.05  # seconds
ONSET_WIDE = 0.1  # seconds
OFFSET_RATIO = 0.2  # of the reference's duration, but not less than OFFSET_LEAST
OFFSET_LEAST = 0.05  # seconds
FRAME = 0.01  # seconds
LONGEST = 4 * 3600  # seconds: a time beyond this is garbage, and must not make the frame grid explode


def f1(matched: float, n_reference: float, n_prediction: float) -> float:
    """The harmonic mean of recall and precision; two empty sides agree."""
    return 2 * matched / (n_reference + n_prediction) if n_reference + n_prediction else 1.0


def count_matches(
    reference: Sequence[PlayedNote], prediction: Sequence[PlayedNote], onset: float = ONSET, offsets: bool = False
) -> int:
    """The number of notes that match one to one (`mir_eval.transcription.match_notes`).

    Args:
        reference, prediction: notes; times in seconds.
        onset: tolerance of onsets in seconds.
        offsets: whether offsets must agree too, within OFFSET_RATIO of the duration or OFFSET_LEAST.
    """
    from mir_eval.transcription import match_notes

    expected, given = _by_pitch(reference), _by_pitch(prediction)
    matched = 0
    for pitch in expected.keys() & given.keys():
        hertz = [np.full(len(side[pitch]), 440.0) for side in (expected, given)]  # equal, so any frequency does
        matched += len(
            match_notes(
                np.array(expected[pitch]), hertz[0], np.array(given[pitch]), hertz[1],
                onset_tolerance=onset, offset_ratio=OFFSET_RATIO if offsets else None,
                offset_min_tolerance=OFFSET_LEAST,
            )
        )  # fmt: skip
    return matched


def is_valid(note: PlayedNote) -> bool:
    """Whether the note has a place in time."""
    return math.isfinite(note.onset) and note.onset < note.offset <= LONGEST and note.onset >= -LONGEST


def _by_pitch(notes: Sequence[PlayedNote]) -> dict[int, list[tuple[float, float]]]:
    intervals: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for note in notes:
        if is_valid(note):
            intervals[note.pitch].append((note.onset, note.offset))
    return intervals


def frame_f1(reference: Sequence[PlayedNote], prediction: Sequence[PlayedNote]) -> float:
    """F1 over frames of 10 ms x pitches that sound."""
    expected, given = _frames(reference), _frames(prediction)
    both = sum(len(np.intersect1d(expected[pitch], given[pitch])) for pitch in expected.keys() & given.keys())
    return f1(both, sum(map(len, expected.values())), sum(map(len, given.values())))


def _frames(notes: Sequence[PlayedNote]) -> dict[int, np.ndarray]:
    """Per pitch, the sorted indices of the frames in which it sounds; a note sounds for one frame at least."""
    frames = {}
    for pitch, intervals in _by_pitch(notes).items():
        runs = [(round(onset / FRAME), round(offset / FRAME)) for onset, offset in intervals]
        frames[pitch] = np.unique(np.concatenate([np.arange(first, max(end, first + 1)) for first, end in runs]))
    return frames


def evaluate(reference: Sequence[PlayedNote], prediction: Sequence[PlayedNote]) -> dict[str, float]:
    """``onset_f1``, its ``onset_precision`` and ``onset_recall``, ``onset_100ms_f1``, ``offset_f1``, ``frame_f1``."""
    n_expected, n_given = len(reference), len(prediction)
    matched = count_matches(reference, prediction)
    perfect = float(n_expected == n_given == 0)
    return {
        "onset_f1": f1(matched, n_expected, n_given),
        "onset_precision": matched / n_given if n_given else perfect,
        "onset_recall": matched / n_expected if n_expected else perfect,
        "onset_100ms_f1": f1(count_matches(reference, prediction, ONSET_WIDE), n_expected, n_given),
        "offset_f1": f1(count_matches(reference, prediction, offsets=True), n_expected, n_given),
        "frame_f1": frame_f1(reference, prediction),
    }
