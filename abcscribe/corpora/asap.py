"""ASAP (Foscarin et al., 2020): piano performances, mostly of MAESTRO, aligned with their printed scores bar by bar."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from abcscribe.corpora.licences import RESTRICTED, Licence
from abcscribe.corpora.midi_notes import piano_performance
from abcscribe.corpora.recording import DataSet, Download, Recording
from abcscribe.corpora.score_set import table_rows
from abcscribe.score.model import Score
from abcscribe.score.readers import read_score

TABLE, BEATS = "metadata.csv", "asap_annotations.json"


def index(folder: Path) -> Iterator[Recording]:
    """The performances; those that are not of MAESTRO have no sound."""
    for table in sorted(folder.glob(f"**/{TABLE}")):
        home = table.parent
        beats = json.loads((home / BEATS).read_text(encoding="utf-8"))
        for row in table_rows(table):
            midi = row["midi_performance"]
            audio = home / (row["audio_performance"] or midi.replace(".mid", ".wav"))
            score = partial(_score, home / row["xml_score"], beats.get(midi, {}))
            yield piano_performance(midi.rpartition(".")[0], audio, "train", home / midi, score)


def _score(path: Path, said: dict[str, Any]) -> Score:
    """The printed score, its bars with the times at which they were played where the annotations say them."""
    score = read_score(path)
    if not said.get("score_and_performance_aligned"):
        return score
    times: dict[int, float] = {}
    for where, seconds in zip(said["downbeats_score_map"], said["performance_downbeats"], strict=True):
        times.setdefault(int(str(where).split("-")[0]), float(seconds))
    bars = (dataclasses.replace(bar, seconds=times.get(i)) for i, bar in enumerate(score.bars))
    return dataclasses.replace(score, bars=tuple(bars))


DATA_SET = DataSet(
    "asap", "ASAP v1.1: Aligned Scores and Performances", "https://github.com/fosfrancesco/asap-dataset",
    Licence("CC BY-NC-SA 4.0", RESTRICTED, "README of the data set"),
    "Foscarin, McLeod, Rigaux, Jacquemard, Sakai: ASAP: A Dataset of Aligned Scores and Performances for Piano "
    "Transcription. ISMIR 2020",
    (Download("https://github.com/fosfrancesco/asap-dataset/archive/v1.1.zip", "asap-dataset-1.1.zip", "60 MB"),),
    f"{TABLE}, {BEATS}\nComposer/.../Piece/xml_score.musicxml, PERFORMER.mid, PERFORMER.wav\n"
    "the .wav are cut from MAESTRO v2 by initialize_dataset.py of the data set",
    "the authors publish none", 1067, index,
)  # fmt: skip
