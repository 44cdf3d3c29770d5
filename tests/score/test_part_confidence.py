"""How sure the notes of each part are."""

import dataclasses
from fractions import Fraction

from abcscribe.score.model import Bar, Metre, Note, Part, PlayedNote, Score, Tempo
from abcscribe.score.part_confidence import of_parts
from abcscribe.score.spelling import pitch_at


def test_a_part_is_as_sure_as_the_notes_it_was_written_from() -> None:
    bars = (Bar(Fraction(4), Metre(4, 4), tempo=Tempo(120), seconds=0.0),)
    high, low = (Note(Fraction(0), Fraction(4), pitch_at(midi, 0)) for midi in (72, 48))
    parts = (Part(((high,),), "Flute", 73), Part(((low,),), "Cello", 42), Part(((),), "Drums", 128))
    heard = (PlayedNote(0.0, 1.9, 48, confidence=0.6), PlayedNote(0.02, 1.9, 72, confidence=0.9))
    score = Score(bars, parts, performance=heard)
    assert of_parts(score) == [0.9, 0.6, None]
    certain = tuple(dataclasses.replace(note, confidence=1.0) for note in heard)
    assert of_parts(dataclasses.replace(score, performance=certain)) == [None] * 3
    assert of_parts(dataclasses.replace(score, performance=())) == [None] * 3
