"""Every grip sounds its chord, and a capo is advised where it makes barre chords open ones."""

from fractions import Fraction

import pytest

from abcscribe.score.grips import OPEN, advised_capo, chart, grip
from abcscribe.score.harmony import parse
from abcscribe.score.model import Bar, Harmony, Metre, Note, Part, Pitch, Score
from abcscribe.score.tab import remarks, to_ascii

STRINGS = (40, 45, 50, 55, 59, 64)
TONES = {
    "": {0, 4, 7}, "m": {0, 3, 7}, "7": {0, 4, 7, 10}, "maj7": {0, 4, 7, 11}, "m7": {0, 3, 7, 10}, "dim": {0, 3, 6},
    "dim7": {0, 3, 6, 9}, "m7b5": {0, 3, 6, 10}, "aug": {0, 4, 8}, "sus4": {0, 5, 7},
}  # fmt: skip
ROOTS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def sounding(frets: str, capo: int = 0) -> list[int]:
    numbers = frets.split("-") if "-" in frets else list(frets)
    return [s + int(n) + capo for s, n in zip(STRINGS, numbers, strict=True) if n != "x"]


@pytest.mark.parametrize("capo", [0, 3])
@pytest.mark.parametrize("kind", TONES)
@pytest.mark.parametrize("root", ROOTS)
def test_a_grip_sounds_its_chord_with_the_root_below(root: str, kind: str, capo: int) -> None:
    pitches = sounding(grip(Harmony(Fraction(0), root, kind), capo), capo)
    above = [(pitch - ROOTS.index(root)) % 12 for pitch in pitches]
    assert set(above) <= TONES[kind]
    assert set(above) >= TONES[kind] - {7}  # a fifth may be left out
    assert above[0] == 0


def test_open_chords_are_those_of_their_names() -> None:
    for name, frets in OPEN.items():
        harmony = parse(name)
        assert harmony is not None
        assert grip(harmony) == frets


def test_what_is_no_chord_has_no_grip() -> None:
    assert grip(Harmony(Fraction(0))) == ""
    assert grip(Harmony(Fraction(0), "C", "13")) == ""
    assert chart([Harmony(Fraction(0), "C"), Harmony(Fraction(1), "C", "", "E")]) == "C x32010"


@pytest.mark.parametrize(
    ("symbols", "fret"), [(("Eb", "Bb", "Fm", "Cm"), 3), (("C", "G", "Am"), 0), (("Bb", "F"), 1), ((), 0)]
)
def test_a_capo_is_advised_where_it_helps(symbols: tuple[str, ...], fret: int) -> None:
    assert advised_capo([harmony for name in symbols if (harmony := parse(name))]) == fret


def test_tablature_shows_grips_and_conversion_the_advice() -> None:
    bars = tuple(Bar(Fraction(4), Metre(4, 4), harmonies=(Harmony(Fraction(0), root),)) for root in ("Eb", "Bb"))
    notes = ((Note(Fraction(0), Fraction(4), Pitch("E", -1, 4)),), (Note(Fraction(0), Fraction(4), Pitch("F", 0, 4)),))
    score = Score(bars, (Part(notes, "Guitar", 25),))
    assert "Grips: Eb x68886, Bb x13331" in to_ascii(score)
    assert "With --capo 1 the chords are open ones: Eb (as D) xx0232, Bb (as A) x02220." in remarks(score)
    assert "Grips: Eb (as C) x32010" in to_ascii(score, capo=3)
    assert not any("capo" in said for said in remarks(score, capo=3))
