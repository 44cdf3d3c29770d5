"""MIDI numbers -> spelled pitches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import corpus
from strategies import keys

from abcscribe.score.lytk_bridge import read_musicxml
from abcscribe.score.model import Key
from abcscribe.score.spelling import key_named, spell


def names(midis: list[int], key: Key) -> str:
    return " ".join(str(pitch)[:-1] for pitch in spell(midis, key))


@pytest.mark.parametrize(
    ("midis", "key", "spelled"),
    [
        ([60, 61, 62, 63, 64, 65, 66, 67], Key(), "C C# D D# E F F# G"),  # chromatic up: sharps
        ([67, 66, 65, 64, 63, 62, 61, 60], Key(), "G F# F E Eb D C# C"),  # down: flats, but F# and C# are nearer
        ([72, 71, 70, 69, 68, 67], Key(), "C B Bb A Ab G"),
        ([69, 71, 72, 74, 76, 77, 80, 81], Key(0, "minor"), "A B C D E F G# A"),  # the raised leading note
        ([76, 78, 80, 81], Key(0, "minor"), "E F# G# A"),  # melodic minor
        ([62, 63, 62], Key(-1, "minor"), "D Eb D"),
        ([66, 65, 66], Key(6), "F# E# F#"),  # of the key, though E# elsewhere
        ([60], Key(-7), "C"),
        ([70], Key(0), "Bb"),
        ([], Key(), ""),
    ],
)
def test_spelling_by_key_and_direction(midis, key, spelled):
    assert names(midis, key) == spelled


@given(st.lists(st.integers(0, 127), max_size=40), keys)
def test_every_pitch_keeps_its_sound(midis, key):
    pitches = spell(midis, key)
    assert [pitch.midi for pitch in pitches] == midis
    assert all(-2 <= pitch.alter <= 2 for pitch in pitches)


def test_bach_is_spelled_as_he_did():
    """99.9 % over all of music21's chorales; here five, where at most one note in a hundred may differ."""
    same = total = 0
    for number in ("bwv66.6", "bwv269", "bwv347", "bwv153.1", "bwv17.7"):
        score = read_musicxml(corpus.getWork(f"bach/{number}"))
        for part in score.parts:
            written = [note.pitch for bar in part.bars for note in bar]
            pitches = spell([pitch.midi for pitch in written], score.bars[0].key)
            same += sum(p == w for p, w in zip(pitches, written, strict=True))
            total += len(written)
    assert total > 800
    assert same / total > 0.99


def test_keys_by_name():
    assert key_named("F#", "minor") == Key(3, "minor")
    assert key_named("Bb") == Key(-2)
    assert key_named("D", "dorian") == Key(0, "dorian")
    assert all(key_named(Key(f, m).tonic, m) == Key(f, m) for f in range(-7, 8) for m in ("major", "phrygian"))
