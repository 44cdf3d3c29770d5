"""Notes -> token ids of a segment, and token ids of consecutive segments -> notes of the whole recording.

Times within a segment count from the step in which it begins. A note is switched on by [program] velocity pitch and off
by velocity 0; drums have no end. Velocity and program are written only where they change. With ties a segment begins
with the notes that sound on from the one before, and a note that is not among them ends there: so one missed "off"
does not last. Both directions do what the published code does, the order of simultaneous events included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from abcscribe.hearing.mt3.vocabulary import EOS, MAX_SHIFT, STEPS_PER_SECOND, Event, System, step_of
from abcscribe.score.instruments import family
from abcscribe.score.model import PlayedNote

DRUM_STEPS = 1  # length given to drums, and the least length of any note
DEFAULT_VELOCITY = 100  # of notes before the first velocity event


@dataclass(frozen=True, slots=True)
class NoteEvent:
    """The beginning or end of a note."""

    time: float  # seconds
    pitch: int
    program: int
    velocity: int  # 0 ends the note
    drum: bool = False

    @property
    def step(self) -> int:
        """The nearest step."""
        return round(self.time * STEPS_PER_SECOND)


def note_events(notes: Sequence[PlayedNote], system: System) -> list[NoteEvent]:
    """Beginnings and ends in the order in which they are written: by time, ends first, then by program and pitch.

    A note that sounds when its pitch is played again on the same program is ended there; notes without length are left
    out.
    """
    ordered = sorted(_trimmed([_plain(note, system) for note in notes]), key=_channel)
    ends = [NoteEvent(n.offset, n.pitch, n.program or 0, 0) for n in ordered if not n.drum]
    begins = [NoteEvent(n.onset, n.pitch, n.program or 0, n.velocity, n.drum) for n in ordered]
    return sorted([*ends, *begins], key=lambda event: event.time)


def _plain(note: PlayedNote, system: System) -> PlayedNote:
    """The note as far as the system can tell it."""
    if system.programs:
        return note
    return dataclasses.replace(note, program=0, drum=False)


def _channel(note: PlayedNote) -> tuple[bool, int, int]:
    return note.drum, note.program or 0, note.pitch


def _trimmed(notes: Sequence[PlayedNote]) -> list[PlayedNote]:
    following: dict[tuple[bool, int, int], float] = {}
    kept = []
    for note in sorted(notes, key=lambda n: n.onset, reverse=True):
        end = min(note.offset, following.get(_channel(note), note.offset))
        following[_channel(note)] = note.onset
        if end > note.onset:
            kept.append(dataclasses.replace(note, offset=end))
    return kept[::-1]


def encode(events: Sequence[NoteEvent], first: int, end: int, system: System) -> list[int]:
    """Token ids of the segment of the frames ``first`` to ``end`` (not included), EOS at their end.

    ``events`` are those of the whole recording, from ``note_events``.
    """
    vocabulary = system.vocabulary
    start, stop = step_of(first), step_of(end)
    tokens: list[int] = []
    written = {"velocity": -1, "program": -1}  # what was last written of each
    for event in _segment(events, start, stop, system):
        if event.kind in written:
            if written[event.kind] == event.value:
                continue
            written[event.kind] = event.value
        tokens.append(vocabulary.token(event.kind, event.value))
    return [*tokens, EOS]


def _segment(events: Sequence[NoteEvent], start: int, stop: int, system: System) -> Iterator[Event]:
    """Events of a segment in steps, programs and velocities not yet left out."""
    if system.ties:
        for program, pitch in sorted(_sounding(events, start)):
            yield from (Event("program", program), Event("pitch", pitch))
        yield Event("tie", 0)
    now = start
    for event in events:
        if not start <= event.step < stop:
            continue
        if event.step > now:
            yield from _shifts(event.step - start)
            now = event.step
        yield from _of_note(event, system)


def _shifts(steps: int) -> Iterator[Event]:
    while steps > 0:
        yield Event("shift", min(steps, MAX_SHIFT))
        steps -= MAX_SHIFT


def _of_note(event: NoteEvent, system: System) -> Iterator[Event]:
    velocity = Event("velocity", system.vocabulary.velocity_bin(event.velocity))
    if event.drum:
        yield from (velocity, Event("drum", event.pitch))
    else:
        if system.programs:
            yield Event("program", event.program)
        yield from (velocity, Event("pitch", event.pitch))


def _sounding(events: Sequence[NoteEvent], start: int) -> set[tuple[int, int]]:
    """(program, pitch) of what began before a step and has not ended before it."""
    sounding: set[tuple[int, int]] = set()
    for event in events:
        if event.step < start and not event.drum:
            (sounding.add if event.velocity else sounding.discard)((event.program, event.pitch))
    return sounding


@dataclass(frozen=True, slots=True)
class _Onset:
    step: int
    velocity: int
    confidence: float


@dataclass
class EventDecoder:
    """Joins the tokens of consecutive segments to notes. What makes no sense is counted and left out."""

    system: System
    invalid: int = 0  # tokens that could not be understood where they stood
    dropped: int = 0  # tokens behind the end of their segment
    _step: int = 0
    _velocity: int = DEFAULT_VELOCITY
    _program: int = 0
    _active: dict[tuple[int, int], _Onset] = field(default_factory=dict)  # by program and pitch
    _tied: set[tuple[int, int]] = field(default_factory=set)
    _in_ties: bool = False
    _done: list[PlayedNote] = field(default_factory=list)

    def segment(
        self, tokens: Sequence[int], first: int, end: int | None, confidence: Sequence[float] | None = None
    ) -> list[PlayedNote]:
        """Take in the tokens of a segment, up to EOS; returns the notes that are complete by now.

        Args:
            first: the segment's first frame.
            end: the next segment's first frame; None for the last one, whose times have no limit.
            confidence: of each token, 0 ... 1; a note has that of its pitch.
        """
        self._in_ties, self._tied = self.system.ties, set()
        start, now, shifted = step_of(first), step_of(first), 0
        tokens = tokens[: tokens.index(EOS)] if EOS in tokens else tokens
        for index, token in enumerate(tokens):
            event = self.system.vocabulary.event(token)
            if event is not None and event.kind == "shift":
                shifted += event.value  # consecutive shifts add up: one token does not reach beyond MAX_SHIFT
                now = start + shifted
                if end is not None and now > step_of(end):
                    self.dropped += len(tokens) - index
                    break
                continue
            if event is not None:
                shifted = 0
            if event is None or not self._take(event, now, confidence[index] if confidence is not None else 1.0):
                self.invalid += 1
        return self._taken()

    def finish(self) -> list[PlayedNote]:
        """The notes that still sound, ended at the last event of all."""
        last = max([self._step, *(onset.step + DRUM_STEPS for onset in self._active.values())])
        for key in list(self._active):
            self._end(key, last)
        return self._taken()

    def _taken(self) -> list[PlayedNote]:
        done, self._done = self._done, []
        return done

    def _take(self, event: Event, now: int, confidence: float) -> bool:
        """Whether the event made sense."""
        if now < self._step:
            return False
        self._step = now
        if event.kind == "velocity":
            self._velocity = self.system.vocabulary.velocity(event.value)
        elif event.kind == "program":
            self._program = event.value
        elif event.kind == "tie":
            return self._end_ties()
        elif event.kind == "drum":
            return self._drum(event.value, confidence)
        else:
            return self._pitch((self._program, event.value), confidence)
        return True

    def _pitch(self, key: tuple[int, int], confidence: float) -> bool:
        if self._in_ties:
            known = key in self._active and key not in self._tied
            self._tied.add(key)
            return known
        if self._velocity == 0 and key not in self._active:
            return False
        self._end(key, self._step)
        if self._velocity:
            self._active[key] = _Onset(self._step, self._velocity, confidence)
        return True

    def _drum(self, pitch: int, confidence: float) -> bool:
        if self._velocity == 0:
            return False
        seconds = self._step / STEPS_PER_SECOND, (self._step + DRUM_STEPS) / STEPS_PER_SECOND
        self._done.append(PlayedNote(*seconds, pitch, self._velocity, confidence=confidence, drum=True))
        return True

    def _end_ties(self) -> bool:
        if not self._in_ties:
            return False
        for key in [key for key in self._active if key not in self._tied]:
            self._end(key, self._step)
        self._in_ties = False
        return True

    def _end(self, key: tuple[int, int], step: int) -> None:
        """End a note, if it sounds."""
        onset = self._active.pop(key, None)
        if onset is None:
            return
        program, pitch = key
        seconds = onset.step / STEPS_PER_SECOND, max(step, onset.step + DRUM_STEPS) / STEPS_PER_SECOND
        named = program if self.system.programs else 0
        self._done.append(PlayedNote(*seconds, pitch, onset.velocity, family(named), onset.confidence, program=named))
