"""URMP (Li et al., 2018): 44 chamber pieces, two to five players recorded one by one, with notes by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from abcscribe.corpora.licences import FREE, Licence
from abcscribe.corpora.recording import DataSet, Download, Recording, columns, pitch_of, together
from abcscribe.score.model import PlayedNote
from abcscribe.score.readers import read_score

PROGRAMS = {
    "vn": 40, "va": 41, "vc": 42, "db": 43, "fl": 73, "ob": 68, "cl": 71, "sax": 65, "bn": 70, "tpt": 56, "hn": 60,
    "tbn": 57, "tba": 58,
}  # fmt: skip
TEST = frozenset({1, 2, 12, 13, 24, 25, 31, 38, 39})  # of MT3 (Gardner et al., 2022, appendix); the authors name none
STEM = re.compile(r"AuSep_(\d+)_([a-z]+)_(\d+)_(.+)\.wav")


def index(folder: Path) -> Iterator[Recording]:
    """The mixes, each followed by its players."""
    for mix in sorted(folder.glob("**/AuMix_*.wav")):
        piece = mix.parent
        split = "test" if int(piece.name.split("_")[0]) in TEST else "train"
        stems = list(_stems(piece, split))
        midi = next(iter(sorted(piece.glob("Sco_*.mid"))), None)
        yield Recording(
            piece.name, mix, split, tuple(p for stem in stems for p in stem.programs),
            together(stems), read_score=partial(read_score, midi) if midi else None, midi=midi,
        )  # fmt: skip
        yield from stems


def _stems(piece: Path, split: str) -> Iterator[Recording]:
    """Raises ValueError for a player whose instrument has no name of the data set."""
    found = [(path, match) for path in piece.glob("AuSep_*.wav") if (match := STEM.fullmatch(path.name))]
    for path, match in sorted(found, key=lambda pair: int(pair[1][1])):
        if match[2] not in PROGRAMS:
            raise ValueError(f"{path.name} names no instrument of {', '.join(PROGRAMS)}")
        program, notes = PROGRAMS[match[2]], piece / path.name.replace("AuSep", "Notes").replace(".wav", ".txt")
        name = f"{piece.name}/{path.stem}"
        yield Recording(name, path, split, (program,), partial(_notes, notes, program), part_of=piece.name)


def _notes(path: Path, program: int) -> list[PlayedNote]:
    """A line a note: onset in seconds, frequency in hertz, duration in seconds."""
    rows = (map(float, row) for row in columns(path))
    return [PlayedNote(on, on + long, pitch_of(hertz), program=program) for on, hertz, long in rows]


DATA_SET = DataSet(
    "urmp", "University of Rochester Multi-Modal Music Performance data set",
    "https://doi.org/10.5061/dryad.ng3r749", Licence("CC0 1.0", FREE, "terms of the Dryad repository"),
    "Li, Liu, Dinesh, Duan, Sharma: Creating a Multitrack Classical Music Performance Dataset for Multimodal Music "
    "Analysis. IEEE Transactions on Multimedia, 2018",
    (Download("https://doi.org/10.5061/dryad.ng3r749", "Dataset.tar.gz", "12 GB"),),
    "Dataset/NN_Name_INSTRUMENTS/AuMix_*.wav\n"
    "Dataset/NN_Name_INSTRUMENTS/AuSep_K_INSTRUMENT_NN_Name.wav, Notes_K_INSTRUMENT_NN_Name.txt, Sco_*.mid",
    "the authors publish none; test is the nine pieces that MT3 left out",
    44, index,
)  # fmt: skip
