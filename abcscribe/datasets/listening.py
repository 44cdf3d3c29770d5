"""A performance -> the notes that the tower hears of its recording.

A stand-in for `abcscribe.datasets.hearing` where the difference matters: what a tower misses, invents and takes for
another instrument depends on all that sounds. Two hundred times as slow: half a second for a window of fifteen.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from abcscribe.audio import SAMPLE_RATE
from abcscribe.datasets import render
from abcscribe.datasets.augment import augment
from abcscribe.datasets.performance import Performance
from abcscribe.engines import abcscribe
from abcscribe.engines.second_opinion import heard_notes
from abcscribe.model.note_tokens import HeardNotes

NEAR = 0.12  # seconds between a heard note and the score note of the same pitch that it is taken for
RELEASE = 1.0  # seconds recorded after the last note


def listen(
    rng: np.random.Generator, played: Performance, severity: float | None = None
) -> tuple[HeardNotes, np.ndarray]:
    """The notes heard of a performance, by onset and pitch, and (n,) the score note behind each, -1 if invented.

    ``severity`` is drawn by the recording: room, noise and codec of `augment`.
    """
    heard = heard_notes([note for part in _engine().notes([_recorded(rng, played)]) for note in part])
    return heard, _behind(heard, played)


def _recorded(rng: np.random.Generator, played: Performance) -> np.ndarray:
    """(samples,) float32"""
    length = (played.offset - played.onset) * render.LEGATO
    present = [part for part in range(len(played.programs)) if (played.part == part).any()]
    members = [played.part == part for part in present]
    chordal = [render.is_chordal(played.onset[own], length[own]) for own in members]
    sung = render.choose_sung(rng, played.pitch, members, chordal)
    seconds = float(played.offset.max()) + RELEASE
    waveform, _ = render.sound(rng, played, None if sung is None else present[sung], render.detuning(rng), seconds)
    return augment(rng, waveform)[: round(seconds * SAMPLE_RATE)]


def _behind(heard: HeardNotes, played: Performance) -> np.ndarray:
    """For each played note the nearest heard one of its pitch, the loudest choosing first; nobody is taken twice."""
    behind = np.full(heard.onset.size, -1)
    for index in np.argsort(-played.velocity, kind="stable").tolist():
        miss = np.where(heard.pitch == played.pitch[index], np.abs(heard.onset - played.onset[index]), np.inf)
        miss[behind >= 0] = np.inf
        if miss.min(initial=np.inf) <= NEAR:
            behind[miss.argmin()] = played.note[index]
    return behind


@cache
def _engine() -> abcscribe.AbcscribeEngine:
    return abcscribe.load()
