"""How long does a reward take? One reference of N notes, scored against many answers with wrong notes.

    python benchmarks/rewards.py [NOTES ...]

Prints the median milliseconds for an answer: reading its ABC text; reading and scoring it; scoring a Score. Every
answer is another one, so no cache helps but that of the reference, as in training.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from statistics import median
from typing import Any

from abcscribe.rewards import full_reward
from abcscribe.score import Bar, Note, Part, Pitch, Score, Staff, Tempo
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc

ANSWERS = 200


def tune(notes: int, parts: int, rng: random.Random) -> Score:
    """Eighths and quarters of a random walk, in 4/4."""
    bars = max(1, notes // parts // 6)
    rhythm = [Fraction(n, 2) for n in (1, 1, 2, 1, 1, 2)]
    written = []
    for _ in range(parts):
        step, cells = 7, []
        for _ in range(bars):
            at, cell = Fraction(0), []
            for duration in rhythm:
                step = max(0, min(14, step + rng.choice((-2, -1, 1, 2))))
                cell.append(Note(at, duration, Pitch("CDEFGAB"[step % 7], 0, 4 + step // 7)))
                at += duration
            cells.append(tuple(cell))
        written.append(Part(tuple(cells), "Violin", 40, (Staff(),)))
    return Score(tuple(Bar(Fraction(4), tempo=Tempo(100)) for _ in range(bars)), tuple(written))


def main(sizes: list[int]) -> None:
    print(f"{'notes':>6} {'parts':>6} {'read':>8} {'text':>8} {'Score':>8}   ms each")
    for notes in sizes:
        for parts in (1, 4):
            rng = random.Random(notes)
            reference, *answers = (tune(notes, parts, rng) for _ in range(ANSWERS + 1))
            texts = [write_abc(answer) for answer in answers]

            def scored(answer: Any, reference: Score = reference) -> object:
                return full_reward([answer], [reference])

            scored(reference)  # reads the reference
            work: list[tuple[Callable[[Any], object], Sequence[object]]] = [
                (read_abc, texts), (scored, texts), (scored, answers)
            ]  # fmt: skip
            print(f"{notes:6} {parts:6} " + " ".join(f"{milliseconds(*w):8.2f}" for w in work))


def milliseconds(work: Callable[[Any], object], answers: Sequence[object]) -> float:
    """Of processor time: the median over the answers."""
    taken = []
    for answer in answers:
        began = time.process_time()
        work(answer)
        taken.append(time.process_time() - began)
    return median(taken) * 1000


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [50, 300, 1000])
