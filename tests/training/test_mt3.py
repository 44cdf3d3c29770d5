"""Training of the MT3 family: what is asked of the network, and a run that learns, stops and goes on."""

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from abcscribe.errors import AbcscribeError
from abcscribe.hearing.mt3 import checkpoint
from abcscribe.hearing.mt3.config import preset
from abcscribe.hearing.mt3.events import encode, note_events
from abcscribe.hearing.mt3.network import Transcriber
from abcscribe.hearing.mt3.vocabulary import EOS, PAD, SYSTEMS
from abcscribe.score.model import PlayedNote
from abcscribe.synthesis.recordings import save_tones
from abcscribe.training import mt3
from abcscribe.training.mt3_batches import NOWHERE, Recording, _segment, make_batch, moments_of, recordings, roll
from abcscribe.training.mt3_config import Mt3Training

SYSTEM = dataclasses.replace(SYSTEMS["mt3"], segment_frames=50, target_length=24)  # .4 s


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    save_tones(folder, recordings=6)
    return folder


def smoke(tones: Path, out: Path, **settings: object) -> Mt3Training:
    small = {"size": "tiny", "segment_frames": 50, "target_length": 24, "batch": 6, "warmup": 5, "valid_recordings": 1}
    return Mt3Training(tones, out, **{"minutes": 1e9, "steps": 40, **small, **settings})  # type: ignore[arg-type]


def ticking():  # type: ignore[no-untyped-def]
    """A clock that runs a second at every look, so that a run is the same on every machine."""
    seconds = itertools.count()
    return lambda: float(next(seconds))


def played(onset: float, offset: float, pitch: int, drum: bool = False) -> PlayedNote:
    return PlayedNote(onset, offset, pitch, 90, program=None if drum else 0, drum=drum)


def test_moments_are_the_frames_of_the_events() -> None:
    """10 ms are 1.25 frames. Ties and EOS belong to no moment."""
    notes = [played(-1, 0.1, 50), played(0.0, 0.2, 60), played(0.2, 0.3, 36, drum=True)]
    ids = encode(
        note_events([dataclasses.replace(n, onset=n.onset + 1, offset=n.offset + 1) for n in notes], SYSTEM),
        125,
        175,
        SYSTEM,
    )
    kinds = [event.kind if (event := SYSTEM.vocabulary.event(token)) else "end" for token in ids]
    assert list(zip(kinds, moments_of(ids, SYSTEM), strict=True)) == [
        ("program", NOWHERE), ("pitch", NOWHERE), ("tie", NOWHERE), ("velocity", 0), ("pitch", 0),
        ("shift", 12), ("velocity", 12), ("pitch", 12), ("shift", 25), ("pitch", 25), ("velocity", 25), ("drum", 25),
        ("end", NOWHERE),
    ]  # fmt: skip


def test_a_roll_shows_where_pitches_begin_and_sound() -> None:
    grid = roll(
        [played(0.08, 0.16, 60), played(-1, 0.04, 61), played(0.1, 0.2, 36, drum=True), played(9, 10, 62)], 0, 50
    )
    assert np.flatnonzero(grid[:, 0, 60]).tolist() == [9, 10, 11]
    assert np.flatnonzero(grid[:, 1, 60]).tolist() == list(range(10, 20))
    assert np.flatnonzero(grid[:, 1, 61]).tolist() == list(range(5))
    assert grid[:, :, [36, 62]].sum() == 0


def test_a_batch_holds_what_is_heard_and_what_to_write_of_it(tones: Path) -> None:
    chosen = recordings(tones / "train-00000.npz")[:3]
    batch = make_batch([(recording, 40) for recording in chosen], SYSTEM)
    assert batch.frames.shape == (3, 50, 512)
    assert batch.previous is None
    for row, inputs in zip(batch.tokens.tolist(), batch.inputs.tolist(), strict=True):
        assert inputs == [PAD, *row[:-1]]
        assert row.count(EOS) == 1
        assert set(row[row.index(EOS) + 1 :]) <= {PAD}


def test_a_memory_is_what_was_written_of_the_segment_before(tones: Path) -> None:
    system = dataclasses.replace(SYSTEMS["mr-mt3"], segment_frames=50, target_length=24, memory=4)
    recording = recordings(tones / "train-00000.npz")[0]
    before = encode(note_events(recording.notes, system), 0, 50, system)
    assert _segment(recording, 50, system)[2].tolist() == [[*before, *[PAD] * (24 - len(before))]]
    assert _segment(recording, 49, system)[2].tolist() == [[1134, EOS, *[PAD] * 22]]
    assert make_batch([(recording, 60)] * 2, system).previous.shape == (2, 24)  # type: ignore[union-attr]


def test_attention_near_the_right_frame_costs_nothing() -> None:
    looked = torch.full((1, 2, 20), -30.0)
    looked[0, 0, 5] = looked[0, 1, 5] = 0.0
    near = mt3._alignment(looked, torch.tensor([[7, NOWHERE]]))
    far = mt3._alignment(looked, torch.tensor([[15, NOWHERE]]))
    assert near == pytest.approx(0, abs=1e-5)
    assert far > 20
    assert mt3._alignment(looked, torch.tensor([[NOWHERE, NOWHERE]])) == 0


def test_a_near_miss_in_time_costs_less_than_a_far_one() -> None:
    guesses = torch.full((1, 3, 20), -30.0)
    for row, step in enumerate((7, 8, 15)):
        guesses[0, row, step] = 0.0
    right, near, far = mt3._blurred(guesses.log_softmax(-1), torch.full((1, 3), 7), 2)[0].tolist()
    assert right < near < far
    assert right == pytest.approx(30 * (1 - 3 / 9), abs=1e-3)
    assert far == pytest.approx(30, abs=1e-3)


def test_without_the_aids_only_the_tokens_count(tones: Path) -> None:
    network = Transcriber(dataclasses.replace(preset("mt3", "tiny"), system=SYSTEM))
    batch = make_batch([(recording, 40) for recording in recordings(tones / "train-00000.npz")[:2]], SYSTEM)
    plain = mt3.Losses(network, Mt3Training(tones, tones, pitch_weight=0, alignment_weight=0, blurred_steps=0)).eval()
    losses = plain(batch)
    assert set(losses) == {"tokens"}
    logits = network(batch.frames, batch.inputs)
    picked = torch.nn.functional.log_softmax(logits, -1).gather(-1, batch.tokens[..., None])[..., 0]
    torch.testing.assert_close(losses["tokens"], -picked[batch.tokens != PAD].mean())
    torch.testing.assert_close(plain.total(losses), losses["tokens"])


def test_a_run_learns_stops_and_goes_on(tones: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    log = list(mt3.main(smoke(tones, out, rate=5e-3), ticking()))
    assert [entry["step"] for entry in log] == [25, 40]
    assert log[0]["tokens"] < 7
    assert set(log[1]["valid"]) == {"onset_f1", "offset_f1", "multi_instrument_f1"}
    assert {"steps_per_second", "minutes_left", "pitches", "alignment"} <= set(log[0])
    again = list(mt3.main(smoke(tones, out, rate=5e-3, steps=80), ticking()))
    assert [entry["step"] for entry in again] == [50, 75, 80]
    assert again[-2]["tokens"] < 0.7 * log[0]["tokens"]
    assert [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()] == log + again
    assert not list(out.glob("*.part"))
    assert checkpoint.load(out / "model.safetensors").config.system.segment_frames == 50


@pytest.mark.parametrize("system", ["seq2seq-piano", "mr-mt3"])
def test_the_other_systems_are_trained_too(tones: Path, tmp_path: Path, system: str) -> None:
    log = list(mt3.main(smoke(tones, tmp_path, system=system, steps=2), ticking()))
    assert log[-1]["step"] == 2
    assert checkpoint.load(tmp_path / "model.safetensors").config.system.name == system


def test_a_run_begins_with_given_weights(tones: Path, tmp_path: Path) -> None:
    list(mt3.main(smoke(tones, tmp_path / "first", steps=1), ticking()))
    start = tmp_path / "first" / "model.safetensors"
    list(mt3.main(smoke(tones, tmp_path / "second", steps=0, start=start, seed=9), ticking()))
    first, second = (checkpoint.load(tmp_path / name / "model.safetensors") for name in ("first", "second"))
    torch.testing.assert_close(first.state_dict(), second.state_dict())


def test_weights_of_another_size_are_no_start(tones: Path, tmp_path: Path) -> None:
    list(mt3.main(smoke(tones, tmp_path / "first", steps=1), ticking()))
    start = tmp_path / "first" / "model.safetensors"
    with pytest.raises(AbcscribeError, match="another system or size"):
        list(mt3.main(smoke(tones, tmp_path / "second", start=start, size="small"), ticking()))


def test_another_size_does_not_overwrite_a_run(tones: Path, tmp_path: Path) -> None:
    list(mt3.main(smoke(tones, tmp_path, steps=1), ticking()))
    with pytest.raises(AbcscribeError, match="another system or size"):
        list(mt3.main(smoke(tones, tmp_path, segment_frames=64), ticking()))


def test_missing_recordings_and_devices_are_said_in_one_sentence(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(AbcscribeError, match="abcscribe data record"):
        list(mt3.main(smoke(tmp_path / "nothing", tmp_path / "out"), ticking()))
    if not torch.cuda.is_available():
        with pytest.raises(AbcscribeError, match="no device 'cuda'"):
            list(mt3.main(smoke(tones, tmp_path / "out", device="cuda"), ticking()))


def test_fewer_recordings_than_a_batch_are_said_in_one_sentence(tones: Path, tmp_path: Path) -> None:
    with pytest.raises(AbcscribeError, match="too few recordings for batches of 9999"):
        list(mt3.main(smoke(tones, tmp_path / "out", batch=9999), ticking()))


def test_figures_count_pitched_notes_and_programs() -> None:
    truth = [played(0, 1, 60), dataclasses.replace(played(1, 2, 62), program=40), played(1, 1.1, 36, drum=True)]
    heard = [played(0, 1, 60), played(1, 2, 62), played(1, 1.01, 36, drum=True)]
    found = mt3.figures(Recording(np.zeros(1, np.int16), truth), heard)
    assert found["onset_f1"] == found["offset_f1"] == 1
    assert found["multi_instrument_f1"] == pytest.approx(2 * 2 / 6)
