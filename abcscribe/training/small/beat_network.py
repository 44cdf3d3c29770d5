"""Learn abcscribe/engines/notes_to_score/network.npz: where an onset stands in the bar, from what one notices there.

    python benchmarks/learn_network.py CACHE.npz EXAMPLES.npz HEARD [--performed 20000] [--windows 90000] --resume

Performs pieces of fold "learn" (`performed`), a new tempo, style and set of mistakes each time, draws windows as the
language model is trained on (`abcscribe.synthesis.windows`), keeps them in EXAMPLES.npz, takes the windows of HEARD
(``abcscribe data listen``) besides, and trains on them, from the weights that are there with --resume. What is kept is
the moving average of the weights. The shipped weights are older than this way of training, which makes better ones by
every held-out loss and, so far, no better ones of recordings; docs/log has each run. Needs torch and a compiler.
Simplifications: one learning rate schedule, no early stopping, validation on 600 performances and 600 windows of fold
"tune" printed for information only.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import beat_network, beats, cleaning, rhythm_tables
from abcscribe.analysis.analysis_features import played_notes
from abcscribe.analysis.chord_features import FEATURES, features
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.score.grid import METRES, TICKS
from abcscribe.score.model import Metre
from abcscribe.synthesis.windows import Stage, Window, WindowSource
from abcscribe.training.heard_windows import kept_windows
from abcscribe.training.small.performances import Performed, perform, pieces
from abcscribe.training.small.rhythm_tables import SAME
from abcscribe.training.window_source import with_modes

KIND_SHARE = {
    "tune": 0.25, "song": 0.17, "line": 0.06, "solo": 0.06, "chorale": 0.12, "piano": 0.24, "quartet": 0.1,
}  # fmt: skip
NEAR = 0.1  # seconds between a heard note and the score note that it is taken for
PLACES = [len(rhythm_tables.places(metre)) for metre in METRES]
UNKNOWN = -100  # label of an onset that is no note of the score
WIDTH = 128
BATCHES = {48: 64, 96: 32, 144: 20, 208: 14}  # chords that an example is filled up to -> examples in a batch
VALIDATED = 25  # examples at once
# Muon (Jordan et al., 2024; in units of AdamW's) for the matrices of the blocks, AdamW for the rest.
MATRIX_RATE, VECTOR_RATE, WEIGHT_DECAY, DROPOUT = 1e-3, 5e-4, 0.02, 0.2
WARMUP, LAST = 150, 0.02  # steps; share of the rate that it falls to
AVERAGE = 0.999  # of the moving average of the weights
TEMPO_WEIGHT, METRE_WEIGHT = 0.5, 0.5  # beside 1 for the places
REPORT = 240  # seconds
WINDOWS = Stage(
    notes=(24, 220),
    shares=(
        ("line", 0.12), ("tune", 0.34), ("melody", 0.14), ("piano", 0.18), ("ensemble", 0.11), ("lines", 0.06),
        ("song", 0.05),
    ),
)  # fmt: skip
HEARD_WEIGHT = 3  # of what a tower heard beside what was simulated
FEWEST_CHORDS, FEWEST_PLACED = 8, 6
CROP = (24, 200)  # chords: half of the examples are cut to such a length, as short recordings are


@dataclass(frozen=True, slots=True)
class Example:
    features: np.ndarray  # (n, FEATURES) float16
    place: np.ndarray  # (n,) index among the places of all METRES, or UNKNOWN
    tempo: np.ndarray  # (n,) index in beats.BPM, or UNKNOWN; a window tells its mean tempo only, so all of them
    onset: np.ndarray  # (n,) seconds


def example(truth: Performed) -> Example | None:
    metre = SAME.get(truth.metre, truth.metre)
    notes = cleaning.clean(truth.notes)
    groups = cleaning.chords(notes)
    if metre not in METRES or len(groups) < FEWEST_CHORDS:
        return None
    place = places_of(metre, truth.place * TICKS)
    tempo = np.abs(np.log(beats.BPM)[:, None] - np.log(_local_bpm(truth))).argmin(axis=0)
    index, miss = _nearest(truth, np.array([n.pitch for n in notes]), np.array([n.onset for n in notes]))
    labels = np.full((2, len(groups)), UNKNOWN)
    for chord, group in enumerate(groups):
        best = min(group, key=miss.__getitem__)
        if miss[best] < NEAR:
            labels[:, chord] = place[index[best]], tempo[index[best]]
    onsets = cleaning.chord_onsets(notes, groups)
    seen = features(notes, groups, onsets)
    return Example(seen.astype(np.float16), *labels.astype(np.int16), onsets.astype(np.float32))


def places_of(metre: Metre, ticks: np.ndarray) -> np.ndarray:
    """(n,) ticks from the bar line -> index of the nearest place among the places of all METRES."""
    first = sum(PLACES[: METRES.index(metre)])
    return first + np.abs(rhythm_tables.places(metre)[:, None] - ticks).argmin(axis=0)


def _local_bpm(truth: Performed) -> np.ndarray:
    """(n,) tempo over the four quarters around each score note."""
    quarters, seconds = truth.clock
    left, right = np.maximum(truth.onset - 2, quarters[0]), np.minimum(truth.onset + 2, quarters[-1])
    passed = np.interp(right, quarters, seconds) - np.interp(left, quarters, seconds)
    return 60 * (right - left) / passed


def _nearest(truth: Performed, pitch: np.ndarray, onset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For heard notes: the score note of the same pitch that was due next to it, and the distance in seconds."""
    line = truth.pitch * 1000.0 + truth.seconds  # no excerpt is so long that pitches overlap
    order = np.argsort(line)
    wanted = pitch * 1000.0 + onset
    at = np.searchsorted(line[order], wanted)
    both = np.stack([order[np.clip(at - 1, 0, len(order) - 1)], order[np.clip(at, 0, len(order) - 1)]])
    miss = np.abs(line[both] - wanted)
    closer = miss.argmin(axis=0)
    columns = np.arange(len(wanted))
    return both[closer, columns], miss[closer, columns]


def examples(cache: NoteCache, fold: str, count: int, seed: int) -> Iterator[Example]:
    by_kind: dict[str, list] = {}
    for kind, item, parts in pieces(cache, fold):
        by_kind.setdefault(kind, []).append((item, parts))
    rng = np.random.default_rng(seed)
    while count:
        kind = str(rng.choice(list(KIND_SHARE), p=list(KIND_SHARE.values())))
        item, parts = by_kind[kind][rng.integers(len(by_kind[kind]))]
        truth = perform(kind, item, parts, rng)
        made = truth and example(truth)
        if made:
            count -= 1
            yield made


def window_example(window: Window) -> Example | None:
    """None for windows of several or unknown metres, or with little that is heard."""
    metres = {span.metre for span in window.excerpt.spans}
    metre = metres.pop()
    metre = SAME.get(metre, metre) if metre else metre
    played = played_notes(window.heard)
    notes = cleaning.clean(played)
    groups = cleaning.chords(notes)
    if metres or metre not in METRES or len(groups) < FEWEST_CHORDS:
        return None
    at = {(n.onset, n.pitch): int(place) for n, place in zip(played, window.places, strict=True)}
    labels = np.full((2, len(groups)), UNKNOWN, np.int16)
    for chord, group in enumerate(groups):
        known = [at.get((notes[i].onset, notes[i].pitch), -1) for i in group]
        known = [place for place in known if place >= 0]
        if known:
            labels[0, chord] = places_of(metre, np.array([max(set(known), key=known.count)]))[0]
    if (labels[0] != UNKNOWN).sum() < FEWEST_PLACED:
        return None
    onsets = cleaning.chord_onsets(notes, groups)
    return Example(features(notes, groups, onsets).astype(np.float16), *labels, onsets.astype(np.float32))


def window_examples(cache: NoteCache, split: str, count: int, seed: int) -> Iterator[Example]:
    source, rng = WindowSource(cache, split, prepared=with_modes), np.random.default_rng(seed)
    while count:
        made = window_example(source.draw(rng, WINDOWS))
        if made:
            count -= 1
            yield made


def save(path: Path, made: list[Example]) -> None:
    ends = np.cumsum([len(e.place) for e in made])
    columns = {name: np.concatenate([getattr(e, name) for e in made]) for name in Example.__slots__}
    np.savez(path, ends=ends, **columns)  # type: ignore[arg-type]


def load(path: Path) -> list[Example]:
    with np.load(path) as file:
        parts = {name: np.split(file[name], file["ends"][:-1]) for name in Example.__slots__}
    return [Example(*fields) for fields in zip(*parts.values(), strict=True)]


class Convolution(nn.Module):
    """Looks ``dilation`` onsets back and ahead, and at the mean of the whole recording."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.n = nn.LayerNorm(WIDTH)
        self.c = nn.Linear(3 * WIDTH, WIDTH)
        self.g = nn.Linear(WIDTH, WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.n(hidden) * mask  # (batch, n, WIDTH)
        mean = x.sum(1, keepdim=True) / mask.sum(1, keepdim=True)
        d, n = self.dilation, x.shape[1]
        padded = nn.functional.pad(x, (0, 0, d, d))
        around = torch.cat((padded[:, :n], x, padded[:, 2 * d :]), dim=2)
        return self.o(torch.relu(self.c(around) + self.g(mean)))


class Attention(nn.Module):
    """Looks at all onsets, by what they are and how far away, in seconds or in onsets."""

    def __init__(self) -> None:
        super().__init__()
        self.n = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.o = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        b, n, _ = hidden.shape
        mixed = self.qkv(self.n(hidden)).view(b, n, 3, beat_network.HEADS, WIDTH // beat_network.HEADS)
        query, key, value = mixed.permute(2, 0, 3, 1, 4)
        cos, sin = turn.cos().transpose(1, 2), turn.sin().transpose(1, 2)  # (batch, heads, n, half a head)
        query, key = (_turned(part.float(), cos, sin).to(value.dtype) for part in (query, key))
        # Written out: the backward pass of PyTorch's own attention takes ten times as long on a processor.
        likeness = query @ key.transpose(2, 3) / math.sqrt(WIDTH // beat_network.HEADS)
        weight = (likeness - 1e4 * (1 - mask[:, None, None, :, 0])).softmax(-1)
        return self.o((weight.to(value.dtype) @ value).transpose(1, 2).reshape(b, n, WIDTH))


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    one, other = x.chunk(2, dim=-1)
    return torch.cat((one * cos - other * sin, one * sin + other * cos), dim=-1)


class Network(nn.Module):
    """The names of the parameters are those that `abcscribe.analysis.beat_network` reads."""

    def __init__(self) -> None:
        super().__init__()
        self.i = nn.Linear(FEATURES, WIDTH)
        self.b = nn.ModuleList([Convolution(dilation) for dilation in beat_network.DILATIONS])
        self.a = nn.ModuleList([Attention() for _ in beat_network.DILATIONS])
        self.n = nn.LayerNorm(WIDTH)
        self.p = nn.Linear(WIDTH, sum(PLACES))
        self.t = nn.Linear(WIDTH, len(beats.BPM))
        self.m = nn.Linear(WIDTH, len(METRES))
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))

    def forward(self, x: torch.Tensor, mask: torch.Tensor, turn: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden = self.i((x - self.mean) / self.scale)
        for convolution, attention in zip(self.b, self.a, strict=True):
            hidden = hidden + convolution(hidden, mask)
            hidden = hidden + self.dropout(attention(hidden, mask, turn))
        hidden = self.n(hidden)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        hidden = self.dropout(hidden)
        return self.p(hidden), self.t(hidden), self.m(mean)


def drawn(made: list[Example], rng: np.random.Generator) -> Iterator[tuple[int, list[Example]]]:
    """Batches of examples of about one length, half of them cut at random, each with its size in BATCHES."""
    waiting: dict[int, list[Example]] = {size: [] for size in BATCHES}
    while True:
        e = made[rng.integers(len(made))]
        length = min(len(e.place), int(rng.integers(*CROP)))
        first = int(rng.integers(0, len(e.place) - length + 1)) if rng.random() < 0.5 else 0
        part = slice(first, first + length)
        size = next(size for size in BATCHES if length <= size)
        waiting[size].append(Example(e.features[part], e.place[part], e.tempo[part], e.onset[part]))
        if len(waiting[size]) == BATCHES[size]:
            yield size, waiting[size]
            waiting[size] = []


def batch(chosen: list[Example], size: int | None = None) -> tuple[torch.Tensor, ...]:
    """Features, mask, angles, places, tempos and metres of examples, filled up to ``size`` chords or the longest."""
    rows = [tuple(getattr(e, name)[: beat_network.SEGMENT] for name in Example.__slots__) for e in chosen]
    size = size or max(len(place) for _, place, *_ in rows)
    x = np.zeros((len(rows), size, FEATURES), np.float32)
    mask = np.zeros((len(rows), size, 1), np.float32)
    turn = np.zeros((len(rows), size, beat_network.HEADS, len(beat_network.SECONDS)), np.float32)
    labels = np.full((2, len(rows), size), UNKNOWN)
    for i, (seen, place, tempo, onset) in enumerate(rows):
        x[i, : len(place)], mask[i, : len(place)] = seen, 1
        turn[i, : len(place)] = beat_network.angles(onset - onset[0])
        labels[:, i, : len(place)] = place, tempo
    highest = labels[0].max(axis=1)
    metre = np.where(highest < 0, UNKNOWN, np.searchsorted(np.cumsum(PLACES), highest, side="right"))
    return tuple(torch.from_numpy(a) for a in (x, mask, turn, *labels, metre))


def loss_of(outputs: tuple[torch.Tensor, ...], labels: tuple[torch.Tensor, ...]) -> torch.Tensor:
    (places, tempos, metres), (place, tempo, metre) = outputs, labels
    known = place != UNKNOWN
    loss = nn.functional.cross_entropy(places[known].float(), place[known])
    paced = tempo != UNKNOWN
    smooth = nn.functional.cross_entropy(tempos[paced].float(), tempo[paced], label_smoothing=0.1, reduction="sum")
    smooth = smooth / max(1, int(paced.sum()))
    whole = nn.functional.cross_entropy(metres.float(), metre, ignore_index=UNKNOWN)
    return loss + TEMPO_WEIGHT * smooth + METRE_WEIGHT * whole


def begun(made: list[Example], resume: Path | None) -> Network:
    torch.manual_seed(0)
    model = Network()
    seen = np.concatenate([e.features for e in made[:4000]]).astype(np.float32)
    model.mean, model.scale = torch.from_numpy(seen.mean(axis=0)), torch.from_numpy(seen.std(axis=0) + 0.01)
    if resume:
        with np.load(resume) as file:
            model.load_state_dict({name: torch.from_numpy(file[name].astype(np.float32)) for name in file})
    return model


def train(model: Network, made: list[Example], held_out: list[list[Example]], minutes: float, out: Path) -> None:
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and name[0] in "ab"]
    others = [p for name, p in model.named_parameters() if not (p.dim() == 2 and name[0] in "ab")]
    optimisers = (
        (torch.optim.Muon(matrices, MATRIX_RATE, WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"), MATRIX_RATE),
        (torch.optim.AdamW(others, VECTOR_RATE, weight_decay=WEIGHT_DECAY), VECTOR_RATE),
    )
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=_averaged)
    compiled = torch.compile(model, dynamic=False)  # a third to a half quicker; once for each of BATCHES
    began = reported = time.monotonic()
    for step, (size, chosen) in enumerate(drawn(made, np.random.default_rng(0))):
        share = (time.monotonic() - began) / 60 / minutes
        rate = min((step + 1) / WARMUP, LAST + (1 - LAST) * max(0.0, 1 - share))
        inputs = batch(chosen, size)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = compiled(*inputs[:3])
        loss = loss_of(outputs, inputs[3:])
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, peak in optimisers:
            optimiser.param_groups[0]["lr"] = peak * rate
            optimiser.step()
        average.update_parameters(model)
        if share >= 1 or time.monotonic() - reported > REPORT:
            reported = time.monotonic()
            found = "; ".join(_validated(average.module, part) for part in held_out)
            print(f"step {step}, {share:.0%}: loss {loss.item():.3f}, held out {found}", flush=True)
            keep(average.module, out)
        if share >= 1:
            return


def _averaged(averages, values, steps: torch.Tensor) -> None:
    """Shorter at first, so that little of the beginning is left."""
    weight = min(AVERAGE, float(steps) / (float(steps) + 20))
    torch._foreach_lerp_(averages, values, 1 - weight)


def keep(model: Network, out: Path) -> None:
    weights = {name: value.detach().numpy().astype(np.float16) for name, value in model.state_dict().items()}
    np.savez_compressed(out, **weights)  # type: ignore[arg-type]


@torch.no_grad()
def _validated(model: Network, held_out: list[Example]) -> str:
    """Loss, and share of performances whose metre is right."""
    model.eval()
    losses, right = [], []
    for i in range(0, len(held_out), VALIDATED):
        inputs = batch(held_out[i : i + VALIDATED])
        outputs = model(*inputs[:3])
        losses.append(loss_of(outputs, inputs[3:]).item())
        right += (outputs[2].argmax(1) == inputs[5]).tolist()
    model.train()
    return f"{np.mean(losses):.3f}, metre {np.mean(right):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("kept", type=Path, help="examples: made if the file does not exist")
    parser.add_argument("heard", type=Path)
    parser.add_argument("--performed", type=int, default=20_000)
    parser.add_argument("--windows", type=int, default=90_000)
    parser.add_argument("--minutes", type=float, default=23.0)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cache = NoteCache(options.cache)
    if not options.kept.exists():
        performed = examples(cache, "learn", options.performed, seed=102)
        save(options.kept, [*performed, *window_examples(cache, "train", options.windows, seed=101)])
    held_out = [list(examples(cache, "tune", 600, seed=2)), list(window_examples(cache, "valid", 600, seed=42))]
    recorded = [made for window in kept_windows(options.heard) if (made := window_example(window))]
    made, out = load(options.kept) + HEARD_WEIGHT * recorded, Path(beat_network.__file__).with_name("network.npz")
    train(begun(made, out if options.resume else None), made, held_out, options.minutes, out)


if __name__ == "__main__":
    main()
