"""A second opinion on a singer's notes: SwiftF0 (Nieradzik 2025, MIT) measures pitch and loudness every 16 ms.

The engines hear semitones, and find more notes than are sung. How far each note is from its semitone has to be measured
before it can be known which are meant (`abcscribe.analysis.intonation`). And where the voice goes on at one pitch and
one loudness nobody began a note: between sung notes that are repeated the loudness falls by 14 dB and more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from abcscribe.score.model import PlayedNote

if TYPE_CHECKING:
    from swift_f0 import PitchResult, SwiftF0

RATE = 16_000  # Hz
VOICED = 0.5  # confidence from which a frame has a pitch
EDGE = 0.2  # share of a note at either end that is left out: scoops and releases
FEWEST = 3  # voiced frames of a note
NEAR = 1.7  # semitones: a measured pitch further away is another note's, or an overtone's
APART = 0.3  # seconds between two notes that may be one
BESIDE = 0.05  # seconds on either side of the gap that are looked at, too
DIP = 3.0  # dB: less is no new beginning
SAME = 0.5  # semitones


def refined(notes: Sequence[PlayedNote], blocks: Iterable[np.ndarray], start: float = 0.0) -> list[PlayedNote]:
    """A singer's notes with ``fine_pitch``, as far as it can be told; those that were cut in two are one again.

    Args:
        notes: by onset.
        blocks: the waveform at RATE, consecutive float32 (samples,).
        start: second at which the first block begins, as the notes count.
    """
    import swift_f0  # where it is used: it loads the ONNX runtime

    stream = _detector().stream()
    track = swift_f0.concat([*(stream.push(block, RATE) for block in blocks), stream.flush()])
    track.timestamps += start
    pitch = np.where(track.confidence >= VOICED, 69 + 12 * np.log2(track.pitch_hz.clip(1.0) / 440), np.nan)
    kept: list[PlayedNote] = []
    for note in (_with_pitch(note, track, pitch) for note in notes):
        if kept and _goes_on(kept[-1], note, track, pitch):
            longer = max(kept[-1], note, key=lambda n: n.offset - n.onset)
            kept[-1] = replace(longer, onset=kept[-1].onset, offset=max(kept[-1].offset, note.offset))
        else:
            kept.append(note)
    return kept


def _with_pitch(note: PlayedNote, track: PitchResult, pitch: np.ndarray) -> PlayedNote:
    edge = EDGE * (note.offset - note.onset)
    own = pitch[_frames(track, note.onset + edge, note.offset - edge)]
    own = own[~np.isnan(own)]
    if len(own) < FEWEST or abs(float(np.median(own)) - note.pitch) > NEAR:
        return note
    return replace(note, fine_pitch=round(float(np.median(own)), 2))


def _goes_on(one: PlayedNote, other: PlayedNote, track: PitchResult, pitch: np.ndarray) -> bool:
    """Whether nothing new begins with the other note."""
    if one.fine_pitch is None or other.fine_pitch is None or abs(one.fine_pitch - other.fine_pitch) > SAME:
        return False
    between = _frames(track, one.offset - BESIDE, other.onset + BESIDE)
    if other.onset - one.offset > APART or np.isnan(pitch[between]).any():
        return False
    loud = track.loudness_db
    around = [np.median(loud[_frames(track, note.onset, note.offset)]) for note in (one, other)]
    return bool(min(around) - loud[between].min(initial=np.inf) < DIP)


def _frames(track: PitchResult, start: float, end: float) -> slice:
    first, last = np.searchsorted(track.timestamps, (start, end))
    return slice(int(first), int(last))


@cache
def _detector() -> SwiftF0:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)
