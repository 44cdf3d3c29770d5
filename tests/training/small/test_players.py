"""Learners of who plays and of the unit of notes, on scenes and pieces made here; no sound is rendered."""

from dataclasses import replace

import numpy as np
import pytest

from abcscribe.analysis import note_unit, player_count, player_features, soloist
from abcscribe.analysis.cleaning import chords
from abcscribe.corpora import note_cache
from abcscribe.model import boosted_trees
from abcscribe.score.grid import METRE_NAMES
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Metre, PlayedNote
from abcscribe.training.small import note_unit as note_unit_learner
from abcscribe.training.small import player_scenes, players
from abcscribe.training.small.configs import NoteUnit
from abcscribe.training.small.player_scenes import Scene
from abcscribe.training.small.players import PlayersConfig
from tests import tiny_cache


def heard_as(rng: np.random.Generator, family: str) -> tuple[float, ...]:
    shares = rng.dirichlet(np.where(np.array(FAMILIES) == family, 6.0, 0.3))
    return tuple(round(float(share), 2) for share in shares)


def scene(seed: int, kind: int) -> Scene:
    """Chords alone, a flute over them, or two flutes."""
    rng = np.random.default_rng(seed)
    rows = [(0.5 * k, 72 + int(rng.integers(0, 8)), 0, "pipe") for k in range(24) if kind]
    low = (48, 55, 60) if kind < 2 else (62,)
    rows += [(0.5 * k, p + int(rng.integers(0, 3)), int(kind > 0), "piano" if kind < 2 else "pipe")
             for k in range(24) for p in low]  # fmt: skip
    rows = sorted(rows)
    voices = np.linalg.qr(rng.normal(size=(3, 3)))[0].tolist()  # of each player a direction of his own
    notes = [
        PlayedNote(at, at + 0.48, pitch, 80, family, 0.9, families=heard_as(rng, family), timbre=tuple(voices[number]))
        for at, pitch, number, family in rows
    ]
    player = np.array([number for _, _, number, _ in rows])
    programs = ((0,), (73, 0), (73, 73))[kind]
    return Scene(notes, player, (0, 1, 2)[kind], kind < 2, "song", programs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("scenes")
    player_scenes.save(made / "scenes-00000.npz", [scene(seed, seed % 3) for seed in range(36)])
    return made


def test_scenes_are_read_as_they_were_written(folder):
    (first, second, *rest) = player_scenes.load(folder)
    assert len(rest) == 34
    wanted = scene(1, 1)
    assert (second.lines, second.chords, second.programs) == (1, True, (73, 0))
    assert (second.player == wanted.player).all()
    assert [n.families for n in second.notes] == [n.families for n in wanted.notes]
    assert np.allclose([n.timbre for n in second.notes], [n.timbre for n in wanted.notes], atol=1e-2)
    assert (first.lines, first.chords) == (0, True)


def test_both_sets_of_trees_learn_the_scenes(folder, tmp_path, monkeypatch):
    config = PlayersConfig(tmp_path / "none.npz", folder, tmp_path, weights=tmp_path, simulated=0)
    list(players.main(config))
    monkeypatch.setattr(player_count, "KIND_WEIGHTS", tmp_path / "player_kinds.npz")
    monkeypatch.setattr(soloist, "WEIGHTS", tmp_path / "soloist.npz")
    one = scene(101, 1)
    own = soloist.chosen(one.notes, chords(one.notes))
    assert np.mean([(i in own) == (p == 0) for i, p in enumerate(one.player)]) > 0.9
    rows = player_features.of_notes(player_features.heard(one.notes, chords(one.notes)))
    assert boosted_trees.answers(soloist.WEIGHTS, rows).shape == (len(rows), 1)
    assert np.exp(player_count.kinds(one.notes, chords(one.notes))).sum() == pytest.approx(1)


def test_the_unit_is_learned_from_tempo_marks(tmp_path):
    path = tiny_cache.write_cache(tmp_path / "plain.npz")
    pieces = list(note_cache.NoteCache(path))
    marked = [replace(p, notes=replace(p.notes, tempo=np.full_like(p.notes.tempo, 100.0))) for p in pieces]
    note_cache.save(tmp_path / "marked.npz", marked * 12)  # a leaf of a tree wants 60 readings
    list(note_unit_learner.main(NoteUnit(cache=tmp_path / "marked.npz", weights=tmp_path, rounds=40)))
    reading = note_unit.Reading(Metre(4, 4), 0.6, np.arange(32.0), 60.0 + np.arange(32) % 5)
    row = note_unit.numbers(reading)
    printed = boosted_trees.answer(tmp_path / "note_unit.npz", row, METRE_NAMES)
    doubled = note_unit.Reading(Metre(4, 4), 0.3, np.arange(32.0) * 2, reading.pitch)
    assert printed > boosted_trees.answer(tmp_path / "note_unit.npz", note_unit.numbers(doubled), METRE_NAMES)


def test_the_shipped_trees_prefer_eighths_to_sixteenths_of_a_slow_beat():
    """A reel at 110 quarters a minute, in eighths, beside the same in sixteenths at 55."""
    pitch = 67.0 + np.arange(128) % 9
    usual = note_unit.Reading(Metre(4, 4), 60 / 110, np.arange(128) / 2, pitch)
    slow = note_unit.Reading(Metre(2, 4), 60 / 55, np.arange(128) / 4, pitch)
    assert note_unit.likelihood(usual) > note_unit.likelihood(slow)
    assert (Metre(2, 4), 0.5) in note_unit.others(Metre(4, 4))
