"""The systems that hear notes in a recording, by name.

One module per system. A module of this registry offers ``load() -> NoteEngine`` and imports what it needs only then, so
that listing the engines costs nothing and one that is not installed is missed by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from abcscribe.errors import EngineError
from abcscribe.score.model import PlayedNote

if TYPE_CHECKING:
    import numpy as np

DEFAULT = "abcscribe"


class NoteEngine(Protocol):
    """Waveform in, notes out, step by step."""

    sample_rate: int  # Hz of the waveform that ``notes`` wants
    clear_confidence: float  # notes so sure are common in music, and few and short in speech; noise has none

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        """Notes of one recording.

        ``blocks``: the waveform, consecutive float32 (samples,), of any length but never empty. After each block that
        it reads the engine yields the notes that have become final, often none, so that the caller can show progress;
        after the last block it yields the rest. Notes need not be in order. Memory does not grow with the recording,
        but for the notes.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """How to find an engine and what to say of it."""

    module: str  # has load() -> NoteEngine; raises EngineError, with the remedy, if something is not installed
    summary: str  # one line for the user


ENGINES = {
    "abcscribe": EngineInfo("abcscribe.engines.abcscribe", "the project's own audio tower, any instruments"),
    "basic-pitch": EngineInfo("abcscribe.engines.basic_pitch", "Spotify's Basic Pitch (2022), any one instrument"),
    "transkun": EngineInfo("abcscribe.engines.transkun", "Transkun (2024), piano only"),
}


@cache
def load(name: str = DEFAULT) -> NoteEngine:
    """The engine, ready to run; loaded once in a process. Raises EngineError if it is unknown or not installed."""
    if name not in ENGINES:
        raise EngineError(f"There is no engine {name!r}; there are {', '.join(ENGINES)}.")
    engine: NoteEngine = import_module(ENGINES[name].module).load()
    return engine
