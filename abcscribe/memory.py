"""What a process has taken of the machine's memory."""

from __future__ import annotations

import sys


def peak_megabytes() -> float:
    """The most that this process has held so far; 0 on Windows, whose standard library does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    unit = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss: a byte on macOS, elsewhere a kilobyte
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
