"""Means, intervals, comparisons, and the page that shows them."""

from pathlib import Path

import pytest

from abcscribe.evaluation import report
from abcscribe.evaluation.run import PROTOCOLS
from abcscribe.evaluation.statistics import by_clip, compare, mean
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc

TUNE = write_abc(read_abc("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")[0])


def row(system: str, clip: str, reward: float, sample: int = 0, **more) -> dict:
    figures = {"reward.full": reward, "notes.onset_f1": reward / 2, "pitch.loss": 1 - reward}
    empty = {"level": "A", "error": "", "problems": 0, "seconds": 2.0, "real_time": 5.0, "memory": 100, "bars": []}
    return empty | {"clip": clip, "system": system, "sample": sample, "group": clip[0], "figures": figures} | more


ROWS = [row("old", f"{group}/{i}", 0.2 + 0.01 * i) for group in "ab" for i in range(5)] + [
    row("new", f"{group}/{i}", 0.5 + 0.02 * i, bars=[(0.9, 1.0), (0.4, 0.5)]) for group in "ab" for i in range(5)
]


def test_answers_to_one_clip_are_averaged_first():
    rows = [row("s", "a/1", 0.0, 0), row("s", "a/1", 1.0, 1), row("s", "a/2", 1.0)]
    assert by_clip(rows, "s", "reward.full") == {"a/1": 0.5, "a/2": 1.0}
    assert by_clip(rows, "s", "mv2h.mv2h") == {}


def test_the_interval_holds_the_mean_and_shrinks():
    few, many = mean([0.0, 1.0] * 3), mean([0.0, 1.0] * 50)
    assert few is not None
    assert many is not None
    assert few.value == many.value == 0.5
    # of 100 coin throws 95 % lie within .5 -+ 1.96 * .05
    assert (many.low, many.high) == (pytest.approx(0.4, abs=0.02), pytest.approx(0.6, abs=0.02))
    assert few.low < many.low
    assert mean([]) is None


def test_two_systems_on_the_same_clips():
    found = compare(ROWS, "new", "old", "reward.full")
    assert found is not None
    assert found.difference.value == pytest.approx(0.32)  # 0.3 + 0.01 * i on average
    assert (found.better, found.worse) == (10, 0)
    assert found.p < 0.01
    same = compare(ROWS, "old", "old", "reward.full")
    assert same is not None
    assert (same.difference.value, same.better, same.worse, same.p) == (0, 0, 0, 1)
    assert compare(ROWS, "new", "nobody", "reward.full") is None


def test_the_report(tmp_path: Path):
    for who in ("reference", "new", "old"):
        for made in {r["clip"] for r in ROWS}:
            path = (tmp_path / "scores" / who / made).with_suffix(".abc")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(TUNE)
    failing = [*ROWS, row("old", "c/1", 0.0, error="c/1 is <silent>.")]
    page = report.write_report(tmp_path, failing, PROTOCOLS["origin"], "tiny", "abcscribe evaluate").read_text()
    text = (tmp_path / "report.md").read_text()
    assert "| reward | 0.200 [" in text  # ten clips of .22 on average, and a failure
    assert "| **0.540** [" in text
    assert "old, new answer alike every time: 3 equal answers" in text
    assert "| new − old | pitch loss |" in text
    # pitch loss is 1 less the reward here, of .5 to .58; there is no origin's reward in these rows
    assert "| a | 5 | new | 0.460 [0.44, 0.48] | – | – | – | – | – | 0.540 [0.52, 0.56] | 0.270 [" in text
    assert "| times faster than real time | 5.0 | 5.0 |" in text
    assert "c/1 is &lt;silent&gt;." in page
    for image in ("figures.svg", "groups.svg", "calibration.svg", "clips/reference/a/4.svg", "clips/new/b/0.svg"):
        assert (tmp_path / image).read_text().lstrip().startswith("<")
        assert image in page
        assert image in text


def test_markdown_and_html_of_the_same_blocks():
    blocks = [report.Heading("A & B", 1), "so **much** `code`", [["x", "y"], ["1 | 2", "<3>"]]]
    assert report.to_markdown(blocks) == "# A & B\n\nso **much** `code`\n\n| x | y |\n|---|---|\n| 1 \\| 2 | <3> |\n"
    page = report.to_html(blocks, "t")
    assert "<h1>A &amp; B</h1>\n<p>so <b>much</b> <code>code</code></p>" in page
    assert "<td>1 | 2</td><td>&lt;3&gt;</td>" in page
