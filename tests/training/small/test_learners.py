"""Each small learner fits its weights from tiny data, in the form in which the product reads them."""

import json
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_cache
import torch

from abcscribe.analysis import chord_features, downbeats, hand_network, keys, metre_choice, player_count, rhythm_tables
from abcscribe.analysis.harmony import decoder
from abcscribe.corpora.note_cache import NoteCache
from abcscribe.errors import AbcscribeError
from abcscribe.hearing import note_confidence
from abcscribe.model import SHIPPED, boosted_trees, perceptron, weight_files
from abcscribe.score.grid import METRE_NAMES, METRES
from abcscribe.score.instruments import FAMILIES
from abcscribe.score.model import Bar, Metre, PlayedNote, Score
from abcscribe.synthesis.windows import Stage, WindowSource
from abcscribe.training import window_files
from abcscribe.training.small import bar_confidence, configs, heard_clips, timbre
from abcscribe.training.small import hands as hands_learner
from abcscribe.training.small import note_confidence as note_confidence_learner
from abcscribe.training.small.configs import LEARNERS


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tiny_cache.write_cache(tmp_path_factory.mktemp("cache") / "notes.npz")


@pytest.fixture(scope="module")
def heard(cache) -> Path:
    """Windows and recordings as if the tower had heard them: by simulated hearing, and exactly."""
    folder = cache.parent / "heard"
    folder.mkdir()
    source, rng = WindowSource(cache), np.random.default_rng(1)
    stage = Stage((16, 48), (("tune", 0.3), ("ensemble", 0.4), ("piano", 0.3)))
    window_files.save(folder / "windows-00000.npz", [source.draw(rng, stage) for _ in range(16)])
    clips = [heard_clips.HeardClip(score, score.performance) for score in map(played, range(3))]
    (folder / heard_clips.FILE).write_text("".join(heard_clips.line(clip) + "\n" for clip in clips))
    return folder


def played(seed: int) -> Score:
    """A trio as it is played, exactly."""
    score = tiny_cache.score(seed, "ensemble", bars=6)
    notes = (
        PlayedNote(float(n.onset) * 0.6, float(n.onset + n.duration) * 0.6 - 0.02, n.pitch, family="strings")
        for n in score.sounding_notes()
    )
    return replace(score, performance=tuple(sorted(notes, key=lambda n: (n.onset, n.pitch))))


def fitted(name: str, folder: Path, **settings) -> tuple[list[dict], Path]:
    """Log entries of a learner and the file that it wrote."""
    learner = LEARNERS[name]
    config = learner.config(**learner.config.SMOKE | {"weights": folder} | settings)
    return list(import_module(f"abcscribe.training.small.{learner.module}").main(config)), folder / learner.file


def test_rhythm_tables(cache, tmp_path):
    entries, path = fitted("rhythm-tables", tmp_path, cache=cache)
    assert {entry["table"]: entry["pieces"] for entry in entries}["line 4/4"] > 0
    arrays = weight_files.load(path, METRE_NAMES)
    assert set(arrays) == set(weight_files.load(SHIPPED / "rhythm_tables.npz", METRE_NAMES))
    start = arrays["line_4_4_start"]
    assert rhythm_tables.places(Metre(4, 4))[start.argmax()] == 0  # all tiny pieces begin on the bar line


def test_keys(cache, tmp_path):
    entries, path = fitted("keys", tmp_path, cache=cache, windows=20, excerpts=6, valid=4, steps=8)
    evidence = keys.evidence(np.array([60, 64, 67, 72]), np.arange(4.0), np.ones(4))
    assert perceptron.answer(path, evidence).shape == (12, len(keys.MODES))
    losses = [entry["loss"] for entry in entries if "loss" in entry]
    assert losses[-1] < losses[0]
    assert {entry["valid"] for entry in entries if "valid" in entry} == {"learned", "Krumhansl"}


def test_harmony(cache, tmp_path, monkeypatch):
    entries, path = fitted("harmony", tmp_path, cache=cache, pieces=4, valid=2)
    assert entries[0]["pieces"] == 4
    assert 0 < entries[-1]["valid"]["root and quality"] <= entries[-1]["valid"]["root"] <= 1
    monkeypatch.setattr(decoder, "WEIGHTS", path)
    shipped = weight_files.load(SHIPPED / "harmony.npz")
    assert {name: array.shape for name, array in weight_files.load(path).items()} == {
        name: array.shape for name, array in shipped.items()
    }
    for kind in ("printed", "heard"):
        tables = decoder.load(kind)
        assert np.exp(tables.steps).sum(axis=1) == pytest.approx(1, abs=0.02)
        assert (np.exp(tables.tones[0, 0, 0]) > np.exp(tables.tones[0, 0, 1])).all()  # the tonic chord has its root


def test_hands(cache, tmp_path, monkeypatch):
    (first, last), path = fitted("hands", tmp_path, cache=cache, steps=3)[0][:2], tmp_path / "hands.npz"
    assert first["loss"] > 0
    assert last["parts"] == 2  # of the valid pieces the piano's and the song's
    shipped = weight_files.load(SHIPPED / "hands.npz")
    assert {name: array.shape for name, array in weight_files.load(path).items()} == {
        name: array.shape for name, array in shipped.items()
    }
    model = hands_learner.Network(shipped["mean"], shipped["scale"])
    model.load_state_dict({name: torch.from_numpy(array) for name, array in shipped.items()})
    (part, *_) = hands_learner.keyboards(NoteCache(cache))
    example = hands_learner.drawn(part, np.random.default_rng(1))
    features, mask, _, weight = hands_learner._batch([example])
    assert weight.sum() == example.weight.sum()
    with torch.no_grad():
        told = model(features, mask)[0].numpy()
    assert hand_network.guess(example.features) == pytest.approx(told, abs=1e-3)


def test_beat_network(cache, heard, tmp_path):
    settings = {"cache": cache, "heard": (heard,), "examples": tmp_path / "made" / "examples.npz"}
    settings |= {"performed": 8, "windows": 8, "valid": 2, "steps": 3}
    entries, path = fitted("beat-network", tmp_path, **settings)
    assert {"step", "loss", "minutes left"} <= set(entries[0])
    assert set(entries[-1]["valid"]) == {"performances", "windows"}
    shipped, new = (weight_files.load(folder / "beat_network.npz", METRE_NAMES) for folder in (SHIPPED, tmp_path))
    assert {name: array.shape for name, array in new.items()} == {name: array.shape for name, array in shipped.items()}
    again, _ = fitted("beat-network", tmp_path, **settings)  # from the weights and examples that are there
    assert again[0]["loss"] < entries[0]["loss"]
    assert path.stat().st_size > 100_000


def test_metre_choice(cache, heard, tmp_path):
    settings = {"cache": cache, "heard": (heard,), "examples": tmp_path / "examples.npz"}
    settings |= {"lines": 10, "players": 4, "short": 3, "valid": 4, "rounds": 2}
    (entry,), path = fitted("metre-choice", tmp_path, **settings)
    assert entry["count"] == 4
    assert entry["right"] == 1  # all tiny pieces are in 4/4
    row = np.zeros(len(metre_choice.FEATURES), np.float32)
    assert len(boosted_trees.answer(path, row, METRE_NAMES)) == len(metre_choice.CLASSES)
    before = boosted_trees.answer(path, row, METRE_NAMES)
    fitted("metre-choice", tmp_path, **settings, beside=0.5)  # examples are kept; the mean of equal trees is the same
    assert boosted_trees.answer(path, row, METRE_NAMES) == pytest.approx(before, abs=1e-5)


def test_downbeats(cache, tmp_path):
    settings = {
        "cache": cache,
        "examples": tmp_path / "examples.npz",
        "lines": 8,
        "players": 3,
        "valid": 4,
        "rounds": 2,
    }
    entries, path = fitted("downbeats", tmp_path, **settings)
    assert sum(entry["count"] for entry in entries) == 4
    row = np.zeros(len(downbeats.FEATURES), np.float32)
    assert len(boosted_trees.answer(path, row, METRE_NAMES)) == 1


def test_player_count(cache, heard, tmp_path):
    settings = {"cache": cache, "heard": (heard,), "held_out": heard, "windows": 12, "steps": 60}
    entries, path = fitted("player-count", tmp_path, **settings)
    row = np.zeros((1, len(player_count.FEATURES)), np.float32)
    assert perceptron.answer(path, row).shape == (1, len(player_count.TEXTURES))
    (whole,) = (entry for entry in entries if entry.get("valid") == "all")
    assert whole["right"] > 0.5


def test_note_confidence(tmp_path, monkeypatch):
    """A tower that hears what the frames say: true notes are loud, the others are not."""
    rng = np.random.default_rng(3)

    class Tower:
        def __init__(self, path):
            assert path == SHIPPED / "tower.onnx"

        def hear(self, frames):
            onset = np.zeros((640, 88), np.float32)
            for time, pitch, height in frames[:20, :3]:
                onset[int(640 * time), int(88 * pitch)] = height
            sounding = np.maximum(onset, np.vstack([np.zeros((1, 88)), onset[:-1]]))
            velocity, family = np.full((640, 88), 0.5), np.full((640, 88, len(FAMILIES)), 1 / len(FAMILIES))
            return SimpleNamespace(onset=onset, sounding=sounding, velocity=velocity, family=family)

    monkeypatch.setattr(note_confidence_learner, "TowerRuntime", Tower)
    monkeypatch.setattr(note_confidence_learner.runtime_files, "tower", lambda folder: SHIPPED / "tower.onnx")
    for split in ("train", "valid"):
        frames, notes, first = np.zeros((4, 640, 264), np.uint8), [], [0]
        for clip in range(4):
            times, pitches = rng.choice(60, 20, replace=False) * 4, rng.integers(20, 60, 20)
            for i, (time, pitch) in enumerate(zip(times, pitches, strict=True)):
                frames[clip, i, :3] = time + 1, int(255 * (pitch + 0.5) / 88), 250 if i % 2 else 120
                if i % 2:
                    notes.append((int(640 * (time + 1) / 255) / 62.5, 99.0, 21 + pitch, 90, 0))
            first.append(len(notes))
        np.savez(tmp_path / f"{split}-00000.npz", frames=frames, notes=np.array(notes), first=first)
    entries, path = fitted("note-confidence", tmp_path, clips=tmp_path, count=4, steps=150)
    assert perceptron.answer(path, np.zeros((1, len(note_confidence.FEATURES)), np.float32)).shape == (1, 1)
    (at_half,) = (entry for entry in entries if entry.get("valid") == "above 0.5")
    assert at_half["F1"] > 0.8


def test_note_confidence_needs_clips(tmp_path):
    with pytest.raises(AbcscribeError, match="abcscribe data render"):
        fitted("note-confidence", SHIPPED, clips=tmp_path)


def test_bar_confidence(tmp_path, monkeypatch):
    """Bars whose notes are sure are right, the others are not."""
    bars = tuple(Bar(Fraction(4), seconds=2.0 * i) for i in range(20))
    heard = tuple(PlayedNote(2.0 * i + 0.1, 2.0 * i + 1, 60, confidence=0.95 if i % 2 else 0.3) for i in range(20))
    clip = type("Clip", (), {"audio": None, "notes": heard[1::2]})
    monkeypatch.setattr(bar_confidence, "read_suite", lambda folder: [clip])
    monkeypatch.setattr(bar_confidence, "transcribe", lambda audio, engine: Score(bars, performance=heard))
    (tmp_path / "bar_confidence.json").write_text((SHIPPED / "bar_confidence.json").read_text())
    (entry,), path = fitted("bar-confidence", tmp_path, fit=tmp_path / "suite", engine=("abcscribe", "other")[:1])
    assert entry["bars"] == 20
    assert entry["correlation"] > 0.9
    assert entry["calibration error"]["new"] < entry["calibration error"]["before"]
    assert set(json.loads(path.read_text())["abcscribe"]) == {"constant", *bar_confidence.FEATURES}


def test_timbre(heard, tmp_path):
    entries, path = fitted("timbre", tmp_path, heard=(heard,))
    table = json.loads(path.read_text())
    assert list(table) == list(FAMILIES)
    assert table["strings"]["strings"] > 90  # heard exactly
    assert all(sum(row.values()) == pytest.approx(100, abs=0.1) for row in table.values())
    assert {entry["family"]: entry["notes"] for entry in entries}["piano"] == 0


def test_notes_are_taken_for_the_nearest_of_their_pitch():
    played = [PlayedNote(0.0, 1, 60, family="piano"), PlayedNote(0.06, 1, 60, family="reed")]
    heard = [PlayedNote(0.05, 1, 60, family="pipe"), PlayedNote(0.0, 1, 61, family="pipe")]
    counts = timbre.confusions(played, heard)
    assert counts.sum() == counts[FAMILIES.index("reed"), FAMILIES.index("pipe")] == 1


@pytest.mark.parametrize("name", ["metre-choice", "downbeats", "beat-network"])
def test_examples_of_other_metres_are_refused(cache, tmp_path, name):
    np.savez(tmp_path / "old.npz", metres=np.array(["4/4"]), ends=[0])
    others = {"metre-choice": {"heard": ()}, "downbeats": {}, "beat-network": {"heard": (), "valid": 1}}[name]
    with pytest.raises(AbcscribeError, match="are of other metres"):
        fitted(name, tmp_path, cache=cache, examples=tmp_path / "old.npz", **others)


def test_every_learner_is_complete():
    """Its module has ``main``, its file is among the shipped weights, and its config has the folder to write to."""
    for learner in LEARNERS.values():
        assert callable(import_module(f"abcscribe.training.small.{learner.module}").main)
        assert (SHIPPED / learner.file).is_file()
        assert learner.config().weights == configs.WEIGHTS


def test_the_names_of_features_are_as_many_as_their_columns(cache):
    """Of the weights in the package, which were fitted to the columns."""
    sizes = {
        "keys": (keys.evidence(np.array([60, 62]), np.arange(2.0), np.ones(2)).shape[1],),
        "player_count": (len(player_count.FEATURES),),
        "note_confidence": (len(note_confidence.FEATURES),),
    }
    for name, size in sizes.items():
        assert weight_files.load(SHIPPED / f"{name}.npz")["mean"].shape == size
    assert weight_files.load(SHIPPED / "beat_network.npz", METRE_NAMES)["mean"].shape == (chord_features.FEATURES,)
    for name, module in (("metre_choice", metre_choice), ("downbeats", downbeats)):
        used = weight_files.load(SHIPPED / f"{name}.npz", METRE_NAMES)["feature"]
        assert used.max() < len(module.FEATURES)
    assert len(NoteCache(cache)) == 12
    assert len(METRES) == len(METRE_NAMES)
