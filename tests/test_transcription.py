"""The road from a file to a Score, with an engine that hears sines: what is told on the way and what is refused."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import media
import numpy as np
import pytest

from abcscribe import hearing, transcription
from abcscribe.analysis import player_count
from abcscribe.errors import AudioError, EngineError
from abcscribe.hints import Hints
from abcscribe.score.model import Key, Metre, PlayedNote
from abcscribe.transcription import Done, Heard, Warned, events, transcribe

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.fixture
def scale(tmp_path: Path) -> Path:
    return media.write(tmp_path / "scale.flac", media.tone(4.0, pitches=SCALE))


def test_a_scale_becomes_a_score(scale: Path, tone: str) -> None:
    score = transcribe(scale, engine=tone)
    assert [note.pitch for note in score.sounding_notes()] == list(SCALE)
    assert score.title == "scale"
    assert score.seconds == pytest.approx(4.0)
    assert not score.problems()


def test_hints_take_the_place_of_what_is_heard(scale: Path, tone: str) -> None:
    hints = Hints(tempo=120, metre=Metre(3, 4), key=Key(2), instrument=73)
    bar, part = (score := transcribe(scale, engine=tone, hints=hints)).bars[0], score.parts[0]
    assert (bar.metre, bar.key, part.program) == (Metre(3, 4), Key(2), 73)
    assert bar.tempo
    assert bar.tempo.quarter_bpm == pytest.approx(120, rel=0.05)


def test_events_tell_how_far_it_is_and_end_with_the_score(tmp_path: Path, tone: str) -> None:
    path = media.write(tmp_path / "long.wav", np.tile(media.tone(4.0, pitches=SCALE), 35))
    told = list(events(path, engine=tone))
    heard = [event for event in told if isinstance(event, Heard)]
    assert [event.seconds for event in heard] == pytest.approx([60, 120, 140])
    assert all(event.total == pytest.approx(140) for event in heard)
    assert sum(len(event.notes) for event in heard) == 35 * len(SCALE)
    assert isinstance(told[-1], Done)


def test_a_section_keeps_the_times_of_the_recording(scale: Path, tone: str) -> None:
    score = transcribe(scale, engine=tone, start=1.0, end=3.0)
    assert [note.pitch for note in score.sounding_notes()] == list(SCALE[2:6])
    assert score.bars[0].seconds == pytest.approx(1.0, abs=0.6)
    assert score.seconds == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros(16_000), "is silent"),
        (np.full(16_000, 0.5), "is silent"),
        (np.random.default_rng(1).normal(0, 0.1, 32_000), "seems to be noise"),
        (np.pad(np.ones(1), 16_000) * 0.01, "No notes"),
    ],
)
def test_what_is_not_music_is_refused(tmp_path: Path, tone: str, samples: np.ndarray, sentence: str) -> None:
    path = media.write(tmp_path / "a.wav", samples)
    with pytest.raises(AudioError, match=sentence):
        transcribe(path, engine=tone)


class Talker:
    """Hears many short notes, every fifth of them clearly: what the default engine makes of speech."""

    sample_rate = 16_000
    clear_confidence = 0.8

    def __init__(self, music: Sequence[PlayedNote] = ()) -> None:
        self.music = list(music)

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        seconds = sum(map(len, blocks)) / self.sample_rate
        starts = np.arange(0, seconds - 1, 0.25)
        yield [
            PlayedNote(t, t + 0.1, 50 + i * 7 % 12, confidence=0.6 + 0.3 * (i % 5 == 0)) for i, t in enumerate(starts)
        ]
        yield self.music


def test_speech_is_refused_unless_there_is_music_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.write(tmp_path / "lesson.wav", media.tone(60.0))
    monkeypatch.setattr(hearing, "load", lambda *name: Talker())
    with pytest.raises(AudioError, match="noise or speech"):
        transcribe(path)
    song = [PlayedNote(30 + t, 30.4 + t, 60 + t, confidence=0.9) for t in range(4)]
    monkeypatch.setattr(hearing, "load", lambda *name: Talker(song))
    assert transcribe(path).parts


def test_a_few_short_clear_notes_are_music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.write(tmp_path / "plucked.wav", media.tone(30.0))
    talker = Talker([PlayedNote(3 * t, 3 * t + 0.1, 60 + t, confidence=0.9) for t in range(8)])
    monkeypatch.setattr(talker, "notes", lambda blocks: [list(talker.music)] if [*blocks] else [])
    monkeypatch.setattr(hearing, "load", lambda *name: talker)
    assert transcribe(path).parts


def test_a_cut_off_file_is_transcribed_with_a_warning(tmp_path: Path, scale: Path, tone: str) -> None:
    cut = tmp_path / "cut.flac"
    whole = scale.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    told = list(events(cut, engine=tone))
    (warning,) = [event for event in told if isinstance(event, Warned)]
    assert "should last 4 s but only" in warning.message
    assert isinstance(told[-1], Done)
    with pytest.warns(UserWarning, match="is it cut off"):
        transcribe(cut, engine=tone)


def test_a_name_that_is_not_utf8_gives_a_title_that_is(tmp_path: Path, tone: str) -> None:
    path = tmp_path / b"caf\xe9\nX:2.wav".decode("utf-8", "surrogateescape")
    try:
        media.write(tmp_path / "a.wav", media.tone(2.0, pitches=SCALE[:4])).rename(path)
    except OSError:  # a file system that takes no such names needs no care
        return
    assert transcribe(path, engine=tone).title == "caf\ufffd X:2"


def test_the_file_is_looked_at_before_the_engine_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"nothing.wav: no such file or directory"):
        transcribe(tmp_path / "nothing.wav", engine="no such engine")


def test_an_unknown_engine_is_refused_with_the_known_ones(scale: Path) -> None:
    with pytest.raises(EngineError, match=r"no engine 'x'.*abcscribe, basic-pitch"):
        transcribe(scale, engine="x")


def test_an_engine_is_loaded_once(tone: str) -> None:
    assert hearing.load(tone) is hearing.load(tone)


class Band:
    """Hears a violin, a bass and a drum, whatever there is."""

    sample_rate = 16_000
    clear_confidence = 0.5

    def notes(self, blocks: Iterable[np.ndarray]) -> Iterator[list[PlayedNote]]:
        seconds = sum(len(block) for block in blocks) / 16_000
        beats = np.arange(0, seconds, 0.5)
        for beat, pitch in zip(beats.tolist(), SCALE * 4, strict=False):
            yield [
                PlayedNote(beat, beat + 0.45, pitch + 12, program=40, family="strings"),
                PlayedNote(beat, beat + 0.45, pitch - 24, program=32, family="bass"),
                PlayedNote(beat, beat + 0.01, 36, drum=True),
            ]


def test_programs_and_drums_come_through_to_the_score(
    tmp_path: Path, tone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hearing, "load", lambda name, checkpoint="": Band())
    score = transcribe(media.write(tmp_path / "band.flac", media.tone(8.0)), engine=tone)
    assert [part.program for part in score.parts] == [40, 32, 128]
    melody, bass, drums = ([n for bar in part.bars for n in bar if n.start.denominator] for part in score.parts)
    assert {n.pitch.midi for n in melody} == {pitch + 12 for pitch in SCALE}
    assert {n.pitch.midi for n in bass} == {pitch - 24 for pitch in SCALE}
    assert [n.pitch.midi for n in drums] == [36] * 16
    assert not score.problems()


def test_drums_alone_are_a_percussion_part(tmp_path: Path, tone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = [PlayedNote(0.5 * i, 0.5 * i + 0.01, (36, 38)[i % 2], drum=True) for i in range(16)]
    monkeypatch.setattr(Band, "notes", lambda self, blocks: iter([hits, list(blocks)[:0]]))
    monkeypatch.setattr(hearing, "load", lambda name, checkpoint="": Band())
    score = transcribe(media.write(tmp_path / "drums.flac", media.tone(8.0)), engine=tone)
    assert [part.program for part in score.parts] == [128]
    assert len(score.bars) == 4
    assert [n.pitch for n in score.sounding_notes()] == [36, 38] * 8


def test_drums_that_are_asked_for_alone(tmp_path: Path, tone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = media.write(tmp_path / "band.flac", media.tone(8.0))
    with pytest.raises(AudioError, match="No drums are heard"):
        transcribe(path, engine=tone, hints=Hints(instruments="drums"))
    monkeypatch.setattr(hearing, "load", lambda name, checkpoint="": Band())
    with pytest.warns(UserWarning, match="32 notes of others left out"):
        score = transcribe(path, engine=tone, hints=Hints(instruments="drums"))
    assert [part.program for part in score.parts] == [128]


def test_drums_are_written_where_nothing_else_is_clear() -> None:
    hits = [PlayedNote(0.25 * at, 0.25 * at + 0.1, 36, confidence=0.6, drum=True) for at in range(24)]
    unclear = [PlayedNote(1.0, 1.1, 60, confidence=0.5)]
    assert transcription._music(Path("loop.wav"), 0.5, [*hits, *unclear], 0.9) == hits
    clear = [PlayedNote(float(at), at + 0.9, 60, confidence=0.95) for at in range(6)]
    assert transcription._music(Path("band.wav"), 0.5, [*hits, *clear], 0.9) == [*hits, *clear]
    with pytest.raises(AudioError, match="noise or speech"):
        transcription._music(Path("talk.wav"), 0.5, [*hits[:3], *unclear], 0.9)


@pytest.mark.parametrize("start", [None, 1.0])
def test_a_lone_singers_pitch_is_measured(
    tmp_path: Path, tone: str, monkeypatch: pytest.MonkeyPatch, start: float | None
) -> None:
    monkeypatch.setattr(player_count, "is_sung", lambda notes: True)
    song = media.write(tmp_path / "song.flac", media.tone(8.0, pitches=SCALE * 2))
    *_, done = events(song, engine=tone, start=start)
    assert isinstance(done, Done)
    heard = done.score.performance
    assert len(heard) >= 10
    assert all(note.fine_pitch is not None and abs(note.fine_pitch - note.pitch) < 0.3 for note in heard)
