"""Learn the weights in abcscribe/engines/notes_to_score/keys.py: which pitch classes speak for which key.

    python benchmarks/learn_keys.py CACHE.npz

A logistic regression over the 24 keys: every key sees the same evidence (how much each pitch class sounds, the lowest
notes of the first and the last chord) counted from its own tonic. Prints the weights, and the accuracy on fold
"report" beside that of Krumhansl and Kessler's profiles.
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np
import torch
from learn_rhythm import excerpts, fold

from abcscribe.datasets.note_cache import MODES, NoteCache
from abcscribe.engines.notes_to_score import keys

BARS = (4, 24)  # length of an excerpt
MAJOR_SHARE = 0.72  # the prior: of the pieces that people play, so many are in major
DECAY = 1e-2  # 2e-3 is .01 better on clean notes, .1 worse on 26 recordings as detectors hear them


def examples(cache: NoteCache, folds: tuple[str, ...], seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(n, 36) evidence from C, (n,) key as 12 * minor + tonic, (n,) source."""
    rng = np.random.default_rng(seed)
    evidence, answers, sources = [], [], []
    for item in cache:
        notes = item.notes
        if fold(item.piece) not in folds or not len(notes.fifths):
            continue
        for _, lines, _ in list(excerpts(notes))[:1]:
            first = 0 if rng.random() < 0.5 else int(rng.integers(0, len(lines) - 1))
            last = min(first + int(rng.integers(*BARS)), len(lines) - 1)
            bar = int(np.searchsorted(notes.bar_start, lines[first] + 0.01)) - 1
            mode = MODES[notes.mode[bar]]
            inside = (notes.onset >= lines[first] - 0.01) & (notes.onset < lines[last] - 0.01)
            if mode not in ("major", "minor") or inside.sum() < 12:
                continue
            seconds = notes.duration[inside] * 0.6
            evidence.append(keys.evidence(notes.pitch[inside].astype(int), notes.onset[inside], seconds))
            tonic = (7 * int(notes.fifths[bar]) + (9 if mode == "minor" else 0)) % 12
            answers.append(12 * (mode == "minor") + tonic)
            sources.append(item.piece.source)
    return np.array(evidence), np.array(answers), sources


def learn(evidence: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """(2, 36) weights of major and minor; the last column of each block is relative, so no bias is needed but one."""
    turned = torch.tensor(keys.turned(evidence), dtype=torch.float32)  # (n, 12, 36)
    weights = torch.zeros(2, 36, requires_grad=True)
    target = torch.tensor(answers)
    share = np.where(answers >= 12, (1 - MAJOR_SHARE) / (answers >= 12).mean(), MAJOR_SHARE / (answers < 12).mean())
    balance = torch.tensor(share, dtype=torch.float32)
    optimiser = torch.optim.LBFGS([weights], max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = torch.cat([turned @ weights[0], turned @ weights[1]], dim=1)
        losses = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        loss = (balance * losses).mean() + DECAY * (weights**2).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach().numpy()


def main(path: str) -> None:
    cache = NoteCache(path)
    evidence, answers, _ = examples(cache, ("learn",), 0)
    weights = learn(evidence, answers)
    for row in weights:
        print("    (" + ", ".join(f"{w:.2f}" for w in row) + "),")
    evidence, answers, sources = examples(cache, ("report",), 1)
    both = [np.concatenate([keys.turned(evidence) @ w for w in weights], axis=1).argmax(axis=1)]
    classes = evidence[:, :12]
    standard = (classes - classes.mean(axis=1, keepdims=True)) / classes.std(axis=1, keepdims=True)
    both.append((standard @ krumhansl().T).argmax(axis=1))
    right: dict[str, list] = defaultdict(list)
    for source, answer, *found in zip(sources, answers, *both, strict=True):
        right[source].append([f == answer for f in found])
        right["all"].append([f == answer for f in found])
    for source, rows in right.items():
        learned, usual = np.mean(rows, axis=0)
        print(f"{source:28} {len(rows):4}  learned {learned:.3f}  Krumhansl {usual:.3f}")


def krumhansl() -> np.ndarray:
    """(24, 12) probe-tone profiles of Krumhansl and Kessler (1982), standardised: the usual baseline."""
    major = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
    minor = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
    return np.stack([np.roll((p - p.mean()) / p.std(), tonic) for p in (major, minor) for tonic in range(12)])


if __name__ == "__main__":
    main(sys.argv[1])
