"""A performance -> the tower's notes of its rendered recording.

Replaces `abcscribe.synthesis.simulated_hearing` where the difference matters: missed and false notes and confused
instruments of the tower depend on all that sounds. Two hundred times as slow: half a second for a window of fifteen
seconds. So such windows are stored, and `Listened` mixes them with new ones.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from abcscribe import cluster
from abcscribe.analysis.analysis_features import heard_notes
from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.hearing import tower
from abcscribe.model.note_features import HeardNotes
from abcscribe.synthesis import render
from abcscribe.synthesis.augment import augment
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.windows import Stage, Window, WindowSource, written
from abcscribe.training import window_files
from abcscribe.training.configs import ListeningConfig
from abcscribe.training.window_source import advise, with_modes

NEAR = 0.12  # seconds between a heard note and the score note of the same pitch that it is matched with
RELEASE = 1.0  # seconds recorded after the last note
WINDOWS_PER_SHARD = 100
# The stored windows: lengths for all shapes of training, and more ensembles and keyboards than among new windows, as
# the tower's errors there are frequent and differ from the simulated ones.
STAGE = Stage(
    notes=(12, 128),
    shares=(
        ("line", 0.1), ("tune", 0.15), ("melody", 0.1), ("piano", 0.2), ("ensemble", 0.25), ("lines", 0.13),
        ("song", 0.07),
    ),
)  # fmt: skip


def listen(
    rng: np.random.Generator, played: Performance, severity: float | None = None
) -> tuple[HeardNotes, np.ndarray]:
    """Render a performance and transcribe it with the tower.

    Args:
        rng: random generator.
        played: the performance.
        severity: not used; room, noise and codec of `augment` are drawn.

    Returns:
        n heard notes by onset and pitch, and (n,) the index of each one's score note, -1 for a false note.
    """
    heard = heard_notes([note for part in _engine().notes([_recorded(rng, played)]) for note in part if not note.drum])
    return heard, _behind(heard, played)


def _recorded(rng: np.random.Generator, played: Performance) -> np.ndarray:
    """The rendered recording, (samples,) float32."""
    length = (played.offset - played.onset) * render.LEGATO
    present = [part for part in range(len(played.programs)) if (played.part == part).any()]
    members = [played.part == part for part in present]
    chordal = [render.is_chordal(played.onset[own], length[own]) for own in members]
    sung = render.choose_sung(rng, played.pitch, members, chordal)
    seconds = float(played.offset.max()) + RELEASE
    waveform, _ = render.sound(rng, played, None if sung is None else present[sung], render.detuning(rng), seconds)
    return augment(rng, waveform)[: round(seconds * SAMPLE_RATE)]


def _behind(heard: HeardNotes, played: Performance) -> np.ndarray:
    """(n,) index of the score note of each heard note: nearest of the same pitch, from the loudest on, one to one."""
    behind = np.full(heard.onset.size, -1)
    for index in np.argsort(-played.velocity, kind="stable").tolist():
        miss = np.where(heard.pitch == played.pitch[index], np.abs(heard.onset - played.onset[index]), np.inf)
        miss[behind >= 0] = np.inf
        if miss.min(initial=np.inf) <= NEAR:
            behind[miss.argmin()] = played.note[index]
    return behind


@cache
def _engine() -> tower.AbcscribeEngine:
    return tower.load()


def keep_windows(config: ListeningConfig) -> Iterator[tuple[int, int]]:
    """Write windows of `STAGE` with the tower's notes, for `kept_windows`. An interrupted run can be resumed.

    Args:
        config: the same seed gives the same windows.

    Yields:
        (shards done, shards in all).
    """
    config.out.mkdir(parents=True, exist_ok=True)
    tasks = [(config, shard) for shard in range(config.shards)]
    if config.on:
        for done, _ in enumerate(cluster.answers(_keep_shard, tasks, config.on), 1):
            yield done, len(tasks)
        return
    # A process of its own for each worker: FluidSynth keeps its fonts and state inside the process.
    with multiprocessing.get_context("spawn").Pool(config.jobs) as pool:
        for done, _ in enumerate(pool.imap_unordered(_keep_shard, tasks), 1):
            yield done, len(tasks)


def _keep_shard(task: tuple[ListeningConfig, int]) -> None:
    config, shard = task
    path = config.out / f"windows-{shard:05d}.npz"
    if path.exists():
        return
    source, rng = _source(config.cache, config.split), np.random.default_rng([config.seed, shard])
    window_files.save(path, [source.draw(rng, STAGE) for _ in range(WINDOWS_PER_SHARD)])


@cache
def _source(path: Path, split: str) -> WindowSource:
    """Without the analysis, which may change later."""
    return WindowSource(path, split, prepared=with_modes, hear=listen)


def kept_windows(folder: Path) -> list[Window]:
    """The windows stored in a folder, without an analysis. Raises AbcscribeError if there are none."""
    files = sorted(folder.glob("windows-*.npz"))
    if not files:
        raise AbcscribeError(f"{folder} holds no windows: run abcscribe data listen.")
    return [window for path in files for window in window_files.load(path)]


class Listened:
    """A `WindowSource` with a share of stored windows with the tower's notes."""

    def __init__(self, source: WindowSource, kept: Sequence[Window], share: float) -> None:
        self.source, self.kept, self.share = source, kept, share
        self._notes = np.array([len(window.excerpt.events) for window in kept])

    def draw(self, rng: np.random.Generator, stage: Stage) -> Window:
        """A window with a number of notes within the stage's range; a stored one may be of another kind."""
        if rng.random() < self.share:
            fitting = np.flatnonzero((self._notes >= stage.notes[0]) & (self._notes <= stage.notes[1]))
            if fitting.size:
                kept = self.kept[int(rng.choice(fitting))]
                return analysed(kept, rng.random() < stage.analysed)
        return self.source.draw(rng, stage)


def analysed(window: Window, really: bool) -> Window:
    """A stored window with the columns of the analysis: zeros unless ``really``, or if tokens cannot link it with
    the score."""
    for wanted in (really, False):
        if made := written(window.excerpt, advise(window.heard, wanted), window.behind, window.kind):
            return made
    raise AssertionError("a window that was kept can be written without an analysis")
