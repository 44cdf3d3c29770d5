"""A folder of stems is one score, each file a part: with an engine that hears sines."""

from pathlib import Path

import media
import numpy as np
import pytest
from command_line import run

from abcscribe import batch, stems
from abcscribe.errors import AudioError
from abcscribe.score.model import PlayedNote
from abcscribe.score.readers import read_score
from abcscribe.transcription import Done, Warned

TUNE = (60, 62, 64, 65, 67, 69, 71, 72) * 2
BASS = tuple(pitch - 24 for pitch in TUNE)


@pytest.fixture
def band(tmp_path: Path) -> Path:
    folder = tmp_path / "evening song"
    folder.mkdir()
    media.write(folder / "01 Lead Vocals.wav", media.tone(8.0, pitches=TUNE))
    media.write(folder / "02 bass guitar.wav", media.tone(8.0, pitches=BASS))
    media.write(folder / "03 drums.wav", media.tone(8.0, pitches=BASS))
    (folder / "notes.txt").write_text("no stem")
    return folder


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("vocals", 52), ("01 Lead Vocals (dry)", 52), ("bass_guitar-2", 33), ("Drums", 128), ("piano", 0),
        ("drum kit", 128), ("other", None), ("take 3", None), ("violin", 40), ("Alto Sax", 65), ("", None),
    ],
)  # fmt: skip
def test_a_file_says_who_plays(name: str, program: int | None) -> None:
    assert stems.program(name) == program


def test_each_stem_is_a_part_and_what_is_not_heard_is_said(band: Path, tone: str) -> None:
    *steps, done = stems.events(band, engine=tone)
    assert isinstance(done, Done)
    assert [part.program for part in done.score.parts] == [52, 33]
    assert [{n.pitch.midi for bar in part.bars for n in bar} for part in done.score.parts] == [set(TUNE), set(BASS)]
    assert done.score.title == "evening song"
    said = [step.message for step in steps if isinstance(step, Warned)]
    assert said == ["No drums are heard in 03 drums.wav: they get no part."]


def test_two_stems_of_one_instrument_are_two_parts(tmp_path: Path, tone: str) -> None:
    for number, pitches in enumerate((TUNE, BASS)):
        media.write(tmp_path / f"guitar {number}.wav", media.tone(8.0, pitches=pitches))
    *_, done = stems.events(tmp_path, engine=tone)
    assert isinstance(done, Done)
    assert len(done.score.parts) == 2


def test_the_command_writes_one_score_for_the_folder(band: Path, tmp_path: Path, tone: str) -> None:
    done = run("transcribe", "--stems", str(band), "-o", str(tmp_path), "-f", "abc", "--engine", tone)
    assert done.code == 0, done.err
    assert len(read_score(tmp_path / "evening song.abc").parts) == 2
    assert run("transcribe", "--engine", tone).code == 2


def test_what_is_no_folder_of_stems_is_one_sentence(tmp_path: Path, band: Path) -> None:
    with pytest.raises(AudioError, match="no folder of stems"):
        stems.files(tmp_path / "nothing")
    with pytest.raises(AudioError, match="no recording"):
        stems.files(tmp_path)
    for number in range(stems.MOST):
        media.write(band / f"{number}.wav", media.tone(0.1))
    with pytest.raises(AudioError, match="16 stems at most"):
        batch.stem_job(band, tmp_path, batch.Settings(("abc",), "abcscribe"))


def test_a_singer_has_one_note_at_a_time() -> None:
    heard = [PlayedNote(0, 1, 60, confidence=0.9), PlayedNote(0.02, 1, 72, confidence=0.4), PlayedNote(0.8, 2, 62)]
    line = stems.one_at_a_time(heard)
    assert [(n.pitch, n.onset, n.offset) for n in line] == [(60, 0, 0.8), (62, 0.8, 2)]
    assert np.all(np.diff([n.onset for n in line]) > 0)
