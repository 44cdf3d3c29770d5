"""Fit ``keys.npz``: log-probabilities of keys. ``abcscribe train small keys``.

Windows of the train split like those of the language model (`abcscribe.synthesis.windows`) and excerpts like those of
the suites of ``abcscribe evaluate``, with simulated transcription errors. The features, `analysis.keys.evidence`, are
relative to the tonic, so the network is shared by all tonics. Scores with a signature and no mode (OpenScore,
madrigals) are labels of the signature alone. Prints the accuracy on the valid split, beside Krumhansl and Kessler's
profiles.
"""

from __future__ import annotations

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
from abcscribe.model import perceptron
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training.pace import Entry
from abcscribe.training.small.configs import Keys
from abcscribe.training.small.heard_excerpts import LINES, excerpts_heard
from abcscribe.training.small.perceptron_fit import Fitted, fit

STAGE = Stage(
    notes=(16, 110),
    shares=(
        ("line", 0.14), ("tune", 0.4), ("melody", 0.06), ("piano", 0.1), ("ensemble", 0.2), ("lines", 0.05),
        ("song", 0.05),
    ),
)  # fmt: skip
WITHOUT_MODE = ("openscore", "music21/monteverdi")  # their files are read as major throughout
HIDDEN = (64,)
BATCH, RATE, NOISE = 512, 3e-3, 0.5  # without the noise more steps overfit (chorales .656 -> .614)


def told_only(item: CachedPiece) -> CachedPiece:
    """The piece with the mode "none" if its file has none."""
    if not item.piece.source.startswith(WITHOUT_MODE):
        return item
    return replace(item, notes=replace(item.notes, mode=np.full_like(item.notes.mode, CACHED_MODES.index("none"))))


def answers(fifths: int, mode: str) -> np.ndarray | None:
    """(MODES, 12) bool: the keys with a signature and a mode; None for modes that are not distinguished."""
    if mode not in (*MODES, "none"):
        return None
    signatures = np.array([signature_classes(tonic) for tonic in range(12)]).T
    allowed: np.ndarray = signatures == fifths % 12
    if mode != "none":
        allowed &= (np.array(MODES) == mode)[:, None]
    return allowed


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
    """The columns of Examples: so many of windows, so many of excerpts."""
    made = itertools.chain(
        itertools.islice(of_windows(cache, split, seed), windows),
        itertools.islice(of_excerpts(cache, split, seed), excerpts),
    )
    return tuple(np.stack(column) for column in zip(*made, strict=True))


def loss(logits: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Negative log-probability of all right keys together, of logits (b, 12, MODES)."""
    each = logits.transpose(1, 2).flatten(1).log_softmax(dim=1)
    return -each.masked_fill(~right.flatten(1), -torch.inf).logsumexp(dim=1).mean()


def krumhansl() -> np.ndarray:
    """(24, 12) probe-tone profiles of Krumhansl and Kessler (1982), standardised: the usual baseline."""
    major = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])
    minor = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])
    return np.stack([np.roll((p - p.mean()) / p.std(), tonic) for p in (major, minor) for tonic in range(12)])


def main(config: Keys) -> Iterator[Entry]:
    """Fit the network and write it; yields the accuracy on the valid split."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    rows, right, *_ = examples(config.cache, "train", config.windows, config.excerpts, 11)
    model = Fitted(rows.reshape(-1, rows.shape[2]), HIDDEN, len(MODES))
    yield from fit(model, rows, torch.from_numpy(right), loss, config.steps, batch=BATCH, rate=RATE, noise=NOISE)
    out = config.weights / "keys.npz"
    model.save(out)
    rows, right, fifths, kinds = examples(config.cache, "valid", config.valid, config.valid, 2)
    learned = np.array([perceptron.answer(out, row).T.argmax() for row in rows])
    sounding = rows[:, 0, :12]
    standard = (sounding - sounding.mean(axis=1, keepdims=True)) / sounding.std(axis=1, keepdims=True)
    for name, taken in (("learned", learned), ("Krumhansl", (standard @ krumhansl().T).argmax(axis=1))):
        yield from _report(name, taken, right, fifths, kinds)


def _report(name: str, taken: np.ndarray, right: np.ndarray, fifths: np.ndarray, kinds: np.ndarray) -> Iterator[Entry]:
    """Accuracy of the keys ``taken`` (12 * mode + tonic) and of their signatures, by kind."""
    mode, tonic = np.divmod(taken, 12)
    key = right[np.arange(len(right)), mode, tonic].astype(float)
    key[right.sum(axis=(1, 2)) > 1] = np.nan  # the mode is not known
    signature = np.array([signature_classes(t)[m] for m, t in zip(mode, tonic, strict=True)]) == fifths
    for kind in ("all", *sorted({*kinds.tolist()})):
        of = (kinds == kind) | (kind == "all")
        known = key[of][~np.isnan(key[of])]
        told = {"key": round(float(known.mean()), 4), "keys": len(known)} if len(known) else {}
        yield {
            "valid": name,
            "kind": kind,
            "signature": round(float(signature[of].mean()), 4),
            "count": int(of.sum()),
        } | told
