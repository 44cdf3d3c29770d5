"""The one model of a piece: Score, Part, Bar, Note.

Every reader ends here and every writer starts here, so a prediction and a reference always meet as the same type.
The model is small on purpose; what can be derived is not stored:

- Time is exact. Inside a bar it is a ``Fraction`` of quarter notes counted from the bar line.
- Pitches are sounding (concert) pitches, spelled. Transposing instruments are a matter of the writer.
- A chord is several notes of one voice with the same start and duration. A rest is a gap between notes.
- A tuplet is a duration such as 1/3: writers derive the bracket from it.
- Bars are shared by all parts: ``score.bars[i]`` says what bar ``i`` is, ``part.bars[i]`` what the part plays in it.
- Chord symbols, repeats and jumps belong to the bar, since all players follow them; words, articulation and slurs
belong
  to the note; dynamics, hairpins and other signs beside the notes are ``Part.directions``.
- Of a chord the first note (the lowest) carries what belongs to all of it: grace notes, words, slurs, marks.
- In a percussion part the pitch is the key of the General MIDI drum map; where it stands and with which head is
  ``percussion.place``'s matter unless the note says it.

What a recording adds - when each bar begins, what was really played - rides along as ``Bar.seconds`` and
``Score.performance``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from abcscribe.score.bars import BAR_LINES, MODE_FIFTHS, SIGNS, Bar, Harmony, Key, Metre, Tempo
from abcscribe.score.repeats import play_order

__all__ = [
    "BAR_LINES", "CLEFS", "DIRECTIONS", "MODE_FIFTHS", "SIGNS", "STEPS", "STEP_SEMITONES", "Bar", "Direction",
    "Harmony", "Key", "Metre", "Note", "Part", "Pitch", "PlayedNote", "Score", "SoundingNote", "Staff", "Syllable",
    "Tempo",
]  # fmt: skip

STEPS = "CDEFGAB"
STEP_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
CLEFS = ("treble", "bass", "alto", "tenor", "treble-8", "treble+8", "bass-8", "soprano", "mezzo", "baritone", "perc")


@dataclass(frozen=True, slots=True)
class Pitch:
    """A spelled pitch. ``Pitch("C", 0, 4)`` is middle C, MIDI 60."""

    step: str  # one of CDEFGAB
    alter: int = 0  # semitones: -2 double flat ... 2 double sharp
    octave: int = 4  # scientific: the octave of middle C is 4, whatever the alteration

    @property
    def midi(self) -> int:
        return 12 * (self.octave + 1) + STEP_SEMITONES[self.step] + self.alter

    @property
    def fifth(self) -> int:
        """Place of the name on the line of fifths: F -1, C 0, G 1, F sharp 6, B flat -2."""
        return "FCGDAEB".index(self.step) - 1 + 7 * self.alter

    def __str__(self) -> str:
        return f"{self.step}{'#' * self.alter}{'b' * -self.alter}{self.octave}"


@dataclass(frozen=True, slots=True)
class Syllable:
    """What is sung on a note."""

    text: str
    joined: bool = False  # a hyphen leads to the next syllable of the word
    held: bool = False  # sung on over the notes up to the next syllable (a melisma)


@dataclass(frozen=True, slots=True)
class Note:
    """One written note head."""

    start: Fraction  # quarters from the bar line
    duration: Fraction  # quarters, above zero
    pitch: Pitch
    voice: int = 1  # 1-based, unique within the part; every voice belongs to one staff (Part.staves)
    tie: bool = False  # sounds on into the next note of this voice, which has the same pitch
    grace: tuple[Pitch, ...] = ()  # grace notes before this note; of a chord, on its first note
    after: tuple[Pitch, ...] = ()  # grace notes that end this note, before the next one and before the bar line
    marks: tuple[str, ...] = ()  # articulations, ornaments, fermatas, fingers: names of marks.MARKS
    slur_start: int = 0  # slurs that begin here, and
    slur_stop: int = 0  # that end here; they nest like parentheses
    lyrics: tuple[Syllable | None, ...] = ()  # by verse
    string: int = 0  # of a fretted instrument, 1 is the highest; 0: not said
    fret: int | None = None  # counted from the capo
    head: str = ""  # a notehead of MusicXML such as "x"; "": the usual one
    staff: int = 0  # 1-based, where the note does not stand on the staff of its voice (cross-staff)
    line: Pitch | None = None  # where an unpitched note stands, as if in the treble clef; None: at its usual place

    @property
    def end(self) -> Fraction:
        return self.start + self.duration


# Direction.kind -> what its text says
DIRECTIONS = {
    "dynamic": "p, mf, sfz ...",
    "hairpin": "<, > or, where one ends, !",
    "words": "printed as they are",
    "clef": "a name of CLEFS: the clef of the staff from here on",
    "measure-repeat": "1 or 2: this bar repeats the one or two bars before it (the notes are there all the same)",
}


@dataclass(frozen=True, slots=True)
class Direction:
    """A sign beside the notes of a part."""

    start: Fraction  # quarters from the bar line
    kind: str  # a name of DIRECTIONS
    text: str
    staff: int = 1  # 1-based, within the part


@dataclass(frozen=True, slots=True)
class Staff:
    """One staff of a part and the voices written on it, from the top."""

    clef: str = "treble"  # one of CLEFS
    voices: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument or singer. ``bars`` has as many entries as the score; each is ordered by (voice, start, pitch)."""

    bars: tuple[tuple[Note, ...], ...]
    name: str = ""
    program: int = 0  # General MIDI, 0-127; 128 is the percussion channel
    staves: tuple[Staff, ...] = (Staff(),)
    directions: tuple[tuple[Direction, ...], ...] = ()  # by bar; () if there are none in any
    transposition: tuple[int, int] | None = None  # (steps, semitones) from written to sounding; None: the usual one
    tuning: tuple[Pitch, ...] = ()  # open strings from the lowest, without the capo; (): not said
    capo: int = 0  # fret

    @property
    def voices(self) -> tuple[int, ...]:
        """All voices, staff by staff."""
        return tuple(voice for staff in self.staves for voice in staff.voices)


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as heard in a recording, before anything is known about bars."""

    onset: float  # seconds
    offset: float  # seconds, above onset
    pitch: int  # MIDI, 21-108 for the default tower
    velocity: int = 80  # 1-127
    family: str = ""  # a name of instruments.FAMILIES, or "" if unknown
    confidence: float = 1.0  # 0 ... 1
    program: int | None = None  # General MIDI, where the system that heard the note says one
    drum: bool = False  # of the percussion channel: ``pitch`` is its key
    families: tuple[float, ...] = ()  # probability of each of instruments.FAMILIES in hundredths; () if unknown
    timbre: tuple[float, ...] = ()  # a vector that is near those of the same player's notes; () if unknown
    player: int = 0  # in a file that tells players apart, such as MIDI by its tracks; 0 if unknown
    fine_pitch: float | None = None  # as measured, MIDI in fractions of a semitone; None if unknown


@dataclass(frozen=True, slots=True)
class SoundingNote:
    """A note as it sounds from a score: ties merged, time from the start of the piece."""

    onset: Fraction  # quarters from the start of the first bar
    duration: Fraction  # quarters
    pitch: int  # MIDI
    part: int  # index in Score.parts


@dataclass(frozen=True, slots=True)
class Score:
    """A piece. Every writer accepts every score without ``problems``, an empty one too."""

    bars: tuple[Bar, ...] = ()
    parts: tuple[Part, ...] = ()
    title: str = ""
    composer: str = ""
    performance: tuple[PlayedNote, ...] = ()  # what was played, by onset; empty for a score that was never recorded
    seconds: float | None = None  # length of the recording

    def bar_starts(self) -> list[Fraction]:
        """Quarters from the start of the piece to each bar line, and to the end: ``len(bars) + 1`` values."""
        starts = [Fraction(0)]
        for bar in self.bars:
            starts.append(starts[-1] + bar.length)
        return starts

    def voice_bars(self, part: Part, voice: int) -> Iterator[tuple[Note, ...]]:
        """The notes of one voice, bar by bar."""
        for notes in part.bars:
            yield tuple(note for note in notes if note.voice == voice)

    def sounding_notes(self) -> list[SoundingNote]:
        """Notes with ties merged, as written (repeats are not unfolded), by (onset, part, pitch); no grace notes."""
        starts, sounding = self.bar_starts(), []
        for index, part in enumerate(self.parts):
            open_ties: dict[tuple[int, int], SoundingNote] = {}
            for bar_start, notes in zip(starts, part.bars, strict=False):
                for note in sorted(notes, key=lambda n: n.start):
                    onset, key = bar_start + note.start, (note.voice, note.pitch.midi)
                    earlier = open_ties.pop(key, None)
                    if earlier and earlier.onset + earlier.duration == onset:
                        merged = dataclasses.replace(earlier, duration=earlier.duration + note.duration)
                    else:
                        if earlier:
                            sounding.append(earlier)
                        merged = SoundingNote(onset, note.duration, note.pitch.midi, index)
                    if note.tie:
                        open_ties[key] = merged
                    else:
                        sounding.append(merged)
            sounding.extend(open_ties.values())
        return sorted(sounding, key=lambda n: (n.onset, n.part, n.pitch, n.duration))

    def unfolded(self) -> Score:
        """The score as it is played: repeats, endings and jumps written out (one level of repeats; one without a start
        goes back to the bar after the last repeat, or to the beginning). Every turn has its own verse."""
        if not any(bar.repeat_end or bar.repeat_start or bar.ending or bar.signs for bar in self.bars):
            return self
        order = play_order(self.bars)
        turns = [order[:k].count(i) for k, i in enumerate(order)] if self._verses() > 1 else [0] * len(order)
        plain: dict[str, Any] = {"repeat_start": False, "repeat_end": False, "ending": "", "ending_stop": False}
        bars = tuple(dataclasses.replace(self.bars[i], signs=(), **plain) for i in order)
        parts = tuple(_played(part, order, turns) for part in self.parts)
        return dataclasses.replace(self, bars=bars, parts=parts)

    def _verses(self) -> int:
        notes = (note for part in self.parts for bar in part.bars for note in bar)
        return max((len(note.lyrics) for note in notes), default=0)

    def problems(self) -> list[str]:
        """What is wrong with the score as a score; empty if every bar adds up. Positions are 1-based."""
        found = []
        for p, part in enumerate(self.parts, 1):
            if len(part.bars) != len(self.bars):
                found.append(f"part {p} has {len(part.bars)} bars, the score {len(self.bars)}")
            if part.directions and len(part.directions) != len(self.bars):
                found.append(f"part {p} has directions of {len(part.directions)} bars, the score {len(self.bars)}")
            voices = set(part.voices)
            for b, (bar, notes) in enumerate(zip(self.bars, part.bars, strict=False), 1):
                found.extend(f"part {p} bar {b}: {what}" for what in _bar_problems(bar, notes, voices))
        return found


def _played(part: Part, order: Sequence[int], turns: Sequence[int]) -> Part:
    """A part with its bars in another order, each with the verse of its turn; the last one is sung on."""
    bars = tuple(
        tuple(_with_verse(note, turn) for note in part.bars[i]) if turn else part.bars[i]
        for i, turn in zip(order, turns, strict=True)
    )
    signs = tuple(tuple(d for d in part.directions[i] if d.kind != "measure-repeat") for i in order if part.directions)
    return dataclasses.replace(part, bars=bars, directions=signs)


def _with_verse(note: Note, turn: int) -> Note:
    """The words of a later turn in front."""
    verses = [verse for verse in note.lyrics[turn:] if verse] or [verse for verse in note.lyrics if verse][-1:]
    return dataclasses.replace(note, lyrics=(verses[0],)) if verses else note


def _bar_problems(bar: Bar, notes: tuple[Note, ...], voices: set[int]) -> Iterator[str]:
    ends: dict[int, tuple[Fraction, Fraction]] = {}  # voice -> (start, end) of its last chord
    for note in sorted(notes, key=lambda n: (n.voice, n.start)):
        if note.voice not in voices:
            yield f"voice {note.voice} belongs to no staff"
        if note.start < 0 or note.duration <= 0 or note.end > bar.length:
            yield f"{note.pitch} at {note.start} for {note.duration} does not fit a bar of {bar.length}"
        start, end = ends.get(note.voice, (Fraction(-1), Fraction(0)))
        if note.start < end and (note.start, note.end) != (start, end):
            yield f"{note.pitch} at {note.start} overlaps the note before it in voice {note.voice}"
        ends[note.voice] = (note.start, note.end)
