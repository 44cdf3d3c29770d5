"""Files of aligned notes and folders of recordings, written small and read back."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from abcscribe.evaluation import suites
from abcscribe.evaluation.aligned_notes import GroundTruthError, read_aligned_notes
from abcscribe.evaluation.suites import read_suite
from abcscribe.score import Key, Metre

COLUMNS = "audio,instrument,gt_level,score_gt,aligned_notes_gt,meter,key,tempo,comment"
TUNE = "X:1\nM:3/4\nL:1/4\nK:C\nC E G|c3|]\n"


def spans(path: Path, text: str, shift: int = 0) -> list[tuple[float, float, int]]:
    path.write_text(text)
    return [(round(n.onset, 3), round(n.offset, 3), n.pitch) for n in read_aligned_notes(path, shift).notes]


def test_bach10_has_channels_and_no_offsets(tmp_path: Path):
    path = tmp_path / "01.txt"
    assert spans(path, "220\t1915\t72\t1\n1000\t2500\t71\t1\n230\t1915\t48\t2\n") == [
        (0.22, 1.0, 72), (0.23, 0.73, 48), (1.0, 1.5, 71),
    ]  # fmt: skip
    aligned = read_aligned_notes(path)
    assert (sorted(aligned.tracks), aligned.offsets) == ([1, 2], False)


def test_sung_notes_are_what_was_meant_unless_they_are_wrong(tmp_path: Path):
    # a singer who is a third of a semitone flat throughout, sings a fifth lower, and misses the last note by two
    text = "0.5 52.7 0.00 60.00\n1.0 54.7 1.00 62.00\n1.5 58.7 2.00 64.00\n"
    assert spans(tmp_path / "7_label.txt", text, shift=-7) == [(0.5, 1.0, 53), (1.0, 1.5, 55), (1.5, 2.0, 59)]


def test_tables_with_offsets(tmp_path: Path):
    assert spans(tmp_path / "a.notes.tsv", "onset_s\toffset_s\tmidi\n0.15\t0.766\t71\n") == [(0.15, 0.766, 71)]
    assert spans(tmp_path / "a.csv", "1.0,440.5,0.25\n") == [(1.0, 1.25, 69)]
    notes = [{"a_start_time": 1.0, "a_end_time": 1.2, "midi_pitch": 57}]
    assert spans(tmp_path / "a.json", json.dumps({"notes": notes})) == [(1.0, 1.2, 57)]


def test_match_files_count_ticks(tmp_path: Path):
    text = (
        "info(midiClockUnits,480).\ninfo(midiClockRate,500000).\n"
        "snote(n1,[D,n],5,1:1,0,1/16,0.0,0.25,[v1])-note(n1,74,960,1440,72,1,1).\n"
        "insertion-note(n2,81,1920,2400,23,1,1).\nsnote(n3,[C,n],5,1:1,0,1/16,0.0,0.25,[v1])-deletion.\nsustain(0,0).\n"
    )
    assert spans(tmp_path / "a.match", text) == [(1.0, 1.5, 74), (2.0, 2.5, 81)]


def test_midi_files_play_by_their_own_tempo(tmp_path: Path):
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(initial_tempo=90)
    midi.instruments.append(pretty_midi.Instrument(33))
    midi.instruments[0].notes.append(pretty_midi.Note(80, 40, 1.5, 2.25))
    midi.write(str(tmp_path / "a.mid"))
    (note,) = read_aligned_notes(tmp_path / "a.mid").notes
    assert (note.onset, note.offset, note.pitch) == (pytest.approx(1.5, abs=0.01), pytest.approx(2.25, abs=0.01), 40)


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "220 1915\n"), ("a.json", "{}"), ("a.wav", ""), ("a_label.txt", "")]
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)
    with pytest.raises(GroundTruthError, match=name):
        read_aligned_notes(tmp_path / name)


def suite(folder: Path, *rows: str):
    (folder / "manifest.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    return read_suite(folder)


def test_a_clip_with_everything(tmp_path: Path):
    (tmp_path / "tune.abc").write_text(TUNE)
    (tmp_path / "1_label.txt").write_text("0.5 58.1 0 60\n1.0 62.1 1 64\n1.5 65.1 2 67\n2.0 70.1 3 72\n")
    row = 'songs/1.wav,voice (alone),A,tune.abc,1_label.txt,3/4,C,1/4=100,"sung -2 semitones from the written score"'
    (clip,) = suite(tmp_path, row)
    assert (clip.name, clip.group, clip.level) == ("songs/1", "songs", "A")
    for path, group in {"bach/mix/1.wav": "bach/mix", "songs/audio/1.wav": "songs", "1.wav": "."}.items():
        assert suites._group(Path(path)) == group
    assert (clip.score.bars[0].key, clip.score.bars[0].metre) == (Key(-2), Metre(3, 4))
    assert clip.score.bars[0].tempo is not None
    assert clip.score.bars[0].tempo.quarter_bpm == 100
    assert [n.pitch for n in clip.score.sounding_notes()] == [58, 62, 65, 70]
    assert clip.notes is not None
    assert [(n.pitch, n.family) for n in clip.notes] == [(58, "voice"), (62, "voice"), (65, "voice"), (70, "voice")]
    assert not clip.offsets
    assert {"metre", "tempo", "key", "pitch", "rhythm"} < set(clip.metrics)


def test_one_channel_of_a_chorale(tmp_path: Path):
    (tmp_path / "c.txt").write_text("220 0 72 1\n230 0 48 2\n1000 0 50 2\n")
    (clip,) = suite(tmp_path, "solo/c.flac,bassoon,B,,c.txt (channel 2),,,,")
    assert clip.notes is not None
    assert [n.pitch for n in clip.notes] == [48, 50]
    assert clip.metrics == ()


def test_the_players_not_the_printed_voices_are_the_instruments(tmp_path: Path):
    (tmp_path / "c.abc").write_text('X:1\nM:4/4\nL:1/4\nK:C\nV:1 name="Soprano"\nc4|]\nV:2 name="Bass"\nC4|]\n')
    (tmp_path / "c.txt").write_text("0 0 72 1\n0 0 60 2\n")
    (clip,) = suite(tmp_path, "mix/c.flac,violin+tenor saxophone,A,c.abc,c.txt,4/4,C,,")
    assert [(part.name, part.program) for part in clip.score.parts] == [("Violin", 40), ("Tenor Sax", 66)]
    assert clip.notes is not None
    assert sorted(n.family for n in clip.notes) == ["reed", "strings"]


def test_a_header_alone(tmp_path: Path):
    (clip,) = suite(tmp_path, "guitar/g.flac,acoustic guitar,C,,,6/8,Eb,129,")
    assert (clip.metrics, clip.notes) == (("metre", "tempo", "key"), None)
    bar = clip.score.bars[0]
    assert (bar.length, bar.metre, bar.key.fifths) == (Fraction(3), Metre(6, 8), -3)


def test_score_tables(tmp_path: Path):
    (tmp_path / "p.score_measures.tsv").write_text("mc\tkeysig\ttimesig\tact_dur\n1\t-2\t2/4\t1/2\n2\t-2\t2/4\t1/4\n")
    (tmp_path / "p.score_notes.tsv").write_text(
        "mc\tmc_onset\tstaff\tvoice\tduration\tgracenote\ttied\ttpc\tmidi\n"
        "1\t0\t1\t1\t1/4\t\t1\t-2\t70\n1\t1/4\t1\t1\t1/4\t\t-1\t-2\t70\n1\t0\t2\t1\t1/2\t\t\t6\t42\n"
        "2\t0\t1\t1\t0\tgrace8\t\t0\t72\n2\t0\t1\t1\t1/4\t\t\t0\t72\n"
    )
    (clip,) = suite(tmp_path, "piano/p.flac,piano,A,p.score_notes.tsv (+ measures),,2/4,,,")
    assert [(n.onset, n.duration, n.pitch) for n in clip.score.sounding_notes()] == [(0, 2, 42), (0, 2, 70), (2, 1, 72)]
    assert [str(n.pitch) for n in clip.score.parts[0].bars[0]] == ["Bb4", "Bb4", "F#2"]
    assert "key" not in clip.metrics  # a signature has no mode


def test_a_folder_without_manifest(tmp_path: Path):
    with pytest.raises(GroundTruthError, match=r"manifest\.csv"):
        read_suite(tmp_path)
