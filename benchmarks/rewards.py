"""How long does a reward take? One reference of N notes, scored against many answers with wrong notes.

    python benchmarks/rewards.py [NOTES ...]

Prints milliseconds of processor time for each answer: reading its ABC text, and all. Every answer is another text, so
no cache helps but that of the reference, as in training.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from abcscribe.rewards import full_reward, origin_reward
from abcscribe.score import Bar, Note, Part, Pitch, Score, Staff, Tempo
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc

ANSWERS = 40


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
    print(f"{'notes':>6} {'parts':>6} {'read':>8} {'origin':>8} {'full':>8}   ms each")
    for notes in sizes:
        for parts in (1, 4):
            rng = random.Random(notes)
            reference, *answers = (write_abc(tune(notes, parts, rng)) for _ in range(2 * ANSWERS + 1))
            origin_reward(answers[:1], [reference])  # reads the reference
            work = [
                partial(list, map(read_abc, answers[:ANSWERS])),
                partial(origin_reward, answers[:ANSWERS], [reference] * ANSWERS),
                partial(full_reward, answers[ANSWERS:], [reference] * ANSWERS),
            ]
            print(f"{notes:6} {parts:6} " + " ".join(f"{milliseconds(w):8.2f}" for w in work))


def milliseconds(work: Callable[[], object]) -> float:
    """Of processor time, per answer."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / ANSWERS * 1000


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [50, 300, 1000])
