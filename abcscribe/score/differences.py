"""What of a score another one does not keep, in words: the measure of every reader, writer and round trip.

Two scores are the same if a musician would play the same from them: how a duration is cut into tied values and which
numbers the voices have does not matter. Performance, confidence and seconds are not compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction

from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import DIRECTIONS, Bar, Note, Part, Pitch, Score, Tempo
from abcscribe.score.percussion import key_pitch
from abcscribe.score.repeats import ending_stops, sections, turns, with_plain_repeats
from abcscribe.score.transpose import transposition

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
    elif not _stops(expected) <= ending_stops(with_plain_repeats(found)).keys():
        yield "lengths of endings"
    if [sorted(bar.signs) for bar in expected] != [sorted(bar.signs) for bar in found]:
        yield "jumps"
    if [_line(bar.words) for bar in expected] != [_line(bar.words) for bar in found]:
        yield "words of tempo"
    if [bar.harmonies for bar in expected] != [bar.harmonies for bar in found]:
        yield "chord symbols"
    if _lines(expected) != _lines(found):
        yield "bar lines"


def _part_differences(expected: Score, part: Part, found: Score, other: Part) -> Iterator[str]:
    if _line(part.name) != _line(other.name):
        yield "name"
    if part.program != other.program:
        yield "program"
    if [(staff.clef, len(staff.voices)) for staff in part.staves] != [(s.clef, len(s.voices)) for s in other.staves]:
        yield "staves"
    if transposition(part)[1] != transposition(other)[1]:
        yield "transposition"
    if (part.tuning, part.capo) != (other.tuning, other.capo):
        yield "tuning or capo"
    for kind in DIRECTIONS:
        if _directions(expected, part, kind) != _directions(found, other, kind):
            yield kind
    for number, (voice, twin) in enumerate(zip(part.voices, other.voices, strict=False), 1):
        if _sounded(expected, part, voice) != _sounded(found, other, twin):
            yield f"voice {number} notes"
        signs, others = _signs(expected, part, voice), _signs(found, other, twin)
        yield from (f"voice {number} {what}" for what in SIGNS if signs[what] != others[what])


# What a note carries besides its sound -> where it stands
SIGNS: dict[str, Callable[[Note], object]] = {
    "words": lambda note: tuple(s and (_line(s.text), s.joined, s.held) for s in note.lyrics),
    "marks": lambda note: tuple(sorted(note.marks)),
    "slurs": lambda note: (note.slur_start, note.slur_stop) if note.slur_start or note.slur_stop else (),
    "small notes behind": lambda note: note.after,
    "strings and frets": lambda note: (note.string, note.fret) if note.fret is not None else (),
    "heads": lambda note: (note.head, note.line) if note.head or note.line else (),
    "staves of single notes": lambda note: (note.staff,) if note.staff else (),
}


def _signs(score: Score, part: Part, voice: int) -> dict[str, Counter[tuple[Fraction, object]]]:
    """By name of SIGNS what the notes of a voice carry, each at the onset of the note that was struck."""
    found: dict[str, Counter[tuple[Fraction, object]]] = {what: Counter() for what in SIGNS}
    held: dict[int, tuple[Fraction, Fraction]] = {}  # MIDI -> (onset, end) of what is tied into the next note
    for bar_start, notes in zip(score.bar_starts(), score.voice_bars(part, voice), strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            onset = bar_start + note.start
            struck, end = held.pop(note.pitch.midi, (onset, onset))
            struck = struck if end == onset else onset
            if note.tie:
                held[note.pitch.midi] = (struck, bar_start + note.end)
            for what, read in SIGNS.items():
                if value := read(note):
                    found[what][struck, value] += 1
    return found


def _directions(score: Score, part: Part, kind: str) -> Counter[tuple[Fraction, str, int]]:
    """Signs by their time in the piece: at the end of a bar or the beginning of the next one is the same."""
    return Counter(
        (bar_start + sign.start, _line(sign.text), sign.staff)
        for bar_start, signs in zip(score.bar_starts(), part.directions, strict=False)
        for sign in signs
        if sign.kind == kind
    )


def _lines(bars: tuple[Bar, ...]) -> list[str]:
    """Special bar lines inside of the piece; a bracket that closes may have a double one, a repeat has its own."""
    stops = ending_stops(bars)
    repeats = {i for i, bar in enumerate(bars[1:]) if bar.repeat_start}
    return ["" if i in stops or i in repeats or i + 1 == len(bars) else bar.line for i, bar in enumerate(bars)]


def _sounded(score: Score, part: Part, voice: int) -> Counter[Sounded]:
    """The notes of a voice with ties merged. A tie that leads nowhere is none; grace notes belong to a whole chord."""
    whole: Counter[Sounded] = Counter()
    held: dict[int, list[Sounded]] = defaultdict(list)  # MIDI -> what is tied into the next note; unisons are several
    for bar_start, notes in zip(score.bar_starts(), score.voice_bars(part, voice), strict=False):
        for note in sorted(notes, key=lambda n: n.start):
            onset, waiting = bar_start + note.start, held[note.pitch.midi]
            pitch = key_pitch(note.pitch.midi) if part.program == PERCUSSION else note.pitch
            sounded: Sounded = (onset, note.duration, pitch)
            earlier = next((tied for tied in waiting if tied[0] + tied[1] == onset), None)
            if earlier:
                waiting.remove(earlier)
                sounded = (earlier[0], earlier[1] + note.duration, earlier[2])
            if note.grace:
                drums = part.program == PERCUSSION
                whole[onset, Fraction(0), tuple(key_pitch(p.midi) if drums else p for p in note.grace)] += 1
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


def _repeats(bars: tuple[Bar, ...]) -> list[tuple[bool, bool, int, str]]:
    """Signs are compared in the form in which every score is written; a repeat goes back to the beginning anyway."""
    plain = with_plain_repeats(bars)
    played = {i: turns(plain, section, endings) for section, endings in sections(plain) for i in section}
    return [
        (bar.repeat_start and i > 0, bar.repeat_end, played[i] if bar.repeat_end else 1, bar.ending)
        for i, bar in enumerate(plain)
    ]


def _stops(bars: tuple[Bar, ...]) -> set[int]:
    """The bars at which brackets close, as far as the score itself says so."""
    plain = with_plain_repeats(bars)
    return {i for i in ending_stops(plain) if plain[i].ending_stop}


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
