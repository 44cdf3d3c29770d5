"""Score -> Humdrum **kern."""

import itertools
from dataclasses import replace
from fractions import Fraction

import pytest
from example_scores import a_pitch, guitar, note, piano, quartet, scores
from hypothesis import assume, given, settings

from abcscribe.score import Bar, Direction, Harmony, Metre, Note, Part, Pitch, Score, Staff, Syllable, Tempo
from abcscribe.score.differences import differences
from abcscribe.score.kern_reader import kern_score
from abcscribe.score.kern_writer import to_kern


def lines(score: Score) -> list[str]:
    return to_kern(score).splitlines()


def bars_of(*lengths: int) -> tuple[Bar, ...]:
    return tuple(Bar(Fraction(length), Metre(length, 4)) for length in lengths)


@pytest.mark.parametrize("make", [piano, quartet, guitar])
def test_what_is_written_is_read(make) -> None:  # type: ignore[no-untyped-def]
    score = make()
    again, problems = kern_score(to_kern(score))
    assert (differences(score, again), problems) == ([], [])


@given(scores())
@settings(max_examples=20, deadline=None)
def test_any_rhythm_comes_back(score: Score) -> None:
    assume(all({note.voice for bar in part.bars for note in bar} == {*part.voices} for part in score.parts))
    again, problems = kern_score(to_kern(score))
    lost = [what for what in differences(score, again) if not what.endswith("program")]  # a nearest one is said
    assert (lost, problems) == ([], [])


@pytest.mark.parametrize("program", range(129))
def test_every_program_sounds_as_it_did(program: int) -> None:
    """Of a program that Humdrum has no code for the nearest is written, which may transpose where this one does not."""
    notes = (Note(Fraction(0), Fraction(4), Pitch("C", 0, 4)),)
    staves = (Staff("perc" if program == 128 else "treble"),)
    score = Score((Bar(Fraction(4), Metre()),), (Part((notes,), "Part", program, staves),))
    again, _ = kern_score(to_kern(score))
    assert [what for what in differences(score, again) if not what.endswith("program")] == []


def test_every_line_has_a_token_for_every_spine() -> None:
    width = 0
    for line in lines(piano()):
        tokens = line.split("\t")
        if line.startswith("!!"):
            continue
        assert width in (0, len(tokens)), line
        joined = sum(b == "*v" for a, b in itertools.pairwise(tokens) if a == "*v")
        width = len(tokens) + tokens.count("*^") - joined


def test_the_lowest_staff_stands_leftmost() -> None:
    written = lines(piano())
    assert written[:4] == ["!!!COM: N. Obody", "!!!OTL: Étude <№ 1> & more", "**kern\t**kern", "*part1\t*part1"]
    assert "*staff2\t*staff1" in written
    assert "*clefF4\t*clefG2" in written
    assert "!!!OMD: [quarter-dot]=54" in written
    assert "*MM81\t*MM81" in written


def test_a_list_of_endings() -> None:
    written = lines(piano())
    assert "*>[A,B,B1,B,B1,B,B3]\t*>[A,B,B1,B,B1,B,B3]" in written
    assert "=3:|!\t=3:|!" in written
    again, _ = kern_score("\n".join(written))
    assert [bar.ending for bar in again.bars] == ["", "", "1,2", "3"]


def test_a_section_is_played_three_times() -> None:
    bars = (replace(bars_of(4)[0], repeat_start=True, repeat_end=True, times=3), *bars_of(4))
    score = Score(bars, (Part(((note(0, 4, "C4"),), (note(0, 4, "D4"),))),))
    assert "*>[A,A,A,B]" in lines(score)
    assert kern_score(to_kern(score))[0].bars[0].times == 3


def test_beams_ties_and_slurs() -> None:
    notes = (
        replace(note(0, "1/2", "C4"), slur_start=1), note("1/2", "1/4", "D4"),
        replace(note("3/4", "1/4", "E4"), slur_stop=1), note(1, "3/4", "F4"), note("7/4", "1/4", "G4"),
        note(2, 2, "C5", tie=True),
    )  # fmt: skip
    score = Score(bars_of(4, 4), (Part((notes, (note(0, 1, "C5"),))),))
    tokens = [line for line in lines(score) if line[:1] in "([0123456789"]
    assert tokens == ["(8cL", "16dL", "16eJJ)", "8.fL", "16gkJ", "[2cc", "4cc]", "4r", "2r"]


def test_voices_split_the_spine_where_they_play() -> None:
    first = (note(0, 2, "C5"), note(2, 2, "D5"), note(0, 4, "E4", 2))
    score = Score(bars_of(4, 4), (Part((first, (note(0, 4, "C5"),)), staves=(Staff("treble", (1, 2)),)),))
    written = lines(score)
    assert written[written.index("*^") : written.index("*v\t*v") + 2] == ["*^", "2cc\t1e", "2dd\t.", "*v\t*v", "=2"]
    assert written[written.index("=2") + 1] == "1cc"


def test_a_second_voice_with_words_has_a_spine_of_its_own() -> None:
    low = Note(Fraction(0), Fraction(4), a_pitch("E4"), 2, lyrics=(Syllable("low"),))
    high = replace(note(0, 4, "C5"), lyrics=(Syllable("high"),))
    score = Score(bars_of(4), (Part(((high, low),), staves=(Staff("treble", (1, 2)),)),))
    written = lines(score)
    assert "**kern\t**text\t**kern\t**text" in written
    assert "1e\tlow\t1cc\thigh" in written
    assert differences(score, kern_score("\n".join(written))[0]) == []


def test_a_sign_inside_of_a_note_has_a_line() -> None:
    bar = replace(bars_of(4)[0], harmonies=(Harmony(Fraction(1), "Bb", "m7", "F"),))
    part = Part(((note(0, 4, "C5"),),), directions=((Direction(Fraction(3), "dynamic", "p"),),))
    written = lines(Score((bar,), (part,)))
    rows = written[written.index("*^\t*\t*") + 1 : written.index("*v\t*v\t*\t*")]
    assert rows == ["1cc\t4ryy\t.\t.", ".\t2ryy\t.\tB- minor-seventh/F", ".\t4ryy\tp\t."]


def test_words_of_tempo_signs_and_texts() -> None:
    bars = bars_of(4, 4)
    bars = (replace(bars[0], words="Slowly", tempo=Tempo(60), signs=("segno",)), replace(bars[1], signs=("D.S.",)))
    part = Part(
        ((note(0, 4, "C5"),), (note(0, 2, "D5"), note(2, 2, "E5"))),
        directions=((Direction(Fraction(0), "words", "at ease: dolce"),), ()),
    )
    written = lines(Score(bars, (part,)))
    assert "!!!OMD: Slowly" in written
    assert "!LO:TX:a:t=at ease&colon; dolce" in written
    assert written[written.index("2ee") - 1] == "!LO:TX:a:t=D.S."
