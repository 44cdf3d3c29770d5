"""What every data set of recordings offers: where to get it, its recordings, their notes and, if it has any, scores.

A data set is one module with a `DataSet`, whose ``index`` walks a local copy in the layout that its authors published.
Nothing is downloaded: `checked` says of a copy what is there.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from abcscribe.corpora.licences import Licence
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import Key, Metre, PlayedNote, Score

SPLITS = ("train", "validation", "test")
BLOCK = 1 << 20  # bytes read at once for a checksum
ReadNotes = Callable[[], Sequence[PlayedNote]]


class DataSetError(AbcscribeError):
    """A data set is unknown, or a file of its local copy is missing or damaged."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording and the truth that comes with it. Notes and scores are read when they are asked for."""

    id: str  # path in the data set without suffix, the same on every machine
    audio: Path
    split: str  # of SPLITS, as published; "train" in a set without splits
    programs: tuple[int, ...]  # General MIDI of those who play, 128 for drums
    read_notes: ReadNotes  # as the keys were held, in seconds of the recording
    read_sounding: ReadNotes | None = None  # as they sounded under the pedal, where that differs
    read_score: Callable[[], Score] | None = None  # bars have seconds where the set aligns them
    midi: Path | None = None  # what the origin's converter is given: score or performance
    metre: Metre | None = None  # what the set says of the whole recording
    key: Key | None = None
    tempo: float | None = None  # quarters a minute
    offsets: bool = True  # whether the ends of notes are known
    part_of: str = ""  # id of the mix that this is a stem of

    def notes(self) -> tuple[PlayedNote, ...]:
        """The notes by onset, as long as their keys were held.

        Raises DataSetError if their file is missing or damaged.
        """
        return self._read(self.read_notes)

    def sounding(self) -> tuple[PlayedNote, ...]:
        """The notes by onset, as long as they sounded. Raises DataSetError."""
        return self._read(self.read_sounding or self.read_notes)

    def score(self) -> Score | None:
        """The printed score, None if there is none. Raises ScoreError if it is damaged, DataSetError if it is gone."""
        try:
            return self.read_score() if self.read_score else None
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise DataSetError(f"{self.id}: the score cannot be read: {error}") from error

    def _read(self, reader: ReadNotes) -> tuple[PlayedNote, ...]:
        try:
            return tuple(sorted(reader(), key=lambda note: (note.onset, note.pitch)))
        except (OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
            raise DataSetError(f"{self.id}: the notes cannot be read: {error}") from error


@dataclass(frozen=True, slots=True)
class Download:
    """A file that the authors publish."""

    url: str
    name: str  # as it is called after the download
    size: str  # for people
    md5: str = ""  # "": none is published
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set of recordings."""

    name: str
    title: str
    home: str
    licence: Licence
    citation: str
    downloads: tuple[Download, ...]
    layout: str  # a line a file, as it lies in a local copy
    splits: str  # who divided it, and how
    recordings: int  # mixes in a complete copy
    index: Callable[[Path], Iterator[Recording]]

    def read(self, folder: Path, stems: bool = False) -> list[Recording]:
        """The recordings of a local copy, in the order of their ids.

        Args:
            folder: the copy.
            stems: whether single players of a mix are listed, too.

        Raises:
            DataSetError: the folder does not hold the data set.
        """
        try:
            found = [one for one in self.index(folder) if stems or not one.part_of]
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise DataSetError(f"{folder} is no complete copy of {self.name}: {error}") from error
        if not found:
            raise DataSetError(f"{folder} holds no recording of {self.name}. Its layout is:\n{self.layout}")
        return sorted(found, key=lambda one: one.id)


def checked(data_set: DataSet, folder: Path) -> Iterator[tuple[bool, str]]:
    """What is there of a data set: archives with their checksums, recordings by split, missing audio.

    Yields:
        Whether it is as it should be, and a sentence.
    """
    for download in data_set.downloads:
        path = folder / download.name
        if path.is_file():
            yield _check_archive(path, download)
    try:
        found = data_set.read(folder)
    except DataSetError as error:
        yield False, str(error)
        return
    counts = ", ".join(f"{n} {split}" for split in SPLITS if (n := sum(one.split == split for one in found)))
    complete = len(found) == data_set.recordings
    yield complete, f"{len(found)} of {data_set.recordings} recordings: {counts}"
    silent = [one for one in found if not one.audio.is_file()]
    if silent:
        yield False, f"{len(silent)} recordings have no sound, the first is {silent[0].audio}"


def _check_archive(path: Path, download: Download) -> tuple[bool, str]:
    kind = "sha256" if download.sha256 else "md5" if download.md5 else ""
    if not kind:
        return True, f"{path.name} is there; no checksum is published"
    found, wanted = _digest(path, kind), download.sha256 or download.md5
    if found == wanted:
        return True, f"{path.name} has the published {kind}"
    return False, f"{path.name} has the {kind} {found}, published is {wanted}: download it again"


def _digest(path: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def if_there(path: Path) -> Path | None:
    """A file that not every copy has."""
    return path if path.is_file() else None


def columns(path: Path) -> list[list[str]]:
    """The lines of a table without quotes, cut at white space; empty ones are left out."""
    return [line.split() for line in path.read_text().splitlines() if line.strip()]


def together(stems: Sequence[Recording]) -> ReadNotes:
    """The notes of all players of a mix."""
    readers = [stem.read_notes for stem in stems]
    return lambda: [note for read in readers for note in read()]


def pitch_of(hertz: float) -> int:
    """The MIDI pitch nearest to a frequency."""
    return round(69 + 12 * math.log2(hertz / 440))


def legato(onsets: Sequence[tuple[float, int]], program: int, last: float = 0.5) -> Iterator[PlayedNote]:
    """Notes of one line of which only onset (seconds) and pitch are known: each lasts to the next, the last ``last``
    seconds."""
    ordered = sorted(onsets)
    ends = [onset for onset, _ in ordered[1:]] + [ordered[-1][0] + last] if ordered else []
    for (onset, pitch), end in zip(ordered, ends, strict=True):
        yield PlayedNote(onset, max(end, onset + 0.01), pitch, program=program)
