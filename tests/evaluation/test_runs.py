"""Runs that resume, systems that write text, failures that count, and the command."""

import dataclasses
import json
import math
from fractions import Fraction
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from abcscribe import text_systems
from abcscribe.errors import AbcscribeError, AudioError, EngineError
from abcscribe.evaluation import cli, run, systems
from abcscribe.evaluation.calibration import bar_agreement, calibration
from abcscribe.evaluation.performed import performed
from abcscribe.evaluation.suites import Clip
from abcscribe.score import Bar, Note, Part, Pitch, PlayedNote, Score, Tempo
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc

TUNE = read_abc("X:1\nM:4/4\nL:1/4\nQ:1/4=120\nK:C\nV:1\n%%MIDI program 40\nCDEF|GABc|c4|]\n")[0]
ALL = ("metre", "tempo", "key", "instrument", "pitch", "rhythm", "structure", "edit_rate", "mv2h")
PLAYED = tuple(
    PlayedNote(i / 2, (i + 1) / 2, p, family="strings") for i, p in enumerate([60, 62, 64, 65, 67, 69, 71, 72])
)
CLIP = Clip("songs/one", Path("one.wav"), "songs", "A", TUNE, ALL, (*PLAYED, PlayedNote(4.0, 6.0, 72)))


def test_a_perfect_answer():
    values = run.figures(CLIP, TUNE)
    assert (
        values["reward.full"] == values["reward.origin"] == values["notes.onset_f1"] == values["notes.offset_f1"] == 1
    )
    assert values["pitch.loss"] == values["edit_rate.mcr"] == 0


def test_only_what_is_known_is_scored():
    header_only = dataclasses.replace(CLIP, metrics=("metre",), notes=None)
    assert set(run.figures(header_only, TUNE)) == {"metre.loss", "metre.exact"}
    onsets_only = dataclasses.replace(CLIP, metrics=(), offsets=False)
    assert {name.split(".")[1].split("_")[0] for name in run.figures(onsets_only, TUNE)} == {"onset"}


def test_the_majority_answer_is_paid_for_its_header_by_metrics_but_not_by_rewards():
    values = run.figures(CLIP, systems.MAJORITY_SCORE)
    assert values["metre.exact"] == values["tempo.accuracy_1"] == values["key.exact"] == 1
    assert values["reward.full"] == values["notes.onset_f1"] == 0


def test_what_an_answer_is_written_as_must_be_read_and_add_up():
    assert run.figures(CLIP, TUNE)["abc.invalid"] == run.figures(CLIP, Score())["abc.invalid"] == 0
    bars = tuple(dataclasses.replace(bar, length=Fraction(5)) for bar in TUNE.bars)
    assert run.figures(CLIP, dataclasses.replace(TUNE, bars=bars))["abc.invalid"] == 1


def test_runs_resume(tmp_path: Path):
    clips = [CLIP, dataclasses.replace(CLIP, name="songs/two", group="songs")]
    first = run.evaluate(clips[:1], ["majority"], tmp_path)
    rows = tmp_path / run.ROWS
    rows.write_text(rows.read_text() + '{"clip": "songs/two", "sys')  # the machine stopped here
    told = []
    both = run.evaluate(clips, ["majority"], tmp_path, tell=told.append)
    assert [row["clip"] for row in told] == ["songs/two"]
    assert [row["clip"] for row in both] == ["songs/one", "songs/two"]
    assert both[0] == first[0]
    assert [json.loads(line) for line in rows.read_text().splitlines()] == both
    assert (tmp_path / "scores/reference/songs/two.abc").read_text() == write_abc(TUNE)


def test_a_missing_engine_is_said_before_anything_is_done(tmp_path: Path):
    with pytest.raises(EngineError, match="no engine"):
        run.evaluate([CLIP], ["majority", "ear-trumpet"], tmp_path)
    assert not (tmp_path / run.ROWS).exists()


class Writer:
    """An engine that writes ABC text, and a little worse each time it is asked."""

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        assert (temperature, max_tokens) == (0.7, 2048)
        return write_abc(TUNE) if seed == 0 else write_abc(TUNE).replace("G", "A") + "%" * seed


def test_an_engine_that_writes_text_is_asked_for_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(text_systems.TEXT_SYSTEMS, "writer", text_systems.TextSystemInfo("", "writes"))
    monkeypatch.setattr(text_systems, "load", lambda name, checkpoint: Writer())
    monkeypatch.setattr(run, "_system", systems.load("writer"))
    origin = run.PROTOCOLS["origin"]
    assert (origin.clips, origin.samples, systems.load("writer").samples) == (30, 3, True)
    rows = [run._row(CLIP, sample, origin)[0] for sample in range(origin.samples)]
    assert [row["sample"] for row in rows] == [0, 1, 2]
    assert rows[0]["figures"]["pitch.loss"] == 0 < rows[1]["figures"]["pitch.loss"]


def test_a_failure_counts_as_an_empty_answer(monkeypatch: pytest.MonkeyPatch):
    def fail(path: Path, sampling: systems.Sampling) -> systems.Answer:
        raise AudioError("one.wav is silent.")

    monkeypatch.setattr(run, "_system", systems.System("deaf", False, fail))
    row, score = run._row(CLIP, 0, run.PROTOCOLS["standard"])
    assert (row["error"], score) == ("one.wav is silent.", Score())
    assert (row["figures"]["reward.full"], row["figures"]["notes.onset_f1"]) == (0, 0)


def test_a_score_is_performed_by_the_clock_of_its_bars():
    assert [(n.onset, n.offset, n.pitch) for n in performed(TUNE)][:2] == [(0, 0.5, 60), (0.5, 1, 62)]
    slower = dataclasses.replace(
        TUNE, bars=tuple(dataclasses.replace(b, seconds=1 + 4.0 * i) for i, b in enumerate(TUNE.bars))
    )
    assert [n.onset for n in performed(slower)] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert performed(dataclasses.replace(TUNE, performance=PLAYED)) == PLAYED
    assert performed(Score()) == []


def test_a_bar_without_a_time_follows_at_its_tempo():
    notes = tuple((Note(Fraction(0), Fraction(1), Pitch("C")),) for _ in range(3))
    bars = (
        Bar(Fraction(4), tempo=Tempo(60), seconds=2.0),
        Bar(Fraction(4), tempo=Tempo(60)),
        Bar(Fraction(4), seconds=9.0),
    )
    assert [n.onset for n in performed(Score(bars, (Part(notes),)))] == [2, 6, 9]


def test_agreement_of_bars():
    bars = (Bar(Fraction(4), seconds=0.0, confidence=0.9), Bar(Fraction(4), seconds=2.0, confidence=0.3))
    heard = Score(bars, performance=(*PLAYED[:4], *PLAYED[4:5], PlayedNote(3.0, 3.5, 40)))
    # all four right; one of two right and one of four found: 2 * 1 / 6
    assert bar_agreement(PLAYED, heard) == [(0.9, 1.0), (0.3, pytest.approx(1 / 3, abs=1e-4))]
    assert bar_agreement(None, heard) == []
    assert bar_agreement(PLAYED, Score()) == []


def test_calibration_by_hand():
    bins, error = calibration([(0.82, 1.0), (0.88, 0.6), (0.1, 0.4), (1.0, 1.0)])
    # the bins .1, .8 and .9: gaps .3, |.85 - .8| and 0, of 1, 2 and 1 bars
    assert bins == [
        (pytest.approx(0.1), pytest.approx(0.4), 1), (pytest.approx(0.85), pytest.approx(0.8), 2), (1.0, 1.0, 1),
    ]  # fmt: skip
    assert error == pytest.approx((0.3 + 2 * 0.05 + 0) / 4)
    assert math.isnan(calibration([])[1])


def test_the_command(tmp_path: Path):
    (tmp_path / "tune.abc").write_text(write_abc(TUNE))
    (tmp_path / "manifest.csv").write_text(
        "audio,instrument,gt_level,score_gt,aligned_notes_gt,meter,key,tempo,comment\na/1.wav,violin,A,tune.abc,,4/4,C,120,\n"
    )
    app = typer.Typer()
    app.callback()(lambda: None)
    cli.add_commands(app)
    out = tmp_path / "out"
    arguments = ["evaluate", "--suite", str(tmp_path), "--engine", "majority", "-o", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "majority" in (out / "report.md").read_text()
    assert CliRunner().invoke(app, [*arguments, "--protocol", "hearsay"]).exit_code == 2
    nowhere = ["evaluate", "--suite", "nowhere", "--engine", "majority", "-o", str(out)]
    assert "neither a folder nor the name of a suite" in CliRunner().invoke(app, nowhere).output


def test_a_named_suite_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def made(name: str, notes: Path, home: Path, samples: Path, sounds: Path):
        (home / name).mkdir(parents=True)
        yield 1, 1

    monkeypatch.setattr("abcscribe.synthesis.suite.made", made)
    assert (
        cli._named("rendered", tmp_path / "n.npz", tmp_path, tmp_path / "sounds.npz", tmp_path / "suites")
        == tmp_path / "suites/rendered"
    )


def test_the_command_says_what_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cli, "NEEDED", ("json", "ear_trumpet"))
    with pytest.raises(AbcscribeError, match="ear_trumpet"):
        cli.evaluate(tmp_path, "majority")
