"""All calls of the page into hearing, analysis and writing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from abcscribe import audio, hearing, systems, transcription
from abcscribe.errors import EngineError
from abcscribe.hearing import midi_file
from abcscribe.hints import SWITCHES, HintError, Hints
from abcscribe.score.model import PlayedNote, Score

# Written by rules, of the same quality on real recordings, a minute of music is written again in a fraction of the time
# that the language model takes, so a correction never changes the hand that writes.
WRITER = "rules"
WRITERS = ("rules", "lm")
MIDI = "midi"  # the codec of a recording that is notes already, and the engine of its run
HINT_NAMES = tuple(field.name for field in dataclasses.fields(Hints))


def hints(given: Mapping[str, Any]) -> Hints:
    """`Hints` from JSON; null or a missing name is not known. Raises HintError."""
    unknown = set(given) - set(HINT_NAMES) - {"writer"}
    if unknown:
        raise HintError(f"There is no hint {min(unknown)!r}; there are {', '.join(HINT_NAMES)}.")
    if given.get("writer") not in (None, *WRITERS):
        raise HintError(f"Notes are written by {' or '.join(WRITERS)}.")
    fields = dataclasses.fields(Hints)
    values: dict[str, Any] = {field.name: _value(field.name, given.get(field.name)) for field in fields}
    return Hints(**{name: value for name, value in values.items() if value is not None})


def _value(name: str, value: Any) -> str | bool | None:
    """A hint as `Hints` takes it: yes or no as they are, everything else as text."""
    if value is None or (isinstance(value, bool) and name in SWITCHES):
        return value
    return _text(name, value)


def _text(name: str, value: Any) -> str:
    """A hint as the command line would have it, so that the same parsers judge it."""
    if isinstance(value, list | tuple):
        return ",".join(_text(name, item) for item in value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise HintError(f"The hint {name} has to be a text or a number.")
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def system(engine: str, given: Mapping[str, Any]) -> str:
    """The name of the system for an engine and the writer that the hints name.

    Raises:
        EngineError: there is no such engine. Names with a checkpoint are none here: paths from a client are not opened.
    """
    hearer, _, writer = engine.partition("+")
    if hearer not in hearing.ENGINES:
        raise EngineError(f"There is no engine {engine!r}; there are {', '.join(hearing.ENGINES)}.")
    writer = given.get("writer") or writer or WRITER
    systems.parse(name := f"{hearer}+{writer}")
    return name


def events(
    path: Path, engine: str, given: Mapping[str, Any], start: float | None, end: float | None
) -> Iterator[transcription.Event]:
    """What `abcscribe.transcription.events` tells of a recording. The notes of a MIDI file come with its score, also
    where the file has bars of its own and nothing was analysed."""
    for event in transcription.events(path, engine=system(engine, given), hints=hints(given), start=start, end=end):
        if isinstance(event, transcription.Done) and not event.score.performance and midi_file.is_midi(path):
            midi = midi_file.read(path)
            score = dataclasses.replace(event.score, performance=midi.notes, seconds=midi.seconds)
            event = transcription.Done(score)
        yield event


def written_again(notes: Sequence[PlayedNote], given: Mapping[str, Any], seconds: float, engine: str) -> Score:
    """The score of notes that were heard, or read from a MIDI file, under other hints."""
    heard_by = engine.partition("+")[0]
    name = transcription.PLAYED if engine == MIDI else systems.parse(system(heard_by, given))
    steps = transcription.written(notes, hints(given), seconds, name)
    return next(step for step in steps if isinstance(step, Score))


def sketch(notes: Sequence[PlayedNote], given: Mapping[str, Any], seconds: float, engine: str) -> Score:
    """A score of the notes heard so far, written the quick way."""
    return written_again(notes, {**given, "writer": "rules"}, seconds, engine)


def about(path: Path) -> audio.AudioInfo:
    """What the header of a recording says; of a MIDI file its length, and the codec MIDI.

    Raises:
        AudioError: it is neither.
    """
    if midi_file.is_midi(path):
        return audio.AudioInfo(midi_file.read(path).seconds, 0, 0, MIDI)
    return audio.probe(path)
