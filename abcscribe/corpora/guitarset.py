"""GuitarSet (Xi et al., 2018): 360 excerpts of solo guitar and accompaniment, six players, with notes by string."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from abcscribe.corpora.licences import FREE, Licence
from abcscribe.corpora.recording import DataSet, Download, Recording
from abcscribe.score.model import Key, Metre, PlayedNote

GUITAR = 25  # steel strings
NAME = re.compile(r"\d\d_[A-Za-z]+\d-(?P<tempo>\d+)-[A-G][#b]?_(?:comp|solo)")
KEY = re.compile(r'"(?P<step>[A-G])(?P<sign>[#b]?):(?P<mode>major|minor)"')
STORE = "https://zenodo.org/records/3371780/files/"
FIFTHS = {step: fifths for fifths, step in enumerate("FCGDAEB", -1)}


def index(folder: Path) -> Iterator[Recording]:
    """The excerpts, as the microphone before the guitar heard them."""
    for jams in sorted(folder.glob("**/*.jams")):
        if named := NAME.fullmatch(jams.stem):
            audio = jams.parent.parent / "audio_mono-mic" / f"{jams.stem}_mic.wav"
            yield Recording(
                jams.stem, audio, "train", (GUITAR,), partial(_notes, jams), metre=Metre(4, 4),
                key=_key(jams.read_text(encoding="utf-8")), tempo=float(named["tempo"]),
            )  # fmt: skip


def _key(text: str) -> Key | None:
    """The key of the lead sheet, from the only value that is a tonic and a whole name of a mode (chords say maj, min).
    The tonics beyond B are spelled flat."""
    found = KEY.search(text)
    if found is None:
        return None
    fifths = FIFTHS[found["step"]] + {"#": 7, "b": -7, "": 0}[found["sign"]] - (3 if found["mode"] == "minor" else 0)
    return Key(fifths if fifths <= 6 else fifths - 12, found["mode"])


def _notes(path: Path) -> list[PlayedNote]:
    found = []
    for annotation in json.loads(path.read_text(encoding="utf-8"))["annotations"]:
        if annotation["namespace"] == "note_midi":
            for note in _observations(annotation["data"]):
                onset = float(note["time"])
                offset = onset + float(note["duration"])
                found.append(PlayedNote(onset, offset, round(float(note["value"])), program=GUITAR))
    return found


def _observations(data: Any) -> list[dict[str, Any]]:
    """JAMS 0.3 writes a list of observations, older versions a table of columns."""
    if isinstance(data, dict):
        return [dict(zip(data, row, strict=True)) for row in zip(*data.values(), strict=True)]
    return list(data)


DATA_SET = DataSet(
    "guitarset", "GuitarSet 1.1.0", "https://doi.org/10.5281/zenodo.3371780",
    Licence("CC BY 4.0", FREE, "Zenodo record 3371780"),
    "Xi, Bittner, Pauwels, Ye, Bello: GuitarSet: A Dataset for Guitar Transcription. ISMIR 2018",
    (
        Download(STORE + "annotation.zip", "annotation.zip", "39 MB", md5="b39b78e63d3446f2e54ddb7a54df9b10"),
        Download(STORE + "audio_mono-mic.zip", "audio_mono-mic.zip", "657 MB", md5="275966d6610ac34999b58426beb119c3"),
    ),
    "annotation/PP_StyleN-BPM-Key_{comp,solo}.jams\naudio_mono-mic/PP_StyleN-BPM-Key_{comp,solo}_mic.wav",
    "the authors publish none; the first two digits are the player", 360, index,
)  # fmt: skip
