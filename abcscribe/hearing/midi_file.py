"""A Standard MIDI File -> its notes in seconds, and whether it was printed or played.

Written here because the analysis needs seconds, programs and drums of every note, and lytk gives note values. Bars,
metre and key of a file that was printed by a notation program are read by `abcscribe.score.readers`; in one that was
played they are meaningless, since most recorders write 120 quarters a minute whatever is played.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abcscribe.errors import AudioError
from abcscribe.score import instruments
from abcscribe.score.model import PlayedNote

HEAD = b"MThd"
DRUM_CHANNEL = 9  # the tenth
USUAL_TEMPO = 500_000  # microseconds a quarter, until a tempo is set
MOST_BYTES = 64 << 20
LONGEST = 1e6  # seconds: a longer file is damaged
SHORTEST = 0.001  # seconds of a note
# A file is printed if so many of its onsets lie on eighths or sixths of a quarter, give or take 1/96 of it. At random
# 27 % do with 480 ticks a quarter, 50 % with 24; of printed ones all but quintuplets and grace notes do.
PRINTED = 0.75
PLACES = np.unique(np.concatenate([np.arange(9) / 8, np.arange(7) / 6]))  # of a quarter
NEAR = 1 / 96  # quarters


@dataclass(frozen=True, slots=True)
class MidiFile:
    """What a file holds."""

    notes: tuple[PlayedNote, ...]  # by onset
    seconds: float  # to the end of the last note
    printed: bool  # by a notation program or a sequencer with its grid on, not played


@dataclass(frozen=True, slots=True)
class _Event:
    tick: int
    order: int  # of the track and in it, for events at one tick
    status: int
    data: bytes


def is_midi(path: Path) -> bool:
    """Whether a file begins as one."""
    with path.open("rb") as file:
        return file.read(4) == HEAD


def read(path: Path) -> MidiFile:
    """Read a file, up to where it is cut off or damaged.

    Args:
        path: of the file.

    Raises:
        AudioError: it has no note, is too large, or is damaged.
        OSError: it cannot be opened.
    """
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise AudioError(f"{path} is larger than {MOST_BYTES >> 20} MB: no MIDI file of music is.")
    division, tracks = _tracks(content)
    events = sorted((e for i, t in enumerate(tracks) for e in _events(t, i)), key=lambda e: (e.tick, e.order))
    clock = _Clock(events, division)
    sounds = list(_sounds(events))
    notes = []
    for start, end, channel, pitch, velocity, program in sounds:
        onset, offset = clock.seconds(start), clock.seconds(end)
        drum = channel == DRUM_CHANNEL
        family = "" if drum else instruments.family(program)
        notes.append(
            PlayedNote(
                onset, max(offset, onset + SHORTEST), pitch, velocity, family, 1.0, None if drum else program, drum
            )
        )
    if not notes:
        raise AudioError(f"There are no notes in {path}.")
    if (last := max(note.offset for note in notes)) > LONGEST:
        raise AudioError(f"{path} says that it lasts {last:.3g} seconds: it is damaged.")
    ordered = tuple(sorted(notes, key=lambda note: (note.onset, note.pitch)))
    return MidiFile(ordered, last, division > 0 and _is_printed([sound[0] for sound in sounds], division))


def _is_printed(ticks: Sequence[int], quarter: int) -> bool:
    """Whether onsets lie on the grid that the file itself has."""
    places = (np.array(ticks, dtype=float) % quarter) / quarter
    distance = np.abs(places[:, None] - PLACES).min(axis=1)
    return float((distance <= max(NEAR, 0.5 / quarter) * 0.999).mean()) >= PRINTED


class _Clock:
    """Ticks -> seconds, by the tempi of the file."""

    def __init__(self, events: Sequence[_Event], division: int) -> None:
        if division < 0:  # ticks of a film's frames
            frames, parts = -(division >> 8), division & 0xFF
            self._ticks, self._seconds, self._pace = [0], [0.0], [1 / max(1, frames * parts)]
            return
        self._ticks, self._seconds, self._pace = [0], [0.0], [USUAL_TEMPO / 1e6 / division]
        for event in events:
            if event.status == 0x51 and len(event.data) == 3:
                self._seconds.append(self.seconds(event.tick))
                self._ticks.append(event.tick)
                self._pace.append(max(1, int.from_bytes(event.data, "big")) / 1e6 / division)

    def seconds(self, tick: int) -> float:
        """From the beginning of the file."""
        last = bisect_right(self._ticks, tick) - 1
        return self._seconds[last] + (tick - self._ticks[last]) * self._pace[last]


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


def _events(track: bytes, number: int) -> Iterator[_Event]:
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
                yield _Event(tick, number << 32 | order, kind, track[at : at + size])
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
        yield _Event(tick, number << 32 | order, running, track[at : at + size].ljust(size, b"\0"))
        at += size


def _number(track: bytes, at: int) -> tuple[int, int]:
    """(a number of variable length, where it ends)."""
    value, last = 0, at
    for last in range(at, min(at + 4, len(track))):
        value = value << 7 | track[last] & 0x7F
        if not track[last] & 0x80:
            break
    return value, last + 1


def _sounds(events: Sequence[_Event]) -> Iterator[tuple[int, int, int, int, int, int]]:
    """(start and end in ticks, channel, pitch, velocity, program); a note that never ends lasts to the last event."""
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
            key = event.order >> 32, channel, pitch
            if kind == 0x90 and velocity:
                held[key].append((event.tick, velocity, program[channel]))
            elif held[key]:
                start, struck, sound = held[key].popleft()
                yield start, event.tick, channel, pitch, struck, sound
    end = events[-1].tick if events else 0
    for (_, channel, pitch), left in held.items():
        for start, struck, sound in left:
            yield start, end, channel, pitch, struck, sound
