"""A published set of scores: its origin, terms of use, and the files of a local copy."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from abcscribe.corpora.licences import Licence

SUFFIXES = frozenset({".abc", ".krn", ".ly", ".mid", ".midi", ".mxl", ".musicxml", ".xml"})


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """A published collection of scores. A local copy is a folder called ``name``."""

    name: str  # of the folder, and the source of its pieces
    home: str  # where it is published
    citation: str  # the notice that its licence requires
    licence: Licence
    checksum: str = ""  # `collection_checksum` of the copy that the published model was trained on; "": none was
    licence_of: Callable[[Path, Path], Licence] | None = None  # folder and file -> terms, where they differ by file


def score_files(folder: Path) -> list[Path]:
    """Every file under a folder that may be a score, in the order of its path."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def collection_checksum(folder: Path) -> str:
    """SHA-256 over the names and checksums of a collection's score files: identifies a release."""
    lines = (f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in score_files(folder))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def table_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV file that lies in a collection."""
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
