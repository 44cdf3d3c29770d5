"""Scores of the note cache -> performances with transcription errors and their ground truth, for analysis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from abcscribe.corpora.note_cache import CachedPiece, NoteCache
from abcscribe.score.grid import bar_ticks
from abcscribe.score.model import MODE_FIFTHS, Key, Metre, PlayedNote
from abcscribe.training.small.rhythm_tables import excerpts, fold

MODES = (*MODE_FIFTHS, "none")
BEATS_A_MINUTE, TEMPO_SPREAD = 92.0, 0.3  # median and standard deviation of log
MEDIAN_GAP = (0.14, 0.9)  # seconds between onsets: slower or faster tempos are drawn again
# Tempo per style: random walk of the log tempo per beat, chance that a long note is held, onset error in seconds.
STYLES = {"steady": (0.004, 0.0, 0.012), "live": (0.02, 0.03, 0.02), "free": (0.045, 0.15, 0.025)}
FERMATAS = 0.6  # share of the chorales that are played with a fermata at the end of each phrase ...
PHRASES = (4.0, 6.0, 8.0, 8.0, 12.0)  # ... of so many quarters
SEVERITIES = (0.3, 1.0, 1.0, 3.0)  # of the transcription errors
# The kinds of music, and the families of their parts. A line is one of a chorale, a solo one of a quartet.
FAMILIES = {
    "tune": ("pipe",), "song": ("voice",), "line": ("reed",), "solo": ("strings",),
    "chorale": ("strings", "reed", "reed", "reed"), "piano": ("piano",), "quartet": ("strings",) * 4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Performed:
    """A performance and its ground truth."""

    name: str
    kind: str
    style: str
    notes: list[PlayedNote]
    metre: Metre
    key: Key
    quarter_bpm: float  # median
    bar_seconds: np.ndarray  # of every bar line, the first may be a pickup's
    pickup: bool
    onset: np.ndarray  # (n,) quarters, of the score notes in the performance, dropped ones too
    duration: np.ndarray  # (n,) quarters
    place: np.ndarray  # (n,) quarters from the bar line
    pitch: np.ndarray  # (n,)
    seconds: np.ndarray  # (n,) time of the score note on the tempo curve
    part: np.ndarray  # (n,)
    staff_voice: np.ndarray  # (n,)
    clock: tuple[np.ndarray, np.ndarray]  # quarters, seconds: the tempo curve


def pieces(cache: NoteCache, which: str) -> Iterator[tuple[str, CachedPiece, list[int]]]:
    """(kind, piece, parts to play) of one fold."""
    for item in cache:
        if fold(item.piece) != which:
            continue
        count = len(item.notes.program)
        if item.piece.source == "openscore-lieder" and count == 2:
            yield "song", item, [0]
            yield "piano", item, [1]
        elif item.piece.source == "music21/bach" and count == 4:
            yield "chorale", item, [0, 1, 2, 3]
            yield from (("line", item, [part]) for part in range(4))
        elif item.piece.source in ("openscore-string-quartets", "music21/mozart", "music21/haydn", "music21/beethoven"):
            if count == 4:
                yield "quartet", item, [0, 1, 2, 3]
                yield from (("solo", item, [part]) for part in range(4))
        elif count == 1:
            yield "tune", item, [0]


def perform(kind: str, item: CachedPiece, parts: list[int], rng: np.random.Generator) -> Performed | None:
    """One excerpt of 10-40 s in one metre, or None if there is none."""
    notes = item.notes
    runs = [run for run in excerpts(notes) if len(run[1]) > 8]
    if not runs:
        return None
    metre, lines, inside = runs[0]
    inside = inside & np.isin(notes.part, parts)
    first = 0 if rng.random() < 0.6 else int(rng.integers(0, max(1, len(lines) - 9)))
    onset = notes.onset[inside].astype(float)
    if inside.sum() < 16:
        return None
    gaps = np.diff(np.unique(onset))
    for _ in range(20):
        bpm = BEATS_A_MINUTE * np.exp(rng.normal(0, TEMPO_SPREAD)) * float(metre.beat)
        if MEDIAN_GAP[0] < np.median(gaps) * 60 / bpm < MEDIAN_GAP[1]:
            break
    last = first + max(4, int(rng.uniform(12, 40) * bpm / 60 / float(metre.length)))
    last = min(last, len(lines) - 1)
    chosen = inside & (notes.onset >= lines[first] - 0.01) & (notes.onset < lines[last] - 0.01)
    if chosen.sum() < 12:
        return None
    return _played(item, kind, metre, lines[first : last + 1], chosen, bpm, rng)


def _played(
    item: CachedPiece,
    kind: str,
    metre: Metre,
    lines: np.ndarray,
    chosen: np.ndarray,
    bpm: float,
    rng: np.random.Generator,
) -> Performed:
    notes, style = item.notes, str(rng.choice(list(STYLES)))
    onset, duration = notes.onset[chosen].astype(float), notes.duration[chosen].astype(float)
    pitch, part, voice = notes.pitch[chosen].astype(int), notes.part[chosen].astype(int), notes.voice[chosen]
    curve = _clock(kind, style, lines, onset, duration, bpm, rng)

    def clock(quarters: np.ndarray) -> np.ndarray:
        seconds: np.ndarray = np.interp(quarters, *curve)
        return seconds

    seconds = clock(onset)
    jitter = STYLES[style][2] * (1.6 if kind == "song" else rng.uniform(0.7, 1.4))
    start = seconds + rng.normal(0, jitter, len(onset))
    held = np.maximum(rng.uniform(0.6, 1.0) + rng.normal(0, 0.12, len(onset)), 0.2)
    end = start + np.maximum((clock(onset + duration) - seconds) * np.minimum(held, 1.05), 0.06)
    velocity = np.clip(rng.normal(75, 12, len(onset)) + 6 * np.isclose(onset, np.round(onset)), 20, 120)
    names = FAMILIES[kind]
    played = [
        PlayedNote(float(s), float(e), int(p), int(v), names[int(q) % len(names)], 0.9)
        for s, e, p, v, q in zip(start, end, pitch, velocity, part, strict=True)
    ]
    bar = np.clip(np.searchsorted(lines, onset + 1e-3) - 1, 0, len(lines) - 2)
    short = float(metre.length) - (lines[1] - lines[0])
    index = int(np.searchsorted(notes.bar_start, lines[0] + 0.01)) - 1
    key = Key(int(notes.fifths[index]), MODES[notes.mode[index]])
    return Performed(
        item.piece.id, kind, style, _spoiled(played, rng), metre, key, bpm,
        clock(lines), short > 0.01, onset, duration,
        onset - lines[bar] + np.where((bar == 0) & (short > 0), short, 0), pitch, seconds, part, voice, curve,
    )  # fmt: skip


def _clock(
    kind: str,
    style: str,
    lines: np.ndarray,
    onset: np.ndarray,
    duration: np.ndarray,
    bpm: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The tempo curve: quarters, and seconds."""
    walk, hold, _ = STYLES[style]
    grid = np.arange(lines[0], lines[-1] + 1.01, 0.5)
    drift = np.zeros(len(grid))
    for i in range(1, len(grid)):
        drift[i] = 0.93 * drift[i - 1] + rng.normal(0, walk * 0.7)
    length = 0.5 * 60 / bpm * np.exp(drift)
    if style != "steady":
        length[-5:] *= np.linspace(1.0, 1.5, 5)
    for note, extra in _held(kind, hold, onset, duration, rng):
        at = min(int((onset[note] + duration[note] - lines[0]) * 2) - 1, len(length) - 1)
        length[at] += extra * duration[note] * 60 / bpm
    times = 0.3 + np.r_[0, np.cumsum(length)]
    return np.r_[grid, grid[-1] + 0.5], times


def _held(
    kind: str, chance: float, onset: np.ndarray, duration: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[int, float]]:
    """Notes with a fermata, and its share of their duration: some long ones, and phrase ends of a chorale."""
    long = np.median(duration) * 1.5
    for i in np.flatnonzero(duration >= long):
        if rng.random() < chance / max(1, np.sum(onset == onset[i])):
            yield int(i), rng.uniform(0.3, 1.2)
    if kind not in ("chorale", "line") or rng.random() > FERMATAS:
        return
    for end in np.arange(onset.min(), onset.max(), rng.choice(PHRASES))[1:]:
        before = np.flatnonzero(onset < end - 0.01)
        last = int(before[onset[before].argmax()])
        if duration[last] >= 1 and rng.random() < 0.85:
            yield last, rng.uniform(0.5, 2.5)


def _spoiled(notes: list[PlayedNote], rng: np.random.Generator) -> list[PlayedNote]:
    """Transcription errors: notes missed, shifted, shortened, split, and false: overtones, slides, short blips."""
    bad = float(rng.choice(SEVERITIES))
    heard = []
    for note in notes:
        length = note.offset - note.onset
        onset = note.onset + (rng.uniform(-0.05, 0.08) if rng.random() < 0.04 * bad else 0.0)
        note = replace(note, onset=onset, offset=max(note.offset, onset + 0.03), confidence=rng.uniform(0.5, 0.95))
        middle = onset + length * rng.uniform(0.3, 0.7)
        if rng.random() < 0.05 * bad:
            continue
        if rng.random() < 0.05 * bad:
            note = replace(
                note, offset=onset + max(0.03, length * rng.uniform(0.1, 0.5)), confidence=rng.uniform(0.3, 0.7)
            )
        if rng.random() < 0.02 * bad and length > 0.3:
            heard += [
                replace(note, offset=middle),
                replace(note, onset=middle + 0.02, confidence=rng.uniform(0.3, 0.8)),
            ]
            continue
        heard.append(note)
        if rng.random() < 0.03 * bad:
            pitch = min(max(note.pitch + int(rng.choice([12, -12, 19, 7])), 21), 108)
            start = onset + rng.uniform(0, 0.3) * length
            heard.append(PlayedNote(start, start + 0.05 + length / 2, pitch, 50, note.family, rng.uniform(0.2, 0.7)))
        if rng.random() < 0.02 * bad:
            start = max(onset + rng.choice([-0.12, -0.08, 0.5 * length]), 0.0)
            pitch = note.pitch + int(rng.choice([-2, -1, 1, 2]))
            heard.append(
                PlayedNote(start, start + rng.uniform(0.03, 0.12), pitch, 60, note.family, rng.uniform(0.2, 0.6))
            )
    return sorted(heard, key=lambda n: (n.onset, n.pitch)) or notes[:1]


def suite(cache: NoteCache, which: str, per_kind: int, seed: int = 0) -> list[Performed]:
    """``per_kind`` performances of each kind of a fold, drawn by seed."""
    rng = np.random.default_rng(seed)
    by_kind: dict[str, list[tuple[CachedPiece, list[int]]]] = {kind: [] for kind in FAMILIES}
    for kind, item, parts in pieces(cache, which):
        by_kind[kind].append((item, parts))
    found = []
    for kind in FAMILIES:
        order = rng.permutation(len(by_kind[kind]))
        done = 0
        for index in order:
            item, parts = by_kind[kind][index]
            result = perform(kind, item, parts, rng)
            if result and bar_ticks(result.metre) > 0:
                found.append(result)
                done += 1
            if done >= per_kind:
                break
    return found
