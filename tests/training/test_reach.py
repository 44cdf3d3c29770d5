"""Which tokens are judged by which part of the reward, and that no part is forgotten."""

import dataclasses

import numpy as np
import pytest

from abcscribe import rewards
from abcscribe.errors import AbcscribeError
from abcscribe.rewards import NAMES
from abcscribe.tokens import VOCABULARY
from abcscribe.training.reach import REACHED_BY, reach, table


def parts_of(token: int) -> set[str]:
    return {NAMES[i] for i in np.flatnonzero(reach()[token])}


def test_the_header_is_not_judged_by_the_notes() -> None:
    v = VOCABULARY
    assert parts_of(v.fifths.start) == parts_of(v.mode.start) == {"key"}
    assert parts_of(v.tempo.start) == {"tempo", "rhythm", "structure"}
    assert parts_of(v.program.start) == {"instrument", "pitch"}
    assert parts_of(v.pitch.start) == parts_of(v.bar) == {"pitch", "rhythm", "metre", "structure"}


def test_every_part_reaches_tokens_and_every_token_is_reached() -> None:
    assert reach().shape == (len(VOCABULARY), len(NAMES))
    assert reach().any(axis=0).all()
    assert reach().any(axis=1).all()
    assert set(NAMES) == {f.name for f in dataclasses.fields(rewards.RewardWeights)} - {"content"}


def test_a_part_that_reaches_no_token_is_an_error() -> None:
    with pytest.raises(AbcscribeError, match="no token for beauty"):
        table((*NAMES, "beauty"), REACHED_BY)
    with pytest.raises(AbcscribeError, match="no token for beauty"):
        table((*NAMES, "beauty"), REACHED_BY | {"beauty": ()})
    with pytest.raises(AbcscribeError, match="beauty that is no part"):
        table(NAMES, REACHED_BY | {"beauty": ("music",)})


def test_a_new_part_is_a_field_and_a_line() -> None:
    """As `abcscribe.rewards` describes it: credited, and judged by the tokens that its line names."""
    names = (*NAMES, "beauty")
    made = table(names, REACHED_BY | {"beauty": ("mode",)})
    assert made[:, -1].sum() == len(range(*VOCABULARY.mode.indices(len(VOCABULARY))))
    assert np.array_equal(made[:, :-1], reach())
