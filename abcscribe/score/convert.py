"""One score file -> another, in any of the formats that can be read and written."""

from __future__ import annotations

import os
from pathlib import Path

from abcscribe.errors import ScoreError
from abcscribe.score.readers import read_leniently
from abcscribe.score.target import write_target
from abcscribe.score.writers import format_of, render


def convert(source: str | Path, target: str | Path, name: str | None = None, tuning: str | None = None) -> list[str]:
    """Write ``source`` as ``target``, in the format that its suffix asks for unless one is named.

    Returns what was wrong in the source and was worked around, one sentence each, for the user to see. Raises
    ScoreError, and leaves ``target`` alone, if there is no score in the source or the format cannot hold it.
    """
    name = name or format_of(target)  # a wrong suffix is found before anything is read
    if os.path.realpath(source) == os.path.realpath(target):
        raise ScoreError(f"{target} is what is read: name another file to write.")
    score, problems = read_leniently(source)
    write_target(Path(target), render(score, name, tuning))
    return problems
