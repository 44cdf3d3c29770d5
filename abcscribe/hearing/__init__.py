"""Sound -> notes: the engines, by name.

An engine is one module with ``load(checkpoint) -> NoteEngine``, and one line in `ENGINES`. A module imports what it
needs only when it loads, so that listing the engines is cheap and one that is not installed is no
error before it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol

from abcscribe.score.model import PlayedNote

if TYPE_CHECKING:
    import numpy as np


class NoteEngine(Protocol):
    """Waveform in, notes out, step by step."""

    sample_rate: int  # Hz of the waveform that ``notes`` takes
    clear_confidence: float  # notes above it are frequent in music, few and short in speech, absent in noise

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        """Notes of one recording.

        Args:
            blocks: the waveform, consecutive float32 (samples,), of any length but never empty.

        Yields:
            After each block that is read the notes that have become final, often none, so that the caller can show
            progress; after the last block the rest. Notes need not be in order. Memory does not grow with the
            recording, but for the notes.
        """
        ...


class EngineInfo(NamedTuple):
    """An engine's module and description."""

    module: str  # has load(checkpoint: str) -> NoteEngine; raises EngineError, with the remedy, for what is missing
    summary: str  # one line for the user
    writer: str = "rules"  # the default writer of its notes: a name of writing.WRITERS
    licence: str = ""  # of its weights
    parameters: str = ""  # of all networks that it runs
    has_weights: bool = True  # whether it comes with some


ENGINES = {
    "abcscribe": EngineInfo(
        "abcscribe.hearing.tower", "the project's own audio tower, any instruments", "lm", "Apache-2.0", "11 M"
    ),
    "basic-pitch": EngineInfo(
        "abcscribe.hearing.basic_pitch", "Spotify's Basic Pitch (2022), any one instrument", "rules", "Apache-2.0",
        "17 k",
    ),
    "transkun": EngineInfo("abcscribe.hearing.transkun", "Transkun (2024), piano only", "rules", "MIT", "14 M"),
    "mt3": EngineInfo(
        "abcscribe.hearing.mt3", "MT3 (2022) and its kin, any instruments and drums (needs a checkpoint)", "rules",
        "Apache-2.0", "46 M", has_weights=False,
    ),
}  # fmt: skip


@cache
def load(name: str, checkpoint: str = "") -> NoteEngine:
    """The engine, ready to run; loaded once in a process.

    Args:
        name: of `ENGINES`.
        checkpoint: a file or folder with its weights; "" is those that it comes with.

    Raises:
        EngineError: the checkpoint, or a package, is not there, or the engine takes no checkpoint.
    """
    engine: NoteEngine = import_module(ENGINES[name].module).load(checkpoint)
    return engine
