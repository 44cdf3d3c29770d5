"""How well towers hear the recordings of suites: onset F1 and families of notes, by folder; no score is written.

    python benchmarks/hearing.py SUITE [SUITE ...] [--tower FOLDER ...] [--clips N]

SUITE is a folder with a manifest.csv (``abcscribe data suite``), FOLDER a checkpoint; "" is the package's tower.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from abcscribe import audio, hearing
from abcscribe.evaluation.suites import Clip, read_suite
from abcscribe.metrics.notes import ONSET, ONSET_WIDE, count_matches, f1
from abcscribe.score.model import PlayedNote


def counts(truth: tuple[PlayedNote, ...], heard: list[PlayedNote]) -> list[float]:
    """Notes played, heard, right at 50 and at 100 ms, and right with their family; those with a known family."""
    named = [note for note in truth if note.family]
    families = {note.family for note in named}
    right = sum(
        count_matches([n for n in named if n.family == family], [n for n in heard if n.family == family], ONSET)
        for family in families
    )
    wide, near = count_matches(truth, heard, ONSET_WIDE), count_matches(truth, heard, ONSET)
    return [len(truth), len(heard), near, wide, right, count_matches(named, heard, ONSET)]


def measure(clips: list[Clip], tower: str) -> dict[str, list[float]]:
    """Sums of `counts`, and of the F1 of each clip at both tolerances, by folder and for all."""
    engine = hearing.load("abcscribe", tower)
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * 9)
    for clip in clips:
        if clip.notes is None:
            continue
        heard = [note for block in engine.notes(audio.blocks(clip.audio)) for note in block]
        own = counts(clip.notes, heard)
        own += [f1(own[2], own[0], own[1]), f1(own[3], own[0], own[1]), 1]
        for group in (clip.group, "all"):
            sums[group] = [a + b for a, b in zip(sums[group], own, strict=True)]
    return dict(sums)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", type=Path, nargs="+")
    parser.add_argument("--tower", action="append", default=[])
    parser.add_argument("--clips", type=int)
    options = parser.parse_args()
    print("| suite | tower | clips | onset F1 50 ms, mean of clips | 100 ms | family right of the notes found |")
    print("|---|---|---|---|---|---|")
    for suite in options.suites:
        clips = read_suite(suite)[: options.clips]
        for tower in options.tower or [""]:
            for group, (*_, right, named, near, wide, number) in sorted(measure(clips, tower).items()):
                family = f"{right / named:.3f}" if named else "-"
                print(
                    f"| {suite.name}, {group} | {tower or 'shipped'} | {number:.0f} | {near / number:.3f} "
                    f"| {wide / number:.3f} | {family} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
