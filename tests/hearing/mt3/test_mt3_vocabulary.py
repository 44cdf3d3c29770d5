"""The ids are those that the published code counts, and that the published weights were trained on."""

import pytest

from abcscribe.hearing.mt3.vocabulary import EXTRA, SPECIAL, SYSTEMS, Event, step_of


def test_ids_of_mt3_are_the_published_ones() -> None:
    """1001 shifts, 128 pitches, 2 velocities, a tie, 128 programs, 128 drums; the special tokens come before them."""
    vocabulary = SYSTEMS["mt3"].vocabulary
    assert vocabulary.token("shift", 0) - SPECIAL == 0
    assert vocabulary.token("shift", 1000) - SPECIAL == 1000
    assert vocabulary.token("pitch", 0) - SPECIAL == 1001
    assert vocabulary.token("velocity", 1) - SPECIAL == 1130
    assert vocabulary.token("tie") == 1134  # as MR-MT3's code writes it
    assert vocabulary.token("program", 127) - SPECIAL == 1259
    assert vocabulary.token("drum", 127) - SPECIAL == 1387


@pytest.mark.parametrize(("name", "used", "width"), [("seq2seq-piano", 1514, 1664), ("mt3", 1388, 1536)])
def test_widths_are_the_published_ones(name: str, used: int, width: int) -> None:
    vocabulary = SYSTEMS[name].vocabulary
    assert vocabulary.ranges["drum"].stop == SPECIAL + used
    assert vocabulary.width == width
    assert width - 128 < SPECIAL + used + EXTRA <= width


def test_every_id_has_one_meaning() -> None:
    vocabulary = SYSTEMS["seq2seq-piano"].vocabulary
    meant = [vocabulary.event(token) for token in range(vocabulary.width)]
    assert meant[:SPECIAL] == [None] * SPECIAL
    assert meant[SPECIAL + 1514 :] == [None] * (1664 - 1517)
    known = [event for event in meant if event is not None]
    assert len(set(known)) == 1514
    assert all(vocabulary.event(vocabulary.token(event.kind, event.value)) == event for event in known)
    assert vocabulary.event(SPECIAL + 1001 + 60) == Event("pitch", 60)


def test_velocities_of_one_bin_say_on_and_off() -> None:
    vocabulary = SYSTEMS["mt3"].vocabulary
    assert [vocabulary.velocity_bin(v) for v in (0, 1, 64, 127)] == [0, 1, 1, 1]
    assert [vocabulary.velocity(b) for b in (0, 1)] == [0, 127]


def test_velocities_of_127_bins_come_back() -> None:
    vocabulary = SYSTEMS["seq2seq-piano"].vocabulary
    assert [vocabulary.velocity(vocabulary.velocity_bin(v)) for v in range(128)] == list(range(128))


def test_steps_of_frames_are_rounded_down() -> None:
    """256 frames are 2.048 s."""
    assert [step_of(frame) for frame in (0, 1, 2, 5, 256, 1600)] == [0, 0, 1, 4, 204, 1280]
