"""What the tower hears of a performance, and which score note is behind it."""

import numpy as np
import pytest
import tiny_cache

from abcscribe.analysis import analysis_features
from abcscribe.analysis.analysis_features import heard_notes
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis import singer
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training import heard_windows, window_files
from abcscribe.training.configs import ListeningConfig
from abcscribe.training.window_source import window_source, with_modes


def played(*rows: tuple[float, int], length: float = 0.45) -> Performance:
    onset, pitch = np.array(rows, float).T
    count = len(rows)
    return Performance(
        onset, onset + length, pitch.astype(int), np.full(count, 90), np.zeros(count, int), np.arange(count) + 5, (73,)
    )


def heard(*rows: tuple[float, int]):
    return heard_notes([PlayedNote(onset, onset + 0.3, pitch) for onset, pitch in rows])


def test_each_heard_note_is_taken_for_the_score_note_next_to_it():
    behind = heard_windows._behind(heard((0.02, 60), (0.5, 60), (0.51, 64)), played((0.0, 60), (0.5, 60), (0.5, 64)))
    assert behind.tolist() == [5, 6, 7]


def test_false_notes_have_none_behind_and_no_score_note_counts_twice():
    """An octave, a note that begins again, and one that is too late."""
    behind = heard_windows._behind(heard((0.0, 72), (0.0, 60), (0.1, 60), (0.9, 64)), played((0.0, 60), (0.5, 64)))
    assert behind.tolist() == [5, -1, -1, -1]  # by onset and pitch: 60, 72, 60, 64


def test_a_recorded_melody_is_heard(monkeypatch):
    """Sung by the project's own synthesizer in the place of soundfonts, through room and noise."""

    def sung(rng, performance, who, cents, seconds):
        assert who in (None, 0)
        return singer.sing(rng, performance, seconds, 0.0, voice=False), np.zeros((0, 5))

    monkeypatch.setattr(heard_windows.render, "sound", sung)
    melody = played(*((0.5 * k, pitch) for k, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72) * 2)))
    found, behind = heard_windows.listen(np.random.default_rng(2), melody)
    assert len(found) == len(behind)
    assert len({note for note in behind.tolist() if note >= 0}) >= 12
    true = behind >= 0
    assert np.array_equal(found.pitch[true], melody.pitch[behind[true] - 5])
    assert np.abs(found.onset[true] - melody.onset[behind[true] - 5]).max() <= heard_windows.NEAR


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz")


@pytest.fixture
def kept(cache, tmp_path, monkeypatch):
    """A shard of windows, heard without sound."""
    monkeypatch.setattr(heard_windows, "_source", lambda path, split: WindowSource(path, split, prepared=with_modes))
    monkeypatch.setattr(heard_windows, "STAGE", Stage((8, 24), (("tune", 1.0),)))
    monkeypatch.setattr(heard_windows, "WINDOWS_PER_SHARD", 6)
    config = ListeningConfig(cache, tmp_path / "heard", shards=2, seed=3)
    config.out.mkdir()
    heard_windows._keep_shard((config, 0))
    return config


def test_kept_windows_are_read_again_and_a_seed_gives_the_same(kept):
    windows = heard_windows.kept_windows(kept.out)
    path = kept.out / "windows-00000.npz"
    path.unlink()
    heard_windows._keep_shard((kept, 0))
    again = heard_windows.kept_windows(kept.out)
    assert len(windows) == len(again) == 6
    assert all(np.array_equal(one.ids, other.ids) for one, other in zip(windows, again, strict=True))
    heard_windows._keep_shard((kept, 1))
    assert len(heard_windows.kept_windows(kept.out)) == 12


def test_a_shard_that_is_there_is_left_alone(kept):
    path = kept.out / "windows-00000.npz"
    path.write_bytes(b"kept")
    heard_windows._keep_shard((kept, 0))
    assert path.read_bytes() == b"kept"


def test_a_folder_without_windows_is_said(tmp_path):
    with pytest.raises(AbcscribeError, match="holds no windows"):
        heard_windows.kept_windows(tmp_path)


def test_kept_windows_of_the_wanted_length_are_mixed_with_new_ones(cache, kept):
    windows, stage = heard_windows.kept_windows(kept.out), Stage((8, 24), (("tune", 1.0),))
    mixed = heard_windows.Listened(window_source(cache), windows, share=0.5)
    rng = np.random.default_rng(0)
    drawn = [mixed.draw(rng, stage) for _ in range(40)]
    old = sum(any(one.excerpt is window.excerpt for window in windows) for one in drawn)
    assert 10 < old < 30
    longer = Stage((25, 40), (("tune", 1.0),))
    assert not any(mixed.draw(rng, longer).excerpt in {window.excerpt for window in windows} for _ in range(10))


def test_a_file_keeps_windows_as_they_were(cache, tmp_path):
    """Of every kind of music; without the analysis, which is made again when they are drawn."""
    source, rng = WindowSource(cache, "train", prepared=with_modes), np.random.default_rng(5)
    windows = [source.draw(rng, Stage((8, 40))) for _ in range(12)]
    window_files.save(tmp_path / "windows.npz", windows)
    again = window_files.load(tmp_path / "windows.npz")
    assert len(again) == len(windows)
    for one, other in zip(windows, again, strict=True):
        assert (one.kind, one.excerpt) == (other.kind, other.excerpt)
        for name in ("ids", "token_groups", "places", "behind"):
            assert np.array_equal(getattr(one, name), getattr(other, name))
        for name in window_files.HEARD:
            assert np.array_equal(getattr(one.heard, name), getattr(other.heard, name))


def test_a_kept_window_is_drawn_with_the_analysis_of_today(cache, kept):
    (window, *_) = heard_windows.kept_windows(kept.out)
    assert window.heard.analysis.shape[1] == 0
    assert heard_windows.analysed(window, True).heard.analysis.any()
    without = heard_windows.analysed(window, False)
    assert without.heard.analysis.shape[1] == len(analysis_features.NAMES)
    assert not without.heard.analysis.any()
    assert np.array_equal(without.ids, window.ids)
