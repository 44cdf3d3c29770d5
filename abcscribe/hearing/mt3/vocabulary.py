"""What the networks of the MT3 family write: event types and token ids, and how the three published systems differ.

The one place that knows the numbers. Sources: Hawthorne et al., "Sequence-to-sequence piano transcription with
transformers" (ISMIR 2021); Gardner et al., "MT3: multi-task multitrack music transcription" (ICLR 2022); Tan et al.,
"MR-MT3: memory retaining multi-track music transcription" (2024); and the code that was published with each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

PAD, EOS, UNKNOWN = 0, 1, 2  # token ids before those of the events; decoding also starts with PAD
SPECIAL = 3
EXTRA = 100  # T5's sentinel tokens behind the events: never used, but they count in the width of the vocabulary
WIDTH_MULTIPLE = 128  # the width of the embedding is rounded up to a multiple of it
STEPS_PER_SECOND = 100  # resolution of times
MAX_SHIFT = 1000  # steps

FRAMES_PER_SECOND = 125  # of the front end: 16 kHz, hop 128
assert FRAMES_PER_SECOND == 5 * STEPS_PER_SECOND / 4  # so that the step of a frame is an integer division


@dataclass(frozen=True, slots=True)
class System:
    """One of the published systems, or one of its form."""

    name: str
    segment_frames: int  # frames that the encoder sees at once
    velocity_bins: int  # bins above 0, which means "off"
    ties: bool  # segments begin with the notes that go on from the one before
    programs: bool  # notes carry General MIDI programs, and drums are told apart; else all is program 0
    memory: int = 0  # vectors made of the previous segment's ids that the decoder attends to besides the frames
    normalised: bool = False  # log-mel values are clipped to LOG_MEL_RANGE and scaled to 0 ... 1
    target_length: int = 1024  # most tokens of a segment

    @property
    def vocabulary(self) -> Vocabulary:
        """The system's event types and ids."""
        return Vocabulary(self.velocity_bins)


LOG_MEL_RANGE = (-12.0, 5.0)  # of systems that normalise
SYSTEMS = {
    system.name: system
    for system in (
        System("seq2seq-piano", 512, velocity_bins=127, ties=False, programs=False),
        System("mt3", 256, velocity_bins=1, ties=True, programs=True),
        System("mr-mt3", 256, velocity_bins=1, ties=True, programs=True, memory=64, normalised=True),
    )
}


@dataclass(frozen=True, slots=True)
class Event:
    """What a token means."""

    kind: str  # a name of Vocabulary.ranges
    value: int


@dataclass(frozen=True)
class Vocabulary:
    """Token ids of the events: shift (steps from the segment's start), pitch, velocity bin, tie (the end of the ties),
    program, drum."""

    velocity_bins: int

    @cached_property
    def ranges(self) -> dict[str, range]:
        """Kind of event -> its token ids, value 0 first."""
        sizes = {
            "shift": MAX_SHIFT + 1, "pitch": 128, "velocity": self.velocity_bins + 1, "tie": 1, "program": 128,
            "drum": 128,
        }  # fmt: skip
        found, first = {}, SPECIAL
        for kind, size in sizes.items():
            found[kind] = range(first, first + size)
            first += size
        return found

    @property
    def width(self) -> int:
        """Rows of the embedding."""
        used = self.ranges["drum"].stop + EXTRA
        return -(-used // WIDTH_MULTIPLE) * WIDTH_MULTIPLE

    def token(self, kind: str, value: int = 0) -> int:
        """The id of an event."""
        return self.ranges[kind][value]

    def event(self, token: int) -> Event | None:
        """The event of an id; None for ids without a meaning and the special ones."""
        for kind, ids in self.ranges.items():
            if token in ids:
                return Event(kind, token - ids.start)
        return None

    def velocity_bin(self, velocity: int) -> int:
        """MIDI velocity (0-127) -> bin; only 0 gives bin 0."""
        return -(-self.velocity_bins * velocity // 127)

    def velocity(self, velocity_bin: int) -> int:
        """Bin -> MIDI velocity."""
        return 127 * velocity_bin // self.velocity_bins


def step_of(frame: int) -> int:
    """The step in which a frame begins: where the times of a segment that begins with it are counted from."""
    return frame * STEPS_PER_SECOND // FRAMES_PER_SECOND
