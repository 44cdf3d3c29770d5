"""Score -> arrays -> file -> the same arrays."""

import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from abcscribe.corpora import note_cache
from abcscribe.corpora.manifest import Piece
from abcscribe.corpora.note_cache import CachedPiece, NoteCache, notes_of
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo

PIECE = Piece("a", "here", Path("a.abc"), 0, "A tune", "CC0 1.0", "free", "0" * 64, "train", "a")
E4, G4, C3 = Pitch("E", 0, 4), Pitch("G", 0, 4), Pitch("C", 0, 3)
SCORE = Score(
    bars=(
        Bar(Fraction(1), Metre(3, 4), Key(-1, "minor"), Tempo(60, Fraction(3, 2))),
        Bar(Fraction(3), None, Key(2), None),
    ),
    parts=(
        Part(
            (
                (Note(Fraction(0), Fraction(1), E4, tie=True),),
                (Note(Fraction(0), Fraction(1, 3), E4), Note(Fraction(1, 3), Fraction(2, 3), G4)),
            ),
            "Flute",
            73,
        ),
        Part(((), (Note(Fraction(0), Fraction(3), C3, voice=2),)), "Cello", 42, (Staff("bass", (1, 2)),)),
    ),
)


def test_arrays_of_a_score():
    notes = notes_of(SCORE)
    assert notes.onset.tolist() == [0, 1, pytest.approx(4 / 3)]
    assert notes.duration.tolist() == [pytest.approx(4 / 3), 3, pytest.approx(2 / 3)]
    assert notes.pitch.tolist() == [64, 48, 67]
    assert notes.part.tolist() == [0, 1, 0]
    assert notes.voice.tolist() == [1, 2, 1]
    assert notes.program.tolist() == [73, 42]
    assert notes.bar_start.tolist() == [0, 1, 4]
    assert notes.metre.tolist() == [[3, 4], [0, 0]]
    assert notes.fifths.tolist() == [-1, 2]
    assert [note_cache.MODES[mode] for mode in notes.mode] == ["minor", "major"]
    assert notes.tempo[0] == 90
    assert np.isnan(notes.tempo[1])


def test_a_cache_gives_back_what_was_saved(tmp_path):
    other = dataclasses.replace(PIECE, id="b", split="test")
    items = [CachedPiece(PIECE, ("Flute", "Cello"), notes_of(SCORE)), CachedPiece(other, (), notes_of(Score()))]
    note_cache.save(tmp_path / "notes.npz", items, [dataclasses.replace(PIECE, id="c", left_out="no notes")])
    cache = NoteCache(tmp_path / "notes.npz")
    assert [item.piece for item in cache] == cache.pieces == [PIECE, other]
    assert cache[0].names == ("Flute", "Cello")
    assert [piece.left_out for piece in cache.left_out] == ["no notes"]
    for name in note_cache.Notes.__slots__:
        assert np.array_equal(getattr(cache[-2].notes, name), getattr(items[0].notes, name), equal_nan=name == "tempo")
    assert len(cache[1].notes.onset) == 0
    assert list(tmp_path.iterdir()) == [tmp_path / "notes.npz"]
    with pytest.raises(IndexError):
        cache[2]


def test_a_cache_of_another_format_is_refused(tmp_path, monkeypatch):
    note_cache.save(tmp_path / "notes.npz", [])
    monkeypatch.setattr(note_cache, "FORMAT", note_cache.FORMAT + 1)
    with pytest.raises(ValueError, match="build it again"):
        NoteCache(tmp_path / "notes.npz")
