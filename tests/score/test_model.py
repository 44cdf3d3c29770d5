"""The score model: metres, keys, sounding notes and what is wrong with a score."""

from fractions import Fraction

import pytest

from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, SoundingNote, Staff

C, E = Pitch("C"), Pitch("E")
ONE, TWO = Fraction(1), Fraction(2)


def score_of(*bars: tuple[Note, ...], length: int = 2, staves: tuple[Staff, ...] = (Staff(),)) -> Score:
    return Score(tuple(Bar(Fraction(length), Metre(length, 4)) for _ in bars), (Part(bars, staves=staves),))


def test_metres_and_keys():
    assert (Metre(6, 8).length, Metre(6, 8).beat, Metre(6, 8).compound) == (3, Fraction(3, 2), True)
    assert (Metre(3, 8).beat, Metre(3, 4).beat, Metre(2, 2).beat) == (Fraction(3, 2), 1, 2)
    assert str(Key(3, "minor")) == "F# minor"
    assert [Key(-2).alter(step) for step in "BEAF"] == [-1, -1, 0, 0]
    assert Pitch("B", 1, 3).midi == 60


@pytest.mark.parametrize(
    ("first", "second", "sounding"),
    [
        (Note(ONE, ONE, C, tie=True), Note(ONE - 1, ONE, C), [(1, 2)]),  # over the bar line
        (Note(ONE, ONE, C, tie=True), Note(ONE, ONE, C), [(1, 1), (3, 1)]),  # a rest between them: no tie
        (Note(ONE, ONE, C, tie=True), Note(ONE - 1, ONE, Pitch("B", 1, 3)), [(1, 2)]),  # the same key of the piano
        (Note(ONE, ONE, C, tie=True), Note(ONE - 1, ONE, C, voice=2), [(1, 1), (2, 1)]),  # another voice
        (Note(ONE, ONE, C), Note(ONE - 1, ONE, C), [(1, 1), (2, 1)]),
    ],
)
def test_ties_sound_as_one_note(first, second, sounding):
    notes = score_of((first,), (second,)).sounding_notes()
    assert [(n.onset, n.duration) for n in notes] == sounding


def test_a_tie_of_one_note_of_a_chord():
    low, high = Note(ONE - 1, TWO, C, tie=True), Note(ONE - 1, TWO, E)
    notes = score_of((low, high), (Note(ONE - 1, TWO, C), Note(ONE - 1, TWO, E))).sounding_notes()
    zero = Fraction(0)
    assert notes == [
        SoundingNote(zero, Fraction(4), 60, 0),
        SoundingNote(zero, TWO, 64, 0),
        SoundingNote(TWO, TWO, 64, 0),
    ]


def test_problems_name_the_place():
    good = score_of((Note(ONE - 1, TWO, C), Note(ONE - 1, TWO, E)))
    assert good.problems() == []
    overlap = score_of((Note(ONE - 1, TWO, C), Note(ONE, ONE, E)))
    assert overlap.problems() == ["part 1 bar 1: E4 at 1 overlaps the note before it in voice 1"]
    long = score_of((), (Note(ONE, TWO, C),))
    assert long.problems() == ["part 1 bar 2: C4 at 1 for 2 does not fit a bar of 2"]
    stranger = score_of((Note(ONE, ONE, C, voice=3),))
    assert stranger.problems() == ["part 1 bar 1: voice 3 belongs to no staff"]
    short = Score((Bar(TWO), Bar(TWO)), (Part(((),)),))
    assert short.problems() == ["part 1 has 1 bars, the score 2"]


def played(*marks: str) -> list[int]:
    """Play order of bars given by their signs: ``|:``, ``:|`` and endings, such as ``"|: 1"``."""
    bars = tuple(
        Bar(Fraction(i + 1), None, repeat_start="|:" in m, repeat_end=":|" in m, ending=m.strip("|: "))
        for i, m in enumerate(marks)
    )
    return [int(bar.length) - 1 for bar in Score(bars).unfolded().bars]


def test_play_order():
    assert played("", "", "") == [0, 1, 2]
    assert played("", "|:", ":|", "") == [0, 1, 2, 1, 2, 3]
    assert played(":|", "", ":|") == [0, 0, 1, 2, 1, 2]  # a repeat without a start goes back to the last one
    assert played("|:", "1 :|", "2", "") == [0, 1, 0, 2, 3]
    assert played("|:", "1,2 :|", "3") == [0, 1, 0, 1, 0, 2]
    assert played("|:", "1 :|", "2 :|", "|:", ":|") == [0, 1, 0, 2, 3, 4, 3, 4]
    assert played("", "1 :|", "2", ":|", "") == [0, 1, 0, 2, 3, 4]
    assert played("1", "2") == [0, 1]  # endings of no repeat: as written
    assert played("|:", "1 :|", "|: 1", "2") == [0, 1, 0, 2, 3]
