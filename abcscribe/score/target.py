"""Bytes -> a file, a device or a pipe: nobody ever sees half of a score."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from abcscribe.errors import ScoreError

_OPEN_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")  # names of what another process has opened


def write_target(path: Path, content: bytes) -> None:
    """Put ``content`` where ``path`` says.

    A file is replaced in one step, so that whoever opens it sees the old content or the new, and keeps its mode; a link
    stays a link to the file that is replaced; a device or a pipe is written to. Raises ScoreError.
    """
    try:
        if _is_stream(path):
            with path.open("ab") as stream:
                stream.write(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        raise ScoreError(f"{path} cannot be written: {error.strerror or type(error).__name__}.") from error


def _is_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return not stat.S_ISREG(mode) or str(path.absolute()).startswith(_OPEN_STREAMS)


def _replace(path: Path, content: bytes) -> None:
    # Not named after the path: a name may have 255 bytes
    part = path.with_name(f".abcscribe-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        if path.exists():
            _keep_owner_and_mode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _keep_owner_and_mode(path: Path, part: Path) -> None:
    if not os.access(path, os.W_OK):  # a rename would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    status = path.stat()
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root may give files away
            os.chown(part, status.st_uid, status.st_gid)
    part.chmod(stat.S_IMODE(status.st_mode))
