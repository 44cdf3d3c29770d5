"""partitura's musicanalysis on the same notes as ``benchmarks/analysis.py``: the baseline to beat.

    python benchmarks/partitura_baseline.py [--cache CACHE.npz] [--bench FOLDER] [--pieces 20]

Prints, for partitura: the metre's numerator right (it estimates no more; ours is exact), tempo within 4 % and up to the
octave, key with mode, and voices as in notes_to_score. ``fluidsynth`` is hidden from partitura, which would otherwise
download a soundfont when it is imported.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from aligned import clips
from analysis import TEMPO_TOLERANCE

from abcscribe.analysis import cleaning
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.training.small.performances import Performed, suite

FIELDS = [("onset_sec", "f4"), ("duration_sec", "f4"), ("pitch", "i4"), ("velocity", "i4"), ("id", "U8")]
SEVERAL_VOICES = ("chorale", "quartet")


def musicanalysis():
    sys.modules["fluidsynth"] = None  # type: ignore[assignment]
    from partitura import musicanalysis

    return musicanalysis


def measure(truth: Performed) -> dict[str, float]:
    notes = cleaning.clean(truth.notes)
    array = np.array(
        [(n.onset, n.offset - n.onset, n.pitch, n.velocity, f"n{i}") for i, n in enumerate(notes)], dtype=FIELDS
    )
    analysis = musicanalysis()
    begin = time.process_time()
    found = analysis.estimate_time(array)
    key = analysis.estimate_key(array)
    row = {"seconds": time.process_time() - begin}
    ratios = [abs(found["tempo"] * k / truth.quarter_bpm - 1) for k in (1, 2, 3, 1 / 2, 1 / 3)]
    row |= {"metre": found["meter_numerator"] == truth.metre.beats, "key": key == _named(truth)}
    row |= {"tempo": ratios[0] < TEMPO_TOLERANCE, "octave": min(ratios) < TEMPO_TOLERANCE}
    if truth.kind in SEVERAL_VOICES:
        row["voice"] = _voices(analysis.estimate_voices(array), notes, truth)
    return row


def _named(truth: Performed) -> str:
    return truth.key.tonic + ("m" if truth.key.mode == "minor" else "")


def _voices(voice: np.ndarray, notes: list, truth: Performed) -> float:
    """Share of notes in the voice where most notes of their estimated voice belong."""
    seen: Counter = Counter()
    for note, mine in zip(notes, voice, strict=True):
        near = np.flatnonzero((truth.pitch == note.pitch) & (np.abs(truth.seconds - note.onset) < 0.15))
        if len(near):
            seen[int(mine), int(truth.part[near[0]])] += 1
    majority: dict[int, int] = defaultdict(int)
    for (mine, _), n in seen.items():
        majority[mine] = max(majority[mine], n)
    return sum(majority.values()) / max(sum(seen.values()), 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--pieces", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    pieces = suite(NoteCache(options.cache), "report", options.pieces, options.seed) if options.cache else []
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for truth in [*pieces, *(clips(options.bench) if options.bench else [])]:
        row = measure(truth)
        rows[f"{truth.kind} ({truth.style})" if truth.style == "real" else truth.kind].append(row)
    for group, found in rows.items():
        columns = ("metre", "tempo", "octave", "key", "voice", "seconds")
        means = [np.mean(values) if (values := [r[c] for r in found if c in r]) else np.nan for c in columns]
        print(f"{group:16} {len(found):3} " + " ".join(f"{c} {m:.3f}" for c, m in zip(columns, means, strict=True)))


if __name__ == "__main__":
    main()
