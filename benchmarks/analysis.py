"""How well notes_to_score writes: performances made from unseen scores, and aligned notes of real recordings.

    python benchmarks/analysis.py --cache CACHE.npz [--pieces 40] [--seed 1]
    python benchmarks/analysis.py --bench FOLDER [--engine NAME]

CACHE is the note cache of ``abcscribe.corpora.collections.build_cache``; its pieces of fold "report" are performed with
tempo drift, held notes, jitter, missed and invented notes (`performed`). FOLDER holds recordings with aligned notes
(`aligned`). Nothing is fitted on either.

Columns, per kind of music: ``metre`` right (2/2 counts as 4/4, the only one ever written); ``tempo`` of the quarter
within 4 %, ``octave`` the same up to a factor of 2 or 3; ``lines`` F1 of bar lines within 100 ms, ``bars`` share of
pieces where that is above .8; ``key`` with mode, ``sign`` only the signature; of the true notes, ``heard``: found
again, ``place``: at the right place of the bar, ``value``: with the right duration; ``voice``: in the voice where its
neighbours are.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from aligned import clips, heard

from abcscribe.corpora.note_cache import NoteCache
from abcscribe.score.model import Metre, Score
from abcscribe.training.small.performances import Performed, suite
from abcscribe.writing.rules import notes_to_score

LINE_TOLERANCE = 0.1  # seconds
NOTE_TOLERANCE = 0.5  # seconds, between a true note and where the written bars put it
TEMPO_TOLERANCE = 0.04
COLUMNS = ("metre", "tempo", "octave", "lines", "bars", "key", "sign", "heard", "place", "value", "voice")


def measure(score: Score, truth: Performed) -> dict[str, float]:
    """All columns for one piece, each 0 ... 1."""
    first = score.bars[0]
    assert first.metre is not None
    assert first.tempo is not None
    ratio = first.tempo.quarter_bpm / truth.quarter_bpm
    lines = line_f1(score, truth)
    return {
        "metre": _folded(first.metre) == _folded(truth.metre),
        "tempo": abs(ratio - 1) < TEMPO_TOLERANCE,
        "octave": min(abs(ratio * k - 1) for k in (1, 2, 3, 1 / 2, 1 / 3)) < TEMPO_TOLERANCE,
        "lines": lines,
        "bars": lines > 0.8,
        "key": first.key == truth.key,
        "sign": first.key.fifths == truth.key.fifths,
        **note_rates(score, truth),
    }


def _folded(metre: Metre) -> Metre:
    return Metre(4, 4) if metre == Metre(2, 2) else metre


def line_f1(score: Score, truth: Performed) -> float:
    """F1 of the bar lines between the first and the last note."""
    begin, end = truth.seconds.min() - LINE_TOLERANCE, truth.seconds.max() + LINE_TOLERANCE
    true = truth.bar_seconds[(truth.bar_seconds >= begin) & (truth.bar_seconds <= end)]
    true = true[1:] if truth.pickup else true
    found = np.array([bar.seconds for bar in score.bars if begin <= (bar.seconds or 0.0) <= end])
    if score.bars[0].metre and score.bars[0].length < score.bars[0].metre.length:
        found = found[1:]
    if not len(true) or not len(found):
        return 0.0
    hits = sum(np.abs(true - line).min() < LINE_TOLERANCE for line in found)
    return 2 * float(hits) / (len(true) + len(found))


def note_rates(score: Score, truth: Performed) -> dict[str, float]:
    written = written_notes(score)
    by_pitch: dict[int, list[tuple]] = defaultdict(list)
    for note in written:
        by_pitch[note[1]].append(note)
    places = values = 0
    voices: Counter = Counter()
    for k in np.argsort(truth.seconds):
        candidates = by_pitch[int(truth.pitch[k])]
        if not candidates:
            continue
        best = min(candidates, key=lambda note: abs(note[0] - truth.seconds[k]))
        if abs(best[0] - truth.seconds[k]) > NOTE_TOLERANCE:
            continue
        candidates.remove(best)
        places += abs(best[2] - truth.place[k]) < 0.01
        values += abs(best[3] - truth.duration[k]) < 0.01
        voices[best[4], _true_voice(truth, k)] += 1
    majority: dict = defaultdict(int)
    for (mine, _), n in voices.items():
        majority[mine] = max(majority[mine], n)
    heard = sum(voices.values())
    total = len(truth.seconds)
    voice = sum(majority.values()) / max(heard, 1)
    return {"heard": heard / total, "place": places / total, "value": values / total, "voice": voice}


def _true_voice(truth: Performed, k: int) -> tuple[int, bool]:
    """Part, and in piano music the hand: voices of the second staff are numbered from 5."""
    return int(truth.part[k]), truth.kind == "piano" and truth.staff_voice[k] >= 5


def written_notes(score: Score) -> list[tuple[float, int, float, float, tuple[int, bool]]]:
    """(seconds, MIDI, place in the bar, duration, (part, lower staff)) of every note, ties merged."""
    exact = score.bar_starts()
    starts = [float(start) for start in exact]
    seconds = [bar.seconds or 0.0 for bar in score.bars]
    last = score.bars[-1]
    pace = 60 / last.tempo.quarter_bpm if last.tempo else 0.6
    seconds.append(seconds[-1] + float(last.length) * pace)
    staff = {}
    for p, part in enumerate(score.parts):
        lower = set(part.staves[1].voices) if len(part.staves) > 1 else set()
        for start, notes in zip(exact, part.bars, strict=False):
            staff.update({(start + n.start, p, n.pitch.midi): n.voice in lower for n in notes})
    found = []
    for note in score.sounding_notes():
        at = float(note.onset)
        bar = int(np.searchsorted(starts, at + 1e-6)) - 1
        length = score.bars[bar].length
        short = float(score.bars[0].metre.length - length) if bar == 0 and score.bars[0].metre else 0.0
        place = at - starts[bar] + short
        when = float(np.interp(at, starts, seconds))
        found.append(
            (when, note.pitch, place, float(note.duration), (note.part, staff[note.onset, note.part, note.pitch]))
        )
    return found


def report(pieces: list[Performed], verbose: bool) -> None:
    rows: dict[str, list[dict]] = defaultdict(list)
    confused: Counter = Counter()
    begin = time.perf_counter()
    for truth in pieces:
        score = notes_to_score(truth.notes)
        row = measure(score, truth)
        for group in (truth.kind, f"({truth.style})", "all"):
            rows[group].append(row)
        metre, tempo = score.bars[0].metre, score.bars[0].tempo
        if _folded(truth.metre) != metre:
            confused[f"{truth.metre} as {metre}"] += 1
        if verbose:
            print(
                f"{truth.name[:34]:34} {truth.metre!s:5} {metre!s:5} {truth.key!s:9} {score.bars[0].key!s:9}"
                f" {truth.quarter_bpm:4.0f} {tempo.quarter_bpm if tempo else 0:4.0f} "
                + " ".join(f"{row[c]:4.2f}" for c in COLUMNS)
            )
    notes = sum(len(truth.notes) for truth in pieces)
    print(f"{len(pieces)} pieces, {notes} notes, {time.perf_counter() - begin:.1f} s")
    print(f"{'':10} {'n':>4} " + " ".join(f"{c:>6}" for c in COLUMNS))
    for group, found in rows.items():
        print(f"{group:10} {len(found):4} " + " ".join(f"{np.mean([r[c] for r in found]):6.3f}" for c in COLUMNS))
    print("metres:", ", ".join(f"{what} {n}" for what, n in confused.most_common(12)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--bench", type=Path)
    parser.add_argument("--pieces", type=int, default=40, help="performances of each kind of music")
    parser.add_argument("--fold", default="report", choices=("tune", "report"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", help="write what this engine hears in the recordings, not what was played")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if options.cache:
        report(suite(NoteCache(options.cache), options.fold, options.pieces, options.seed), options.verbose)
    if options.bench:
        played = clips(options.bench)
        report(heard(played, options.bench, options.engine) if options.engine else played, options.verbose)


if __name__ == "__main__":
    main()
