"""What workers of a cluster import in tests: an engine that hears sines, and does to its process what they tell it."""

import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tone_engine import ToneEngine

from abcscribe import hearing
from abcscribe.errors import EngineError
from abcscribe.hearing import EngineInfo
from abcscribe.score.model import PlayedNote

NAME = "moody"
DEADLY, DEADLY_ONCE, SLOW = 45, 46, 47  # MIDI pitches of a recording
MARKS = "ABCSCRIBE_TEST_MARKS"  # folder in which a worker leaves word that it died once


class Moody(ToneEngine):
    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        for found in super().notes(blocks):
            obey({note.pitch for note in found})
            yield found


def obey(pitches: set[int]) -> None:
    """Die, die the first time, or wait."""
    mark = Path(os.environ[MARKS]) / "died"
    if DEADLY in pitches or (DEADLY_ONCE in pitches and not mark.exists()):
        if DEADLY not in pitches:
            mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if SLOW in pitches:
        time.sleep(0.5)


def load(checkpoint: str) -> Moody:
    return Moody()


def prepare(engines: set[str]) -> None:
    """In the place of `abcscribe.bulk.prepare`."""
    hearing.ENGINES[NAME] = EngineInfo("ray_workers", "sines, and orders", "rules")


def square(item: int) -> int:
    """Squares; 3 always kills the worker, 4 once."""
    obey({3: {DEADLY}, 4: {DEADLY_ONCE}}.get(item, set()))
    return item * item


def unprepared() -> None:
    raise EngineError("The weights are not there.")


def where(item: int) -> str:
    """The node that works on an item, for a while."""
    import ray

    time.sleep(0.2)
    return str(ray.get_runtime_context().get_node_id())
