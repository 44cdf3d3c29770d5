"""Small scores made for tests: one of everything that a writer has to say, and a Hypothesis strategy for more."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from abcscribe.score import Bar, Key, Metre, Note, Part, Pitch, PlayedNote, Score, Staff, Tempo


def note(start: object, duration: object, pitch: str, voice: int = 1, tie: bool = False, grace: str = "") -> Note:
    """``note(0, "1/2", "F#4")``; ``grace`` are pitches separated by blanks."""
    return Note(
        Fraction(start), Fraction(duration), a_pitch(pitch), voice, tie, tuple(a_pitch(text) for text in grace.split())
    )


def a_pitch(text: str) -> Pitch:
    return Pitch(text[0], text.count("#") - text.count("b"), int(text.lstrip("ABCDEFG#b")))


def piano() -> Score:
    """6/8 with a pickup, two staves, two voices on the upper one, chords, ties over the bar line and an accidental."""
    metre, key, tempo = Metre(6, 8), Key(-3, "minor"), Tempo(54.0, Fraction(3, 2))
    bars = (
        Bar(Fraction(1, 2), metre, key, tempo),
        Bar(Fraction(3), metre, key, tempo, repeat_start=True),
        Bar(Fraction(3), metre, key, tempo, repeat_end=True, ending="1,2", ending_stop=True),
        Bar(Fraction(3), metre, key, tempo, ending="3", ending_stop=True),
    )
    part = Part(
        bars=(
            (note(0, "1/2", "G4"),),
            (
                note(0, "3/2", "C5", grace="B4 D5"), note("3/2", "1", "Eb5"), note("5/2", "1/2", "Eb5", tie=True),
                note(0, "3", "G4", 2),
                note(0, "3/2", "C3", 3), note(0, "3/2", "G3", 3), note("3/2", "3/2", "B2", 3),
            ),
            (
                note(0, "1/2", "Eb5"), note("1/2", "1/4", "D5"), note("3/4", "1/4", "C5"), note(1, "1/2", "B4"),
                note("3/2", "3/2", "C5"),
            ),
            (note(0, "3", "C4"), note(0, "3", "Eb4"), note(0, "3", "C3", 3)),
        ),
        name="Piano",
        staves=(Staff("treble", (1, 2)), Staff("bass", (3,))),
    )  # fmt: skip
    return Score(bars, (part,), title="Étude <№ 1> & more", composer="N. Obody")


def quartet() -> Score:
    """4/4 then 3/4: triplets (quarters and eighths), changes of key and tempo, four clefs and programs."""
    bars = (
        Bar(Fraction(4), Metre(), Key(1), Tempo(96.0)),
        Bar(Fraction(3), Metre(3, 4), Key(4), Tempo(120.5)),
    )
    third = Fraction(1, 3)
    violin = (
        (*(note(i * third, third, p) for i, p in enumerate(("G4", "A4", "B4"))), note(1, 3, "C#5", tie=True)),
        (note(0, 3, "C#5"),),
    )
    second = (
        (*(note(i * 2 * third, 2 * third, p) for i, p in enumerate(("D4", "E4", "F#4"))), note(2, "7/4", "A4")),
        (note(1, 2, "B#4"),),
    )
    viola = ((note(0, 4, "D4"),), ())
    cello = ((note("1/2", "7/2", "G2"),), (note(0, 1, "C#3"), note(1, 1, "E3"), note(2, 1, "G#2")))
    names = (("Violin 1", 40, "treble"), ("Violin 2", 40, "treble"), ("Viola", 41, "alto"), ("Cello", 42, "bass"))
    parts = tuple(
        Part(notes, name, program, (Staff(clef),))
        for notes, (name, program, clef) in zip((violin, second, viola, cello), names, strict=True)
    )
    return Score(bars, parts, title="Quartet")


def recorded() -> Score:
    """Three notes with their alignment and performance."""
    bars = (
        Bar(Fraction(4), tempo=Tempo(60.0), seconds=0.25, confidence=0.75),
        Bar(Fraction(4), tempo=Tempo(60.0), seconds=4.3),
    )
    part = Part(((note(0, 4, "E4"), note(0, 4, "G4")), (note(0, 4, "C5"),)), "Flute", 73)
    performance = (
        PlayedNote(0.251, 4.2, 64, 70, "pipe", 0.9),
        PlayedNote(0.2515, 4.21, 67, 71, "pipe"),
        PlayedNote(4.3, 8.125, 72, 99, "strings", 1 / 3),
    )
    return Score(bars, (part,), performance=performance, seconds=9.5)


def guitar() -> Score:
    """An open G chord, a scale, and an E string that is held by a tie."""
    scale = [note(i, 1, p) for i, p in enumerate(("G4", "A4", "B4", "C5"))]
    chord = [note(0, 4, p) for p in ("G2", "B2", "D3", "G3", "B3", "G4")]
    held = [note(0, 2, "E2", tie=True), note(2, 2, "E2")]
    return Score((Bar(Fraction(4)),) * 3, (Part((tuple(chord), tuple(scale), tuple(held)), "Guitar", 24),), "Study")


_METRES = (Metre(4, 4), Metre(3, 4), Metre(6, 8), Metre(5, 8), Metre(2, 2))
_FIGURES = tuple(
    tuple(Fraction(part) for part in figure.split())  # each fills a quarter
    for figure in ("1", "1/2 1/2", "1/4 3/4", "1/8 1/8 1/8 1/8 1/2", "1/3 1/3 1/3", "2/3 1/3", "1/5 1/5 1/5 1/5 1/5")
)
_PITCHES = st.builds(Pitch, st.sampled_from("CDEFGAB"), st.integers(-2, 2), st.integers(2, 6))


@st.composite
def _voice_bar(draw: st.DrawFn, length: Fraction, voice: int) -> list[Note]:
    notes, start = [], Fraction(0)
    while start < length:
        for duration in draw(st.sampled_from(_FIGURES)):
            duration = min(duration, length - start)
            if duration > 0 and draw(st.integers(0, 3)):
                chord = draw(st.lists(_PITCHES, min_size=1, max_size=3, unique_by=lambda p: p.midi))
                notes += [Note(start, duration, pitch, voice) for pitch in sorted(chord, key=lambda p: p.midi)]
            start += max(duration, Fraction(0))
    return notes


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Scores of one to three bars, up to two parts of up to two voices, with tuplets, chords and rests; no ties."""
    metre, key = (
        draw(st.sampled_from(_METRES)),
        Key(draw(st.integers(-7, 7)), draw(st.sampled_from(("major", "minor")))),
    )
    bars = tuple(Bar(metre.length, metre, key, Tempo(90.0)) for _ in range(draw(st.integers(1, 3))))
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        voices = tuple(range(1, draw(st.integers(1, 2)) + 1))
        contents = (tuple(n for voice in voices for n in draw(_voice_bar(bar.length, voice))) for bar in bars)
        parts.append(Part(tuple(contents), "Part", draw(st.integers(0, 127)), (Staff("treble", voices),)))
    return Score(bars, tuple(parts))
