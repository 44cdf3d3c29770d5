"""MIDI files: what was played is told from what was printed, and every note comes through."""

import contextlib
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import example_scores
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe import batch, hints, transcription
from abcscribe.errors import AudioError
from abcscribe.hearing import midi_file
from abcscribe.score.writers import render

TICKS = 480


def smf(*tracks: list[tuple[int, bytes]], division: int = TICKS) -> bytes:
    """A file of tracks of (tick, message)."""
    chunks = b""
    for track in tracks:
        body, now = b"", 0
        for tick, message in sorted(track, key=lambda event: event[0]):
            body += _variable(tick - now) + message
            now = tick
        body += b"\0\xff\x2f\0"
        chunks += b"MTrk" + len(body).to_bytes(4, "big") + body
    head = (1).to_bytes(2, "big") + len(tracks).to_bytes(2, "big") + (division & 0xFFFF).to_bytes(2, "big")
    return b"MThd\0\0\0\6" + head + chunks


def _variable(number: int) -> bytes:
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))


def note(start: int, end: int, pitch: int, channel: int = 0, velocity: int = 64) -> list[tuple[int, bytes]]:
    return [(start, bytes([0x90 | channel, pitch, velocity])), (end, bytes([0x90 | channel, pitch, 0]))]


def program(number: int, channel: int = 0) -> tuple[int, bytes]:
    return 0, bytes([0xC0 | channel, number])


MELODY = (67, 69, 71, 72, 74, 72, 71, 69, 67, 64, 67, 72, 71, 67, 69, 67) * 2


def played(seconds: float, seed: int = 1, drums: bool = False) -> bytes:
    """A melody of quarters in a tempo of its own, each note early or late, in a file that says 120."""
    rng = random.Random(seed)
    onsets = [round((i * seconds + rng.gauss(0, 0.012) + 0.5) * 2 * TICKS) for i in range(len(MELODY) + 1)]
    track = [program(40)]
    for (start, end), pitch in zip(pairwise(onsets), MELODY, strict=True):
        track += note(start, end - 20, pitch)
        if drums:
            track += note(start + rng.randrange(12), start + 60, 36 if pitch % 2 else 38, channel=9)
    return smf(track)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "take.mid"


def test_seconds_follow_the_tempi(path: Path) -> None:
    slow = (TICKS, b"\xff\x51\x03\x0f\x42\x40")  # a second a quarter, from the second quarter on
    path.write_bytes(smf([slow], [program(73), *note(0, TICKS, 60), *note(2 * TICKS, 3 * TICKS, 62, velocity=90)]))
    first, second = midi_file.read(path).notes
    assert (first.onset, first.offset, first.pitch, first.program, first.family) == (0.0, 0.5, 60, 73, "pipe")
    assert (second.onset, second.offset, second.velocity) == (1.5, 2.5, 90)


def test_drums_running_status_frames_and_notes_that_never_end(path: Path) -> None:
    path.write_bytes(smf([(0, b"\x99\x24\x40"), (240, b"\x26\x41"), (480, b"\x24\x00")]))
    kick, snare = midi_file.read(path).notes
    assert (kick.drum, kick.program, kick.pitch, kick.offset) == (True, None, 36, 0.5)
    assert (snare.pitch, snare.onset, snare.offset) == (38, 0.25, 0.5)
    path.write_bytes(smf(note(0, 1000, 60), division=-25 << 8 | 40))
    assert midi_file.read(path).seconds == pytest.approx(1.0)


def test_printed_files_are_told_from_played_ones(path: Path) -> None:
    for make in (example_scores.piano, example_scores.quartet, example_scores.guitar):
        path.write_bytes(render(make(), "midi"))
        assert midi_file.read(path).printed
    for seed in range(20):
        path.write_bytes(played(0.61, seed))
        assert not midi_file.read(path).printed


def test_a_printed_file_is_read_as_printed(path: Path) -> None:
    path.write_bytes(render(example_scores.quartet(), "midi"))
    score = transcription.transcribe(path)
    assert [str(bar.metre) for bar in score.bars] == ["4/4", "3/4"]
    assert score.performance == ()


def test_a_played_file_is_quantised_in_its_own_tempo(path: Path) -> None:
    path.write_bytes(played(0.61))
    score = transcription.transcribe(path)
    (part,) = score.parts
    notes = [n for bar in part.bars for n in bar]
    assert part.program == 40
    assert [n.pitch.midi for n in notes] == list(MELODY)
    (duration,) = {n.duration for n in notes[:-1]}
    assert score.bars[0].tempo
    assert 60 / score.bars[0].tempo.quarter_bpm * float(duration) == pytest.approx(0.61, rel=0.03)
    assert len(score.performance) == len(MELODY)


def test_drums_become_a_percussion_part(path: Path) -> None:
    path.write_bytes(played(0.61, drums=True))
    violin, drums = transcription.transcribe(path).parts
    assert (violin.program, drums.program, drums.staves[0].clef) == (40, 128, "perc")
    assert {n.pitch.midi for bar in drums.bars for n in bar} == {36, 38}


def test_two_tracks_of_one_program_are_two_parts(path: Path) -> None:
    rng, tracks = random.Random(1), []
    for low in (72, 60):
        onsets = [round((i * 0.61 + rng.gauss(0, 0.012) + 0.5) * 2 * TICKS) for i in range(len(MELODY) + 1)]
        pairs = zip(pairwise(onsets), MELODY, strict=True)
        tracks.append([program(73), *[e for (a, b), p in pairs for e in note(a, b - 20, low + p % 12)]])
    path.write_bytes(smf(*tracks))
    parts = transcription.transcribe(path).parts
    assert [part.program for part in parts] == [73, 73]
    assert [{n.pitch.midi // 12 for bar in part.bars for n in bar} for part in parts] == [{6}, {5}]


def test_drums_alone_are_a_percussion_staff(path: Path) -> None:
    rng, track = random.Random(1), []
    for i in range(32):
        at = round((i * 0.31 + rng.gauss(0, 0.008) + 0.5) * 2 * TICKS)
        track += note(at, at + 60, 42, channel=9)
        track += note(at + 3, at + 70, 38 if i % 4 else 36, channel=9) if i % 2 == 0 else []
    path.write_bytes(smf(sorted(track)))
    score = transcription.transcribe(path)
    (drums,) = score.parts
    assert (drums.program, drums.staves[0].clef, score.bars[0].key.fifths) == (128, "perc", 0)
    hits = [(n.start % 1, n.pitch.midi) for bar in drums.bars for n in bar]
    assert len(hits) == 48
    assert {key for place, key in hits if place % 1 == Fraction(1, 2)} == {42}
    assert len(score.performance) == 48


def test_hints_and_the_flag_make_a_printed_file_a_played_one(path: Path) -> None:
    path.write_bytes(smf([program(0), *[e for i, p in enumerate(MELODY) for e in note(i * 480, i * 480 + 480, p)]]))
    assert transcription.transcribe(path).performance == ()
    assert transcription.transcribe(path, performed=True).performance
    assert str(transcription.transcribe(path, hints=hints.Hints(metre="3/4")).bars[1].metre) == "3/4"


def test_a_score_is_never_written_over_the_file_it_is_made_of(path: Path) -> None:
    (job,) = batch.jobs([path], path.parent, batch.Settings(("midi", "abc"), "abcscribe"))
    assert job.target == path.parent / "take.mid"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (smf([]), "no notes"),
        (b"MThd\0\0\0\6\0\1", "no notes"),
        (smf([(0, b"\xff\x51\x03\xff\xff\xff"), *note(0, 1 << 27, 60)], division=1), "damaged"),
    ],
)
def test_what_cannot_be_transcribed_is_one_sentence(content: bytes, said: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(AudioError, match=said):
        transcription.transcribe(path, performed=True)


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, 900), at=st.integers(0, 900), byte=st.integers(0, 255))
def test_damaged_files_are_read_as_far_as_they_are_whole(
    cut: int, at: int, byte: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(played(0.5)[: max(14, 900 - cut)])
    if at < len(content):
        content[at] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes(content)
    with contextlib.suppress(AudioError):  # and nothing else
        assert midi_file.read(path).notes
