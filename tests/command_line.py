"""Runs the command line inside the test's process, as a shell would see it."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from abcscribe import cli


@dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: str


def run(*arguments: object) -> Ran:
    """``abcscribe ARGUMENTS``."""
    out, err = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    saved, sys.argv = sys.argv, ["abcscribe", *map(str, arguments)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        sys.argv = saved
    out.flush()
    return Ran(code, out.buffer.getvalue(), err.getvalue())
