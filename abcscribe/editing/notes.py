"""Operations on notes. Each takes a score and gives a new one; notes are named by the ids of `timeline.identified`.

A note that is tied over is one note here: what is done to one of its pieces is done to all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from abcscribe.editing.timeline import Held, held_notes, of_chord, written
from abcscribe.errors import AbcscribeError
from abcscribe.score.model import STEP_SEMITONES, STEPS, Key, Part, Pitch, Score, Staff
from abcscribe.score.spelling import spell

LOWEST, HIGHEST = 0, 127  # MIDI

Repitch = Callable[[Pitch, Key], Pitch]


class EditError(AbcscribeError):
    """An edit that cannot be made in this score."""


def repitched(score: Score, ids: Collection[str], change: Repitch) -> Score:
    """The score with ``change`` applied to the pitch of these notes."""
    starts = score.bar_starts()

    def changed(held: Held) -> Held:
        pitch = change(held.pitch, score.bars[bisect_right(starts, held.onset) - 1].key)
        if not LOWEST <= pitch.midi <= HIGHEST:
            raise EditError("A note cannot be so high or so low.")
        return replace(held, pitch=pitch)

    return _each(score, ids, changed)


def by_semitones(semitones: int) -> Repitch:
    """Up or down chromatically, spelled for the key; whole octaves keep the name."""

    def change(pitch: Pitch, key: Key) -> Pitch:
        if semitones % 12 == 0:
            return replace(pitch, octave=pitch.octave + semitones // 12)
        spelled = spell([pitch.midi + semitones], key)[0]
        if spelled.alter in (0, key.alter(spelled.step)):
            return spelled
        return next(_by_direction(pitch.midi + semitones, semitones > 0), spelled)

    return change


def _by_direction(midi: int, up: bool) -> Iterator[Pitch]:
    """Names of a pitch, sharps first on the way up, flats first on the way down."""
    for alter in (1, -1) if up else (-1, 1):
        for step in STEPS:
            octave, rest = divmod(midi - alter - STEP_SEMITONES[step], 12)
            if rest == 0:
                yield Pitch(step, alter, octave - 1)


def by_steps(steps: int) -> Repitch:
    """Up or down along the scale of the key."""

    def change(pitch: Pitch, key: Key) -> Pitch:
        octave, index = divmod(STEPS.index(pitch.step) + steps, len(STEPS))
        step = STEPS[index]
        return Pitch(step, max(-2, min(2, key.alter(step))), pitch.octave + octave)

    return change


def to_pitch(pitch: Pitch) -> Repitch:
    """This pitch, whatever it was."""
    return lambda _pitch, _key: pitch


def with_alter(alter: int) -> Repitch:
    """The same step with another accidental."""
    return lambda pitch, _key: replace(pitch, alter=alter)


def respelled(pitch: Pitch, _key: Key) -> Pitch:
    """The same key of the piano under another name: F sharp becomes G flat, and G flat F sharp."""
    up = pitch.alter > 0 or (pitch.alter == 0 and pitch.step in "BE")
    octave, index = divmod(STEPS.index(pitch.step) + (1 if up else -1), len(STEPS))
    other = Pitch(STEPS[index], 0, pitch.octave + octave)
    other = replace(other, alter=pitch.midi - other.midi)
    return other if abs(other.alter) <= 2 else pitch


def deleted(score: Score, ids: Collection[str]) -> Score:
    """The score without these notes; rests are left. What belongs to a chord stays with the notes that are left."""

    def change(notes: list[Held], chosen: Sequence[Held]) -> list[Held]:
        gone = set(chosen)
        left = [held for held in notes if held not in gone]
        inherited = {(held.onset, held.voice): found for held in chosen if (found := of_chord(held.pieces[0]))}
        return [_inheriting(held, inherited.pop((held.onset, held.voice), None)) for held in left]

    return _changed(score, ids, change)


def _inheriting(held: Held, carried: dict[str, Any] | None) -> Held:
    if not carried or not held.pieces:
        return held
    return replace(held, pieces=(replace(held.pieces[0], **carried), *held.pieces[1:]))


def lengthened(score: Score, ids: Collection[str], duration: Fraction) -> Score:
    """The notes, with the chords that they belong to, as long as ``duration``. What follows in the voice gives way."""

    def change(notes: list[Held], chosen: Sequence[Held]) -> list[Held]:
        for onset, voice in sorted({(held.onset, held.voice) for held in chosen}):
            chord = [held for held in notes if held.voice == voice and held.onset == onset]
            others = [held for held in notes if held.voice != voice or held.onset != onset]
            if chord:
                notes = [
                    *cleared(others, voice, onset, onset + duration),
                    *(replace(h, duration=duration) for h in chord),
                ]
        return notes

    return _changed(score, ids, change)


def shifted(score: Score, ids: Collection[str], quarters: Fraction) -> Score:
    """The notes earlier or later; what is in their way in their voice gives way."""
    end = score.bar_starts()[-1]

    def change(notes: list[Held], chosen: Sequence[Held]) -> list[Held]:
        moved = [replace(held, onset=held.onset + quarters) for held in chosen]
        if any(held.onset < 0 or held.onset >= end for held in moved):
            raise EditError("There is no bar to move the note to.")
        others = [held for held in notes if held not in chosen]
        for held in moved:
            others = cleared(others, held.voice, held.onset, held.end)
        return [*others, *moved]

    return _changed(score, ids, change)


def tied(score: Score, ids: Collection[str], tie: bool) -> Score:
    """The notes tied to the next ones of their pitch and voice, or no longer tied."""

    def change(notes: list[Held], chosen: Sequence[Held]) -> list[Held]:
        for held in chosen:
            notes = _joined(notes, held) if tie else _parted(notes, held, ids)
        return notes

    return _changed(score, ids, change)


def added(score: Score, part: int, voice: int, onset: Fraction, duration: Fraction, pitch: Pitch) -> Score:
    """One note more: in a chord, if one begins there in the voice, else in the place of whatever sounds there."""
    notes = held_notes(score, part)
    chord = [held for held in notes if held.voice == voice and held.onset == onset]
    if any(held.pitch.midi == pitch.midi for held in chord):
        raise EditError(f"{pitch} is there already.")
    if chord:
        duration = chord[0].duration
    others = cleared([h for h in notes if h not in chord], voice, onset, onset + duration)
    new = Held(onset, duration, pitch, voice)
    return with_part(score, part, written(score, score.parts[part], [*others, *chord, new], {voice}))


def moved(score: Score, ids: Collection[str], part: int, voice: int, staff: int | None = None) -> Score:
    """The notes in another part or voice. A voice that is not there yet is made on ``staff``."""
    if not any(set(ids) & set(held.ids) for index in range(len(score.parts)) for held in held_notes(score, index)):
        raise EditError("That note is not in this version of the score.")
    goal = with_voice(score.parts[part], voice, staff)
    coming: list[Held] = []
    parts: list[Part] = []
    for index, own in enumerate(score.parts):
        chosen, others = _divided(held_notes(score, index), ids)
        coming += [replace(held, voice=voice) for held in chosen]
        touched = {held.voice for held in chosen}
        parts.append(written(score, own, others, touched) if touched else own)
    parts[part] = replace(parts[part], staves=goal.staves)
    between = replace(score, parts=tuple(parts))
    parts[part] = written(between, parts[part], [*held_notes(between, part), *coming], {voice})
    return replace(score, parts=tuple(without_empty_voices(p) for p in parts))


def with_voice(part: Part, voice: int, staff: int | None) -> Part:
    """The part with a staff that has this voice."""
    if voice in part.voices:
        return part
    if not 1 <= voice <= max(part.voices, default=0) + 1:
        raise EditError(
            f"The part has no voice {voice}, and the next new one would be {max(part.voices, default=0) + 1}."
        )
    place = staff if staff is not None and 0 <= staff < len(part.staves) else len(part.staves) - 1
    staves = [Staff(s.clef, (*s.voices, voice)) if i == place else s for i, s in enumerate(part.staves)]
    return replace(part, staves=tuple(staves))


def without_empty_voices(part: Part) -> Part:
    """The part without voices that never play, but for one on each staff."""
    playing = {note.voice for bar in part.bars for note in bar}
    staves = []
    for staff in part.staves:
        voices = tuple(voice for voice in staff.voices if voice in playing) or staff.voices[:1]
        staves.append(replace(staff, voices=voices))
    return replace(part, staves=tuple(staves))


def cleared(notes: Iterable[Held], voice: int, onset: Fraction, end: Fraction) -> list[Held]:
    """The notes with nothing of ``voice`` between two moments: what begins before ends there, what goes on begins
    later, what lies inside is gone."""
    left: list[Held] = []
    for held in notes:
        if held.voice != voice or held.end <= onset or held.onset >= end:
            left.append(held)
        elif held.onset < onset:
            left.append(replace(held, duration=onset - held.onset))
        elif held.end > end:
            left.append(replace(held, onset=end, duration=held.end - end))
    return left


def _each(score: Score, ids: Collection[str], change: Callable[[Held], Held]) -> Score:
    def all_changed(notes: list[Held], chosen: Sequence[Held]) -> list[Held]:
        wanted = set(chosen)
        return [change(held) if held in wanted else held for held in notes]

    return _changed(score, ids, all_changed)


def _changed(score: Score, ids: Collection[str], change: Callable[[list[Held], Sequence[Held]], list[Held]]) -> Score:
    """The score with ``change(notes, chosen notes)`` in every part that has one of the notes."""
    found: set[str] = set()
    for index, part in enumerate(score.parts):
        notes = held_notes(score, index)
        chosen, _ = _divided(notes, ids)
        if chosen:
            found.update(name for held in chosen for name in held.ids)
            new = written(score, part, change(notes, chosen), {held.voice for held in chosen})
            score = with_part(score, index, new)
    if not found.issuperset(ids) or not ids:
        raise EditError("That note is not in this version of the score.")
    return score


def _divided(notes: Iterable[Held], ids: Collection[str]) -> tuple[list[Held], list[Held]]:
    wanted = set(ids)
    chosen: list[Held] = []
    others: list[Held] = []
    for held in notes:
        (others if wanted.isdisjoint(held.ids) else chosen).append(held)
    return chosen, others


def with_part(score: Score, index: int, part: Part) -> Score:
    """The score with another part in the place of one."""
    return replace(score, parts=(*score.parts[:index], part, *score.parts[index + 1 :]))


def _joined(notes: list[Held], held: Held) -> list[Held]:
    following = next(
        (n for n in notes if n.onset == held.end and n.voice == held.voice and n.pitch.midi == held.pitch.midi), None
    )
    held = next(n for n in notes if set(held.ids) & set(n.ids))  # as it is by now
    if following is None:
        raise EditError(f"No {held.pitch} follows to which the note could be tied.")
    pieces, ids = (*held.pieces, *following.pieces), (*held.ids, *following.ids)
    whole = replace(held, duration=held.duration + following.duration, pieces=pieces, ids=ids)
    return [*(n for n in notes if n is not held and n is not following), whole]


def _parted(notes: list[Held], held: Held, ids: Collection[str]) -> list[Held]:
    """The note in two, behind the first of its pieces that is named."""
    place = next(i for i, name in enumerate(held.ids) if name in ids) + 1
    if place == len(held.pieces):
        raise EditError("The note is not tied to a next one.")
    length = sum((piece.duration for piece in held.pieces[:place]), Fraction(0))
    first = replace(held, duration=length, pieces=held.pieces[:place], ids=held.ids[:place])
    second = replace(
        held,
        onset=held.onset + length,
        duration=held.duration - length,
        pieces=held.pieces[place:],
        ids=held.ids[place:],
    )
    return [*(n for n in notes if n is not held), first, second]
