"""What the language model is told of the analysis."""

import dataclasses

import numpy as np
import pytest

from abcscribe.analysis import Analysis, analyse
from abcscribe.analysis.analysis_features import NAMES, STAVES, heard_notes, played_notes, with_analysis
from abcscribe.hints import Hints
from abcscribe.model.note_features import HeardNotes, chords
from abcscribe.score.grid import METRES
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Key, Metre, PlayedNote

BEAT = 0.5  # seconds
WHOLE = len(NAMES) - STAVES - len(FAMILIES) - 2  # columns that say where a note stands, and of which piece
WALTZ = Hints(metre=Metre(3, 4), tempo=120.0)


def waltz(bars: int = 8) -> list[PlayedNote]:
    """A long bass note on the first beat and short chords on the others."""
    notes = []
    for bar in range(bars):
        at = 1 + 3 * BEAT * bar
        notes.append(PlayedNote(at, at + 2.9 * BEAT, 41 + 2 * (bar % 2) * 3, 100, "piano", 0.9))
        for beat in (1, 2):
            notes += [PlayedNote(at + beat * BEAT, at + (beat + 0.5) * BEAT, p, 60, "piano", 0.9) for p in (65, 69, 72)]
    return sorted(notes, key=lambda n: (n.onset, n.pitch))


def slow(notes: list[PlayedNote], by: float) -> list[PlayedNote]:
    """The notes with all but the lowest of each chord ``by`` seconds late."""
    groups = chords(np.array([note.onset for note in notes])).tolist()
    late = [by * (group == before) for group, before in zip(groups, [-1, *groups], strict=False)]
    return [dataclasses.replace(n, onset=n.onset + wait) for n, wait in zip(notes, late, strict=True)]


@pytest.fixture
def heard() -> HeardNotes:
    return heard_notes(waltz())


def test_the_analysis_of_a_waltz(heard):
    analysis = analyse(waltz(), WALTZ)
    _, ticks = with_analysis(heard, analysis)
    assert (ticks % 72).tolist() == [0, 24, 48] * 8
    assert analysis.quarter_bpm == pytest.approx(120, abs=3)


def test_a_chord_that_is_played_slowly_is_one(heard):
    """By time alone its first note is a chord of its own."""
    notes = slow(waltz(), 0.07)
    apart = heard_notes(notes)
    assert apart.groups[-1] > heard.groups[-1]
    made, ticks = with_analysis(apart, analyse(notes, WALTZ))
    assert made.groups.tolist() == heard.groups.tolist()
    assert (ticks % 72).tolist() == [0, 24, 48] * 8


def test_notes_without_a_place_join_the_chord_that_they_are_close_to(heard):
    at = float(heard.onset[1])
    doubtful = [PlayedNote(t, t + 0.2, 50, 40, "piano", 0.4) for t in (at - 0.03, at + 0.04, at + 0.2)]
    made, ticks = with_analysis(heard_notes([*waltz(), *doubtful]), analyse(waltz(), WALTZ))
    first, second, alone = made.groups[np.flatnonzero(made.pitch == 50)]
    assert first == second == made.groups[np.flatnonzero(made.pitch == 65)[0]] == 1
    assert (ticks[alone], alone) == (-1, 2)


def test_the_best_metre_has_no_better_rival():
    analysis = analyse(waltz())
    assert analysis.placed.rivals.max() == 0
    assert METRES[int(analysis.placed.rivals.argmax())] == analysis.metre
    assert np.isfinite(analysis.placed.rivals).all()


def test_hints_leave_no_rivals():
    analysis = analyse(waltz(), Hints(metre=Metre(6, 8), key=Key(-4)))
    assert analysis.metre == Metre(6, 8)
    assert (analysis.key.fifths, sorted(analysis.placed.rivals)[-2]) == (-4, -np.inf)


def test_notes_of_one_place_are_told_the_same(heard):
    rows = with_analysis(heard, analyse(waltz(), WALTZ))[0].analysis
    assert rows.shape == (len(heard), len(NAMES))
    assert np.isfinite(rows).all()
    assert np.allclose(rows[0], rows[7], atol=1e-4), "two first beats"
    assert np.array_equal(rows[1, :WHOLE], rows[2, :WHOLE]), "two notes of a chord"
    assert not np.array_equal(rows[0], rows[1])


def test_ignored_notes_have_no_place_but_know_the_rest(heard):
    analysis = analyse(waltz(), WALTZ)
    second = {(float(t), int(p)) for t, p in zip(heard.onset[1:4], heard.pitch[1:4], strict=True)}
    made, ticks = with_analysis(heard, without(analysis, "ticks", second))
    assert ticks[1] == -1
    assert not made.analysis[1:4, :25].any()
    assert np.array_equal(made.analysis[1, 25:40], made.analysis[0, 25:40])


def without(analysis: Analysis, known: str, notes: set) -> Analysis:
    """An analysis that does not know the ``ticks`` or ``staves`` of some notes."""
    other = dataclasses.replace(analysis)
    vars(other)[known] = {note: value for note, value in getattr(analysis, known).items() if note not in notes}
    return other


def test_notes_are_told_who_plays_them(heard):
    analysis = analyse(waltz(), WALTZ)
    assert [len(clefs) for _, clefs in analysis.parts] == [2], "a piano"
    rows = with_analysis(heard, analysis)[0].analysis[:, WHOLE:]
    staff, kind, hand = np.split(rows, [STAVES, STAVES + len(FAMILIES)], axis=1)
    assert (staff.argmax(axis=1) == (heard.pitch < 60)).all(), "the left hand plays the bass"
    assert (kind.argmax(axis=1) == FAMILIES.index("piano")).all()
    assert (hand.argmax(axis=1) == staff.argmax(axis=1)).all()


def test_a_note_without_a_staff_has_no_player(heard):
    analysis = analyse(waltz(), WALTZ)
    first = {(float(heard.onset[0]), int(heard.pitch[0]))}
    made, _ = with_analysis(heard, without(analysis, "staves", first))
    assert not made.analysis[0, WHOLE:].any()
    assert made.analysis[1, WHOLE:].any()


def test_no_analysis_is_told_as_nothing(heard):
    made, ticks = with_analysis(heard, None)
    assert not made.analysis.any()
    assert made.groups.tolist() == heard.groups.tolist()
    assert ticks.tolist() == [-1] * 24
    assert analyse([]) is None


def test_notes_survive_the_way_to_arrays_and_back():
    assert played_notes(heard_notes(waltz())) == waltz()
