"""The one registry: names with checkpoints and writers, own weights beside the shipped ones, systems that write ABC."""

import shutil
from pathlib import Path

import media
import pytest

from abcscribe import hearing, systems, text_systems, transcription
from abcscribe.errors import AudioError, EngineError
from abcscribe.evaluation import systems as compared
from abcscribe.hints import Hints
from abcscribe.model import WEIGHTS
from abcscribe.systems import SystemName, parse
from abcscribe.writing import language_model

TUNE = "X:1\nT:Tune\nM:3/4\nL:1/4\nK:G\nGAB|d3|]\n"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("abcscribe", SystemName("abcscribe", "", "lm")),
        ("abcscribe+rules", SystemName("abcscribe", "", "rules")),
        ("basic-pitch", SystemName("basic-pitch", "", "rules")),
        ("abcscribe:data/tower+rules", SystemName("abcscribe", "data/tower", "rules")),
        ("abcscribe:a+b/tower", SystemName("abcscribe", "a+b/tower", "lm")),
        ("abcscribe:C:\\mine", SystemName("abcscribe", "C:\\mine", "lm")),
        ("qwen2-audio", SystemName("qwen2-audio")),
        ("audio-text:data/sft-text", SystemName("audio-text", "data/sft-text")),
    ],
)
def test_names_have_parts(text: str, parts: SystemName) -> None:
    assert parse(text) == parts


@pytest.mark.parametrize("text", ["", "piano", "abcscribe+words", "qwen2-audio+lm", "+rules", ":data"])
def test_other_names_are_refused_with_those_that_there_are(text: str) -> None:
    with pytest.raises(EngineError, match=r"abcscribe, basic-pitch.*audio-text, llark, qwen2-audio"):
        parse(text)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with weights of one's own: the shipped ones under another name."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("tower.onnx", "language_model.onnx", "language_model_notes.onnx"):
        shutil.copy(WEIGHTS / name, folder)
    return folder


def test_own_weights_are_compared_with_the_shipped_ones(own: Path, scale: Path) -> None:
    """The same weights from another folder give the same score; only what they were not fitted to says nothing."""
    answers = [
        compared.load(name).answer(scale, compared.Sampling()).score for name in ("abcscribe", f"abcscribe:{own}")
    ]
    assert answers[0].parts == answers[1].parts
    assert {bar.confidence for bar in answers[1].bars} == {None}
    assert any(bar.confidence for bar in answers[0].bars)


def test_a_folder_may_hold_one_of_the_two_networks(own: Path) -> None:
    (own / "tower.onnx").unlink()
    assert hearing.load("abcscribe", str(own)).runtime.session is not None  # type: ignore[attr-defined]
    assert language_model.of_checkpoint(str(own)) is not language_model.of_checkpoint("")
    (own / "nothing").mkdir()
    with pytest.raises(EngineError, match="neither a tower nor a language model"):
        hearing.load("abcscribe", str(own / "nothing"))
    with pytest.raises(EngineError, match="no folder"):
        hearing.load("abcscribe", str(own / "missing"))


def test_a_model_that_reads_other_features_is_refused(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_model.analysis_features, "NAMES", ("one", "two"))
    with pytest.raises(EngineError, match=r"reads 78 numbers of the analysis for each note, this version makes 2"):
        language_model.load(own)


def test_engines_without_checkpoints_say_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="takes no checkpoint"):
        hearing.load("transkun", str(tmp_path))
    with pytest.raises(EngineError, match="no file"):
        hearing.load("basic-pitch", str(tmp_path / "x.onnx"))


class Writer:
    """Answers in ABC."""

    text = TUNE

    def answer(self, path: Path, *, temperature: float, max_tokens: int, seed: int) -> str:
        return self.text


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> type[Writer]:
    monkeypatch.setitem(text_systems.TEXT_SYSTEMS, "writer", text_systems.TextSystemInfo("", "writes"))
    monkeypatch.setattr(text_systems, "load", lambda name, checkpoint: Writer())
    return Writer


def test_a_system_that_answers_in_text_transcribes_and_is_compared(writer: type[Writer], scale: Path) -> None:
    score = transcription.transcribe(scale, engine="writer")
    assert (str(score.bars[0].metre), score.title) == ("3/4", scale.stem)
    assert compared.load("writer:weights").answer(scale, compared.Sampling()).score.parts == score.parts
    with pytest.warns(UserWarning, match="writer takes no hints"):
        transcription.transcribe(scale, engine="writer", hints=Hints(key="D"))


def test_a_text_without_music_is_refused(writer: type[Writer], scale: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "text", "Certainly! Here is your tune.")
    with pytest.raises(EngineError, match="writer wrote no note"):
        transcription.transcribe(scale, engine="writer")


@pytest.fixture
def scale(tmp_path: Path) -> Path:
    return media.write(tmp_path / "scale.wav", media.tone(4.0, pitches=[60, 62, 64, 65, 67, 65, 64, 62]))


def test_a_missing_recording_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nothing.wav: no such file or directory"):
        transcription.transcribe(tmp_path / "nothing.wav")


def test_every_system_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "load", lambda name: None)
    names = [one.name for one in systems.listed()]
    assert names == [*hearing.ENGINES, *text_systems.TEXT_SYSTEMS]


def test_all_are_the_systems_that_come_with_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from abcscribe.evaluation.cli import _expanded

    monkeypatch.setattr(systems, "_state", lambda name: "ready")
    every = systems.with_weights()
    assert every[:2] == ["abcscribe", "abcscribe+rules"]
    assert not any(name.startswith(("mt3", "qwen2", "audio", "music")) for name in every)
    assert _expanded(["mt3:a.pth", "all", "abcscribe"]) == ["mt3:a.pth", "majority", *every]
    monkeypatch.setattr(systems, "_state", lambda name: "ready" if name == "abcscribe" else "is not installed")
    assert systems.with_weights() == ["abcscribe", "abcscribe+rules"]


def test_licence_and_size_are_of_the_published_weights() -> None:
    assert systems.licence_and_size("abcscribe+rules") == ("Apache-2.0", "11 M")
    assert systems.licence_and_size("qwen2-audio") == ("Apache-2.0", "8.4 B")
    assert systems.licence_and_size("qwen2-audio:data/sft") == ("", "")
    assert systems.licence_and_size("majority") == ("", "")
