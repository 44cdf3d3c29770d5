import numpy as np
import pytest

from abcscribe.audio import SAMPLE_RATE
from abcscribe.synthesis import performance, playing_style, render

PART = performance.Performance(
    np.array([0.5, 1.5]), np.array([1.4, 2.4]), np.array([60, 62]), np.array([80, 80]), np.zeros(2, int),
    np.arange(2), (71,),
)  # fmt: skip
TONE = np.sin(2 * np.pi * 440 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_a_blown_tone_rises_after_its_onset_and_is_whole_again(seed):
    rng = np.random.default_rng(seed)
    gain = playing_style._attacks(rng, 3 * SAMPLE_RATE // playing_style.CONTROL, PART.onset)
    at = (np.array([0.4, 0.51, 1.45, 1.51]) * SAMPLE_RATE / playing_style.CONTROL).astype(int)
    before, begun, whole, again = gain[at]
    assert before == 1
    assert begun < 1
    assert again < 1
    assert whole > 0.97
    assert gain.min() >= 0


@pytest.mark.parametrize("seed", range(20))
def test_a_wavering_tone_stays_within_six_decibels(seed):
    gain = playing_style._wavering(np.random.default_rng(seed), 1000)
    assert gain.shape == (1000,)
    assert np.all(np.abs(20 * np.log10(gain)) <= 6)
    assert np.ptp(gain) > 0


def unevenness(seed: int, blown: bool) -> float:
    """Of the loudness of a steady tone, once it is played."""
    played = playing_style.play(np.random.default_rng(seed), TONE, PART, blown)
    assert played.shape == TONE.shape
    level = np.abs(played[4000:-4000]).reshape(100, -1).max(axis=1)
    return float(np.ptp(level) / level.max())


def test_struck_notes_keep_their_envelope_and_blown_ones_do_not():
    """Of struck ones only the colour may change: a tone of one frequency is as loud at the end as at the beginning."""
    assert max(unevenness(seed, False) for seed in range(20)) < 0.02
    assert sum(unevenness(seed, True) > 0.05 for seed in range(20)) >= 10


def test_what_is_played_is_a_function_of_its_seed():
    first, again, other = (
        playing_style.play(np.random.default_rng(seed), TONE, PART, blown=True) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32


def test_every_part_is_given_to_a_player(monkeypatch):
    """Without FluidSynth: the parts reach the fonts one by one, or all together."""
    calls = []

    def recorded(rng, played, seconds, font, cents, pedal):
        calls.append((sorted({*played.part}), font))
        return np.zeros(int(seconds * SAMPLE_RATE), np.float32)

    blown = []

    def played(rng, waveform, part, is_blown):
        blown.append((*{*part.part}, is_blown))
        return waveform

    monkeypatch.setattr(render, "play", played)
    monkeypatch.setattr(render.soundfonts, "installed_fonts", lambda: ["a", "b"])
    monkeypatch.setattr(render.soundfonts, "render", recorded)
    one = np.ones(2)
    both = performance.Performance(one, 2 * one, 60 * one, 80 * one, np.array([0, 1]), np.arange(2), (71, 0))
    for seed in range(30):
        render._band(np.random.default_rng(seed), both, 3.0, 0.0, np.zeros((0, 2)))
    assert {tuple(parts) for parts, _ in calls} == {(0,), (1,), (0, 1)}
    assert {font for _, font in calls} == {"a", "b"}
    assert {*blown} == {(0, True), (1, False)}  # a clarinet and a piano
    assert len(blown) == sum(len(parts) == 1 for parts, _ in calls)
