"""A part as notes that sound - ties joined, time from the start of the piece - and back into bars.

Editing is easy on sounding notes and hard on tied pieces. `written` cuts notes again at bar lines, and wherever another
note of their voice begins or ends while they sound, so that whatever was done to the notes, each voice is a row of
chords and the score adds up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from abcscribe.score.model import Note, Part, Pitch, Score


@dataclass(frozen=True, slots=True)
class Held:
    """One sounding note of a part."""

    onset: Fraction  # quarters from the start of the piece
    duration: Fraction
    pitch: Pitch
    voice: int
    pieces: tuple[Note, ...] = ()  # as it is written; empty for a new note
    ids: tuple[str, ...] = ()  # of the pieces

    @property
    def end(self) -> Fraction:
        return self.onset + self.duration


def note_id(part: int, bar: int, voice: int, index: int) -> str:
    """The name of the ``index``-th note of a voice in a bar; it holds for one version of a score."""
    return f"n{part}.{bar}.{voice}.{index}"


def identified(part: Part, index: int) -> Iterator[tuple[int, Note, str]]:
    """(bar, note, id) of every note of the part with that index."""
    for bar, notes in enumerate(part.bars):
        counts: dict[int, int] = defaultdict(int)
        for note in notes:
            yield bar, note, note_id(index, bar, note.voice, counts[note.voice])
            counts[note.voice] += 1


def held_notes(score: Score, index: int) -> list[Held]:
    """The notes of a part, tied pieces joined, by onset."""
    starts = score.bar_starts()
    open_ties: dict[tuple[int, int], Held] = {}
    found: list[Held] = []
    for bar, note, name in sorted(identified(score.parts[index], index), key=lambda item: (item[0], item[1].start)):
        onset, key = starts[bar] + note.start, (note.voice, note.pitch.midi)
        before = open_ties.pop(key, None)
        if before and before.end == onset:
            pieces, ids = (*before.pieces, note), (*before.ids, name)
            held = replace(before, duration=before.duration + note.duration, pieces=pieces, ids=ids)
        else:
            found.extend([before] if before else [])
            held = Held(onset, note.duration, note.pitch, note.voice, (note,), (name,))
        if note.tie:
            open_ties[key] = held
        else:
            found.append(held)
    found.extend(open_ties.values())
    return sorted(found, key=_order)


def written(score: Score, part: Part, notes: Iterable[Held], voices: Iterable[int] | None = None) -> Part:
    """The part with ``notes`` in place of its own.

    Args:
        voices: only these are written anew, the others stay as they are (and ``notes`` of them are not looked at).
    """
    starts = score.bar_starts()
    anew = set(part.voices if voices is None else voices)
    by_bar = [[note for note in bar if note.voice not in anew] for bar in part.bars]
    for voice in sorted(anew):
        own = _fitting([note for note in notes if note.voice == voice], starts[-1])
        for bar, note in _pieces(own, starts):
            by_bar[bar].append(note)
    return replace(part, bars=tuple(tuple(_ordered(bar)) for bar in by_bar))


# What belongs to a whole chord, of which its first note carries it: the score model says so.
OF_CHORDS: dict[str, Any] = {"grace": (), "after": (), "marks": (), "slur_start": 0, "slur_stop": 0, "lyrics": ()}


def of_chord(note: Note) -> dict[str, Any]:
    """What a note carries for its chord."""
    carried = {name: getattr(note, name) for name in OF_CHORDS}
    return carried if carried != OF_CHORDS else {}


def _ordered(notes: list[Note]) -> Iterator[Note]:
    """The notes of a bar in the model's order, with what belongs to a chord on its first note."""
    notes.sort(key=lambda n: (n.voice, n.start, n.pitch.midi, n.pitch.step))
    for _, group in groupby(notes, key=lambda n: (n.voice, n.start)):
        chord = list(group)
        carried = next((found for note in chord if (found := of_chord(note))), None)
        if carried and len(chord) > 1:
            chord = [replace(chord[0], **carried), *(replace(note, **OF_CHORDS) for note in chord[1:])]
        yield from chord


def _order(note: Held) -> tuple[Fraction, int, int]:
    return note.onset, note.voice, note.pitch.midi


def _fitting(notes: Sequence[Held], end: Fraction) -> list[Held]:
    """The notes within the piece; of two of a pitch that overlap, the earlier one ends where the later one begins, and
    of two that begin together the longer one stays."""
    fitting: list[Held] = []
    last: dict[int, int] = {}  # pitch -> index in ``fitting``
    for note in sorted(notes, key=lambda n: (n.onset, -n.duration)):
        onset, stop = max(note.onset, Fraction(0)), min(note.end, end)
        if onset >= stop:
            continue
        before = last.get(note.pitch.midi)
        if before is not None and fitting[before].onset == onset:
            continue
        if before is not None and fitting[before].end > onset:
            fitting[before] = replace(fitting[before], duration=onset - fitting[before].onset)
        last[note.pitch.midi] = len(fitting)
        fitting.append(replace(note, onset=onset, duration=stop - onset))
    return fitting


def _pieces(notes: Sequence[Held], starts: Sequence[Fraction]) -> Iterator[tuple[int, Note]]:
    """Each note cut at bar lines and where others of the voice begin or end: (bar, piece)."""
    cuts = sorted({*starts, *(moment for note in notes for moment in _moments(note))})
    for note in notes:
        kept = _kept(note, starts, cuts)
        if kept:
            yield from kept
            continue
        inside = [note.onset, *cuts[bisect_right(cuts, note.onset) : bisect_left(cuts, note.end)], note.end]
        for begin, end in pairwise(inside):
            bar = bisect_right(starts, begin) - 1
            piece = _piece(note, begin == note.onset)
            yield bar, replace(piece, start=begin - starts[bar], duration=end - begin, tie=end < note.end)


def _moments(note: Held) -> Iterator[Fraction]:
    """When a note and its pieces begin and end."""
    yield note.onset
    yield note.end
    if _is_whole(note):
        moment = note.onset
        for piece in note.pieces[:-1]:
            moment += piece.duration
            yield moment


def _is_whole(note: Held) -> bool:
    return sum(piece.duration for piece in note.pieces) == note.duration


def _kept(note: Held, starts: Sequence[Fraction], cuts: Sequence[Fraction]) -> list[tuple[int, Note]]:
    """The pieces as they were, if they still write the note: ties within a bar that someone chose are kept."""
    if not _is_whole(note):
        return []
    found, begin = [], note.onset
    for i, piece in enumerate(note.pieces):
        bar, end = bisect_right(starts, begin) - 1, begin + piece.duration
        if cuts[bisect_right(cuts, begin)] < end:
            return []
        tie = i + 1 < len(note.pieces)
        new = replace(piece, start=begin - starts[bar], pitch=note.pitch, voice=note.voice, tie=tie)
        found.append((bar, new))
        begin = end
    return found


def _piece(note: Held, first: bool) -> Note:
    """A piece with what the written note carries beside pitch and time, such as grace notes, on the first one."""
    if note.pieces and first:
        return replace(note.pieces[0], pitch=note.pitch, voice=note.voice)
    return Note(Fraction(0), Fraction(1), note.pitch, note.voice)
