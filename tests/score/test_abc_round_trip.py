"""Score -> ABC -> Score keeps everything; broken text never stops the reader."""

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from strategies import mutated, scores

from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.model import Score

SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@SLOW
@given(scores())
def test_a_written_score_reads_back_the_same(score: Score):
    found, _ = read_abc(write_abc(score))
    assert score.problems() == []
    assert differences(score, found) == []
    assert found.problems() == []


@settings(max_examples=120, deadline=None)
@given(st.text(alphabet=st.sampled_from("XTMLQKVW:1234/|[]{}()<>-^_=&\"!+.,'zxZABCdefg \n%ym")))
def test_any_text_is_read(text: str):
    for score, _ in [read_abc(text), *read_tunes(text)]:
        assert score.problems() == []


TUNES = [
    "X:1\nT:A\nM:6/8\nL:1/8\nK:G\n|: d | edB dBA | (3GAB c>d e2 :|1 G3 :|2 [GBd]3- | [GBd]3 |]\n",
    'X:1\nM:4/4\nL:1/16\nK:none\nQ:67\n\nV:1 name="Electric Bass (finger)"\n%%octave-default C4\nGAA^2E3A2<A^2 |\n\n'
    'V:2 name="Piano"\n[E3C3][A^,2E2] |\n',
    'X:1\n%%score {(1 2) | 3}\nM:C|\nK:Dm clef=bass\nV:1\n[V:1] "Am"A2 {g}f2 & D4 | Z2 |'
    " !trill!c2 y ^c2-|c4 |\nV:2\nx4|\nV:3\n_B,4|\n",
]


@settings(max_examples=120, deadline=None)
@given(mutated(TUNES))
@example("X:1\nM:4/4\nL:1/16\nK:none\n[E10E10] z6 |\n")  # a unison that is written in tied values
@example("X:1\nM:6/8\nL:1/8\nK:G\n|: d ||: edB dBA | G3 :|\n")
def test_a_mutated_tune_is_read(text: str):
    score, problems = read_abc(text)
    assert score.problems() == []
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)
    assert differences(score, read_abc(write_abc(score))[0]) == []


def test_the_documented_example_is_canonical():
    page = (Path(__file__).parents[2] / "docs" / "abc.md").read_text(encoding="utf-8")
    example = page.split("```abc\n")[1].split("```")[0]
    score, problems = read_abc(example)
    assert problems == []
    assert write_abc(score) == example
