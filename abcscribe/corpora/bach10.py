"""Bach10 (Duan and Pardo, 2010): ten four-part chorales on violin, clarinet, saxophone and bassoon."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from abcscribe.corpora.licences import RESTRICTED, Licence
from abcscribe.corpora.recording import DataSet, Download, Recording, columns, if_there, legato
from abcscribe.score.model import Metre, PlayedNote
from abcscribe.score.readers import read_score

PLAYERS = {"violin": 40, "clarinet": 71, "saxphone": 65, "bassoon": 70}  # as the files spell them; channels 1 to 4


def index(folder: Path) -> Iterator[Recording]:
    """The mixes, each followed by its four players."""
    for piece in sorted(path for path in folder.glob("**/[0-9][0-9]-*") if path.is_dir()):
        name, notes, midi = piece.name, piece / f"{piece.name}.txt", if_there(piece / f"{piece.name}.mid")
        if not notes.is_file():
            continue
        yield Recording(
            name, piece / f"{name}.wav", "test", tuple(PLAYERS.values()), partial(_notes, notes),
            read_score=partial(read_score, midi) if midi else None, midi=midi, metre=Metre(4, 4), offsets=False,
        )  # fmt: skip
        for channel, (player, program) in enumerate(PLAYERS.items(), 1):
            yield Recording(
                f"{name}/{name}-{player}", piece / f"{name}-{player}.wav", "test", (program,),
                partial(_notes, notes, (channel,)), metre=Metre(4, 4), offsets=False, part_of=name,
            )  # fmt: skip


def _notes(path: Path, channels: tuple[int, ...] = (1, 2, 3, 4)) -> list[PlayedNote]:
    """A line a note: onset in the recording and in the score (ms), MIDI pitch, channel. Offsets are not known."""
    rows = columns(path)
    found: list[PlayedNote] = []
    for channel, program in enumerate(PLAYERS.values(), 1):
        if channel in channels:
            own = [(float(row[0]) / 1000, int(row[2])) for row in rows if int(row[3]) == channel]
            found.extend(legato(own, program))
    return found


DATA_SET = DataSet(
    "bach10", "Bach10 v1.1", "https://labsites.rochester.edu/air/resource.html",
    Licence("not stated", RESTRICTED, "its description asks to be cited and states no terms"),
    "Duan, Pardo: Soundprism: An Online System for Score-Informed Source Separation of Music Audio. "
    "IEEE Journal of Selected Topics in Signal Processing, 2011",
    (Download("https://labsites.rochester.edu/air/resource.html", "Bach10_v1.1.zip", "160 MB"),),
    "Bach10_v1.1/NN-Name/NN-Name.wav, .mid, .txt\n"
    "Bach10_v1.1/NN-Name/NN-Name-{violin,clarinet,saxphone,bassoon}.wav",
    "the authors publish none; everything is for testing (the benchmark holds four of the pieces)", 10, index,
)  # fmt: skip
