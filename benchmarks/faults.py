"""Which metric notices which fault? Prints the table of docs/metrics.md.

    python benchmarks/faults.py

A quartet of 16 bars is made from a seed, and spoilt in one way at a time; a cell is what is lost of a right answer's
figure (losses are turned round), * where it is more than a tenth.
"""

from __future__ import annotations

import random
from fractions import Fraction

from abcscribe.evaluation.faults import FAULTS
from abcscribe.metrics import evaluate_scores
from abcscribe.rewards import FULL, ORIGIN, combine, components
from abcscribe.score import Bar, Key, Metre, Note, Part, Pitch, Score, Tempo

FIGURES = {
    "pitch": ("pitch.loss", True), "merged": ("pitch.loss_merged", True), "duration": ("rhythm.duration", False),
    "scaled": ("rhythm.scaled", False), "position": ("rhythm.position", False), "metre": ("metre.loss", True),
    "tempo": ("tempo.loss", True), "key": ("key.score", False), "instrument": ("instrument.loss", True),
    "per note": ("instrument.per_note", False), "repetition": ("structure.repetition", False),
    "length": ("structure.length", False), "MV2H": ("mv2h.mv2h", False), "edit rate": ("edit_rate.mcr", True),
}  # fmt: skip
BARS = 16
HALF = Fraction(1, 2)
RHYTHMS = ((1, 1, 1, 1), (2, 1, 1), (1, 1, 2), (HALF, HALF, 1, 1, 1), (3 * HALF, HALF, 2))
REGISTERS = ((40, 35), (71, 30), (65, 25), (70, 18))  # program, and middle step of its voice (28 is C4)


def quartet(seed: int = 1) -> Score:
    """Four random walks in 4/4."""
    rng = random.Random(seed)
    parts = []
    for program, middle in REGISTERS:
        step, cells = middle, []
        for _ in range(BARS):
            at, cell = Fraction(0), []
            for duration in rng.choice(RHYTHMS):
                step = max(middle - 5, min(middle + 5, step + rng.choice((-2, -1, 1, 2))))
                cell.append(Note(at, Fraction(duration), Pitch("CDEFGAB"[step % 7], 0, step // 7)))
                at += duration
            cells.append(tuple(cell))
        parts.append(Part(tuple(cells), program=program))
    return Score((Bar(Fraction(4), Metre(4, 4), Key(0), Tempo(100)),) * BARS, tuple(parts))


def main() -> None:
    right = quartet()
    print("| fault | " + " | ".join([*FIGURES, "origin", "full"]) + " |")
    print("|---" * (len(FIGURES) + 3) + "|")
    for name, spoil in FAULTS.items():
        wrong = spoil(right)
        values = evaluate_scores(right, wrong)
        lost = [values[figure] if is_loss else 1 - values[figure] for figure, is_loss in FIGURES.values()]
        credits = components(right, wrong)
        assert credits is not None
        lost += [1 - combine(credits, weights) for weights in (ORIGIN, FULL)]
        print(f"| {name} | " + " | ".join(f"{max(0.0, x):.2f}{'*' if x > 0.1 else ''}" for x in lost) + " |")


if __name__ == "__main__":
    main()
