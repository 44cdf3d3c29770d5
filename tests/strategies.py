"""Hypothesis strategies: scores as musicians write them, and ABC text as it gets broken."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

from hypothesis import strategies as st

from abcscribe.score.durations import chords
from abcscribe.score.model import CLEFS, MODE_FIFTHS, Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Tempo

METRES = [Metre(4, 4), Metre(3, 4), Metre(2, 4), Metre(2, 2), Metre(6, 8), Metre(3, 8), Metre(9, 8), Metre(12, 8),
          Metre(5, 8), Metre(7, 8), Metre(5, 4), None]  # fmt: skip
# Cells of a rhythm: durations that add up to something plain.
CELLS = [
    (1,), (1,), ("1/2", "1/2"), ("3/4", "1/4"), ("1/4", "1/4", "1/2"), (2,), ("3/2", "1/2"), ("1/2", 1, "1/2"),
    ("1/3", "1/3", "1/3"), ("2/3", "1/3"), ("2/3", "2/3", "2/3"), ("1/6",) * 6, ("1/5",) * 5, ("4/7",) * 7,
    ("3/10",) * 5, ("1/3", "4/3", "1/3"), ("1/8",) * 8, ("5/2",), ("5/4", "3/4"),
]  # fmt: skip
QUARTER = Fraction(1)

keys = st.builds(Key, st.integers(-7, 7), st.sampled_from([*MODE_FIFTHS, "none"]))
pitches = st.builds(Pitch, st.sampled_from("CDEFGAB"), st.integers(-2, 2), st.integers(1, 7))
tempos = st.builds(
    Tempo, st.integers(30, 300).map(float), st.sampled_from([QUARTER, Fraction(3, 2), Fraction(2), Fraction(1, 2)])
)
names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)


@st.composite
def rhythms(draw: st.DrawFn, length: Fraction) -> list[tuple[Fraction, Fraction]]:
    """(start, duration) of the events of one voice in a bar, with gaps for rests."""
    events, position = [], Fraction(0)
    while position < length:
        for duration in map(Fraction, draw(st.sampled_from(CELLS))):
            duration = min(duration, length - position)
            if duration and draw(st.integers(0, 5)):  # one event in six is a rest
                events.append((position, duration))
            position += duration
    return events if draw(st.integers(0, 7)) else []


@st.composite
def voice_notes(draw: st.DrawFn, bars: list[Bar], voice: int) -> list[list[Note]]:
    """The notes of one voice: bars of chords, some with grace notes, some tied."""
    content = []
    for bar in bars:
        notes: list[Note] = []
        for start, duration in draw(rhythms(bar.length)):
            chord = draw(
                st.lists(pitches, min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 3])), unique_by=lambda p: p.midi)
            )
            grace = tuple(draw(st.lists(pitches, max_size=2))) if not draw(st.integers(0, 9)) else ()
            lowest = min(chord, key=lambda p: (p.midi, p.step))
            notes.extend(
                Note(start, duration, pitch, voice, False, grace if pitch == lowest else ()) for pitch in chord
            )
        content.append(notes)
    return draw(_tied(content, bars))


@st.composite
def _tied(draw: st.DrawFn, content: list[list[Note]], bars: list[Bar]) -> list[list[Note]]:
    """Some notes are tied into the next event, which then repeats one of their pitches."""
    places = [(i, chord[0].start, chord[0].end) for i, notes in enumerate(content) for chord in chords(notes)]
    for (i, start, end), (j, next_start, _) in itertools.pairwise(places):
        joined = end == next_start if i == j else (j == i + 1 and end == bars[i].length and next_start == 0)
        if joined and not draw(st.integers(0, 4)):
            a = next(k for k, note in enumerate(content[i]) if note.start == start)
            b = next(k for k, note in enumerate(content[j]) if note.start == next_start)
            content[i][a] = replace(content[i][a], tie=True)
            if content[i][a].pitch.midi not in {n.pitch.midi for n in content[j] if n.start == next_start}:
                content[j][b] = replace(content[j][b], pitch=content[i][a].pitch)
    return content


@st.composite
def bar_lists(draw: st.DrawFn, most: int = 6) -> list[Bar]:
    """Bars with a pickup, changes of metre, key and tempo, repeats and endings."""
    metre, key, tempo = draw(st.sampled_from(METRES)), draw(keys), draw(st.none() | tempos)
    bars: list[Bar] = []
    for i in range(draw(st.integers(1, most))):
        if i and not draw(st.integers(0, 5)):
            metre, key, tempo = draw(st.sampled_from(METRES)), draw(keys), draw(tempos)
        full = metre.length if metre else Fraction(draw(st.integers(1, 12)), 2)
        length = Fraction(1, 2) if i == 0 and draw(st.booleans()) else full
        ending = draw(st.sampled_from(["", "", "", "1", "2", "1,2"])) if i else ""
        bars.append(Bar(length, metre, key, tempo, draw(st.integers(0, 4)) == 0, draw(st.integers(0, 4)) == 0, ending))
    return bars


@st.composite
def parts(draw: st.DrawFn, bars: list[Bar]) -> Part:
    """One or two staves of one or two voices."""
    staves, voices, number = [], [], 0
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        numbers = tuple(range(number + 1, number + 1 + draw(st.sampled_from([1, 1, 2]))))
        number = numbers[-1]
        staves.append(Staff(draw(st.sampled_from(CLEFS)), numbers))
        voices.extend(draw(voice_notes(bars, voice)) for voice in numbers)
    content = tuple(
        tuple(sorted((n for voice in voices for n in voice[i]), key=lambda n: (n.voice, n.start, n.pitch.midi)))
        for i in range(len(bars))
    )
    return Part(content, draw(names), draw(st.integers(0, 128)), tuple(staves))


@st.composite
def scores(draw: st.DrawFn, most_bars: int = 5) -> Score:
    """Whole scores without problems: several parts, voices, chords, ties, tuplets, pickups, changes, repeats."""
    bars = draw(bar_lists(most_bars))
    made = tuple(draw(parts(bars)) for _ in range(draw(st.sampled_from([1, 1, 2]))))
    return Score(tuple(bars), made, draw(names), draw(names))


def mutated(texts: list[str]) -> st.SearchStrategy[str]:
    """A text with a few pieces removed, doubled, replaced or moved."""

    @st.composite
    def mutate(draw: st.DrawFn) -> str:
        text = draw(st.sampled_from(texts))
        for _ in range(draw(st.integers(1, 6))):
            a = draw(st.integers(0, len(text)))
            b = min(len(text), a + draw(st.integers(0, 12)))
            piece = draw(
                st.sampled_from(["", text[a:b] * 2, "[", "|:", "(3", "[K:", '"', "-", "^", "\n\n", "%%", "V:2\n", "&"])
                | st.text(max_size=4)
            )
            text = text[:a] + piece + text[b:]
        return text

    return mutate()
