"""A slice of the fuzzing, the same on every run; ``python tests/fuzz/harness.py`` has all kinds of files.

Each file is tried by a program of its own: one that is forked from a test process inherits the locks of its threads.
"""

import subprocess
import sys
from pathlib import Path

HARNESS = Path(__file__).with_name("harness.py")


def test_damaged_json_is_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, HARNESS, "--kinds", "json", "--count", "40", "--keep", tmp_path]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 bad" in ran.stdout
