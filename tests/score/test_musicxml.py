"""MusicXML as written: what an engraver or another program reads from it."""

import xml.etree.ElementTree as ET
import zipfile
from fractions import Fraction

import lytk
import pytest
from example_scores import note, piano, quartet, recorded, scores
from hypothesis import given, settings

from abcscribe.errors import ScoreError
from abcscribe.score import Bar, Key, Metre, Note, Part, Score, Staff, readers
from abcscribe.score.lytk_bridge import score_from_lytk
from abcscribe.score.musicxml import to_musicxml


def tree(score: Score) -> ET.Element:
    return ET.fromstring(to_musicxml(score).split("?>", 1)[1])


def read_back(score: Score) -> Score:
    return score_from_lytk(lytk.from_musicxml_string(to_musicxml(score)).to_dict())


def texts(root: ET.Element, path: str) -> list[str | None]:
    return [element.text for element in root.findall(path)]


def one_bar(*notes: Note, fifths: int = 0) -> Score:
    return Score((Bar(Fraction(4), key=Key(fifths)),), (Part((notes,)),))


@pytest.mark.parametrize("make", [piano, quartet])
def test_what_was_written_is_read_back(make) -> None:
    score = make()
    again = read_back(score)
    assert again.bars == score.bars
    assert again.sounding_notes() == score.sounding_notes()
    assert (again.title, again.composer) == (score.title, score.composer)
    assert [(p.name, p.program, p.staves) for p in again.parts] == [(p.name, p.program, p.staves) for p in score.parts]


def test_grace_notes_are_read_back_in_order() -> None:
    (grace,) = [n.grace for bar in read_back(piano()).parts[0].bars for n in bar if n.grace]
    assert [str(pitch) for pitch in grace] == ["B4", "D5"]


@settings(max_examples=40, deadline=None)
@given(scores())
def test_any_score_is_read_back(score: Score) -> None:
    again = read_back(score)
    assert again.sounding_notes() == score.sounding_notes()
    assert again.bars == score.bars
    assert again.problems() == []


@settings(max_examples=40, deadline=None)
@given(scores())
def test_every_voice_fills_every_bar(score: Score) -> None:
    root = tree(score)
    for part in root.findall("part"):
        divisions = int(part.findtext("measure/attributes/divisions"))
        for measure, bar in zip(part.findall("measure"), score.bars, strict=True):
            filled: dict[str, int] = {}
            for element in measure.findall("note"):
                if element.find("chord") is None and element.find("grace") is None:
                    voice = element.findtext("voice")
                    filled[voice] = filled.get(voice, 0) + int(element.findtext("duration"))
            assert set(filled.values()) == {bar.length * divisions}


def test_signs_hold_for_the_bar_and_the_octave() -> None:
    score = one_bar(note(0, 1, "F#4"), note(1, 1, "F#4"), note(2, 1, "F4"), note(3, 1, "F#5"))
    signs = [element.findtext("accidental") for element in tree(score).iter("note")]
    assert signs == ["sharp", None, "natural", "sharp"]


def test_the_key_needs_no_signs() -> None:
    score = one_bar(note(0, 1, "F#4"), note(1, 1, "C5"), note(2, 1, "C#5"), note(3, 1, "Bb4"), fifths=1)
    assert [element.findtext("accidental") for element in tree(score).iter("note")] == [None, None, "sharp", "flat"]


def test_a_note_tied_over_the_bar_line_needs_no_sign_but_the_next_one_does() -> None:
    part = Part(((note(0, 4, "C#5", tie=True),), (note(0, 2, "C#5"), note(2, 2, "C#5"))))
    signs = [element.findtext("accidental") for element in tree(Score((Bar(Fraction(4)),) * 2, (part,))).iter("note")]
    assert signs == ["sharp", None, "sharp"]


def test_a_voice_hears_the_signs_of_the_other_voice_on_its_staff() -> None:
    notes = (note(0, 2, "C#5"), note(2, 2, "E5"), note(0, 2, "A4", 2), note(2, 2, "C#5", 2))
    score = Score((Bar(Fraction(4)),), (Part((notes,), staves=(Staff("treble", (1, 2)),)),))
    assert texts(tree(score), "part/measure/note/accidental") == ["sharp"]


def test_beams_join_beats_with_hooks_inside() -> None:
    notes = [note(0, "3/4", "C5"), note("3/4", "1/4", "D5"), note(1, "1/4", "E5"), note("5/4", "3/4", "F5")]
    root = tree(one_bar(*notes, note(2, 2, "G5")))
    beams = [[beam.text for beam in element.findall("beam")] for element in root.iter("note")]
    assert beams == [["begin"], ["end", "backward hook"], ["begin", "forward hook"], ["end"], []]


def test_a_beamed_triplet_has_a_number_and_no_bracket() -> None:
    root = tree(quartet())
    eighths, quarters = (part.findall("measure/note/notations/tuplet") for part in root.findall("part")[:2])
    assert [(t.get("type"), t.get("bracket")) for t in eighths] == [("start", "no"), ("stop", None)]
    assert [(t.get("type"), t.get("bracket")) for t in quarters] == [("start", "yes"), ("stop", None)]
    assert texts(root, "part[@id='P1']/measure[1]/note/time-modification/actual-notes") == ["3", "3", "3"]


def test_bars_are_numbered_as_musicians_count() -> None:
    metre = Metre(3, 4)
    lengths = (1, 3, 2, 1, 3)  # a pickup, and a bar divided by a repeat
    bars = tuple(Bar(Fraction(length), metre, repeat_end=i == 2) for i, length in enumerate(lengths))
    root = tree(Score(bars, (Part(((),) * 5),)))
    measures = root.findall("part/measure")
    assert [m.get("number") for m in measures] == ["0", "1", "2", "X1", "3"]
    assert [m.get("implicit") for m in measures] == ["yes", None, None, "yes", None]


def test_a_silent_bar_has_one_rest_and_a_silent_pickup_its_own_length() -> None:
    bars = (Bar(Fraction(3, 2)), Bar(Fraction(4)))
    rests = tree(Score(bars, (Part(((), ())),))).findall("part/measure/note")
    assert [(r.find("rest").get("measure"), r.findtext("type")) for r in rests] == [
        (None, "eighth"),
        (None, "quarter"),
        ("yes", None),
    ]


def test_endings_open_and_close() -> None:
    bars = [
        Bar(Fraction(4), repeat_start=True),
        Bar(Fraction(4), ending="1"),
        Bar(Fraction(4), repeat_end=True),
        Bar(Fraction(4), ending="2"),
    ]
    bars += [Bar(Fraction(4)), Bar(Fraction(4), repeat_end=True)]
    root = tree(Score(tuple(bars), (Part(((),) * 6),)))
    endings = [
        (measure.get("number"), ending.get("number"), ending.get("type"))
        for measure in root.findall("part/measure")
        for ending in measure.findall("barline/ending")
    ]
    assert endings == [("2", "1", "start"), ("3", "1", "stop"), ("4", "2", "start"), ("5", "2", "discontinue")]


def test_only_the_first_part_carries_the_tempo() -> None:
    root = tree(quartet())
    assert texts(root, "part[@id='P1']//per-minute") == ["96", "120.5"]
    assert texts(root, "part[@id='P2']//per-minute") == []
    assert texts(tree(piano()), ".//beat-unit") == ["quarter"]
    assert len(tree(piano()).findall(".//beat-unit-dot")) == 1


def test_characters_that_xml_forbids_are_left_out() -> None:
    score = Score(recorded().bars, recorded().parts, title="a\x00b\x1fc")
    assert tree(score).findtext("work/work-title") == "abc"


def test_stems_of_one_voice_of_drums_go_up() -> None:
    hits = (note(0, 1, "C2"), note(1, 1, "D2"))
    score = Score((Bar(Fraction(4)),), (Part((hits,), "Drums", 128, (Staff("perc"),)),))
    assert [e.findtext("stem") for e in tree(score).iter("note")] == ["up", "up", None]


def test_an_archive_in_an_encoding_that_nobody_knows_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", '<?xml version="1.0" encoding="UTF0"?><container/>')
    with pytest.raises(ScoreError, match="no whole MXL archive"):
        readers.read_score(tmp_path / "odd.mxl")
