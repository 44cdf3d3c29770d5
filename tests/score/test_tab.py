"""Tablature that a hand can play."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from fractions import Fraction

import pytest
from example_scores import guitar, note, quartet, recorded, scores
from hypothesis import given, settings

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Harmony, Part, Score
from abcscribe.score.fingering import HIGHEST_FRET, WIDEST_STRETCH, finger
from abcscribe.score.musicxml import to_musicxml
from abcscribe.score.tab import TUNINGS, open_strings, remarks, to_ascii, to_tab_musicxml, usual_tuning, with_tab_parts
from abcscribe.score.writers import render

GUITAR = open_strings("guitar")


def melody(*pitches: str) -> Score:
    bar = tuple(note(Fraction(4 * i, len(pitches)), Fraction(4, len(pitches)), p) for i, p in enumerate(pitches))
    return Score((Bar(Fraction(4)),), (Part((bar,), "Guitar", 24),))


def frets(score: Score) -> list[int]:
    """Frets of the first part in time order."""
    places = finger(score.parts[0], score.bar_starts(), GUITAR).places
    return [fret for (_, _), (_, fret) in sorted(places.items(), key=lambda item: (item[0][0], item[0][1].start))]


def test_an_open_chord_is_the_one_that_beginners_learn() -> None:
    score = guitar()
    places = finger(score.parts[0], score.bar_starts(), GUITAR).places
    chord = {string: fret for (bar, _), (string, fret) in places.items() if bar == 0}
    assert chord == {0: 3, 1: 2, 2: 0, 3: 0, 4: 0, 5: 3}


def test_a_scale_stays_in_one_position() -> None:
    low_scale = frets(melody("E2", "F2", "G2", "A2", "B2", "C3", "D3", "E3"))
    assert low_scale == [0, 1, 3, 0, 2, 3, 0, 2]
    high = [fret for fret in frets(melody("A4", "B4", "C5", "D5", "C5", "B4", "A4", "B4")) if fret]
    assert max(high) - min(high) <= WIDEST_STRETCH + 1


def test_text_of_a_small_piece() -> None:
    text = to_ascii(guitar())
    assert text.startswith("Study\n\nGuitar (tuning E2 A2 D3 G3 B3 E4)\n\n")
    lines = text.splitlines()[4:11]
    assert lines[0].split() == ["1", "2", "3", "4"] * 3
    assert [line[:4] for line in lines[1:]] == ["E|-3", "B|-0", "G|-0", "D|-0", "A|-2", "E|-3"]
    assert len({len(line) for line in lines[1:]}) == 1
    assert lines[6].endswith("|-0---------------|")  # the tied E is struck once


@settings(max_examples=60, deadline=None)
@given(scores())
def test_every_place_sounds_its_note_and_every_hand_can_hold_it(score: Score) -> None:
    part, strings = score.parts[0], [pitch.midi for pitch in GUITAR]
    fingering = finger(part, score.bar_starts(), GUITAR)
    shapes: dict[tuple[int, Fraction], list[tuple[int, int]]] = {}
    for (bar, n), (string, fret) in fingering.places.items():
        assert (strings[string] + fret - n.pitch.midi) % 12 == 0
        assert 0 <= fret <= HIGHEST_FRET
        shapes.setdefault((bar, n.start), []).append((string, fret))
    for shape in shapes.values():
        stopped = [fret for _, fret in shape if fret]
        assert len({string for string, _ in shape}) == len(shape)
        assert not stopped or max(stopped) - min(stopped) <= WIDEST_STRETCH
    notes = {(i, n) for i, bar in enumerate(part.bars) for n in bar}
    assert len(notes) - len(fingering.places) == fingering.left_out


def test_what_does_not_fit_is_moved_and_said() -> None:
    assert "sounds 1 octave higher" in to_ascii(melody("A1", "B1", "C2", "D2"))
    assert "1 note moved by an octave" in to_ascii(melody("D2", "B4", "C5", "D6"))
    cluster = Score((Bar(Fraction(4)),), (Part((tuple(note(0, 4, p) for p in ("E2", "F2", "G2", "E4")),)),))
    assert "2 notes of chords left out" in to_ascii(cluster)


def test_a_melody_keeps_its_top_note_when_a_chord_is_thinned() -> None:
    rich = [note(0, 4, p) for p in ("E2", "F2", "G2", "A2", "B2", "C3", "D3", "E3", "G3", "E4")]
    places = finger(Part((tuple(rich),)), [Fraction(0), Fraction(4)], GUITAR).places
    kept = {str(n.pitch) for _, n in places}
    assert {"E2", "E4"} <= kept


def test_tunings_by_name_and_by_strings() -> None:
    assert [str(p) for p in open_strings("Ukulele")] == ["G4", "C4", "E4", "A4"]
    assert [p.midi for p in open_strings("Eb2 G#2 d3")] == [39, 44, 50]
    for name in TUNINGS:
        assert len(open_strings(name)) >= 4
    for wrong in ("lute", "", "E2 X3", "E2 " * 13):
        with pytest.raises(ScoreError, match="no tuning"):
            open_strings(wrong)


def test_instruments_have_their_usual_tuning() -> None:
    assert usual_tuning(Part((), "Electric Bass", 33)) == "bass"
    assert usual_tuning(Part((), "Ukulele", 24)) == "ukulele"
    assert usual_tuning(recorded().parts[0]) == "guitar"


def test_the_tuning_can_be_chosen_for_every_tab_format() -> None:
    drop_d = melody("D2", "A2", "D3", "F#3")
    assert "D|-0" in to_ascii(drop_d, "guitar-drop-d")
    for name in ("tab", "tab-musicxml", "tab-pdf"):
        assert render(drop_d, name, "guitar-drop-d") != render(drop_d, name)
        with pytest.raises(ScoreError, match="no tuning"):
            render(drop_d, name, "lute")


def test_tablature_sounds_where_the_hand_is() -> None:
    score, tabs = with_tab_parts(melody("A1", "B1", "C2", "D2"))
    assert [str(n.pitch) for n in score.parts[1].bars[0]] == ["A2", "B2", "C3", "D3"]
    assert set(tabs[1].positions) == {(0, n) for n in score.parts[1].bars[0]}


def test_only_the_fretted_parts_of_a_band_are_written() -> None:
    band = Score(guitar().bars, (Part(((),) * 3, "Voice", 52), *guitar().parts))
    assert "Voice" not in to_ascii(band)
    assert to_ascii(quartet()).count("tuning") == 4


def test_drums_alone_have_no_tablature() -> None:
    with pytest.raises(ScoreError, match="no part with pitches"):
        to_ascii(Score((Bar(Fraction(4)),), (Part(((),), program=128),)))


def test_musicxml_has_notes_above_tablature() -> None:
    root = ET.fromstring(to_tab_musicxml(guitar()).split("?>", 1)[1])
    notes, tab = root.findall("part")
    assert tab.findtext(".//clef/sign") == "TAB"
    assert [t.findtext("tuning-step") for t in tab.iter("staff-tuning")] == list("EADGBE")
    assert [n.findtext("pitch/octave") for n in notes.iter("note")] == [
        n.findtext("pitch/octave") for n in tab.iter("note")
    ]
    first = tab.findall("measure[1]/note")
    assert [(n.findtext(".//string"), n.findtext(".//fret")) for n in first] == [
        ("6", "3"), ("5", "2"), ("4", "0"), ("3", "0"), ("2", "0"), ("1", "3")
    ]  # fmt: skip


def test_a_tab_score_keeps_its_problems_empty() -> None:
    assert with_tab_parts(quartet())[0].problems() == []


def frets_of(*chords: str, tuning: str = "guitar") -> list[str]:
    """The frets of a part of chords such as "E2 B2 E3", for each a text such as ``0-2-2``, from the lowest string."""
    bars = tuple(tuple(note(0, 4, pitch) for pitch in chord.split()) for chord in chords)
    found = finger(Part(bars, "Guitar", 24), [Fraction(4 * i) for i in range(len(bars))], open_strings(tuning))
    return [
        "-".join(str(fret) for _, fret in sorted(found.places[i, n] for n in notes)) for i, notes in enumerate(bars)
    ]


def test_a_riff_moves_one_shape() -> None:
    riff = ("F2 C3 F3", "G2 D3 G3", "A2 E3 A3", "C3 G3 C4", "G2 D3 G3")
    assert frets_of(*riff, tuning="guitar-drop-d") == ["3-3-3", "5-5-5", "7-7-7", "10-10-10", "5-5-5"]


def test_given_strings_and_frets_are_kept_with_their_capo() -> None:
    given = replace(note(0, 4, "B3"), string=3, fret=2)  # could be an open string
    score = Score((Bar(Fraction(4)),), (Part(((given,),), "Guitar", 24, capo=2),))
    assert "G|-2-" in to_ascii(score)
    assert "capo 2" in to_ascii(score)
    assert "capo" not in to_ascii(score, capo=0)


def test_a_part_stays_in_its_octave_while_it_can_be_played() -> None:
    score = melody("E5", "G5", "B5", "C3")
    assert "octave" not in to_ascii(score)
    assert remarks(score) == []


def test_what_is_left_out_is_said() -> None:
    flute = Part((tuple(note(i, 1, "C5") for i in range(4)),), "Flute", 73)
    low = Part(((note(0, 4, "C1"),),), "Guitar", 24)
    said = remarks(Score((Bar(Fraction(4)),), (low, flute)))
    assert said == ["Guitar: sounds 2 octaves higher.", "1 part without frets left out."]


def test_chord_names_stand_above_their_beats() -> None:
    bar = Bar(Fraction(4), harmonies=(Harmony(Fraction(0), "A", "m"), Harmony(Fraction(2), "D", "7")))
    lines = to_ascii(Score((bar,), (Part(((note(0, 4, "A2"),),), "Guitar", 24),))).splitlines()
    row = next(i for i, line in enumerate(lines) if "D7" in line and "Grips" not in line)
    assert lines[row].index("D7") == lines[row + 1].index("3")


def test_tablature_alone_shows_no_rests() -> None:
    score = Score((Bar(Fraction(4)),), (Part(((note(0, 1, "A2"), note(2, 1, "A2")),), "Guitar", 24),))
    text = to_musicxml(*with_tab_parts(score, notes=False))
    assert 0 < text.count('print-object="no"') == text.count("<rest")
    assert "<sign>TAB</sign>" in text
    assert "<sign>G</sign>" not in text
