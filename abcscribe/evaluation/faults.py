"""Faults of a transcription, one at a time, that the metrics must distinguish.

Each turns a right score into one that is wrong in one way only. ``benchmarks/faults.py`` makes the table of the metrics
that change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from fractions import Fraction

from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Tempo

WRONG_NOTE = 3  # every third note of a voice is made wrong, or lost
LOOP = 2  # bars that are played again and again


def octave_up(score: Score) -> Score:
    """Every pitch an octave too high."""
    return _with_notes(score, lambda i, n: dataclasses.replace(n, pitch=_moved(n.pitch, octaves=1)))


def wrong_pitches(score: Score) -> Score:
    """Every third note a step too high."""
    return _with_notes(score, lambda i, n: dataclasses.replace(n, pitch=_stepped(n.pitch)) if not i % WRONG_NOTE else n)


def lost_notes(score: Score) -> Score:
    """Every third note missing."""
    return _with_notes(score, lambda i, n: n if i % WRONG_NOTE else None)


def clipped(score: Score) -> Score:
    """Every note half as long as written, a rest after it."""
    return _with_notes(score, lambda i, n: dataclasses.replace(n, duration=n.duration / 2, tie=False))


def shifted(score: Score) -> Score:
    """All bar lines a beat early: the piece begins on the second beat."""
    metre = _metre(score)
    return _rebarred(score, metre, metre.beat)


def metre_doubled(score: Score) -> Score:
    """Two bars written as one of twice the beats."""
    metre = _metre(score)
    return _rebarred(score, Metre(2 * metre.beats, metre.unit), Fraction(0))


def values_doubled(score: Score) -> Score:
    """All in twice the note values at twice the tempo, in the same metre: it sounds the same."""
    bars = tuple(_faster(bar, 2) for bar in score.bars for _ in range(2))
    long = [_scaled(part, score.bars, 2) for part in score.parts]
    return dataclasses.replace(score, bars=bars, parts=tuple(long))


def tempo_halved(score: Score) -> Score:
    """The metronome mark half of what it is."""
    return dataclasses.replace(score, bars=tuple(_faster(bar, Fraction(1, 2)) for bar in score.bars))


def wrong_key(score: Score) -> Score:
    """The key a fifth too high, the notes as they are."""
    bars = tuple(dataclasses.replace(bar, key=Key(bar.key.fifths + 1, bar.key.mode)) for bar in score.bars)
    return dataclasses.replace(score, bars=bars)


def instruments_exchanged(score: Score) -> Score:
    """The first and the last part play each other's notes."""
    first, *middle, last = score.parts
    exchanged = [dataclasses.replace(last, bars=first.bars), *middle, dataclasses.replace(first, bars=last.bars)]
    return dataclasses.replace(score, parts=tuple(exchanged))


def all_on_piano(score: Score) -> Score:
    """Every part given to the piano."""
    return dataclasses.replace(score, parts=tuple(dataclasses.replace(part, program=0) for part in score.parts))


def looping(score: Score) -> Score:
    """The first two bars again and again, to the end."""
    order = [i % LOOP for i in range(len(score.bars))]
    parts = tuple(dataclasses.replace(part, bars=tuple(part.bars[i] for i in order)) for part in score.parts)
    return dataclasses.replace(score, parts=parts)


FAULTS: dict[str, Callable[[Score], Score]] = {
    "every pitch an octave up": octave_up,
    "every third pitch wrong": wrong_pitches,
    "every third note lost": lost_notes,
    "every note half as long": clipped,
    "bars shifted by a beat": shifted,
    "metre doubled": metre_doubled,
    "note values doubled": values_doubled,
    "tempo halved": tempo_halved,
    "key a fifth up": wrong_key,
    "outer instruments exchanged": instruments_exchanged,
    "all on the piano": all_on_piano,
    "two bars in a loop": looping,
}


def _metre(score: Score) -> Metre:
    metre = score.bars[0].metre
    assert metre is not None
    return metre


def _with_notes(score: Score, change: Callable[[int, Note], Note | None]) -> Score:
    """The score with each note changed or, for None, taken out; notes are counted from 0 in each part."""
    parts = []
    for part in score.parts:
        count = iter(range(sum(map(len, part.bars))))
        bars = (tuple(new for n in bar if (new := change(next(count), n))) for bar in part.bars)
        parts.append(dataclasses.replace(part, bars=tuple(bars)))
    return dataclasses.replace(score, parts=tuple(parts))


def _moved(pitch: Pitch, octaves: int) -> Pitch:
    return dataclasses.replace(pitch, octave=pitch.octave + octaves)


def _stepped(pitch: Pitch) -> Pitch:
    step = "CDEFGAB".index(pitch.step) + 1
    return Pitch("CDEFGAB"[step % 7], pitch.alter, pitch.octave + step // 7)


def _faster(bar: Bar, factor: int | Fraction) -> Bar:
    return dataclasses.replace(bar, tempo=bar.tempo and Tempo(float(bar.tempo.bpm * factor), bar.tempo.beat))


def _rebarred(score: Score, metre: Metre, offset: Fraction) -> Score:
    """The same notes, ``offset`` quarters later, under other bar lines."""
    count = -(-(score.bar_starts()[-1] + offset) // metre.length)
    bars = tuple(dataclasses.replace(score.bars[0], length=metre.length, metre=metre) for _ in range(count))
    parts = []
    for part in score.parts:
        cells: list[list[Note]] = [[] for _ in bars]
        for start, notes in zip(score.bar_starts(), part.bars, strict=False):
            for note in notes:
                for index, piece in _pieces(note, start + offset + note.start, metre.length):
                    cells[index].append(piece)
        parts.append(dataclasses.replace(part, bars=tuple(map(tuple, cells))))
    return dataclasses.replace(score, bars=bars, parts=tuple(parts))


def _scaled(part: Part, bars: tuple[Bar, ...], factor: int) -> Part:
    """A part in longer note values, each bar spread over ``factor`` bars of the same length."""
    cells: list[list[Note]] = [[] for _ in range(factor * len(bars))]
    for index, (bar, notes) in enumerate(zip(bars, part.bars, strict=True)):
        for note in notes:
            long = dataclasses.replace(note, duration=note.duration * factor)
            for offset, piece in _pieces(long, note.start * factor, bar.length):
                cells[factor * index + offset].append(piece)
    return dataclasses.replace(part, bars=tuple(map(tuple, cells)))


def _pieces(note: Note, onset: Fraction, length: Fraction) -> Iterator[tuple[int, Note]]:
    """(bar, note) for each bar of ``length`` that a note at ``onset`` sounds in, tied."""
    end = onset + note.duration
    while onset < end:
        index = int(onset // length)
        stop = min(end, (index + 1) * length)
        tie = note.tie if stop == end else True
        yield index, dataclasses.replace(note, start=onset - index * length, duration=stop - onset, tie=tie)
        onset = stop
