"""The score in the middle: its model, and the readers and writers around it."""

from abcscribe.score.model import (
    Bar,
    Direction,
    Harmony,
    Key,
    Metre,
    Note,
    Part,
    Pitch,
    PlayedNote,
    Score,
    SoundingNote,
    Staff,
    Syllable,
    Tempo,
)

__all__ = [
    "Bar",
    "Direction",
    "Harmony",
    "Key",
    "Metre",
    "Note",
    "Part",
    "Pitch",
    "PlayedNote",
    "Score",
    "SoundingNote",
    "Staff",
    "Syllable",
    "Tempo",
]
