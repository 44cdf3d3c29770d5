import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.hints import Hints
from abcscribe.score.model import Key, Metre, PlayedNote, Score
from abcscribe.writing.rules import notes_to_score

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def played(rhythm: str, *, quarter: float = 0.6, start: float = 0.4, family: str = "pipe") -> list[PlayedNote]:
    """A melody from ``pitch:quarters`` words; ``z`` is a rest."""
    notes, at = [], start
    for word in rhythm.split():
        pitch, _, length = word.partition(":")
        seconds = float(length) * quarter
        if pitch != "z":
            notes.append(PlayedNote(at, at + 0.9 * seconds, int(pitch), 80, family))
        at += seconds
    return notes


def sounding(score: Score) -> list[tuple[int, float]]:
    return [(n.pitch, float(n.duration)) for n in score.sounding_notes()]


WALTZ = "60:1 64:1 67:1 72:2 67:1 65:1 69:1 72:1 71:2 67:1 67:1 65:1 62:1 59:2 62:1 64:1 62:1 59:1 60:3"
MARCH = "60:1 60:1 67:1 67:1 69:1 69:1 67:2 65:1 65:1 64:1 64:1 62:1 62:1 60:2 " * 2

heard_notes = st.builds(
    lambda onset, length, pitch, velocity, family, confidence: PlayedNote(
        onset, onset + length, pitch, velocity, family, confidence
    ),
    st.floats(0, 60),
    st.floats(0.001, 20),
    st.integers(21, 108),
    st.integers(1, 127),
    st.sampled_from(["", "piano", "voice", "strings", "reed", "plucked", "bass"]),
    st.floats(0, 1),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(heard_notes, max_size=40))
def test_any_notes_give_a_score_whose_bars_add_up(notes):
    score = notes_to_score(notes)
    assert score.problems() == []
    assert len(score.performance) == len(notes)
    seconds = [bar.seconds for bar in score.bars]
    assert seconds == sorted(seconds)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(heard_notes, min_size=1, max_size=25),
    st.builds(
        Hints,
        st.none() | st.floats(20, 300),
        st.none() | st.builds(Metre, st.integers(1, 12), st.sampled_from([2, 4, 8, 16])),
        st.none() | st.builds(Key, st.integers(-7, 7)),
        st.none() | st.integers(0, 127),
        st.none() | st.floats(-1, 70),
    ),
)
def test_any_hints_are_obeyed(notes, hints):
    score = notes_to_score(notes, hints)
    assert score.problems() == []
    for bar in score.bars:
        assert hints.metre in (None, bar.metre)
        assert hints.key in (None, bar.key)
        assert hints.tempo is None or bar.tempo.quarter_bpm == pytest.approx(hints.tempo, abs=1)
    if score.bars and hints.instrument is not None:
        assert [part.program for part in score.parts] == [hints.instrument]


def test_no_notes_give_no_bars():
    assert notes_to_score([], seconds=3.0) == Score(seconds=3.0)


def test_a_waltz_is_written_as_played():
    score = notes_to_score(played(WALTZ))
    assert {bar.metre for bar in score.bars} == {Metre(3, 4)}
    assert score.bars[0].key == Key()
    assert score.bars[0].tempo.quarter_bpm == pytest.approx(100, rel=0.04)
    expected = [(int(w.split(":")[0]), float(w.split(":")[1])) for w in WALTZ.split()]
    assert sounding(score) == expected
    lines = [0.4 + 1.8 * k for k in range(len(score.bars))]
    assert [bar.seconds for bar in score.bars] == pytest.approx(lines, abs=0.06)


def test_a_march_is_in_quarters():
    score = notes_to_score(played(MARCH))
    assert score.bars[0].metre in (Metre(4, 4), Metre(2, 4))
    assert sounding(score)[:8] == [(60, 1), (60, 1), (67, 1), (67, 1), (69, 1), (69, 1), (67, 2), (65, 1)]


def test_a_pickup_makes_a_short_first_bar():
    score = notes_to_score(played("67:1 " + WALTZ), Hints(metre=Metre(3, 4), downbeat=1.0))
    assert score.bars[0].length == 1
    assert score.bars[1].seconds == pytest.approx(1.0, abs=0.06)


def test_staccato_is_no_rest():
    notes = [PlayedNote(n.onset, n.onset + 0.15, n.pitch, 80, "pipe") for n in played(MARCH)]
    score = notes_to_score(notes, Hints(tempo=100, metre=Metre(4, 4)))
    assert [d for _, d in sounding(score)][:6] == [1] * 6


def test_four_players_become_four_parts():
    chords = ((72, 67, 64, 48), (74, 67, 59, 43), (76, 67, 60, 48), (77, 69, 60, 53), (76, 67, 60, 48)) * 4
    families = ("strings", "reed", "reed", "reed")
    notes = [
        PlayedNote(0.6 * k + 0.01 * v, 0.6 * k + 0.55, pitch, 80, families[v])
        for k, chord in enumerate(chords)
        for v, pitch in enumerate(chord)
    ]
    score = notes_to_score(notes)
    assert [part.program for part in score.parts] == [40, 71, 66, 70]
    assert [part.staves[0].clef for part in score.parts] == ["treble", "treble", "treble", "bass"]
    assert all(len({n.start for n in bar}) == len(bar) for part in score.parts for bar in part.bars)


def test_a_piano_has_two_staves():
    melody = played(MARCH, family="piano")
    bass = played("36:2 43:2 48:2 43:2 41:2 48:2 43:2 36:2 " * 2, family="piano")
    score = notes_to_score(melody + bass)
    (part,) = score.parts
    assert [staff.clef for staff in part.staves] == ["treble", "bass"]
    upper = {n.pitch.midi for bar in part.bars for n in bar if n.voice in part.staves[0].voices}
    assert upper == {60, 62, 64, 65, 67, 69}


@pytest.mark.parametrize(("count", "limit"), [(300, 2.0), (2400, 12.0)])
def test_time_is_linear(count, limit):
    """Generous: a fifth of it is usual."""
    notes = [PlayedNote(0.23 * k, 0.23 * k + 0.2, SCALE[k * 5 % 8], 80, "piano") for k in range(count)]
    notes_to_score(notes[:10])
    begin = time.process_time()
    assert notes_to_score(notes).problems() == []
    assert time.process_time() - begin < limit


def test_one_singer_heard_as_two_families_is_one_part():
    notes = [
        PlayedNote(n.onset, n.offset, n.pitch, 80, "piano" if i % 3 == 0 else "voice")
        for i, n in enumerate(played(MARCH))
    ]
    assert [part.program for part in notes_to_score(notes).parts] == [52]


def test_a_soloist_over_a_piano_has_a_part_of_his_own():
    solo = [PlayedNote(n.onset, n.offset, n.pitch + 12, 80, "voice") for n in played(MARCH)]
    chords = [
        PlayedNote(1.2 * k + 0.4, 1.2 * k + 1.5, pitch, 70, "piano") for k in range(16) for pitch in (48, 52, 55, 60)
    ]
    assert [part.program for part in notes_to_score(solo + chords).parts] == [52, 0]


def test_a_melody_held_over_its_accompaniment_is_a_voice_of_its_own():
    melody = [PlayedNote(1.2 * k, 1.2 * k + 1.15, pitch, 90, "piano") for k, pitch in enumerate((76, 77, 79, 76) * 4)]
    inner = [PlayedNote(0.3 * k, 0.3 * k + 0.28, (64, 67)[k % 2], 60, "piano") for k in range(64)]
    bass = [PlayedNote(1.2 * k, 1.2 * k + 1.1, pitch, 70, "piano") for k, pitch in enumerate((36, 41, 43, 36) * 4)]
    score = notes_to_score(melody + inner + bass, Hints(tempo=100, metre=Metre(4, 4), downbeat=0.0))
    (part,) = score.parts
    assert part.staves[0].voices == (1, 2)
    assert [(n.pitch.midi, n.duration) for n in part.bars[1] if n.voice == 1] == [(79, 2), (76, 2)]
    assert {n.duration for n in part.bars[1] if n.voice == 2} == {0.5}
