"""Files of aligned notes in the formats of public data sets -> played notes in seconds.

One reader for each format, chosen by the end of the file's name. Where a data set has onsets only, ``offsets`` is
False: the offset of such a note is the next onset of its voice, and is not scored.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from abcscribe.errors import AbcscribeError
from abcscribe.score.model import PlayedNote

LAST_NOTE = 0.5  # seconds: the length of a last note whose offset is not known
MATCH_NOTE = re.compile(r"note\([^,]*,(?P<pitch>\d+),(?P<on>\d+),(?P<off>\d+),(?P<velocity>\d+)")


class GroundTruthError(AbcscribeError):
    """A file of the ground truth cannot be read."""


@dataclass(frozen=True, slots=True)
class AlignedNotes:
    """The played notes, by track of the file (0 if it has only one)."""

    tracks: dict[int, tuple[PlayedNote, ...]]
    offsets: bool = True  # whether the ends of notes are known

    @property
    def notes(self) -> tuple[PlayedNote, ...]:
        return tuple(sorted(itertools.chain(*self.tracks.values()), key=lambda n: (n.onset, n.pitch)))


def read_aligned_notes(path: Path, shift: int = 0) -> AlignedNotes:
    """Read a file in any format of `READERS`.

    Args:
        path: of the file.
        shift: semitones from the printed to the sung pitch, for formats with both.

    Raises:
        GroundTruthError: the format is unknown, or the file cannot be read.
    """
    for ending, reader in READERS.items():
        if path.name.endswith(ending):
            try:
                return reader(path, shift)
            except (OSError, ValueError, KeyError, IndexError) as error:
                raise GroundTruthError(f"{path} cannot be read as {ending} notes: {error}") from error
    raise GroundTruthError(f"{path} is no known kind of aligned notes; known are {', '.join(READERS)}.")


def _bach10(path: Path, shift: int) -> AlignedNotes:
    """Bach10 ``.txt``: onset in the recording ms, in the score ms, MIDI pitch, channel from 1; no offsets."""
    onsets: dict[int, list[tuple[float, int]]] = {}
    for row in _rows(path):
        onsets.setdefault(int(row[3]), []).append((float(row[0]) / 1000, int(row[2])))
    return AlignedNotes({channel: _legato(notes) for channel, notes in sorted(onsets.items())}, offsets=False)


def _ssvd(path: Path, shift: int) -> AlignedNotes:
    """SSVD ``_label.txt``: onset s, sung pitch, index and pitch of the printed note; no offsets.

    A note sung within a semitone of the printed one is that note, however flat the singer is on the whole; otherwise it
    is the sung pitch less the median deviation.
    """
    rows = [(float(row[0]), float(row[1]), int(float(row[3])) + shift) for row in _rows(path)]
    detune = median(sung - printed for _, sung, printed in rows)
    sung = [(onset, meant if abs(pitch - meant) < 1 else round(pitch - detune)) for onset, pitch, meant in rows]
    return AlignedNotes({0: _legato(sung)}, offsets=False)


def _table(path: Path, shift: int) -> AlignedNotes:
    """``.notes.tsv`` with a header: onset s, offset s, MIDI pitch."""
    rows = csv.reader(path.open(encoding="utf-8", newline=""), delimiter="\t")
    next(rows)
    return AlignedNotes({0: tuple(PlayedNote(float(on), float(off), int(pitch)) for on, off, pitch, *_ in rows)})


def _match(path: Path, shift: int) -> AlignedNotes:
    """A ``.match`` file: the performed notes with ticks, whether they are in the score or not."""
    text = path.read_text(encoding="utf-8")
    units, rate = (int(re.search(rf"info\(midiClock{name},(\d+)\)", text)[1]) for name in ("Units", "Rate"))  # type: ignore[index]
    second = 1e6 * units / rate  # ticks in a second; the rate is microseconds per quarter
    found = [note for line in text.splitlines() for note in MATCH_NOTE.finditer(line.split("-", 1)[-1])]
    notes = [
        PlayedNote(int(n["on"]) / second, int(n["off"]) / second, int(n["pitch"]), int(n["velocity"])) for n in found
    ]
    return AlignedNotes({0: tuple(notes)})


def _filosax(path: Path, shift: int) -> AlignedNotes:
    """Filosax JSON: the performed times of each note."""
    notes = json.loads(path.read_text(encoding="utf-8"))["notes"]
    return AlignedNotes({0: tuple(PlayedNote(n["a_start_time"], n["a_end_time"], int(n["midi_pitch"])) for n in notes)})


def _vocadito(path: Path, shift: int) -> AlignedNotes:
    """vocadito ``.csv``: onset s, frequency Hz, duration s."""
    rows = [tuple(map(float, row)) for row in csv.reader(path.open(encoding="utf-8", newline="")) if row]
    notes = [PlayedNote(on, on + long, round(69 + 12 * math.log2(hertz / 440))) for on, hertz, long in rows]
    return AlignedNotes({0: tuple(notes)})


def _midi(path: Path, shift: int) -> AlignedNotes:
    """A MIDI file that was aligned with the recording: its own tempo map gives the seconds."""
    import pretty_midi

    tracks = pretty_midi.PrettyMIDI(str(path)).instruments
    return AlignedNotes(
        {
            index: tuple(PlayedNote(n.start, n.end, n.pitch, n.velocity) for n in track.notes)
            for index, track in enumerate(tracks)
        }
    )


# The first ending that matches is used, so the more specific one comes first.
READERS: dict[str, Callable[[Path, int], AlignedNotes]] = {
    "_label.txt": _ssvd,
    ".txt": _bach10,
    ".tsv": _table,
    ".match": _match,
    ".json": _filosax,
    ".csv": _vocadito,
    ".mid": _midi,
}


def _rows(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _legato(notes: Sequence[tuple[float, int]]) -> tuple[PlayedNote, ...]:
    """Notes of one voice of which only the onsets are known."""
    ordered = sorted(notes)
    ends = [later[0] for later in ordered[1:]] + [ordered[-1][0] + LAST_NOTE] if ordered else []
    return tuple(
        PlayedNote(onset, max(end, onset + 0.01), pitch) for (onset, pitch), end in zip(ordered, ends, strict=True)
    )
