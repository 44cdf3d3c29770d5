import csv
import dataclasses

import numpy as np
import pytest
from tiny_sounds import tone, write_libraries

from abcscribe.audio import SAMPLE_RATE
from abcscribe.errors import AbcscribeError
from abcscribe.synthesis import sound_bank
from abcscribe.synthesis.sound_bank import GUARD, build_bank, load_bank, save, save_compact, with_loop, write_credits


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return build_bank(write_libraries(tmp_path_factory.mktemp("libraries")))


def note(bank, index):
    begin = int(bank.begin[index])
    return bank.waves[begin : begin + int(bank.length[index])].astype(np.float32) / 32767


def test_held_notes_are_looped_and_struck_ones_are_not(bank):
    for index, owner in enumerate(bank.instrument):
        instrument = bank.instruments[owner]
        assert (bank.loop[index] > 0) == instrument.sustained
        assert 0 <= bank.onset[index] <= 0.02 * SAMPLE_RATE
        assert bank.length[index] > bank.loop[index]
    assert bank.begin[-1] + bank.length[-1] <= bank.waves.size


@pytest.mark.parametrize("midi", [36, 60, 84])
def test_a_loop_goes_on_where_it_ends(midi):
    held = tone(midi, 2.0, 0.0, 0.0)[::1].astype(np.float32)[: 2 * SAMPLE_RATE]
    # As if it had been recorded at the bank's rate: the tone is then a fifth lower.
    pitch = midi + 12 * np.log2(SAMPLE_RATE / 24_000)
    waveform, loop = with_loop(held, pitch)
    end = waveform.size - GUARD
    assert np.array_equal(waveform[end:], np.resize(waveform[end - loop :], GUARD))
    around = np.concatenate([waveform[end - 400 : end], waveform[end : end + 100]])
    steps = np.abs(np.diff(around))
    assert steps[395:405].max() <= 1.5 * steps[:390].max()  # no click


def test_a_note_that_is_too_short_has_no_loop():
    assert with_loop(tone(60, 0.2, 0.0), 60.0) is None


def test_a_pitch_that_one_layer_lacks_is_played_by_another(bank):
    owner = next(i for i, one in enumerate(bank.instruments) if one.name == "piano-train")
    soft = (bank.instrument == owner) & (bank.layer == 0)
    fewer = dataclasses.replace(bank, midi=np.where(soft & (bank.midi > 70), 20.0, bank.midi))
    assert fewer.reach[owner, 75]
    assert (fewer.choices[owner][:, fewer.reach[owner]] >= 0).all()
    assert abs(fewer.midi[fewer.choices[owner, 0, 75, 0]] - 75) < 4


def test_velocity_layers_keep_their_loudness(bank):
    owner = next(i for i, instrument in enumerate(bank.instruments) if instrument.name == "piano-train")
    soft, loud = (np.flatnonzero((bank.instrument == owner) & (bank.layer == layer))[3] for layer in (0, 1))
    ratio = np.abs(note(bank, soft)).max() / np.abs(note(bank, loud)).max()
    assert ratio == pytest.approx(0.4, abs=0.03)


def test_the_nearest_note_plays_up_to_three_semitones_away(bank):
    owner = next(i for i, instrument in enumerate(bank.instruments) if instrument.name == "flute-train")
    reach = np.flatnonzero(bank.reach[owner])
    assert (reach.min(), reach.max()) == (33, 99)
    for pitch in (40, 41, 60, 98):
        first, second = bank.choices[owner, 0, pitch]
        distance = np.abs(bank.midi[bank.instrument == owner] - pitch)
        assert abs(bank.midi[first] - pitch) == pytest.approx(distance.min(), abs=0.01)
        assert abs(bank.midi[second] - pitch) <= sound_bank.REACH + 0.5
    kit = next(i for i, instrument in enumerate(bank.instruments) if instrument.program == 128)
    assert np.flatnonzero(bank.reach[kit]).tolist() == [36, 38, 42]


def test_splits_are_whole_instruments(bank):
    train, valid = (bank.of_split(split) for split in ("train", "valid"))
    assert len(train) == len(valid) == 3
    assert not set(train) & set(valid)


def test_a_bank_is_a_file(bank, tmp_path):
    save(bank, tmp_path / "sounds.npz")
    again = load_bank(tmp_path / "sounds.npz")
    assert np.array_equal(again.waves, bank.waves)
    assert again.instruments == bank.instruments
    with pytest.raises(AbcscribeError, match="abcscribe data sounds"):
        load_bank(tmp_path / "none.npz")


def test_the_compact_form_is_a_third_and_sounds_alike(bank, tmp_path):
    save(bank, tmp_path / "sounds.npz")
    save_compact(bank, tmp_path / "compact.npz", ("train",))
    small = load_bank(tmp_path / "compact.npz")
    assert (tmp_path / "compact.npz").stat().st_size < 0.36 * (tmp_path / "sounds.npz").stat().st_size
    assert {instrument.split for instrument in small.instruments} == {"train"}
    kept = np.flatnonzero(np.isin(bank.instrument, bank.of_split("train")))
    assert np.allclose(small.midi, bank.midi[kept])
    for mine, theirs in ((3, kept[3]), (len(kept) - 2, kept[-2])):
        before, after = note(bank, theirs), note(small, mine)
        size = min(before.size, after.size, SAMPLE_RATE // 2)
        error = np.square(before[:size] - after[:size]).mean() / np.square(before[:size]).mean()
        assert 10 * np.log10(error) < -36


def test_long_notes_are_cut_and_looped_again(bank):
    short = dataclasses.replace(bank)
    cut = sound_bank.shortened(short, ("train",))
    limit = max(sound_bank.STRUCK_SECONDS, sound_bank.SUSTAINED_SECONDS) * SAMPLE_RATE
    assert cut.length.max() <= limit
    assert (cut.loop > 0).sum() == (bank.loop[np.isin(bank.instrument, bank.of_split("train"))] > 0).sum()


def test_credits_name_every_instrument(bank, tmp_path):
    write_credits(bank, tmp_path / "sounds.csv")
    rows = list(csv.DictReader((tmp_path / "sounds.csv").open()))
    assert [row["name"] for row in rows] == [instrument.name for instrument in bank.instruments]
    assert {row["licence"] for row in rows} == {"CC0-1.0", "MIT"}
    assert sum(int(row["notes"]) for row in rows) == len(bank.begin)
