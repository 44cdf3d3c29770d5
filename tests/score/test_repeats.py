"""In which order bars are played: repeats, endings of any length, jumps."""

import pytest

from abcscribe.score.abc_reader import read_abc
from abcscribe.score.repeats import ending_stops, jump_named, play_order


def played(music: str) -> str:
    """The bars of a tune as letters, in the order in which they are played; a bar is one note."""
    score, problems = read_abc(f"X:1\nM:1/4\nL:1/4\nK:C\n{music}\n")
    assert problems == []
    notes = [bar[0].pitch.step for bar in score.parts[0].bars]
    return "".join(notes[i] for i in play_order(score.bars))


@pytest.mark.parametrize(
    ("music", "order"),
    [
        ("|: A | B :| C |]", "ABABC"),
        ("A | B :| C | D :|", "ABABCDCD"),
        ("|: A |1 B :|2 C :|3 D | E || F |]", "ABACADEF"),
        ("|: A |1,3 B :|2 C :|4 D || E |]", "ABACABADE"),
        ("|: A |1 B :|2 C || D | E :|", "ABACDEDE"),
        ("|:: A | B ::| C |]", "ABABABC"),
        ("A | B !fine! || C | D !D.C.! |]", "ABCDAB"),
        ("A | !segno! B | C !fine! | D !D.S.alfine! |]", "ABCDBC"),
        ("A | B !dacoda! | C | D !D.C.alcoda! || !coda! E | F |]", "ABCDABEF"),
        ("A | !coda! B | C !D.C.alcoda! || !coda! E |]", "ABCAE"),
        ("|: A |1 B :|2 C !D.C.! |]", "ABACAC"),
        ("A | B !D.C.! | C |]", "ABABC"),
        ("|: A | B :| C !fine! | D !D.C.! |]", "ABABCDABC"),
    ],
)
def test_order(music: str, order: str) -> None:
    assert played(music) == order


def test_brackets_close_where_the_text_says() -> None:
    score, _ = read_abc("X:1\nM:1/4\nL:1/4\nK:C\n|: A |1 B :|2 C | D :|3 E | F || G |]\n")
    assert ending_stops(score.bars) == {1: "1", 3: "2", 5: "3"}


@pytest.mark.parametrize(
    ("words", "sign"),
    [("D.C. al Fine", "D.C. al Fine"), ("Da Capo", "D.C."), ("D. S. al Coda", "D.S. al Coda"), ("FINE", "fine"),
     ("To Coda", "to coda"), ("dolce", ""), ("Fine weather", "")],
)  # fmt: skip
def test_jumps_are_known_by_their_words(words: str, sign: str) -> None:
    assert jump_named(words) == sign
