"""The performance as MIDI: one track a program and one for drums, where the system that heard the notes says so."""

import io

import mido

from abcscribe.score.midi import to_performance_midi
from abcscribe.score.model import PlayedNote, Score
from abcscribe.score.transpose import transposed


def tracks(score: Score) -> list[tuple[str, int | None, int, list[int]]]:
    """Name, program, channel and pitches of each track with notes."""
    found = []
    for track in mido.MidiFile(file=io.BytesIO(to_performance_midi(score))).tracks[1:]:
        programs = [m.program for m in track if m.type == "program_change"]
        on = [m for m in track if m.type == "note_on" and m.velocity]
        found.append((track.name, programs[0] if programs else None, on[0].channel, [m.note for m in on]))
    return found


def test_programs_and_drums_have_tracks_of_their_own() -> None:
    played = (
        PlayedNote(0, 1, 60, program=40, family="strings"), PlayedNote(0, 1, 62, program=41, family="strings"),
        PlayedNote(0, 0.1, 36, drum=True),
    )  # fmt: skip
    found = tracks(Score(performance=played))
    assert {(program, tuple(pitches)) for _, program, channel, pitches in found if channel != 9} == {
        (40, (60,)), (41, (62,)),
    }  # fmt: skip
    assert [pitches for _, _, channel, pitches in found if channel == 9] == [[36]]


def test_transposing_leaves_drums_alone() -> None:
    played = PlayedNote(0, 1, 60, program=40), PlayedNote(0, 0.1, 36, drum=True)
    assert [n.pitch for n in transposed(Score(performance=played), 2).performance] == [62, 36]
