import dataclasses

import numpy as np
import pytest
import torch
from tiny_cache import write_cache
from tiny_sounds import write_libraries

from abcscribe.audio import SAMPLE_RATE
from abcscribe.score.instruments import PERCUSSION
from abcscribe.spectrogram import BINS, HOP, spectrogram
from abcscribe.synthesis import clip_plans, recorded_notes, render
from abcscribe.synthesis.batch_renderer import BatchRenderer, TorchSpectrogram, collated, fast_length
from abcscribe.synthesis.clip_plans import ClipPlan, Recording, draw_plan
from abcscribe.synthesis.drum_patterns import drum_part
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.recorded_notes import NoteTable, choose_instrument, play_part, strummed
from abcscribe.synthesis.sound_bank import build_bank

CLEAN = Recording(-1, 0.0, np.zeros(clip_plans.CONTROL_POINTS), 0.0, np.inf, np.inf, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    return build_bank(write_libraries(tmp_path_factory.mktemp("libraries")))


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    return render.pieces_of(write_cache(tmp_path_factory.mktemp("cache") / "notes.npz"), "train")


@pytest.fixture(scope="module")
def renderer(bank):
    return BatchRenderer(bank)


def index_of(bank, name):
    return next(i for i, instrument in enumerate(bank.instruments) if instrument.name == name)


def performance(onset, offset, pitch, program=0, velocity=100) -> Performance:
    onset, offset, pitch = (np.array(column, float) for column in (onset, offset, pitch))
    count = onset.size
    return Performance(
        onset, offset, pitch.astype(int), np.full(count, velocity), np.zeros(count, int), np.arange(count), (program,)
    )


def plan(bank, name, part, legato=False, seed=0, cents=0.0):
    table = play_part(np.random.default_rng(seed), bank, index_of(bank, name), part, cents, legato)
    return ClipPlan(table, np.zeros((0, 7), np.float32), CLEAN, cents)


def dry(renderer, *plans):
    return renderer.dry(collated(plans, 0)).numpy()


def sounding(waveform, at):
    return float(np.abs(waveform[int(at * SAMPLE_RATE) : int((at + 0.02) * SAMPLE_RATE)]).max())


def peak_hertz(waveform):
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(waveform.size)))
    return float(spectrum.argmax() * SAMPLE_RATE / waveform.size)


@pytest.mark.parametrize("pitch", [45, 57, 59, 74, 91])
def test_a_note_sounds_its_pitch_from_its_onset_to_its_release(bank, renderer, pitch):
    waveform = dry(renderer, plan(bank, "flute-train", performance([1.0], [4.0], [pitch])))[0]
    assert sounding(waveform, 0.9) < 0.02 * sounding(waveform, 2.0)
    assert sounding(waveform, 1.02) > 0.3 * sounding(waveform, 2.0)
    assert sounding(waveform, 5.0) < 0.02 * sounding(waveform, 2.0)
    first = peak_hertz(waveform[int(1.2 * SAMPLE_RATE) : int(3.8 * SAMPLE_RATE)])
    assert 12 * np.log2(first / 440) + 69 == pytest.approx(pitch, abs=0.2)


def test_a_held_note_goes_on_beyond_its_recording(bank, renderer):
    """The recording has 1.2 s; the loop has no gap and no click."""
    waveform = dry(renderer, plan(bank, "flute-train", performance([0.5], [9.5], [60])))[0]
    levels = [sounding(waveform, at) for at in np.arange(1, 9, 0.5)]
    assert min(levels) > 0.7 * max(levels)
    body = waveform[int(1.0 * SAMPLE_RATE) : int(9.0 * SAMPLE_RATE)]
    steps = np.abs(np.diff(body))
    assert steps.max() < 2.5 * np.percentile(steps, 99)


def test_detuning_vibrato_and_bends_change_the_pitch(bank, renderer):
    part = performance([0.5], [4.5], [60])
    high = dry(renderer, plan(bank, "flute-train", part, cents=50))[0]
    assert 12 * np.log2(peak_hertz(high[16_000:48_000]) / 440) + 69 == pytest.approx(60.5, abs=0.1)
    table = plan(bank, "flute-train", part).table
    changed = {name: getattr(table, name).copy() for name in recorded_notes.FIELDS}
    changed["bend"][:], changed["glide"][:] = -5.0, 0.1
    bent = dry(renderer, ClipPlan(NoteTable(**changed), np.zeros((0, 7)), CLEAN, 0.0))[0]
    early, late = (peak_hertz(bent[int(at * SAMPLE_RATE) : int((at + 0.1) * SAMPLE_RATE)]) for at in (0.52, 2.0))
    assert early < 0.95 * late


def test_a_bend_up_does_not_read_into_the_next_recording(bank):
    part = performance([0.5], [9.5], [60])
    table = plan(bank, "piano-train", part).table
    changed = {name: getattr(table, name).copy() for name in recorded_notes.FIELDS}
    changed["bend"][:], changed["glide"][:] = 7.0, 2.0
    bent = ClipPlan(NoteTable(**changed), np.zeros((0, 7)), CLEAN, 0.0)
    sample = int(table.sample[0])
    assert bank.loop[sample] == 0
    made = []
    for other in (0, 20_000):
        waves = np.full_like(bank.waves, other)
        own = slice(bank.begin[sample], bank.begin[sample] + bank.length[sample])
        waves[own] = bank.waves[own]
        made.append(dry(BatchRenderer(dataclasses.replace(bank, waves=waves)), bent))
    assert np.array_equal(*made)


def test_loudness_follows_velocity(bank, renderer):
    loud, soft = (
        plan(bank, "flute-train", performance([1.0], [2.0], [60], velocity=velocity)) for velocity in (120, 40)
    )
    waveforms = dry(renderer, loud, soft)
    assert sounding(waveforms[0], 1.5) > 3 * sounding(waveforms[1], 1.5)


def test_clips_of_a_batch_do_not_touch_each_other(bank, renderer):
    late, other = (plan(bank, "flute-train", performance([at], [10.2], [60])) for at in (9.9, 5.0))
    both = dry(renderer, late, other)
    assert np.array_equal(both[0], dry(renderer, late)[0])
    assert np.array_equal(both[1], dry(renderer, other)[0])


def test_a_batch_is_the_same_bit_by_bit(bank, renderer, pieces):
    plans = [draw_plan(np.random.default_rng([4, i]), pieces, bank) for i in range(3)]
    plans[0] = dataclasses.replace(plans[0], recording=dataclasses.replace(CLEAN, noise_db=30.0, room=0))
    first, again = (renderer.frames(collated(plans, 9)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape == (3, render.CLIP_FRAMES, BINS)
    assert not torch.equal(first, renderer.frames(collated(plans, 10)))  # other noise


def test_a_plan_is_a_function_of_its_seed(bank, pieces):
    one, two, other = (draw_plan(np.random.default_rng([4, i]), pieces, bank) for i in (1, 1, 2))
    assert np.array_equal(one.notes, two.notes)
    assert np.array_equal(one.table.rate, two.table.rate)
    assert not np.array_equal(one.table.start, other.table.start)


def test_plans_keep_to_their_split_and_say_what_sounds(bank, pieces):
    train, valid = bank.of_split("train"), bank.of_split("valid")
    programs = set()
    for seed in range(12):
        for split, own in (("train", train), ("valid", valid)):
            drawn = draw_plan(np.random.default_rng(seed), pieces, bank, split)
            assert set(bank.instrument[drawn.table.sample]) <= set(own)
            assert len(drawn.notes) == len(drawn.table)
            assert (drawn.notes[:, 0] < render.CLIP_SECONDS).all()
            programs |= {int(program) for program in drawn.notes[:, 5]}
    assert programs == {0, 73, PERCUSSION}


def test_labels_are_where_the_sound_is(bank, renderer, pieces):
    """Of the notes of dry clips nearly all begin where the spectrogram of their pitch rises."""
    risen = total = 0
    for seed in range(6):
        drawn = draw_plan(np.random.default_rng([8, seed]), pieces, bank)
        frames = spectrogram(dry(renderer, ClipPlan(drawn.table, drawn.notes, CLEAN, 0.0))[0])
        for onset, offset, pitch, *_ in drawn.notes[drawn.notes[:, 5] != PERCUSSION]:
            frame, column = round(onset * 62.5), 3 * (int(pitch) - 21) + 1
            if 8 < frame < 620 and offset - onset > 0.1:
                after, before = (
                    frames[frame + 1 : frame + 6, column].max(),
                    frames[frame - 8 : frame - 5, column].mean(),
                )
                risen += after > before
                total += 1
    assert total > 30
    assert risen > 0.85 * total


def test_rooms_ring_and_dry_clips_do_not(bank, renderer):
    table = plan(bank, "piano-train", performance([0.5], [0.7], [60])).table
    wet = dataclasses.replace(CLEAN, room=0, wet=1.0)
    plain, ringing = (
        renderer.waveforms(collated([ClipPlan(table, np.zeros((0, 7)), how, 0.0)], 0))[0].numpy()
        for how in (CLEAN, wet)
    )
    assert sounding(plain, 1.3) < 1e-3
    assert sounding(ringing, 1.3) > 5e-3
    assert np.sqrt(np.mean(plain**2)) == pytest.approx(0.1, rel=0.01)


def test_noise_lies_as_far_below_the_music_as_asked(bank, renderer):
    table = plan(bank, "flute-train", performance([0.0], [5.0], [60])).table
    noisy = dataclasses.replace(CLEAN, noise_db=20.0, colour=0.8)
    waveform = renderer.waveforms(collated([ClipPlan(table, np.zeros((0, 7)), noisy, 0.0)], 0))[0].numpy()
    quiet = waveform[int(6 * SAMPLE_RATE) :]
    assert 20 * np.log10(np.sqrt(np.mean(quiet**2)) / np.sqrt(np.mean(waveform**2))) == pytest.approx(-20, abs=1.0)


def test_the_spectrogram_is_that_of_inference():
    rng = np.random.default_rng(3)
    waveforms = rng.standard_normal((2, 100 * HOP)).astype(np.float32) * 0.1
    waveforms[1] = np.sin(2 * np.pi * 440 * np.arange(100 * HOP) / SAMPLE_RATE)
    ours = TorchSpectrogram()(torch.from_numpy(waveforms)).numpy()
    for mine, waveform in zip(ours, waveforms, strict=True):
        assert np.abs(mine - spectrogram(waveform)).max() < 5e-5


@pytest.mark.parametrize("least", [1, 7, 1000, 183_040, 999_999])
def test_fast_lengths_are_products_of_small_primes(least):
    found = left = fast_length(least)
    for prime in (2, 3, 5):
        while left % prime == 0:
            left //= prime
    assert left == 1
    assert least <= found < 1.1 * least + 2


def test_instruments_are_chosen_that_reach_the_notes(bank):
    rng = np.random.default_rng(0)
    able = bank.of_split("train")
    names = {bank.instruments[choose_instrument(rng, bank, able, np.array([60, 72]), False)].name for _ in range(40)}
    assert names == {"flute-train", "piano-train"}
    assert choose_instrument(rng, bank, able, np.array([20, 25]), False) is None


def test_slurred_notes_begin_behind_the_attack_and_repeated_ones_do_not(bank):
    onset = np.arange(0.5, 9, 0.25)
    pitch = 60 + np.arange(onset.size) % 2 * 2
    pitch[20:] = 64
    part = performance(onset, onset + 0.25, pitch)
    skips = np.array([
        plan(bank, "flute-train", part, legato=True, seed=seed).table.skip > 0.03 * SAMPLE_RATE for seed in range(12)
    ])  # fmt: skip
    assert skips[:, 1:20].any()
    assert not skips[:, 21:].any()


def test_a_strum_spreads_chords_and_leaves_lines_alone():
    part = performance([1, 1, 1, 2, 3, 3], [2, 2, 2, 3, 4, 4], [52, 57, 61, 64, 50, 55])
    played = strummed(np.random.default_rng(1), part)
    assert np.all(np.diff(played.onset) > 0)
    assert played.onset[3] == 2
    assert played.onset[2] - played.onset[0] < 2 * recorded_notes.STRUM[1] + 1e-9
    assert sorted(played.pitch[:3]) == [52, 57, 61]


@pytest.mark.parametrize("seed", range(20))
def test_a_drummer_plays_what_the_kit_has(seed):
    keys = frozenset({36, 38, 42})
    onset, key = drum_part(np.random.default_rng(seed), 16.0, keys)
    assert set(key) <= keys
    assert np.all(np.diff(onset) >= 0)
    assert 0 <= onset.min() <= onset.max() < 16.5
    assert drum_part(np.random.default_rng(seed), 16.0, frozenset())[0].size == 0
