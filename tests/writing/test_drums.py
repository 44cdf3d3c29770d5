"""Drums that were heard become a percussion part, or a score of their own: by hand, and of made grooves."""

import dataclasses
from fractions import Fraction

import pytest

from abcscribe.hints import Hints
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Direction, Metre, Part, PlayedNote, Score, Tempo
from abcscribe.synthesis.drum_patterns import GROOVES
from abcscribe.writing.drums import left_out, of_drummer, score_of_drums, with_drums

F = Fraction


def score(*starts: float | None, pickup: Fraction | None = None) -> Score:
    """Bars of 4/4 that begin at these seconds; the first may be a pickup."""
    lengths = [pickup or F(4), *[F(4)] * (len(starts) - 1)]
    bars = tuple(Bar(length, seconds=at, tempo=Tempo(120)) for length, at in zip(lengths, starts, strict=True))
    return Score(bars, (Part(tuple(() for _ in bars), program=40),))


def hit(onset: float, key: int = 36) -> PlayedNote:
    return PlayedNote(onset, onset + 0.01, key, drum=True)


def written(found: Score) -> list[list[tuple[str, str, int]]]:
    part = found.parts[-1]
    assert (part.program, part.staves[0].clef) == (PERCUSSION, "perc")
    assert not found.problems()
    return [[(str(n.start), str(n.duration), n.pitch.midi) for n in bar] for bar in part.bars]


def test_hits_are_placed_by_the_bar_lines_around_them() -> None:
    """Two seconds a bar, then three: a sixteenth late or early is heard as it is, a hundredth of a second is not."""
    found = with_drums(score(0, 2, 5), [hit(0.01), hit(1.0, 38), hit(1.13), hit(2.75), hit(5.5, 42)])
    assert written(found) == [
        [("2", "1", 38), ("0", "1", 36), ("9/4", "3/4", 36)], [("1", "1", 36)], [("2/3", "1/3", 42)],
    ]  # fmt: skip


def test_hits_at_once_are_a_chord_and_a_late_one_may_belong_to_the_next_bar() -> None:
    found = with_drums(score(0, 2), [hit(1.99), hit(1.99, 42), hit(1.99, 42), hit(0.5)])
    assert written(found) == [[("1", "1", 36)], [("0", "1", 42), ("0", "1", 36)]]
    found = with_drums(score(0, 2), [hit(0, 38), hit(0, 42)])
    assert written(found)[0] == [("0", "1", 38), ("0", "1", 42)]


def test_triplets_and_the_last_eighth_are_kept() -> None:
    found = with_drums(score(0, 2), [hit(0), hit(1 / 6), hit(2 / 6), hit(1.75)])
    assert written(found)[0] == [("0", "1/3", 36), ("1/3", "1/3", 36), ("2/3", "1/3", 36), ("7/2", "1/2", 36)]


def test_a_pickup_is_short_and_what_is_outside_stays_in_the_performance() -> None:
    made = score(1, 1.5, 3.5, pickup=F(1))
    found = with_drums(made, [hit(0.2), hit(1.0), hit(1.5), hit(7.0)])
    assert written(found) == [[("0", "1", 36)], [("0", "1", 36)], []]
    assert [n.onset for n in found.performance] == [0.2, 1.0, 1.5, 7.0]


def test_without_drums_or_places_in_the_recording_there_is_no_part() -> None:
    made = score(0, 2)
    assert with_drums(made, []) is made
    unplaced = score(None, None)
    assert with_drums(unplaced, [hit(1)]) == dataclasses.replace(unplaced, performance=(hit(1),))
    assert with_drums(Score(), [hit(1)]).performance == (hit(1),)


@pytest.mark.parametrize("key", range(35, 82))
def test_keys_of_the_percussion_map_stay_what_they_are(key: int) -> None:
    assert written(with_drums(score(0, 2), [hit(0, key)]))[0][0][2] == key


def test_hands_have_stems_up_and_feet_down() -> None:
    part = with_drums(score(0, 2), [hit(0, 36), hit(0, 42), hit(0.5, 38), hit(1.0, 44)]).parts[-1]
    assert {n.pitch.midi: n.voice for n in part.bars[0]} == {42: 1, 38: 1, 36: 2, 44: 2}
    assert part.staves[0].voices == (1, 2)
    assert with_drums(score(0, 2), [hit(0, 38)]).parts[-1].staves[0].voices == (1,)


def test_equal_bars_are_measure_repeats() -> None:
    found = with_drums(score(0, 2, 4, 6), [hit(0), hit(1, 38), hit(2), hit(3, 38), hit(4), hit(6), hit(7, 38)])
    same = (Direction(F(0), "measure-repeat", "1"),)
    assert found.parts[-1].directions == ((), same, (), ())


def test_after_four_equal_bars_the_bar_is_written_again() -> None:
    found = with_drums(score(*range(0, 20, 2)), [hit(2 * bar) for bar in range(10)])
    assert [bool(signs) for signs in found.parts[-1].directions] == [False, True, True, True] * 2 + [False, True]


def groove(number: int, bpm: float, bars: int = 8, late: float = 0.3) -> list[PlayedNote]:
    """A groove of drum_patterns, exactly repeated."""
    hits = ((4 * bar + at, key) for bar in range(bars) for key, places in GROOVES[number].items() for at in places)
    return [hit(late + at * 60 / bpm, key) for at, key in hits]


@pytest.mark.parametrize(("number", "bpm"), [(0, 96), (1, 120), (2, 88), (3, 124)])
def test_drums_alone_have_bars_of_their_own(number: int, bpm: float) -> None:
    found = score_of_drums(groove(number, bpm), Hints(), 30.0)
    assert len(found.bars) == 8
    assert {(bar.metre, bar.length) for bar in found.bars} == {(Metre(4, 4), F(4))}
    assert found.bars[0].tempo
    assert found.bars[0].tempo.bpm == pytest.approx(bpm, abs=1)
    assert [bar.seconds for bar in found.bars] == pytest.approx([0.3 + 240 / bpm * i for i in range(8)], abs=0.03)
    first, *others = found.parts[0].bars
    assert {(n.start, n.pitch.midi) for n in first} == {
        (F(at).limit_denominator(4), key) for key, places in GROOVES[number].items() for at in places
    }
    assert all(bar == first for bar in others)
    assert not found.problems()


def test_hints_decide_about_drums_alone() -> None:
    found = score_of_drums(groove(0, 96), Hints(metre="2/4", tempo=96, downbeat=0.3), 30.0)
    assert found.bars[0].metre == Metre(2, 4)
    assert len(found.bars) == 16


@pytest.mark.parametrize("onsets", [[0.0], [0.5, 0.5], [3.0, 3.02], [0.0, 100.0]])
def test_a_few_hits_are_written_too(onsets: list[float]) -> None:
    found = score_of_drums([hit(onset) for onset in onsets], Hints(), 101.0)
    assert found.bars
    assert not found.problems()
    assert any(found.parts[0].bars)


def test_a_few_unsure_hits_in_a_long_recording_are_no_drummer() -> None:
    """Consonants of singers are heard as drums now and then; what is certain, as of a MIDI file, is always kept."""
    notes = [PlayedNote(float(at), at + 0.5, 60) for at in range(40)]
    unsure = [PlayedNote(float(at), at + 0.1, 36, confidence=0.5, drum=True) for at in range(0, 40, 10)]
    assert of_drummer([*notes, *unsure]) == []
    often = [dataclasses.replace(unsure[0], onset=0.5 * at, offset=0.5 * at + 0.1) for at in range(60)]
    assert of_drummer([*notes, *often]) == often
    certain = [dataclasses.replace(hit, confidence=1.0) for hit in unsure]
    assert of_drummer([*notes, *certain]) == certain
    assert of_drummer([]) == []


def test_each_beat_has_sixteenths_or_triplets_as_the_drummer_plays() -> None:
    """A loose swing: hits between a triplet and a sixteenth are what the clear ones are; at a fast tempo, too."""
    swung = [hit(0.5 * beat + 0.5 * at) for beat in range(16) for at in (0, 0.667 if beat % 4 else 0.705)]
    found = with_drums(score(0, 2, 4, 6), swung)
    assert {n.start % 1 for bar in found.parts[-1].bars for n in bar} == {F(0), F(2, 3)}
    straight = [hit(0.5 * beat + 0.5 * at) for beat in range(16) for at in (0, 0.75 if beat % 4 else 0.705)]
    found = with_drums(score(0, 2, 4, 6), straight)
    assert {n.start % 1 for bar in found.parts[-1].bars for n in bar} == {F(0), F(3, 4)}


def test_a_compound_beat_has_no_triplets() -> None:
    bars = tuple(Bar(F(3), Metre(6, 8), seconds=at, tempo=Tempo(120)) for at in (0, 1.5))
    found = with_drums(Score(bars, ()), [hit(0), hit(0.33), hit(1.5)])
    assert {n.start for n in found.parts[-1].bars[0]} == {F(0), F(3, 4)}


def test_hits_too_few_for_a_drummer_are_said_if_they_are_more_than_consonants() -> None:
    notes = [PlayedNote(float(at), at + 0.5, 60) for at in range(40)]

    def hits(seconds: float) -> list[PlayedNote]:
        return [
            PlayedNote(at * seconds, at * seconds + 0.1, 36, confidence=0.5, drum=True)
            for at in range(int(39 / seconds))
        ]

    assert left_out([*notes, *hits(2.5)]) == [
        "15 hits of drums are left out: they are too few, or too unsure, for somebody who plays drums."
    ]
    assert left_out([*notes, *hits(10)]) == left_out([*notes, *hits(1)]) == []
