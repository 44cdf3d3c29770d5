"""A Standard MIDI File -> its events and notes in ticks, up to where it is cut off or damaged.

Written here because lytk gives note values, and what was played has none: seconds (``hearing.midi_file``) and the
strokes of drums (``midi_drums``) come from ticks.
"""

from __future__ import annotations

import struct
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

DRUM_CHANNEL = 9  # the tenth
# A file is printed if so many of its onsets lie on eighths or sixths of a quarter, give or take 1/96 of it. At random
# 27 % do with 480 ticks a quarter, 50 % with 24; of printed ones all but quintuplets and grace notes do.
PRINTED = 0.75
PLACES = sorted({i / 8 for i in range(9)} | {i / 6 for i in range(7)})  # of a quarter
NEAR = 1 / 96  # quarters


@dataclass(frozen=True, slots=True)
class Event:
    """A channel message or a tempo."""

    tick: int
    order: int  # of the track and in it, for events at one tick
    status: int
    data: bytes

    @property
    def track(self) -> int:
        return self.order >> 32


@dataclass(frozen=True, slots=True)
class Sound:
    """A note."""

    start: int  # ticks
    end: int
    track: int
    channel: int
    pitch: int
    velocity: int
    program: int


def events(content: bytes) -> tuple[int, list[Event]]:
    """(ticks a quarter, negative for frames; the events of all tracks in time order)."""
    division, tracks = _tracks(content)
    found = (event for number, track in enumerate(tracks) for event in _events(track, number))
    return division, sorted(found, key=lambda e: (e.tick, e.order))


def is_printed(ticks: Sequence[int], quarter: int) -> bool:
    """Whether onsets lie on the grid that the file itself has: it was written, not played."""
    near = max(NEAR, 0.5 / quarter) * 0.999
    places = (tick % quarter / quarter for tick in ticks)
    on_grid = sum(min(abs(place - grid) for grid in PLACES) <= near for place in places)
    return on_grid >= PRINTED * len(ticks)


def _tracks(content: bytes) -> tuple[int, list[bytes]]:
    """(ticks a quarter, negative for frames; track chunks). A chunk that is cut off is as long as it is."""
    length = int.from_bytes(content[4:8], "big")
    division = struct.unpack(">h", content[12:14].ljust(2, b"\0"))[0] or 480
    tracks, at = [], 8 + max(6, length)
    while at + 8 <= len(content):
        size = int.from_bytes(content[at + 4 : at + 8], "big")
        if content[at : at + 4] == b"MTrk":
            tracks.append(content[at + 8 : at + 8 + size])
        at += 8 + size
    return division, tracks


def _events(track: bytes, number: int) -> Iterator[Event]:
    """Channel messages and tempi, the latter with the status of their meta event."""
    at = tick = running = order = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        order += 1
        if at >= len(track):
            return
        status = track[at]
        if status in (0xFF, 0xF0, 0xF7):
            kind = track[at + 1] if status == 0xFF and at + 1 < len(track) else 0
            size, at = _number(track, at + (2 if status == 0xFF else 1))
            if status == 0xFF and kind == 0x51:
                yield Event(tick, number << 32 | order, kind, track[at : at + size])
            if kind == 0x2F:
                return
            at += size
            continue
        if status & 0x80:
            running, at = status, at + 1
        if not running & 0x80 or running >= 0xF0:
            at += 1  # a stray byte
            continue
        size = 1 if running & 0xF0 in (0xC0, 0xD0) else 2
        yield Event(tick, number << 32 | order, running, track[at : at + size].ljust(size, b"\0"))
        at += size


def _number(track: bytes, at: int) -> tuple[int, int]:
    """(a number of variable length, where it ends)."""
    value, last = 0, at
    for last in range(at, min(at + 4, len(track))):
        value = value << 7 | track[last] & 0x7F
        if not track[last] & 0x80:
            break
    return value, last + 1


def sounds(events: Sequence[Event]) -> Iterator[Sound]:
    """The notes; one that never ends lasts to the last event."""
    program: dict[int, int] = defaultdict(int)
    held: dict[tuple[int, int, int], deque[tuple[int, int, int]]] = defaultdict(deque)  # track, channel, pitch
    for event in events:
        kind, channel = event.status & 0xF0, event.status & 0x0F
        if event.status < 0x80:
            continue
        if kind == 0xC0:
            program[channel] = event.data[0] & 0x7F
        elif kind in (0x80, 0x90):
            pitch, velocity = event.data[0] & 0x7F, event.data[1] & 0x7F
            key = event.track, channel, pitch
            if kind == 0x90 and velocity:
                held[key].append((event.tick, velocity, program[channel]))
            elif held[key]:
                start, struck, sound = held[key].popleft()
                yield Sound(start, event.tick, event.track, channel, pitch, struck, sound)
    end = events[-1].tick if events else 0
    for (track, channel, pitch), left in held.items():
        for start, struck, sound in left:
            yield Sound(start, end, track, channel, pitch, struck, sound)
