"""The voices of an ABC tune, each read by itself -> one Score whose bars add up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import zip_longest
from statistics import median

from abcscribe.score.abc_fields import NO_KEY, Header
from abcscribe.score.abc_music import VoiceReader
from abcscribe.score.abc_tokens import TICKS, Event, Problems, TextBar
from abcscribe.score.drafts import with_true_slurs
from abcscribe.score.harmony import parse
from abcscribe.score.instruments import GM_NAMES, PERCUSSION, usual_transposition
from abcscribe.score.model import Bar, Direction, Harmony, Key, Note, Part, Score, Staff

Voices = dict[str, VoiceReader]
_PROGRAMS = {name.casefold(): program for program, name in enumerate(GM_NAMES)}
_LOWEST_TREBLE = 57  # a voice without a clef whose median lies lower is written in the bass clef


def assemble(header: Header, voices: Voices, problems: Problems) -> Score:
    """The score of all voices that have bars. Bars are counted from the start of each voice and never shifted."""
    voices = {name: voice for name, voice in voices.items() if voice.bars}
    bars = _bars(header, list(voices.values()), problems)
    parts = tuple(_part([[voices[name] for name in staff] for staff in staves], bars, problems)
                  for staves in _layout(header, voices))  # fmt: skip
    return Score(bars, parts, header.title, header.composer)


def _layout(header: Header, voices: Voices) -> Iterator[list[list[str]]]:
    """Parts of staves of voice names: as %%score says, the rest a part each."""
    left = dict.fromkeys(voices)
    for part in header.layout:
        staves = []
        for staff in part:
            known = [name for name in dict.fromkeys(staff) if name in left]
            for name in known:
                del left[name]
            if known:
                staves.append(known)
        if staves:
            yield staves
    yield from ([[name]] for name in left)


def _bars(header: Header, voices: list[VoiceReader], problems: Problems) -> tuple[Bar, ...]:
    """What the voices say about their shared bars; where they differ, the first voice that says something is right."""
    metre, key, tempo = header.metre, (header.key or NO_KEY).key or Key(0, "none"), header.tempo
    bars: list[Bar] = []
    count = max((len(voice.bars) for voice in voices), default=0)
    for i in range(count):
        texts = [voice.bars[i] for voice in voices if i < len(voice.bars)]
        metre = next((text.new_metre[0] for text in texts if text.new_metre), metre)
        key = next((text.new_key for text in texts if text.new_key), key)
        tempo = next((text.new_tempo for text in texts if text.new_tempo), tempo)
        length = max(text.length for text in texts)
        for text in texts:
            if text.length < length:
                problems.add(text.line, text.column, "a bar shorter than in another voice", "rests at its end")
        bars.append(
            Bar(
                _quarters(length),
                metre,
                key,
                tempo,
                repeat_start=any(text.repeat_start for text in texts),
                repeat_end=any(text.repeat_end for text in texts),
                ending=next((text.ending for text in texts if text.ending), ""),
                times=max(text.times for text in texts),
                ending_stop=any(text.ending_stop for text in texts),
                line=_bar_line(texts, last=i + 1 == count),
                signs=tuple(dict.fromkeys(sign for text in texts for sign in text.signs)),
                words=next((text.new_words for text in texts if text.new_words), ""),
                harmonies=_harmonies(texts),
            )
        )
    for voice in voices:
        if len(voice.bars) < count:
            last = voice.bars[-1]
            problems.add(last.line, last.column, "a voice with fewer bars than another", "rests at its end")
    _report_lengths(bars, voices[0].bars if voices else [], problems)
    return tuple(bars)


def _bar_line(texts: list[TextBar], last: bool) -> str:
    """A special bar line; that a piece ends with a final one goes without saying."""
    line = next((text.bar_line for text in texts if text.bar_line), "")
    return "" if (last and line == "final") or any(text.repeat_end for text in texts) else line


def _harmonies(texts: list[TextBar]) -> tuple[Harmony, ...]:
    """The chord symbols of all voices, one at a place."""
    found: dict[Fraction, Harmony] = {}
    for text in texts:
        for ticks, symbol in text.harmonies:
            start = _quarters(ticks)
            if start not in found and (harmony := parse(symbol, start)):
                found[start] = harmony
    return tuple(found[start] for start in sorted(found))


def _report_lengths(bars: list[Bar], texts: list[TextBar], problems: Problems) -> None:
    """Bars that do not fill their metre, pickups and bars that a repeat divides excepted."""
    for i, (bar, text) in enumerate(zip(bars, texts, strict=False)):
        if not bar.metre or bar.length == bar.metre.length:
            continue
        neighbours = bars[max(0, i - 1) : i + 2]
        at_edge = i in (0, len(bars) - 1) or any(b.repeat_start or b.repeat_end or b.ending for b in neighbours)
        at_edge = at_edge or bar.metre.length - bar.length in (b.length for b in neighbours)  # one bar, divided
        if bar.length > bar.metre.length or not at_edge:
            what = f"a bar of {bar.length} quarters in {bar.metre}"
            problems.add(text.line, text.column, what, "the bar is as long as its notes")


def _part(staves: list[list[VoiceReader]], bars: tuple[Bar, ...], problems: Problems) -> Part:
    """A part from the voices of its staves; every overlay becomes a voice of its own."""
    content: list[list[Note]] = [[] for _ in bars]
    directions: list[list[Direction]] = [[] for _ in bars]
    written: list[Staff] = []
    number = 0
    for staff, voices in enumerate(staves, 1):
        numbers = []
        for voice in voices:
            for i, bar in enumerate(voice.bars):
                directions[i] += [Direction(_quarters(at), kind, text, staff) for at, kind, text in bar.directions]
            layers = max((event.layer for bar in voice.bars for event in bar.events), default=0) + 1
            for layer in range(layers):
                number += 1
                numbers.append(number)
                _add_notes(content, voice, layer, number, bars, problems)
        written.append(Staff(_clef(voices), tuple(numbers)))
    everyone = [voice for voices in staves for voice in voices]
    name = next((voice.properties.name for voice in everyone if voice.properties.name), "")
    program = next(
        (voice.program for voice in everyone if voice.program is not None), _PROGRAMS.get(name.casefold(), 0)
    )
    if program == PERCUSSION:
        said = [any(voice.properties.clef for voice in voices) for voices in staves]
        written = [staff if clef else Staff("perc", staff.voices) for staff, clef in zip(written, said, strict=True)]
    transposes = [voice.properties.transpose for voice in everyone if voice.properties.transpose]
    semitones = transposes[0] if transposes else None
    usual = usual_transposition(program, name)
    steps = (7 * (semitones or 0) + 6) // 12  # the interval's usual name: two semitones are one step, three are two
    return Part(
        with_true_slurs_of(content),
        name,
        program,
        tuple(written),
        directions=tuple(map(tuple, directions)) if any(directions) else (),
        transposition=None if semitones is None or semitones == usual[1] else (steps, semitones),
    )


def with_true_slurs_of(content: list[list[Note]]) -> tuple[tuple[Note, ...], ...]:
    """The bars of a part without the slurs that do not end."""
    return tuple(with_true_slurs([tuple(notes) for notes in content]))


def _clef(voices: list[VoiceReader]) -> str:
    clef = next((voice.properties.clef for voice in voices if voice.properties.clef), "")
    if clef:
        return clef
    midis = [p.midi for voice in voices for bar in voice.bars for event in bar.events for p in event.pitches]
    return "bass" if midis and median(midis) < _LOWEST_TREBLE else "treble"


def _add_notes(
    content: list[list[Note]], voice: VoiceReader, layer: int, number: int, bars: tuple[Bar, ...], problems: Problems
) -> None:
    """Append the notes of one layer of a voice to ``content`` as voice ``number``."""
    events = [
        (i, event) for i, bar in enumerate(voice.bars) for event in bar.events if event.pitches and event.layer == layer
    ]
    for (i, event), following in zip_longest(events, events[1:]):
        tied: set[int] = set()
        if any(event.ties):
            tied = _tied(i, event, following, bars)
            if len(tied) < len({p.midi for p, tie in zip(event.pitches, event.ties, strict=True) if tie}):
                text = voice.bars[i]
                problems.add(text.line, text.column, "a tie to another note", "no tie")
        start, duration = _quarters(event.start), _quarters(event.duration)
        lines = event.lines or [None] * len(event.pitches)
        heads = sorted(zip(event.pitches, event.ties, lines, strict=True), key=lambda p: (p[0].midi, p[0].step))
        for k, (pitch, tie, line) in enumerate(heads):
            note = Note(start, duration, pitch, number, tie and pitch.midi in tied, head=event.head, line=line)
            content[i].append(note if k else _with_signs(note, event))


def _with_signs(note: Note, event: Event) -> Note:
    """The first note of a chord with what belongs to all of it."""
    note = replace(note, grace=event.grace) if event.grace else note
    if event.marks or event.after or event.slur_start or event.slur_stop or event.lyrics:
        return replace(
            note, after=event.after, marks=event.marks, slur_start=event.slur_start, slur_stop=event.slur_stop,
            lyrics=tuple(event.lyrics),
        )  # fmt: skip
    return note


def _tied(i: int, event: Event, following: tuple[int, Event] | None, bars: tuple[Bar, ...]) -> set[int]:
    """MIDI numbers that sound on from an event in bar ``i`` into the next event of its voice."""
    if not following:
        return set()
    j, next_event = following
    end = event.start + event.duration
    joined = (i == j and next_event.start == end) or (
        j == i + 1 and next_event.start == 0 and _quarters(end) == bars[i].length
    )
    midis = {pitch.midi for pitch, tie in zip(event.pitches, event.ties, strict=True) if tie}
    return midis & {pitch.midi for pitch in next_event.pitches} if joined else set()


@lru_cache(maxsize=65536)
def _quarters(ticks: int) -> Fraction:
    return Fraction(ticks, TICKS)
