"""Calls in processes of their own: one that dies takes no other with it, and none outlives its parent.

Not ``ProcessPoolExecutor``: there the death of one process, for want of memory say, fails all calls that are waiting,
and processes whose parent is killed go on working as orphans.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
_R = TypeVar("_R")
PR_SET_PDEATHSIG = 1  # of Linux's prctl


@dataclass(frozen=True, slots=True)
class Died:
    """The process that worked on a call ended without an answer."""

    code: int  # minus the number of the signal that killed it, or its exit code


def run_all(
    function: Callable[[_T], _R],
    items: Sequence[_T],
    processes: int,
    started: Callable[[_T], None] = lambda item: None,
) -> Iterator[tuple[_T, _R | Died]]:
    """``function(item)`` for all items, in the order in which the answers come.

    Args:
        function: of a module; it must not raise.
        items: what can be pickled.
        processes: how many work at once.
        started: told of each item when the work on it begins.
    """
    waiting = deque(items)
    workers: list[_Worker[_T, _R]] = []
    try:
        for _ in range(min(processes, len(items))):
            workers.append(_Worker(function, processes))
        while waiting or any(worker.busy for worker in workers):
            for worker in workers:
                if waiting and not worker.busy:
                    started(waiting[0])
                    worker.begin(waiting.popleft())
            ready = connection.wait([worker.pipe for worker in workers if worker.busy])
            for position, worker in enumerate(workers):
                if worker.pipe not in ready:
                    continue
                item, answer = worker.answer()
                if isinstance(answer, Died) and waiting:
                    workers[position] = _Worker(function, processes)
                yield item, answer
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[_T, _R]):
    """A process and the pipe to it."""

    def __init__(self, function: Callable[[_T], _R], processes: int) -> None:
        context = multiprocessing.get_context("spawn")  # threads of the ONNX runtime do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, function, os.getpid(), processes), daemon=True)
        with _no_interrupts():
            self.process.start()
        theirs.close()  # the only other end is the worker's: when it dies, the pipe ends
        self.busy = False
        self.item: Any = None

    def begin(self, item: _T) -> None:
        self.item, self.busy = item, True
        with suppress(OSError):  # it died while it had nothing to do: ``answer`` finds the end of the pipe
            self.pipe.send(item)

    def answer(self) -> tuple[_T, _R | Died]:
        self.busy = False
        try:
            return self.item, self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return self.item, Died(self.process.exitcode or 0)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal; those that are started here never see it: their parent decides."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # would otherwise be started in between, and unblocks signals itself
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: connection.Connection, function: Callable[[Any], Any], parent: int, processes: int) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(parent)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        pipe.send(function(item))


def _die_with(parent: int) -> None:
    """End when the parent does, however it ended: by the kernel's word on Linux, elsewhere by a thread that watches."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before that
            os._exit(1)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    process = multiprocessing.parent_process()
    if process is not None:
        connection.wait([process.sentinel])
        os._exit(1)
