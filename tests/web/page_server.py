"""The page's server as a user starts it: ``abcscribe serve`` in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

PATIENCE = 30.0  # seconds until it answers
COMMAND = (sys.executable, "-c", "from abcscribe.cli import main; main()", "serve", "--no-browser")


class PageServer:
    """A server with a library of its own, which can be stopped, killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "PageServer":
        """Start it and wait until it answers."""
        command = [*COMMAND, "--port", str(self.port), "--library", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(self.url + "api/status").close()
            except OSError:
                assert self.process.poll() is None, "the server has ended"
                time.sleep(0.1)
            else:
                return self
        raise AssertionError("the server does not answer")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by a signal."""
        assert self.process
        self.process.send_signal(how)
        self.process.wait(PATIENCE)
