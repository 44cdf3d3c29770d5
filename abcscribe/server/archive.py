"""The library, or some of it, as one zip: recordings, notes heard, and every version of every score; and back.

A zip that comes in was made by anybody. Nothing in it names a place on the disk; every file is counted while it is
unpacked and checked against its hash, every row against the columns there are, every score by reading it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from abcscribe.errors import AbcscribeError, AudioError
from abcscribe.score.model import Score
from abcscribe.server import pipeline
from abcscribe.server.files import HASH
from abcscribe.server.library import Library, unpacked_score

FORMAT, VERSION = "abcscribe-archive", 1
MOST_RECORDINGS = 10_000
MOST_ROWS_BYTES = 256 << 20  # of one recording's rows
PIECE = 1 << 20
SCORE_BYTES = 512 << 20  # of one score or list of notes, unpacked
BLOBS = frozenset({"score", "corrections", "notes"})
_ID = set("0123456789abcdef")


class ArchiveError(AbcscribeError):
    """A zip that is no archive of abcscribe's, or a damaged one."""


def write(library: Library, names: Sequence[str], goal: Path) -> None:
    """Write an archive of recordings. Raises NotFoundError."""
    with zipfile.ZipFile(goal, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr("archive.json", json.dumps({"format": FORMAT, "version": VERSION, "recordings": list(names)}))
        for name in names:
            content = library.recording(name)["hash"]
            rows = {table: [_plain(row) for row in own] for table, own in library.rows_of(name).items()}
            archive.writestr(f"recordings/{name}.json", json.dumps(rows), zipfile.ZIP_DEFLATED)
            if f"files/{content}" not in archive.namelist():
                archive.write(library.files.path(content), f"files/{content}")


def read(library: Library, source: Path, most_bytes: int) -> int:
    """Take in the recordings of an archive that are not there yet.

    Returns:
        How many were taken in.

    Raises:
        ArchiveError: it is no archive, or damaged; what was taken in before that stays.
        OSError: the disk is full.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            present = set(library.all_ids())
            return sum(_take(library, archive, name, most_bytes) for name in _names(archive) if name not in present)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError, zlib.error, NotImplementedError,
            RecursionError, EOFError, IndexError, sqlite3.IntegrityError, sqlite3.OperationalError,
            RuntimeError) as error:  # fmt: skip
        if isinstance(error, sqlite3.OperationalError) and "full" in str(error):
            raise
        raise ArchiveError("This is no archive of abcscribe, or it is damaged.") from error


def _names(archive: zipfile.ZipFile) -> Iterator[str]:
    head = json.loads(_content(archive, "archive.json", MOST_ROWS_BYTES))
    if head["format"] != FORMAT or head["version"] != VERSION or len(head["recordings"]) > MOST_RECORDINGS:
        raise ArchiveError("This archive was made by another version of abcscribe.")
    for name in head["recordings"]:
        if len(name) != 16 or not set(name) <= _ID:
            raise ValueError(name)
        yield name


def _take(library: Library, archive: zipfile.ZipFile, name: str, most_bytes: int) -> bool:
    rows = json.loads(_content(archive, f"recordings/{name}.json", MOST_ROWS_BYTES))
    rows = {table: [_row(row) for row in rows[table]] for table in ("recordings", "runs", "versions")}
    (recording,) = rows["recordings"]
    numbers = {version["number"] for version in rows["versions"]}
    for row in (*rows["runs"], *rows["versions"]):
        if row["recording"] != name:
            raise ValueError(row["recording"])
    if recording["id"] != name or recording["current"] not in {None, *numbers}:
        raise ValueError(name)
    _check(rows)
    recording |= {"state": "ready" if numbers else "new", "attempts": 0}
    content = recording["hash"]
    if not HASH.fullmatch(content):
        raise ValueError(content)
    temporary = library.files.temporary()
    try:
        with archive.open(f"files/{content}") as source, temporary.open("wb") as goal:
            if _copied(source, goal, most_bytes) != content:
                raise ArchiveError("A recording in this archive is damaged.")
        pipeline.about(temporary)
        library.insert_rows(temporary, content, rows)
    except AudioError:
        raise ArchiveError("A recording in this archive is not a sound file.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _check(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Every score and list of notes can be read, and the texts of the columns are what they should be."""
    for run in rows["runs"]:
        _score(run["notes"])
    for version in rows["versions"]:
        _score(version["score"])
        if not isinstance(json.loads(_unpacked(version["corrections"])), list):
            raise ValueError("corrections")
        for column, kind in (("hints", dict), ("dropped", list)):
            if not isinstance(json.loads(version[column]), kind):
                raise ValueError(column)
    (recording,) = rows["recordings"]
    for column, kind in (("hints", dict), ("warnings", list)):
        if not isinstance(json.loads(recording[column]), kind):
            raise ValueError(column)
    for column in ("seconds", "start", "end", "confidence", "bytes"):
        if not isinstance(recording[column], int | float | None):
            raise ValueError(column)


def _score(data: bytes) -> Score:
    _unpacked(data)
    return unpacked_score(data)


def _unpacked(data: bytes) -> bytes:
    """Decompressed, unless it is a bomb."""
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(data, SCORE_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError("too large")
    return content


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: base64.b64encode(value).decode() if key in BLOBS else value for key, value in row.items()}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    if not all(key.isidentifier() for key in row):
        raise ValueError("column")
    return {key: base64.b64decode(value, validate=True) if key in BLOBS else value for key, value in row.items()}


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError("too large")
    return content


def _copied(source: IO[bytes], goal: IO[bytes], most: int) -> str:
    """Copy; answers the hash of what was copied."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(PIECE):
        size += len(piece)
        if size > most:
            raise ValueError("too large")
        digest.update(piece)
        goal.write(piece)
    return digest.hexdigest()
