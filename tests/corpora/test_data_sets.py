"""Every data set is read in the layout that its authors publish."""

import dataclasses
import hashlib

import command_line
import pytest
import tiny_data_sets as tiny

from abcscribe.corpora import asap, bach10, maestro, urmp
from abcscribe.corpora.data_sets import DATA_SETS, data_set
from abcscribe.corpora.questions import Facts, questions
from abcscribe.corpora.recording import DataSetError, Download, Recording, checked
from abcscribe.score.model import Key, Metre, PlayedNote

PUBLIC = sorted(set(DATA_SETS) - {"suite"})


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """A folder with a copy of each."""
    home = tmp_path_factory.mktemp("sets")
    for name, maker in tiny.MAKERS.items():
        maker(home / name)
    return home


def read(copies, name: str, stems: bool = False) -> dict[str, Recording]:
    return {one.id: one for one in DATA_SETS[name].read(copies / name, stems)}


def close(found, wanted) -> bool:
    """Whether notes agree in pitch, and in their times to 3 ms."""
    pairs = list(zip(found, wanted, strict=True))
    return all(
        a.pitch == b.pitch and abs(a.onset - b.onset) < 3e-3 and abs(a.offset - b.offset) < 3e-3 for a, b in pairs
    )


def test_every_set_has_a_copy_in_the_tests():
    assert set(tiny.MAKERS) == set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_recordings_have_sound_a_split_and_notes(copies, name):
    found = read(copies, name)
    assert found
    for one in found.values():
        assert one.split in ("train", "validation", "test")
        assert one.programs
        assert one.audio.is_file() or one.id.endswith("Player02")
        notes = one.notes()
        assert notes == tuple(sorted(notes, key=lambda n: (n.onset, n.pitch)))
        assert {128 if n.drum else n.program for n in notes} == set(one.programs)


def test_urmp_has_players_and_the_test_pieces_of_mt3(copies):
    found = read(copies, "urmp", stems=True)
    assert {one.id: one.split for one in found.values() if not one.part_of} == {
        "01_Jupiter_vn_vc": "test", "05_Entertainer_tpt_tpt": "train",
    }  # fmt: skip
    assert found["01_Jupiter_vn_vc"].programs == (40, 42)
    assert found["05_Entertainer_tpt_tpt"].programs == (56, 56)
    stem = found["01_Jupiter_vn_vc/AuSep_2_vc_01_Jupiter"]
    assert stem.part_of == "01_Jupiter_vn_vc"
    assert close(stem.notes(), tiny.notes(shift=-12))
    assert found["01_Jupiter_vn_vc"].score().bars[0].metre == Metre(4, 4)


def test_maestro_notes_sound_on_under_the_pedal(copies):
    found = read(copies, "maestro")
    assert [one.split for one in found.values()] == ["train", "validation", "test"]
    one = found["2018/MIDI-Unprocessed_0"]
    assert close(one.notes(), tiny.notes())
    assert [round(n.offset, 2) for n in one.sounding()][:5] == [1.7, 1.7, 1.7, 1.95, 2.95]


def test_a_key_that_is_struck_again_under_the_pedal_ends(tmp_path):
    from abcscribe.corpora.midi_notes import midi_notes

    twice = [PlayedNote(0.0, 0.2, 60), PlayedNote(0.5, 0.7, 60), PlayedNote(0.6, 2.0, 64)]
    tiny.write_midi(tmp_path / "a.mid", twice, pedal=(0.1, 1.5))
    ends = [round(n.offset, 2) for n in sorted(midi_notes(tmp_path / "a.mid", pedal=True), key=lambda n: n.onset)]
    assert ends == [0.5, 1.5, 2.0]


def test_slakh_basses_sound_an_octave_below_and_what_is_omitted_is_left_out(copies):
    found = read(copies, "slakh", stems=True)
    assert sorted(one.split for one in found.values() if not one.part_of) == ["test", "train", "validation"]
    mix = found["train/Track00001"]
    assert mix.programs == (30, 33, 128)
    assert close([n for n in mix.notes() if n.program == 33], tiny.notes(shift=-36))
    assert {n.pitch for n in mix.notes() if n.drum} == set(tiny.PITCHES)
    assert "train/Track00001/S03" not in found


def test_musicnet_counts_samples_and_programs_from_one(copies):
    found = read(copies, "musicnet")
    assert {one.id: one.split for one in found.values()} == {"1727": "train", "2303": "test"}
    assert close(found["1727"].notes(), tiny.notes())
    assert found["1727"].programs == (42, 40)
    assert found["1727"].midi.name == "1727_schubert_op114_2.mid"
    assert found["2303"].midi is None


def test_guitarset_joins_the_strings_in_both_forms_of_jams(copies):
    found = read(copies, "guitarset")
    first, second = found["00_BN1-129-Eb_comp"], found["03_Jazz3-150-C_solo"]
    assert close(first.notes(), tiny.notes())
    assert close(second.notes(), tiny.notes())
    assert (first.tempo, str(first.key), str(first.metre)) == (129.0, "Eb major", "4/4")
    assert str(second.key) == "C minor"


def test_bach10_has_onsets_only(copies):
    found = read(copies, "bach10", stems=True)
    assert len(found) == 5
    assert not any(one.offsets for one in found.values())
    notes = found["05-DerHeiligeGeist"].notes()
    assert len(notes) == 36
    line = found["05-DerHeiligeGeist/05-DerHeiligeGeist-bassoon"].notes()
    assert [(n.onset, n.offset, n.pitch) for n in line][:2] == [(0.2, 0.7, 52), (0.7, 1.2, 54)]


def test_asap_bars_have_the_times_at_which_they_were_played(copies):
    found = read(copies, "asap")
    first = found["Bach/Prelude/bwv_900/Player01"]
    assert [bar.seconds for bar in first.score().bars] == [0.0, 2.0, None, 6.0]
    assert round(first.sounding()[0].offset, 2) == 0.9
    second = found["Bach/Prelude/bwv_900/Player02"]
    assert all(bar.seconds is None for bar in second.score().bars)
    assert not second.audio.is_file()


def test_a_copy_is_checked(copies, tmp_path):
    good = dataclasses.replace(urmp.DATA_SET, recordings=2)
    assert list(checked(good, copies / "urmp")) == [(True, "2 of 2 recordings: 1 train, 1 test")]
    assert not all(right for right, _ in checked(urmp.DATA_SET, copies / "urmp"))  # 2 of 44
    said = list(checked(dataclasses.replace(asap.DATA_SET, recordings=2), copies / "asap"))
    assert [right for right, _ in said] == [True, False]
    assert "1 recordings have no sound" in said[1][1]
    assert "holds no recording of bach10" in next(iter(checked(bach10.DATA_SET, tmp_path)))[1]


def test_archives_are_compared_with_the_published_checksums(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"as published")
    right = Download("", "a.zip", "", sha256=hashlib.sha256(b"as published").hexdigest())
    wrong, none = Download("", "a.zip", "", md5="0" * 32), Download("", "a.zip", "")
    for download, good, words in ((right, True, "published sha256"), (wrong, False, "again"), (none, True, "no check")):
        one = dataclasses.replace(maestro.DATA_SET, downloads=(download,))
        found = next(iter(checked(one, tmp_path)))
        assert found[0] is good
        assert words in found[1]


def test_damaged_copies_cost_one_sentence(copies, tmp_path):
    tiny.urmp(tmp_path / "urmp")
    piece = tmp_path / "urmp" / "Dataset" / "01_Jupiter_vn_vc"
    (piece / "Notes_1_vn_01_Jupiter.txt").write_text("0.1 high 0.5\n")
    with pytest.raises(DataSetError, match=r"01_Jupiter_vn_vc: the notes cannot be read"):
        read(tmp_path, "urmp")["01_Jupiter_vn_vc"].notes()
    (piece / "AuSep_3_kazoo_01_Jupiter.wav").touch()
    with pytest.raises(DataSetError, match="names no instrument"):
        read(tmp_path, "urmp")
    tiny.maestro(tmp_path / "maestro")
    (tmp_path / "maestro" / "maestro-v3.0.0" / "2018" / "MIDI-Unprocessed_0.midi").write_bytes(b"MThd")
    with pytest.raises(DataSetError, match="the notes cannot be read"):
        read(tmp_path, "maestro")["2018/MIDI-Unprocessed_0"].notes()
    (tmp_path / "maestro" / "maestro-v3.0.0" / "maestro-v3.0.0.json").write_text("{}")
    with pytest.raises(DataSetError, match="no complete copy"):
        read(tmp_path, "maestro")
    with pytest.raises(DataSetError, match="There is no data set 'mtg'"):
        data_set("mtg")


def test_the_command_says_what_to_get_and_checks_it(copies):
    listed = command_line.run("data", "fetch")
    assert listed.code == 0
    assert all(name in listed.out.decode() for name in PUBLIC)
    said = command_line.run("data", "fetch", "maestro").out.decode()
    assert "6680fea5be2339ea15091a249fbd70e49551246ddbd5ca50f1b2352c08c95291" in said
    assert "CC BY-NC-SA 4.0" in said
    ran = command_line.run("data", "fetch", "maestro", "--folder", copies / "maestro")
    assert (ran.code, ran.out) == (1, b"3 of 1276 recordings: 1 train, 1 validation, 1 test\n")
    assert command_line.run("data", "fetch", "mtg").code == 1


def test_questions_follow_from_what_is_known():
    notes = [PlayedNote(0, 1, 58, program=40), PlayedNote(0, 1, 77, program=42), PlayedNote(0, 1, 90, drum=True)]
    known = Facts((40, 42, 40), notes, 107.6, Metre(3, 4), Key(-3, "minor"))
    asked = {one.kind: one for one in questions(known, "a@0")}
    assert {kind: one.answer for kind, one in asked.items()} == {
        "tempo": "108 BPM", "metre": "3/4", "key": "C minor", "instruments": "Violin, Cello", "players": "2",
        "highest": "F5", "lowest": "Bb3",
    }  # fmt: skip
    assert list(questions(known, "a@0")) == list(asked.values())
    wordings = {one.question for i in range(20) for one in questions(known, f"a@{i}") if one.kind == "tempo"}
    assert len(wordings) == 3
    assert list(questions(Facts((), []), "b")) == []
