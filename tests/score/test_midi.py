"""MIDI files, read back byte by byte by a reader that knows nothing of the writer."""

from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from example_scores import note, piano, quartet, recorded, scores
from hypothesis import given, settings

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Part, PlayedNote, Score, Staff, Tempo
from abcscribe.score.midi import to_midi, to_performance_midi


@dataclass
class Track:
    """What a track of a MIDI file holds; times in ticks."""

    metas: list[tuple[int, int, bytes]] = field(default_factory=list)  # (tick, kind, data)
    programs: list[tuple[int, int]] = field(default_factory=list)  # (channel, program)
    notes: list[tuple[int, int, int, int]] = field(default_factory=list)  # (onset, duration, pitch, velocity)
    channels: set[int] = field(default_factory=set)

    @property
    def name(self) -> str:
        return next(data.decode() for _, kind, data in self.metas if kind == 3)

    def values(self, kind: int) -> list[tuple[int, bytes]]:
        return [(tick, data) for tick, k, data in self.metas if k == kind]


def parse(data: bytes) -> tuple[int, list[Track]]:
    """(ticks a quarter, tracks) of a file without running status."""
    assert data[:8] == b"MThd\0\0\0\6"
    count, ticks = int.from_bytes(data[10:12], "big"), int.from_bytes(data[12:14], "big")
    tracks, at = [], 14
    for _ in range(count):
        assert data[at : at + 4] == b"MTrk"
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        tracks.append(parse_track(data[at + 8 : end]))
        at = end
    assert at == len(data)
    return ticks, tracks


def parse_track(data: bytes) -> Track:
    def number() -> int:
        nonlocal at
        value = 0
        while True:
            byte = data[at]
            at += 1
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value

    track, at, now = Track(), 0, 0
    pressed: dict[int, tuple[int, int]] = {}
    while at < len(data):
        now += number()
        status = data[at]
        at += 1
        if status == 0xFF:
            kind = data[at]
            at += 1
            size = number()
            track.metas.append((now, kind, data[at : at + size]))
            at += size
        elif status & 0xF0 == 0xC0:
            track.programs.append((status & 15, data[at]))
            at += 1
        else:
            pitch, velocity = data[at], data[at + 1]
            at += 2
            track.channels.add(status & 15)
            if status & 0xF0 == 0x90:
                assert pitch not in pressed, "a key was struck that was down"
                pressed[pitch] = (now, velocity)
            else:
                onset, struck = pressed.pop(pitch)
                track.notes.append((onset, now - onset, pitch, struck))
    assert not pressed
    assert track.metas[-1][1] == 0x2F
    return track


def test_notes_are_exact_in_ticks() -> None:
    ticks, (_, *parts) = parse(to_midi(quartet()))
    expected = {(n.part, int(n.onset * ticks), int(n.duration * ticks), n.pitch) for n in quartet().sounding_notes()}
    assert {(i, onset, length, pitch) for i, t in enumerate(parts) for onset, length, pitch, _ in t.notes} == expected


@settings(max_examples=40, deadline=None)
@given(scores())
def test_every_struck_pitch_is_at_its_tick(score: Score) -> None:
    ticks, (_, *parts) = parse(to_midi(score))
    expected = {(n.part, n.onset * ticks, n.pitch) for n in score.sounding_notes()}
    assert {(i, onset, pitch) for i, track in enumerate(parts) for onset, _, pitch, _ in track.notes} == expected


def test_the_map_of_tempo_metre_and_key() -> None:
    ticks, (conductor, *parts) = parse(to_midi(quartet()))
    assert conductor.name == "Quartet"
    assert conductor.values(0x51) == [
        (0, (625_000).to_bytes(3, "big")), (4 * ticks, round(60e6 / 120.5).to_bytes(3, "big"))
    ]  # fmt: skip
    assert [(tick, data[:2]) for tick, data in conductor.values(0x58)] == [(0, b"\4\2"), (4 * ticks, b"\3\2")]
    assert conductor.values(0x59) == [(0, b"\1\0"), (4 * ticks, b"\4\0")]
    assert [(t.name, t.programs) for t in parts] == [
        ("Violin 1", [(0, 40)]), ("Violin 2", [(1, 40)]), ("Viola", [(2, 41)]), ("Cello", [(3, 42)])
    ]  # fmt: skip


def test_a_minor_key_and_a_dotted_beat() -> None:
    _, (conductor, _) = parse(to_midi(piano()))
    assert conductor.values(0x59)[0][1] == b"\xfd\1"
    assert conductor.values(0x51) == [(0, round(60e6 / 81).to_bytes(3, "big"))]


def test_repeats_are_played_and_graces_come_before() -> None:
    ticks, (_, track) = parse(to_midi(piano()))
    body = 3 * ticks
    assert (
        max(onset + length for onset, length, _, _ in track.notes) == ticks // 2 + 6 * body
    )  # the body thrice, each time with an ending
    graces = [(onset, length, pitch) for onset, length, pitch, _ in track.notes if length == ticks // 8]
    assert graces[:2] == [(ticks // 4, ticks // 8, 71), (3 * ticks // 8, ticks // 8, 74)]


def test_a_unison_keeps_its_longest_note_and_a_struck_key_is_let_go() -> None:
    notes = (note(0, 1, "C4"), note(1, 1, "C4"), note(0, 3, "C4", 2), note(3, 1, "D4", 2))
    score = Score((Bar(Fraction(4)),), (Part((notes,), staves=(Staff("treble", (1, 2)),)),))
    ticks, (_, track) = parse(to_midi(score))
    assert [n[:3] for n in sorted(track.notes)] == [(0, ticks, 60), (ticks, ticks, 60), (3 * ticks, ticks, 62)]


def test_percussion_has_its_channel_and_the_others_keep_off() -> None:
    parts = [Part(((note(0, 4, "C4"),),), program=12) for _ in range(16)] + [Part(((note(0, 4, "C2"),),), program=128)]
    _, (_, *tracks) = parse(to_midi(Score((Bar(Fraction(4)),), tuple(parts))))
    assert tracks[-1].channels == {9}
    assert tracks[-1].programs == []
    assert {channel for track in tracks[:-1] for channel in track.channels} == set(range(16)) - {9}


def test_odd_durations_are_exact_or_a_hair_off() -> None:
    odd = Fraction(1, 11 * 13 * 7 * 17)
    score = Score((Bar(Fraction(4), tempo=Tempo(60)),), (Part(((note(odd, 1, "C4"), note(2, 1, "D4")),)),))
    ticks, (_, track) = parse(to_midi(score))
    assert ticks <= 32_767
    assert [n[0] for n in track.notes] == [round(odd * ticks), 2 * ticks]


def test_a_performance_is_exact_to_the_millisecond() -> None:
    ticks, (conductor, pipe, strings) = parse(to_performance_midi(recorded()))
    tempo = int.from_bytes(conductor.values(0x51)[0][1], "big")
    assert tempo / ticks == 1000  # microseconds a tick
    assert pipe.notes == [(251, 3949, 64, 70), (252, 3958, 67, 71)]
    assert strings.notes == [(4300, 3825, 72, 99)]
    assert (pipe.name, pipe.programs[0][1]) == ("pipe", 73)  # the program of the part that plays it
    assert (strings.name, strings.programs[0][1]) == ("strings", 40)  # no part does: the family's own


def test_notes_of_no_family_take_the_program_of_the_score() -> None:
    score = Score(recorded().bars, recorded().parts, performance=(PlayedNote(0.0, 1.0, 60),))
    assert parse(to_performance_midi(score))[1][1].programs == [(0, 73)]


def test_without_a_recording_there_is_no_performance() -> None:
    with pytest.raises(ScoreError, match="recording"):
        to_performance_midi(piano())
