"""Small scores for hand-computed tests, written as text: ``"C4 D4:1/2 z E4:2~ | E4"``.

A token is a pitch (or z, a rest) with its quarters after a colon (1 if not given) and ~ if tied on; | is a bar line.
"""

from __future__ import annotations

import random
import re
from fractions import Fraction

from abcscribe.score import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Tempo

COMMON_TIME, C_MAJOR = Metre(4, 4), Key(0)
TOKEN = re.compile(r"(?:z|([A-G])(#|b)?(\d))(?::([\d/]+))?(~)?")


def score(
    *voices: str,
    metre: Metre | None = COMMON_TIME,
    key: Key = C_MAJOR,
    bpm: float | None = 120,
    programs: tuple[int, ...] = (),
) -> Score:
    """One part for each text. The bars are as long as the first part's."""
    parts = [[_bar(text) for text in voice.split("|")] for voice in voices]
    tempo = Tempo(bpm) if bpm else None
    bars = tuple(Bar(length, metre, key, tempo) for _, length in parts[0]) if parts else ()
    numbers = programs or (0,) * len(parts)
    return Score(bars, tuple(Part(tuple(n for n, _ in p), program=i) for p, i in zip(parts, numbers, strict=True)))


def _bar(text: str) -> tuple[tuple[Note, ...], Fraction]:
    notes, at = [], Fraction(0)
    for token in text.split():
        step, accidental, octave, quarters, tie = TOKEN.fullmatch(token).groups()
        duration = Fraction(quarters or 1)
        if step:
            alter = {"#": 1, "b": -1, None: 0}[accidental]
            notes.append(Note(at, duration, Pitch(step, alter, int(octave)), tie=bool(tie)))
        at += duration
    return tuple(notes), at


def walk(bars: int, seed: int, wrong: float = 0.0, metre: Metre = COMMON_TIME, **header) -> Score:
    """A random melody in quarters of C major; the share ``wrong`` of its notes is replaced by random others."""
    chance, other = random.Random(seed), random.Random(seed + 1000)
    step, texts = 7, []
    for _ in range(bars):
        tokens = []
        for _ in range(metre.beats):
            step = max(0, min(14, step + chance.choice((-2, -1, -1, 1, 1, 2))))
            written = other.randrange(15) if other.random() < wrong else step
            tokens.append(f"{'CDEFGAB'[written % 7]}{4 + written // 7}")
        texts.append(" ".join(tokens))
    return score(" | ".join(texts), metre=metre, **header)


def played(*notes: tuple[float, float, int], family: str = "") -> list[PlayedNote]:
    """Notes from (onset, offset, pitch)."""
    return [PlayedNote(onset, offset, pitch, family=family) for onset, offset, pitch in notes]
