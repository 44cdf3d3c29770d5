"""Notes <-> tokens: by hand, against the published way of counting, and back."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mt3_examples import note, performances, tiny_system

from abcscribe.hearing.mt3.events import EventDecoder, encode, note_events
from abcscribe.hearing.mt3.vocabulary import EOS, PAD, SYSTEMS, UNKNOWN, Event, System
from abcscribe.score.model import PlayedNote

MT3, PIANO = SYSTEMS["mt3"], SYSTEMS["seq2seq-piano"]


def words(tokens: Sequence[int], system: System = MT3) -> list[str]:
    events = [system.vocabulary.event(token) for token in tokens]
    return [
        f"{event.kind} {event.value}" if event else f"<{token}>" for event, token in zip(events, tokens, strict=True)
    ]


def tokens(*spoken: str, system: System = MT3) -> list[int]:
    return [system.vocabulary.token(kind, int(value)) for kind, value in (word.split() for word in spoken)]


def segment(notes: list[PlayedNote], first: int, end: int, system: System = MT3) -> list[str]:
    found = encode(note_events(notes, system), first, end, system)
    assert found[-1] == EOS
    return words(found[:-1], system)


def join(notes: list[PlayedNote], system: System, frames: int) -> list[PlayedNote]:
    """All notes through tokens and back, segment by segment."""
    events, decoder, found = note_events(notes, system), EventDecoder(system), []
    last = max((round(n.offset * 125) for n in notes), default=0) // system.segment_frames + 1
    for i in range(last + 1):
        first = i * system.segment_frames
        ids = encode(events, first, first + system.segment_frames, system)
        found += decoder.segment(ids, first, first + system.segment_frames if i < last else None)
    assert (decoder.invalid, decoder.dropped) == (0, 0)
    return sorted([*found, *decoder.finish()], key=key)


def key(n: PlayedNote) -> tuple:
    return round(n.onset, 2), round(n.offset, 2), n.pitch, n.program, n.drum


def test_a_chord_and_a_drum_by_hand() -> None:
    """Shifts count from the segment's start; program and velocity are written where they change; a drum has no end."""
    notes = [note(0.5, 1.0, 60), note(0.5, 1.0, 64), note(0.5, 1.25, 67, 40), note(0.5, 0.6, 36, None, drum=True)]
    assert segment(notes, 0, 256) == [
        "tie 0", "shift 50", "program 0", "velocity 1", "pitch 60", "pitch 64", "program 40", "pitch 67", "drum 36",
        "shift 100", "program 0", "velocity 0", "pitch 60", "pitch 64", "shift 125", "program 40", "pitch 67",
    ]  # fmt: skip


def test_sounding_notes_are_listed_by_program_and_pitch() -> None:
    notes = [note(0.1, 3.0, 70), note(0.2, 3.0, 50), note(0.3, 3.0, 20, 8), note(0.1, 1.0, 90)]
    assert segment(notes, 256, 512) == [
        "program 0", "pitch 50", "pitch 70", "program 8", "pitch 20", "tie 0",
        "shift 96", "program 0", "velocity 0", "pitch 50", "pitch 70", "program 8", "pitch 20",
    ]  # fmt: skip


def test_a_repeated_note_ends_before_it_begins_again() -> None:
    assert segment([note(0, 0.5, 60), note(0.5, 1, 60)], 0, 256)[4:10] == [
        "shift 50", "velocity 0", "pitch 60", "velocity 1", "pitch 60", "shift 100",
    ]  # fmt: skip


def test_a_note_struck_while_it_sounds_ends_there() -> None:
    assert segment([note(0, 1, 60), note(0.5, 1, 60)], 0, 256) == segment([note(0, 0.5, 60), note(0.5, 1, 60)], 0, 256)


def test_events_at_the_first_step_need_no_shift_and_those_at_the_end_belong_to_the_next() -> None:
    """256 frames end within step 204: the next segment begins with it."""
    notes = [note(2.04, 2.3, 60)]
    assert segment(notes, 0, 256) == ["tie 0"]
    assert segment(notes, 256, 512) == [
        "tie 0", "program 0", "velocity 1", "pitch 60", "shift 26", "velocity 0", "pitch 60",
    ]  # fmt: skip


def test_the_piano_system_has_velocities_but_no_programs_and_no_ties() -> None:
    notes = [note(0.5, 1, 60, 12, velocity=77)]
    assert segment(notes, 0, 512, PIANO) == [
        "shift 50", "velocity 77", "pitch 60", "shift 100", "velocity 0", "pitch 60",
    ]  # fmt: skip


def test_notes_that_carry_no_program_are_pianos() -> None:
    assert segment([note(0.5, 1, 60, None)], 0, 256) == segment([note(0.5, 1, 60, 0)], 0, 256)


@settings(max_examples=60, deadline=None)
@given(performances())
def test_all_notes_come_back(notes: list[PlayedNote]) -> None:
    """Over segments of .2 s: most notes are tied over boundaries, some several times. Lengths of drums are lost."""
    pitched = [n for n in notes if not n.drum]
    found = join(notes, tiny_system(), 25)
    assert [key(n) for n in found if not n.drum] == sorted(map(key, pitched))
    assert {(round(n.onset, 2), n.pitch) for n in found if n.drum} == {(n.onset, n.pitch) for n in notes if n.drum}


@settings(max_examples=40, deadline=None)
@given(performances(programs=(0,)))
def test_piano_notes_come_back_over_segments_without_ties(notes: list[PlayedNote]) -> None:
    pitched = [n for n in notes if not n.drum]
    found = join(pitched, tiny_system("seq2seq-piano"), 25)
    assert [key(n) for n in found] == sorted(map(key, pitched))
    assert all(n.velocity == 100 for n in found)


@settings(max_examples=60, deadline=None)
@given(performances(longest=1.0), st.integers(0, 60), st.integers(1, 60))
def test_a_segment_is_what_the_published_way_of_counting_gives(
    notes: list[PlayedNote], first: int, length: int
) -> None:
    """There a token is written for each step of 10 ms, every frame points to the place in this list where it begins,
    the list is cut between two frames, and runs of steps are then replaced by the steps since the cut."""
    events = note_events(notes, MT3)
    stream: list[Event | None] = []  # None: a step
    begins = []  # frame -> place in the stream
    states = []
    sounding: dict[tuple[int, int], bool] = {}
    for step in range(250):
        while len(begins) < 150 and len(begins) * 100 // 125 == step:
            begins.append(len(stream))
            states.append(sorted(k for k, on in sounding.items() if on))
        for event in (e for e in events if round(e.time * 100) == step):
            velocity = Event("velocity", 1 if event.velocity else 0)
            if event.drum:
                stream += [velocity, Event("drum", event.pitch)]
            else:
                stream += [Event("program", event.program), velocity, Event("pitch", event.pitch)]
                sounding[event.program, event.pitch] = event.velocity > 0
        stream.append(None)
    head = [event for program, pitch in states[first] for event in (Event("program", program), Event("pitch", pitch))]
    expected, state, steps, pending = [], {"program": -1, "velocity": -1}, 0, False
    for event in [*head, Event("tie", 0), *stream[begins[first] : begins[first + length]]]:
        if event is None:
            steps, pending = steps + 1, True
            continue
        if event.kind in state:
            if state[event.kind] == event.value:
                continue
            state[event.kind] = event.value
        if pending:
            expected.append(f"shift {steps}")
            pending = False
        expected.append(f"{event.kind} {event.value}")
    assert segment(notes, first, first + length) == expected


def test_a_note_that_is_not_tied_ends_where_the_segment_begins() -> None:
    decoder = EventDecoder(MT3)
    decoder.segment(tokens("tie 0", "shift 50", "program 3", "velocity 1", "pitch 60", "pitch 62"), 0, 256)
    (ended,) = decoder.segment(tokens("program 3", "pitch 62", "tie 0"), 256, None)
    assert (ended.pitch, ended.onset, ended.offset, ended.program) == (60, 0.5, 2.04, 3)
    (rest,) = decoder.finish()
    assert rest.pitch == 62


def test_what_makes_no_sense_is_counted_and_left_out() -> None:
    decoder = EventDecoder(MT3)
    spoken = tokens(
        "program 3", "pitch 60", "tie 0", "tie 0", "velocity 0", "pitch 61", "drum 36", "velocity 1", "pitch 62"
    )
    assert decoder.segment([*spoken, PAD, UNKNOWN, 1500, EOS, *tokens("pitch 70")], 0, None) == []
    assert decoder.invalid == 2 + 2 + 3  # tied and silent, tie again; ends of nothing; ids without a meaning
    assert [n.pitch for n in decoder.finish()] == [62]


def test_a_shift_behind_the_next_segment_drops_what_follows() -> None:
    decoder = EventDecoder(MT3)
    decoder.segment(tokens("tie 0", "velocity 1", "shift 204", "pitch 60", "shift 205", "pitch 61"), 0, 256)
    assert (decoder.invalid, decoder.dropped) == (0, 2)
    assert [n.pitch for n in decoder.finish()] == [60]


def test_shifts_in_a_row_add_up() -> None:
    decoder = EventDecoder(MT3)
    decoder.segment(
        tokens("tie 0", "velocity 1", "shift 1000", "shift 50", "pitch 60", "shift 60", "pitch 61"), 0, None
    )
    assert [(n.pitch, n.onset) for n in decoder.finish()] == [
        (60, 10.5)
    ]  # .6 s lies before 10.5 s: time cannot go back
    assert decoder.invalid == 1


def test_drums_have_no_program_and_no_end() -> None:
    decoder = EventDecoder(MT3)
    (drum,) = decoder.segment(tokens("tie 0", "shift 10", "velocity 1", "drum 38"), 0, None)
    assert (drum.drum, drum.pitch, drum.program, drum.family) == (True, 38, None, "")
    assert (drum.onset, drum.offset) == (0.1, pytest.approx(0.11))


def test_notes_have_the_confidence_of_their_pitch_and_the_family_of_their_program() -> None:
    decoder = EventDecoder(MT3)
    decoder.segment(tokens("tie 0", "program 73", "velocity 1", "pitch 60"), 0, None, [0.9, 0.8, 0.7, 0.6])
    (found,) = decoder.finish()
    assert (found.confidence, found.family, found.program, found.velocity) == (0.6, "pipe", 73, 127)
