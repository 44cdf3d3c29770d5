"""Examples of the beat network: performances and windows, with the position in the bar of every onset as label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe.analysis import beats, cleaning, rhythm_tables
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.chord_features import features
from abcscribe.corpora.note_cache import CachedPiece, NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.files import save_arrays
from abcscribe.score.grid import METRE_NAMES, METRES, TICKS
from abcscribe.score.model import Metre
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.training.small.performances import Performed, perform, pieces
from abcscribe.training.small.rhythm_tables import SAME
from abcscribe.training.window_source import with_modes

KIND_SHARE = {
    "tune": 0.25, "song": 0.17, "line": 0.06, "solo": 0.06, "chorale": 0.12, "piano": 0.24, "quartet": 0.1,
}  # fmt: skip
NEAR = 0.1  # seconds between a heard note and the score note that it is matched with
PLACES = [len(rhythm_tables.places(metre)) for metre in METRES]
UNKNOWN = -100  # label of an onset without a note of the score
WINDOWS = Stage(
    notes=(24, 220),
    shares=(
        ("line", 0.12), ("tune", 0.34), ("melody", 0.14), ("piano", 0.18), ("ensemble", 0.11), ("lines", 0.06),
        ("song", 0.05),
    ),
)  # fmt: skip
FEWEST_CHORDS, FEWEST_PLACED = 8, 6


@dataclass(frozen=True, slots=True)
class Example:
    features: np.ndarray  # (n, FEATURES) float16
    place: np.ndarray  # (n,) index among the places of all METRES, or UNKNOWN
    tempo: np.ndarray  # (n,) index in beats.BPM, or UNKNOWN; always in windows, of which only the mean tempo is known
    onset: np.ndarray  # (n,) seconds


def example(truth: Performed) -> Example | None:
    metre = SAME.get(truth.metre, truth.metre)
    notes = cleaning.clean(truth.notes)
    groups = cleaning.chords(notes)
    if metre not in METRES or len(groups) < FEWEST_CHORDS:
        return None
    place = places_of(metre, truth.place * TICKS)
    tempo = np.abs(np.log(beats.BPM)[:, None] - np.log(_local_bpm(truth))).argmin(axis=0)
    index, miss = _nearest(truth, np.array([n.pitch for n in notes]), np.array([n.onset for n in notes]))
    labels = np.full((2, len(groups)), UNKNOWN)
    for chord, group in enumerate(groups):
        best = min(group, key=miss.__getitem__)
        if miss[best] < NEAR:
            labels[:, chord] = place[index[best]], tempo[index[best]]
    onsets = cleaning.chord_onsets(notes, groups)
    seen = features(notes, groups, onsets)
    places, tempos = labels.astype(np.int16)
    return Example(seen.astype(np.float16), places, tempos, onsets.astype(np.float32))


def places_of(metre: Metre, ticks: np.ndarray) -> np.ndarray:
    """(n,) ticks from the bar line -> index of the nearest place among the places of all METRES."""
    first = sum(PLACES[: METRES.index(metre)])
    nearest: np.ndarray = np.abs(rhythm_tables.places(metre)[:, None] - ticks).argmin(axis=0)
    return first + nearest


def _local_bpm(truth: Performed) -> np.ndarray:
    """(n,) tempo over the four quarters around each score note."""
    quarters, seconds = truth.clock
    left, right = np.maximum(truth.onset - 2, quarters[0]), np.minimum(truth.onset + 2, quarters[-1])
    passed = np.interp(right, quarters, seconds) - np.interp(left, quarters, seconds)
    bpm: np.ndarray = 60 * (right - left) / passed
    return bpm


def _nearest(truth: Performed, pitch: np.ndarray, onset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For heard notes: the nearest score note of the same pitch, and its distance in seconds."""
    line = truth.pitch * 1000.0 + truth.seconds  # no excerpt is so long that pitches overlap
    order = np.argsort(line)
    wanted = pitch * 1000.0 + onset
    at = np.searchsorted(line[order], wanted)
    both = np.stack([order[np.clip(at - 1, 0, len(order) - 1)], order[np.clip(at, 0, len(order) - 1)]])
    miss = np.abs(line[both] - wanted)
    closer = miss.argmin(axis=0)
    columns = np.arange(len(wanted))
    return both[closer, columns], miss[closer, columns]


def examples(cache: NoteCache, fold: str, count: int, seed: int) -> Iterator[Example]:
    """Perform pieces of a fold, with KIND_SHARE as far as the fold has each kind.

    Args:
        cache: the notes of the corpus.
        fold: of `rhythm_tables.fold`.
        count: number of examples.
        seed: of the performances.

    Raises:
        AbcscribeError: the fold has no piece.
    """
    by_kind: dict[str, list[tuple[CachedPiece, list[int]]]] = {}
    for kind, item, parts in pieces(cache, fold):
        by_kind.setdefault(kind, []).append((item, parts))
    if not by_kind:
        raise AbcscribeError(f"The note cache has no piece of fold {fold!r} to perform.")
    rng, kinds = np.random.default_rng(seed), [kind for kind in KIND_SHARE if kind in by_kind]
    shares = np.array([KIND_SHARE[kind] for kind in kinds])
    while count:
        kind = str(rng.choice(kinds, p=shares / shares.sum()))
        item, parts = by_kind[kind][rng.integers(len(by_kind[kind]))]
        truth = perform(kind, item, parts, rng)
        made = truth and example(truth)
        if made:
            count -= 1
            yield made


def window_example(window: Window) -> Example | None:
    """The example of a window; None for several or unknown metres, or few heard notes."""
    metres = {span.metre for span in window.excerpt.spans}
    metre = metres.pop()
    metre = SAME.get(metre, metre) if metre else metre
    played = played_notes(window.heard)
    notes = cleaning.clean(played)
    groups = cleaning.chords(notes)
    if metres or metre not in METRES or len(groups) < FEWEST_CHORDS:
        return None
    at = {(n.onset, n.pitch): int(place) for n, place in zip(played, window.places, strict=True)}
    labels = np.full((2, len(groups)), UNKNOWN, np.int16)
    for chord, group in enumerate(groups):
        known = [at.get((notes[i].onset, notes[i].pitch), -1) for i in group]
        known = [place for place in known if place >= 0]
        if known:
            labels[0, chord] = places_of(metre, np.array([max(set(known), key=known.count)]))[0]
    if (labels[0] != UNKNOWN).sum() < FEWEST_PLACED:
        return None
    onsets = cleaning.chord_onsets(notes, groups)
    seen = features(notes, groups, onsets)
    return Example(seen.astype(np.float16), labels[0], labels[1], onsets.astype(np.float32))


def window_examples(cache: NoteCache, split: str, count: int, seed: int) -> Iterator[Example]:
    source, rng = WindowSource(cache, split, prepared=with_modes), np.random.default_rng(seed)
    while count:
        made = window_example(source.draw(rng, WINDOWS))
        if made:
            count -= 1
            yield made


def save(path: Path, made: list[Example]) -> None:
    """Write examples to one file, which appears once it is complete."""
    ends = np.cumsum([len(e.place) for e in made])
    columns = {name: np.concatenate([getattr(e, name) for e in made]) for name in Example.__slots__}
    save_arrays(path, {"ends": ends, "metres": np.array(METRE_NAMES), **columns})


def load(path: Path) -> list[Example]:
    """The examples of a file. Raises AbcscribeError if their places are counted in other metres."""
    with np.load(path) as file:
        if tuple(file["metres"].tolist()) != METRE_NAMES:
            raise AbcscribeError(f"The examples in {path} are of other metres: name a new file for them.")
        parts = {name: np.split(file[name], file["ends"][:-1]) for name in Example.__slots__}
    return [Example(*fields) for fields in zip(*parts.values(), strict=True)]
