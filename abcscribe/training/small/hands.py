"""Fit ``hands.npz``: which hand plays a note of a keyboard part, and in which voice. ``abcscribe train small hands``.

From the printed staves and voices of keyboard parts, no sound needed. Excerpts are played in four ways (nearly legato,
freely, with the pedal, detached), with notes missed and overtones heard, at half, once or twice the printed values.
Simplification: of three and more voices on a staff all but the first are lower ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from abcscribe.analysis import hand_network
from abcscribe.analysis.hand_network import DILATIONS, FEATURES
from abcscribe.corpora.note_cache import NoteCache, Notes
from abcscribe.model import weight_files
from abcscribe.training.pace import Entry, Pace
from abcscribe.training.small.beat_network_model import Convolution
from abcscribe.training.small.configs import Hands

WIDTH = 64
FEWEST = 60  # notes of a part
LEAST_HAND = 0.1  # share of the notes of either hand
LONGEST = 192  # notes of an excerpt
RATE, WARMUP, WEIGHT_DECAY = 2e-3, 100, 0.02
FIRST_SEEN = 400  # excerpts from which mean and scale of the features are taken
LOG_STEPS = 100
UNITS = (1.0, 1.0, 1.0, 0.5, 2.0)  # times the printed values, as an analysis may read them
MISSED, DOUBLED = (0.03, 0.1, 0.2), (0.02, 0.08, 0.15)  # shares of the notes that are not heard, or with an overtone
UNSURE_ENDS = (0.1, 0.3, 0.6)  # standard deviation of the log of how long a note is heard
OVERTONES = (12, -12, 19, 7, 24)  # semitones


@dataclass(frozen=True)
class Keyboard:
    """A printed keyboard part: n notes by onset and pitch."""

    split: str
    onset: np.ndarray  # quarters
    duration: np.ndarray  # quarters
    pitch: np.ndarray
    place: np.ndarray  # quarters from the bar line
    bar: float  # quarters
    beat: float
    right: np.ndarray  # bool
    lower: np.ndarray  # bool


@dataclass(frozen=True)
class Example:
    """What the network reads, what it should say, and how much that counts."""

    features: np.ndarray  # (n, FEATURES)
    answer: np.ndarray  # (n, 2)
    weight: np.ndarray  # (n,) 0: an overtone


class Network(nn.Module):
    """The network in torch; its parameters have the names that `abcscribe.analysis.hand_network` uses."""

    def __init__(self, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.i = nn.Linear(FEATURES, WIDTH)
        self.b = nn.ModuleList([Convolution(dilation, WIDTH) for dilation in DILATIONS])
        self.n = nn.LayerNorm(WIDTH)
        self.o = nn.Linear(WIDTH, 2)
        self.mean: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = self.i((x - self.mean) / self.scale)
        for convolution in self.b:
            hidden = hidden + convolution(hidden, mask)
        out: torch.Tensor = self.o(self.n(hidden))
        return out


def main(config: Hands, clock: Callable[[], float] = time.monotonic) -> Iterator[Entry]:
    """Fit the network and write it; yields log entries, the last with the shares that are right in held-out pieces."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    parts = list(keyboards(NoteCache(config.cache)))
    learned = [part for part in parts if part.split == "train"]
    rng = np.random.default_rng(config.seed)
    seen = np.concatenate([drawn(part, rng).features for part in _chosen(learned, FIRST_SEEN, rng)])
    model = Network(seen.mean(axis=0), seen.std(axis=0) + 0.01)
    optimiser = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY)
    began, step, minutes = clock(), 0, 0.0
    pace = Pace(0, 0.0, LOG_STEPS, steps=config.steps, budget=config.minutes)
    while not pace.over(step, minutes):
        rate = RATE * min((step + 1) / WARMUP, 1.02 - pace.progress(step, minutes))
        optimiser.param_groups[0]["lr"] = rate
        loss = loss_of(model, [drawn(part, rng) for part in _chosen(learned, config.batch, rng)])
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        minutes = (clock() - began) / 60
        if pace.due(step, minutes):
            yield pace.figures(step, minutes) | {"loss": round(float(loss.detach()), 4)}
    weights = {name: value.detach().numpy().astype(np.float16) for name, value in model.state_dict().items()}
    weight_files.save(config.weights / hand_network.WEIGHTS.name, weights)
    yield {"step": step} | judged(model, [part for part in parts if part.split != "train"])


def keyboards(cache: NoteCache) -> Iterator[Keyboard]:
    """The parts on two staves whose hands both play."""
    for index, piece in enumerate(cache.pieces):
        notes = cache[index].notes
        for part in range(len(notes.program)):
            own = np.flatnonzero(notes.part == part)
            if len(own) < FEWEST or notes.staff[own].max() != 1:
                continue
            share = float((notes.staff[own] == 0).mean())
            if min(share, 1 - share) >= LEAST_HAND:
                yield _keyboard(piece.split, notes, own[np.lexsort((notes.pitch[own], notes.onset[own]))])


def _keyboard(split: str, notes: Notes, own: np.ndarray) -> Keyboard:
    onset, staff, voice = notes.onset[own].astype(float), notes.staff[own], notes.voice[own]
    bar = (np.searchsorted(notes.bar_start, onset + 1e-3) - 1).clip(0, len(notes.metre) - 1)
    place = onset - notes.bar_start[bar]
    here = bar * 2 + staff  # a bar of a hand
    highest = np.full(int(here.max()) + 1, 127)
    np.minimum.at(highest, here, voice)  # voices are counted from above
    beats, unit = map(int, np.median(notes.metre[bar], axis=0))
    beat = 1.5 if unit == 8 and beats % 3 == 0 and beats > 3 else 4 / max(unit, 1)
    length = beats * 4 / max(unit, 1) or 4.0
    pitch, duration = notes.pitch[own].astype(int), notes.duration[own].astype(float)
    return Keyboard(split, onset, duration, pitch, place, length, beat, staff == 0, voice != highest[here])


def drawn(part: Keyboard, rng: np.random.Generator) -> Example:
    """An excerpt as somebody may play and somebody hear it."""
    first = int(rng.integers(0, max(1, len(part.onset) - LONGEST + 1)))
    at = np.arange(first, min(first + LONGEST, len(part.onset)))
    weight = np.ones(len(at))
    pitch = part.pitch[at] + int(rng.integers(-5, 6))
    sounded = _sounded(part.onset[at], part.duration[at], rng)
    if rng.random() < 0.75:
        kept = np.flatnonzero(rng.random(len(at)) > rng.choice(MISSED))
        doubled = np.flatnonzero(rng.random(len(at)) < rng.choice(DOUBLED))
        chosen = np.concatenate([kept, doubled])
        pitch = np.concatenate([pitch[kept], pitch[doubled] + rng.choice(OVERTONES, len(doubled))])
        weight = np.concatenate([weight[kept], np.zeros(len(doubled))])
        sounded = sounded[chosen] * np.exp(rng.normal(0, rng.choice(UNSURE_ENDS), len(chosen)))
        order = np.lexsort((pitch, part.onset[at[chosen]]))
        at, pitch, weight, sounded = at[chosen][order], pitch[order], weight[order], sounded[order]
    unit = float(rng.choice(UNITS))
    timed = part.onset[at] * unit, sounded * unit, pitch, part.place[at] * unit
    read = hand_network.features(*timed, part.bar * unit, part.beat)
    return Example(read, np.stack([part.right[at], part.lower[at]], axis=1).astype(np.float32), weight)


def _sounded(onset: np.ndarray, duration: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Quarters for which the notes sound."""
    way = rng.choice(4, p=[0.3, 0.3, 0.25, 0.15])
    if way == 0:
        return duration * rng.uniform(0.7, 1.05)
    if way == 1:
        return duration * rng.normal(0.9, 0.2, len(duration)).clip(0.2, 1.3)
    if way == 2:
        pedal = rng.choice([1.0, 2.0, 4.0])
        lifted = (np.floor(onset / pedal) + 1) * pedal - onset
        return np.maximum(duration * 0.9, np.minimum(lifted, duration + rng.exponential(2.0, len(duration))))
    return duration * rng.normal(0.5, 0.2, len(duration)).clip(0.1, 1.2)


def loss_of(model: Network, examples: Sequence[Example]) -> torch.Tensor:
    """Cross-entropy of both answers, the mean over the notes."""
    features, mask, answer, weight = _batch(examples)
    told = model(features, mask)
    each = nn.functional.binary_cross_entropy_with_logits(told, answer, reduction="none") * weight
    return each.sum() / weight.sum()


def judged(model: Network, parts: Sequence[Keyboard]) -> Entry:
    """Shares of the notes at the right hand, and of lower voices found and right, in an excerpt of each part."""
    rng = np.random.default_rng(1)
    right, counts = [], np.zeros(3)
    with torch.no_grad():
        for part in parts:
            example = drawn(part, rng)
            features, mask, answer, weight = _batch([example])
            told, true = model(features, mask)[0].numpy() > 0, answer[0].numpy() > 0.5
            real = weight[0, :, 0].numpy() > 0
            right.append(float((told == true)[real, 0].mean()))
            lower, printed = told[real, 1], true[real, 1]
            counts += [(lower & printed).sum(), lower.sum(), printed.sum()]
    both, found, printed = counts.tolist()
    return {
        "hands right": round(float(np.mean(right)), 4) if right else None,
        "lower voices: precision": round(both / max(found, 1), 3),
        "recall": round(both / max(printed, 1), 3),
        "parts": len(right),
    }


def _chosen(parts: Sequence[Keyboard], count: int, rng: np.random.Generator) -> list[Keyboard]:
    return [parts[int(i)] for i in rng.integers(0, len(parts), count)]


def _batch(examples: Sequence[Example]) -> tuple[torch.Tensor, ...]:
    """Features, mask, answers and weights, padded to one length."""
    longest = max(len(example.features) for example in examples)
    features = torch.zeros(len(examples), longest, FEATURES)
    mask, weight = torch.zeros(len(examples), longest, 1), torch.zeros(len(examples), longest, 1)
    answer = torch.zeros(len(examples), longest, 2)
    for i, example in enumerate(examples):
        n = len(example.features)
        features[i, :n] = torch.from_numpy(example.features)
        answer[i, :n] = torch.from_numpy(example.answer)
        weight[i, :n, 0] = torch.from_numpy(example.weight).float()
        mask[i, :n] = 1
    return features, mask, answer, weight
