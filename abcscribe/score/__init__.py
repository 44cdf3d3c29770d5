"""The score in the middle: its model, and the readers and writers around it."""

from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, SoundingNote, Staff, Tempo

__all__ = ["Bar", "Key", "Metre", "Note", "Part", "Pitch", "PlayedNote", "Score", "SoundingNote", "Staff", "Tempo"]
