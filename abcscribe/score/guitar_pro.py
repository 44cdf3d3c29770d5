"""Score -> Guitar Pro 5, through pyguitarpro: the fretted parts with their strings, frets, capo and chord names.

A track has two voices at most; of a part with more the first two are written. Guitar Pro knows no small notes of ours.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from abcscribe.errors import ScoreError
from abcscribe.score.durations import Value, bar_offsets, chords, write_rhythm
from abcscribe.score.instruments import plain_name
from abcscribe.score.model import Bar, Metre, Note, Score
from abcscribe.score.repeats import with_plain_repeats
from abcscribe.score.tab import Tablature, tablatures

QUARTER = 960  # ticks
MOST_VOICES = 2
_DENOMINATORS = (1, 2, 4, 8, 16, 32)
_SHORTEST = Fraction(1, 16)  # quarters, a 64th


def to_gp5(score: Score, tuning: str | None = None, capo: int | None = None) -> bytes:
    """The bytes of a .gp5 file. Raises ScoreError if there is nothing to write or pyguitarpro is not installed."""
    try:
        import guitarpro
    except ImportError:
        raise ScoreError("Guitar Pro files need pyguitarpro: pip install 'abcscribe[guitarpro]'.") from None
    if not score.bars:
        raise ScoreError("The score has no bars to write as Guitar Pro.")
    bars, starts = with_plain_repeats(score.bars), score.bar_starts()
    if _goes_back_to_the_beginning(bars):
        bars = (replace(bars[0], repeat_start=True), *bars[1:])
    song = guitarpro.Song(tracks=[], measureHeaders=[])
    song.title, song.artist = latin(score.title), latin(score.composer)
    song.music = song.artist
    first = next((bar.tempo for bar in bars if bar.tempo), None)
    song.tempo = max(1, min(round(first.quarter_bpm) if first else 120, 400))
    song.measureHeaders = [
        _header(guitarpro, bar, i, at) for i, (bar, at) in enumerate(zip(bars, starts, strict=False))
    ]
    for number, tab in enumerate(tablatures(score, tuning, capo), 1):
        song.tracks.append(_track(guitarpro, song, score, tab, number))
    buffer = io.BytesIO()
    try:
        guitarpro.write(song, buffer, version=(5, 1, 0))
    except (guitarpro.GPException, ValueError, OverflowError) as error:
        raise ScoreError(f"The score cannot be written as Guitar Pro: {error}.") from error
    return buffer.getvalue()


def _goes_back_to_the_beginning(bars: Sequence[Bar]) -> bool:
    return next((not bar.repeat_start for bar in bars if bar.repeat_start or bar.repeat_end), False)


def latin(text: str) -> str:
    """A text in the letters that Guitar Pro 5 has, Windows-1252: the nearest ones (``No`` for a numero sign), or ?."""
    letters = (c if is_latin(c) else unicodedata.normalize("NFKD", c) for c in text)
    plain = "".join(c for c in "".join(letters) if not unicodedata.combining(c))
    return plain.encode("cp1252", "replace").decode("cp1252")


def is_latin(text: str) -> bool:
    """Whether Guitar Pro 5 can write a text as it is."""
    return text == text.encode("cp1252", "ignore").decode("cp1252")


def _header(gp: Any, bar: Bar, i: int, start: Fraction) -> Any:
    metre = bar.metre if bar.metre and bar.metre.unit in _DENOMINATORS else Metre()
    header = gp.MeasureHeader(number=i + 1, start=QUARTER + int(QUARTER * start))
    header.timeSignature = gp.TimeSignature(min(metre.beats, 32), gp.Duration(metre.unit))
    header.isRepeatOpen = bar.repeat_start
    header.repeatClose = bar.times - 1 if bar.repeat_end else -1
    header.repeatAlternative = sum(1 << (int(n) - 1) for n in bar.ending.split(",") if n.isdigit() and 0 < int(n) < 9)
    return header


def _track(gp: Any, song: Any, score: Score, tab: Tablature, number: int) -> Any:
    strings = [gp.GuitarString(i, pitch.midi) for i, pitch in enumerate(reversed(tab.strings), 1)]
    channel = gp.MidiChannel(channel=(number - 1) * 2 % 16, effectChannel=((number - 1) * 2 + 1) % 16)
    channel.instrument = min(tab.part.program, 127)
    name = tab.part.name or plain_name(tab.part.program)
    track = gp.Track(song, number=number, fretCount=24, offset=tab.capo, strings=strings, measures=[], channel=channel)
    track.name = name[:40]
    offsets = bar_offsets(score.bars)
    for i, bar in enumerate(score.bars):
        measure = gp.Measure(track, song.measureHeaders[i])
        for place, voice in enumerate(tab.part.voices[:MOST_VOICES]):
            notes = [n for n in tab.part.bars[i] if n.voice == voice and (i, n) in tab.fingering.places]
            _fill(gp, measure.voices[place], bar, offsets[i], notes, tab, i, with_names=place == 0)
        track.measures.append(measure)
    return track


def _fill(
    gp: Any, voice: Any, bar: Bar, offset: Fraction, notes: list[Note], tab: Tablature, i: int, with_names: bool
) -> None:
    """The beats of one voice in one bar."""
    events = chords(notes)
    rhythm = tuple((event[0].start, event[0].duration) for event in events)
    values = write_rhythm(rhythm, bar.length, bar.metre, offset)
    if not values and with_names:
        voice.beats.append(gp.Beat(voice, status=gp.BeatStatus.rest, duration=gp.Duration(1)))
    names = {harmony.start: str(harmony) for harmony in bar.harmonies}
    before: int | None = None
    for value in values:
        beat = gp.Beat(voice, duration=_duration(gp, value))
        beat.status = gp.BeatStatus.rest if value.event is None else gp.BeatStatus.normal
        if with_names and (name := names.get(value.start)):
            beat.text = latin(name)
        for note in () if value.event is None else events[value.event]:
            string, fret = tab.fingering.places[i, note]
            struck = (i, note) in tab.fingering.struck and value.event != before
            kind = gp.NoteType.normal if struck else gp.NoteType.tie
            beat.notes.append(gp.Note(beat, value=fret, string=len(tab.strings) - string, type=kind))
        before = value.event
        voice.beats.append(beat)


def _duration(gp: Any, value: Value) -> Any:
    base = max(_SHORTEST, min(value.base, Fraction(4)))
    duration = gp.Duration(int(4 / base), isDotted=value.dots == 1)
    if value.actual != value.normal:
        duration.tuplet = gp.Tuplet(value.actual, value.normal)
    return duration
