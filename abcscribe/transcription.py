"""A recording -> a Score: decode, hear notes, write them down; told step by step as events.

The command line, a server and ``transcribe`` all consume the same generator, ``events``. (The module is not named as
its function, because importing it would then hide ``abcscribe.transcribe``, the function, behind a module.)
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe import audio, engines
from abcscribe.engines import language_model
from abcscribe.engines.confidence import calibrated
from abcscribe.engines.notes_to_score import Hints, notes_to_score
from abcscribe.errors import AudioError
from abcscribe.score.model import PlayedNote, Score

SILENCE = 1e-4  # full scale 1. -80 dB: below the noise of any microphone, above the dither of an empty track
# What tells music from speech, of clear notes (figures of the first tower; today's: docs/LOG.md). In the best five
# seconds of 31 real recordings they sound for 1.4 s and more, of 120 rendered ones for .9 and more; of 60 recordings of
# speech only two reach .8. Their share among all notes is .4 and more where instruments play a few short notes, .3 and
# less in speech.
CLEAR_SECONDS, CLEAR_SPAN = 0.8, 5.0
CLEAR_SHARE = 1 / 3
LOST_SECONDS = 1.0  # a header may be this much wrong about the length before it is worth a warning
LOST_SHARE = 0.02  # or this share of it: the lengths of some MP3 files are estimates


@dataclass(frozen=True, slots=True)
class Heard:
    """The engine has come this far."""

    seconds: float  # of the recording
    total: float | None  # seconds to read in all, None if the header does not say
    notes: tuple[PlayedNote, ...]  # found since the last event; times in the recording


@dataclass(frozen=True, slots=True)
class Wrote:
    """The score has come this far."""

    seconds: float  # of the recording
    total: float


@dataclass(frozen=True, slots=True)
class Warned:
    """Something the user should know, though there will be a score."""

    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end."""

    score: Score


Event = Heard | Wrote | Warned | Done


def transcribe(
    path: Path | str,
    *,
    engine: str = engines.DEFAULT,
    hints: Hints = Hints(),
    start: float | None = None,
    end: float | None = None,
) -> Score:
    """The score of a recording, or of its seconds from ``start`` to ``end``.

    Raises AudioError if there is nothing to transcribe, EngineError if the engine is not there, OSError if the file
    cannot be read. What is worth a warning is warned of by ``warnings.warn``.
    """
    for event in events(path, engine=engine, hints=hints, start=start, end=end):
        if isinstance(event, Warned):
            warnings.warn(event.message, stacklevel=2)
        elif isinstance(event, Done):
            return event.score
    raise AssertionError("events() ended without Done")


def events(
    path: Path | str,
    *,
    engine: str = engines.DEFAULT,
    hints: Hints = Hints(),
    start: float | None = None,
    end: float | None = None,
) -> Iterator[Event]:
    """As ``transcribe``, but the work is done as the events are taken; the last one is ``Done``."""
    path = Path(path)
    info = audio.probe(path)  # before the engine is loaded: most that can go wrong shows here
    hearer = engines.load(engine)
    begin = start or 0.0
    total = _length(info.seconds, begin, end)
    listener = _Listener(audio.blocks(path, start=start, end=end, rate=hearer.sample_rate), hearer.sample_rate)
    notes: list[PlayedNote] = []
    for found in hearer.notes(listener):
        placed = [dataclasses.replace(n, onset=n.onset + begin, offset=n.offset + begin) for n in found]
        notes += placed
        yield Heard(listener.seconds, total, tuple(placed))
    if total is not None and total - listener.seconds > max(LOST_SECONDS, LOST_SHARE * total):
        message = f"{path} should last {total:.0f} s but only {listener.seconds:.0f} s can be decoded: is it cut off?"
        yield Warned(message)
    _check_music(path, listener.peak, notes, hearer.clear_confidence)
    finish = begin + listener.seconds
    score = Score()
    for step in _written(notes, hints, finish, engine):
        if isinstance(step, Score):
            score = calibrated(step, engine)
        else:
            yield Wrote(step - begin, finish - begin)
    yield Done(dataclasses.replace(score, title=_title(path)))


def _written(notes: list[PlayedNote], hints: Hints, seconds: float, engine: str) -> Iterator[float | Score]:
    """Seconds that are written so far, and at the end the score."""
    if engines.parse(engine)[1] == "lm" and language_model.knows(hints):
        score = yield from language_model.write_score(language_model.load(), notes, hints, seconds=seconds)
    else:
        score = notes_to_score(notes, hints, seconds=seconds)
    yield seconds
    yield score


class _Listener(Iterable[np.ndarray]):
    """Hands on blocks and remembers what went by."""

    def __init__(self, blocks: Iterable[np.ndarray], rate: int) -> None:
        self._blocks, self._rate = blocks, rate
        self.seconds = 0.0
        self.peak = 0.0  # largest deviation from a block's mean: a constant offset is not a sound

    def __iter__(self) -> Iterator[np.ndarray]:
        for block in self._blocks:
            self.seconds += len(block) / self._rate
            self.peak = max(self.peak, float(np.abs(block - block.mean()).max()))
            yield block


def _length(recorded: float | None, start: float, end: float | None) -> float | None:
    """Seconds of the section, as far as the header says how long the recording is."""
    if recorded is None:
        return None
    return max(0.0, (recorded if end is None else min(end, recorded)) - start)


def _title(path: Path) -> str:
    """The file's name as text of one line: names are bytes and may be neither."""
    return " ".join(os.fsencode(path.stem).decode("utf-8", "replace").split())


def _check_music(path: Path, peak: float, notes: list[PlayedNote], clear_confidence: float) -> None:
    if peak < SILENCE:
        raise AudioError(f"{path} is silent.")
    if not notes:
        raise AudioError(f"No notes can be heard in {path}.")
    if not _clear(notes, clear_confidence):
        raise AudioError(f"{path} seems to be noise or speech: hardly a clear note can be heard.")


def _clear(notes: list[PlayedNote], confidence: float) -> bool:
    """Whether many of the notes are clear, as in few and short ones, or clear notes last long somewhere, as in singing
    and in a lesson with much talk. In speech they do neither."""
    clear = sorted((note for note in notes if note.confidence >= confidence), key=lambda note: note.onset)
    if len(clear) > CLEAR_SHARE * len(notes):
        return True
    onsets = np.array([note.onset for note in clear])
    sounding = np.cumsum([0.0] + [min(note.offset - note.onset, CLEAR_SPAN) for note in clear])
    return bool(np.any(sounding[np.searchsorted(onsets, onsets + CLEAR_SPAN)] - sounding[:-1] >= CLEAR_SECONDS))
