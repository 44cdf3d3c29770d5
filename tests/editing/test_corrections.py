"""Corrections find their place again when the same notes are analysed under other hints."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.editing.corrections import corrected, made_again, text_correction, with_recording
from abcscribe.editing.notes import EditError
from abcscribe.editing.operations import OPERATIONS
from abcscribe.editing.timeline import held_notes
from abcscribe.hints import Hints
from abcscribe.score.model import PlayedNote, Score
from abcscribe.writing.rules import notes_to_score

PITCHES = (60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 64, 62, 60, 60)


def analysed(**hints: Any) -> Score:
    """A scale up and down, a note every half second."""
    played = [PlayedNote(0.5 * i, 0.5 * i + 0.45, pitch, family="pipe") for i, pitch in enumerate(PITCHES)]
    return notes_to_score(played, Hints(**hints), seconds=8.0)


SCORE = analysed(tempo=120)


def sounding(score: Score) -> list[int]:
    return [note.pitch for note in score.sounding_notes()]


def first(score: Score, midi: int) -> list[str]:
    return list(next(held.ids for held in held_notes(score, 0) if held.pitch.midi == midi))


@pytest.mark.parametrize("hints", [{"metre": "3/4"}, {"tempo": 60}, {"tempo": 240}, {"key": "Eb"}, {"downbeat": 1.0}])
def test_a_wrong_note_is_still_wrong_under_other_hints(hints: dict[str, Any]) -> None:
    score = analysed(tempo=120)
    _, kept = corrected(score, [{"op": "pitch", "notes": first(score, 67), "semitones": 1}])
    again, dropped = made_again(analysed(**hints), kept)
    assert dropped == []
    assert sounding(again) == [68 if i == 4 else pitch for i, pitch in enumerate(PITCHES)]


def test_lengths_follow_the_pace() -> None:
    score = analysed(tempo=120)
    _, kept = corrected(score, [{"op": "length", "notes": first(score, 72), "duration": "1/2"}])
    for tempo, length in ((60, Fraction(1, 4)), (240, Fraction(1)), (120, Fraction(1, 2))):
        again, dropped = made_again(analysed(tempo=tempo), kept)
        assert dropped == []
        assert next(n.duration for n in again.sounding_notes() if n.pitch == 72) == length


def test_an_added_note_comes_at_its_moment() -> None:
    score = analysed(tempo=120, metre="4/4")
    edit = {"op": "add", "part": 0, "voice": 1, "bar": 1, "start": "1", "duration": "1", "pitch": "C6"}
    changed, kept = corrected(score, [edit])
    assert 84 in sounding(changed)
    for hints in ({"metre": "3/4", "tempo": 120}, {"tempo": 60}):
        again, dropped = made_again(analysed(**hints), kept)
        assert dropped == []
        notes = again.sounding_notes()
        added = next(n for n in notes if n.pitch == 84)
        assert {n.pitch for n in notes if n.onset == added.onset} == {84, 69}  # beside the sixth note of the scale


def test_the_second_edit_of_a_request_means_the_notes_that_the_user_saw() -> None:
    score = analysed(tempo=120)
    edits = [{"op": "delete", "notes": first(score, 60)}, {"op": "pitch", "notes": first(score, 64), "pitch": "F#5"}]
    changed, _ = corrected(score, edits)
    assert sounding(changed)[:3] == [62, 78, 65]


def test_what_no_longer_fits_is_told_and_the_rest_is_made() -> None:
    score = analysed(tempo=120)
    score, kept = corrected(score, [{"op": "part", "part": 0, "name": "Anna"}])
    score, more = corrected(score, [{"op": "pitch", "notes": first(score, 72), "semitones": 1}])
    other = replace(analysed(tempo=120), performance=())
    without = [tuple(n for n in bar if n.pitch.midi != 72) for bar in other.parts[0].bars]
    other = replace(other, parts=(replace(other.parts[0], bars=tuple(without)),))
    again, dropped = made_again(other, [*more, *kept])
    assert dropped == ["Pitch of note at 0:03.5 was left out: its note is not there any more."]
    assert again.parts[0].name == "Anna"


def test_parts_are_known_again_by_place_or_instrument() -> None:
    score = analysed(tempo=120)
    split, kept = corrected(score, [{"op": "split", "part": 0, "by": "pitch", "at": "G4"}])
    split, more = corrected(split, [{"op": "part", "part": 1, "program": 70}])
    again, dropped = made_again(analysed(tempo=60), [*kept, *more])
    assert dropped == []
    assert [part.program for part in again.parts][1] == 70
    alone = analysed(tempo=60)
    again, dropped = made_again(alone, more)  # the only part of that instrument
    assert (dropped, again.parts[0].program) == ([], 70)
    other = replace(alone, parts=(replace(alone.parts[0], program=1),))
    assert made_again(other, more) == (other, ["Part was left out: its part is not there any more."])


def test_a_text_is_kept_as_the_notes_that_it_changed() -> None:
    score = analysed(tempo=120)
    new, _ = corrected(score, [{"op": "pitch", "notes": first(score, 65), "pitch": "A5"}])
    correction = text_correction(score, replace(new, performance=()))
    assert (len(correction["gone"]), len(correction["come"])) == (1, 1)
    again, dropped = made_again(analysed(metre="3/4", tempo=120), [correction])
    assert dropped == []
    assert sounding(again) == sounding(new)


def test_a_text_keeps_the_places_of_its_bars_in_the_recording() -> None:
    score = analysed(tempo=120, metre="4/4")
    bare = replace(
        score,
        bars=tuple(replace(bar, seconds=None, confidence=None) for bar in score.bars),
        performance=(),
        seconds=None,
    )
    assert with_recording(score, bare) == score
    parts = tuple(replace(part, bars=part.bars[1:]) for part in bare.parts)
    fewer = with_recording(score, replace(bare, bars=bare.bars[1:], parts=parts))
    assert [bar.seconds for bar in fewer.bars] == [bar.seconds for bar in score.bars[1:]]


def test_corrections_that_nobody_can_read_cost_nothing_else() -> None:
    score = analysed(tempo=120)
    damaged: list[Any] = [
        {},
        {"op": "pitch", "anchors": [{}]},
        {"op": "text"},
        {"op": "part", "part_at": 7},
        {"op": "add"},
    ]
    again, dropped = made_again(score, damaged)
    assert again == score
    assert len(dropped) == len(damaged)


# Words of edits, and values that may stand behind them or not.
WORDS = st.sampled_from([
    "op", "notes", "pitch", "semitones", "steps", "alter", "duration", "quarters", "part", "parts", "voice", "bar",
    "start", "staff", "name", "program", "clef", "by", "at", "staves", "key", "tempo", "tie", "octaves", "seconds",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=4)
    | st.sampled_from(["n0.0.1.0", "n0.1.1.0", "C4", "1/2", "voice", "G major", "treble", 0, 1, 2]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(OPERATIONS)), st.dictionaries(WORDS, VALUES, max_size=7))
def test_whatever_is_sent_is_an_edit_or_refused(op: str, edit: dict[str, Any]) -> None:
    edit = {"op": op, "notes": ["n0.0.1.0"], "part": 0, **edit}
    try:
        score, kept = corrected(SCORE, [edit])
    except EditError:
        return
    assert not score.problems()
    json.dumps(kept, allow_nan=False)
    made_again(SCORE, kept)


def test_edits_of_notes_that_are_not_there_are_refused() -> None:
    with pytest.raises(EditError, match="not in this version"):
        corrected(analysed(), [{"op": "delete", "notes": ["n7.0.1.0"]}])
