"""The weights in the package, end to end, on the example recording: a floor under their quality."""

import importlib.util
from difflib import SequenceMatcher
from fractions import Fraction
from pathlib import Path

import pytest

import abcscribe
from abcscribe.score.model import Key, Metre

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def score():
    return abcscribe.transcribe(EXAMPLES / "greensleeves.m4a")


@pytest.fixture(scope="module")
def played() -> list[tuple[int, Fraction]]:
    """(MIDI pitch, quarters) of every note that was played."""
    spec = importlib.util.spec_from_file_location("make_example", EXAMPLES / "make_example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    words = (word.split(":") for word in module.TUNE.split())
    return [(module.midi(name), Fraction(length) / 2) for name, length in words]


def test_header(score):
    assert score.bars[0].metre == Metre(6, 8)
    assert score.bars[0].key == Key(0, "minor")
    assert score.bars[0].tempo.quarter_bpm == pytest.approx(111, rel=0.05)
    assert len(score.parts) == 1


def test_nearly_every_note_is_there_and_few_others_are(score, played):
    written = [note.pitch for note in score.sounding_notes()]
    assert SequenceMatcher(None, written, [pitch for pitch, _ in played], autojunk=False).ratio() > 0.95


def test_most_notes_have_their_value(score, played):
    written = [(note.pitch, note.duration) for note in score.sounding_notes()]
    assert SequenceMatcher(None, written, played, autojunk=False).ratio() > 0.85


def test_bars_follow_the_recording(score):
    seconds = [bar.seconds for bar in score.bars]
    assert seconds == sorted(seconds)
    assert seconds[-1] < score.seconds
