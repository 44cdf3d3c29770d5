"""A note cache of a few made pieces of every kind, for training and validation."""

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np

from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import CachedPiece, notes_of, save
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Score, Staff, Tempo
from abcscribe.score.spelling import pitch_at

SCALE = (60, 62, 64, 65, 67, 69, 71)
FIFTHS = (0, 2, 4, -1, 1, 3, 5)


def melody(rng: np.random.Generator, bars: int, low: int, voice: int = 1, beats: int = 4) -> list[list[Note]]:
    """A walk on the scale of C in quarters and eighths; its octave begins at MIDI ``low``."""
    degree, made = int(rng.integers(7)), []
    for _ in range(bars):
        notes, at = [], Fraction(0)
        while at < beats:
            length = Fraction(1, int(rng.integers(1, 3)))
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 6))
            notes.append(Note(at, length, pitch_at(SCALE[degree] + low - 60, FIFTHS[degree]), voice))
            at += length
        made.append([note for note in notes if note.end <= beats])
    return made


def part(rng: np.random.Generator, bars: int, program: int, low: int, grand: bool = False, beats: int = 4) -> Part:
    """One line, or the two staves of a keyboard."""
    lines = [melody(rng, bars, low, beats=beats)]
    if grand:
        lines.append(melody(rng, bars, low - 24, voice=2, beats=beats))
    content = tuple(tuple(note for line in lines for note in line[bar]) for bar in range(bars))
    staves = (Staff("treble", (1,)), Staff("bass", (2,))) if grand else (Staff(),)
    return Part(content, "", program, staves)


def score(seed: int, kind: str, bars: int = 12, beats: int = 4) -> Score:
    """``kind``: tune, piano, song or ensemble; so many quarters a bar."""
    rng = np.random.default_rng(seed)
    parts = {
        "tune": lambda: (part(rng, bars, 73, 60, beats=beats),),
        "piano": lambda: (part(rng, bars, 0, 60, grand=True, beats=beats),),
        "song": lambda: (part(rng, bars, 52, 60, beats=beats), part(rng, bars, 0, 60, grand=True, beats=beats)),
        "ensemble": lambda: tuple(part(rng, bars, 40 + i, low, beats=beats) for i, low in enumerate((72, 60, 48))),
    }[kind]()
    return Score((Bar(Fraction(beats), Metre(beats, 4), Key(), Tempo(100)),) * bars, parts)


def write_cache(path: Path, beats: tuple[int, ...] = (4,)) -> Path:
    """Two pieces of each kind, and of each number of beats, to train on, one of each to validate; the scores, too."""
    items = []
    for count, kind in itertools.product(beats, ("tune", "piano", "song", "ensemble")):
        for seed, split in enumerate(("train", "train", "valid")):
            made, name = score(seed, kind, beats=count), f"{kind}{seed}" + f"-{count}" * (count != 4)
            file = path.with_name(f"{name}.abc")
            file.write_text(write_abc(made))
            piece = Piece(name, "made", file, 0, name, "CC0 1.0", "free", "0" * 64, split, name)
            items.append(CachedPiece(piece, (), notes_of(made)))
    save(path, items)
    return path
