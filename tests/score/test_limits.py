"""Nonsense is refused with a sentence, what some format cannot say is put right and said, and neither costs time."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import example_scores
import pytest

from abcscribe.errors import ScoreError
from abcscribe.score import limits, source
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Staff, Tempo
from abcscribe.score.readers import read_leniently
from abcscribe.score.writers import WRITERS, render

C4 = Pitch("C", 0, 4)


QUARTER, WHOLE = Note(Fraction(0), Fraction(1), C4), Bar(Fraction(4))


def one_note(note: Note = QUARTER, bar: Bar = WHOLE, **part: object) -> Score:
    return Score((bar,), (Part(((note,),), **part),))  # type: ignore[arg-type]


NONSENSE: dict[str, tuple[Score, str]] = {
    "a long bar": (one_note(bar=Bar(Fraction(390_000))), "390,000 quarters long"),
    "a bar of huge numbers": (one_note(bar=Bar(Fraction(10**400))), "quarters long"),
    "an empty bar": (one_note(bar=Bar(Fraction(0))), "0 quarters long"),
    "a metre over zero": (one_note(bar=Bar(Fraction(4), Metre(4, 0))), "the metre 4/0"),
    "a metre over three": (one_note(bar=Bar(Fraction(4), Metre(4, 3))), "the metre 4/3"),
    "an unknown mode": (one_note(bar=Bar(Fraction(4), key=Key(0, "foo"))), "unknown mode 'foo'"),
    "a signature of hundreds": (one_note(bar=Bar(Fraction(4), key=Key(300))), "300 accidentals"),
    "no tempo": (one_note(bar=Bar(Fraction(4), tempo=Tempo(0.0))), "0 beats in a minute"),
    "a tempo that is no number": (one_note(bar=Bar(Fraction(4), tempo=Tempo(float("nan")))), "nan beats"),
    "an unknown clef": (one_note(staves=(Staff("zz"),)), "unknown clef 'zz'"),
    "an unknown program": (one_note(program=999), "the program 999"),
    "an ending of words": (one_note(bar=Bar(Fraction(4), ending="last")), "the ending 'last'"),
    "grace notes without end": (one_note(Note(Fraction(0), Fraction(1), C4, grace=(C4,) * 3000)), "3,000 grace notes"),
    "a chord without end": (Score((WHOLE,), (Part(((QUARTER,) * 500,)),)), "500 notes at once"),
    "bars for nobody": (Score((Bar(Fraction(4)),) * 15_000, (Part(((),) * 15_000),) * 2), "2 parts of 15,000 bars"),
    "more bars than music has": (Score((Bar(Fraction(4)),) * 30_000, (Part(((),) * 30_000),)), "30,000 bars"),
    "a staff that is not there": (one_note(replace(QUARTER, staff=3)), "a staff that it does not have"),
    "a performance that is no number": (replace(one_note(), performance=(PlayedNote(float("nan"), 1.0, 60),)), "nan"),
    "a performance of no key": (replace(one_note(), performance=(PlayedNote(0.0, 1.0, 900),)), "pitch 900"),
}  # fmt: skip


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_by_reader_and_writer_alike(name: str) -> None:
    score, said = NONSENSE[name]
    for refuse in (limits.admitted, lambda score: render(score, "abc")):
        with pytest.raises(ScoreError, match=said) as caught:
            refuse(score)
        assert str(caught.value)[0].isupper()
        assert str(caught.value).endswith(".")


REPAIRED: dict[str, tuple[Note, str, str]] = {
    "a triple sharp": (Note(Fraction(0), Fraction(1), Pitch("C", 3, 4)), "spelled anew", "63 1"),
    "a pitch below C0": (Note(Fraction(0), Fraction(1), Pitch("C", 0, -1)), "moved by octaves", "12 1"),
    "a pitch above G9": (Note(Fraction(0), Fraction(1), Pitch("C", 99, 4)), "moved by octaves", "123 1"),
    "a grace note below C0": (replace(QUARTER, grace=(Pitch("D", 0, -1),)), "moved by octaves", "60 1"),
    "a 2048th": (Note(Fraction(0), Fraction(1, 512), C4), "left out", ""),
    "a prime of a quarter": (Note(Fraction(0), Fraction(1500, 7919), C4), "rounded to 256ths", "60 3/16"),
    "40 dots": (Note(Fraction(0), 2 - Fraction(1, 2**40), C4), "rounded to 256ths", "60 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REPAIRED)
def test_what_some_format_cannot_say_is_put_right_and_said(name: str) -> None:
    note, said, sounds = REPAIRED[name]
    score, changes = limits.admitted(one_note(note))
    assert [said in change for change in changes] == [True]
    assert " ".join(f"{n.pitch} {n.duration}" for n in score.sounding_notes()) == sounds
    for format_name in WRITERS:
        if format_name != "performance-midi":
            render(score, format_name)


@pytest.mark.parametrize("make", [example_scores.piano, example_scores.quartet, example_scores.recorded])
def test_music_is_left_as_it_is(make: Callable[[], Score]) -> None:
    assert limits.admitted(make()) == (make(), [])


def test_a_bar_that_no_page_can_hold_is_not_engraved() -> None:
    notes = tuple(Note(Fraction(i, 8), Fraction(1, 8), C4) for i in range(2000))
    score = Score((Bar(Fraction(250)),), (Part((notes,)),))
    assert render(score, "musicxml")
    with pytest.raises(ScoreError, match="2,000 notes"):
        render(score, "pdf")


def test_ties_count_as_much_as_notes_on_a_page() -> None:
    notes = tuple(Note(Fraction(43 * i, 64), Fraction(43, 64), C4) for i in range(300))  # each a chain of four values
    score = Score((Bar(Fraction(202), None),), (Part((notes,)),))
    with pytest.raises(ScoreError, match="notes and ties"):
        render(score, "svg")


def test_a_large_chord_is_fingered_in_no_time() -> None:
    notes = tuple(Note(Fraction(0), Fraction(1), Pitch(step, 0, octave)) for octave in range(9) for step in "CDEFGAB")
    began = time.process_time()
    assert b"left out" in render(Score((Bar(Fraction(4)),), (Part((notes,)),)), "tab")
    assert time.process_time() - began < 5


def test_whatever_a_writer_raises_is_a_score_error() -> None:
    with pytest.raises(ScoreError, match="cannot be written as abc"):
        render(one_note(name=5), "abc")


# --- files ------------------------------------------------------------------------------------------------------------

HEADER = '"format": "abcscribe-score", "version": 1'
WRONG_FIELDS = [
    '"bars": [{"length": "1e10000000"}]', '"bars": [{"length": true}]', '"bars": [{"length": "4/0"}]', '"bars": 5',
    '"bars": [{"length": "4", "key": null}]', '"bars": [{"length": "4", "tempo": {"bpm": "x"}}]', '"bars": [[]]',
    '"title": 5', '"parts": [{"bars": [[{"pitch": "C####x4"}]]}]', '"parts": {"bars": []}', '"nonsense": 1',
    '"performance": [{"onset": NaN, "offset": 1, "pitch": 60}]',
    '"performance": [{"onset": 0, "offset": 1e999, "pitch": 60}]',
    '"seconds": ' + "9" * 5000, '"parts": ' + "[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("fields", WRONG_FIELDS)
def test_json_of_any_shape_is_read_or_refused(fields: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(f"{{{HEADER}, {fields}}}")
    with pytest.raises(ScoreError):
        read_leniently(path)


def test_half_a_character_in_a_title_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(json.loads(render(example_scores.piano(), "json")) | {"title": "a\ud800b"}))
    score, problems = read_leniently(path)
    assert score.title == "a\ufffdb"
    assert any("title" in problem for problem in problems)


def test_a_file_that_swells_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mxl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.musicxml", b" " * (source.MOST_BYTES + 1))
    assert path.stat().st_size < 100_000
    with pytest.raises(ScoreError, match="swells"):
        read_leniently(path)


@pytest.mark.parametrize(
    "change", [lambda whole: whole[: len(whole) // 2], lambda whole: whole.replace(b"PK\x01\x02", b"PK\0\0")]
)
def test_a_damaged_archive_is_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.mxl"
    path.write_bytes(change(render(example_scores.piano(), "mxl")))
    with pytest.raises(ScoreError, match="damaged archive"):
        read_leniently(path)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    with path.open("wb") as file:
        file.truncate(source.MOST_BYTES + 1)
    with pytest.raises(ScoreError, match="larger than"):
        read_leniently(path)


@pytest.mark.parametrize("name", ["abc", "musicxml", "midi", "json", "mxl", "lilypond"])
def test_stdin_is_read_by_its_beginning(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(render(example_scores.quartet(), name)))
    monkeypatch.setattr("sys.stdin", stdin)
    assert len(read_leniently("-")[0].bars) == 2
