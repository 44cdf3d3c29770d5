"""The command line as a shell sees it: exit codes, what goes to stdout and what to stderr."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import media
import numpy as np
import pytest
import tone_engine
from command_line import run

from abcscribe import hearing
from abcscribe.errors import AbcscribeError
from abcscribe.hearing import basic_pitch
from abcscribe.score.model import PlayedNote

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.fixture
def scale(tmp_path: Path) -> Path:
    return media.write(tmp_path / "scale.wav", media.tone(4.0, pitches=SCALE))


def test_a_score_is_summed_up_on_stderr_and_stdout_stays_empty(tmp_path: Path, scale: Path, tone: str) -> None:
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc,midi", "-o", tmp_path, "--key", "G", "--metre", "3/4")
    assert (ran.code, ran.out) == (0, b"")
    assert f"{scale}: 3/4, G major, " in ran.err
    assert f"  {tmp_path / 'scale.abc'}\n  {tmp_path / 'scale.mid'}\n" in ran.err
    assert (tmp_path / "scale.mid").read_bytes().startswith(b"MThd")


def test_stdout_gets_the_data_alone(scale: Path, tone: str) -> None:
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc", "-o", "-")
    assert ran.code == 0
    assert ran.out.startswith(b"%abc")
    assert ran.out.endswith(b"|]\n")


def test_a_warning_does_not_get_into_the_data(tmp_path: Path, tone: str) -> None:
    whole = media.write(tmp_path / "whole.flac", media.tone(4.0, pitches=SCALE)).read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    ran = run("transcribe", tmp_path / "cut.flac", "--engine", tone, "-f", "abc", "-o", "-")
    assert ran.out.startswith(b"%abc")
    assert ran.err.startswith("Warning: ")
    assert ran.err.count("\n") == 1


def test_an_instrument_is_named_and_a_section_is_cut(tmp_path: Path, scale: Path, tone: str) -> None:
    arguments = ["--instrument", "flute", "--start", "0:01", "--end", "3", "--tempo", "120", "--downbeat", "1"]
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc", "-o", "-", *arguments)
    assert b"%%MIDI program 73" in ran.out
    assert b"Q:1/4=120" in ran.out


def test_ctrl_c_ends_quietly_and_leaves_no_file(
    tmp_path: Path, scale: Path, tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        raise KeyboardInterrupt
        yield []

    monkeypatch.setattr(tone_engine.ToneEngine, "notes", interrupted)
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc", "-o", tmp_path / "out")
    assert ran.code == 130
    assert "Traceback" not in ran.err
    assert not list((tmp_path / "out").iterdir())


def test_a_tuning_reaches_the_tablature(tmp_path: Path, scale: Path, tone: str) -> None:
    ran = run("transcribe", scale, "--engine", tone, "-f", "tab", "-o", "-", "--tuning", "C3 G3 C4 E4 A4 D5")
    assert b"tuning C3 G3 C4 E4 A4 D5" in ran.out


def test_title_and_composer_are_printed_and_parts_at_sounding_pitch(tmp_path: Path, scale: Path, tone: str) -> None:
    heading = ["--title", "Étude", "--composer", "N. N.", "--instrument", "clarinet"]
    asked = ["transcribe", scale, "--engine", tone, "-f", "musicxml,abc", *heading]
    assert run(*asked, "-o", tmp_path / "written").code == 0
    assert run(*asked, "-o", tmp_path / "sounding", "--concert").code == 0
    assert "T:Étude\nC:N. N.\n" in (tmp_path / "written" / "scale.abc").read_text()
    written, sounding = ((tmp_path / way / "scale.musicxml").read_text() for way in ("written", "sounding"))
    assert "<work-title>Étude</work-title>" in written
    assert "<chromatic>-2</chromatic>" in written
    assert "<transpose>" not in sounding


@pytest.mark.parametrize(("pitches", "program"), [((52, 55, 59, 64), 24), ((28, 33, 35, 40), 33)])
def test_who_asks_for_tablature_gets_one_guitar_or_bass(
    pitches: tuple[int, ...], program: int, tmp_path: Path, tone: str
) -> None:
    recording = media.write(tmp_path / "a.wav", media.tone(4.0, pitches=pitches * 2))
    ran = run("transcribe", recording, "--engine", tone, "-f", "tab,abc", "-o", tmp_path)
    assert ran.code == 0
    assert f"%%MIDI program {program}\n" in (tmp_path / "a.abc").read_text()
    assert f"tuning {'E1 A1 D2 G2' if program == 33 else 'E2 A2 D3 G3 B3 E4'}" in (tmp_path / "a.tab.txt").read_text()
    named = run("transcribe", recording, "--engine", tone, "-f", "tab", "-o", "-", "--instrument", "cello")
    assert named.out.startswith(b"a\n\nCello (tuning")


def test_what_tablature_changes_is_a_warning(tmp_path: Path, scale: Path, tone: str) -> None:
    ran = run("transcribe", scale, "--engine", tone, "-f", "tab", "-o", tmp_path, "--tuning", "E1 A1 D2 G2")
    assert "Warning: Acoustic Guitar (nylon): sounds 2 octaves lower.\n" in ran.err


def test_convert(tmp_path: Path) -> None:
    source = tmp_path / "tune.abc"
    source.write_text("X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n")
    assert run("convert", source, tmp_path / "tune.mid").code == 0
    assert (tmp_path / "tune.mid").read_bytes().startswith(b"MThd")
    refused = run("convert", source, tmp_path / "tune.docx")
    assert refused.code == 1
    assert "tune.docx has no suffix" in refused.err


def test_a_score_is_arranged_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    song = tmp_path / "song.abc"
    song.write_text(
        "X:1\nM:4/4\nL:1/4\nK:C\nV:1 name=Voice\n%%MIDI program 52\nc d e c|G4|c d e c|G4|]\n"
        "V:2 name=Piano\n[CEG]4|[B,DG]4|[CEG]4|[B,DG]4|]\n"
    )
    ran = run("convert", song, tmp_path / "lead.abc", "--arrange", "lead")
    assert ran.code == 0, ran.err
    assert "Piano left out: only the tune is written." in ran.err
    lead = (tmp_path / "lead.abc").read_text()
    assert '"C"' in lead
    assert '"G' in lead
    assert "V:2" not in lead
    assert run("convert", song, tmp_path / "both.abc", "--chords").code == 0
    assert '"C"' in (tmp_path / "both.abc").read_text()
    assert run("convert", song, tmp_path / "strict.abc", "--arrange", "lead", "--strict").code == 1
    ran = run("convert", song, tmp_path / "no.abc", "--arrange", "choir")
    assert ran.code == 2
    assert "full, lead, melody, piano" in ran.err


def test_a_recording_gets_chords_and_an_arrangement(tmp_path: Path, scale: Path, tone: str) -> None:
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc", "-o", "-", "--chords", "--arrange", "piano")
    assert ran.code == 0, ran.err
    assert b'"C' in ran.out
    assert b"V:1" in ran.out or b"%%score" in ran.out
    ran = run("transcribe", scale, "--engine", tone, "-f", "abc", "-o", tmp_path, "--no-chords", "--repeats")
    assert ran.code == 0, ran.err
    assert '"C' not in (tmp_path / "scale.abc").read_text()


def test_engines_and_formats_are_listed_on_stdout(tone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(hearing.ENGINES, "transkun")  # would load torch if it is installed
    monkeypatch.setattr(basic_pitch, "find_spec", lambda name: None)
    hearing.load.cache_clear()
    listed = run("engines").out
    assert b"tone         sines only, written by the rules: ready\n" in listed
    assert b"The engine basic-pitch is not installed" in listed
    assert b"performance-midi" in run("formats").out


@pytest.mark.parametrize("command", ["transcribe", "convert", "evaluate", "engines", "formats", "data", "train"])
def test_every_command_explains_itself(command: str) -> None:
    assert run(command, "--help").code == 0
    assert command in run("--help").out.decode()


def test_debugging_keeps_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["convert", tmp_path / "no.abc", tmp_path / "no.mid"]
    assert run(*arguments).code == 1
    monkeypatch.setenv("ABCSCRIBE_DEBUG", "1")
    with pytest.raises(AbcscribeError):
        run(*arguments)


def test_the_installed_command_runs(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("abcscribe")
    done = subprocess.run([command, "transcribe", tmp_path / "x.wav", "-o", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"{tmp_path / 'x.wav'}: no such file or directory.\n"
