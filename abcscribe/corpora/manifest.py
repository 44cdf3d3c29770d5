"""A row for every piece: its source, terms of use, checksum and split."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a corpus. ``split``, ``group`` and ``left_out`` are known once the notes have been read."""

    id: str  # stable across machines: source and path inside it, with "#index" for a tune of a file
    source: str  # collection, such as "music21/bach" or "openscore-lieder"
    path: Path  # the file on this machine
    index: int  # tune in the file, from 0
    title: str
    licence: str  # name of the licence
    terms: str  # licences.FREE, PERMITTED or RESTRICTED
    sha256: str  # of the file, of the tune's text if the file holds several
    split: str = ""  # train, valid or test
    group: str = ""  # id of the first piece with the same melody; all of a group are in one split
    left_out: str = ""  # why the piece must not be used, "" if it may


_COLUMNS = [field.name for field in fields(Piece) if field.name != "path"]  # a path is meaningless on another machine


def write(path: Path, pieces: Iterable[Piece]) -> None:
    """Write the pieces as CSV, one row each, without their paths."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows([getattr(piece, column) for column in _COLUMNS] for piece in pieces)
