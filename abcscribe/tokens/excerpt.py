"""The part of a score that tokens can represent: Score <-> Excerpt, in whole ticks, without token ids."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby

from abcscribe.score.grid import TICKS
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Score, Staff, Tempo
from abcscribe.score.spelling import pitch_at
from abcscribe.tokens.vocabulary import (
    LONGEST,
    METRE_TOKENS,
    MOST_FIFTHS,
    MOST_PART_STAVES,
    MOST_STAVES,
    MOST_VOICES,
    VOCABULARY,
    tempo_at,
    tempo_index,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Span:
    """A bar of an excerpt."""

    length: int  # ticks
    metre: Metre | None
    fifths: int
    mode: str
    tempo: int | None = None  # index of a tempo token; None: as before, or unknown


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """A note as it sounds. Ordered as it is written."""

    onset: int  # ticks from the first bar line
    staff: int  # counted through all parts
    voice: int  # 1-based within the staff
    duration: int  # ticks, above zero
    midi: int
    fifth: int  # place of the name on the line of fifths


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a score that tokens can represent."""

    spans: tuple[Span, ...]
    parts: tuple[tuple[int, tuple[str, ...]], ...]  # program and clefs of each part
    events: tuple[Event, ...]  # ordered
    whole: bool = True  # False: something in the score cannot be represented and was left out

    def bar_starts(self) -> list[int]:
        """Ticks of every bar line and of the end."""
        starts = [0]
        for span in self.spans:
            starts.append(starts[-1] + span.length)
        return starts


def excerpt_of(score: Score) -> Excerpt:
    """Reduce a score to what tokens can represent.

    Args:
        score: with repeats unfolded; otherwise ``whole`` is False.

    Returns:
        The excerpt, in ticks; ``whole`` is False if something was left out or rounded.
    """
    starts, whole, tempo = [0], True, None
    spans = []
    for bar in score.bars:
        length = round(bar.length * TICKS)
        fits = (
            bar.metre in METRE_TOKENS and abs(bar.key.fifths) <= MOST_FIFTHS and LONGEST >= length == bar.length * TICKS
        )
        whole &= fits and not (bar.repeat_start or bar.repeat_end or bar.ending)
        metre = bar.metre if bar.metre in METRE_TOKENS else None
        fifths = min(max(bar.key.fifths, -MOST_FIFTHS), MOST_FIFTHS)
        tempo = tempo_index(bar.tempo.quarter_bpm) if bar.tempo else tempo
        spans.append(Span(max(length, 1), metre, fifths, bar.key.mode, tempo))
        starts.append(starts[-1] + spans[-1].length)
    pitched = [part for part in score.parts if part.program != PERCUSSION]
    kept, staves = [], 0
    for part in pitched:
        if staves + len(part.staves) <= MOST_STAVES and len(part.staves) <= MOST_PART_STAVES:
            kept.append((part, staves))
            staves += len(part.staves)
    whole &= len(kept) == len(score.parts)
    events: list[Event] = []
    for part, first_staff in kept:
        own, fits = _events_of(part, first_staff, starts)
        events += own
        whole &= fits
    parts = tuple((part.program, tuple(staff.clef for staff in part.staves)) for part, _ in kept)
    return Excerpt(tuple(spans), parts, tuple(sorted(events)), whole)


def _events_of(part: Part, first_staff: int, starts: Sequence[int]) -> tuple[list[Event], bool]:
    """The part's notes with ties merged, and whether all of them are represented exactly."""
    place = {
        voice: (first_staff + i, j) for i, staff in enumerate(part.staves) for j, voice in enumerate(staff.voices, 1)
    }
    events: list[Event] = []
    tied: dict[tuple[int, int], int] = {}  # voice and MIDI -> index of the event that sounds on
    whole = True
    for start, notes in zip(starts, part.bars, strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            midi = note.pitch.midi
            onset, end = start + round(note.start * TICKS), start + round(note.end * TICKS)
            staff, voice = place.get(note.voice, (first_staff, MOST_VOICES + 1))
            exact = (note.start * TICKS).denominator == (note.duration * TICKS).denominator == 1
            known = (midi, note.pitch.fifth) in VOCABULARY.pitch_id and voice <= MOST_VOICES and onset < start + LONGEST
            whole &= exact and known and not note.grace
            index = tied.pop((note.voice, midi), None)
            if index is not None and events[index].onset + events[index].duration == onset:
                events[index] = replace(events[index], duration=end - events[index].onset)
            elif known and end > onset:
                index = len(events)
                events.append(Event(onset, staff, voice, end - onset, midi, note.pitch.fifth))
            if note.tie and index is not None:
                tied[note.voice, midi] = index
    return events, whole


def untangled(excerpt: Excerpt) -> Excerpt:
    """The excerpt without overlaps in a voice: a note ends where the next begins, notes of a chord end together.

    Notation can tie single notes of a chord over the next ones, but in a model's output these are mistakes.
    """
    lines = {line: list(events) for line, events in groupby(sorted(excerpt.events, key=_by_line), key=_by_line)}
    events: list[Event] = []
    for line in lines.values():
        chords = [list(chord) for _, chord in groupby(line, key=lambda event: event.onset)]
        for chord, after in zip(chords, [*chords[1:], None], strict=True):
            longest = max(event.duration for event in chord)
            duration = longest if after is None else min(longest, after[0].onset - chord[0].onset)
            events += [replace(event, duration=duration) for event in chord]
    return replace(excerpt, events=tuple(sorted(events)))


def score_of(excerpt: Excerpt) -> Score:
    """The excerpt as a Score: notes cut at bar lines and where a chord of their voice changes, and tied."""
    bars = []
    tempo: Tempo | None = None
    for span in excerpt.spans:
        if span.tempo is not None:
            beat = span.metre.beat if span.metre else Fraction(1)
            tempo = Tempo(_readable(span.tempo, float(beat)), beat)
        bars.append(Bar(Fraction(span.length, TICKS), span.metre, Key(span.fifths, span.mode), tempo))
    parts, first = [], 0
    lines = {line: list(events) for line, events in groupby(sorted(excerpt.events, key=_by_line), key=_by_line)}
    for program, clefs in excerpt.parts:
        staves, voices = [], 0
        notes: list[list[Note]] = [[] for _ in bars]
        for staff, clef in enumerate(clefs, first):
            count = max([1, *(voice for s, voice in lines if s == staff)])
            staves.append(Staff(clef, tuple(range(voices + 1, voices + count + 1))))
            for voice in range(1, count + 1):
                _write_line(lines.get((staff, voice), []), voices + voice, excerpt.bar_starts(), notes)
            voices += count
        first += len(clefs)
        ordered = tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in notes)
        parts.append(Part(ordered, program=program, staves=tuple(staves)))
    return Score(tuple(bars), tuple(parts))


def _readable(tempo: int, beat: float) -> float:
    """Beats a minute of a tempo token: a whole number, unless that would be another token's."""
    bpm = tempo_at(tempo) / beat
    return round(bpm) if tempo_index(round(bpm) * beat) == tempo else round(bpm, 1)


def _by_line(event: Event) -> tuple[int, int]:
    return event.staff, event.voice


def _write_line(events: Sequence[Event], voice: int, starts: Sequence[int], bars: list[list[Note]]) -> None:
    """The notes of one voice into their bars."""
    ends = (event.onset + event.duration for event in events)
    cuts = sorted({*starts, *(event.onset for event in events), *ends})
    for event in events:
        end = min(event.onset + event.duration, starts[-1])
        low, high = bisect_left(cuts, event.onset), bisect_left(cuts, end)
        for begin, stop in zip(cuts[low:high], cuts[low + 1 : high + 1], strict=True):
            bar = bisect_right(starts, begin) - 1
            start, length = Fraction(begin - starts[bar], TICKS), Fraction(stop - begin, TICKS)
            bars[bar].append(Note(start, length, pitch_at(event.midi, event.fifth), voice, tie=stop < end))
