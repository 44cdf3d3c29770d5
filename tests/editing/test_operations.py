"""Edits as the page sends them: what each does to the music, and that no edit leaves a score that does not add up."""

from dataclasses import replace
from typing import Any

import pytest
import strategies
from hypothesis import given, settings
from hypothesis import strategies as st

from abcscribe.editing.notes import EditError
from abcscribe.editing.operations import edited, label
from abcscribe.editing.timeline import held_notes, identified, written
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.model import Score

TUNE = """X:1
M:4/4
L:1/4
K:G
V:1 name="Flute"
%%MIDI program 73
G A B c | d2 d2- | d4 |]
V:2 name="Bass" clef=bass
%%MIDI program 32
G,,4 | [D,,F,]4 | G,,2 z2 |]
"""
BARS = "|".join


def tune(text: str = TUNE) -> Score:
    score, problems = read_abc(text)
    assert not problems
    return score


def music(score: Score, part: int = 0) -> str:
    """The music lines of a part's first voice, in the units of the tune."""
    lines = write_abc(replace(score, parts=(score.parts[part],))).splitlines()
    return " ".join(line for line in lines if "|" in line and not line.startswith("%"))


def ids(score: Score, part: int, bar: int, *indices: int) -> list[str]:
    names = [name for own, _, name in identified(score.parts[part], part) if own == bar]
    return [names[i] for i in indices]


def after(edit: dict[str, Any], bar: int = 0, index: int = 1, part: int = 0) -> str:
    score = tune()
    if edit["op"] not in ("add", "part", "merge", "split", "hands", "remove", "order", "transpose", "header"):
        edit = {**edit, "notes": ids(score, part, bar, index)}
    return music(edited(score, edit), part)


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"op": "pitch", "pitch": "Eb5"}, "G _e B c | d2 d2- | d4 |]"),
        ({"op": "pitch", "semitones": 1}, "G ^A B c | d2 d2- | d4 |]"),
        ({"op": "pitch", "steps": -2}, "G F B c | d2 d2- | d4 |]"),
        ({"op": "pitch", "octaves": 1}, "G a B c | d2 d2- | d4 |]"),
        ({"op": "accidental", "alter": -1}, "G _A B c | d2 d2- | d4 |]"),
        ({"op": "length", "duration": "2"}, "G A2 c | d2 d2- | d4 |]"),
        ({"op": "length", "duration": "3/2"}, "G2 A3 B c2 | d4 d4- | d8 |]"),
        ({"op": "length", "duration": "1/2"}, "G A/ z/ B c | d2 d2- | d4 |]"),
        ({"op": "length", "duration": "5"}, "G A3- | A2 d2- | d4 |]"),
        ({"op": "delete"}, "G z B c | d2 d2- | d4 |]"),
        ({"op": "shift", "quarters": "1/2"}, "G z/ A B/ c | d2 d2- | d4 |]"),
        ({"op": "shift", "quarters": "-1"}, "A z B c | d2 d2- | d4 |]"),
        ({"op": "add", "part": 0, "bar": 0, "start": "1", "duration": "2", "pitch": "C4"},
         "G [CA] B c | d2 d2- | d4 |]"),
        ({"op": "add", "part": 0, "bar": 0, "start": "1/2", "duration": "1", "pitch": "C4"},
         "G/ C A/ B c | d2 d2- | d4 |]"),
        ({"op": "transpose", "semitones": 2, "part": 0}, "A B ^c d | e2 e2- | e4 |]"),
        ({"op": "header", "key": "C major"}, "G A B c | d2 d2- | d4 |]"),
    ],
)  # fmt: skip
def test_what_an_edit_does_to_the_second_note(edit: dict[str, Any], line: str) -> None:
    assert after(edit) == line


def test_tied_pieces_are_one_note() -> None:
    score = tune()
    (second,) = ids(score, 0, 2, 0)
    assert music(edited(score, {"op": "pitch", "notes": [second], "pitch": "E5"})) == "G A B c | d2 e2- | e4 |]"
    assert music(edited(score, {"op": "delete", "notes": [second]})) == "G A B c | d2 z2 | z4 |]"


def test_ties_are_made_and_parted() -> None:
    score = tune()
    first, second = ids(score, 0, 1, 0, 1)
    tied = edited(score, {"op": "tie", "notes": [first]})
    assert len(held_notes(tied, 0)) == len(held_notes(score, 0)) - 1
    parted = edited(score, {"op": "tie", "notes": [second], "tie": False})
    assert music(parted) == "G A B c | d2 d2 | d4 |]"
    assert music(edited(parted, {"op": "tie", "notes": ids(parted, 0, 1, 1)})) == music(score)
    with pytest.raises(EditError, match="follows"):
        edited(score, {"op": "tie", "notes": ids(score, 0, 0, 0)})
    with pytest.raises(EditError, match="not tied"):
        edited(score, {"op": "tie", "notes": [first], "tie": False})


def test_respelling_goes_both_ways() -> None:
    score = tune()
    note = ids(score, 0, 0, 1)
    sharp = edited(score, {"op": "pitch", "notes": note, "pitch": "A#4"})
    flat = edited(sharp, {"op": "respell", "notes": note})
    assert music(flat).startswith("G _B =B c")
    assert edited(flat, {"op": "respell", "notes": note}) == sharp


def test_a_note_moves_to_another_part_and_to_a_new_voice() -> None:
    score = tune()
    note = ids(score, 0, 0, 1)
    moved = edited(score, {"op": "move", "notes": note, "part": 1, "voice": 1})
    assert music(moved, 0).startswith("G z B c")
    assert [str(held.pitch) for held in held_notes(moved, 1)][:2] == ["G2", "A4"]
    voiced = edited(score, {"op": "move", "notes": note, "part": 0, "voice": 2, "staff": 0})
    assert voiced.parts[0].staves[0].voices == (1, 2)
    back = edited(voiced, {"op": "move", "notes": [next(iter(held_notes(voiced, 0)[1].ids))], "part": 0, "voice": 1})
    assert back == score
    with pytest.raises(EditError, match="no voice 5"):
        edited(score, {"op": "move", "notes": note, "part": 0, "voice": 5})


def test_parts_are_merged_split_ordered_and_removed() -> None:
    score = tune()
    one = edited(score, {"op": "merge", "parts": [0, 1]})
    assert [part.name for part in one.parts] == ["Flute"]
    assert sorted(n.pitch for n in one.sounding_notes()) == sorted(n.pitch for n in score.sounding_notes())
    two = edited(one, {"op": "split", "part": 0, "by": "pitch", "at": "C4"})
    assert [music(two, i) for i in (0, 1)] == [music(score, 0), music(score, 1)]
    assert [part.staves[0].clef for part in two.parts] == ["treble", "bass"]
    voices = edited(one, {"op": "split", "part": 0, "by": "voice"})
    assert len(voices.parts) == 2
    piano = edited(one, {"op": "hands", "part": 0, "staves": 2})
    assert [staff.clef for staff in piano.parts[0].staves] == ["treble", "bass"]
    assert len(edited(piano, {"op": "hands", "part": 0, "staves": 1}).parts[0].staves) == 1
    turned = edited(score, {"op": "order", "parts": [1, 0]})
    assert [part.name for part in turned.parts] == ["Bass", "Flute"]
    assert [part.name for part in edited(score, {"op": "remove", "part": 0}).parts] == ["Bass"]


def test_a_part_gets_another_name_instrument_and_clef() -> None:
    score = tune()
    part = edited(score, {"op": "part", "part": 0, "program": 40}).parts[0]
    assert (part.program, part.name) == (40, "Violin")  # it was named after its instrument
    part = edited(score, {"op": "part", "part": 0, "name": "  Anna\n", "clef": "alto"}).parts[0]
    assert (part.name, part.staves[0].clef) == ("Anna", "alto")


def test_the_whole_is_transposed_but_not_what_was_heard() -> None:
    score = tune()
    moved = edited(score, {"op": "transpose", "semitones": -2})
    assert {bar.key.fifths for bar in moved.bars} == {-1}
    assert [n.pitch + 2 for n in moved.sounding_notes()] == [n.pitch for n in score.sounding_notes()]
    assert moved.performance == score.performance


def test_key_and_tempo_change_from_a_bar_on() -> None:
    score = edited(tune(), {"op": "header", "bar": 1, "key": "Bb minor", "tempo": 90})
    assert [bar.key.fifths for bar in score.bars] == [1, -5, -5]
    assert [bar.tempo and bar.tempo.quarter_bpm for bar in score.bars] == [None, 90, 90]


BAD: list[dict[str, Any]] = [
    {}, {"op": None}, {"op": "pitch"}, {"op": "pitch", "notes": []}, {"op": "pitch", "notes": "n0.0.1.0"},
    {"op": "pitch", "notes": ["n0.0.1.0"]}, {"op": "pitch", "notes": ["n0.0.1.0"], "pitch": "H4"},
    {"op": "pitch", "notes": ["n0.0.1.0"], "octaves": 9}, {"op": "pitch", "notes": ["n0.0.1.0"], "semitones": 1.5},
    {"op": "accidental", "notes": ["n0.0.1.0"], "alter": 3}, {"op": "length", "notes": ["n0.0.1.0"], "duration": "0"},
    {"op": "length", "notes": ["n0.0.1.0"], "duration": "1/0"},
    {"op": "length", "notes": ["n0.0.1.0"], "duration": "1e9"},
    {"op": "length", "notes": ["n0.0.1.0"], "duration": "1/1000000007"},
    {"op": "shift", "notes": ["n0.0.1.0"], "quarters": "-9"},
    {"op": "add", "part": 0, "bar": 0, "start": "4", "duration": "1", "pitch": "C4"},
    {"op": "add", "part": 0, "bar": 3, "start": "0", "duration": "1", "pitch": "C4"},
    {"op": "add", "part": 0, "bar": 0, "start": "0", "duration": "1", "pitch": "G4"},
    {"op": "move", "notes": ["n0.0.1.0"], "part": 2}, {"op": "part", "part": 0, "program": 129},
    {"op": "part", "part": 0, "clef": "x"}, {"op": "part", "part": 0, "name": "x" * 999}, {"op": "merge", "parts": [0]},
    {"op": "merge", "parts": [0, 5]}, {"op": "merge", "parts": [0, True]},
    {"op": "split", "part": 0, "at": "C9"}, {"op": "split", "part": 0, "by": "voice"},
    {"op": "hands", "part": 0, "staves": 3}, {"op": "order", "parts": [0, 0]},
    {"op": "transpose", "semitones": 1000}, {"op": "header", "key": "H"}, {"op": "header", "tempo": float("nan")},
    {"op": "header", "metre": "3/4"}, {"op": "header", "bar": 99, "tempo": 90},
]  # fmt: skip


@pytest.mark.parametrize("edit", BAD, ids=str)
def test_what_makes_no_sense_is_refused(edit: dict[str, Any]) -> None:
    with pytest.raises(EditError):
        edited(tune(), edit)


def test_every_edit_has_a_label() -> None:
    assert label({"op": "delete", "notes": ["a", "b"]}) == "Delete 2 notes"
    assert label({"op": "delete", "anchors": [{}]}) == "Delete note"


@settings(max_examples=50, deadline=None)
@given(strategies.scores())
def test_a_part_can_be_taken_apart_and_put_together(score: Score) -> None:
    for index, part in enumerate(score.parts):
        again = replace(
            score,
            parts=(*score.parts[:index], written(score, part, held_notes(score, index)), *score.parts[index + 1 :]),
        )
        assert not again.problems()
        assert not [found for found in differences(score, again) if "notes" in found]


@settings(max_examples=50, deadline=None)
@given(strategies.scores(), st.data())
def test_no_edit_leaves_a_score_that_does_not_add_up(score: Score, data: st.DataObject) -> None:
    for _ in range(3):
        names = [name for index, part in enumerate(score.parts) for _, _, name in identified(part, index)]
        if not names:
            return
        chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        part = data.draw(st.integers(0, len(score.parts) - 1))
        length = str(data.draw(st.sampled_from(["1/4", "1/3", "1/2", "1", "3/2", "2", "5"])))
        edit = data.draw(
            st.sampled_from([
                {"op": "pitch", "semitones": -1}, {"op": "pitch", "steps": 3}, {"op": "length", "duration": length},
                {"op": "delete"}, {"op": "shift", "quarters": length}, {"op": "tie"}, {"op": "tie", "tie": False},
                {"op": "respell"}, {"op": "move", "part": part, "voice": score.parts[part].voices[0]},
                {"op": "merge", "parts": [0, len(score.parts) - 1]}, {"op": "hands", "part": part, "staves": 2},
                {"op": "hands", "part": part, "staves": 1}, {"op": "split", "part": part, "at": "C4"},
                {"op": "transpose", "semitones": 3}, {"op": "header", "key": "Eb"},
                {"op": "add", "part": part, "voice": score.parts[part].voices[0], "bar": 0, "start": "0",
                 "duration": length, "pitch": "D5"},
            ])
        )  # fmt: skip
        refusal = ""
        try:
            score = edited(score, {**edit, "notes": chosen})
        except EditError as error:
            refusal = str(error)
        assert "does not fit" not in refusal  # that would be this program's fault
        assert not score.problems()


def test_what_belongs_to_a_chord_stays_with_it() -> None:
    score = tune("X:1\nL:1/4\nK:C\n{g}[CE] D z2|\n")
    chord = ids(score, 0, 0, 0, 1)
    without = edited(score, {"op": "delete", "notes": chord[:1]})
    assert [(str(n.pitch), [str(p) for p in n.grace]) for n in without.parts[0].bars[0]] == [("E4", ["G5"]), ("D4", [])]
    lower = {"op": "add", "part": 0, "voice": 1, "bar": 0, "start": "0", "duration": "1", "pitch": "A3"}
    assert [bool(note.grace) for note in edited(score, lower).parts[0].bars[0]] == [True, False, False, False]
