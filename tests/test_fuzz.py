"""A slice of the fuzzing, with the same mutants on every run."""

import subprocess
import sys
from pathlib import Path

from fuzz import harness, mutants

HARNESS = Path(__file__).parent / "fuzz" / "harness.py"


def test_damaged_files_are_read_or_refused_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, HARNESS, "--count", "12"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("; 0 bad\n") == len(mutants.FORMATS), done.stdout


def test_what_must_not_be_is_seen() -> None:
    code = (
        "import os, signal, sys, time; print('{}', flush=True)\n"
        "for line in sys.stdin:\n"
        "    if 'ends' in line: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    if 'waits' in line: time.sleep(600)\n"
        "    if 'prints' in line: print('words', file=sys.stderr, flush=True)\n"
        """    print('{"outcome": "read", "causes": [], "seconds": 0, "megabytes": 1, "last": false}', flush=True)\n"""
    )
    asked = [("fine", 0), ("prints", 1), ("fine", 2), ("waits", 3), ("ends", 4), ("fine", 5)]
    command = [sys.executable, "-c", code]
    found = list(harness.verdicts(asked, command, patience=1.0))
    assert [verdict.good for verdict in found] == [True, False, True, False, False, True]
    assert [verdict.outcome.split()[0] for verdict in found] == ["read", "printed", "read", "waits:", "ended", "read"]
