"""Score -> canonical ABC, and what other programs hear in it."""

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import lytk
import pytest
import symusic
from music21 import corpus

from abcscribe.score.abc_reader import read_abc, read_tunes
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.differences import differences
from abcscribe.score.lytk_bridge import read_musicxml, score_from_lytk
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo

ABC2MIDI = Path(symusic.__file__).parent / "bin" / "abc2midi"
F = Fraction
C_MAJOR, COMMON = Key(), Metre()


def body(text: str, voice: int = 1) -> str:
    """The music lines of one voice."""
    block = text.split(f"\nV:{voice} ")[1].split("\nV:")[0]
    return "\n".join(block.splitlines()[2:])


def melody(*notes: tuple[str, int, str], key: Key = C_MAJOR, metre: Metre = COMMON, bars: int = 1) -> Score:
    """A score of one voice: (step and accidental, octave, duration), one after another."""
    content: list[list[Note]] = [[] for _ in range(bars)]
    position = F(0)
    for name, octave, duration in notes:
        pitch = Pitch(name[0], name.count("#") - name.count("b"), octave)
        bar, start = divmod(position, metre.length)
        content[int(bar)].append(Note(start, F(duration), pitch))
        position += F(duration)
    return Score((Bar(metre.length, metre, key),) * bars, (Part(tuple(map(tuple, content))),))


def test_what_changes_in_a_repeat_is_said_again_behind_its_sign():
    keys = (0, 0, 1, 1)
    bars = tuple(Bar(F(4), COMMON, Key(k), repeat_start=i == 1, repeat_end=i == 2) for i, k in enumerate(keys))
    text = write_abc(Score(bars, (Part(((),) * 4),)))
    assert text.endswith("%%MIDI program 0\nz8 |:\nM:4/4\nK:C\nz8 |\nK:G\nz8 :| z8 |]\n")
    assert read_abc(text)[0].bars == bars


def test_the_whole_text_of_a_small_score():
    up = (Note(F(0), F(1), Pitch("G")), Note(F(1), F(1), Pitch("B"), tie=True))
    on = (Note(F(0), F(2), Pitch("B")), Note(F(0), F(2), Pitch("D", 0, 5)))
    low = (Note(F(0), F(2), Pitch("G", 0, 2), voice=3),)
    middle = (Note(F(0), F(1), Pitch("D"), voice=2, grace=(Pitch("E"), Pitch("F", 1))),)
    bars = (
        Bar(F(2), Metre(2, 4), Key(1), Tempo(90.0), repeat_start=True, repeat_end=True),
        Bar(F(2), Metre(2, 4), Key(0, "minor"), Tempo(60.0)),
    )
    piano = Part((up + middle, on + low), "Grand Piano", 0, (Staff("treble", (1, 2)), Staff("bass", (3,))))
    flute = Part(((), (Note(F(0), F(2), Pitch("C", 1, 5)),)), "Flute", 73)
    assert write_abc(Score(bars, (piano, flute), "100 % & more", "Anon")) == (
        "%abc-2.1\nX:1\nT:100 \\% \\& more\nC:Anon\n%%score {(1 2) | 3} 4\nM:2/4\nL:1/4\nQ:1/4=90\nK:G\n"
        'V:1 name="Grand Piano" clef=treble\n%%MIDI program 0\n|: G B- :|\nK:Am\nQ:1/4=60\n[Bd]2 |]\n'
        "V:2 clef=treble\n%%MIDI program 0\nK:G\n|: {EF}D x :|\nK:Am\nx2 |]\n"
        "V:3 clef=bass\n%%MIDI program 0\nK:G\n|: z2 :|\nK:Am\nG,,2 |]\n"
        'V:4 name="Flute" clef=treble\n%%MIDI program 73\nK:G\n|: z2 :|\nK:Am\n^c2 |]\n'
    )


@pytest.mark.parametrize(
    ("score", "music"),
    [
        (melody(("F#", 4, "1"), ("F#", 4, "1"), ("F", 4, "1"), ("F#", 5, "1")), "^F F =F ^f |]"),
        (melody(("F#", 4, "1"), ("F#", 5, "1"), ("F#", 4, "2")), "^F ^f F2 |]"),  # once in each octave
        (melody(("F#", 4, "2"), ("F", 4, "2"), key=Key(1)), "F4 =F4 |]"),
        (melody(("B", 4, "1/2"), ("C", 5, "1/2"), ("B", 4, "1/2"), ("C", 5, "5/2")), "Bc Bc- c4 |]"),
        (melody(*[("A", 4, "1/2")] * 6, metre=Metre(6, 8)), "AAA AAA |]"),
        (melody(*[("A", 4, "1/3")] * 3, ("B", 4, "1")), "(3AAA B2 z4 |]"),
        (melody(*[("A", 4, "1/5")] * 5), "(5:4:5AAAAA z4 z8 |]"),
        (melody(("C", 2, "1"), ("C", 7, "1"), bars=5), "C,, c'' z2 | z4 | z4 | z4 |\nz4 |]"),
    ],
)
def test_music(score, music):
    assert body(write_abc(score)) == music


def test_two_voices_on_a_staff_repeat_each_others_accidentals():
    notes = (
        Note(F(0), F(1), Pitch("F", 1)),
        Note(F(0), F(1), Pitch("F"), voice=2),
        Note(F(1), F(1), Pitch("F"), voice=2),
    )
    score = Score((Bar(F(2), Metre(2, 4)),), (Part((notes,), staves=(Staff("treble", (1, 2)),)),))
    assert body(write_abc(score), 1) == "^F z |]"
    assert body(write_abc(score), 2) == "=F =F |]"


def test_clefs_that_sound_an_octave_off_are_written_as_the_standard_says():
    score = Score((Bar(F(4)),), (Part(((Note(F(0), F(1), Pitch("C", 0, 3)),),), staves=(Staff("treble-8"),)),))
    assert body(write_abc(score)) == "C z z2 |]"
    assert score_from_lytk(lytk.from_abc_string(write_abc(score)).to_dict()).sounding_notes() == score.sounding_notes()


def test_an_empty_score():
    assert write_abc(Score()) == "%abc-2.1\nX:1\nT:\nM:4/4\nL:1/8\nK:C\n"
    assert read_abc(write_abc(Score()))[0].bars == ()


def without_marks(score: Score) -> Score:
    """The same notes without ornaments, which abc2midi plays out."""
    bars = (tuple(tuple(replace(note, marks=()) for note in bar) for bar in part.bars) for part in score.parts)
    parts = tuple(replace(part, bars=notes) for part, notes in zip(score.parts, bars, strict=True))
    return replace(score, parts=parts)


def abc2midi(text: str, folder: Path) -> list[tuple[int, int]]:
    """(MIDI, onset in 48ths of a quarter) of what abc2midi plays."""
    (folder / "tune.abc").write_text(text, encoding="utf-8")
    subprocess.run([ABC2MIDI, "tune.abc", "-o", "tune.mid", "-NGRA"], cwd=folder, capture_output=True, check=False)
    played = symusic.Score(folder / "tune.mid")
    return sorted((n.pitch, round(48 * n.time / played.tpq)) for track in played.tracks for n in track.notes)


@pytest.mark.parametrize(
    "name", ["bach/bwv66.6", "bach/bwv269", "essenFolksong/altdeu10.abc", "oneills1850/0101-0200.abc"]
)
def test_other_programs_hear_the_same(name, tmp_path):
    path = corpus.getWork(name)
    scores = [s for s, _ in read_tunes(Path(path).read_text())][:12] if name.endswith("abc") else [read_musicxml(path)]
    for score in scores:
        text = write_abc(score)
        assert differences(score, read_abc(text)[0]) == []
        heard = sorted((n.pitch, round(48 * n.onset)) for n in score.unfolded().sounding_notes())
        assert abc2midi(write_abc(without_marks(score)), tmp_path) == heard
        assert score_from_lytk(lytk.from_abc_string(text).to_dict()).sounding_notes() == score.sounding_notes()
