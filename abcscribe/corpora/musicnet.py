"""MusicNet (Thickstun et al., 2017): 330 free recordings of chamber and piano music, aligned by time warping."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from abcscribe.corpora.licences import FREE, Licence
from abcscribe.corpora.recording import DataSet, Download, Recording
from abcscribe.corpora.score_set import table_rows
from abcscribe.score.model import PlayedNote

RATE = 44_100  # samples a second, in which the labels count
STORE = "https://zenodo.org/records/5120004/files/"


def index(folder: Path) -> Iterator[Recording]:
    """The recordings of both splits."""
    midis = {path.name.split("_")[0]: path for path in sorted(folder.glob("**/musicnet_midis/*/*.mid"))}
    for split in ("train", "test"):
        for labels in sorted(folder.glob(f"**/{split}_labels/*.csv")):
            audio = labels.parent.parent / f"{split}_data" / f"{labels.stem}.wav"
            notes = partial(_notes, labels)
            programs = tuple(dict.fromkeys(_program(row) for row in table_rows(labels)))
            yield Recording(labels.stem, audio, split, programs, notes, midi=midis.get(labels.stem))


def _notes(path: Path) -> list[PlayedNote]:
    return [
        PlayedNote(int(row["start_time"]) / RATE, int(row["end_time"]) / RATE, int(row["note"]), program=_program(row))
        for row in table_rows(path)
    ]


def _program(row: dict[str, str]) -> int:
    """Instruments are General MIDI programs that count from 1."""
    return int(row["instrument"]) - 1


DATA_SET = DataSet(
    "musicnet", "MusicNet 1.0", "https://doi.org/10.5281/zenodo.5120004",
    Licence("CC BY 4.0", FREE, "Zenodo record 5120004; the recordings are in the public domain or Creative Commons"),
    "Thickstun, Harchaoui, Kakade: Learning Features of Music from Scratch. ICLR 2017",
    (
        Download(STORE + "musicnet.tar.gz", "musicnet.tar.gz", "11 GB", md5="844764911fa0d5b97c97da944a057590"),
        Download(
            STORE + "musicnet_midis.tar.gz", "musicnet_midis.tar.gz", "3 MB", md5="b5fa98a113bfc51c8a445def9f24dc7e"
        ),
    ),
    "musicnet/{train,test}_data/ID.wav\nmusicnet/{train,test}_labels/ID.csv\nmusicnet_midis/Composer/ID_*.mid",
    "of the authors: ten recordings to test", 330, index,
)  # fmt: skip
