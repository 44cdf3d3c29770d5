"""MAESTRO v3 (Hawthorne et al., 2019): 199 hours of piano competitions on Disklaviers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from abcscribe.corpora.licences import RESTRICTED, Licence
from abcscribe.corpora.midi_notes import piano_performance
from abcscribe.corpora.recording import DataSet, Download, Recording

TABLE = "maestro-v3.0.0.json"
STORE = "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/"


def index(folder: Path) -> Iterator[Recording]:
    """The performances of the table, wherever it lies in the folder."""
    for table in sorted(folder.glob(f"**/{TABLE}")):
        columns = json.loads(table.read_text(encoding="utf-8"))
        for row, name in columns["audio_filename"].items():
            midi = table.parent / columns["midi_filename"][row]
            yield piano_performance(name.rpartition(".")[0], table.parent / name, columns["split"][row], midi)


DATA_SET = DataSet(
    "maestro", "MAESTRO v3.0.0", "https://magenta.tensorflow.org/datasets/maestro",
    Licence("CC BY-NC-SA 4.0", RESTRICTED, "page of the data set"),
    "Hawthorne et al.: Enabling Factorized Piano Music Modeling and Generation with the MAESTRO Dataset. ICLR 2019",
    (
        Download(
            STORE + "maestro-v3.0.0.zip", "maestro-v3.0.0.zip", "101 GB",
            sha256="6680fea5be2339ea15091a249fbd70e49551246ddbd5ca50f1b2352c08c95291",
        ),
        Download(
            STORE + "maestro-v3.0.0-midi.zip", "maestro-v3.0.0-midi.zip", "56 MB, without sound",
            sha256="70470ee253295c8d2c71e6d9d4a815189e35c89624b76d22fce5a019d5dde12c",
        ),
    ),
    f"maestro-v3.0.0/{TABLE}\nmaestro-v3.0.0/YEAR/*.wav, *.midi",
    "of the authors: no work in two splits", 1276, index,
)  # fmt: skip
