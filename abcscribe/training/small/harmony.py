"""Fit ``harmony.npz``: which notes sound under which chord, and which chords follow. ``abcscribe train small harmony``.

No corpus of the train split has chord symbols, so the pieces' chords are found from their complete printed notes, by
the tones of each kind of chord and a price on changing; then again with the successions of chords that were found
(Viterbi training; Juang and Rabiner 1990). Learning the tones and the price on changing from its own answers, too, or
going on for more rounds drifts away from what people hear (docs/log, 2026-11-27-chords-from-notes). The statistics of
heard notes are then counted under the printed chords, in performances that are heard with mistakes, with and without
the melody. Two minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from abcscribe.analysis.harmony.decoder import Tables, decode
from abcscribe.analysis.harmony.evidence import PLACES, Beats, Evidence, Sounding, beats_of, evidence_of
from abcscribe.analysis.harmony.vocabulary import FAMILY, KINDS, MEMBERS, NAMES, STATES, moved, split
from abcscribe.corpora.note_cache import CachedPiece, NoteCache, Notes
from abcscribe.model import weight_files
from abcscribe.progress import progress_bar
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Key, Metre
from abcscribe.synthesis import performance
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import Harmony

LEAST_TONES = 2.2  # pitch classes on a beat, from which a piece has chords
LEAST_BEATS, MOST_BEATS = 32, 400
# What the first round believes: the share of a chord's own tones, the root and the third more than the others, and of
# the lowest tone; how often chords change; how much rarer a kind is than a triad.
OWN, ROOT, THIRD, ROOT_BASS = 0.86, 1.4, 1.15, 0.6
CHANGE = np.array([0.65, 0.4, 0.25])
KIND_PRICE = {"": 0.0, "m": 0.2, "7": 0.5, "maj7": 2.0, "m7": 1.2, "dim": 1.5, "dim7": 1.2, "m7b5": 1.5, "aug": 2.5,
              "sus4": 1.8}  # fmt: skip
PRINTED_TRUST = np.array([0.8, 1.0])
HEARD_TRUSTS = [np.array([a, b]) for a in (0.8, 1.2, 1.7) for b in (0.9, 1.4, 2.0)]
KEPT = 30.0  # pseudo-counts of what is counted over all keys, beside the counts of a chord of a key
WITHOUT_MELODY = 0.35  # share of performances without the first part


class Example(NamedTuple):
    """A piece on its beats."""

    beats: Beats
    printed: Evidence
    heard: Evidence


def grid(notes: Notes) -> Beats:
    """The beats of a cached piece."""
    lengths = np.diff(notes.bar_start.astype(float))
    bars = tuple(
        Bar(
            Fraction(length).limit_denominator(96),
            Metre(int(beats), int(unit)) if beats else None,
            Key(int(fifths)),
        )
        for length, (beats, unit), fifths in zip(lengths.tolist(), notes.metre, notes.fifths, strict=True)
    )
    return beats_of(bars)


def example(rng: np.random.Generator, item: CachedPiece) -> Example | None:
    """A piece with its notes as printed and as heard of a performance; None if it has no chords."""
    notes = item.notes
    if not len(notes.bar_start) or np.any(np.diff(notes.bar_start) <= 0):
        return None
    beats = grid(notes)
    pitched = notes.program[notes.part] < PERCUSSION
    printed = evidence_of(sounding(notes, pitched), beats)
    present = (printed.tones > 0).sum(axis=1)
    if len(beats.start) < LEAST_BEATS or present.mean() < LEAST_TONES:
        return None
    chosen = pitched & (notes.part > 0) if rng.random() < WITHOUT_MELODY and len(notes.program) > 1 else pitched
    heard = evidence_of(performed(rng, notes, chosen if chosen.any() else pitched), beats)
    first = int(rng.integers(max(len(beats.start) - MOST_BEATS, 0) + 1))
    part = slice(first, first + MOST_BEATS)
    return Example(_cut(beats, part), *(Evidence(e.tones[part], e.bass[part]) for e in (printed, heard)))


def _cut(beats: Beats, part: slice) -> Beats:
    return Beats(*(getattr(beats, name)[part] for name in ("start", "end", "bar", "place", "tonic")))


def sounding(notes: Notes, chosen: np.ndarray) -> Sounding:
    onset, length = notes.onset[chosen].astype(float), notes.duration[chosen].astype(float)
    return Sounding(onset, onset + length, notes.pitch[chosen].astype(int), np.ones(len(onset)))


def performed(rng: np.random.Generator, notes: Notes, chosen: np.ndarray) -> Sounding:
    """Notes as an engine hears them in a performance, at their places in the print: the time of a false note lies
    between those of the true ones."""
    onset, length = notes.onset[chosen].astype(float), notes.duration[chosen].astype(float)
    tempo = notes.tempo[~np.isnan(notes.tempo)]
    bpm = float(np.clip(tempo[0], *performance.QUARTER_BPM)) if len(tempo) else 96.0
    programs = tuple(int(p) for p in notes.program)
    played = performance.perform(
        rng, onset, length, notes.pitch[chosen].astype(int), notes.part[chosen].astype(int), programs, bpm
    )
    heard, _ = hear(rng, played)
    order = np.argsort(onset[played.note], kind="stable")
    quarters, seconds = onset[played.note][order], np.maximum.accumulate(played.onset[order])
    pace = 60 / bpm
    quarters = np.r_[quarters, quarters[-1] + 64]
    seconds = np.r_[seconds, seconds[-1] + 64 * pace]
    begin, end = (np.interp(at, seconds, quarters) for at in (heard.onset, heard.offset))
    begin = np.round(4 * begin) / 4
    return Sounding(begin, np.maximum(end, begin + 0.25), heard.pitch.astype(int), np.ones(len(begin)))


def seed() -> Tables:
    """What is believed before anything is counted."""
    tones = np.where(MEMBERS, 1.0, 0.0)
    tones[:, 0] *= ROOT
    tones[:, 3:5] *= THIRD
    others = np.where(MEMBERS, 0.0, 1.0)
    tones = OWN * tones / tones.sum(axis=1, keepdims=True) + (1 - OWN) * others / others.sum(axis=1, keepdims=True)
    bass = np.where(MEMBERS, (1 - ROOT_BASS) / 3, 0.02)
    bass[:, 0] = ROOT_BASS
    bass /= bass.sum(axis=1, keepdims=True)
    kinds = -np.tile([KIND_PRICE[name] for name in NAMES], 12)
    kinds -= np.logaddexp.reduce(kinds)
    steps = np.tile(kinds, (STATES, 1))
    return Tables(np.log(np.tile(tones, (12, 1, 1))), np.log(bass), CHANGE, steps, kinds, PRINTED_TRUST)


def counted(examples: list[Example], chords: list[np.ndarray], trust: np.ndarray, *, heard: bool) -> Tables:
    """The statistics of examples under their chords."""
    tones, bass = np.zeros((12, len(KINDS), 12)), np.zeros((len(KINDS), 12))
    change, at = np.zeros(PLACES), np.zeros(PLACES)
    steps, often = np.zeros((STATES, STATES)), np.zeros(STATES)
    for one, own in zip(examples, chords, strict=True):
        seen = one.heard if heard else one.printed
        roots, kinds = split(own)
        above = (roots[:, None] + np.arange(12)) % 12
        rows = np.arange(len(own))[:, None]
        np.add.at(tones, ((roots - one.beats.tonic) % 12, kinds), seen.tones[rows, above])
        np.add.at(bass, kinds, seen.bass[rows, above])
        changes = np.diff(own) != 0
        np.add.at(at, one.beats.place[1:], 1)
        np.add.at(change, one.beats.place[1:][changes], 1)
        relative = moved(own, -one.beats.tonic)
        np.add.at(often, relative, 1)
        before = moved(own[:-1], -one.beats.tonic[1:])  # both in the key of the later
        np.add.at(steps, (before[changes], relative[1:][changes]), 1)
    return Tables(
        _log_tones(tones), np.log((bass + 1) / (bass + 1).sum(axis=1, keepdims=True)),
        np.clip((change + 1) / (at + 2), 0.02, 0.9), _log_steps(steps), np.log((often + 1) / (often + 1).sum()), trust,
    )  # fmt: skip


def _log_tones(counts: np.ndarray) -> np.ndarray:
    """Of a chord of a key, near those of its kind in all keys."""
    every = counts.sum(axis=0) + 1.0
    every /= every.sum(axis=1, keepdims=True)
    near = counts + KEPT * every
    return np.asarray(np.log(near / near.sum(axis=2, keepdims=True)))


def _log_steps(counts: np.ndarray) -> np.ndarray:
    """Of a chord of a key, near those of its kind by interval and of how often the next chord comes at all."""
    kinds = len(KINDS)
    four = counts.reshape(12, kinds, 12, kinds)
    interval = np.zeros((kinds, 12, kinds))
    for root in range(12):
        interval += np.roll(four[root], -root, axis=1)
    interval = (interval + 0.5) / (interval + 0.5).sum(axis=(1, 2), keepdims=True)
    common = (counts.sum(axis=0) + 0.5) / (counts.sum() + 0.5 * STATES)
    near = np.stack([np.roll(interval, root, axis=1) for root in range(12)]).reshape(STATES, STATES)
    near = np.sqrt(near * common)
    np.fill_diagonal(near, 0)
    near /= near.sum(axis=1, keepdims=True)
    mixed = counts + KEPT * near
    return np.asarray(np.log(np.maximum(mixed / mixed.sum(axis=1, keepdims=True), 1e-9)))


def agreement(found: np.ndarray, right: np.ndarray, one: Example) -> dict[str, float]:
    """Shares of the time in which the root, and the root and the family of its kind, are right; and of the bars whose
    longest chord is."""
    time = one.beats.end - one.beats.start
    root = split(found)[0] == split(right)[0]
    quality = root & (_families(found) == _families(right))
    bars = [
        _longest(found[own], time[own]) == _longest(right[own], time[own])
        for own in (one.beats.bar == bar for bar in np.unique(one.beats.bar))
    ]
    return {
        "root": float(np.average(root, weights=time)),
        "root and quality": float(np.average(quality, weights=time)),
        "chord a bar": float(np.mean(bars)),
    }


def _families(chords: np.ndarray) -> np.ndarray:
    return np.array([FAMILY[NAMES[kind]] for kind in split(chords)[1].tolist()])


def _longest(chords: np.ndarray, time: np.ndarray) -> tuple[int, str]:
    """The root and family of the chord that fills most of a bar."""
    totals: dict[int, float] = {}
    for chord, length in zip(chords.tolist(), time.tolist(), strict=True):
        totals[chord] = totals.get(chord, 0.0) + length
    chord = max(totals, key=totals.__getitem__)
    return chord // len(KINDS), FAMILY[NAMES[chord % len(KINDS)]]


def _examples(cache: NoteCache, split_name: str, count: int, seed_number: int) -> list[Example]:
    numbers = [i for i, piece in enumerate(cache.pieces) if piece.split == split_name]
    rng = np.random.default_rng(seed_number)
    found: list[Example] = []
    with progress_bar(f"pieces of {split_name}") as advance:
        for number in rng.permutation(numbers).tolist():
            if len(found) == count:
                break
            if (one := example(rng, cache[number])) is not None:
                found.append(one)
                advance(len(found), count)
    return found


def _measured(tables: Tables, examples: list[Example], right: list[np.ndarray]) -> dict[str, float]:
    each = [
        agreement(decode(tables, one.heard, one.beats), chords, one)
        for one, chords in zip(examples, right, strict=True)
    ]
    return {name: round(float(np.mean([row[name] for row in each])), 4) for name in each[0]} if each else {}


def main(config: Harmony) -> Iterator[Entry]:
    """Count the pieces and write the tables; yields how well the chords of heard notes agree with the print."""
    cache = NoteCache(config.cache)
    examples = _examples(cache, "train", config.pieces, config.seed)
    first = [decode(seed(), one.printed, one.beats) for one in examples]
    printed = seed()._replace(steps=counted(examples, first, PRINTED_TRUST, heard=False).steps)
    chords = [decode(printed, one.printed, one.beats) for one in examples]
    same = [float(np.mean(a == b)) for a, b in zip(first, chords, strict=True)]
    yield {"pieces": len(examples), "as at first": round(float(np.mean(same)), 4) if same else 0.0}
    tuned = slice(0, max(len(examples) // 8, 1))
    trusts = [counted(examples, chords, trust, heard=True) for trust in HEARD_TRUSTS]
    heard = max(
        trusts, key=lambda tables: _measured(tables, examples[tuned], chords[tuned]).get("root and quality", 0.0)
    )
    yield {"trust": heard.trust.tolist(), "train": _measured(heard, examples[tuned], chords[tuned])}
    heard = heard._replace(steps=printed.steps)
    save(config, printed, heard)
    valid = _examples(cache, "valid", config.valid, config.seed + 1)
    yield {"valid": _measured(heard, valid, [decode(printed, one.printed, one.beats) for one in valid])}


def save(config: Harmony, printed: Tables, heard: Tables) -> None:
    """Write the tables as `decoder.load` reads them; the successions are those of the print for both."""
    arrays = {"steps": printed.steps}
    for kind, tables in (("printed", printed), ("heard", heard)):
        arrays |= {f"{kind}_{name}": getattr(tables, name) for name in Tables._fields if name != "steps"}
    weight_files.save(config.weights / "harmony.npz", {name: a.astype(np.float16) for name, a in arrays.items()})
