"""The benchmark is put together from what is there of its sources."""

import command_line
import pytest
import tiny_data_sets as tiny

from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.bench import CLIPS, SOURCES, assemble
from abcscribe.evaluation.suites import read_suite
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.writers import render


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A chorale, a singer, the beginning of a piano piece: made-up sounds under the published names."""
    home = tmp_path_factory.mktemp("sources")
    piece = home / "Bach10_v1.1" / "01-AchGottundHerr"
    for name in ("01-AchGottundHerr", "01-AchGottundHerr-violin", "01-AchGottundHerr-bassoon"):
        tiny.write_sound(piece / f"{name}.wav", tiny.notes())
    rows = (f"{1000 * n.onset:.0f}\t0\t{n.pitch - 12 * k}\t{k + 1}\n" for k in range(4) for n in tiny.notes())
    (piece / "01-AchGottundHerr.txt").write_text("".join(rows))
    (home / "ssvd").mkdir()
    tiny.write_sound(home / "ssvd" / "sung.flac", tiny.notes())
    (home / "ssvd" / "sung.flac").rename(home / "ssvd" / "65595.mp3")
    labels = (f"{n.onset} {n.pitch - 11.1} {i} {n.pitch}\n" for i, n in enumerate(tiny.notes()))
    (home / "ssvd" / "65595_label.txt").write_text("".join(labels))
    (home / "ssvd" / "poem_chorus.abc").write_text(tiny.TUNE)
    tiny.write_sound(home / "MAPS" / "MAPS_MUS-mz_331_3_ENSTDkCl.wav", tiny.notes())
    lines = (f"{n.onset}\t{n.offset}\t{n.pitch}\n" for n in tiny.notes())
    (home / "MAPS" / "MAPS_MUS-mz_331_3_ENSTDkCl.txt").write_text("OnsetTime\tOffsetTime\tMidiPitch\n" + "".join(lines))
    score = home / "asap-dataset" / "Mozart" / "Piano_Sonatas" / "11-3" / "xml_score.musicxml"
    score.parent.mkdir(parents=True)
    bars = "GA|" + "GABc|" * 12
    score.write_bytes(render(read_abc(f"X:1\nM:2/4\nL:1/8\nK:C\n{bars}\n")[0], "musicxml"))
    return home


def test_what_is_there_becomes_a_suite_and_what_is_not_is_said(sources, tmp_path):
    said: list[str] = []
    assert list(assemble(sources, tmp_path, said.append))[-1] == (31, 31)
    clips = {clip.name: clip for clip in read_suite(tmp_path)}
    assert set(clips) == {
        "bach10/mix/01-AchGottundHerr", "bach10/solo/01-AchGottundHerr-violin", "bach10/solo/01-AchGottundHerr-bassoon",
        "ssvd_sightsinging/audio/65595", "maps_disklavier/audio/mz_331_3_ENSTDkCl",
    }  # fmt: skip
    assert len(said) == 31 - len(clips)
    assert any(one.startswith("vocadito/vocadito_1: ") and "zenodo" in one for one in said)
    mix, bassoon = clips["bach10/mix/01-AchGottundHerr"], clips["bach10/solo/01-AchGottundHerr-bassoon"]
    assert [part.program for part in mix.score.parts] == [40, 71, 65, 70]
    assert mix.score.bars[0].tempo.quarter_bpm == 101  # as played, not as in the MIDI file
    assert len(mix.score.sounding_notes()) == 139
    assert [n.pitch for n in bassoon.notes] == [pitch - 36 for pitch in tiny.PITCHES]
    assert len(bassoon.score.parts) == 1
    assert not mix.offsets


def test_singers_choose_their_own_key_and_pieces_end_where_the_clip_does(sources, tmp_path):
    list(assemble(sources, tmp_path))
    clips = {clip.name: clip for clip in read_suite(tmp_path)}
    singer, piano = clips["ssvd_sightsinging/audio/65595"], clips["maps_disklavier/audio/mz_331_3_ENSTDkCl"]
    assert [n.pitch for n in singer.score.sounding_notes()] == [pitch - 11 for pitch in tiny.PITCHES]
    assert [n.pitch for n in singer.notes] == [pitch - 11 for pitch in tiny.PITCHES]
    assert len(piano.score.bars) == 9
    assert [float(bar.length) for bar in piano.score.bars[:2]] == [1.0, 2.0]
    assert [n.pitch for n in piano.notes] == list(tiny.PITCHES)
    assert piano.notes[-1].offset == 6.834


def test_the_command_says_where_the_sources_are(sources, tmp_path):
    ran = command_line.run("data", "bench", sources, tmp_path / "out")
    assert ran.code == 0
    assert "abcscribe evaluate --suite" in ran.err
    assert (tmp_path / "out" / "manifest.csv").is_file()
    ran = command_line.run("data", "bench", tmp_path / "nothing", tmp_path / "none")
    assert ran.code == 1
    assert "holds no source" in ran.err
    with pytest.raises(AbcscribeError, match="holds no source"):
        list(assemble(tmp_path / "nothing", tmp_path / "none"))


def test_every_clip_and_source_is_named_once():
    assert len(CLIPS) == 31
    assert all("http" in words or "abcscribe data fetch" in words or "SSVD" in words for words in SOURCES.values())
