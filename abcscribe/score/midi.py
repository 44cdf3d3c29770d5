"""Score -> Standard MIDI File, as notated (bars, tempo marks, one track a part) or as played (seconds).

As notated every onset and duration is exact in ticks, tuplets included; repeats are played out and grace notes sound
just before their note. Written here because it is short and lytk's writer shapes durations by articulation.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.errors import ScoreError
from abcscribe.score import instruments
from abcscribe.score.marks import VELOCITIES
from abcscribe.score.model import MODE_FIFTHS, Bar, Key, Metre, Part, PlayedNote, Score

TICKS = 480  # in a quarter, at least; exact for triplets, quintuplets and 128ths
MOST_TICKS = 32_767  # the format's limit
ROUNDED_TICKS = 10_080  # where no exact number is small enough: divisible by everything up to ten, and by 32
VELOCITY = 80
GRACE = Fraction(1, 8)  # quarters of one grace note
PLAYED_TICKS = 500  # with half a second a quarter, one tick is a millisecond
DEFAULT_BPM = 120.0  # what a player assumes without a tempo
DRUM_CHANNEL = 9


@dataclass(frozen=True, slots=True)
class _Sound:
    onset: int  # ticks
    offset: int
    pitch: int
    velocity: int


def to_midi(score: Score) -> bytes:
    """The score as notated: a track with tempo, metre and key, then one for each part."""
    score = score.unfolded()
    ticks = _ticks_per_quarter(score)
    starts = score.bar_starts()
    tracks = [_track(_conductor(score, [round(start * ticks) for start in starts]))]
    sounding = score.sounding_notes()
    for index, part in enumerate(score.parts):
        notes = [(n.onset, n.onset + n.duration, n.pitch) for n in sounding if n.part == index]
        notes += _grace_notes(score, index, starts)
        loudness = _loudness(part, starts)
        sounds = [_Sound(round(a * ticks), round(b * ticks), pitch, _velocity(loudness, a)) for a, b, pitch in notes]
        channel = DRUM_CHANNEL if part.program == instruments.PERCUSSION else _channel(index)
        words = [(round(at * ticks), _meta(0x05, text.encode())) for at, text in _words(part, starts)]
        tracks.append(_part_track(part.name, channel, part.program, sounds, words))
    return _file(ticks, tracks)


def to_performance_midi(score: Score) -> bytes:
    """What was played, to the millisecond: a track for each program, or instrument family where the system that heard
    the notes names no programs, and one for drums. Raises ScoreError if nothing was played."""
    if not score.performance:
        raise ScoreError("This score was not made from a recording, so there is no performance to write.")
    players: dict[tuple[str, int], list[_Sound]] = defaultdict(list)
    for note in score.performance:
        onset, offset = round(1000 * note.onset), round(1000 * note.offset)
        sound = _Sound(onset, max(offset, onset + 1), note.pitch, note.velocity)
        players[_player(score, note)].append(sound)
    tempo = _tempo_event(DEFAULT_BPM)
    tracks = [_track([(0, _meta(0x03, score.title.encode())), (0, tempo)])]
    for index, ((name, program), sounds) in enumerate(sorted(players.items())):
        channel = DRUM_CHANNEL if program == instruments.PERCUSSION else _channel(index)
        tracks.append(_part_track(name or instruments.name(program), channel, program, sounds))
    return _file(PLAYED_TICKS, tracks)


def _player(score: Score, note: PlayedNote) -> tuple[str, int]:
    """Name and program of the track that a note is on; without a name it is that of the program."""
    if note.drum:
        return "", instruments.PERCUSSION
    return ("", note.program) if note.program is not None else (note.family, _program(score, note.family))


def _program(score: Score, family: str) -> int:
    """The program of the part that plays a family, or the family's own; without a family that of the first part."""
    programs = [part.program for part in score.parts if part.program != instruments.PERCUSSION]
    fitting = [program for program in programs if family in ("", instruments.family(program))]
    return fitting[0] if fitting else instruments.FAMILY_PROGRAM.get(family, 0)


def _ticks_per_quarter(score: Score) -> int:
    denominators = {bar.length.denominator for bar in score.bars}
    notes = (note for part in score.parts for bar in part.bars for note in bar)
    denominators |= {d for note in notes for d in (note.start.denominator, note.duration.denominator)}
    ticks = math.lcm(TICKS, *denominators)
    return ticks if ticks <= MOST_TICKS else ROUNDED_TICKS


def _grace_notes(score: Score, part: int, starts: Sequence[Fraction]) -> Iterable[tuple[Fraction, Fraction, int]]:
    """(onset, offset, pitch) in quarters; none where the piece begins with them and there is no time before."""
    for bar_start, notes in zip(starts, score.parts[part].bars, strict=False):
        for note in notes:
            before = bar_start + note.start - len(note.grace) * GRACE
            after = bar_start + note.end - len(note.after) * GRACE
            for onset, pitches in ((before, note.grace), (after, note.after)):
                for i, pitch in enumerate(pitches if onset >= 0 else ()):
                    yield onset + i * GRACE, onset + (i + 1) * GRACE, pitch.midi


def _loudness(part: Part, starts: Sequence[Fraction]) -> list[tuple[Fraction, int]]:
    """(quarters, velocity) of the dynamics of a part, by time."""
    marks = ((start, sign) for start, signs in zip(starts, part.directions, strict=False) for sign in signs)
    return sorted((start + sign.start, VELOCITIES[sign.text]) for start, sign in marks if sign.kind == "dynamic"
                  and sign.text in VELOCITIES)  # fmt: skip


def _velocity(loudness: Sequence[tuple[Fraction, int]], onset: Fraction) -> int:
    place = bisect_right(loudness, (onset, 127))
    return loudness[place - 1][1] if place else VELOCITY


def _words(part: Part, starts: Sequence[Fraction]) -> Iterable[tuple[Fraction, str]]:
    """(quarters, syllable) as karaoke files have them: a hyphen leads on, a blank ends a word."""
    for start, notes in zip(starts, part.bars, strict=False):
        for note in notes:
            syllable = next((verse for verse in note.lyrics if verse), None)
            if syllable:
                yield start + note.start, syllable.text + ("-" if syllable.joined else " ")


def _channel(index: int) -> int:
    """The 15 channels that are not percussion, in turn."""
    channel = index % 15
    return channel + (channel >= DRUM_CHANNEL)


# --- events -----------------------------------------------------------------------------------------------------------

Event = tuple[int, bytes]  # (ticks from the start, message)


def _conductor(score: Score, starts: Sequence[int]) -> list[Event]:
    events: list[Event] = [(0, _meta(0x03, score.title.encode()))]
    before = Bar(Fraction(0), metre=None, key=Key(99))  # unlike any bar
    for tick, bar in zip(starts, score.bars, strict=False):
        if bar.metre and bar.metre != before.metre:
            events.append((tick, _metre_event(bar.metre)))
        if bar.key != before.key:
            events.append((tick, _key_event(bar.key)))
        if bar.tempo != before.tempo:
            events.append((tick, _tempo_event(bar.tempo.quarter_bpm if bar.tempo else DEFAULT_BPM)))
        before = bar
    return events


def _metre_event(metre: Metre) -> bytes:
    clocks = round(24 * metre.beat)  # MIDI clocks in a metronome click
    return _meta(0x58, bytes([min(metre.beats, 255), metre.unit.bit_length() - 1, min(clocks, 255), 8]))


def _key_event(key: Key) -> bytes:
    minor = MODE_FIFTHS.get(key.mode, 0) == MODE_FIFTHS["minor"]
    return _meta(0x59, max(-7, min(7, key.fifths)).to_bytes(1, "big", signed=True) + bytes([minor]))


def _tempo_event(quarter_bpm: float) -> bytes:
    return _meta(0x51, min(0xFFFFFF, round(60e6 / quarter_bpm)).to_bytes(3, "big"))


def _part_track(name: str, channel: int, program: int, sounds: Iterable[_Sound], words: Iterable[Event] = ()) -> bytes:
    events = [(0, _meta(0x03, name.encode())), *words]
    if program != instruments.PERCUSSION:
        events.append((0, bytes([0xC0 | channel, program])))
    for sound in _one_key_each(sounds):
        events.append((sound.onset, bytes([0x90 | channel, sound.pitch, sound.velocity])))
        events.append((sound.offset, bytes([0x80 | channel, sound.pitch, 0])))
    return _track(events)


def _one_key_each(sounds: Iterable[_Sound]) -> Iterable[_Sound]:
    """What keys can do: of a unison the longest note stays, and a note ends where its pitch is struck again."""
    pitches: dict[int, list[_Sound]] = defaultdict(list)
    audible = (sound for sound in sounds if 0 <= sound.pitch <= 127)
    for sound in sorted(audible, key=lambda s: (s.onset, -s.offset)):
        struck = pitches[sound.pitch]
        if struck and struck[-1].onset == sound.onset:
            continue
        if struck and struck[-1].offset > sound.onset:
            struck[-1] = _Sound(struck[-1].onset, sound.onset, sound.pitch, struck[-1].velocity)
        struck.append(sound)
    return [sound for struck in pitches.values() for sound in struck]


# --- bytes ------------------------------------------------------------------------------------------------------------


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([0xFF, kind]) + _variable_length(len(data)) + data


def _variable_length(number: int) -> bytes:
    """Seven bits a byte, most significant first; all but the last byte have the top bit set."""
    parts = [number & 0x7F]
    while number := number >> 7:
        parts.append(number & 0x7F | 0x80)
    return bytes(reversed(parts))


def _track(events: Iterable[Event]) -> bytes:
    """A track chunk; of messages at one tick, those without notes come first, then note-offs."""
    body, now = b"", 0
    for tick, message in sorted(events, key=lambda event: (event[0], _rank(event[1]))):
        body += _variable_length(tick - now) + message
        now = tick
    body += _variable_length(0) + _meta(0x2F, b"")
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def _rank(message: bytes) -> int:
    return {0x80: 1, 0x90: 2}.get(message[0] & 0xF0, 0)


def _file(ticks: int, tracks: Sequence[bytes]) -> bytes:
    numbers = (1, len(tracks), ticks)  # format 1: tracks that sound together
    head = b"MThd" + (6).to_bytes(4, "big") + b"".join(number.to_bytes(2, "big") for number in numbers)
    return head + b"".join(tracks)
