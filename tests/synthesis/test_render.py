import numpy as np
import pytest

from abcscribe.audio import SAMPLE_RATE
from abcscribe.score import instruments
from abcscribe.spectrogram import spectrogram
from abcscribe.synthesis import augment, performance, render, singer


def scale(count: int = 16, gap: float = 1.0) -> tuple[np.ndarray, ...]:
    pitch = np.array([60, 62, 64, 65, 67, 69, 71, 72])[np.arange(count) % 8]
    return np.arange(count) * gap, np.full(count, gap), pitch, np.zeros(count, int)


def played(seed: int = 0, program: int = 40, bpm: float = 100.0) -> performance.Performance:
    return performance.perform(np.random.default_rng(seed), *scale(), (program,), bpm)


@pytest.mark.parametrize("seed", range(20))
def test_a_performance_keeps_the_order_of_the_score_and_about_its_tempo(seed):
    notes = played(seed)
    assert np.all(np.diff(notes.onset) > 0)
    assert list(notes.pitch) == list(scale()[2])
    assert np.all(notes.offset > notes.onset)
    assert np.all((notes.velocity >= 1) & (notes.velocity <= 127))
    assert 5 < notes.onset[-1] < 30  # 15 quarters at 100 BPM take 9 s; rubato and fermatas stretch


def test_a_performance_is_a_function_of_its_seed():
    assert np.array_equal(played(3).onset, played(3).onset)
    assert not np.array_equal(played(3).onset, played(4).onset)


@pytest.mark.parametrize("seed", range(30))
def test_programs_are_chosen_in_their_range(seed):
    rng = np.random.default_rng(seed)
    pitches = rng.integers(40, 52, 20)
    low, high = performance.RANGES[performance.choose_program(rng, pitches, False)]
    assert low <= np.percentile(pitches, 2)
    assert np.percentile(pitches, 98) <= high


def test_every_family_of_the_tower_can_be_drawn():
    assert {instruments.family(program) for program in performance.RANGES} == set(instruments.FAMILIES)
    assert set(performance.FAMILY_WEIGHTS) == set(instruments.FAMILIES)


@pytest.mark.parametrize("voice", [True, False])
def test_the_singer_sings_the_pitches_asked_for(voice):
    notes = played(1)
    waveform = singer.sing(np.random.default_rng(5), notes, 8.0, 0.0, voice)
    assert waveform.shape == (8 * SAMPLE_RATE,)
    assert np.isfinite(waveform).all()
    frames = spectrogram(waveform)
    for onset, offset, pitch in zip(notes.onset[:6], notes.offset[:6], notes.pitch[:6], strict=True):
        middle = int((0.4 * onset + 0.6 * offset) * 62.5)
        bin_ = 3 * (pitch - 21) + 1
        assert frames[middle, bin_ - 2 : bin_ + 3].max() > frames[middle, bin_ - 8 : bin_ - 4].max()


@pytest.mark.parametrize("seed", range(12))
def test_augmentation_keeps_length_and_times(seed):
    rng = np.random.default_rng(seed)
    waveform = np.zeros(2 * SAMPLE_RATE, np.float32)
    waveform[SAMPLE_RATE:] = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE) * 0.3
    recorded = augment.augment(rng, waveform)
    assert recorded.shape == waveform.shape
    assert recorded.dtype == np.float32
    assert np.isfinite(recorded).all()
    tone = np.abs(np.diff(spectrogram(recorded)[:, 3 * 48 + 1]))
    assert abs(int(tone[20:100].argmax()) + 20 - 62) <= 4


@pytest.mark.parametrize("seed", range(4))
def test_a_codec_round_trip_does_not_shift_the_sound(seed):
    waveform = singer.sing(np.random.default_rng(0), played(2), 4.0, 0.0, True)
    decoded = augment._codec(np.random.default_rng(seed), waveform)
    assert decoded.shape == waveform.shape
    assert np.corrcoef(waveform, decoded)[0, 1] > 0.9


def test_minutes_are_encoded_as_ogg_too():
    """libvorbis keeps what it gets in one piece on the stack: three minutes used to end the process."""
    hum = np.sin(np.arange(180 * SAMPLE_RATE, dtype=np.float32) / 20) / 4
    ogg = next(seed for seed in range(9) if np.random.default_rng(seed).choice(["OGG", "MP3"]) == "OGG")
    assert augment._codec(np.random.default_rng(ogg), hum).shape == hum.shape


def test_the_pedal_lengthens_released_notes_until_it_is_lifted_or_the_key_struck_again():
    onset, offset = np.array([0.0, 1.0, 5.0]), np.array([0.5, 1.5, 6.0])
    pitch, pedal = np.array([60, 60, 62]), np.array([(0.2, 1.0), (3.0, 0.0)])
    heard = render.pedalled(onset, offset, pitch, pedal)
    assert heard.tolist() == [1.0, 3.0, 6.0]
