"""A slice of the fuzzing, the same on every run; ``python tests/fuzz/harness.py`` does all of it."""

from pathlib import Path

import pytest

from fuzz import harness, kills

SLICE = {"abc": 10, "musicxml": 15, "midi": 12, "kern": 8, "lilypond": 6, "json": 40, "mxl": 10, "audio": 30}


@pytest.mark.parametrize("kind", SLICE)
def test_damaged_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    found = list(harness.verdicts(kind, range(SLICE[kind]), tmp_path, full=False))
    assert [verdict for verdict in found if not verdict.good] == []
    assert len({verdict.outcome for verdict in found}) == 2, "all read or all refused: the mutants teach nothing"


@pytest.mark.parametrize(("name", "after", "jobs"), [("SIGKILL", 2.0, 2), ("SIGTERM", 3.0, 1)])
def test_a_kill_breaks_no_score_and_leaves_no_process(name: str, after: float, jobs: int, tmp_path: Path) -> None:
    assert kills.kill_once(tmp_path, name, after, jobs) == []
