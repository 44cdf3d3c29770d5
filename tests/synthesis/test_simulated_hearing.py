"""What an engine would hear of a performance: mistakes in the right measure, none without severity."""

import numpy as np
import pytest

from abcscribe.model.note_features import UNKNOWN_FAMILY
from abcscribe.score.instruments import FAMILIES
from abcscribe.synthesis.performance import Performance
from abcscribe.synthesis.simulated_hearing import hear


def played(count: int = 400, program: int = 40) -> Performance:
    rng = np.random.default_rng(0)
    onset = np.arange(count) * 0.25
    return Performance(
        onset, onset + 0.24, rng.integers(45, 90, count), np.full(count, 90), np.zeros(count, int), np.arange(count),
        (program,),
    )  # fmt: skip


def hearing(severity, seed=0, **kwargs):
    return hear(np.random.default_rng(seed), played(**kwargs), severity)


def test_a_seed_repeats_what_is_heard():
    (first, a), (again, b), (other, _) = (hearing(0.5, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.onset, again.onset)
    assert np.array_equal(a, b)
    assert len(other) != len(first) or not np.array_equal(other.onset, first.onset)


def test_without_severity_every_note_is_heard_once():
    heard, behind = hearing(0.0)
    assert sorted(behind.tolist()) == list(range(400))
    true = played()
    assert np.array_equal(heard.pitch, true.pitch[behind])
    assert np.abs(heard.onset - true.onset[behind]).max() < 0.25


def test_notes_come_in_order_and_inside_the_range_of_their_arrays():
    heard, _ = hearing(1.0)
    assert np.all(np.diff(heard.onset) >= 0)
    assert np.all(heard.offset > heard.onset)
    assert heard.velocity.min() >= 1
    assert heard.velocity.max() <= 127
    assert 0 < heard.confidence.min() <= heard.confidence.max() < 1
    assert heard.family.max() <= UNKNOWN_FAMILY


@pytest.mark.parametrize(
    ("severity", "missed", "invented"), [(0.1, (0, 0.12), (0, 0.1)), (1.0, (0.15, 0.8), (0.1, 0.6))]
)
def test_mistakes_grow_with_severity(severity, missed, invented):
    heard = [hearing(severity, seed) for seed in range(8)]
    lost = np.mean([1 - len(set(behind.tolist()) - {-1}) / 400 for _, behind in heard])
    false = np.mean([np.mean(behind < 0) for _, behind in heard])
    assert missed[0] <= lost <= missed[1]
    assert invented[0] <= false <= invented[1]


def test_invented_notes_are_less_sure():
    heard, behind = hearing(1.0)
    assert heard.confidence[behind < 0].mean() < heard.confidence[behind >= 0].mean() - 0.1


def test_something_is_always_heard():
    for seed in range(30):
        heard, behind = hearing(1.0, seed, count=1)
        assert len(heard) == len(behind) >= 1


def test_families_are_confused_as_the_tower_does():
    shares = np.zeros(UNKNOWN_FAMILY + 1)
    for seed in range(40):
        heard, _ = hearing(0.0, seed, program=52)
        shares += np.bincount(heard.family, minlength=UNKNOWN_FAMILY + 1)
    assert shares.argmax() == FAMILIES.index("voice")
