"""A Standard MIDI File -> its notes in seconds, and whether it was printed or played.

Written here because the analysis needs seconds, programs and drums of every note, and lytk gives note values. Bars,
metre and key of a file that was printed by a notation program are read by `abcscribe.score.readers`; in one that was
played they are meaningless, since most recorders write 120 quarters a minute whatever is played.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abcscribe.errors import AudioError
from abcscribe.score import instruments
from abcscribe.score.midi_events import DRUM_CHANNEL, Event, events, is_printed, sounds
from abcscribe.score.model import PlayedNote

HEAD = b"MThd"
USUAL_TEMPO = 500_000  # microseconds a quarter, until a tempo is set
MOST_BYTES = 64 << 20
LONGEST = 1e6  # seconds: a longer file is damaged
SHORTEST = 0.001  # seconds of a note


@dataclass(frozen=True, slots=True)
class MidiFile:
    """What a file holds."""

    notes: tuple[PlayedNote, ...]  # by onset
    seconds: float  # to the end of the last note
    printed: bool  # by a notation program or a sequencer with its grid on, not played


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
    division, found = events(content)
    clock = _Clock(found, division)
    struck = list(sounds(found))
    numbers = {player: number for number, player in enumerate(sorted({(s.track, s.channel) for s in struck}), 1)}
    notes = []
    for sound in struck:
        onset, offset = clock.seconds(sound.start), clock.seconds(sound.end)
        drum = sound.channel == DRUM_CHANNEL
        notes.append(
            PlayedNote(
                onset,
                max(offset, onset + SHORTEST),
                sound.pitch,
                sound.velocity,
                "" if drum else instruments.family(sound.program),
                program=None if drum else sound.program,
                drum=drum,
                player=numbers[sound.track, sound.channel],
            )
        )
    if not notes:
        raise AudioError(f"There are no notes in {path}.")
    if (last := max(note.offset for note in notes)) > LONGEST:
        raise AudioError(f"{path} says that it lasts {last:.3g} seconds: it is damaged.")
    ordered = tuple(sorted(notes, key=lambda note: (note.onset, note.pitch)))
    return MidiFile(ordered, last, division > 0 and is_printed([sound.start for sound in struck], division))


class _Clock:
    """Ticks -> seconds, by the tempi of the file."""

    def __init__(self, events: Sequence[Event], division: int) -> None:
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
