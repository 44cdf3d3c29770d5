"""What of a score another one does not keep, in words: the measure of every reader, writer and round trip.

Two scores are the same if a musician would play the same from them: how a duration is cut into tied values and which
numbers the voices have does not matter. Performance, confidence and seconds are not compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

from abcscribe.score.model import Bar, Part, Pitch, Score, Tempo
from abcscribe.score.repeats import with_plain_repeats

# (onset in quarters from the start of the piece, duration, pitch); grace notes: (onset, 0, all of them)
Sounded = tuple[Fraction, Fraction, Pitch | tuple[Pitch, ...]]


def differences(expected: Score, found: Score) -> list[str]:
    """What ``found`` does not keep of ``expected``: ``"part 1 voice 2 notes"``, ``"bar lengths"``. Empty: nothing."""
    return list(_differences(expected, found))


def _differences(expected: Score, found: Score) -> Iterator[str]:
    if _line(expected.title) != _line(found.title):
        yield "title"
    if _line(expected.composer) != _line(found.composer):
        yield "composer"
    yield from _bar_differences(expected.bars, found.bars)
    if len(expected.parts) != len(found.parts):
        yield "number of parts"
        return
    for number, (part, other) in enumerate(zip(expected.parts, found.parts, strict=True), 1):
        for what in _part_differences(expected, part, found, other):
            yield f"part {number} {what}"


def _bar_differences(expected: tuple[Bar, ...], found: tuple[Bar, ...]) -> Iterator[str]:
    if [bar.length for bar in expected] != [bar.length for bar in found]:
        yield "bar lengths"
    if [bar.metre for bar in expected] != [bar.metre for bar in found]:
        yield "metre"
    if [bar.key for bar in expected] != [bar.key for bar in found]:
        yield "key"
    if _tempos(expected) != _tempos(found):
        yield "tempo"
    if _repeats(expected) != _repeats(found):
        yield "repeats"


def _part_differences(expected: Score, part: Part, found: Score, other: Part) -> Iterator[str]:
    if _line(part.name) != _line(other.name):
        yield "name"
    if part.program != other.program:
        yield "program"
    if [(staff.clef, len(staff.voices)) for staff in part.staves] != [(s.clef, len(s.voices)) for s in other.staves]:
        yield "staves"
    for number, (voice, twin) in enumerate(zip(part.voices, other.voices, strict=False), 1):
        if _sounded(expected, part, voice) != _sounded(found, other, twin):
            yield f"voice {number} notes"


def _sounded(score: Score, part: Part, voice: int) -> Counter[Sounded]:
    """The notes of a voice with ties merged. A tie that leads nowhere is none; grace notes belong to a whole chord."""
    whole: Counter[Sounded] = Counter()
    held: dict[int, list[Sounded]] = defaultdict(list)  # MIDI -> what is tied into the next note; unisons are several
    for bar_start, notes in zip(score.bar_starts(), score.voice_bars(part, voice), strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            onset, waiting = bar_start + note.start, held[note.pitch.midi]
            sounded: Sounded = (onset, note.duration, note.pitch)
            earlier = next((tied for tied in waiting if tied[0] + tied[1] == onset), None)
            if earlier:
                waiting.remove(earlier)
                sounded = (earlier[0], earlier[1] + note.duration, earlier[2])
            if note.grace:
                whole[onset, Fraction(0), note.grace] += 1
            if note.tie:
                waiting.append(sounded)
            else:
                whole[sounded] += 1
    for waiting in held.values():
        whole.update(waiting)
    return whole


def _tempos(bars: tuple[Bar, ...]) -> list[Tempo | None]:
    """The tempo in force at each bar, to a hundredth of a beat a minute."""
    in_force: list[Tempo | None] = []
    for bar in bars:
        tempo = Tempo(round(bar.tempo.bpm, 2), bar.tempo.beat) if bar.tempo else None
        in_force.append(tempo or (in_force[-1] if in_force else None))
    return in_force


def _repeats(bars: tuple[Bar, ...]) -> list[tuple[bool, bool, str]]:
    """Signs are compared in the form in which every score is written."""
    return [(bar.repeat_start, bar.repeat_end, bar.ending) for bar in with_plain_repeats(bars)]


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
