"""Checkpoints on the same unseen windows: losses and parts, with paired intervals, as Markdown.

    python benchmarks/rl_table.py --notes data/notes.npz sft=data/sft control=data/control ppo=data/ppo grpo=data/grpo

Windows of the test split (pieces that no training saw), heard with mistakes as in training, answered greedily. The
first checkpoint is what the others are compared with: beside each mean, in brackets, the 95 % bootstrap interval of the
difference on the same windows. Losses: lower is better; parts are credits in [0, 1]: higher is better.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from abcscribe.corpora.note_cache import NoteCache
from abcscribe.evaluation.statistics import mean
from abcscribe.model.score_language_model import ScoreLanguageModel
from abcscribe.rewards import FULL, NAMES, ORIGIN, combine
from abcscribe.synthesis.windows import Stage
from abcscribe.training.policy import NotePolicy
from abcscribe.training.rollout import Problem, roll_out, windows
from abcscribe.training.window_source import window_source

SEED = 2026
BATCH = 50  # windows answered side by side
LOSSES = ("origin loss", "full loss")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", help="name=folder")
    parser.add_argument("--notes", type=Path, default=Path("data/notes.npz"))
    parser.add_argument("--windows", type=int, default=300)
    parser.add_argument("--longest", type=int, default=48, help="most notes of a window")
    parser.add_argument("--split", default="test")
    parser.add_argument("--free", action="store_true", help="without the grammar")
    parser.add_argument("--out", type=Path, help="also write the figures of every window, as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    draw = windows(window_source(NoteCache(arguments.notes), arguments.split), Stage((16, arguments.longest)))
    rng = np.random.default_rng(SEED)
    problems = [draw(rng) for _ in range(arguments.windows)]
    found = {}
    for item in arguments.checkpoints:
        name, _, folder = item.partition("=")
        policy = NotePolicy(ScoreLanguageModel.from_pretrained(folder), constrained=not arguments.free)
        found[name] = evaluate(policy, problems)
        if arguments.out:
            arguments.out.write_text(json.dumps({system: list(rows) for system, rows in found.items()}))
    print("\n".join(table(found)))


def evaluate(policy: NotePolicy, problems: list[Problem]) -> list[dict[str, float]]:
    """Losses and credits of the greedy answer to each problem."""
    rows = []
    for first in range(0, len(problems), BATCH):
        rollout = roll_out(policy, problems[first : first + BATCH], 1, 0, 0.0, FULL)
        for credits in rollout.credits:
            assert credits is not None, "a window has notes"
            row = {name: value for name in NAMES if (value := credits[name]) is not None}
            rows.append({"origin loss": 1 - combine(credits, ORIGIN), "full loss": 1 - combine(credits, FULL)} | row)
    return rows


def table(found: dict[str, list[dict[str, float]]]) -> Iterator[str]:
    """Markdown: a row for each figure, a column for each checkpoint."""
    base, *others = found
    yield f"| {len(found[base])} windows | {' | '.join(found)} |"
    yield "|---" * (1 + len(found)) + "|"
    for figure in (*LOSSES, *NAMES):
        cells = [f"{np.mean([row[figure] for row in found[base] if figure in row]):.3f}"]
        for name in others:
            pairs = zip(found[base], found[name], strict=True)
            paired = [(a[figure], b[figure]) for a, b in pairs if figure in a and figure in b]
            change = mean([b - a for a, b in paired])
            assert change is not None
            value = np.mean([b for _, b in paired])
            cells.append(f"{value:.3f} ({change.low:+.3f} … {change.high:+.3f})")
        yield f"| {figure} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
