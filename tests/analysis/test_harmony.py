"""Chord symbols: where they stand, how they are spelled, and when there are none."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from abcscribe.analysis.harmony import wants_chords, with_chords
from abcscribe.analysis.harmony.decoder import decode, load
from abcscribe.analysis.harmony.evidence import DOWNBEAT, MIDDLE, WEAK, beats_of, evidence_of, sounding
from abcscribe.analysis.harmony.symbols import name
from abcscribe.analysis.harmony.vocabulary import KINDS, MEMBERS, NAMES, STATES
from abcscribe.score.model import Bar, Key, Metre, Note, Part, PlayedNote, Score, Staff
from abcscribe.score.spelling import pitch_at

F = Fraction
C, F_, G, AM, DM = (48, 60, 64, 67), (41, 57, 60, 65), (43, 59, 62, 67), (45, 57, 60, 64), (50, 57, 62, 65)


def piano(*bars: list[tuple[tuple[int, ...], int]]) -> Score:
    """Bars of (pitches, quarters), as block chords of one part."""
    made = []
    for bar in bars:
        notes, at = [], F(0)
        for pitches, length in bar:
            notes += [
                Note(at, F(length), pitch_at(p, 7 * p % 12 if 7 * p % 12 < 7 else 7 * p % 12 - 12)) for p in pitches
            ]
            at += length
        made.append(tuple(notes))
    return Score(tuple(Bar(F(4), Metre(4, 4)) for _ in bars), (Part(tuple(made), "Piano"),))


def symbols(score: Score) -> list[list[tuple[str, str]]]:
    return [[(str(h.start), str(h)) for h in bar.harmonies] for bar in score.bars]


def test_a_symbol_stands_where_the_chord_changes_and_nowhere_else() -> None:
    score = with_chords(piano([(C, 4)], [(F_, 2), (G, 2)], [(G, 4)], [(C, 2), (C, 2)]))
    assert symbols(score) == [[("0", "C")], [("0", "F"), ("2", "G")], [], [("0", "C")]]


@pytest.mark.parametrize("semitones", range(-5, 7))
def test_every_key_has_the_same_chords(semitones: int) -> None:
    cadence = piano(*[[(tuple(p + semitones for p in chord), 4)] for chord in (C, AM, DM, G, C)])
    fifths = (7 * semitones + 5) % 12 - 5
    moved = dataclasses.replace(cadence, bars=tuple(dataclasses.replace(bar, key=Key(fifths)) for bar in cadence.bars))
    found = [h for bar in with_chords(moved).bars for h in bar.harmonies]
    assert [h.kind for h in found] == ["", "m", "m", "", ""]
    assert found[0].root == Key(fifths).tonic
    assert all(len(h.root) < 3 for h in found)


def test_sevenths_inversions_and_suspensions_are_told() -> None:
    dominant, first, suspended = (43, 59, 62, 65), (47, 55, 62, 67), (50, 57, 62, 67)
    score = with_chords(piano([(C, 4)], [(dominant, 4)], [(C, 4)], [(first, 4)], [(suspended, 4)], [(DM, 4)]))
    found = [str(h) for bar in score.bars for h in bar.harmonies]
    assert found[1] == "G7"
    assert found[3] == "G/B"
    assert found[4:] == ["Dsus4", "Dm"]


def test_passing_notes_are_no_chords() -> None:
    tune = tuple(
        tuple(Note(F(i, 2), F(1, 2), pitch_at(p, 0)) for i, p in enumerate((72, 74, 76, 77, 79, 77, 76, 74)))
        for _ in range(4)
    )
    whole = piano([(C, 4)], [(C, 4)], [(C, 4)], [(C, 4)])
    found = with_chords(dataclasses.replace(whole, parts=(Part(tune, "Flute", 73), *whole.parts)))
    assert symbols(found) == [[("0", "C")], [], [], []]


def test_no_chord_is_played_where_the_accompaniment_rests() -> None:
    sung = tuple((Note(F(0), F(4), pitch_at(67, 1)),) for _ in range(4))
    whole = piano([(C, 4)], [], [], [(C, 4)])
    found = with_chords(dataclasses.replace(whole, parts=(Part(sung, "Voice", 52), *whole.parts)))
    assert symbols(found) == [[("0", "C")], [("0", "N.C.")], [], [("0", "C")]]


def test_beats_are_those_of_the_metre_and_a_pickup_has_the_last() -> None:
    bars = (Bar(F(1), Metre(4, 4)), Bar(F(4), Metre(4, 4)), Bar(F(3), Metre(6, 8), Key(1)), Bar(F(3, 2), Metre(3, 8)))
    beats = beats_of(bars)
    assert beats.bar.tolist() == [0, 1, 1, 1, 1, 2, 2, 3]
    assert beats.place.tolist() == [WEAK, DOWNBEAT, WEAK, MIDDLE, WEAK, DOWNBEAT, MIDDLE, DOWNBEAT]
    assert beats.start.tolist() == [0, 1, 2, 3, 4, 5, 6.5, 8]
    assert beats.tonic.tolist() == [0, 0, 0, 0, 0, 7, 7, 0]
    free = beats_of((Bar(F(5, 2), None),))
    assert (free.end - free.start).tolist() == [1, 1, 0.5]


def test_the_bass_is_the_lowest_that_sounds_also_beside_held_notes() -> None:
    low = (Note(F(1), F(1), pitch_at(50, 2), voice=2), Note(F(3), F(1), pitch_at(52, 4), voice=2))
    notes = (Note(F(0), F(4), pitch_at(60, 0)), *low)
    score = Score((Bar(F(4), Metre(4, 4)),), (Part((notes,), staves=(Staff("treble", (1, 2)),)),))
    found = evidence_of(sounding(score), beats_of(score.bars))
    assert [int(row.argmax()) for row in found.bass] == [0, 2, 0, 4]
    assert found.bass.sum(axis=1).tolist() == [1, 1, 1, 1]
    assert found.tones[1, [0, 2]].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("chord", "bass", "fifths", "said"),
    [
        ((8, ""), 0, 0, "Ab"), ((8, "dim7"), 0, 0, "G#dim7"), ((1, "m"), 0, 0, "C#m"), ((10, "7"), 0, 2, "Bb7"),
        ((6, "m"), 3, 4, "F#m/A"), ((11, ""), 0, -6, "Cb"), ((5, ""), 4, 6, "E#/A"), ((2, "7"), 4, -2, "D7/F#"),
        ((0, "m7"), 10, -3, "Cm7/Bb"), ((4, ""), 0, -3, "E"),
    ],
)  # fmt: skip
def test_chords_are_spelled_by_the_key(chord: tuple[int, str], bass: int, fifths: int, said: str) -> None:
    root, kind, low = name(chord[0] * len(KINDS) + NAMES.index(chord[1]), bass, Key(fifths))
    assert f"{root}{kind}{'/' * bool(low)}{low}" == said


def test_the_tables_are_probabilities_and_a_chord_has_its_own_tones() -> None:
    for kind in ("printed", "heard"):
        tables = load(kind)
        assert np.exp(tables.tones).sum(axis=2) == pytest.approx(1, abs=0.01)
        assert np.exp(tables.steps).sum(axis=1) == pytest.approx(1, abs=0.02)
        assert tables.steps.shape == (STATES, STATES)
        tonic = np.exp(tables.tones[0])
        for number in range(2):  # major and minor
            assert set(np.argsort(tonic[number])[-3:]) == set(np.flatnonzero(MEMBERS[number]))


def test_nothing_has_no_chords() -> None:
    empty = Score((Bar(F(4), Metre(4, 4)),), (Part(((),)),))
    assert symbols(with_chords(empty)) == [[("0", "N.C.")]]
    assert with_chords(Score()) == Score()
    beats = beats_of(())
    assert len(decode(load("heard"), evidence_of(sounding(Score()), beats), beats)) == 0


def band(*programs: int) -> Score:
    note = (Note(F(0), F(4), pitch_at(60, 0)),)
    return Score((Bar(F(4)),), tuple(Part((note,), program=program) for program in programs))


@pytest.mark.parametrize(
    ("programs", "wanted"),
    [
        ((52, 0), True), ((52, 24), True), ((40, 0), True), ((65, 0, 32, 128), True), ((0, 32, 128), True),
        ((0,), False), ((40,), False), ((40, 40, 41, 42), False), ((40, 41, 42, 0), False), ((52, 52), False),
        ((46,), False), ((128,), False), ((0, 24), False),
    ],
)  # fmt: skip
def test_songs_have_chord_symbols_and_chamber_music_has_none(programs: tuple[int, ...], wanted: bool) -> None:
    assert wants_chords(band(*programs)) == wanted


def test_one_of_two_keyboards_may_have_the_tune() -> None:
    chords = piano([(C, 4)], [(G, 4)])
    line = tuple((Note(F(0), F(4), pitch_at(72, 0)),) for _ in chords.bars)
    assert wants_chords(dataclasses.replace(chords, parts=(Part(line, program=12), *chords.parts)))
    assert not wants_chords(dataclasses.replace(chords, parts=(*chords.parts, *chords.parts)))


def test_a_strummed_guitar_alone_has_chord_symbols() -> None:
    strummed = piano([(C, 4)], [(G, 4)])
    guitar = dataclasses.replace(strummed, parts=(dataclasses.replace(strummed.parts[0], program=25),))
    assert wants_chords(guitar)
    assert not wants_chords(band(25))


def test_chords_of_a_recording_are_those_of_all_that_was_heard() -> None:
    """The score has the tune alone; sure notes count, doubtful ones hardly do."""
    tune = piano([((72,), 4)], [((74,), 4)], [((72,), 4)])
    bars = tuple(dataclasses.replace(bar, seconds=2.0 * i) for i, bar in enumerate(tune.bars))
    played = [
        PlayedNote(2 * i, 2 * i + 1.9, pitch, confidence=sure)
        for i, chord in enumerate((C, G, C))
        for pitch, sure in (*((p, 1.0) for p in chord), *((p + 1, 0.05) for p in chord))
    ]
    heard = dataclasses.replace(tune, bars=bars, performance=tuple(played))
    assert symbols(with_chords(heard)) == [[("0", "C")], [("0", "G")], [("0", "C")]]


def test_heard_notes_have_tables_of_their_own() -> None:
    score = piano([(C, 4)], [(G, 4)], [(C, 4)])
    heard = dataclasses.replace(score, performance=(PlayedNote(0, 1, 60),))
    assert symbols(with_chords(heard)) == symbols(with_chords(score))
