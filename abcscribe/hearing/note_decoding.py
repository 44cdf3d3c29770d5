"""Activity of the tower -> notes: onset, offset, pitch, velocity, family, confidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from abcscribe.hearing.note_confidence import WEIGHTS, Candidates, confidence
from abcscribe.model.tower_classes import DRUMS
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import PlayedNote
from abcscribe.spectrogram import FRAME_RATE, LOWEST_PITCH

# Probability at the peak of an onset. Low, for high recall: candidates are filtered by their confidence afterwards. The
# training loss weighs onsets up, so probabilities are high.
ONSET_THRESHOLD = 0.25
SOUNDING_THRESHOLD = 0.4  # a note goes on while its pitch is at least this probable
SOFT_ONSET_THRESHOLD = 0.6  # mean sounding probability of a note without a detected onset (slurs, glides)
# Of a note that is listed: more probably true than not. Onset F1 of these: .732 on 31 real recordings, .880 on 100
# rendered ones of the validation split.
LEAST_CONFIDENCE = 0.5
SHORTEST_SOFT = 6  # frames (96 ms) of a note without an onset
LONGEST_GAP = 2  # frames of silence inside a note
SHORTEST = 2  # frames (32 ms) of any note
# Probability at the peak of a drum's onset: best F1 on rendered bands with a kit that was held out
# (docs/log, 2026-11-28-songs-suite). A hi-hat's precision is the same at all heights.
DRUM_THRESHOLDS = {"kick": 0.42, "snare": 0.17, "hat": 0.1, "tom": 0.35, "cymbal": 0.2}
DRUM_SECONDS = 0.1  # a hit has no end of its own

# Seconds by which the tower's onsets are later than the annotations of real recordings. Medians on the development
# benchmark: +25 ms (8 to 38) over seven piano recordings, -10 ms (-70 to 33, half within 5 of it) over winds, strings
# and voices: synthetic tones have no attack time, and their labels neither, real ones do; why pianos differ the other
# way is not known (two instruments, three microphone set-ups agree).
STRUCK_LATENCY, SUSTAINED_LATENCY = 0.02, -0.008
STRUCK = frozenset({"piano", "plucked", "mallet"})


def decode_notes(
    onset: np.ndarray, sounding: np.ndarray, velocity: np.ndarray, family: np.ndarray, *, weights: Path = WEIGHTS
) -> list[PlayedNote]:
    """Notes of one stretch of audio.

    Args:
        onset, sounding: (frames, 88) probabilities.
        velocity: (frames, 88), 0 ... 1.
        family: (frames, 88, families) probabilities.
        weights: of the confidence, fitted to the tower.

    Returns:
        notes by onset, in seconds from the first frame.
    """
    found = candidates(onset, sounding)
    sure = confidence(found, onset, sounding, velocity, family, weights=weights)
    columns = (found.pitch, found.begin, found.end, sure)
    notes = []
    for pitch, begin, end, probability in zip(
        *(column[sure >= LEAST_CONFIDENCE].tolist() for column in columns), strict=True
    ):
        inside = slice(round(begin), max(end, round(begin) + 1))
        strength = velocity[min(round(begin), len(velocity) - 1), pitch]
        families = family[inside, pitch].mean(axis=0)
        notes.append(
            PlayedNote(
                onset=begin / FRAME_RATE,
                offset=max(end, begin + SHORTEST) / FRAME_RATE,
                pitch=pitch + LOWEST_PITCH,
                velocity=int(np.clip(round(127 * float(strength)), 1, 127)),
                family=FAMILIES[int(families.argmax())],
                confidence=probability,
                families=tuple(round(share, 2) for share in families.tolist()),
            )
        )
    return sorted(_on_time(notes), key=lambda note: (note.onset, note.pitch))


def decode_drums(onset: np.ndarray) -> list[PlayedNote]:
    """Hits of drums, from (frames, kinds) probabilities of their onsets; each of the first key of its kind.

    How sure a hit is, is the height of its peak: no network has been fitted to them.
    """
    return [
        PlayedNote(at, at + DRUM_SECONDS, keys[0], confidence=float(onset[peak, kind]), drum=True)
        for kind, (name, keys) in enumerate(DRUMS.items())
        for peak in _peaks(onset[:, kind], DRUM_THRESHOLDS[name])
        for at in [_refined(onset[:, kind], peak) / FRAME_RATE]
    ]


def with_timbre(notes: list[PlayedNote], player: np.ndarray) -> list[PlayedNote]:
    """The notes with their vectors; ``player``: as in `Activity`, of the stretch with the notes."""
    vectors = over_notes(player, notes)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return [
        dataclasses.replace(note, timbre=tuple(round(x, 2) for x in vector))
        for note, vector in zip(notes, vectors.tolist(), strict=True)
    ]


def over_notes(values: np.ndarray, notes: Sequence[PlayedNote]) -> np.ndarray:
    """The mean over each note's own cells of what a head says.

    Args:
        values: (frames, 88, width), such as `Activity.player` or `Activity.program` of the stretch with the notes.
        notes: as `decode_notes` gives them, in seconds from the first frame; no drums.

    Returns:
        (notes, width) float32.
    """
    rows = np.zeros((len(notes), values.shape[2]), np.float32)
    for row, note in zip(rows, notes, strict=True):
        first = min(int(note.onset * FRAME_RATE), len(values) - 1)
        last = max(first + 1, round(note.offset * FRAME_RATE))
        row[:] = values[first:last, note.pitch - LOWEST_PITCH].astype(np.float32).mean(axis=0)
    return rows


def candidates(onset: np.ndarray, sounding: np.ndarray) -> Candidates:
    """All candidate notes.

    Args:
        onset, sounding: (frames, 88) probabilities.
    """
    rows = [
        (pitch, *span)
        for pitch in np.flatnonzero(
            (onset.max(axis=0, initial=0) > ONSET_THRESHOLD) | (sounding.max(axis=0, initial=0) > 0.5)
        )
        for span in _spans(onset[:, pitch], sounding[:, pitch])
    ]
    pitch, begin, peak, end, soft = (
        (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.zeros(0)] * 5
    )
    return Candidates(pitch.astype(int), begin.astype(float), end.astype(int), peak.astype(float), soft.astype(bool))


def _on_time(notes: list[PlayedNote]) -> list[PlayedNote]:
    """Notes shifted by the latency of the ensemble: the mean over its notes, as the family of one is often wrong."""
    if not notes:
        return notes
    struck = sum(note.family in STRUCK for note in notes) / len(notes)
    latency = struck * STRUCK_LATENCY + (1 - struck) * SUSTAINED_LATENCY
    return [
        dataclasses.replace(note, onset=max(0.0, note.onset - latency), offset=note.offset - min(latency, note.onset))
        for note in notes
    ]


def _spans(onset: np.ndarray, sounding: np.ndarray) -> list[tuple[float, float, int, bool]]:
    """Notes of one pitch as (start frame, onset probability, end frame, whether no onset was detected); starts are
    interpolated between frames."""
    peaks = _peaks(onset)
    active = sounding > SOUNDING_THRESHOLD
    spans, taken = [], 0
    for i, peak in enumerate(peaks):
        following = peaks[i + 1] if i + 1 < len(peaks) else len(onset)
        spans.extend(_soft_span(sounding, active, taken, peak))
        end = _last_active(active, peak, following)
        spans.append((_refined(onset, peak), float(onset[peak]), end, False))
        taken = end + 1
    spans.extend(_soft_span(sounding, active, taken, len(onset)))
    return spans


def _peaks(onset: np.ndarray, least: float = ONSET_THRESHOLD) -> list[int]:
    """Frames of local maxima above ``least``, at least three frames apart (the higher one stays)."""
    padded = np.pad(onset, 1, constant_values=-1.0)
    is_peak = (onset > least) & (onset >= padded[:-2]) & (onset > padded[2:])
    chosen: list[int] = []
    for frame in np.flatnonzero(is_peak):
        if chosen and frame - chosen[-1] < 3:
            if onset[frame] > onset[chosen[-1]]:
                chosen[-1] = int(frame)
        else:
            chosen.append(int(frame))
    return chosen


def _refined(onset: np.ndarray, peak: int) -> float:
    """The maximum of the parabola through the peak and its neighbours, at most half a frame away."""
    if not 0 < peak < len(onset) - 1:
        return float(peak)
    left, middle, right = (float(x) for x in onset[peak - 1 : peak + 2])
    curvature = left - 2 * middle + right
    return peak + float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature < 0 else float(peak)


def _last_active(active: np.ndarray, start: int, limit: int) -> int:
    """First frame after ``start`` of a silence longer than LONGEST_GAP, or lasting to ``limit``; else ``limit``."""
    silent = 0
    for frame in range(start + 1, limit):
        silent = 0 if active[frame] else silent + 1
        if silent > LONGEST_GAP:
            return frame - LONGEST_GAP
    return limit - silent


def _soft_span(sounding: np.ndarray, active: np.ndarray, begin: int, end: int) -> list[tuple[float, float, int, bool]]:
    """Stretches in [begin, end) with a high sounding probability for long enough, without a detected onset."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active[begin:end].view(np.int8), [0]]))) + begin
    found = []
    for first, last in edges.reshape(-1, 2):
        probability = float(sounding[first:last].mean())
        if last - first >= SHORTEST_SOFT and probability > SOFT_ONSET_THRESHOLD:
            found.append((float(first), 0.5 * probability, int(last), True))
    return found
