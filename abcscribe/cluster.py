"""Calls on the cores of many machines: what `abcscribe.workers` does on one, with Ray's actors for its processes.

One actor a core, which imports and loads once and works on one item at a time: nothing queues on the cluster, so that
memory is bounded by the number of cores, and an item that kills its worker is known. Such an item is tried again on
another worker, `TRIES` times in all. Workers are asked for as long as the cluster has cores and there are items, also
while the work goes on: machines may come and go.

https://docs.ray.io/en/latest/ray-core/actors.html, .../ray-core/fault_tolerance/actors.html
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from abcscribe import extras
from abcscribe.errors import AbcscribeError
from abcscribe.workers import Died

_T = TypeVar("_T")
_R = TypeVar("_R")

TRIES = 3
LOOK = 2.0  # seconds between looks at how many cores there are
ALONE = 300.0  # seconds without a single worker after which the run gives up: a cluster that grows may take minutes
LONGEST = 4 * 3600.0  # seconds of one item, then its worker is taken for stuck: an hour of sound takes two minutes
LOST = -9  # code of a worker that is gone, as if it had been killed: Ray does not say more


def check(on: str) -> str:
    """The name of a cluster: ``ray`` (RAY_ADDRESS, else the cluster of this machine, else one made of it) or
    ``ray://HOST:PORT``. Raises AbcscribeError for anything else."""
    if on != "ray" and not on.startswith("ray://"):
        raise AbcscribeError(f"{on!r} is no cluster: it is called ray, or ray://HOST:PORT.")
    return on


def run_all(
    function: Callable[[_T], _R],
    items: Sequence[_T],
    on: str,
    *,
    prepare: Callable[[], object] = lambda: None,
    again: Callable[[_R], bool] = lambda answer: False,
) -> Generator[tuple[_T, _R | Died], None, None]:
    """``function(item)`` for all items, in the order in which the answers come, as `workers.run_all`.

    Args:
        function: of a module that every machine of the cluster has.
        items: what can be pickled.
        on: see `check`.
        prepare: called once in every worker, before its first item: loads what all items need.
        again: whether an answer calls for another try, by another worker if there is one.

    Yields:
        (item, its answer); ``Died`` if the worker died at every try.

    Raises:
        AbcscribeError: Ray is missing, there is no cluster, workers cannot be prepared, or there are none for long.
    """
    check(on)
    if not items:
        return
    with connected(on) as ray:
        fleet = _Fleet(ray, function, prepare, len(items))
        try:
            yield from fleet.work(items, again)
        finally:
            fleet.end()


def answers(
    function: Callable[[_T], _R], items: Sequence[_T], on: str, prepare: Callable[[], object] = lambda: None
) -> Generator[tuple[_T, _R], None, None]:
    """As `run_all`, for work in which no item may be left out: AbcscribeError if workers died at one."""
    with closing(run_all(function, items, on, prepare=prepare)) as found:
        for item, answer in found:
            if isinstance(answer, Died):
                raise AbcscribeError(
                    f"{TRIES} workers died at the same item, perhaps for want of memory; the same command goes on."
                )
            yield item, answer


@contextmanager
def connected(on: str) -> Iterator[Any]:
    """Ray, connected to a cluster for as long as the block runs; a connection that is there is used, and left."""
    extras.require("--on ray", "cluster", "ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere; read when Ray is imported
    import ray

    if ray.is_initialized():
        yield ray
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(address=None if on == "ray" else on, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise AbcscribeError(f"No Ray cluster can be reached as {on!r}: {reason}") from error
    with suppress(ValueError):  # not of the main thread: then Ray has left it as it was
        signal.signal(signal.SIGTERM, before)  # Ray's own says nothing of what was written
    try:
        yield ray
    finally:
        ray.shutdown()


class _Worker:
    """What an actor is made of."""

    def __init__(self, function: Callable[[Any], Any], prepare: Callable[[], object]) -> None:
        self.function, self.prepare = function, prepare

    def ready(self) -> None:
        self.prepare()

    def work(self, item: Any) -> Any:
        return self.function(item)


@dataclass(slots=True)
class _Try:
    """An item on its way."""

    item: Any
    number: int = 1
    worker: Any = None
    began: float = 0.0


class _Fleet:
    """The workers of a run: starting, idle and busy ones."""

    def __init__(self, ray: Any, function: Callable[[Any], Any], prepare: Callable[[], object], most: int) -> None:
        self.ray, self.made_of, self.most = ray, (function, prepare), most
        self.kind = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Worker)
        self.starting: dict[Any, Any] = {}  # reference to an answer -> worker
        self.idle: list[Any] = []
        self.busy: dict[Any, _Try] = {}
        self.looked = self.seen = time.monotonic() - LOOK

    def work(self, items: Sequence[Any], again: Callable[[Any], bool]) -> Iterator[tuple[Any, Any]]:
        """All items and what became of them."""
        waiting = deque(_Try(item) for item in items)
        while waiting or self.busy:
            self.most = len(waiting) + len(self.busy)
            self._grow()
            while waiting and self.idle:
                self._begin(waiting.popleft())
            self._end_stuck()
            for reference in self._finished():
                if reference in self.starting:
                    self._started(reference)
                    continue
                attempt = self.busy.pop(reference)
                answer = self._answer(reference, attempt)
                if attempt.number < TRIES and (isinstance(answer, Died) or again(answer)):
                    waiting.append(_Try(attempt.item, attempt.number + 1))
                else:
                    yield attempt.item, answer

    def _grow(self) -> None:
        """Ask for a worker for each core of the cluster, but for no more than there is work."""
        now = time.monotonic()
        if self.idle or self.busy:
            self.seen = now
        elif now - self.seen > ALONE:
            raise AbcscribeError(f"The cluster gave no worker for {ALONE:.0f} s; what is done is kept.")
        if now - self.looked < LOOK:
            return
        self.looked = now
        cores = max(1, int(self.ray.cluster_resources().get("CPU", 0)))
        for _ in range(min(cores, self.most) - len(self.starting) - len(self.idle) - len(self.busy)):
            worker = self.kind.remote(*self.made_of)
            self.starting[worker.ready.remote()] = worker

    def _begin(self, attempt: _Try) -> None:
        attempt.worker, attempt.began = self.idle.pop(0), time.monotonic()
        self.busy[attempt.worker.work.remote(attempt.item)] = attempt

    def _finished(self) -> list[Any]:
        references = [*self.starting, *self.busy]
        if not references:
            time.sleep(LOOK / 10)
            return []
        ready, _ = self.ray.wait(references, num_returns=1, timeout=LOOK)
        return list(ready)

    def _started(self, reference: Any) -> None:
        worker = self.starting.pop(reference)
        try:
            self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise _failure(error) from error
        except self.ray.exceptions.RayError:
            return  # it died; another one is asked for
        self.idle.append(worker)

    def _answer(self, reference: Any, attempt: _Try) -> Any:
        try:
            answer = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise _failure(error) from error
        except self.ray.exceptions.RayError:  # of the worker, its machine, or the way to it
            self._kill(attempt.worker)
            return Died(LOST)
        self.idle.append(attempt.worker)
        return answer

    def _end_stuck(self) -> None:
        for attempt in self.busy.values():
            if time.monotonic() - attempt.began > LONGEST:
                self._kill(attempt.worker)

    def _kill(self, worker: Any) -> None:
        self.ray.kill(worker, no_restart=True)

    def end(self) -> None:
        """Give all cores back."""
        for worker in [*self.starting.values(), *self.idle, *(attempt.worker for attempt in self.busy.values())]:
            self._kill(worker)


def _failure(error: Any) -> BaseException:
    """What a worker raised: that itself if it is for the user, else a sentence with it."""
    cause = error.cause if isinstance(getattr(error, "cause", None), BaseException) else error
    if isinstance(cause, AbcscribeError):
        return type(cause)(str(cause))
    return AbcscribeError(f"A worker failed ({type(cause).__name__}: {' '.join(str(cause).split())[:300]}).")
