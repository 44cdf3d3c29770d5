"""The notes of a whole corpus in one file, for the renderer: loaded without parsing.

Each field is one array over all pieces, with the boundaries of the pieces beside it. Not stored, as training does not
need them: clefs, grace notes and repeats (they are not unfolded).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from abcscribe.corpora.manifest import Piece
from abcscribe.score.model import MODE_FIFTHS, Score

FORMAT = 2  # changes when the meaning of an array changes
MODES = (*MODE_FIFTHS, "none")  # what CachedPiece.mode counts


@dataclass(frozen=True, slots=True)
class Notes:
    """A score as arrays. n notes by (onset, part, pitch), ties merged, no grace notes; p parts; b bars."""

    onset: np.ndarray  # (n,) float32, quarters from the start
    duration: np.ndarray  # (n,) float32, quarters
    pitch: np.ndarray  # (n,) int16, MIDI, sounding
    part: np.ndarray  # (n,) int8
    voice: np.ndarray  # (n,) int8, 1-based within the part
    staff: np.ndarray  # (n,) int8, 0-based within the part, from the top
    fifth: np.ndarray  # (n,) int8, place of the spelled name on the line of fifths: F -1, C 0, G 1, F sharp 6
    program: np.ndarray  # (p,) int16, General MIDI, 128 percussion
    bar_start: np.ndarray  # (b + 1,) float32, quarters; the last is the end of the piece
    metre: np.ndarray  # (b, 2) int8, beats and unit; 0, 0 in free metre
    fifths: np.ndarray  # (b,) int8
    mode: np.ndarray  # (b,) int8, index in MODES
    tempo: np.ndarray  # (b,) float32, quarters a minute; nan where no tempo is known


@dataclass(frozen=True, slots=True)
class CachedPiece:
    """A piece of the cache, the names of its parts, and its notes."""

    piece: Piece
    names: tuple[str, ...]  # p
    notes: Notes


_TYPES = {
    "onset": np.float32, "duration": np.float32, "pitch": np.int16, "part": np.int8, "voice": np.int8,
    "staff": np.int8, "fifth": np.int8, "program": np.int16, "bar_start": np.float32, "metre": np.int8,
    "fifths": np.int8, "mode": np.int8, "tempo": np.float32,
}  # fmt: skip


def notes_of(score: Score) -> Notes:
    """The arrays of a score."""
    starts = score.bar_starts()
    staves = [
        {voice: place for place, staff in enumerate(part.staves) for voice in staff.voices} for part in score.parts
    ]
    written = {
        (start + note.start, index, note.pitch.midi): note
        for index, part in enumerate(score.parts)
        for start, notes in zip(starts, part.bars, strict=False)
        for note in notes
    }
    sounding = score.sounding_notes()
    heads = [written[n.onset, n.part, n.pitch] for n in sounding]
    columns = {
        "onset": [float(n.onset) for n in sounding],
        "duration": [float(n.duration) for n in sounding],
        "pitch": [n.pitch for n in sounding],
        "part": [n.part for n in sounding],
        "voice": [min(head.voice, 127) for head in heads],
        "staff": [staves[n.part].get(head.voice, 0) for n, head in zip(sounding, heads, strict=True)],
        "fifth": [head.pitch.fifth for head in heads],
        "program": [part.program for part in score.parts],
        "bar_start": [float(start) for start in starts],
        "metre": [(bar.metre.beats, bar.metre.unit) if bar.metre else (0, 0) for bar in score.bars],
        "fifths": [bar.key.fifths for bar in score.bars],
        "mode": [MODES.index(bar.key.mode) for bar in score.bars],
        "tempo": [bar.tempo.quarter_bpm if bar.tempo else np.nan for bar in score.bars],
    }
    arrays = {name: np.array(values, _TYPES[name]) for name, values in columns.items()}
    return Notes(**{**arrays, "metre": arrays["metre"].reshape(-1, 2)})


def save(path: Path, cached: Iterable[CachedPiece], left_out: Iterable[Piece] = ()) -> None:
    """Write a cache. The file appears only once it is complete."""
    cached = list(cached)
    arrays: dict[str, np.ndarray] = {}
    for name, dtype in _TYPES.items():
        fields = [getattr(item.notes, name) for item in cached]
        empty = np.zeros((0, 2) if name == "metre" else 0, dtype)
        arrays[name] = np.concatenate([*fields, empty])
        arrays[f"{name}_ends"] = np.cumsum([len(field) for field in fields], dtype=np.int64)
    about = {
        "format": FORMAT,
        "pieces": [_row(item.piece) | {"names": item.names} for item in cached],
        "left_out": [_row(piece) for piece in left_out],
    }
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # uncompressed: loads four times faster
    unfinished.replace(path)


def _row(piece: Piece) -> dict:
    return asdict(piece) | {"path": str(piece.path)}


class NoteCache:
    """A cache in memory: ``cache[i]`` is a CachedPiece whose arrays are views of the big ones."""

    def __init__(self, path: Path | str) -> None:
        with np.load(path) as file:
            self._arrays = {name: file[name] for name in _TYPES}
            self._ends = {name: np.r_[0, file[f"{name}_ends"]] for name in _TYPES}
            about = json.loads(file["about"].tobytes())
        if about["format"] != FORMAT:
            raise ValueError(f"{path} has format {about['format']}, this version reads {FORMAT}: build it again")
        self._names = [tuple(row.pop("names")) for row in about["pieces"]]
        self.pieces = [Piece(**row | {"path": Path(row["path"])}) for row in about["pieces"]]
        self.left_out = [Piece(**row | {"path": Path(row["path"])}) for row in about["left_out"]]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, i: int) -> CachedPiece:
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        i %= len(self)
        views = {name: self._arrays[name][ends[i] : ends[i + 1]] for name, ends in self._ends.items()}
        return CachedPiece(self.pieces[i], self._names[i], Notes(**views))

    def __iter__(self) -> Iterator[CachedPiece]:
        return (self[i] for i in range(len(self)))
