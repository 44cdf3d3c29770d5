import csv
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from abcscribe.audio import SAMPLE_RATE
from abcscribe.datasets import sampler, suite
from abcscribe.datasets.manifest import Piece
from abcscribe.datasets.performance import Performance
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score
from abcscribe.score.readers import read_score
from abcscribe.spectrogram import spectrogram


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


def tune(bars: int = 24) -> Score:
    notes = tuple(Note(Fraction(i), Fraction(1), Pitch("CDEF"[i], 0, 4)) for i in range(4))
    return Score((Bar(Fraction(4), Metre(4, 4), Key(0)),) * bars, (Part((notes,) * bars),))


def test_the_sampler_plays_notes_where_they_belong(samples):
    folders = sampler.instruments_in(samples)
    assert list(folders) == [40]
    assert sampler.playable(folders[40]) == (56, 88)
    one = np.ones(1)
    played = Performance(one, 2 * one, 62 * one, 100 * one, np.zeros(1, int), (40,))
    waveform = sampler.render(played, folders, 3.0)
    frames = spectrogram(waveform)
    assert frames[:50].max() < 0.3
    assert abs(int(frames[90].argmax()) - (3 * (62 - 21) + 1)) <= 1
    assert np.abs(waveform[int(2.1 * SAMPLE_RATE) :]).max() == 0


def test_a_folder_without_samples_is_named(tmp_path):
    with pytest.raises(AbcscribeError, match="none of the sampled instruments"):
        sampler.instruments_in(tmp_path)


def test_an_opening_is_whole_bars_of_a_good_length():
    opening = suite._opening(tune(), 120.0)
    assert opening is not None
    assert len(opening.bars) == len(opening.parts[0].bars) == 15  # 30 s of 2 s bars
    assert suite._opening(tune(4), 120.0) is None


def test_a_suite_holds_recordings_scores_and_notes(samples, tmp_path, monkeypatch):
    piece = Piece(
        id="x", source="s", path=tmp_path, index=0, title="T", licence="CC0", terms="permitted", sha256="",
        split="test", group="x", left_out="",
    )  # fmt: skip

    class Cache:
        pieces = (piece,)

        def __init__(self, path):
            pass

    monkeypatch.setattr(suite, "NoteCache", Cache)
    monkeypatch.setattr(suite, "load", lambda piece: tune())
    config = suite.SuiteConfig(tmp_path / "notes.npz", tmp_path / "suite", clips=1, samples=samples)
    assert list(suite.make_suite(config)) == [(1, 1)]
    (row,) = csv.DictReader((tmp_path / "suite" / "manifest.csv").open())
    score = read_score(tmp_path / "suite" / row["score_gt"])
    assert score.parts[0].program == 40
    assert (
        len(score.sounding_notes()) == len((tmp_path / "suite" / row["aligned_notes_gt"]).read_text().split("\n")) - 2
    )
    assert soundfile.info(tmp_path / "suite" / row["audio"]).duration == pytest.approx(float(row["dur_s"]), abs=0.01)
