"""Humdrum **kern -> Score."""

from pathlib import Path

import pytest

from abcscribe.errors import ScoreError
from abcscribe.score import Key, Metre, Score
from abcscribe.score.kern_reader import kern_score, read_kern

HEAD = "*clefF4\t*clefG2\n*k[f#]\t*k[f#]\n*M3/4\t*M3/4\n=1\t=1\n"


def kern(body: str) -> Score:
    """The score of two spines; the problems must be none."""
    score, problems = kern_score(f"**kern\t**kern\n{HEAD}{body}*-\t*-\n")
    assert (problems, score.problems()) == ([], [])
    return score


def lines(score: Score) -> list[list[str]]:
    """By part and voice, the notes as ``pitch@onset``."""
    return [
        [f"{n.pitch}@{start + n.start}" for start, notes in zip(score.bar_starts(), score.voice_bars(part, v),
        strict=False)
         for n in notes]
        for part in score.parts for v in part.voices
    ]  # fmt: skip


def test_the_leftmost_spine_is_the_lowest_part() -> None:
    score = kern("2.G\t4b\n.\t8cc#\n.\t8dd\n.\t4ee\n=2\t=2\n2.C\t2.r\n")
    assert [(bar.length, bar.metre, bar.key) for bar in score.bars] == [(3, Metre(3, 4), Key(1))] * 2
    assert lines(score) == [["B4@0", "C#5@1", "D5@3/2", "E5@2"], ["G3@0", "C3@3"]]
    assert [part.staves[0].clef for part in score.parts] == ["treble", "bass"]


def test_a_spine_that_splits_is_two_voices() -> None:
    score = kern(
        "2.G\t4b\n*\t*^\n.\t4cc\t4a\n.\t4dd\t4g\n*\t*v\t*v\n=2\t=2\n*\t*^\n2.C\t2.cc\t4e\n.\t.\t2f\n*\t*v\t*v\n"
    )
    assert lines(score) == [["B4@0", "C5@1", "D5@2", "C5@3"], ["A4@1", "G4@2", "E4@3", "F4@4"], ["G3@0", "C3@3"]]


def test_halves_of_a_spine_split_and_change_places() -> None:
    body = "2.G\t4b\n*\t*^\n.\t4cc\t4a\n*\t*x\t*x\n.\t4g\t4dd\n*\t*v\t*v\n"
    assert kern(body).parts[0].staves[0].voices == (1, 2)


def test_hands_of_one_part_stand_on_a_grand_staff() -> None:
    head = "**kern\t**kern\n*part1\t*part1\n*staff2\t*staff1\n*Ipiano\t*Ipiano\n*clefF4\t*clefG2\n"
    score, _ = kern_score(head + "=1\t=1\n1C\t1cc\n*-\t*-\n")
    (part,) = score.parts
    assert [staff.clef for staff in part.staves] == ["treble", "bass"]
    assert [str(note.pitch) for note in part.bars[0]] == ["C5", "C3"]


def test_words_dynamics_and_chords_belong_to_the_spine_at_their_left() -> None:
    text = (
        "**kern\t**text\t**dynam\t**mxhm\n*M2/4\t*\t*\t*\n=1\t=1\t=1\t=1\n4c'\tglo-\tmf\tC major\n(4d;\t-ri-\t<\t.\n"
        "=2\t=2\t=2\t=2\n4e)\t-a\t[\tA- minor-seventh\n4f^\t.\t.\t.\n*-\t*-\t*-\t*-\n"
    )
    score, problems = kern_score(text)
    first, second, third, fourth = (note for bar in score.parts[0].bars for note in bar)
    assert problems == []
    assert [(s.text, s.joined) for note in (first, second, third) for s in note.lyrics if s] == [
        ("glo", True), ("ri", True), ("a", False)
    ]  # fmt: skip
    assert (first.marks, second.marks, fourth.marks) == (("staccato",), ("fermata",), ("accent",))
    assert (second.slur_start, third.slur_stop) == (1, 1)
    signs = [(i, d.start, d.kind, d.text) for i, bar in enumerate(score.parts[0].directions) for d in bar]
    assert signs == [(0, 0, "dynamic", "mf"), (0, 1, "hairpin", "<"), (1, 0, "hairpin", "!")]
    assert [[str(h) for h in bar.harmonies] for bar in score.bars] == [["C"], ["Abm7"]]


def test_grace_notes_and_breves() -> None:
    score, _ = kern_score("**kern\n*M4/1\n=1\n8qq/b-\n8qq/cc\n0dd\n0r\n==\n*-\n")
    (note,) = score.parts[0].bars[0]
    assert ([str(p) for p in note.grace], note.duration, score.bars[0].length) == (["Bb4", "C5"], 8, 16)


def test_a_metre_of_nothing_is_said() -> None:
    assert kern_score("**kern\n*M0/0\n*M0/0\n4c\n*-\n")[1] == ["2 metres that cannot be read left out"]
    assert kern_score("**kern\n*M0/0\n4c\n*-\n")[1] == ["1 metre that cannot be read left out"]


def test_what_is_no_kern_is_said(tmp_path: Path) -> None:
    score, problems = kern_score("**kern\t**fba\n=1\t=1\n4c\t1\n4hello\t.\n4d\t.\textra\n*-\t*-\n")
    assert len(score.parts[0].bars[0]) == 2
    assert any("**fba" in problem for problem in problems)
    assert any("columns" in problem for problem in problems)
    path = tmp_path / "nonsense.krn"
    path.write_bytes(b"\x00\xff" * 50)
    with pytest.raises(ScoreError, match=r"^[^\n]*nonsense[^\n]*\.$"):
        read_kern(path)
