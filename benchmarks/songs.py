"""Songs: chord symbols, lead sheets and drums, against what was played.

    python benchmarks/songs.py NOTES.npz SOUNDS.npz OUT [--clips 200] [--split test] [--writer lm]
    python benchmarks/songs.py NOTES.npz SOUNDS.npz OUT --heard        # what was heard before, written again

Clips are rendered and heard once (`song_clips`; OUT keeps what was heard, and a run that stops goes on) and then
written like any recording, with metre, key and players found by ear. Chords are compared in time with those of the
print: the root, and the root and the family (major, minor, seventh). The tune of a lead sheet: onsets at 100 ms with
and without the pitch, and the pitch loss. Drums: onsets of kick, snare and hat at 50 ms, and the bars whose hits all
stand where they were played. Accompaniments of as many songs of the split as --accompaniments says are performed and
heard with simulated mistakes (`simulated_hearing`): bars of the print with their longest chord right. --whole songs of
four minutes: the pages of their lead sheets, and their time against a plain transcription.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from song_clips import Clip, Studio, songs

from abcscribe import hearing
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.harmony import with_chords
from abcscribe.analysis.harmony.decoder import decode, load
from abcscribe.analysis.harmony.evidence import evidence_of
from abcscribe.analysis.harmony.vocabulary import FAMILY, NAMES, split
from abcscribe.arranging import Arrangement, arranged
from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.note_cache import CachedPiece, NoteCache
from abcscribe.hints import Hints
from abcscribe.metrics import notes as note_metrics
from abcscribe.metrics import pitch as pitch_metrics
from abcscribe.metrics.matching import Line, LineNote, match_voices
from abcscribe.score.engrave import svg_pages
from abcscribe.score.harmony import alter
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import STEP_SEMITONES, PlayedNote, Score
from abcscribe.score.timing import time_map
from abcscribe.synthesis.performance import QUARTER_BPM, perform
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.systems import SystemName
from abcscribe.training.small import harmony
from abcscribe.transcription import written

NOBODY = (-1, "")
DRUMS = {"kick": (35, 36), "snare": (37, 38, 39, 40), "hat": (42, 44, 46)}
HIT = 0.05  # seconds
BAR = 0.1  # seconds between bar lines that are one
PLACE = 1 / 16  # quarters
GROOVE = 4.0  # quarters of a bar of the drums
SEVERITY = 0.3  # of simulated mistakes: a fifth of the notes missed, a tenth false, as the tower does with four lines
ACCOMPANIMENT_SECONDS, WHOLE = 60.0, 240.0

Truth = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip as it was heard, and what is true of it."""

    name: str
    kind: str
    seconds: float
    notes: list[PlayedNote]
    truth: Truth  # tune, chords, bar_of_beat, hits, bars, places of `Clip`


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--split", default="test")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--writer", default="rules")
    parser.add_argument("--accompaniments", type=int, default=20)
    parser.add_argument("--whole", type=int, default=0, help="songs of four minutes")
    parser.add_argument("--heard", action="store_true", help="only clips that were heard before")
    wanted = parser.parse_args()
    cache = NoteCache(wanted.cache)
    rows = []
    for clip in heard_clips(wanted, cache):
        rows.append(measured(clip, wanted.writer))
    report(rows)
    if wanted.accompaniments:
        chosen = songs(cache, wanted.split)[: wanted.accompaniments]
        each = [accompaniment(np.random.default_rng(i), cache[i]) for i in chosen]
        print(f"accompaniments with mistakes, {len(each)} songs: chord a bar {np.mean(each):.3f}")
    for name, pages, ratio in whole_songs(cache, wanted) if wanted.whole else ():
        print(f"{name}: {pages} pages of lead sheet, {ratio:.2f} x the time of a plain transcription", flush=True)


# --- what is heard ----------------------------------------------------------------------------------------------------


def heard_clips(wanted: argparse.Namespace, cache: NoteCache) -> Iterator[Heard]:
    """The clips of OUT, after those that it lacks are made and heard."""
    wanted.out.mkdir(parents=True, exist_ok=True)
    known = {int(path.stem) for path in wanted.out.glob("*.json")}
    if not wanted.heard and not known.issuperset(range(wanted.clips)):
        engine = hearing.load("abcscribe")
        studio = Studio(cache, wanted.sounds, wanted.split, wanted.seconds, wanted.seed)
        for number, clip in studio.clips(wanted.clips, known):
            notes = [note for found in engine.notes([clip.waveform]) for note in found]
            write(wanted.out / f"{number:04d}.json", clip, notes)
    for path in sorted(wanted.out.glob("*.json"))[: wanted.clips]:
        yield read(path)


def write(path: Path, clip: Clip, notes: list[PlayedNote]) -> None:
    names = ("tune", "chords", "bar_of_beat", "hits", "bars", "places")
    about = {
        "name": clip.name, "kind": clip.kind, "seconds": len(clip.waveform) / SAMPLE_RATE,
        "truth": {name: getattr(clip, name).tolist() for name in names},
        "notes": [dataclasses.asdict(note) for note in notes],
    }  # fmt: skip
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(about))
    unfinished.replace(path)


def read(path: Path) -> Heard:
    about = json.loads(path.read_text())
    notes = [PlayedNote(**row | {name: tuple(row[name]) for name in ("families", "timbre")}) for row in about["notes"]]
    widths = {"tune": 3, "chords": 3, "hits": 2, "places": 2}
    truth = {name: np.array(rows, float) for name, rows in about["truth"].items()}
    truth = {name: rows.reshape(-1, widths[name]) if name in widths else rows for name, rows in truth.items()}
    return Heard(about["name"], about["kind"], about["seconds"], notes, truth)


# --- what is written --------------------------------------------------------------------------------------------------


def measured(clip: Heard, writer: str) -> dict[str, float | str]:
    """The figures of one clip."""
    row: dict[str, float | str] = {"kind": clip.kind, "name": clip.name}
    score = score_of(clip, Hints(), writer)
    row["chords unasked"] = float(any(bar.harmonies for bar in score.bars))
    score = with_chords(score)
    row |= chord_figures(clip.truth, score)
    if len(clip.truth["tune"]):
        row |= tune_figures(clip.truth["tune"], score)
    if len(clip.truth["hits"]):
        row |= drum_figures(clip.truth, score)
    return row


def score_of(clip: Heard, hints: Hints, writer: str) -> Score:
    steps = written(clip.notes, hints, clip.seconds, SystemName("abcscribe", writer=writer))
    return next(step for step in steps if isinstance(step, Score))


def chord_figures(truth: Truth, score: Score) -> dict[str, float]:
    """Shares of the time with the right root, and root and family, and of the bars with the right longest chord."""
    middle, time, chords = truth["chords"].T
    found = list(at(score, middle))
    right = named(chords.astype(int))
    bars = truth["bar_of_beat"]
    whole = [longest(found, time, bars == bar) == longest(right, time, bars == bar) for bar in np.unique(bars)]
    pairs = list(zip(found, right, strict=True))
    return {
        "root": float(np.average([a[0] == b[0] for a, b in pairs], weights=time)),
        "root and family": float(np.average([a == b for a, b in pairs], weights=time)),
        "chord a bar": float(np.mean(whole)),
    }


def named(chords: np.ndarray) -> list[tuple[int, str]]:
    """Root and family of chords of the vocabulary."""
    roots, kinds = split(chords)
    return [(root, FAMILY[NAMES[kind]]) for root, kind in zip(roots.tolist(), kinds.tolist(), strict=True)]


def longest(chords: list[tuple[int, str]], time: np.ndarray, own: np.ndarray) -> tuple[int, str]:
    totals: dict[tuple[int, str], float] = defaultdict(float)
    for index in np.flatnonzero(own).tolist():
        totals[chords[index]] += float(time[index])
    return max(totals, key=totals.__getitem__)


def at(score: Score, moments: np.ndarray) -> Iterator[tuple[int, str]]:
    """Root and family of the symbol in force at each second."""
    starts = [float(start) for start in score.bar_starts()[:-1]]
    places = [float(h.start) + start for bar, start in zip(score.bars, starts, strict=True) for h in bar.harmonies]
    symbols = [harmony for bar in score.bars for harmony in bar.harmonies]
    clock = time_map(score)
    for moment in moments.tolist():
        index = int(np.searchsorted(places, clock.quarter(moment) + 1e-3)) - 1
        symbol = symbols[index] if index >= 0 else None
        if symbol is None or not symbol.root:
            yield NOBODY
        else:
            yield (STEP_SEMITONES[symbol.root[0]] + alter(symbol.root)) % 12, FAMILY.get(symbol.kind, "")


def tune_figures(tune: np.ndarray, score: Score) -> dict[str, float]:
    """How well the tune of the lead sheet agrees with what was played."""
    lead = arranged(score, Arrangement("lead"))[0]
    clock = time_map(lead)
    written_tune = [
        PlayedNote(clock.at(n.onset), max(clock.at(n.onset + n.duration), clock.at(n.onset) + 0.01), n.pitch)
        for n in lead.sounding_notes()
    ]
    played = [PlayedNote(on, off, int(pitch)) for on, off, pitch in tune.tolist()]
    flat = [[dataclasses.replace(n, pitch=60) for n in side] for side in (played, written_tune)]
    octaves = [[dataclasses.replace(n, pitch=n.pitch % 12 + 60) for n in side] for side in (played, written_tune)]
    sides = (played, written_tune)
    lines = [[Line(0, 0, tuple(LineNote(i, n.pitch, 1, 0) for i, n in enumerate(side)))] for side in sides]
    return {
        "onset F1": onset_f1(*flat), "onset F1 with pitch": onset_f1(played, written_tune),
        "onset F1 with pitch class": onset_f1(*octaves), "pitch loss": pitch_metrics.loss(match_voices(*lines)),
        "notes": len(written_tune) / len(played),
    }  # fmt: skip


def onset_f1(played: list[PlayedNote], found: list[PlayedNote], tolerance: float = note_metrics.ONSET_WIDE) -> float:
    return note_metrics.f1(note_metrics.count_matches(played, found, tolerance), len(played), len(found))


def drum_figures(truth: Truth, score: Score) -> dict[str, float]:
    """Onsets of each drum as they were heard, and the bars that are written with every hit in its place."""
    heard = [note for note in score.performance if note.drum]
    figures = {}
    for name, keys in DRUMS.items():
        played = [PlayedNote(on, on + 0.05, 60) for on, key in truth["hits"].tolist() if key in keys]
        if played:
            own = [PlayedNote(n.onset, n.onset + 0.05, 60) for n in heard if n.pitch in keys]
            figures[name] = onset_f1(played, own, HIT)
    return figures | {"pattern of the bar": pattern_right(truth, score)}


def pattern_right(truth: Truth, score: Score) -> float:
    """Share of the bars of which a written bar line says where they begin and whose hits of kick, snare and hat are
    those that are written."""
    drums = [i for i, part in enumerate(score.parts) if part.program == PERCUSSION]
    seconds = np.array([bar.seconds or 0.0 for bar in score.bars])
    starts = [float(start) for start in score.bar_starts()]
    written_hits = [
        (float(n.onset), name) for n in score.sounding_notes() if n.part in drums
        for name, keys in DRUMS.items() if n.pitch in keys
    ]  # fmt: skip
    right = []
    for bar, line in enumerate(truth["bars"][:-1].tolist()):
        own = truth["places"][:, 0] == bar
        if not own.any():
            continue
        hits = zip(truth["places"][own][:, 1].tolist(), truth["hits"][own][:, 1].tolist(), strict=True)
        played = {(round(at / PLACE), name) for at, key in hits for name, keys in DRUMS.items() if key in keys}
        nearest = int(np.abs(seconds - line).argmin())
        begin = starts[nearest] - 1e-6
        found = {(round((at - begin) / PLACE), name) for at, name in written_hits if begin <= at < begin + GROOVE}
        right.append(abs(seconds[nearest] - line) < BAR and same(played, found))
    return float(np.mean(right)) if right else float("nan")


def same(played: set[tuple[int, str]], found: set[tuple[int, str]]) -> bool:
    """Whether the hits are the same; a triplet's place may be written to the nearest sixteenth of a quarter."""
    return len(played) == len(found) and all(any(n == m and abs(a - b) <= 1 for b, m in found) for a, n in played)


def accompaniment(rng: np.random.Generator, item: CachedPiece) -> float:
    """Share of the printed bars whose longest chord is found in an accompaniment that is heard with mistakes."""
    notes, beats = item.notes, harmony.grid(item.notes)
    pitched = notes.program[notes.part] < PERCUSSION
    printed = decode(load("printed"), evidence_of(harmony.sounding(notes, pitched), beats), beats)
    below = pitched & (notes.part > 0)
    onset, length = (a[below].astype(float) for a in (notes.onset, notes.duration))
    marks = notes.tempo[~np.isnan(notes.tempo)]
    bpm = float(np.clip(marks[0], *QUARTER_BPM)) if len(marks) else 96.0
    part, pitch = np.zeros(int(below.sum()), int), notes.pitch[below].astype(int)
    played = perform(rng, onset, length, pitch, part, (0,), bpm).before(ACCOMPANIMENT_SECONDS)
    heard, _ = hear(rng, played, SEVERITY)
    clip = Heard(item.piece.id, "", ACCOMPANIMENT_SECONDS, list(played_notes(heard)), {})
    score = score_of(clip, Hints(chords=True), "rules")
    order = np.argsort(onset[played.note], kind="stable")
    quarters, seconds = onset[played.note][order], np.maximum.accumulate(played.onset[order])
    ends = beats.end[beats.end <= quarters[-1]]
    middle = np.interp((beats.start + beats.end)[: len(ends)] / 2, quarters, seconds)
    columns = np.column_stack([middle, (beats.end - beats.start)[: len(ends)], printed[: len(ends)]])
    return chord_figures({"chords": columns, "bar_of_beat": beats.bar[: len(ends)]}, score)["chord a bar"]


def whole_songs(cache: NoteCache, wanted: argparse.Namespace) -> Iterator[tuple[str, int, float]]:
    """Songs of four minutes: name, pages of the lead sheet with repeats, and time against a plain transcription."""
    engine = hearing.load("abcscribe")
    studio = Studio(cache, wanted.sounds, wanted.split, WHOLE, wanted.seed, kinds=("voice",))
    for _, clip in studio.clips(wanted.whole, from_start=True):
        begun = time.process_time()
        notes = [note for found in engine.notes([clip.waveform]) for note in found]
        heard = Heard(clip.name, clip.kind, len(clip.waveform) / SAMPLE_RATE, notes, {})
        hearing_time, begun = time.process_time() - begun, time.process_time()
        score_of(heard, Hints(chords=False), wanted.writer)
        plain, begun = time.process_time() - begun, time.process_time()
        score = score_of(heard, Hints(chords=True), wanted.writer)
        lead, _ = arranged(score, Arrangement("lead", repeats=True))
        asked = time.process_time() - begun
        yield clip.name, len(svg_pages(lead)), (hearing_time + asked) / (hearing_time + plain)


def report(rows: list[dict[str, float | str]]) -> None:
    """A line for each figure: its mean over the clips that have it, and over each kind."""
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    print(f"{'':26}{'all':>8}{'clips':>7}", *(f"{kind:>16}" for kind in kinds))
    for name in dict.fromkeys(name for row in rows for name in row if name not in ("kind", "name")):

        def mean(own: list[dict[str, float | str]], name: str = name) -> float:
            values = [float(row[name]) for row in own if name in row]
            return float(np.nanmean(values)) if values else float("nan")

        count = sum(name in row for row in rows)
        by_kind = (mean([row for row in rows if row["kind"] == kind]) for kind in kinds)
        print(f"{name:26}{mean(rows):8.3f}{count:7d}", *(f"{value:16.3f}" for value in by_kind))


if __name__ == "__main__":
    main()
