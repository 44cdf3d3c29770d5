"""Which recordings are found, where their scores go, and that one failure stops no other."""

import os
from pathlib import Path

import media
import pytest

from abcscribe import batch
from abcscribe.errors import AudioError, ScoreError, sentence
from abcscribe.hints import Hints
from abcscribe.score.model import Score
from abcscribe.score.writers import WRITERS, Writer

EXAMPLE = Path(__file__).parents[1] / "examples" / "greensleeves.m4a"
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def settings(engine: str = "tone", formats: tuple[str, ...] = ("abc",)) -> batch.Settings:
    return batch.Settings(formats, engine)


def targets(inputs: list[Path], out: Path) -> list[str]:
    return [job.target.relative_to(out).as_posix() for job in batch.jobs(inputs, out, settings())]


def test_folders_are_searched_and_their_tree_is_kept(tmp_path: Path) -> None:
    for name in ("a.wav", "b/c.MP3", "b/notes.txt", "b/d/e.flac", "cover.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert targets([tmp_path], tmp_path) == ["a", "b/c", "b/d/e"]


def test_recordings_of_one_name_get_scores_of_their_own(tmp_path: Path) -> None:
    same = [tmp_path / "take.wav", tmp_path / "take.mp3", tmp_path / "b" / "take.wav", tmp_path / "c" / "take.wav"]
    assert targets(same, tmp_path) == ["take", "take.mp3", "take.wav", "take.wav-2"]


def test_scores_stay_in_the_folder_whatever_the_name(tmp_path: Path) -> None:
    odd = [tmp_path / name for name in ("..wav", "...wav", ".wav", "a.b.wav", f"{'é' * 125}.wav", f"{'é' * 125}.mp3")]
    todo = batch.jobs(odd, tmp_path / "out", settings(formats=("abc", "performance-midi")))
    written = [Path(f"{job.target}.performance.mid") for job in todo]
    assert {path.parent for path in written} == {tmp_path / "out"}
    assert len(set(written)) == len(odd)
    assert max(len(os.fsencode(path.name)) for path in written) <= 255
    assert [path.name for path in written[:4]] == [f"{n}.performance.mid" for n in ("..wav", "...wav", ".wav", "a.b")]


def test_names_that_some_file_systems_take_for_one_are_two(tmp_path: Path) -> None:
    same = [tmp_path / "Take.wav", tmp_path / "take.mp3", tmp_path / "caf\u00e9.wav", tmp_path / "cafe\u0301.wav"]
    assert targets(same, tmp_path) == ["Take", "take.mp3", "caf\u00e9", "cafe\u0301.wav"]


def test_two_scores_of_one_name_are_refused_before_the_work(tmp_path: Path) -> None:
    same = [tmp_path / "take.wav", tmp_path / "take.performance.wav"]
    with pytest.raises(ScoreError, match=r"take\.performance\.mid"):
        batch.jobs(same, tmp_path, settings(formats=("midi", "performance-midi")))
    assert len(batch.jobs(same, tmp_path, settings(formats=("midi", "abc")))) == 2


def test_a_folder_of_the_name_of_a_score_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "take.abc").mkdir()
    with pytest.raises(ScoreError, match="is a folder"):
        batch.jobs([tmp_path / "take.wav"], tmp_path, settings())


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RuntimeError("odd\nlines"), RecursionError()])
def test_any_exception_is_the_sentence_of_its_own_recording(
    error: Exception, tmp_path: Path, tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise error

    good = media.write(tmp_path / "a.wav", media.tone(4.0, pitches=SCALE))
    monkeypatch.setattr(batch.transcription, "_music", fail)
    outcome = batch.run(batch.Job(good, tmp_path / "a", settings()))
    assert outcome.score is None
    assert outcome.error.startswith(f"{good}: ")
    assert outcome.error.endswith(".")
    assert "\n" not in outcome.error


def test_a_folder_without_recordings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="no recording"):
        batch.jobs([tmp_path], tmp_path, settings())


def test_a_recording_becomes_the_files_that_were_asked_for(tmp_path: Path, tone: str) -> None:
    recording = media.write(tmp_path / "a.wav", media.tone(4.0, pitches=SCALE))
    (job,) = batch.jobs([recording], tmp_path / "out" / "deep", settings(formats=("abc", "json")))
    done = batch.run(job)
    assert done.error == ""
    assert [path.relative_to(tmp_path).as_posix() for path in done.written] == ["out/deep/a.abc", "out/deep/a.json"]
    assert done.written[0].read_text().startswith("%abc")


def test_hints_and_section_reach_the_score(tmp_path: Path, tone: str) -> None:
    recording = media.write(tmp_path / "a.wav", media.tone(4.0, pitches=SCALE))
    asked = batch.Settings(("abc",), tone, Hints(instrument=73), start=1.0, end=3.0)
    score = batch.run(batch.Job(recording, tmp_path / "a", asked)).score
    assert score
    assert score.parts[0].program == 73
    assert [note.pitch for note in score.sounding_notes()] == list(SCALE[2:6])


def test_nothing_is_written_if_one_format_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(score: Score) -> bytes:
        raise ScoreError("This cannot be written.")

    monkeypatch.setitem(WRITERS, "broken", Writer(fail, ".broken", ""))
    with pytest.raises(ScoreError):
        batch.write(Score(), tmp_path / "a", settings(formats=("abc", "broken")))
    assert not list(tmp_path.iterdir())


def test_several_processes_do_all_jobs_and_report_each_failure(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("no sound")
    asked = batch.Settings(("abc",), "basic-pitch", end=5.0)
    todo = batch.jobs([EXAMPLE, tmp_path / "bad.wav", tmp_path / "missing.wav"], tmp_path, asked)
    outcomes = {done.job.recording.name: done for done in batch.run_all(todo, 2)}
    assert set(outcomes) == {EXAMPLE.name, "bad.wav", "missing.wav"}
    assert outcomes[EXAMPLE.name].written == (tmp_path / "greensleeves.abc",)
    assert "not a sound" in outcomes["bad.wav"].error
    assert outcomes["missing.wav"].error == f"{tmp_path / 'missing.wav'}: no such file or directory."


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.wav"), "x.wav: no such file or directory."),
        (OSError(28, "No space left on device"), "the.wav: no space left on device."),
        (OSError("odd"), "the.wav: abcscribe failed (OSError: odd); ABCSCRIBE_DEBUG=1 shows where."),
        (MemoryError(), "the.wav: there is too little memory for it."),
        (KeyError("x"), "the.wav: abcscribe failed (KeyError: 'x'); ABCSCRIBE_DEBUG=1 shows where."),
        (AudioError("It is silent."), "It is silent."),
    ],
)
def test_errors_become_sentences(error: Exception, said: str) -> None:
    assert sentence(error, Path("the.wav")) == said
