"""What a score may hold so that every format can write it, in time and memory that grow with the music in it.

Every reader's score passes ``admitted``: small things that some format cannot say (a triple sharp, a note below C0, a
value shorter than a 1024th) are put right and said, nonsense (a bar of 390,000 quarters, a metre of 4/0) is refused
with a sentence. ``check`` refuses the same nonsense in a score that a program built. The limits are far beyond printed
music; behind each stands what a writer costs (two cores, 2026): in a PDF a bar of a part 0.7 ms, a rest of four
quarters as much, and Verovio's time grows with the square of a bar's notes.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from abcscribe.errors import ScoreError
from abcscribe.score.durations import bar_offsets, chords, write_rhythm
from abcscribe.score.marks import MARKS
from abcscribe.score.model import (
    BAR_LINES,
    CLEFS,
    DIRECTIONS,
    MODE_FIFTHS,
    SIGNS,
    Bar,
    Key,
    Note,
    Part,
    Pitch,
    Score,
)
from abcscribe.score.spelling import spell

LONGEST_BAR = 1_024  # quarters
LONGEST_TEXT = 500  # characters of a title or name
MOST_BARS = 20_000
MOST_GRACE_NOTES = 64  # before or after one note
MOST_ON_PAGE = 1_000  # note heads, rests and ties of a part in one bar
MOST_SLURS, MOST_VERSES = 16, 100  # at one note
MOST_IN_CHORD = 128  # notes of one voice that begin together
MOST_VOICES = 64  # in a part
MOST_FIFTHS = 14  # sharps or flats of a signature: what a transposition of seven by an octave and back can give
MOST_BEATS, UNITS = 256, (1, 2, 4, 8, 16, 32, 64, 128)
SLOWEST, FASTEST, LONGEST_BEAT = 1.0, 10_000.0, 16  # beats in a minute; quarters
SHORTEST = Fraction(1, 256)  # quarters: a 1024th, the shortest value that MusicXML can name
MOST_IN_TUPLET = 127  # notes
GRID = Fraction(1, 64)  # quarters: what times that no value can write are rounded to
LOWEST, HIGHEST = 12, 127  # MIDI numbers of C0, the lowest pitch of MusicXML, and G9, the highest of MIDI
# A part costs something in every bar, and a bar with notes also for its rests: so much is free, the rest must be earned
# by notes. An orchestra's symphony has three notes a bar and part.
FREE_CELLS, CELLS_A_NOTE = 5_000, 20  # (part, bar)
FREE_QUARTERS, QUARTERS_A_NOTE = 20_000, 50  # of bars with notes, over all parts

LONGEST_RECORDING = 1e7  # seconds: four months, which a MIDI file can still count in milliseconds

_ENDING = re.compile(r"(?:\d{1,2}(?:,\d{1,2}){0,19})?")
_PITCH_FIELDS = [field.name for field in fields(Note) if "Pitch" in str(field.type)]


def admitted(score: Score) -> tuple[Score, list[str]]:
    """A score that a reader made, fit for every writer, and a sentence for every kind of thing that had to change.

    Raises ScoreError with one sentence if it is beyond the limits of this module or does not add up.
    """
    check(score)
    changes: Counter[str] = Counter()
    score = _with_writable_bars(score, changes)
    parts = tuple(_writable_part(score, part, changes) for part in score.parts)
    score = _with_short_texts(replace(score, parts=parts), changes)
    if problems := score.problems():
        raise ScoreError(f"The score does not add up: {problems[0]}.")
    return score, [f"{what}: {times:,} time{'s' * (times > 1)}" for what, times in changes.items()]


@contextmanager
def nothing_but_score_errors(what: str) -> Iterator[None]:
    """Whatever is raised inside is raised as a ScoreError that says ``what`` went wrong; the first cause is kept.

    Parsers and engravers written in Rust and C++ raise what they like (a Rust panic is not even an Exception), and
    readers are fed files that no one has thought of."""
    try:
        yield
    except ScoreError:
        raise
    except MemoryError as error:
        raise ScoreError(f"{what}: there is too little memory.") from error
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ScoreError(f"{what} ({type(error).__name__}).") from error


def check(score: Score) -> None:
    """Raises ScoreError with one sentence if a score is beyond what any format can hold."""
    if reason := next(_excesses(score), ""):
        raise ScoreError(f"{reason[0].upper()}{reason[1:]}.")


def check_page(musicxml: str) -> None:
    """Raises ScoreError if a bar has more in it than can be set in a sensible time, or on any page. It is counted as
    it will be written: a note that no value can write is a chain of ties, and ties cost as much as notes."""
    for measure in musicxml.split("<measure ")[1:]:
        written = measure.count("<note>") + measure.count("<note ") + measure.count("<tie ") // 2
        if written > MOST_ON_PAGE:
            number = measure.partition('number="')[2].partition('"')[0]
            raise ScoreError(f"Bar {number} has {written:,} notes and ties: it cannot be engraved on a page.")


def _excesses(score: Score) -> Iterator[str]:
    if len(score.bars) > MOST_BARS:
        yield f"the score has {len(score.bars):,} bars, more than the {MOST_BARS:,} that are read"
    seen: set[tuple[object, ...]] = set()  # metre, key and tempo stay the same for most of a piece
    for number, bar in enumerate(score.bars, 1):
        if not 0 < bar.length <= LONGEST_BAR:
            yield f"bar {number} is {_short(bar.length)} quarters long, outside 0 to {LONGEST_BAR}"
        if (header := (bar.metre, bar.key, bar.tempo)) not in seen:
            seen.add(header)
            yield from (f"bar {number} has {what}" for what in _odd_header(bar))
        if not _ENDING.fullmatch(bar.ending):
            yield f"bar {number} begins the ending {bar.ending[:20]!r}"
        if bar.line not in BAR_LINES or not set(bar.signs) <= set(SIGNS):
            yield f"bar {number} has an unknown bar line or sign"
        if bar.seconds is not None and not 0 <= bar.seconds <= LONGEST_RECORDING:
            yield f"bar {number} begins at {bar.seconds:g} s of the recording"
    for number, part in enumerate(score.parts, 1):
        yield from (f"part {number} has {what}" for what in _odd_part(part))
    yield from _odd_performance(score)
    notes = sum(len(bar) for part in score.parts for bar in part.bars)
    if len(score.bars) * len(score.parts) > FREE_CELLS + CELLS_A_NOTE * notes:
        yield f"the score has {len(score.parts):,} parts of {len(score.bars):,} bars for {notes:,} notes"
    lengths = (bar.length for part in score.parts for bar, has in zip(score.bars, part.bars, strict=False) if has)
    filled = sum(lengths, Fraction(0))
    if filled > FREE_QUARTERS + QUARTERS_A_NOTE * notes:
        yield f"the score has bars of {_short(filled)} quarters together for {notes:,} notes"


def _odd_header(bar: Bar) -> Iterator[str]:
    if bar.metre and not (0 < bar.metre.beats <= MOST_BEATS and bar.metre.unit in UNITS):
        yield f"the metre {bar.metre}"
    if bar.key.mode not in (*MODE_FIFTHS, "none"):
        yield f"a key of the unknown mode {bar.key.mode[:20]!r}"
    if abs(bar.key.fifths) > MOST_FIFTHS:
        yield f"a signature of {abs(bar.key.fifths)} accidentals"
    if bar.tempo and not (SLOWEST <= bar.tempo.bpm <= FASTEST and 0 < bar.tempo.beat <= LONGEST_BEAT):
        yield f"a tempo of {bar.tempo.bpm:g} beats in a minute"


def _odd_part(part: Part) -> Iterator[str]:
    if not 0 <= part.program <= 128:
        yield f"the program {part.program}, outside 0 to 128"
    if strange := next((staff.clef for staff in part.staves if staff.clef not in CLEFS), None):
        yield f"the unknown clef {strange[:20]!r}"
    if not part.staves or len(part.voices) > MOST_VOICES:
        yield f"{len(part.voices)} voices on {len(part.staves)} staves"
    for number, notes in enumerate(part.bars, 1):
        most = max(Counter((note.voice, note.start) for note in notes).values(), default=0)
        if most > MOST_IN_CHORD:
            yield f"{most:,} notes at once in bar {number}, more than the {MOST_IN_CHORD} that are read"
        for note in notes:
            yield from (f"a note with {what} in bar {number}" for what in _odd_signs(note))
        if any(not 0 <= note.staff <= len(part.staves) for note in notes):  # Verovio ends the process at such a note
            yield f"a note on a staff that it does not have in bar {number}"
    if any(direction.kind not in DIRECTIONS for directions in part.directions for direction in directions):
        yield "a sign of an unknown kind"


def _odd_signs(note: Note) -> Iterator[str]:
    if (grace := max(len(note.grace), len(note.after))) > MOST_GRACE_NOTES:
        yield f"{grace:,} grace notes, more than the {MOST_GRACE_NOTES} that are read,"
    if unknown := next((mark for mark in note.marks if mark not in MARKS), None):
        yield f"the unknown mark {unknown[:20]!r}"
    if not (
        0 <= note.slur_start <= MOST_SLURS and 0 <= note.slur_stop <= MOST_SLURS and len(note.lyrics) <= MOST_VERSES
    ):
        yield f"{note.slur_start + note.slur_stop:,} slurs and {len(note.lyrics):,} verses"
    if not (0 <= note.string <= 99 and -99 <= (note.fret or 0) <= 99):
        yield f"the string {note.string} and the fret {note.fret}"


def _odd_performance(score: Score) -> Iterator[str]:
    for note in score.performance:
        if not 0 <= note.onset <= note.offset <= LONGEST_RECORDING:
            yield f"a note was played from {note.onset:g} to {note.offset:g} s"
        if not (0 <= note.pitch <= 127 and 0 <= note.velocity <= 127):
            yield f"a note of pitch {note.pitch} and velocity {note.velocity} was played, outside 0 to 127"


def _short(number: Fraction) -> str:
    """A number for people, however long its digits are."""
    return f"{number.numerator:,}" if number.denominator == 1 and number < 10**12 else f"{_rounded(number):.4g}"


def _rounded(number: Fraction) -> float:
    return float(number) if abs(number) < 10**300 else math.inf


# --- what is put right --------------------------------------------------------------------------------------------


def _with_writable_bars(score: Score, changes: Counter[str]) -> Score:
    """Bars whose length is a number of values, also behind a note whose end lies on GRID."""
    odd = [
        i for i, b in enumerate(score.bars) if not _plain_denominator(math.lcm(b.length.denominator, GRID.denominator))
    ]
    if not odd:
        return score
    changes["a bar's length rounded up to 256ths"] += len(odd)
    bars = list(score.bars)
    for i in odd:
        bars[i] = replace(bars[i], length=-(-bars[i].length // GRID) * GRID)
    return replace(score, bars=tuple(bars))


def _writable_part(score: Score, part: Part, changes: Counter[str]) -> Part:
    bars = list(part.bars)
    for i, (bar, offset, notes) in enumerate(zip(score.bars, bar_offsets(score.bars), part.bars, strict=False)):
        pitched = tuple(_with_writable_pitches(note, bar, changes) for note in notes)
        bars[i] = _with_writable_times(pitched, bar, offset, changes)
    return replace(part, bars=tuple(bars))


def _with_writable_pitches(note: Note, bar: Bar, changes: Counter[str]) -> Note:
    new: dict[str, Any] = {}
    for name in _PITCH_FIELDS:
        value = getattr(note, name)
        pitches = value if isinstance(value, tuple) else (value,) if value else ()
        if not all(map(_is_writable, pitches)):
            writable = tuple(_writable_pitch(pitch, bar, changes) for pitch in pitches)
            new[name] = writable if isinstance(value, tuple) else writable[0]
    return replace(note, **new) if new else note


@lru_cache(maxsize=4096)
def _is_writable(pitch: Pitch) -> bool:
    return LOWEST <= pitch.midi <= HIGHEST and -2 <= pitch.alter <= 2 and 0 <= pitch.octave <= 9


def _writable_pitch(pitch: Pitch, bar: Bar, changes: Counter[str]) -> Pitch:
    """The same pitch spelled with two sharps or flats at most, and moved by octaves into MusicXML's range."""
    if _is_writable(pitch):
        return pitch
    midi = pitch.midi
    if LOWEST <= midi <= HIGHEST:
        changes["a pitch with more than two sharps or flats spelled anew"] += 1
    else:
        changes["a note below C0 or above G9 moved by octaves"] += 1
        midi = LOWEST + midi % 12 if midi < LOWEST else HIGHEST - 11 + (midi - HIGHEST - 1) % 12
    key = bar.key if abs(bar.key.fifths) <= 7 else Key()
    return spell([midi], key)[0] if midi > LOWEST else Pitch("C", 0, 0)


def _with_writable_times(
    notes: tuple[Note, ...], bar: Bar, offset: Fraction, changes: Counter[str]
) -> tuple[Note, ...]:
    """The notes of a bar, those of a voice whose values cannot be written moved to the nearest places of GRID."""
    denominators = {time.denominator for note in notes for time in (note.start, note.duration)}
    if _plain_denominator(math.lcm(bar.length.denominator, *denominators)):
        return notes
    odd = {voice for voice in {note.voice for note in notes} if not _has_values(notes, voice, bar, offset)}
    kept: list[Note] = []
    for note in notes:
        start, end = round(note.start / GRID) * GRID, min(round(note.end / GRID) * GRID, bar.length // GRID * GRID)
        if note.voice not in odd or (start, end) == (note.start, note.end):
            kept.append(note)
        elif start < end:
            changes["a note of a length that no values can write rounded to 256ths"] += 1
            kept.append(replace(note, start=start, duration=end - start))
        else:
            changes["a note shorter than a 512th left out"] += 1
    return tuple(kept)


@lru_cache(maxsize=4096)
def _plain_denominator(common: int) -> bool:
    """Whether times with a common denominator can be written for sure: true of nearly every bar there is."""
    odd = common // (common & -common)
    return (common & -common) << (odd.bit_length() - 1) <= SHORTEST.denominator


def _has_values(notes: tuple[Note, ...], voice: int, bar: Bar, offset: Fraction) -> bool:
    """Whether a voice can be written with sensible values and tuplets. (What overlaps is refused later.)"""
    events = chords([note for note in notes if note.voice == voice])
    if any(first[0].end > second[0].start for first, second in pairwise(events)):
        return True
    rhythm = tuple((event[0].start, event[0].duration) for event in events)
    values = write_rhythm(rhythm, bar.length, bar.metre, offset)
    return all(value.base >= SHORTEST and value.actual <= MOST_IN_TUPLET for value in values)


def _with_short_texts(score: Score, changes: Counter[str]) -> Score:
    """Titles and names that are Unicode (JSON can hold half a character) and no longer than LONGEST_TEXT."""

    def short(text: str) -> str:
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:LONGEST_TEXT]
        if whole != text:
            changes[f"a title or name cut to {LONGEST_TEXT} characters of Unicode"] += 1
        return whole

    parts = tuple(replace(part, name=short(part.name)) for part in score.parts)
    return replace(score, title=short(score.title), composer=short(score.composer), parts=parts)
