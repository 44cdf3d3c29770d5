"""Bars of a recording are compared by what was heard in them, whoever it was given to."""

import dataclasses
from fractions import Fraction

import numpy as np
import tiny_cache

from abcscribe.arranging.likeness import similarity
from abcscribe.arranging.structure import with_repeats
from abcscribe.score.model import Bar, Key, Metre, Part, PlayedNote, Score, Tempo

BAR = 2.0  # seconds


def recorded(form: str, missed: float, seed: int = 1) -> Score:
    """Sections of eight bars as an engine hears them: notes are missed, others are false, onsets are loose."""
    rng = np.random.default_rng(seed)
    sections = {name: tiny_cache.melody(np.random.default_rng(ord(name)), 8, 60) for name in set(form)}
    bars = [bar for name in form for bar in sections[name]]
    heard, kept = [], []
    for index, bar in enumerate(bars):
        own = [note for note in bar if rng.random() > missed]
        kept.append(tuple(own))
        for note in own:
            at = BAR * (index + float(note.start) / 4) + rng.normal(0, 0.02)
            heard.append(PlayedNote(max(at, 0.0), at + 0.3, note.pitch.midi, confidence=float(rng.uniform(0.6, 1))))
        if rng.random() < missed:
            heard.append(
                PlayedNote(BAR * (index + 0.3), BAR * (index + 0.4), int(rng.integers(50, 80)), confidence=0.5)
            )
    grid = tuple(Bar(Fraction(4), Metre(4, 4), Key(), Tempo(120), seconds=BAR * i) for i in range(len(bars)))
    order = sorted(heard, key=lambda n: (n.onset, n.pitch))
    return Score(grid, (Part(tuple(kept), "Voice", 52),), performance=tuple(order))


def test_bars_played_twice_are_alike_and_others_are_not() -> None:
    alike = similarity(recorded("AAB", 0.15))
    assert np.diagonal(alike, 8)[:8].mean() > 0.75
    assert alike[:8, 16:].mean() < 0.4
    assert np.allclose(np.diagonal(alike), 1)


def test_verses_heard_with_differences_are_folded_and_the_differences_counted() -> None:
    before = recorded("AAB", 0.2)
    found, said = with_repeats(before)
    assert len(found.bars) == 16
    assert [d.text for bar in found.parts[0].directions for d in bar if d.kind == "words"] == ["A", "B"]
    assert "without what differs in later turns" in said[0]
    printed = dataclasses.replace(before, performance=())
    assert len(with_repeats(printed)[0].bars) == 24  # what is printed otherwise is no repeat


def test_sections_that_differ_are_not_folded() -> None:
    assert len(with_repeats(recorded("ABC", 0.1))[0].bars) == 24
