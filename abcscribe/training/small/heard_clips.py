"""The tower's notes of recordings with known scores, for training the analysis; stored, as they take long to make.

Recordings like those of the suites of ``abcscribe evaluate``, of one to four lines in turn; half a second each.
``abcscribe data listen-clips`` writes FOLDER/clips.jsonl, a line for each: the score with the notes as played, in the
project's JSON, and the tower's notes. Windows like those of the language model, with keyboards and songs, are made by
``abcscribe data listen``.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from abcscribe import audio
from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.suites import read_suite
from abcscribe.files import replacing
from abcscribe.hearing import tower
from abcscribe.score.json_format import from_json, to_json
from abcscribe.score.model import PlayedNote, Score
from abcscribe.synthesis.configs import SuiteConfig
from abcscribe.synthesis.suite import make_suite
from abcscribe.training.configs import ClipListeningConfig

FILE = "clips.jsonl"


@dataclass(frozen=True, slots=True)
class HeardClip:
    """A recording."""

    score: Score  # its performance are the notes as they were played
    heard: tuple[PlayedNote, ...]


def keep_clips(config: ClipListeningConfig) -> Iterator[tuple[int, int]]:
    """Render and transcribe the clips, unless the file exists; yields (done, in all) of both steps together."""
    if (config.out / FILE).exists():
        return
    engine, total = tower.load(), 2 * config.clips
    with tempfile.TemporaryDirectory() as home, replacing(config.out / FILE) as path:
        suite = Path(home) / "suite"
        for done, _ in make_suite(SuiteConfig(config.cache, suite, config.clips, config.seed, split=config.split)):
            yield done, total
        with path.open("w", encoding="utf-8") as file:
            for done, clip in enumerate(read_suite(suite), 1):
                parts = engine.notes(audio.blocks(clip.audio, rate=engine.sample_rate))
                score = replace(clip.score, performance=clip.notes or ())
                heard = tuple(note for part in parts for note in part if not note.drum)
                file.write(line(HeardClip(score, heard)) + "\n")
                yield config.clips + done, total


def line(clip: HeardClip) -> str:
    """A clip as a line of JSON, without a line break."""
    return json.dumps({"score": json.loads(to_json(clip.score)), "heard": [asdict(note) for note in clip.heard]})


def clips_of(folder: Path) -> list[HeardClip]:
    """The clips of a folder. Raises AbcscribeError if it holds none."""
    path = folder / FILE
    if not path.is_file():
        raise AbcscribeError(f"{folder} holds no {FILE}: run abcscribe data listen-clips.")
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [HeardClip(from_json(json.dumps(row["score"])), tuple(map(_note, row["heard"]))) for row in rows]


def _note(row: dict[str, Any]) -> PlayedNote:
    """A note of a line; JSON has lists where notes have tuples."""
    values: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in row.items()}
    return PlayedNote(**values)
