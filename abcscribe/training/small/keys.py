"""Learn abcscribe/engines/notes_to_score/keys.npz: what speaks for which key.

    python benchmarks/learn_keys.py CACHE.npz [--windows 40000] [--excerpts 24000] [--steps 4000]

Windows of the train split as the language model is trained on (`abcscribe.synthesis.windows`) and excerpts as the
suites of ``abcscribe evaluate`` have them, mistakes in hearing included. Every key of one is asked the same
`keys.evidence`, so what is learned serves all tonics. Scores that tell a signature and no mode (OpenScore, madrigals)
teach the signature alone. Prints what is right on the valid split, beside Krumhansl and Kessler's profiles. Needs torch
and 4 GB of memory.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from abcscribe.analysis import keys
from abcscribe.analysis.keys import MODES, signature_classes
from abcscribe.corpora.note_cache import MODES as CACHED_MODES
from abcscribe.corpora.note_cache import CachedPiece, NoteCache
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training.small.heard_excerpts import LINES, excerpts_heard
from abcscribe.training.small.perceptron_fit import Fitted, fit

STAGE = Stage(
    notes=(16, 110),
    shares=(
        ("line", 0.14), ("tune", 0.4), ("melody", 0.06), ("piano", 0.1), ("ensemble", 0.2), ("lines", 0.05),
        ("song", 0.05),
    ),
)  # fmt: skip
WITHOUT_MODE = ("openscore", "music21/monteverdi")  # their files read as major throughout
HIDDEN = (64,)
BATCH, RATE, NOISE = 512, 3e-3, 0.5  # without the noise more steps learn pieces by heart


def told_only(item: CachedPiece) -> CachedPiece:
    """The piece with the mode "none" if its file tells none."""
    if not item.piece.source.startswith(WITHOUT_MODE):
        return item
    return replace(item, notes=replace(item.notes, mode=np.full_like(item.notes.mode, CACHED_MODES.index("none"))))


def answers(fifths: int, mode: str) -> np.ndarray | None:
    """(MODES, 12) bool: the keys that a signature and a mode allow; None for modes that are not told apart."""
    if mode not in (*MODES, "none"):
        return None
    signatures = np.array([signature_classes(tonic) for tonic in range(12)]).T
    allowed = signatures == fifths % 12
    return allowed if mode == "none" else allowed & (np.array(MODES) == mode)[:, None]


Example = tuple[np.ndarray, np.ndarray, int, str]  # (12, N) evidence, (MODES, 12) right keys, sharps, kind


def of_windows(cache: Path, split: str, seed: int) -> Iterator[Example]:
    source, rng = WindowSource(cache, split, prepared=told_only), np.random.default_rng(seed)
    while True:
        window = source.draw(rng, STAGE)
        spans = {(span.fifths, span.mode) for span in window.excerpt.spans}
        fifths, mode = spans.pop()
        right = answers(fifths, mode)
        if right is not None and not spans:
            heard = window.heard
            evidence = keys.evidence(heard.pitch, heard.onset, heard.offset - heard.onset)
            yield evidence, right, fifths % 12, window.kind


def of_excerpts(cache: Path, split: str, seed: int) -> Iterator[Example]:
    for piece, score, notes, _ in excerpts_heard(NoteCache(cache), split, LINES, seed):
        found = {bar.key for bar in score.bars}
        key = found.pop()
        right = answers(key.fifths, "none" if piece.source.startswith(WITHOUT_MODE) else key.mode)
        if right is not None and not found and notes:
            pitch, onset, offset = (
                np.array([getattr(n, name) for n in notes]) for name in ("pitch", "onset", "offset")
            )
            kind = "one line" if len(score.parts) == 1 else "excerpt"
            yield keys.evidence(pitch, onset, offset - onset), right, key.fifths % 12, kind


def examples(cache: Path, split: str, windows: int, excerpts: int, seed: int) -> tuple[np.ndarray, ...]:
    """The columns of so many Examples."""
    made = itertools.chain(
        itertools.islice(of_windows(cache, split, seed), windows),
        itertools.islice(of_excerpts(cache, split, seed), excerpts),
    )
    return tuple(np.stack(column) for column in zip(*made, strict=True))


def loss(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Of logits (b, 12, MODES): minus the log probability of all that is right together."""
    each = logits.transpose(1, 2).flatten(1).log_softmax(dim=1)
    return -each.masked_fill(~right.flatten(1), -torch.inf).logsumexp(dim=1).mean()


def krumhansl() -> np.ndarray:
    """(24, 12) probe-tone profiles of Krumhansl and Kessler (1982), standardised: the usual baseline."""
    major = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
    minor = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
    return np.stack([np.roll((p - p.mean()) / p.std(), tonic) for p in (major, minor) for tonic in range(12)])


def report(name: str, taken: np.ndarray, right: np.ndarray, fifths: np.ndarray, kinds: np.ndarray) -> None:
    """Prints by kind how often the key ``taken`` (12 * mode + tonic) and its signature are right."""
    mode, tonic = np.divmod(taken, 12)
    key = right[np.arange(len(right)), mode, tonic].astype(float)
    key[right.sum(axis=(1, 2)) > 1] = np.nan  # nobody knows the mode
    signature = np.array([signature_classes(t)[m] for m, t in zip(mode, tonic, strict=True)]) == fifths
    for kind in ("all", *sorted({*kinds})):
        of = (kinds == kind) | (kind == "all")
        known = key[of][~np.isnan(key[of])]
        told = f"key {known.mean():.3f} of {len(known):4}" if len(known) else ""
        print(f"{name:10} {kind:9} signature {signature[of].mean():.3f} of {of.sum():4}  {told}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--windows", type=int, default=40_000)
    parser.add_argument("--excerpts", type=int, default=24_000)
    parser.add_argument("--steps", type=int, default=4_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows, right, *_ = examples(options.cache, "train", options.windows, options.excerpts, 11)
    model = Fitted(rows.reshape(-1, rows.shape[2]), HIDDEN, len(MODES))
    fit(model, rows, torch.from_numpy(right), loss, options.steps, batch=BATCH, rate=RATE, noise=NOISE)
    model.save(keys.WEIGHTS)
    rows, right, fifths, kinds = examples(options.cache, "valid", 2000, 2000, 2)
    learned = np.array([keys.scores(row).argmax() for row in rows])
    sounding = rows[:, 0, :12]
    standard = (sounding - sounding.mean(axis=1, keepdims=True)) / sounding.std(axis=1, keepdims=True)
    for name, taken in (("learned", learned), ("Krumhansl", (standard @ krumhansl().T).argmax(axis=1))):
        report(name, taken, right, fifths, kinds)


if __name__ == "__main__":
    main()
