"""What the lenient ABC reader makes of text, good and bad."""

import time
from fractions import Fraction
from pathlib import Path

import pytest
from music21 import corpus

from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.model import Bar, Key, Metre, Score, Tempo

F = Fraction


def score_of(music: str, head: str = "M:4/4\nL:1/4\nK:C") -> Score:
    score, _ = read_abc(f"X:1\n{head}\n{music}\n")
    assert score.problems() == []
    return score


def heads(music: str, head: str = "M:4/4\nL:1/4\nK:C", part: int = 0) -> str:
    """Pitches with their durations, bars apart."""
    bars = score_of(music, head).parts[part].bars
    return " | ".join(" ".join(f"{note.pitch}:{note.duration}" for note in bar) for bar in bars)


def whats(text: str) -> list[str]:
    return [problem.what for problem in read_abc(text)[1]]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("C c C, c'", "C4:1 C5:1 C3:1 C6:1"),
        ("C2 D/ E/2 F3/2", "C4:2 D4:1/2 E4:1/2 F4:3/2"),
        ("C// D/4 z3/2 E", "C4:1/4 D4:1/4 E4:1"),
        ("C>D E<F", "C4:3/2 D4:1/2 E4:1/2 F4:3/2"),
        ("C>>D z>E", "C4:7/4 D4:1/4 E4:1/2"),
        ("(3CDE (3:2:2F2G", "C4:2/3 D4:2/3 E4:2/3 F4:4/3 G4:2/3"),
        ("(5:4:5CDEFG", "C4:4/5 D4:4/5 E4:4/5 F4:4/5 G4:4/5"),
        ("(3::2CD E", "C4:2/3 D4:2/3 E4:1"),
        ("[CEG]2 [C2E2]", "C4:2 E4:2 G4:2 C4:2 E4:2"),
        ("[CE]/ D", "C4:1/2 E4:1/2 D4:1"),
        ("{gf}C !trill!D .E ~F", "C4:1 D4:1 E4:1 F4:1"),
        ('"Am"C "^text"D (EF)', "C4:1 D4:1 E4:1 F4:1"),
        ("C y D `E x F | G", "C4:1 D4:1 E4:1 F4:1 | G4:1"),
        ("C4 | Z2 | D4", "C4:4 |  |  | D4:4"),
        ("C2-\\\nC2|D4", "C4:2 C4:2 | D4:4"),
        ("C4 % a comment\nD4|", "C4:4 | D4:4"),
    ],
)
def test_notes_and_lengths(music, expected):
    assert heads(music) == expected


@pytest.mark.parametrize(
    ("music", "key", "expected"),
    [
        ("^F F f | F", "C", "F#4 F#4 F#5 | F4"),  # the standard: for all octaves, to the bar line
        ("_B =B B ^^c", "C", "Bb4 B4 B4 C##5"),
        ("F c", "D", "F#4 C#5"),
        ("F c", "Ador", "F#4 C5"),
        ("F B", "D exp _b ^f", "F#4 Bb4"),
        ("F c", "HP", "F#4 C#5"),
        ("^F-|F F", "C", "F#4 | F#4 F4"),  # a tie carries the accidental over the bar line
        ("F [K:D] F | F", "C", "F4 F#4 | F#4"),
        ("C", "C octave=-1", "C3"),
        ("C", "C clef=treble-8", "C3"),
        ("C ^F", "C transpose=-2", "Bb3 E4"),
    ],
)
def test_pitches(music, key, expected):
    found = score_of(music, f"M:4/4\nL:1/4\nK:{key}").parts[0].bars
    assert " | ".join(" ".join(str(note.pitch) for note in bar) for bar in found) == expected


def test_accidentals_hold_as_the_directive_says():
    for mode, last in (("not", "F4"), ("octave", "F#4"), ("pitch", "F#4")):
        notes = score_of(f"%%propagate-accidentals {mode}\n^F f F").parts[0].bars[0]
        assert str(notes[2].pitch) == last
        assert str(notes[1].pitch) == ("F#5" if mode == "pitch" else "F5")


def test_header_and_changes():
    score = score_of("A6 | [M:2/4][K:Gm][Q:1/4=60] B4 |\nM:3/4\nc6|", 'T:A \\"u\nC:B\nM:6/8\nQ:"Slow" 3/8=50\nK:D')
    assert (score.title, score.composer) == ("A ü", "B")
    assert [(b.metre, b.key, b.tempo) for b in score.bars] == [
        (Metre(6, 8), Key(2), Tempo(50.0, F(3, 2))),
        (Metre(2, 4), Key(-2, "minor"), Tempo(60.0)),
        (Metre(3, 4), Key(-2, "minor"), Tempo(60.0)),
    ]


def test_the_default_length_follows_the_metre():
    assert heads("C", "M:2/4\nK:C") == "C4:1/4"
    assert heads("C", "M:4/4\nK:C") == "C4:1/2"
    assert heads("C", "K:C") == "C4:1/2"


def test_repeats_and_endings():
    score = score_of("|: C4 |1,3 D4 :|2 E4 :: F4 :|: G4 |[1-2 A4 :||")
    assert [(b.repeat_start, b.ending, b.repeat_end) for b in score.bars] == [
        (True, "", False), (False, "1,3", True), (False, "2", True), (True, "", True), (True, "", False),
        (False, "1,2", True),
    ]  # fmt: skip


def test_voices_staves_and_overlays():
    text = (
        'X:1\n%%score {(1 2) | 3} [Fl]\nM:2/4\nL:1/4\nV:1 name="Piano"\nV:2\nV:3 clef=bass\nV:Fl nm=Flute\n'
        "K:C\n[V:1] c d & E2 | e2 |\n[V:2] C2 | D2 |\n\nV:3\nC,2 | D,2 |\nV:Fl\n%%MIDI program 73\ng2|a2|\n"
    )
    score, problems = read_abc(text)
    assert problems == []
    piano, flute = score.parts
    assert [(staff.clef, staff.voices) for staff in piano.staves] == [("treble", (1, 2, 3)), ("bass", (4,))]
    assert [(n.voice, str(n.pitch)) for n in piano.bars[0]] == [(1, "C5"), (1, "D5"), (2, "E4"), (3, "C4"), (4, "C3")]
    assert (piano.name, flute.name, flute.program) == ("Piano", "Flute", 73)


def test_ties_of_single_notes_in_chords():
    bars = score_of("[C-E]4 | [CE]4 | [CE]4- | [CG]4").parts[0].bars
    assert [[note.tie for note in bar] for bar in bars] == [
        [True, False],
        [False, False],
        [True, False],
        [False, False],
    ]


def test_the_dialect_of_the_origin():
    """The example of the article: accidentals behind their letters, octaves counted from MIDI 0, no L: for Q:."""
    text = (
        'X:1\nM:4/4\nL:1/16\nK:none\nQ:67\n\nV:1 name="Electric Bass (finger)"\n%%octave-default C4\n'
        "GAA^2E3A2<A^2 | A2A^4A^2E2 A2A^4 |\n\n"
        'V:2 name="Bright Acoustic Piano"\n%%octave-default C5\n[E3C3][A^,2E2A^2] C. | C8 C8 |\n'
    )
    score, _ = read_abc(text)
    assert [(part.name, part.program) for part in score.parts] == [
        ("Electric Bass (finger)", 33),
        ("Bright Acoustic Piano", 1),
    ]
    bass, piano = (part.bars for part in score.parts)
    assert [str(n.pitch) for n in bass[0]] == ["G3", "A3", "A#3", "E3", "A3", "A#3"]
    assert sum(n.duration for n in bass[1]) == score.bars[1].length == 4
    assert [(str(n.pitch), n.duration) for n in piano[0]] == [
        ("C4", F(3, 4)), ("E4", F(3, 4)), ("A#3", F(1, 2)), ("E4", F(1, 2)), ("A#4", F(1, 2)), ("C4", F(3, 8)),
    ]  # fmt: skip
    assert score.bars[0].tempo == Tempo(67.0)
    assert score.bars[0].key == Key(0, "none")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no music"),
        ("X:1\nM:4/4\nK:C\nC8|C9|C8|", "a bar of 9/2 quarters in 4/4"),
        ("X:1\nM:4/4\nK:C\nC8|C7|C8|C8|", "a bar of 7/2 quarters in 4/4"),
        ("X:1\nM:4/4\nK:H\nC8|", "an unknown key 'H'"),
        ("X:1\nM:4/0\nK:C\nC8|", "M:4/0 cannot be read"),
        ("X:1\nK:C\nC8|#C|", "unknown text '#'"),
        ("X:1\nM:4/4\nC8|", "no K: field"),
        ("X:1\nK:C\nC2-D2|", "a tie to another note"),
        ("X:1\nK:C\n[C2E3]|", "a chord of unequal lengths"),
        ("X:1\nK:C\nC/97|", "a length that cannot be written"),
        ("X:1\nK:C\nC99999|", "an impossible length 99999"),
        ("X:1\nK:C\nHere is the requested tune for you:\nC4|", "text that is not music: 'Here is the requeste'"),
        ("X:1\nM:4/4\nK:C\nV:1\nC8|C8|\nV:2\nC8|", "a voice with fewer bars than another"),
        ("X:1\nM:4/4\nK:C\nV:1\nC8|\nV:2\nC4|", "a bar shorter than in another voice"),
    ],
)
def test_problems(text, what):
    assert what in whats(text)


def test_a_problem_has_its_place():
    problem = read_abc("X:1\nM:4/4\nL:1/4\nK:C\nC4|C C C C C|C4|\n")[1][0]
    assert (problem.line, problem.column) == (5, 4)
    assert problem.assumed == "the bar is as long as its notes"


def test_prose_around_a_tune_is_left_out():
    text = "Sure! Here is your tune:\n```abc\nX:1\nT:A\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n```\nI hope that you like it.\n"
    score = read_abc(text)[0]
    assert score.title == "A"
    assert [len(bar) for bar in score.parts[0].bars] == [4, 4]


def test_good_tunes_have_no_problems():
    text = "X:1\nT:A\nM:6/8\nL:1/8\nK:G\n|: d | edB dBA | GAB d2 :|\n|: d || efg gfe | d3- d2 :|\nw: la la\n"
    assert read_abc(text)[1] == []


def test_the_first_tune_or_all():
    text = "M:3/4\nL:1/4\n\nX:1\nT:A\nK:C\nC3|\n\nfree text\n\nX:2\nT:B\nK:G\nG3|\n"
    assert [score.title for score, _ in read_tunes(text)] == ["A", "B"]
    assert all(score.bars == (Bar(F(3), Metre(3, 4), score.bars[0].key),) for score, _ in read_tunes(text))
    assert read_abc(text[14:])[0].title == "A"


def test_real_tunes_make_the_round_trip():
    for name in ("oneills1850/0101-0200.abc", "ryansMammoth/HippodromeReel.abc", "airdsAirs/book2.abc"):
        for score, _ in read_tunes(Path(corpus.getWork(name)).read_text())[:25]:
            assert len(score.parts) == 1
            assert differences(score, read_abc(write_abc(score))[0]) == []


@pytest.mark.parametrize(
    "garbage",
    ["C", "C|", "[K:", "[C", '"', "{c", "(3", "Z999|", "9", "/", "C-", ">", "V:{i}\nC|\n", "&", "|1-", "^", "C/{i}"],
)
def test_nonsense_ends_soon(garbage):
    """20,000 characters each; a quadratic reader would need minutes."""
    text = "X:1\nM:4/4\nK:C\n" + "".join(garbage.replace("{i}", str(i)) for i in range(20_000 // len(garbage)))
    began = time.process_time()
    score, problems = read_abc(text)
    assert time.process_time() - began < 2
    assert score.problems() == []
    assert len(problems) <= 1_000


@pytest.mark.parametrize("title", ["take_2", "pathetique_2", "G^3"])
def test_a_title_does_not_choose_the_dialect(title):
    score, problems = read_abc(f"X:1\nT:{title}\nM:4/4\nL:1/4\nK:C\n_B ^c d2 |]\n")
    assert problems == []
    assert [note.pitch.midi for note in score.parts[0].bars[0]] == [70, 73, 74]


def test_more_words_than_notes_and_signs_without_notes() -> None:
    """Found by mutated files: a bar line in words behind the last note, and decorations with nothing behind them."""
    score, problems = read_abc("X:1\nM:2/4\nL:1/4\nK:C\nCD|\nw: one * * * _ | two\n")
    assert [[s.text for s in n.lyrics if s] for n in score.parts[0].bars[0]] == [["one"], []]
    assert [p.what for p in problems] == ["1 syllable without a note"]
    assert read_abc('X:1\nM:2/4\nL:1/4\nK:C\n"Em"!f!')[0].parts[0].bars[0] == ()
