"""Melodies, groups of one melody, and the split."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abcscribe.corpora import splits

TUNE = [60, 62, 64, 65, 67, 64, 60, 69, 67, 65, 64, 62, 71, 72, 67, 64, 60, 65, 62, 59, 60, 64, 72, 67, 69, 71, 72]
OTHER = [60, 67, 63, 70, 65, 58, 61, 68, 72, 66, 59, 64, 71, 69, 62, 73, 60, 66, 75, 64, 70, 61, 67, 58, 63, 74, 60]


def prints(*lines):
    return [splits.fingerprint(splits.intervals(line)) for line in lines]


def alike(*lines):
    return splits.same_melody(prints(*lines)).toarray()


def test_melody_is_the_top_line_without_repeated_notes():
    onsets = np.array([0, 0, 1, 2, 2, 3], np.float32)
    pitches = np.array([60, 72, 72, 67, 55, 69], np.int16)
    assert splits.melody(onsets, pitches).tolist() == [-5, 2]


def test_a_run_is_eight_intervals():
    assert [len(p) for p in prints(TUNE[:8], TUNE[:9], TUNE[:10])] == [0, 1, 2]


@given(st.integers(-12, 12), st.lists(st.integers(1, 3), min_size=len(TUNE), max_size=len(TUNE)))
def test_transposition_and_repeated_notes_change_nothing(shift, times):
    varied = [pitch + shift for pitch, n in zip(TUNE, times, strict=True) for _ in range(n)]
    one, two = prints(TUNE, varied)
    assert np.array_equal(one, two)


def test_an_edition_with_other_ornaments_is_the_same_melody_and_another_tune_is_not():
    edition = [*TUNE[:20], 61, 60, *TUNE[20:]]
    found = alike(TUNE, edition, OTHER)
    assert found[0, 1]
    assert not found[0, 2]


def test_runs_that_everybody_has_tell_nothing():
    scale = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77, 79, 77, 76, 74, 72, 71, 69, 67, 65, 64, 62, 60]
    assert alike(scale, scale)[0, 1]
    assert not alike(*[scale] * (splits.COMMON + 1)).any()


def test_groups_join_pieces_through_any_of_their_parts_and_are_named_by_the_first():
    matrix = splits.same_melody(prints(OTHER[::-1], TUNE, TUNE, OTHER))
    owners = np.array([0, 0, 1, 2])  # the first piece has two parts, the second of which is the second piece's tune
    assert splits.groups(["b", "a", "c"], owners, matrix) == ["a", "a", "c"]


def test_split_is_a_fixed_function_of_the_group_and_keeps_the_proportions():
    sides = [splits.split(f"piece {i}") for i in range(4000)]
    assert sides == [splits.split(f"piece {i}") for i in range(4000)]
    assert 0.94 < sides.count("train") / 4000 < 0.98
    assert 0.01 < sides.count("valid") / 4000 < 0.03
    assert splits.split("music21/bach/bwv1.6.mxl") == "train"  # would move if the hash or the shares changed
