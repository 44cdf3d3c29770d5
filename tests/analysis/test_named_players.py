"""Programs that a system names decide who plays what."""

from dataclasses import replace

from abcscribe.analysis import analyse, named_players
from abcscribe.score.model import PlayedNote


def line(program: int | None, low: int, count: int = 16, family: str = "") -> list[PlayedNote]:
    """Quarters of half a second each."""
    return [
        PlayedNote(i / 2, i / 2 + 0.48, low + (0, 2, 4, 5, 7)[i % 5], 80, family, 1.0, program=program)
        for i in range(count)
    ]


def test_each_program_is_a_player() -> None:
    notes = line(40, 70, 3) + line(42, 40, 2)
    assert named_players.by_program(notes) == [(40, [0, 1, 2]), (42, [3, 4])]


def test_a_note_without_a_program_leaves_it_to_the_analysis() -> None:
    assert named_players.by_program([*line(40, 70), *line(None, 60, 1)]) == []
    assert named_players.by_program([]) == []


def test_a_few_notes_of_another_program_go_to_the_player_of_their_family_or_to_the_busiest() -> None:
    notes = line(40, 70, 60) + line(0, 50, 80) + line(48, 60, 1) + line(73, 60, 1)
    found = dict(named_players.by_program(notes))
    assert set(found) == {40, 0}
    assert 140 in found[40]  # strings
    assert 141 in found[0]


def test_two_players_in_unison_are_two_parts_and_a_named_piano_is_one() -> None:
    """Else the second of two equal notes is taken for a mistake, and a piano may become several players."""
    duet = analyse(line(40, 70) + line(73, 70))
    assert duet is not None
    assert sorted(program for program, _ in duet.parts) == [40, 73]
    assert [len(own.notes) for own in duet.lines] == [16, 16]
    piano = analyse(line(0, 72) + line(0, 40) + line(0, 60))
    assert piano is not None
    assert [program for program, _ in piano.parts] == [0]


def test_tracks_of_a_file_are_players_but_for_the_hands_of_a_pianist() -> None:
    def track(number: int, *notes: PlayedNote) -> list[PlayedNote]:
        return [replace(note, player=number) for note in notes]

    flutes = track(1, *line(73, 70, 60)) + track(2, *line(73, 60, 1))  # one note of sixty-one, and no leak
    piano = track(3, *line(0, 70, 2)) + track(4, *line(0, 40, 2))
    found = named_players.by_program(flutes + piano)
    assert found == [(73, [*range(60)]), (73, [60]), (0, [61, 62, 63, 64])]
