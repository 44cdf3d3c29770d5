"""The kinds of music that MusicXML holds, one small file a kind, as test suites of notation programs have them: what is
read is right, or named in a sentence."""

from __future__ import annotations

from fractions import Fraction

import pytest
from test_musicxml_reader import GCLEF, TIME, part_xml, xml_note

from abcscribe.score import Key, Metre, Score, Tempo
from abcscribe.score.musicxml_reader import musicxml_score
from abcscribe.score.repeats import play_order

QUARTERS = "<attributes><divisions>{}</divisions>{}</attributes>"


def read(*measures: str, divisions: int = 1, more: str = TIME, **options: str) -> tuple[Score, list[str]]:
    """A score of one part whose first measure gets ``more`` attributes, and what was said about it."""
    first = QUARTERS.format(divisions, more) + measures[0]
    score, said = musicxml_score(part_xml(first, *measures[1:], **options))
    assert score.problems() == []
    return score, said


def heads(score: Score, part: int = 0) -> list[str]:
    return [f"{n.pitch}:{n.start}:{n.duration}" for bar in score.parts[part].bars for n in bar]


def direction(content: str, *beside: str) -> str:
    return f"<direction><direction-type>{content}</direction-type>{''.join(beside)}</direction>"


def rest(duration: int) -> str:
    return f"<note><rest/><duration>{duration}</duration><voice>1</voice></note>"


def notations(*signs: str) -> str:
    return f"<notations>{''.join(signs)}</notations>"


# --- pitches, rests, rhythm -------------------------------------------------------------------------------------------


def test_pitches_of_every_alteration() -> None:
    steps = "".join(
        f"<note><pitch><step>G</step><alter>{alter}</alter><octave>4</octave></pitch><duration>1</duration></note>"
        for alter in (-2, -1, 0, 1, 2)
    )
    score, said = read(steps, more="<time><beats>5</beats><beat-type>4</beat-type></time>")
    assert ([str(n.pitch) for n in score.parts[0].bars[0]], said) == (["Gbb4", "Gb4", "G4", "G#4", "G##4"], [])


def test_quarter_tones_are_written_as_the_nearest_pitch() -> None:
    note = "<note><pitch><step>A</step><alter>0.5</alter><octave>4</octave></pitch><duration>4</duration></note>"
    score, said = read(note)
    assert score.parts[0].bars[0][0].pitch.step == "A"
    assert said == ["1 quarter tone (written as the nearest pitch) left out"]


def test_rests_are_gaps_and_a_whole_measure_is_empty() -> None:
    score, said = read(
        xml_note("C", 1) + rest(2) + xml_note("D", 1), '<note><rest measure="yes"/><duration>4</duration></note>'
    )
    assert heads(score) == ["C4:0:1", "D4:3:1"]
    assert ([bar.length for bar in score.bars], said) == ([4, 4], [])


def test_dots_breves_and_tuplets_inside_of_tuplets() -> None:
    triplet = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    inner = "<time-modification><actual-notes>9</actual-notes><normal-notes>4</normal-notes></time-modification>"
    notes = xml_note("C", 6, triplet) * 2 + xml_note("D", 2, inner) * 3 + xml_note("E", 27, "<dot/>") + xml_note("F", 9)
    score, said = read(notes + rest(18), divisions=9, more="<time><beats>8</beats><beat-type>4</beat-type></time>")
    third = Fraction(2, 3)
    assert [n.duration for n in score.parts[0].bars[0]] == [third, third, *[third / 3] * 3, 3, 1]
    assert said == []


def test_chords_and_two_voices_with_a_backup() -> None:
    chord = xml_note("C", 2) + xml_note("E", 2, first="<chord/>") + xml_note("G", 2)
    score, said = read(chord + "<backup><duration>4</duration></backup>" + xml_note("C", 4, octave=3, voice=2))
    assert heads(score) == ["C4:0:2", "E4:0:2", "G4:2:2", "C3:0:4"]
    assert (score.parts[0].staves[0].voices, said) == ((1, 2), [])


@pytest.mark.parametrize(
    ("beats", "unit", "length"), [("3", 8, "3/2"), ("2", 2, "4"), ("3+2", 8, "5/2"), ("5", 4, "5")]
)
def test_metres(beats: str, unit: int, length: str) -> None:
    time = f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>"
    bar = Fraction(length)
    score, said = read(rest(int(bar * 2)), xml_note("C", int(bar * 2)), divisions=2, more=time)
    assert [b.metre for b in score.bars] == [Metre(int(bar * unit / 4), unit)] * 2
    assert said == []


@pytest.mark.parametrize(("beats", "unit"), [("x", "4"), ("3+", "4"), ("4", "0"), ("4", "5"), ("0", "4")])
def test_metres_of_nonsense_are_said(beats: str, unit: str) -> None:
    score, said = read(xml_note("C", 4), more=f"<time><beats>{beats}</beats><beat-type>{unit}</beat-type></time>")
    assert (score.bars[0].metre, said) == (None, ["1 metre that cannot be read left out"])


def test_a_fermata_and_a_segno_on_a_bar_line() -> None:
    line = '<barline location="right"><bar-style>light-light</bar-style><fermata/></barline>'
    score, said = read('<barline location="left"><segno/></barline>' + xml_note("C", 4), xml_note("D", 4) + line)
    assert score.bars[0].signs == ("segno",)
    assert said == ["1 fermata of bar lines left out"]


def test_music_without_a_metre() -> None:
    score, said = read(xml_note("C", 3) + xml_note("D", 4), more="<time><senza-misura/></time>")
    assert ([(b.metre, b.length) for b in score.bars], said) == ([(None, 7)], [])


def test_a_pickup_and_a_measure_that_a_repeat_divides() -> None:
    back = '<barline location="right"><repeat direction="backward"/></barline>'
    score, said = read(xml_note("G", 1), xml_note("C", 4), xml_note("C", 3) + back, xml_note("D", 1), xml_note("E", 4))
    assert [bar.length for bar in score.bars] == [1, 4, 3, 1, 4]
    assert (play_order(score.bars), said) == ([0, 1, 2, 0, 1, 2, 3, 4], [])


# --- keys, clefs, transposition ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fifths", "mode"), [(-7, "major"), (3, "minor"), (2, "dorian"), (0, "none"), (7, "lydian")])
def test_keys(fifths: int, mode: str) -> None:
    score, said = read(
        rest(3) + xml_note("C", 1), more=f"<key><fifths>{fifths}</fifths><mode>{mode}</mode></key>{TIME}"
    )
    assert (score.bars[0].key, said) == (Key(fifths, mode), [])


def test_a_key_changes_at_its_measure() -> None:
    change = QUARTERS.format(1, "<key><fifths>2</fifths></key>")
    score, _ = read(xml_note("C", 4), change + xml_note("D", 4))
    assert [bar.key.fifths for bar in score.bars] == [0, 2]


@pytest.mark.parametrize(
    ("sign", "line", "octave", "clef"),
    [("F", 4, 0, "bass"), ("C", 3, 0, "alto"), ("C", 4, 0, "tenor"), ("G", 2, -1, "treble-8"), ("C", 1, 0, "soprano")],
)
def test_clefs(sign: str, line: int, octave: int, clef: str) -> None:
    change = f"<clef-octave-change>{octave}</clef-octave-change>" if octave else ""
    score, said = read(xml_note("C", 4), more=f"{TIME}<clef><sign>{sign}</sign><line>{line}</line>{change}</clef>")
    assert (score.parts[0].staves[0].clef, said) == (clef, [])


def test_a_clef_inside_of_a_measure() -> None:
    change = "<attributes><clef><sign>F</sign><line>4</line></clef></attributes>"
    score, _ = read(xml_note("C", 2) + change + xml_note("C", 2, octave=3), more=TIME + GCLEF)
    assert [(d.start, d.kind, d.text) for d in score.parts[0].directions[0]] == [(2, "clef", "bass")]


@pytest.mark.parametrize(
    ("diatonic", "chromatic", "octave", "sounding"),
    [(-1, -2, 0, "Bb3"), (-5, -9, 0, "Eb3"), (-1, -2, -1, "Bb2"), (0, 0, 1, "C5"), (-2, -3, 0, "A3")],
)
def test_transposing_instruments_are_read_as_they_sound(
    diatonic: int, chromatic: int, octave: int, sounding: str
) -> None:
    change = f"<octave-change>{octave}</octave-change>" if octave else ""
    transpose = f"<transpose><diatonic>{diatonic}</diatonic><chromatic>{chromatic}</chromatic>{change}</transpose>"
    score, said = read(xml_note("C", 4), more=f"<key><fifths>0</fifths></key>{TIME}{transpose}")
    assert (str(score.parts[0].bars[0][0].pitch), said) == (sounding, [])


# --- repeats and jumps ------------------------------------------------------------------------------------------------


def ending(number: str, kind: str, repeat: bool = False) -> str:
    back = '<repeat direction="backward"/>' if repeat else ""
    where = "left" if kind == "start" else "right"
    return f'<barline location="{where}"><ending number="{number}" type="{kind}"/>{back}</barline>'


def test_three_endings_one_of_them_for_two_turns() -> None:
    start = '<barline location="left"><repeat direction="forward"/></barline>'
    score, said = read(
        start + xml_note("C", 4),
        ending("1, 2", "start") + xml_note("D", 4) + ending("1, 2", "stop", repeat=True),
        ending("3", "start") + xml_note("E", 4) + ending("3", "discontinue"),
        xml_note("F", 4),
    )
    assert (play_order(score.bars), said) == ([0, 1, 0, 1, 0, 2, 3], [])


def test_a_repeat_that_is_played_four_times() -> None:
    score, _ = read(xml_note("C", 4) + '<barline location="right"><repeat direction="backward" times="4"/></barline>')
    assert play_order(score.bars) == [0, 0, 0, 0]


def test_da_capo_al_fine_by_words_and_segno_and_coda_by_signs() -> None:
    fine = xml_note("C", 4) + direction("<words>Fine</words>")
    score, _ = read(fine, xml_note("D", 4) + direction("<words>D.C. al Fine</words>"))
    assert play_order(score.bars) == [0, 1, 0]
    to_coda = direction("<words>To Coda</words>", '<sound tocoda="coda"/>')
    back = direction("<words>D.S. al Coda</words>", '<sound dalsegno="segno"/>')
    score, _ = read(
        xml_note("C", 4), direction("<segno/>") + xml_note("D", 4) + to_coda, xml_note("E", 4) + back,
        direction("<coda/>") + xml_note("F", 4),
    )  # fmt: skip
    assert play_order(score.bars) == [0, 1, 2, 1, 3]


# --- signs ------------------------------------------------------------------------------------------------------------


def test_grace_notes_before_and_after() -> None:
    small = "<note><grace{}/><pitch><step>{}</step><octave>4</octave></pitch><voice>1</voice></note>"
    score, said = read(
        small.format(' slash="yes"', "D")
        + xml_note("C", 2)
        + xml_note("E", 2)
        + small.format(' steal-time-previous="20"', "F")
    )
    first, last = score.parts[0].bars[0]
    assert ([str(p) for p in first.grace], [str(p) for p in last.after], said) == (["D4"], ["F4"], [])


def test_directions() -> None:
    music = (
        direction('<metronome><beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>60</per-minute></metronome>')
        + direction("<dynamics><mp/></dynamics>") + xml_note("C", 1) + direction('<wedge type="crescendo"/>')
        + xml_note("D", 1) + direction('<wedge type="stop"/>') + direction("<words>dolce</words>") + xml_note("E", 2)
    )  # fmt: skip
    score, said = read(music)
    assert score.bars[0].tempo == Tempo(60.0, Fraction(3, 2))
    signs = [(d.start, d.kind, d.text) for d in score.parts[0].directions[0]]
    assert signs == [(0, "dynamic", "mp"), (1, "hairpin", "<"), (2, "hairpin", "!"), (2, "words", "dolce")]
    assert said == []


@pytest.mark.parametrize(
    ("sign", "sentence"),
    [
        ('<pedal type="start"/>', "1 pedal mark left out"),
        ('<octave-shift type="down" size="8"/>', "1 octave line left out"),
        ("<harp-pedals/>", "1 harp pedal left out"),
        ('<bracket type="start" line-end="none"/>', "1 bracket left out"),
    ],
)
def test_directions_without_a_place(sign: str, sentence: str) -> None:
    assert read(direction(sign) + xml_note("C", 4))[1] == [sentence]


def test_articulations_ornaments_and_fermatas() -> None:
    signs = notations(
        "<articulations><staccato/><accent/></articulations>", "<ornaments><trill-mark/></ornaments>", "<fermata/>",
        "<technical><up-bow/><fingering>3</fingering></technical>",
    )  # fmt: skip
    score, said = read(xml_note("C", 4, signs))
    assert {*score.parts[0].bars[0][0].marks} == {"staccato", "accent", "trill-mark", "fermata", "up-bow", "finger-3"}
    assert said == []


@pytest.mark.parametrize(
    ("sign", "sentence"),
    [
        ('<glissando type="start"/>', "1 glissando left out"),
        ("<articulations><doit/></articulations>", "1 doit sign left out"),
        ("<technical><hammer-on>H</hammer-on></technical>", "1 hammer on sign left out"),
    ],
)
def test_signs_without_a_place(sign: str, sentence: str) -> None:
    assert read(xml_note("C", 4, notations(sign)))[1] == [sentence]


def test_slurs_and_ties_over_the_bar_line() -> None:
    tie, end = '<tie type="start"/>', '<tie type="stop"/>'
    first = xml_note("C", 2, notations('<slur type="start"/>')) + xml_note(
        "D", 2, tie, notations('<tied type="start"/>')
    )
    score, said = read(first, xml_note("D", 4, end, notations('<tied type="stop"/>', '<slur type="stop"/>')))
    a, b, c = (n for bar in score.parts[0].bars for n in bar)
    assert (a.slur_start, b.tie, c.slur_stop, said) == (1, True, 1, [])


# --- songs, several staves --------------------------------------------------------------------------------------------


def sung(step: str, *verses: str) -> str:
    lyrics = "".join(f'<lyric number="{i}">{verse}</lyric>' for i, verse in enumerate(verses, 1))
    return xml_note(step, 1, lyrics)


def syllabic(kind: str, text: str) -> str:
    return f"<syllabic>{kind}</syllabic><text>{text}</text>"


def test_words_of_two_verses_with_hyphens_extenders_and_elisions() -> None:
    elided = "<syllabic>single</syllabic><text>l'a</text><elision>_</elision><syllabic>single</syllabic><text>e</text>"
    score, said = read(
        sung("C", syllabic("begin", "Glo"), syllabic("single", "Two")) + sung("D", syllabic("end", "ry"))
        + sung("E", syllabic("single", "oh") + "<extend/>") + sung("F", elided)
    )  # fmt: skip
    notes = score.parts[0].bars[0]
    words = [[(s.text, s.joined, s.held) for s in n.lyrics if s] for n in notes]
    assert words[:3] == [[("Glo", True, False), ("Two", False, False)], [("ry", False, False)], [("oh", False, True)]]
    assert words[3][0][0].replace("_", " ").split() == ["l'a", "e"]
    assert said == []


def test_chord_symbols_with_a_bass_and_no_chord() -> None:
    def harmony(content: str) -> str:
        return f"<harmony>{content}</harmony>"

    flat = "<root><root-step>B</root-step><root-alter>-1</root-alter></root><kind>minor-seventh</kind>"
    score, said = read(
        harmony(flat + "<bass><bass-step>F</bass-step></bass>") + xml_note("C", 2)
        + harmony("<root><root-step>C</root-step></root><kind>none</kind>") + xml_note("D", 2)
    )  # fmt: skip
    assert ([str(h) for h in score.bars[0].harmonies], said) == (["Bbm7/F", "N.C."], [])


def test_two_staves_with_a_note_that_crosses() -> None:
    staff = "<staff>{}</staff>".format
    right = xml_note("C", 2, staff(1)) + xml_note("E", 2, staff(2), octave=3)
    left = "<backup><duration>4</duration></backup>" + xml_note("C", 4, staff(2), octave=3, voice=5)
    clefs = '<clef number="1"><sign>G</sign><line>2</line></clef><clef number="2"><sign>F</sign><line>4</line></clef>'
    score, said = read(right + left, more=f"{TIME}<staves>2</staves>{clefs}")
    (part,) = score.parts
    assert [s.clef for s in part.staves] == ["treble", "bass"]
    assert [(str(n.pitch), n.staff) for n in part.bars[0]] == [("C4", 0), ("E3", 2), ("C3", 0)]
    assert said == []


def test_bar_lines() -> None:
    lines = [
        f'<barline location="right"><bar-style>{s}</bar-style></barline>'
        for s in ("light-light", "dashed", "light-heavy")
    ]
    score, said = read(*(xml_note("C", 4) + line for line in lines), xml_note("C", 4))
    assert ([bar.line for bar in score.bars], said) == (["double", "dashed", "final", ""], [])


def test_figured_bass_and_ossias_are_said() -> None:
    score, said = read(
        "<figured-bass><figure><figure-number>6</figure-number></figure></figured-bass>" + xml_note("C", 4)
    )
    assert (heads(score), said) == (["C4:0:4"], ["1 figure of a bass left out"])
