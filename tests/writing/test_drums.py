"""Drums that were heard become a percussion part: by hand."""

import dataclasses
from fractions import Fraction

import pytest

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Part, PlayedNote, Score, Tempo
from abcscribe.writing.drums import with_drums

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
        [("0", "1/2", 36), ("2", "1/4", 38), ("9/4", "1/2", 36)], [("1", "1/2", 36)], [("2/3", "1/2", 42)],
    ]  # fmt: skip


def test_hits_at_once_are_a_chord_and_a_late_one_may_belong_to_the_next_bar() -> None:
    found = with_drums(score(0, 2), [hit(1.99), hit(1.99, 42), hit(1.99, 42), hit(0.5)])
    assert written(found) == [[("1", "1/2", 36)], [("0", "1/2", 36), ("0", "1/2", 42)]]


def test_triplets_and_the_last_eighth_are_kept() -> None:
    found = with_drums(score(0, 2), [hit(0), hit(1 / 6), hit(2 / 6), hit(1.75)])
    assert written(found)[0] == [("0", "1/3", 36), ("1/3", "1/3", 36), ("2/3", "1/2", 36), ("7/2", "1/2", 36)]


def test_a_pickup_is_short_and_what_is_outside_stays_in_the_performance() -> None:
    made = score(1, 1.5, 3.5, pickup=F(1))
    found = with_drums(made, [hit(0.2), hit(1.0), hit(1.5), hit(7.0)])
    assert written(found) == [[("0", "1/2", 36)], [("0", "1/2", 36)], []]
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
