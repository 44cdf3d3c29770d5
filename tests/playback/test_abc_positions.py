"""Every written value is found in the ABC text, whatever the score."""

from dataclasses import replace

import pytest
import strategies
from hypothesis import given, settings

from abcscribe.errors import ScoreError
from abcscribe.playback.abc_positions import positions
from abcscribe.playback.view import view
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_tokens import TOKENS
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Score


def utf16(text: str, start: int, end: int) -> str:
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


@settings(max_examples=60, deadline=None)
@given(strategies.scores())
def test_each_span_holds_one_note_chord_or_rest(score: Score) -> None:
    text = write_abc(score)
    found = positions(score, text)
    ends = 0
    for value in found:
        start, end = value.chars
        assert start >= ends
        ends = end
        piece = utf16(text, start, end).rstrip("-")
        match = TOKENS.fullmatch(piece)
        assert match, piece
        heads = len(value.notes)
        assert match.lastgroup == ("rest" if not heads else "note" if heads == 1 else "chord")
    written = {(v.part, v.bar, note) for v in found for note in v.notes}
    assert written == {(p, b, n) for p, part in enumerate(score.parts) for b, bar in enumerate(part.bars) for n in bar}


def test_titles_outside_the_first_plane_shift_nothing() -> None:
    score, _ = read_abc("X:1\nK:C\nC2 [DF]- [DF]|")
    score = replace(score, title="\U0001f3b5 \U0001f3b5")
    text = write_abc(score)
    assert [utf16(text, *value.chars) for value in positions(score, text)] == ["C2", "[DF]-", "[DF]"]


def test_grace_notes_tuplets_and_fields_are_no_values() -> None:
    score, _ = read_abc("X:1\nM:2/4\nL:1/8\nK:C\n{gf}e2 (3dcB|\nM:3/8\nK:G\nz2 F|")
    text = write_abc(score)
    assert [utf16(text, *value.chars) for value in positions(score, text)] == ["e2", "d", "c", "B", "z2", "F"]


def test_another_text_is_refused() -> None:
    score, _ = read_abc("X:1\nK:C\nCDEF|GABc|")
    with pytest.raises(ScoreError):
        positions(score, "X:1\nK:C\nV:1\nCDE|\n")


def test_parts_are_called_as_musicians_call_them():
    """General MIDI's names say how a synthesizer plays; a name that somebody gave stays."""
    text = (
        'X:1\nL:1/4\nK:C\nV:1 name="Choir Aahs"\n%%MIDI program 52\nCDEF|\nV:2 name="Anna"\n%%MIDI program 0\nCDEF|\n'
    )
    seen = view(read_abc(text)[0])
    assert [part["name"] for part in seen["parts"]] == ["Voice", "Anna"]
    assert 'name="Voice"' in seen["abc"]
    assert "Voice + Anna" in seen["summary"]
