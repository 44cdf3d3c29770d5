"""A server in a process of its own, to be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from asking import PATIENCE, connected

SCRIPT = Path(__file__).with_name("live_server.py")


class Live:
    """``with Live(folder) as live: live.ask(...)``"""

    def __init__(self, folder: Path, most_file_bytes: int | None = None) -> None:
        self.folder = folder
        bound = [] if most_file_bytes is None else [str(most_file_bytes)]
        self.process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), *bound], stdout=subprocess.PIPE)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.ask = connected(self.port)
        self.until(self._answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self._close()

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._close()

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return bool(self.ask.client.get("/api/status").status_code == 200)
        except OSError:
            return False
        except Exception as error:
            if "onnect" in type(error).__name__:
                return False
            raise

    def _close(self) -> None:
        self.ask.client.close()
        if self.process.stdout:
            self.process.stdout.close()
