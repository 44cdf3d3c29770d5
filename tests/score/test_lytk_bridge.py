"""Files of other programs -> Score."""

from fractions import Fraction
from pathlib import Path

import pytest
from example_scores import quartet

from abcscribe.errors import ScoreError
from abcscribe.score import Key, Metre, Score
from abcscribe.score.lytk_bridge import read_lilypond, read_midi, read_musicxml, score_from_lytk
from abcscribe.score.writers import render

HEAD = """<score-partwise version="4.0"><part-list>
<score-part id="P1"><part-name>Clarinet
in B flat</part-name><score-instrument id="I"><instrument-name>c</instrument-name></score-instrument>
<midi-instrument id="I"><midi-channel>1</midi-channel><midi-program>72</midi-program></midi-instrument>
</score-part></part-list><part id="P1">"""
CLEF = "<clef><sign>G</sign><line>2</line></clef>"
TIME = "<time><beats>2</beats><beat-type>4</beat-type></time>"


def from_measures(folder: Path, *measures: str) -> Score:
    """The score of a part with these measures; six divisions a quarter."""
    numbered = "".join(f'<measure number="{i}">{content}</measure>' for i, content in enumerate(measures, 1))
    path = folder / "score.musicxml"
    path.write_text(f"{HEAD}{numbered}</part></score-partwise>")
    return read_musicxml(path)


def attributes(*more: str) -> str:
    return f"<attributes><divisions>6</divisions>{''.join(more)}</attributes>"


def xml_note(step: str, duration: int, kind: str, *more: str, octave: int = 4, voice: int = 1, first: str = "") -> str:
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    length = f"<duration>{duration}</duration>" if duration else ""
    return f"<note>{first}{pitch}{length}<voice>{voice}</voice><type>{kind}</type>{''.join(more)}</note>"


def test_a_transposing_instrument_sounds_as_it_does(tmp_path: Path) -> None:
    key = "<key><fifths>2</fifths></key>"
    down = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    score = from_measures(tmp_path, attributes(key, TIME, CLEF, down) + xml_note("F", 12, "half"))
    assert score.bars[0].key == Key(0)
    assert str(score.parts[0].bars[0][0].pitch) == "Eb4"
    assert (score.parts[0].name, score.parts[0].program) == ("Clarinet in B flat", 71)


def test_tuplets_are_exact(tmp_path: Path) -> None:
    third = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    triplet = "".join(xml_note(step, 2, "eighth", third) for step in "CDE")
    score = from_measures(tmp_path, attributes(TIME, CLEF) + triplet + xml_note("C", 6, "quarter"))
    assert [n.start for n in score.parts[0].bars[0]] == [0, Fraction(1, 3), Fraction(2, 3), 1]


def test_grace_notes_at_the_end_of_a_bar_end_its_last_note(tmp_path: Path) -> None:
    grace = xml_note("B", 0, "eighth", first="<grace/>")
    bars = (attributes(TIME, CLEF) + xml_note("C", 12, "half") + grace, grace + xml_note("A", 12, "half"))
    notes = from_measures(tmp_path, *bars).parts[0].bars
    assert [str(pitch) for pitch in notes[0][0].after] == ["B4"]
    assert [str(pitch) for pitch in notes[1][0].grace] == ["B4"]


def test_ties_that_lead_nowhere_are_dropped(tmp_path: Path) -> None:
    tie = '<notations><tied type="start"/></notations>'
    begin = '<tie type="start"/>'
    whole = xml_note("C", 12, "half", tie).replace("<voice>", f"{begin}<voice>")
    score = from_measures(tmp_path, attributes(TIME, CLEF) + whole, whole, xml_note("D", 12, "half"))
    assert [bar[0].tie for bar in score.parts[0].bars] == [True, False, False]


def test_voices_are_numbered_staff_by_staff(tmp_path: Path) -> None:
    back = "<backup><duration>12</duration></backup>"
    clefs = '<staves>2</staves><clef number="1"><sign>G</sign><line>2</line></clef>'
    clefs += '<clef number="2"><sign>F</sign><line>4</line></clef>'
    low = xml_note("C", 12, "half", "<staff>2</staff>", octave=3, voice=5)
    high = xml_note("C", 12, "half", "<staff>1</staff>", octave=5)
    inner = xml_note("E", 12, "half", "<staff>1</staff>", voice=2)
    part = from_measures(tmp_path, attributes(TIME, clefs) + low + back + inner + back + high).parts[0]
    assert [(staff.clef, staff.voices) for staff in part.staves] == [("treble", (1, 2)), ("bass", (3,))]
    assert [(n.voice, str(n.pitch)) for n in part.bars[0]] == [(1, "C5"), (2, "E4"), (3, "C3")]


def test_pickups_and_changes_of_metre(tmp_path: Path) -> None:
    three = "<time><beats>3</beats><beat-type>8</beat-type></time>"
    bars = (attributes(TIME, CLEF) + xml_note("C", 3, "eighth"), attributes(three) + xml_note("C", 6, "quarter"))
    score = from_measures(tmp_path, *bars, "")
    assert [(bar.length, bar.metre) for bar in score.bars] == [
        (Fraction(1, 2), Metre(2, 4)), (Fraction(1), Metre(3, 8)), (Fraction(3, 2), Metre(3, 8))
    ]  # fmt: skip


def test_of_two_metres_at_once_the_one_that_fills_the_bar_is_kept() -> None:
    def part(beats: str, unit: int) -> dict:
        rest = {"Rest": {"duration": {"base": [3, 4]}}}
        time = {"time": {"beats": beats, "beat_type": unit}}
        return {"Part": {"measures": [{"attributes": time, "voices": [{"elements": [rest]}]}]}}

    score = score_from_lytk({"children": [part("2", 4), part("6", 8)]})
    assert [(bar.length, bar.metre) for bar in score.bars] == [(3, Metre(6, 8))]


def test_a_tempo_inside_a_bar_counts_from_the_next_one(tmp_path: Path) -> None:
    mark = "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>{}</per-minute>"
    mark += "</metronome></direction-type></direction>"
    half = xml_note("C", 6, "quarter")
    score = from_measures(
        tmp_path, attributes(TIME, CLEF) + mark.format(60) + half + mark.format(90) + half, half + half
    )
    assert [bar.tempo.quarter_bpm for bar in score.bars if bar.tempo] == [60, 90]


def test_endings_for_several_turns_are_numbered(tmp_path: Path) -> None:
    def ending(number: str, kind: str, side: str, sign: str = "") -> str:
        return f'<barline location="{side}"><ending number="{number}" type="{kind}"/>{sign}</barline>'

    whole, back = xml_note("C", 12, "half"), '<repeat direction="backward"/>'
    first = ending("1, 2", "start", "left") + whole + ending("1, 2", "stop", "right", back)
    last = ending("3", "start", "left") + whole + ending("3", "discontinue", "right")
    score = from_measures(tmp_path, attributes(TIME, CLEF) + whole, first, last)
    assert [bar.ending for bar in score.bars] == ["", "1,2", "3"]
    assert score.bars[1].repeat_end


def midi_of(folder: Path, *strokes: tuple[int, int, int], channel: int = 0) -> Score:
    """What is read in a MIDI file of (start and end in ticks, key), 480 a quarter, in a track without a name."""
    events = sorted(
        (at, bytes([kind | channel, key, 64])) for a, b, key in strokes for at, kind in ((a, 0x90), (b, 0x80))
    )
    body, now = b"", 0
    for at, message in events:
        delta, now = at - now, at
        body += bytes([delta >> 7 | 0x80, delta & 0x7F]) + message
    body += b"\0\xff\x2f\0"
    path = folder / "played.mid"
    path.write_bytes(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body)
    return read_midi(path)


def test_the_early_release_of_a_key_is_no_rest(tmp_path: Path) -> None:
    score = midi_of(tmp_path, *((i * 480, i * 480 + 432, 60 + i) for i in (0, 1, 2, 3, 5)))
    (part,) = score.parts
    assert part.name == ""
    assert [(n.start, n.duration) for bar in part.bars for n in bar] == [(i % 4, 1) for i in (0, 1, 2, 3, 5)]


def test_played_drums_stand_on_sixteenths_and_triplets(tmp_path: Path) -> None:
    early = [(i * 120 + (7, -9, 4, 11)[i % 4], 42) for i in range(1, 16)] + [(1920 + i * 160 + 9, 38) for i in range(3)]
    score = midi_of(tmp_path, *((at, at + 31, key) for at, key in [(3, 36), *early]), channel=9)
    first, second = score.parts[0].bars
    assert [(n.start * 4, n.pitch.midi) for n in first] == [(0, 36), *((i, 42) for i in range(1, 16))]
    assert [(n.start, n.duration) for n in second] == [(Fraction(i, 3), Fraction(1, 3)) for i in range(3)]


def test_midi_and_lilypond_that_were_written_are_read_back(tmp_path: Path) -> None:
    score = quartet()
    for reader, name in ((read_midi, "midi"), (read_lilypond, "lilypond")):
        path = tmp_path / name
        path.write_bytes(render(score, name))
        again = reader(path)
        assert [(n.onset, n.pitch) for n in again.sounding_notes()] == [
            (n.onset, n.pitch) for n in score.sounding_notes()
        ], name


@pytest.mark.parametrize("reader", [read_musicxml, read_midi, read_lilypond])
@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"<score-partwise><part", b"PK\x03\x04 not a zip"])
def test_nonsense_is_one_sentence(reader, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "nonsense"
    path.write_bytes(content)
    with pytest.raises(ScoreError, match=r"^[^\n]*nonsense[^\n]*\.$"):
        reader(path)
