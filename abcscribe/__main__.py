"""``abcscribe`` and ``python -m abcscribe``: the command line, and what a shell sees of it whatever happens.

Little is imported before signals and streams are in order, so that Ctrl-C is one sentence from the first moment on.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from abcscribe.errors import AbcscribeError

PATIENCE = 3.0  # seconds from a signal to the end at the latest
_stopped: list[int] = []  # the signal that has come
STOPPED = {"SIGINT": "Interrupted", "SIGTERM": "Terminated", "SIGHUP": "The terminal was closed"}


def main() -> NoReturn:
    """Run the command line and end the process with its exit code; 128 and the signal's number if one stopped it."""
    _watch_signals()
    _open_streams()
    try:
        from abcscribe import cli

        cli.main()
        code: int | str | None = 0
    except SystemExit as ended:
        code = ended.code
    code = 128 + _stopped[0] if _stopped else _flushed(code if isinstance(code, int) else int(code is not None))
    for name in STOPPED:  # the work is done: nothing may be said about the end of the interpreter
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    sys.exit(code)


def _watch_signals() -> None:
    """End by an exception, which cleans up on its way, at the first signal; at the second one at once."""
    for name in STOPPED:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    for name in STOPPED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: os._exit(128 + number))
    with suppress(OSError):  # not through sys.stderr: the signal may have come while it was being written
        os.write(2, f"{STOPPED[signal.Signals(number).name]}: every file that was written is whole.\n".encode())
    _stopped.append(number)
    threading.Thread(target=_end_late, args=(128 + number,), daemon=True).start()
    raise SystemExit(128 + number)


def _end_late(code: int) -> None:
    """The last word if the exception is swallowed, as by a C extension that is being imported."""
    time.sleep(PATIENCE)
    os._exit(code)


class _Stdout(io.FileIO):
    """What cannot be written is a sentence, whoever wrote it: a closed pipe, a full disk."""

    def write(self, data: object) -> int:  # type: ignore[override]
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            closed = error.errno in (errno.EPIPE, errno.EBADF)
            reason = "is closed" if closed else f"cannot be written: {error.strerror}"
            raise AbcscribeError(f"stdout {reason}.") from error


class _Stderr(io.FileIO):
    """Nobody can be told that stderr is gone: what is said there is dropped, and the work goes on. After a signal
    nothing more is said."""

    def write(self, data: object) -> int:  # type: ignore[override]
        if _stopped:
            return len(memoryview(data))  # type: ignore[arg-type]
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return len(memoryview(data))  # type: ignore[arg-type]


def _open_streams() -> None:
    """Streams that say what is wrong with them. One that the shell closed is taken by a device: a score that is opened
    for writing must not get the number of stderr, to which libraries write."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)  # takes the lowest free number
    for name, number, kind in (("stdout", 1, _Stdout), ("stderr", 2, _Stderr)):
        encoding = getattr(getattr(sys, name), "encoding", None) or "utf-8"
        raw = kind(number, "wb", closefd=False)
        lines = number == 2 or raw.isatty()
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=lines))


def _flushed(code: int) -> int:
    """The exit code, 1 if the last of the output cannot be written."""
    try:
        sys.stdout.flush()
    except AbcscribeError as error:
        if code == 0:  # otherwise it has been said
            sys.stderr.write(f"{error}\n")
            code = 1
    # The interpreter flushes again at its end; what could not be written is let go
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    return code


if __name__ == "__main__":
    main()
