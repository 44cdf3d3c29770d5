"""The tokens: their blocks, names and ids, and their limits."""

from __future__ import annotations

from collections.abc import Iterable
from math import log

from abcscribe.score.grid import TICKS
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import CLEFS, MODE_FIFTHS, Metre
from abcscribe.score.spelling import pitch_at

LONGEST = 8 * TICKS  # of a bar, and of one duration token
LOWEST, HIGHEST = 21, 108  # MIDI: the piano
MOST_ALTER = 2  # double sharps and flats
MOST_STAVES, MOST_PART_STAVES, MOST_VOICES = 12, 3, 4
MOST_SKIPPED = 8  # groups of one token; more are several tokens
METRE_TOKENS = (  # more than the analysis looks for (grid.METRES): scores have them, users ask for them; order = ids
    None, *(Metre(*m) for m in (
        (4, 4), (3, 4), (2, 4), (6, 8), (3, 8), (9, 8), (12, 8), (2, 2), (3, 2), (4, 2), (5, 4), (6, 4), (7, 4), (1, 4),
        (8, 4), (2, 8), (4, 8), (5, 8), (7, 8), (8, 8), (10, 8), (15, 8), (3, 16), (6, 16), (9, 16), (12, 16),
        (2, 1), (1, 2),
    )),
)  # fmt: skip
MODES = (*MODE_FIFTHS, "none")
SINGLE = ("pad", "bos", "eos", "bar", "stay")
MOST_FIFTHS = 7
SLOWEST, TEMPO_RATIO, TEMPI = 20.0, 1.03, 104  # quarters a minute of the first tempo token, ratio of neighbours, count


class Vocabulary:
    """Ids of all tokens, in blocks (slices); ``names[i]`` is a readable name of token ``i``."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.pad, self.bos, self.eos, self.bar, self.stay = range(5)
        self._block(SINGLE)
        self.metre = self._block(f"metre {metre}" for metre in METRE_TOKENS)
        self.fifths = self._block(f"key {fifths}" for fifths in range(-MOST_FIFTHS, MOST_FIFTHS + 1))
        self.mode = self._block(f"mode {mode}" for mode in MODES)
        self.tempo = self._block(f"tempo {tempo_at(i):.0f}" for i in range(TEMPI))
        self.program = self._block(f"program {program}" for program in range(PERCUSSION))
        self.clef = self._block(f"clef {clef}" for clef in CLEFS)
        self.staff = self._block(f"staff {staff}" for staff in range(MOST_STAVES))
        self.voice = self._block(f"voice {voice}" for voice in range(2, MOST_VOICES + 1))
        self.skip = self._block(f"skip {groups}" for groups in range(1, MOST_SKIPPED + 1))
        self.position = self._block(f"position {tick}" for tick in range(LONGEST))
        self.duration = self._block(f"duration {ticks}" for ticks in range(1, LONGEST + 1))
        self.pitches = _pitches()  # (MIDI, place on the line of fifths) of each pitch token
        self.pitch = self._block(f"pitch {pitch_at(*pitch)}" for pitch in self.pitches)
        self.pitch_id = {pitch: self.pitch.start + i for i, pitch in enumerate(self.pitches)}

    def __len__(self) -> int:
        return len(self.names)

    def _block(self, names: Iterable[str]) -> slice:
        first = len(self.names)
        self.names.extend(names)
        return slice(first, len(self.names))


def _pitches() -> list[tuple[int, int]]:
    """Every spelling with at most two accidentals of every key of the piano."""
    fifths = range(-1 - 7 * MOST_ALTER, 6 + 7 * MOST_ALTER)
    return [(midi, f) for midi in range(LOWEST, HIGHEST + 1) for f in fifths if (7 * f - midi) % 12 == 0]


def tempo_at(index: int) -> float:
    """Quarters a minute of a tempo token."""
    return SLOWEST * TEMPO_RATIO**index


def tempo_index(quarter_bpm: float) -> int:
    """The tempo token nearest to a tempo."""
    return min(max(round(log(max(quarter_bpm, 1.0) / SLOWEST) / log(TEMPO_RATIO)), 0), TEMPI - 1)


VOCABULARY = Vocabulary()
