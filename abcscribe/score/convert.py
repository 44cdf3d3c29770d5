"""One score file -> another, in any of the formats that can be read and written."""

from __future__ import annotations

from pathlib import Path

from abcscribe.score.readers import read_leniently
from abcscribe.score.writers import format_of, render, replace_file


def convert(source: str | Path, target: str | Path, name: str | None = None, tuning: str | None = None) -> list[str]:
    """Write ``source`` as ``target``, in the format that its suffix asks for unless one is named.

    Returns what was wrong in the source and was worked around, one sentence each, for the user to see. Raises
    ScoreError, and leaves ``target`` alone, if there is no score in the source or the format cannot hold it.
    """
    name = name or format_of(target)  # a wrong suffix is found before anything is read
    score, problems = read_leniently(source)
    replace_file(Path(target), render(score, name, tuning))
    return problems
