"""One process that dies takes no other with it, and none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fuzz import kills

from abcscribe import workers


def work(item: int) -> int:
    """Squares; 3 kills its process, as the kernel does where memory ends."""
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def test_a_process_that_dies_costs_its_own_call_alone() -> None:
    started: list[int] = []
    answers = dict(workers.run_all(work, list(range(6)), 2, started.append))
    assert answers.pop(3) == workers.Died(-signal.SIGKILL)
    assert answers == {0: 0, 1: 1, 2: 4, 4: 16, 5: 25}
    assert sorted(started) == list(range(6))


PARENT = """
import time
from abcscribe import workers

def sleep(item):
    time.sleep(60)

if __name__ == "__main__":
    print("begun", flush=True)
    list(workers.run_all(sleep, [1, 2], 2))
"""


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_workers_end_with_their_parent(name: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout
    assert parent.stdout.readline() == b"begun\n"
    while len(kills.members(parent.pid)) < 4:  # the parent, two workers, and Python's tracker of resources
        time.sleep(0.05)
    parent.send_signal(getattr(signal, name))
    parent.wait(10)
    until = time.monotonic() + 10
    while kills.members(parent.pid):
        assert time.monotonic() < until, "a worker lives on"
        time.sleep(0.05)
    parent.stdout.close()
