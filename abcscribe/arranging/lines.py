"""A score -> its lines: notes with ties joined, counted from the start of the piece, and back into bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Note, Part, Score


@dataclass(frozen=True, slots=True)
class Tone:
    """A note with its ties joined."""

    start: Fraction  # quarters from the start of the piece
    end: Fraction
    note: Note  # the first written note: its spelling, words and marks

    @property
    def pitch(self) -> int:
        return self.note.pitch.midi


def tones(score: Score, part: Part, voices: Iterable[int] | None = None) -> list[Tone]:
    """The notes of a part, or of some of its voices, by start and pitch."""
    wanted = set(part.voices if voices is None else voices)
    found: list[Tone] = []
    tied: dict[tuple[int, int], int] = {}  # voice and pitch -> index of the note that sounds on
    for begin, notes in zip(score.bar_starts(), part.bars, strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            if note.voice not in wanted:
                continue
            start, key = begin + note.start, (note.voice, note.pitch.midi)
            index = tied.pop(key, None)
            if index is not None and found[index].end == start:
                found[index] = dataclasses.replace(found[index], end=start + note.duration)
            else:
                index = len(found)
                found.append(Tone(start, start + note.duration, note))
            if note.tie:
                tied[key] = index
    return sorted(found, key=lambda t: (t.start, t.pitch))


def pitched(score: Score) -> list[int]:
    """Indices of the parts that are not drums and have notes."""
    return [i for i, part in enumerate(score.parts) if part.program != PERCUSSION and any(part.bars)]


def single(line: Sequence[Tone]) -> list[Tone]:
    """One note at a time: of notes that begin together the highest, each at most until the next."""
    highest = {tone.start: tone for tone in line}  # by start and pitch: the last one is the highest
    kept = [highest[start] for start in sorted(highest)]
    ends = [tone.start for tone in kept[1:]]
    return [
        dataclasses.replace(tone, end=min(tone.end, end)) for tone, end in zip(kept, [*ends, kept[-1].end], strict=True)
    ] if kept else []  # fmt: skip


def in_bars(score: Score, voices: Sequence[Sequence[Tone]]) -> tuple[tuple[Note, ...], ...]:
    """Voices 1, 2, ... as the bars of a part: cut at bar lines and tied. What a voice plays together has one end."""
    starts = score.bar_starts()
    bars: list[list[Note]] = [[] for _ in score.bars]
    for number, line in enumerate(voices, 1):
        first = 0
        for tone in line:
            while first < len(bars) - 1 and starts[first + 1] <= tone.start:
                first += 1
            for index in range(first, len(bars)):
                if starts[index] >= tone.end:
                    break
                bars[index].append(_piece(tone, starts[index], starts[index + 1], number))
    return tuple(tuple(sorted(bar, key=lambda n: (n.voice, n.start, n.pitch.midi))) for bar in bars)


def _piece(tone: Tone, begin: Fraction, end: Fraction, voice: int) -> Note:
    start, stop = max(tone.start, begin), min(tone.end, end)
    placed = dataclasses.replace(
        tone.note, start=start - begin, duration=stop - start, voice=voice, tie=stop < tone.end, staff=0
    )
    if start == tone.start:
        return placed
    return dataclasses.replace(placed, grace=(), lyrics=(), marks=(), slur_start=0, slur_stop=0)
