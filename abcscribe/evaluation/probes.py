"""Linear probes: what can be read off each layer of an audio tower by a linear map, and nothing more.

As Castellon et al. (2021) probed Jukebox: of the mean frame of a clip its key, tempo, metre and instruments are
predicted, of single frames the notes that sound. Maps are ridge regressions in closed form; their penalty and, where
a yes or no is wanted, their threshold are chosen on a fifth of the training clips, then all of these are fitted again.
What a guess without listening reaches is always told beside the figures.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from abcscribe import audio
from abcscribe.corpora.recording import Recording
from abcscribe.errors import AbcscribeError
from abcscribe.files import save_arrays, write_text
from abcscribe.score.instruments import FAMILIES, family
from abcscribe.score.model import MODE_FIFTHS, PlayedNote
from abcscribe.text_systems.feature_towers import LayeredTower

TASKS = ("key", "tempo", "metre", "instrument", "notes")
SECONDS = 24.0  # of a recording that are heard, from its beginning
PENALTIES = tuple(10.0**e for e in range(-4, 5))  # of the squared weights, for standardised frames, a frame
THRESHOLDS = tuple(np.arange(0.1, 0.7, 0.05).round(2))
LOWEST, PITCHES = 21, 88
TEMPO_TOLERANCE = 0.08  # of the tempo, as usual for estimates of it
FEWEST = 10  # clips to train on
FRAMES_A_CLIP = 100  # for the notes: enough, and not all of a long clip
# How the figure of a task is called, and how well one can guess
FIGURES = {
    "key": "accuracy", "tempo": "accuracy within 8 %", "metre": "accuracy", "instrument": "F1 of families",
    "notes": "frame F1",
}  # fmt: skip


@dataclass(frozen=True)
class Clip:
    """A clip as a tower hears it, and its truth."""

    means: list[np.ndarray]  # (width,) of each layer
    frames: list[np.ndarray]  # (FRAMES_A_CLIP at most, width) of each layer
    truth: dict[str, np.ndarray]  # by task, of those whose truth is known; notes: (frames, 88)
    test: bool


@dataclass(frozen=True)
class Result:
    """A probe of one layer."""

    task: str
    layer: int
    figure: float
    guess: float  # of the best answer without listening
    clips: int  # for testing


@dataclass
class Problem:
    """Inputs and targets of a task: rows of training and of test."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    groups: np.ndarray = field(default_factory=lambda: np.zeros(0))  # clip of each training row


def heard(recordings: Sequence[Recording], tower: LayeredTower, cache: Path, tower_name: str) -> Iterator[Clip]:
    """The clips of recordings; what the tower makes of them is kept in a folder."""
    home = cache / hashlib.sha256(tower_name.encode()).hexdigest()[:12]
    for one in recordings:
        path = home / f"{hashlib.sha256(str(one.audio.resolve()).encode()).hexdigest()[:16]}.npz"
        if not path.exists():
            _keep(path, tower.layers(audio.load(one.audio, end=SECONDS)), tower.frame_rate)
        with np.load(path) as stored:
            count = int(stored["layers"])
            frames = [stored[f"frames{i}"].astype(np.float32) for i in range(count)]
            means = [stored[f"mean{i}"].astype(np.float32) for i in range(count)]
            times = stored["times"]
        yield Clip(means, frames, truth_of(one, times), one.split == "test")


def _keep(path: Path, layers: Sequence[np.ndarray], rate: float) -> None:
    """Means, and frames from equal distances, in half precision."""
    chosen = np.unique(np.linspace(0, len(layers[0]) - 1, FRAMES_A_CLIP).round().astype(int))
    arrays = {"layers": np.array(len(layers)), "times": (chosen + 0.5) / rate}
    for i, layer in enumerate(layers):
        arrays[f"frames{i}"], arrays[f"mean{i}"] = layer[chosen].astype(np.float16), layer.mean(0).astype(np.float32)
    save_arrays(path, arrays)


def truth_of(one: Recording, times: np.ndarray) -> dict[str, np.ndarray]:
    """The truth of a recording by task, for frames at some times (seconds)."""
    notes = [note for note in one.sounding() if not note.drum]
    found = {"notes": sounding_at(notes, times)}
    families = {note.family or family(note.program or 0) for note in notes if note.family or note.program is not None}
    families = families or {family(program) for program in one.programs if program < 128}
    found["instrument"] = np.array([name in families for name in FAMILIES], np.float32)
    if one.key and one.key.mode in ("major", "minor"):
        tonic = (one.key.fifths + MODE_FIFTHS[one.key.mode]) * 7 % 12
        found["key"] = np.array(tonic + 12 * (one.key.mode == "minor"))
    if one.tempo:
        found["tempo"] = np.array(np.log2(one.tempo))
    if one.metre:
        found["metre"] = np.array(100 * one.metre.beats + one.metre.unit)
    return found


def sounding_at(notes: Sequence[PlayedNote], times: np.ndarray) -> np.ndarray:
    """(times, 88) of 0 and 1."""
    grid = np.zeros((len(times), PITCHES), np.float32)
    for note in notes:
        if LOWEST <= note.pitch < LOWEST + PITCHES:
            grid[(note.onset <= times) & (times < note.offset), note.pitch - LOWEST] = 1
    return grid


def probe(
    clips: Sequence[Clip], layers: Sequence[int], tasks: Sequence[str], warn: Callable[[str], None] = lambda words: None
) -> Iterator[Result]:
    """Fit and test the probes.

    Args:
        clips: of one tower.
        layers: to read from.
        tasks: of `TASKS`.
        warn: is told which tasks are left out because too few clips have a known truth.

    Raises:
        AbcscribeError: none of the tasks has enough clips.
    """
    able = [task for task in tasks if _enough(clips, task)]
    for task in tasks:
        if task not in able:
            warn(f"The task {task} is left out: it needs 10 clips with a known truth to train on, and one for testing.")
    if not able:
        raise AbcscribeError("No task has enough clips with a known truth: a probe needs 10, and one for testing.")
    for task in able:
        for layer in layers:
            yield _probe(clips, layer, task)


def _enough(clips: Sequence[Clip], task: str) -> bool:
    tests = [clip.test for clip in clips if task in clip.truth]
    return len(tests) - sum(tests) >= FEWEST and any(tests)


def _probe(clips: Sequence[Clip], layer: int, task: str) -> Result:
    known = [clip for clip in clips if task in clip.truth]
    train, test = [clip for clip in known if not clip.test], [clip for clip in known if clip.test]
    problem, score, guess = _problem(train, test, layer, task)
    figure = _fitted(problem, score, yes_or_no=task in ("instrument", "notes"))
    return Result(task, layer, round(figure, 4), round(guess, 4), len(test))


Score = Callable[[np.ndarray, np.ndarray], float]  # predictions, truth -> figure


def _problem(train: Sequence[Clip], test: Sequence[Clip], layer: int, task: str) -> tuple[Problem, Score, float]:
    """Rows of a task, its figure, and what a guess reaches."""
    of_frames = task == "notes"
    rows = [[clip.frames[layer] if of_frames else clip.means[layer][None] for clip in own] for own in (train, test)]
    x, x_test = (np.concatenate(own) for own in rows)
    groups = np.repeat(np.arange(len(train)), [len(own) for own in rows[0]])
    join: Callable[[list[np.ndarray]], np.ndarray] = np.concatenate if of_frames else np.stack
    y, y_test = (join([clip.truth[task] for clip in own]) for own in (train, test))
    if task in ("key", "metre"):
        classes = np.unique(y)
        hot = (y[:, None] == classes).astype(np.float32)
        usual = Counter(y.tolist()).most_common(1)[0][0]
        problem = Problem(x, hot, x_test, y_test, groups)

        def right(predicted: np.ndarray, truth: np.ndarray) -> float:
            truth = truth if truth.ndim == 1 else classes[truth.argmax(1)]
            return float(np.mean(classes[predicted.argmax(1)] == truth))

        return problem, right, float(np.mean(y_test == usual))
    if task == "tempo":
        best = max(_within(np.full_like(y, one), y) for one in y)
        usual_tempo = next(one for one in y if _within(np.full_like(y, one), y) == best)
        problem = Problem(x, y[:, None].astype(np.float32), x_test, y_test[:, None], groups)
        guess = _within(np.full_like(y_test, usual_tempo), y_test)
        return problem, lambda p, t: _within(p[:, 0], t[:, 0]), guess
    often = np.broadcast_to(y.mean(0), y_test.shape)
    guess = max(f1(often > threshold, y_test) for threshold in THRESHOLDS)
    return Problem(x, y, x_test, y_test, groups), lambda p, t: f1(p, t), guess


def _within(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Share of tempi (log2) that are right within TEMPO_TOLERANCE."""
    return float(np.mean(np.abs(2.0 ** (predicted - truth) - 1) <= TEMPO_TOLERANCE))


def f1(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Of yes and no, counted over all cells."""
    yes, real = predicted.astype(bool), truth.astype(bool)
    hits = float((yes & real).sum())
    return 2 * hits / max(float(yes.sum() + real.sum()), 1.0)


def _fitted(problem: Problem, score: Score, yes_or_no: bool) -> float:
    """The figure on the test rows, with the penalty and threshold that are best on a fifth of the training clips."""
    held = problem.groups % 5 == 4
    x, y = problem.x, problem.y
    best: tuple[float, float, float] | None = None
    for penalty, predicted in _ridges(x[~held], y[~held], x[held], PENALTIES):
        for threshold in THRESHOLDS if yes_or_no else (0.0,):
            figure = score(predicted > threshold if yes_or_no else predicted, y[held])
            if best is None or figure > best[0]:
                best = figure, penalty, float(threshold)
    assert best is not None
    _, penalty, threshold = best
    (_, predicted), *_ = _ridges(x, y, problem.x_test, (penalty,))
    return score(predicted > threshold if yes_or_no else predicted, problem.y_test)


def _ridges(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, penalties: Sequence[float]
) -> Iterator[tuple[float, np.ndarray]]:
    """Predictions (rows, targets) for each penalty; one eigendecomposition serves all."""
    mean, spread = x.mean(0), x.std(0) + 1e-6
    z, z_test = (x - mean) / spread, (x_test - mean) / spread
    middle = y.mean(0)
    values, vectors = np.linalg.eigh((z.T @ z / len(z)).astype(np.float64))
    right = vectors.T @ (z.T @ (y - middle) / len(z))
    turned = z_test @ vectors
    for penalty in penalties:
        yield penalty, turned @ (right / (np.maximum(values, 0) + penalty)[:, None]) + middle


def table(results: dict[str, list[Result]]) -> str:
    """Markdown: a row a task, for each tower the best layer with its figure, and the guess."""
    tasks = list(dict.fromkeys(one.task for own in results.values() for one in own))
    lines = ["| task | figure | " + " | ".join(results) + " | guess | clips |", "|---" * (len(results) + 4) + "|"]
    for task in tasks:
        cells, last = [], None
        for own in results.values():
            mine = [one for one in own if one.task == task]
            last = max(mine, key=lambda one: one.figure) if mine else last
            cells.append(f"{last.figure:.3f} (layer {last.layer})" if mine and last else "")
        assert last is not None
        lines.append(f"| {task} | {FIGURES[task]} | {' | '.join(cells)} | {last.guess:.3f} | {last.clips} |")
    return "\n".join(lines) + "\n"


def write(results: dict[str, list[Result]], out: Path) -> None:
    """``probes.json``, ``probes.md`` and ``probes.png``: figures by layer, the guess as a dotted line."""
    from matplotlib.figure import Figure

    plain = {tower: [vars(one) for one in own] for tower, own in results.items()}
    write_text(out / "probes.json", json.dumps(plain, indent=1))
    write_text(out / "probes.md", table(results))
    tasks = list(dict.fromkeys(one.task for own in results.values() for one in own))
    figure = Figure(figsize=(3.2 * len(tasks), 2.8), layout="constrained")
    for place, task in enumerate(tasks, 1):
        axes = figure.add_subplot(1, len(tasks), place)
        for tower, own in results.items():
            mine = [one for one in own if one.task == task]
            share = [one.layer / max(max(m.layer for m in mine), 1) for one in mine]
            axes.plot(share, [one.figure for one in mine], marker="o", markersize=3, label=tower)
            axes.axhline(mine[0].guess, color="grey", linestyle=":", linewidth=1)
        axes.set_title(f"{task}: {FIGURES[task]}", fontsize=8)
        axes.set_xlabel("depth", fontsize=7)
        axes.tick_params(labelsize=7)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(out / "probes.png", dpi=100)


def layers_of(text: str, count: int) -> list[int]:
    """``all``, or numbers with commas. Raises AbcscribeError for one that there is not."""
    if text == "all":
        return list(range(count))
    chosen = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) < count for part in chosen):
        raise AbcscribeError(f"{text!r} names no layers: write all, or some of 0 to {count - 1}, with commas.")
    return [int(part) for part in chosen]
