"""The systems that hear notes in a recording and those that write them down, by name.

An engine is named by who hears and, if it is not the usual one for it, who writes: ``basic-pitch+lm``.

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
    writer: str = "rules"  # who writes the notes down unless the user says otherwise


WRITERS = {"lm": "the language model", "rules": "the rules of notes_to_score"}
ENGINES = {
    "abcscribe": EngineInfo("abcscribe.engines.abcscribe", "the project's own audio tower, any instruments", "lm"),
    "basic-pitch": EngineInfo("abcscribe.engines.basic_pitch", "Spotify's Basic Pitch (2022), any one instrument"),
    "transkun": EngineInfo("abcscribe.engines.transkun", "Transkun (2024), piano only"),
}


def parse(name: str) -> tuple[str, str]:
    """Who hears and who writes. Raises EngineError for a name that is not known."""
    hearer, _, writer = name.partition("+")
    if hearer not in ENGINES or (writer or "rules") not in WRITERS:
        known = f"{', '.join(ENGINES)}, each also with {' or '.join('+' + w for w in WRITERS)}"
        raise EngineError(f"There is no engine {name!r}; there are {known}.")
    return hearer, writer or ENGINES[hearer].writer


def load(name: str = DEFAULT) -> NoteEngine:
    """The engine that hears, ready to run; loaded once in a process. Raises EngineError if it is unknown or not
    installed."""
    return _load(parse(name)[0])


@cache
def _load(hearer: str) -> NoteEngine:
    engine: NoteEngine = import_module(ENGINES[hearer].module).load()
    return engine
