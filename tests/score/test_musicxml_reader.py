"""What MusicXML files of other programs hold: percussion, tablature, words, repeats, transposition, odd numbers."""

import io
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from abcscribe.errors import ScoreError
from abcscribe.score import Score, Syllable
from abcscribe.score.musicxml import to_musicxml
from abcscribe.score.musicxml_reader import musicxml_score, read_musicxml

TIME = "<time><beats>4</beats><beat-type>4</beat-type></time>"
GCLEF = "<clef><sign>G</sign><line>2</line></clef>"
DRUMS = """<score-part id="P1"><part-name>Drums</part-name>
<score-instrument id="K"><instrument-name>Kick</instrument-name></score-instrument>
<score-instrument id="H"><instrument-name>Closed Hi-Hat</instrument-name></score-instrument>
<midi-instrument id="K"><midi-channel>10</midi-channel><midi-unpitched>37</midi-unpitched></midi-instrument>
</score-part>"""


def part_xml(*measures: str, head: str = '<score-part id="P1"><part-name>Music</part-name></score-part>') -> bytes:
    content = "".join(f'<measure number="{i}">{measure}</measure>' for i, measure in enumerate(measures, 1))
    return f'<score-partwise><part-list>{head}</part-list><part id="P1">{content}</part></score-partwise>'.encode()


def score_of(*measures: str, **options: str) -> Score:
    score, said = musicxml_score(part_xml(*measures, **options))
    assert (said, score.problems()) == ([], [])
    return score


def attributes(*more: str) -> str:
    return f"<attributes><divisions>1</divisions>{''.join(more)}</attributes>"


def xml_note(step: str, duration: int, *more: str, octave: int = 4, first: str = "", voice: int = 1) -> str:
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{first}{pitch}<duration>{duration}</duration><voice>{voice}</voice>{''.join(more)}</note>"


def hit(instrument: str, step: str, octave: int, head: str = "") -> str:
    shown = f"<unpitched><display-step>{step}</display-step><display-octave>{octave}</display-octave></unpitched>"
    notehead = f"<notehead>{head}</notehead>" if head else ""
    return f'<note>{shown}<duration>2</duration><instrument id="{instrument}"/><voice>1</voice>{notehead}</note>'


def test_drums_are_keys_and_stand_where_they_usually_do() -> None:
    score = score_of(attributes(TIME) + hit("K", "F", 4) + hit("H", "G", 5, "x"), head=DRUMS)
    (part,) = score.parts
    assert (part.program, part.staves[0].clef) == (128, "perc")
    assert [(n.pitch.midi, n.line, n.head) for n in part.bars[0]] == [(36, None, ""), (42, None, "")]
    text = to_musicxml(score)
    assert text.count("<unpitched>") == 2
    assert text.count("<notehead>x</notehead>") == 1
    assert "<midi-unpitched>43</midi-unpitched>" in text


def test_a_drum_at_an_unusual_place_keeps_it() -> None:
    score = score_of(attributes(TIME) + hit("K", "E", 4, "diamond") + hit("H", "G", 5, "x"), head=DRUMS)
    kick = score.parts[0].bars[0][0]
    assert (kick.pitch.midi, str(kick.line), kick.head) == (36, "E4", "diamond")


def test_strings_frets_tuning_and_capo() -> None:
    line = '<staff-tuning line="{}"><tuning-step>{}</tuning-step><tuning-octave>{}</tuning-octave></staff-tuning>'
    opened = ("D2", "A2", "D3", "G3", "B3", "E4")
    strings = "".join(line.format(i, *name) for i, name in enumerate(opened, 1))
    tab = f"<clef><sign>TAB</sign><line>5</line></clef><staff-details>{strings}<capo>2</capo></staff-details>"
    place = "<notations><technical><string>6</string><fret>3</fret></technical></notations>"
    head = '<score-part id="P1"><part-name>Guitar</part-name></score-part>'
    score = score_of(attributes(TIME, tab) + xml_note("G", 4, place, octave=2), head=head)
    (part,) = score.parts
    assert (part.program, part.staves[0].clef, part.capo) == (24, "treble-8", 2)
    assert [str(pitch) for pitch in part.tuning] == ["D2", "A2", "D3", "G3", "B3", "E4"]
    assert (part.bars[0][0].string, part.bars[0][0].fret) == (6, 3)


def test_a_tablature_staff_below_the_notes_says_only_where_they_are_played() -> None:
    clefs = '<staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef>'
    clefs += '<clef number="2"><sign>TAB</sign><line>5</line></clef>'
    place = "<notations><technical><string>2</string><fret>1</fret></technical></notations>"
    above = xml_note("C", 4, "<staff>1</staff>", octave=5)
    below = xml_note("C", 4, f"<staff>2</staff>{place}", octave=5, voice=5)
    score = score_of(attributes(TIME, clefs) + above + "<backup><duration>4</duration></backup>" + below)
    (part,) = score.parts
    assert len(part.staves) == 1
    assert [(n.string, n.fret) for n in part.bars[0]] == [(2, 1)]


def test_words_with_two_verses_and_a_melisma() -> None:
    def lyric(number: int, text: str, syllabic: str, more: str = "") -> str:
        return f'<lyric number="{number}"><syllabic>{syllabic}</syllabic><text>{text}</text>{more}</lyric>'

    first = xml_note("C", 2, lyric(1, "glo", "begin"), lyric(2, "see", "single", "<extend/>"))
    score = score_of(attributes(TIME, GCLEF) + first + xml_note("D", 2, lyric(1, "ry", "end")))
    one, two = score.parts[0].bars[0]
    assert one.lyrics == (Syllable("glo", joined=True), Syllable("see", held=True))
    assert two.lyrics == (Syllable("ry"),)


def test_measure_repeats_are_written_out() -> None:
    sign = '<attributes><measure-style><measure-repeat type="{}">1</measure-repeat></measure-style></attributes>'
    empty = '<note><rest measure="yes"/><duration>4</duration><voice>1</voice></note>'
    notes = xml_note("C", 2) + xml_note("E", 2)
    score = score_of(
        attributes(TIME, GCLEF) + notes, sign.format("start") + empty, empty, sign.format("stop") + xml_note("D", 4)
    )
    heard = [[str(n.pitch) for n in bar] for bar in score.parts[0].bars]
    assert heard == [["C4", "E4"], ["C4", "E4"], ["C4", "E4"], ["D4"]]
    assert [[d.kind for d in bar] for bar in score.parts[0].directions] == [
        [],
        ["measure-repeat"],
        ["measure-repeat"],
        [],
    ]
    again, _ = musicxml_score(to_musicxml(score).encode())
    assert again == score


def test_jumps_by_words_or_by_sound() -> None:
    words = "<direction><direction-type><words>{}</words></direction-type></direction>"
    segno = "<direction><direction-type><segno/></direction-type></direction>"
    bars = (attributes(TIME, GCLEF) + segno + xml_note("C", 4), xml_note("D", 4) + words.format("Fine"),
            xml_note("E", 4) + '<direction><direction-type><words>again</words></direction-type>'
            '<sound dalsegno="segno"/></direction>')  # fmt: skip
    score = score_of(*bars)
    assert [bar.signs for bar in score.bars] == [("segno",), ("fine",), ("D.S.",)]
    assert [str(n.pitch) for bar in score.unfolded().parts[0].bars for n in bar] == ["C4", "D4", "E4", "C4", "D4"]


def test_a_transposing_part_is_spelled_in_the_key_of_the_others() -> None:
    heads = '<score-part id="P1"><part-name>Flute</part-name></score-part>'
    heads += '<score-part id="P2"><part-name>Clarinet in A</part-name></score-part>'
    down = "<transpose><diatonic>-2</diatonic><chromatic>-3</chromatic></transpose>"
    flute = attributes("<key><fifths>-4</fifths></key>", TIME) + xml_note("F", 4)
    clarinet = attributes("<key><fifths>5</fifths></key>", TIME, down) + xml_note("B", 4)
    text = f'<score-partwise><part-list>{heads}</part-list><part id="P1"><measure>{flute}</measure></part>'
    score, _ = musicxml_score(f'{text}<part id="P2"><measure>{clarinet}</measure></part></score-partwise>'.encode())
    assert (score.bars[0].key.fifths, str(score.parts[1].bars[0][0].pitch)) == (-4, "Ab4")
    again, _ = musicxml_score(to_musicxml(score).encode())
    assert again.parts == score.parts
    assert "<fifths>5</fifths>" in to_musicxml(score)
    assert "<transpose>" not in to_musicxml(score, concert=True)


def test_rounded_divisions_stay_exact() -> None:
    triplet = "<type>eighth</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
    triplet += "</time-modification>"
    notes = "".join(xml_note("C", d, triplet) for d in (33, 33, 34)) + xml_note("D", 300)
    score = score_of(f"<attributes><divisions>100</divisions>{TIME}{GCLEF}</attributes>{notes}")
    assert [n.start for n in score.parts[0].bars[0]] == [0, Fraction(1, 3), Fraction(2, 3), 1]
    assert score.bars[0].length == 4


def test_what_has_no_place_is_counted() -> None:
    pedal = '<direction><direction-type><pedal type="start"/></direction-type></direction>'
    wild = "<note><pitch><step>C</step><octave>44</octave></pitch><duration>1</duration></note>"
    cue = xml_note("C", 1, first="<cue/>")
    score, said = musicxml_score(part_xml(attributes(TIME) + pedal + pedal + wild + cue + xml_note("C", 2)))
    assert len(score.parts[0].bars[0]) == 1
    assert sorted(sentence.split()[0] for sentence in said) == ["1", "1", "2"]
    assert any("pedal" in sentence for sentence in said)


def test_timewise_scores_and_archives(tmp_path: Path) -> None:
    text = '<score-timewise><part-list><score-part id="A"><part-name>x</part-name></score-part></part-list>'
    text += f'<measure><part id="A">{attributes(TIME)}{xml_note("C", 4)}</part></measure></score-timewise>'
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside.xml", text)
    path = tmp_path / "archive.mxl"
    path.write_bytes(buffer.getvalue())
    assert [str(n.pitch) for n in read_musicxml(path)[0].parts[0].bars[0]] == ["C4"]


@pytest.mark.parametrize("content", [b"<html/>", b"<score-partwise/>", b"<score-partwise>", b"\xff\xfe<"])
def test_other_files_are_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "nonsense.xml"
    path.write_bytes(content)
    with pytest.raises(ScoreError, match=r"^[^\n]*nonsense[^\n]*\.$"):
        read_musicxml(path)
