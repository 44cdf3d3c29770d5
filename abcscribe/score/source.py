"""Where a score is read from: a file, a pipe or stdin -> a file of bounded size whose suffix names its format.

Knows names, sizes and first bytes; what a score is, the readers know.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from abcscribe.errors import ScoreError

MOST_BYTES = 64 << 20  # of a score as text: thirty times the longest symphony in MusicXML
LONGEST_BEGINNING = 10_000  # bytes that are looked at to find a format
STDIN = "-"

# How a format begins, for what has no name. Only what is certain: plain ABC begins with a field of one letter.
_BEGINNINGS = (
    (".mid", re.compile(rb"MThd")),
    (".mxl", re.compile(rb"PK\x03\x04")),
    (".json", re.compile(rb"\s*\{")),
    (".krn", re.compile(rb"(?:!!.*\n)*\*\*")),
    (".musicxml", re.compile(rb"\s*<")),
    (".ly", re.compile(rb"\s*(?:%(?!abc).*\n\s*)*(?:\\[a-z]|[a-zA-Z]+ *=)")),
    (".abc", re.compile(rb"\s*(?:%.*\n\s*)*[A-Za-z] ?:")),
)


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that holds what ``path`` names: itself, or a copy of what comes out of a pipe.

    Raises ScoreError if there is nothing there, or more than a score can be. The copy is gone afterwards.
    """
    if str(path) == STDIN:
        if sys.stdin is None:
            raise ScoreError("stdin is closed.")
        with _copied(sys.stdin.buffer, "stdin") as copy:
            yield copy
    elif stat.S_ISREG(_status(path).st_mode):
        if path.stat().st_size > MOST_BYTES:
            raise ScoreError(f"{path} is larger than {MOST_BYTES >> 20} MB: no score is.")
        yield path
    elif path.is_dir():
        raise ScoreError(f"{path} is a folder, not a file.")
    else:
        with path.open("rb") as pipe, _copied(pipe, str(path)) as copy:
            yield copy


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except FileNotFoundError:
        raise ScoreError(f"{path} does not exist.") from None


@contextmanager
def _copied(pipe: BinaryIO, name: str) -> Iterator[Path]:
    content = pipe.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ScoreError(f"{name} holds more than {MOST_BYTES >> 20} MB: no score does.")
    suffix = _suffix(content)
    if not suffix:
        raise ScoreError(f"{name} is empty." if not content else f"{name} begins like no score that can be read.")
    with tempfile.TemporaryDirectory(prefix="abcscribe-") as folder:
        copy = Path(folder) / f"{Path(name).name}{suffix}"
        copy.write_bytes(content)
        yield copy


def suffix_of(path: Path) -> str:
    """The suffix of the format in which a file without one begins, "" if it begins like none."""
    with path.open("rb") as file:
        return _suffix(file.read(LONGEST_BEGINNING))


def _suffix(content: bytes) -> str:
    start = content.removeprefix(b"\xef\xbb\xbf")[:LONGEST_BEGINNING]
    return next((suffix for suffix, beginning in _BEGINNINGS if beginning.match(start)), "")


def check_archive(path: Path) -> None:
    """Refuse a compressed file that is damaged or swells beyond MOST_BYTES. Raises ScoreError."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
                raise ScoreError(f"{path} swells to more than {MOST_BYTES >> 20} MB: no score does.")
            if archive.testzip() is not None:  # decompresses no more than is announced
                raise ScoreError(f"{path} is a damaged archive.")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise ScoreError(f"{path} is a damaged archive.") from error
