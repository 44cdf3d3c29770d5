"""MAPS (Emiya et al., 2010): piano pieces on seven sampled pianos and on a Disklavier, close and ambient."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from abcscribe.corpora.licences import RESTRICTED, Licence
from abcscribe.corpora.recording import DataSet, Download, Recording, columns, if_there
from abcscribe.score.model import PlayedNote

DISKLAVIER = "ENSTDk"


def index(folder: Path) -> Iterator[Recording]:
    """The pieces (MUS); isolated notes and chords are no music."""
    for notes in sorted(folder.glob("**/MUS/MAPS_MUS-*.txt")):
        piano = notes.parent.parent.name
        yield Recording(
            f"{piano}/{notes.stem}", notes.with_suffix(".wav"), "test" if piano.startswith(DISKLAVIER) else "train",
            (0,), partial(_notes, notes), midi=if_there(notes.with_suffix(".mid")),
        )  # fmt: skip


def _notes(path: Path) -> list[PlayedNote]:
    """A header, then a line a note: onset, offset (s), MIDI pitch. Offsets are those that the pedal leaves."""
    return [PlayedNote(float(on), float(off), int(pitch), program=0) for on, off, pitch in columns(path)[1:]]


DATA_SET = DataSet(
    "maps", "MAPS: MIDI Aligned Piano Sounds", "https://adasp.telecom-paris.fr/resources/2010-07-08-maps-database/",
    Licence("CC BY-NC-SA 2.0", RESTRICTED, "licence file of the data set"),
    "Emiya, Badeau, David: Multipitch Estimation of Piano Sounds Using a New Probabilistic Spectral Smoothness "
    "Principle. IEEE Transactions on Audio, Speech and Language Processing, 2010",
    (Download("https://adasp.telecom-paris.fr/resources/2010-07-08-maps-database/", "MAPS_ENSTDkAm.zip", "31 GB all"),),
    "MAPS/{ENSTDkAm,ENSTDkCl,AkPnBcht,...}/MUS/MAPS_MUS-*.wav, *.txt, *.mid",
    "the authors publish none; the Disklavier (ENSTDk) is for testing, as in the literature since Sigtia et al., 2016. "
    "Pieces are in several pianos: leave those of the Disklavier out of training", 270, index,
)  # fmt: skip
