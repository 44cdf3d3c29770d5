"""A note cache of a few made pieces of every kind, for training and validation."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import CachedPiece, notes_of, save
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Score, Staff, Tempo
from abcscribe.score.spelling import pitch_at

SCALE = (60, 62, 64, 65, 67, 69, 71)
FIFTHS = (0, 2, 4, -1, 1, 3, 5)


def melody(rng: np.random.Generator, bars: int, low: int, voice: int = 1) -> list[list[Note]]:
    """A walk on the scale of C in quarters and eighths; its octave begins at MIDI ``low``."""
    degree, made = int(rng.integers(7)), []
    for _ in range(bars):
        notes, at = [], Fraction(0)
        while at < 4:
            length = Fraction(1, int(rng.integers(1, 3)))
            degree = int(np.clip(degree + rng.integers(-2, 3), 0, 6))
            notes.append(Note(at, length, pitch_at(SCALE[degree] + low - 60, FIFTHS[degree]), voice))
            at += length
        made.append([note for note in notes if note.end <= 4])
    return made


def part(rng: np.random.Generator, bars: int, program: int, low: int, grand: bool = False) -> Part:
    """One line, or the two staves of a keyboard."""
    lines = [melody(rng, bars, low)]
    if grand:
        lines.append(melody(rng, bars, low - 24, voice=2))
    content = tuple(tuple(note for line in lines for note in line[bar]) for bar in range(bars))
    staves = (Staff("treble", (1,)), Staff("bass", (2,))) if grand else (Staff(),)
    return Part(content, "", program, staves)


def score(seed: int, kind: str, bars: int = 12) -> Score:
    """``kind``: tune, piano, song or ensemble."""
    rng = np.random.default_rng(seed)
    parts = {
        "tune": lambda: (part(rng, bars, 73, 60),),
        "piano": lambda: (part(rng, bars, 0, 60, grand=True),),
        "song": lambda: (part(rng, bars, 52, 60), part(rng, bars, 0, 60, grand=True)),
        "ensemble": lambda: (part(rng, bars, 40, 72), part(rng, bars, 41, 60), part(rng, bars, 42, 48)),
    }[kind]()
    return Score((Bar(Fraction(4), Metre(), Key(), Tempo(100)),) * bars, parts)


def write_cache(path: Path) -> Path:
    """Two pieces of each kind to train on, one of each to validate."""
    items = []
    for kind in ("tune", "piano", "song", "ensemble"):
        for seed, split in enumerate(("train", "train", "valid")):
            name = f"{kind}{seed}"
            piece = Piece(name, "made", Path(f"{name}.abc"), 0, name, "CC0 1.0", "free", "0" * 64, split, name)
            items.append(CachedPiece(piece, (), notes_of(score(seed, kind))))
    save(path, items)
    return path
