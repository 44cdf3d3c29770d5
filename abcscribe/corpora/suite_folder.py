"""A folder that ``abcscribe data suite`` recorded, read as a data set: a stand-in where no public one is at hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from abcscribe.corpora.licences import USER
from abcscribe.corpora.recording import DataSet, Recording
from abcscribe.corpora.score_set import table_rows
from abcscribe.score.json_format import from_json
from abcscribe.score.model import PlayedNote, Score

TEST_OF = 5  # every fifth piece is for testing, with all its excerpts


def index(folder: Path) -> Iterator[Recording]:
    """The recordings of a manifest."""
    rows = [row for row in table_rows(folder / "manifest.csv") if row["score_gt"].endswith(".json")]
    pieces = {piece: number for number, piece in enumerate(dict.fromkeys(row["comment"] for row in rows))}
    for row in rows:
        path = folder / row["score_gt"]
        score = _score(path)
        first = score.bars[0]
        yield Recording(
            Path(row["audio"]).with_suffix("").as_posix(), folder / row["audio"],
            "test" if pieces[row["comment"]] % TEST_OF == TEST_OF - 1 else "train",
            tuple(part.program for part in score.parts),
            partial(_notes, path), read_score=partial(_score, path), metre=first.metre, key=first.key,
            tempo=first.tempo.quarter_bpm if first.tempo else None,
        )  # fmt: skip


def _score(path: Path) -> Score:
    return from_json(path.read_text(encoding="utf-8"))


def _notes(path: Path) -> tuple[PlayedNote, ...]:
    return _score(path).performance


DATA_SET = DataSet(
    "suite", "Recordings made by abcscribe data suite", "", USER, "", (),
    "manifest.csv\nGROUP/NNN.flac, GROUP/NNN.json", "every fifth piece is for testing, with all its excerpts", 0, index,
)  # fmt: skip
