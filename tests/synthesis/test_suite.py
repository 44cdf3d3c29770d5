import dataclasses
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_sounds import write_libraries

from abcscribe.audio import SAMPLE_RATE
from abcscribe.corpora.manifest import Piece
from abcscribe.errors import AbcscribeError
from abcscribe.evaluation.suites import read_suite
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo
from abcscribe.spectrogram import spectrogram
from abcscribe.synthesis import excerpts, sampler, suite
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.sound_bank import build_bank, save


@pytest.fixture
def samples(tmp_path):
    """A violin of two recorded notes, each after a little silence."""
    folder = tmp_path / "samples" / "some-violin"
    folder.mkdir(parents=True)
    t = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    for name, midi in (("C4", 60), ("As4", 70), ("C6", 84)):
        sound = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * t)
        soundfile.write(folder / f"{name}.mp3", np.concatenate([np.zeros(4000), sound]), SAMPLE_RATE)
    return tmp_path / "samples"


def tune(bars: int = 24, parts: int = 2, pickup: bool = False) -> Score:
    notes = tuple(Note(Fraction(i), Fraction(1), Pitch("CDEF"[i], 0, 4)) for i in range(4))
    chord = (Note(Fraction(0), Fraction(4), Pitch("G", 0, 4)), Note(Fraction(0), Fraction(4), Pitch("E", 0, 4)))
    lines = [[notes] * bars, [chord] * bars][:parts]
    whole = [Bar(Fraction(4), Metre(4, 4), Key(0))] * bars
    if pickup:
        whole.insert(0, Bar(Fraction(1), Metre(4, 4), Key(0)))
        lines = [[notes[:1], *line] for line in lines]
    return Score(tuple(whole), tuple(Part(tuple(line), program=40) for line in lines))


def piece(**other) -> Piece:
    return Piece(
        **{
            "id": "x", "source": "s", "path": Path("x"), "index": 0, "title": "T", "licence": "CC0",
            "terms": "permitted", "sha256": "", "split": "test", "group": "x", "left_out": "",
        } | other
    )  # fmt: skip


def test_the_sampler_plays_notes_where_they_belong(samples):
    folders = sampler.instruments_in(samples)
    assert list(folders) == [40]
    assert sampler.playable(folders[40]) == (56, 88)
    one = np.ones(1)
    played = Performance(one, 2 * one, 62 * one, 100 * one, np.zeros(1, int), np.zeros(1, int), (40,))
    waveform = sampler.render(played, folders, 3.0)
    frames = spectrogram(waveform)
    assert frames[:50].max() < 0.3
    assert abs(int(frames[90].argmax()) - (3 * (62 - 21) + 1)) <= 1
    assert np.abs(waveform[int(2.1 * SAMPLE_RATE) :]).max() == 0


@pytest.mark.parametrize(("package", "sounding"), [("some-violin", 74), ("some-guitar-nylon", 75)])
def test_a_recording_with_a_wrong_name_counts_as_what_it_sounds(tmp_path, package, sounding):
    folder = tmp_path / package
    folder.mkdir()
    soundfile.write(folder / "D5.mp3", np.sin(np.arange(SAMPLE_RATE) / 5), SAMPLE_RATE)
    assert sampler.playable(folder) == (sounding - 4, sounding + 4)


def test_a_folder_without_samples_is_named(tmp_path):
    with pytest.raises(AbcscribeError, match="none of the sampled instruments"):
        sampler.instruments_in(tmp_path)


def test_an_excerpt_is_whole_bars_of_a_good_length():
    for seed in range(20):
        excerpt = excerpts.excerpt(np.random.default_rng(seed), tune(pickup=True), 120.0, 2)
        assert excerpt is not None
        assert 6 <= len(excerpt.bars) <= 16  # of 2 s
        assert len(excerpt.parts[0].bars) == len(excerpt.bars)
        assert all(bar.length == 4 for bar in excerpt.bars[1:])
        assert not excerpt.problems()
    assert excerpts.excerpt(np.random.default_rng(0), tune(5), 120.0, 1) is None  # 10 s
    assert excerpts.excerpt(np.random.default_rng(0), tune(), 120.0, 3) is None  # two lines


def test_of_a_chord_one_note_is_a_line():
    high = tune().parts[1]
    low = dataclasses.replace(high, staves=(Staff("bass"),))
    assert [n.pitch.step for n in excerpts._one_at_a_time(high.bars[0], high, 1)] == ["G"]
    assert [n.pitch.step for n in excerpts._one_at_a_time(low.bars[0], low, 1)] == ["E"]


def test_a_tie_leads_to_its_own_note():
    held, other = Note(Fraction(3), Fraction(1), Pitch("C"), tie=True), Note(Fraction(0), Fraction(4), Pitch("D"))
    same = dataclasses.replace(other, pitch=Pitch("C"))
    assert excerpts._with_true_ties([[held], [same]]).bars == ((held,), (same,))
    assert excerpts._with_true_ties([[held], [other]]).bars[0] == (dataclasses.replace(held, tie=False),)
    assert not excerpts._with_true_ties([[held]]).bars[0][0].tie


def test_a_bar_that_a_repeat_cut_is_one_bar():
    score = tune(3, parts=1)
    first, *rest = score.parts[0].bars
    halves = (first[:3], (dataclasses.replace(first[3], start=Fraction(0)),))
    bars = (score.bars[0], *(dataclasses.replace(score.bars[0], length=Fraction(n)) for n in (3, 1)), score.bars[0])
    cut = dataclasses.replace(
        score, bars=bars, parts=(dataclasses.replace(score.parts[0], bars=(first, *halves, rest[-1])),)
    )
    assert excerpts._joined(cut) == score


def test_a_performance_is_mild_and_its_tempo_is_what_was_played():
    score = suite._played_by(tune(12), [40, 42])
    rng = np.random.default_rng(4)
    played = suite.perform_mildly(rng, score, [40, 42], 100.0)
    aligned = suite._aligned(score, played, 40.0)
    begins = [bar.seconds for bar in aligned.bars]
    assert begins == sorted(begins)
    assert (begins[-1] - begins[0]) / 11 / 4 == pytest.approx(60 / aligned.bars[0].tempo.quarter_bpm, rel=0.1)
    assert len(aligned.performance) == len(score.sounding_notes())
    assert {note.family for note in aligned.performance} == {"strings"}


def test_the_tempo_is_the_pieces_own_or_that_of_its_metre():
    rng, score = np.random.default_rng(1), tune()
    drawn = [excerpts.tempo(rng, score) for _ in range(50)]
    assert np.median(drawn) == pytest.approx(116, rel=0.1)
    marked = dataclasses.replace(score, bars=(dataclasses.replace(score.bars[0], tempo=Tempo(60)), *score.bars[1:]))
    assert np.median([excerpts.tempo(rng, marked) for _ in range(50)]) == pytest.approx(60, rel=0.05)


class Cache:
    """A note cache of one piece of the test split, and one that is left out for its licence."""

    pieces = (piece(),)
    left_out = (piece(id="y", source="music21/essenFolksong", left_out="licence: non-commercial"),)

    def __init__(self, path):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "NoteCache", Cache)
    monkeypatch.setattr(excerpts, "load", lambda piece: tune(pickup=True))
    excerpts.of_lines.cache_clear()
    path = tmp_path / "notes.npz"
    path.touch()
    yield path
    excerpts.of_lines.cache_clear()


def test_a_suite_is_what_evaluation_reads(samples, tmp_path, cache):
    out = tmp_path / "suite"
    config = suite.SuiteConfig(cache, out, clips=4, samples=samples, voices=(1, 2))
    assert list(suite.make_suite(config)) == [(1, 4), (2, 4), (3, 4), (4, 4)]
    clips = read_suite(out)
    assert [clip.name for clip in clips] == ["one/000", "two/000", "one/001", "two/001"]
    assert [len(clip.score.parts) for clip in clips] == [1, 2, 1, 2]
    for clip in clips:
        assert {"metre", "key", "tempo", "pitch"} <= set(clip.metrics)
        assert len(clip.notes) == len(clip.score.sounding_notes())
        assert clip.score.parts[0].program == 40
        assert soundfile.info(clip.audio).duration == pytest.approx(clip.notes[-1].offset + 1, abs=0.5)
    first = (out / "two/001.json").read_text()
    with pytest.raises(AbcscribeError, match="not empty"):
        list(suite.make_suite(config))
    again = tmp_path / "again"  # a suite is a function of its seed
    assert list(suite.make_suite(dataclasses.replace(config, out=again)))
    assert (again / "two/001.json").read_text() == first


def test_suites_by_name(samples, tmp_path, cache, monkeypatch):
    monkeypatch.setitem(suite.NAMED, "unseen-timbres", suite.Named("solos", voices=(1,), sampled=True))
    assert list(suite.made("unseen-timbres", cache, tmp_path, samples, clips=1)) == [(1, 1)]
    assert list(suite.made("unseen-timbres", cache, tmp_path, samples, clips=1)) == []  # it is there
    with pytest.raises(AbcscribeError, match="abcscribe data scores"):
        list(suite.made("rendered", tmp_path / "none.npz", tmp_path, samples))
    config = suite.SuiteConfig(cache, tmp_path / "s", source="music21/essenFolksong")
    assert [found.id for found in suite._pieces(config)] == ["y"]


def test_keys_without_a_mode_are_not_scored(samples, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(Cache, "pieces", (piece(source="openscore-lieder"),))
    list(suite.make_suite(suite.SuiteConfig(cache, tmp_path / "suite", clips=1, samples=samples, voices=(1,))))
    (clip,) = read_suite(tmp_path / "suite")
    assert "key" not in clip.metrics


def test_a_suite_on_held_out_recorded_notes(tmp_path, cache):
    """Each line on a held-out instrument of the bank, in rooms; none of them is one that training hears."""
    bank = build_bank(write_libraries(tmp_path / "libraries"))
    save(bank, tmp_path / "sounds.npz")
    out = tmp_path / "suite"
    config = suite.SuiteConfig(cache, out, clips=2, sounds=tmp_path / "sounds.npz", voices=(1, 2))
    assert list(suite.make_suite(config)) == [(1, 2), (2, 2)]
    one, two = read_suite(out)
    assert len(two.score.parts) == 2
    assert {part.program for part in two.score.parts} == {0, 73}
    assert len(one.notes) == len(one.score.sounding_notes())
    assert soundfile.info(two.audio).duration == pytest.approx(two.notes[-1].offset + 1, abs=0.5)
