"""A MIDI file of a data set -> its notes in seconds, as keys were held or as they sounded under the pedal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from abcscribe.corpora.recording import Recording
from abcscribe.extras import require
from abcscribe.score.model import PlayedNote, Score

SHORTEST = 0.001  # seconds


def midi_notes(path: Path, pedal: bool = False, program: int | None = None, shift: int = 0) -> list[PlayedNote]:
    """The notes of a file.

    Args:
        path: of the file.
        pedal: whether a note that ends under the sustain pedal sounds on until it is lifted or the key struck again.
        program: of all notes; None: as the file says. 128 is percussion.
        shift: semitones from the file's pitch to the sounding one.

    Raises:
        MissingPackageError: symusic is not installed.
        OSError, RuntimeError: the file cannot be read.
    """
    require("Reading MIDI files of a data set", "data", "symusic")
    import symusic

    reader: Any = symusic.Score  # a factory whose result its stubs leave untyped
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    found: list[PlayedNote] = []
    for track in reader(str(path), ttype="second").tracks:
        drum = track.is_drum if program is None else program == 128
        sound = None if drum else track.program if program is None else program
        ends = _pedalled(track) if pedal else [note.end for note in track.notes]
        for note, end in zip(track.notes, ends, strict=True):
            off = max(end, note.start + SHORTEST)
            found.append(PlayedNote(note.start, off, note.pitch + shift, max(note.velocity, 1), "", 1.0, sound, drum))
    return found


def piano_performance(
    name: str, audio: Path, split: str, midi: Path, read_score: Callable[[], Score] | None = None
) -> Recording:
    """A recording of a piano that wrote down its keys and pedals."""
    held, heard = (partial(midi_notes, midi, pedal=pedal, program=0) for pedal in (False, True))
    return Recording(name, audio, split, (0,), held, heard, read_score, midi)


def _pedalled(track: Any) -> list[float]:
    """The ends of a track's notes as they are heard."""
    held = _merged([(pedal.time, pedal.time + pedal.duration) for pedal in track.pedals])
    again: dict[int, float] = {}  # pitch -> its next onset
    ends: list[float] = []
    for note in sorted(track.notes, key=lambda n: n.start, reverse=True):
        lifted = next((up for down, up in held if down <= note.end < up), note.end)
        ends.append(max(note.end, min(lifted, again.get(note.pitch, lifted))))
        again[note.pitch] = note.start
    order = sorted(range(len(track.notes)), key=lambda i: track.notes[i].start, reverse=True)
    return [end for _, end in sorted(zip(order, ends, strict=True))]


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return list(_overlaps_joined(sorted(spans)))


def _overlaps_joined(spans: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    last: tuple[float, float] | None = None
    for down, up in spans:
        if last and down <= last[1]:
            last = last[0], max(last[1], up)
            continue
        if last:
            yield last
        last = down, up
    if last:
        yield last
