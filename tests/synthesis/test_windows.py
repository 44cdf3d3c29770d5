"""Windows are functions of their seed, and their tokens say what was played."""

import numpy as np
import pytest
import tiny_cache

from abcscribe.analysis.analysis_features import heard_notes
from abcscribe.synthesis.simulated_hearing import hear
from abcscribe.synthesis.windows import KINDS, Stage, WindowSource, _links, of_lines
from abcscribe.tokens import TICKS, VOCABULARY, decode, score_of


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return WindowSource(tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz"))


def stage(kind=None, severity=None, notes=(16, 40)) -> Stage:
    return Stage(notes, ((kind, 1.0),), severity) if kind else Stage(notes, severity=severity)


def draws(source, count: int, stage: Stage, seed: int = 0):
    rng = np.random.default_rng(seed)
    return [source.draw(rng, stage) for _ in range(count)]


def test_pieces_are_sorted_by_kind_and_split(source):
    assert {kind: len(source.choices[kind]) for kind in KINDS} == {
        "line": 6, "tune": 2, "melody": 2, "piano": 4, "ensemble": 2, "lines": 2, "song": 2,
    }  # fmt: skip
    chosen = {index for kind in KINDS for index, _ in source.choices[kind]}
    assert all(source.pieces[index].piece.split == "train" for index in chosen)


def test_a_seed_repeats_a_window(source):
    first, again, other = (draws(source, 1, stage(), seed)[0] for seed in (3, 3, 4))
    assert first.ids.tolist() == again.ids.tolist()
    assert np.array_equal(first.heard.onset, again.heard.onset)
    assert first.ids.tolist() != other.ids.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_valid_windows(source, kind):
    """The tokens follow the grammar, fit what was heard, and make a score."""
    for window in draws(source, 8, stage(kind)):
        assert window.kind == kind
        reader = decode(window.ids.tolist(), groups=int(window.heard.groups[-1]) + 1)
        assert reader.state == "eos"
        assert reader.token_groups == window.token_groups.tolist()
        assert window.token_groups.max() <= window.heard.groups[-1]
        assert reader.excerpt() == window.excerpt
        assert score_of(window.excerpt).problems() == []
        assert len(window.heard.groups) == len(window.heard) == len(window.places)
        assert np.all(np.diff(window.heard.onset) >= 0)


def test_parts_of_each_kind(source):
    clefs = {kind: draws(source, 1, stage(kind))[0].excerpt.parts for kind in KINDS}
    assert [len(clefs[kind]) for kind in ("line", "tune", "melody", "piano", "song")] == [1, 1, 1, 1, 2]
    assert len(clefs["ensemble"]) in (2, 3)
    assert len(clefs["lines"]) >= 2
    assert all(len(staves) == 1 for _, staves in clefs["lines"])
    assert len(clefs["piano"][0][1]) == 2


def test_lines_play_one_note_at_a_time_the_outer_one_of_chords(source):
    index, _ = source.choices["song"][0]
    song, arranged = source.pieces[index].notes, of_lines(source.pieces[index]).notes
    played = set(zip(song.onset.tolist(), song.pitch.tolist(), strict=True))
    for part in range(len(arranged.program)):
        own = arranged.part == part
        assert np.all(np.diff(arranged.onset[own]) > 0)
        assert set(zip(arranged.onset[own].tolist(), arranged.pitch[own].tolist(), strict=True)) <= played
    for at in np.unique(arranged.onset):
        heard, written = song.pitch[song.onset == at], arranged.pitch[arranged.onset == at]
        assert heard.max() in written or heard.min() in written


@pytest.mark.parametrize("kind", ["tune", "ensemble"])
def test_links_point_to_the_right_notes(source, kind):
    """Heard without mistakes, every onset is linked to a group of its own pitches, at a time in proportion."""
    right, total = 0, 0
    for window in draws(source, 6, stage(kind, severity=0.0), seed=1):
        reader = decode(window.ids.tolist())
        onsets = sorted({event.onset for event in window.excerpt.events})
        for onset, group in zip(onsets, reader.heard, strict=True):
            written = {event.midi for event in window.excerpt.events if event.onset == onset}
            right += bool(written & set(window.heard.pitch[window.heard.groups == group].tolist()))
            total += 1
        seconds = window.heard.starts[[g for g in reader.heard if g >= 0]]
        written = np.array([onset for onset, g in zip(onsets, reader.heard, strict=True) if g >= 0]) / TICKS
        assert np.corrcoef(seconds, written)[0, 1] > 0.99
    assert right / total > 0.97


def test_places_are_where_notes_stand_in_their_bar(source):
    (window,) = draws(source, 1, stage("tune", severity=0.0))
    lines = window.excerpt.bar_starts()
    known = window.places[window.places >= 0]
    assert known.size > 10
    expected = {e.onset - max(line for line in lines if line <= e.onset) for e in window.excerpt.events}
    short = 4 * TICKS - window.excerpt.spans[0].length
    assert set(known.tolist()) <= expected | {place + short for place in expected}


def test_notes_of_a_window_keep_to_the_stage(source):
    for window in draws(source, 12, stage(notes=(8, 20))):
        assert 6 <= len(window.excerpt.events) <= 20


def test_worse_hearing_leaves_out_and_invents(source):
    clean, bad = (draws(source, 12, stage("tune", severity=s, notes=(30, 40)), seed=2) for s in (0.0, 1.0))
    assert all((w.places >= 0).all() for w in clean)
    assert np.mean([np.mean(w.places < 0) for w in bad]) > 0.1
    assert any(VOCABULARY.stay in w.ids for w in bad)


def test_links_by_hand():
    onset, groups = np.array([0, 24, 24, 48]), np.array([0, 1, 2, 2, 3])
    assert _links(onset, groups, np.array([0, -1, 1, 2, 3])) == [0, 2, 3]
    assert _links(onset, groups, np.array([0, -1, -1, -1, 3])) == [0, -1, 3]
    crossed = _links(onset, groups, np.array([3, -1, 1, 2, 0]))
    assert crossed == [3, -1, -1], "the pointer never goes back"
    assert _links(np.arange(8), np.array([0]), np.array([0])) is None


def test_who_hears_can_be_told(tmp_path_factory):
    """One who hears nothing at first: the window is drawn again."""
    calls = []

    def listener(rng, played, severity):
        calls.append(severity)
        return hear(rng, played, 0.0) if len(calls) > 1 else (heard_notes([]), np.zeros(0, int))

    cache = tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz")
    window = WindowSource(cache, hear=listener).draw(np.random.default_rng(0), stage("tune", 0.7))
    assert calls[:2] == [0.7, 0.7]
    assert (window.places >= 0).all()
