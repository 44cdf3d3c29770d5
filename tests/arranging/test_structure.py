"""Equal sections become repeats, and are played in the same order as before."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import tiny_cache

from abcscribe.arranging.structure import folds, with_repeats
from abcscribe.score.model import Bar, Harmony, Key, Metre, Note, Part, Pitch, Score, Syllable, Tempo
from abcscribe.score.spelling import pitch_at
from abcscribe.score.writers import render

SECTIONS = {name: tiny_cache.melody(np.random.default_rng(seed), 8, 60) for seed, name in enumerate("ABCD")}


def piece(form: str) -> Score:
    bars = tuple(tuple(bar) for name in form for bar in SECTIONS[name])
    return Score(tuple(Bar(Fraction(4), Metre(4, 4), Key(), Tempo(100)) for _ in bars), (Part(bars, "Voice", 52),))


def letters(score: Score) -> list[tuple[int, str]]:
    return [(i, d.text) for i, own in enumerate(score.parts[0].directions) for d in own if d.kind == "words"]


@pytest.mark.parametrize(
    ("form", "bars", "lettered"),
    [
        ("AABA", 24, [(0, "A"), (8, "B"), (16, "A")]),
        ("ABABCB", 32, [(0, "A"), (8, "B"), (16, "C"), (24, "B")]),
        ("AAAB", 16, [(0, "A"), (8, "B")]),
        ("ABCD", 32, []),
    ],
)
def test_the_played_order_is_unchanged(form: str, bars: int, lettered: list[tuple[int, str]]) -> None:
    before = piece(form)
    found, said = with_repeats(before)
    assert len(found.bars) == bars
    assert letters(found) == lettered
    assert found.unfolded().parts[0].bars == before.parts[0].bars
    assert found.problems() == []
    assert len(said) == (bars < len(before.bars))


def test_sections_that_end_differently_have_two_endings() -> None:
    whole = piece("AAB")
    bars = [*whole.parts[0].bars]
    bars[14:16] = SECTIONS["C"][:2]
    before = dataclasses.replace(whole, parts=(dataclasses.replace(whole.parts[0], bars=tuple(map(tuple, bars))),))
    found, _ = with_repeats(before)
    assert [(i, bar.ending) for i, bar in enumerate(found.bars) if bar.ending] == [(6, "1"), (8, "2")]
    assert found.unfolded().parts[0].bars == before.parts[0].bars


def test_a_few_other_notes_are_no_other_section_and_are_counted() -> None:
    whole = piece("AAB")
    bars = [list(bar) for bar in whole.parts[0].bars]
    bars[9][0] = dataclasses.replace(bars[9][0], pitch=pitch_at(83, 5))
    before = dataclasses.replace(whole, parts=(dataclasses.replace(whole.parts[0], bars=tuple(map(tuple, bars))),))
    found, said = with_repeats(before)
    assert len(found.bars) == 16
    assert len(found.unfolded().bars) == len(before.bars)
    assert said == ["Bars 1-8 are played again and written once, without what differs in later turns: 1 note."]


def test_chord_symbols_that_differ_are_counted_too() -> None:
    whole = piece("AAB")
    bars = [dataclasses.replace(bar, harmonies=(Harmony(Fraction(0), "C"),)) for bar in whole.bars]
    bars[8] = dataclasses.replace(bars[8], harmonies=(Harmony(Fraction(0), "A", "m"),))
    found, said = with_repeats(dataclasses.replace(whole, bars=tuple(bars)))
    assert len(found.bars) == 16
    assert said[0].endswith("without what differs in later turns: 1 chord symbol.")


def test_words_of_the_second_time_are_the_second_verse() -> None:
    whole = piece("AAB")
    words = iter(range(10_000))
    sung = tuple(
        tuple(dataclasses.replace(note, lyrics=(Syllable(str(next(words))),)) for note in bar)
        for bar in whole.parts[0].bars
    )
    before = dataclasses.replace(whole, parts=(dataclasses.replace(whole.parts[0], bars=sung),))
    found, _ = with_repeats(before)
    assert len(found.bars) == 16
    first = [[note.lyrics[0] for note in bar] for bar in found.unfolded().parts[0].bars]
    assert first == [[note.lyrics[0] for note in bar] for bar in sung]


def test_other_metres_and_scores_with_repeats_are_left_alone() -> None:
    whole = piece("AA")
    waltz = [dataclasses.replace(bar, key=Key(2)) if i > 7 else bar for i, bar in enumerate(whole.bars)]
    assert len(with_repeats(dataclasses.replace(whole, bars=tuple(waltz)))[0].bars) == 16
    marked = dataclasses.replace(whole, bars=(*whole.bars[:-1], dataclasses.replace(whole.bars[-1], repeat_end=True)))
    assert with_repeats(marked) == (marked, ["The score has repeats already: they are left as they are."])
    assert with_repeats(Score())[0] == Score()


def test_a_note_is_not_tied_into_a_bar_that_no_longer_follows() -> None:
    names = [Pitch("CDEFGAB"[i % 7], 0, 4 + i // 7) for i in range(8)] * 2
    tied = tuple((Note(Fraction(0), Fraction(4), pitch, tie=True),) for pitch in names)
    score = Score(tuple(Bar(Fraction(4)) for _ in tied), (Part(tied),))
    found, _ = with_repeats(score)
    assert [bar[0].tie for bar in found.parts[0].bars] == [True] * 7 + [False]


def test_folding_costs_what_is_written() -> None:
    alike = np.eye(12)
    assert folds(alike) == []
    for i in range(4):
        alike[i, i + 4] = alike[i, i + 8] = alike[i + 4, i + 8] = 1.0
    (fold,) = folds(alike)
    assert (fold.start, fold.length, fold.times) == (0, 4, 3)


def test_a_song_of_four_minutes_is_two_pages() -> None:
    """96 bars of 4/4 at 96 quarters a minute."""
    found, _ = with_repeats(piece("ABABCBABABCB"))
    assert len(found.bars) < 60
    pages = render(found, "pdf").count(b"/Type /Page\n") + render(found, "pdf").count(b"/Type /Page/")
    assert pages <= 2
