"""Score -> canonical ABC 2.1, one text for one score, the same in every run.

The dialect is the part of ABC 2.1 on which abc2midi, abcjs, lytk and music21 agree (docs/abc.md describes it): a header
of ``X T C %%score M L Q K``, then voice by voice a ``V:`` line with name and clef, its ``%%MIDI`` line and its music,
four bars a line. Where those programs disagree about how far an accidental holds - for its octave or for all octaves,
for its voice or for its staff - the accidental is written again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise, zip_longest

from abcscribe.score import percussion
from abcscribe.score.abc_text import escape
from abcscribe.score.abc_words import Around, around, decorations, drum_names, end_signs, lyric_lines, start_signs
from abcscribe.score.durations import Value, bar_offsets, chords, write_rhythm
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Bar, Key, Metre, Note, Part, Pitch, Score, Staff, Syllable, Tempo
from abcscribe.score.repeats import changing_repeats, with_plain_repeats
from abcscribe.score.spelling import FIFTHS, spell

BARS_PER_LINE = 4
MODE_SUFFIXES = {
    "major": "", "minor": "m", "ionian": "Ion", "dorian": "Dor", "phrygian": "Phr", "lydian": "Lyd",
    "mixolydian": "Mix", "aeolian": "Aeo", "locrian": "Loc",
}  # fmt: skip
ACCIDENTALS = {-2: "__", -1: "_", 0: "=", 1: "^", 2: "^^"}
CLEF_OCTAVES = {"-8": 1, "+8": -1}  # how far above the sounding octave a clef is written (ABC 2.1, 4.6)
VERSION_LINE = "%abc-2.1"  # without it music21 lets an accidental hold for one note only
_LINES = {"double": "||", "final": "|]", "dashed": ".|"}
_UNITS = (Fraction(1, 2), Fraction(1), Fraction(1, 4))  # quarters in L:, the preferred first

Chord = tuple[Note, ...]
Events = list[Chord]  # of one voice in a bar
StepUses = dict[str, tuple[set[int], set[int]]]  # step -> (its alterations, the voices that have it)


@dataclass(frozen=True, slots=True)
class _Voice:
    """One ``V:`` of the text."""

    id: int
    part: Part
    clef: str
    leads_part: bool  # the part's first voice carries its name
    leads_staff: bool  # other voices of the staff have invisible rests
    staff_uses: list[StepUses]  # by bar, the same for all voices of the staff
    events: list[Events]  # by bar
    values: list[tuple[Value, ...]]  # by bar
    around: list[Around]  # by bar, what stands beside the notes
    drums: dict[tuple[int, Pitch], str]  # of a percussion part


def write_abc(score: Score, number: int = 1) -> str:
    """The text of a score as tune ``number``, ending in a newline."""
    score = replace(score, bars=with_plain_repeats(score.bars))
    voices = list(_voices(score))
    unit = _unit_length(value.written for voice in voices for values in voice.values for value in values)
    lines = list(_header(score, number, unit, voices))
    for voice in voices:
        lines.append(_voice_line(voice))
        lines.append(
            "%%MIDI channel 10" if voice.part.program == PERCUSSION else f"%%MIDI program {voice.part.program}"
        )
        lines.extend(f"%%MIDI drummap {name} {key}" for (key, _), name in voice.drums.items())
        lines.extend(_music(score, voice, unit))
    return "\n".join(lines) + "\n"


def _voices(score: Score) -> Iterator[_Voice]:
    offsets = bar_offsets(score.bars)
    number = 0
    for p, part in enumerate(score.parts):
        drums = drum_names(part)
        for s, staff in enumerate(part.staves):
            uses = _staff_uses(score, part, staff)
            for v, voice in enumerate(staff.voices):
                events = _joined([chords(notes) for notes in score.voice_bars(part, voice)], score.bars)
                rhythms = _rhythms(score, events, offsets)
                number += 1
                signs = beside(score, part, s + 1, p == s == 0) if v == 0 else [[] for _ in score.bars]
                yield _Voice(number, part, staff.clef, s == v == 0, v == 0, uses, events, rhythms, signs, drums)


def beside(score: Score, part: Part, staff: int, with_harmonies: bool) -> list[Around]:
    """By bar, what the first voice of a staff has to say beside its notes."""
    open_hairpins: list[str] = []
    found = []
    for i, bar in enumerate(score.bars):
        signs = [sign for sign in part.directions[i] if sign.staff == staff] if part.directions else []
        found.append(around(bar, signs, with_harmonies, open_hairpins))
    return found


def _joined(events: list[Events], bars: Sequence[Bar]) -> list[Events]:
    """The same chords with the ties that lead to the next chord and no others. In each chord the notes that are tied
    into it come first, in the order of the chord before: abc2midi ties the wrong ones otherwise."""
    places = [(i, chord) for i, bar_events in enumerate(events) for chord in bar_events]
    joined: list[Events] = [[] for _ in events]
    held: list[int] = []  # MIDI numbers tied into the chord
    for (i, chord), following in zip_longest(places, places[1:]):
        if held or any(note.tie for note in chord):
            ranks = {midi: rank for rank, midi in enumerate(held)}
            ordered = sorted(chord, key=lambda note: ranks.get(note.pitch.midi, len(ranks)))
            goals = {note.pitch.midi for note in following[1]} if _adjacent(i, chord, following, bars) else set()
            chord = tuple(replace(note, tie=note.tie and note.pitch.midi in goals) for note in ordered)
            held = [note.pitch.midi for note in chord if note.tie]
        joined[i].append(chord)
    return joined


def _adjacent(i: int, chord: Chord, following: tuple[int, Chord] | None, bars: Sequence[Bar]) -> bool:
    """Whether the next chord of the voice begins where the one in bar ``i`` ends."""
    if not following:
        return False
    j, next_chord = following
    end, start = chord[0].end, next_chord[0].start
    return end == start if i == j else j == i + 1 and end == bars[i].length and start == 0


def _rhythms(score: Score, events: list[Events], offsets: list[Fraction]) -> list[tuple[Value, ...]]:
    return [
        write_rhythm(tuple((c[0].start, c[0].duration) for c in bar_events), bar.length, bar.metre, offset)
        for bar, bar_events, offset in zip(score.bars, events, offsets, strict=True)
    ]


def _unit_length(written: Iterable[Fraction]) -> Fraction:
    """The L: that makes the shortest text, in quarters."""
    counts = Counter(written)
    return min(_UNITS, key=lambda unit: sum(n * len(_length(value / unit)) for value, n in counts.items()))


def _header(score: Score, number: int, unit: Fraction, voices: Sequence[_Voice]) -> Iterator[str]:
    first = score.bars[0] if score.bars else Bar(Fraction(4))
    yield VERSION_LINE
    yield f"X:{number}"
    yield f"T:{escape(score.title)}"
    if composer := escape(score.composer):
        yield f"C:{composer}"
    if any(len(part.voices) > 1 for part in score.parts):
        yield f"%%score {_systems(score)}"
    yield f"M:{_metre(first.metre)}"
    yield f"L:{unit / 4}"
    if first.tempo or first.words:
        yield f"Q:{_tempo(first.tempo, first.words)}"
    yield f"K:{_key(first.key)}"


def _systems(score: Score) -> str:
    """The argument of %%score: ``1 {(2 3) | 4}`` is a part of one voice and one of two staves."""
    number, systems = 0, []
    for part in score.parts:
        staves = []
        for staff in part.staves:
            names = [str(number + i + 1) for i in range(len(staff.voices))]
            number += len(names)
            if names:
                staves.append(names[0] if len(names) == 1 else f"({' '.join(names)})")
        systems.append(f"{{{' | '.join(staves)}}}" if len(staves) > 1 else "".join(staves))
    return " ".join(filter(None, systems))


def _voice_line(voice: _Voice) -> str:
    name = escape(voice.part.name, quoted=True) if voice.leads_part else ""
    label = f' name="{name}"' if name else ""
    return f"V:{voice.id}{label} clef={voice.clef}"


def _metre(metre: Metre | None) -> str:
    return str(metre) if metre else "none"


def _tempo(tempo: Tempo | None, words: str = "") -> str:
    number = f"{tempo.beat / 4}={round(tempo.bpm, 2):.10g}" if tempo else ""
    return f'"{escape(words, quoted=True)}" {number}'.strip() if words else number


@lru_cache
def _key(key: Key) -> str:
    """A key as all programs read it; a bare signature as ``D exp ^f ^c``. More than seven accidentals: none."""
    if abs(key.fifths) > 7 or (key.mode == "none" and key.fifths == 0):
        return "none"
    if key.mode == "none":
        signature = (ACCIDENTALS[key.alter(step)] + step.lower() for step in FIFTHS if key.alter(step))
        return f"{key.tonic} exp {' '.join(signature)}"
    return key.tonic + MODE_SUFFIXES[key.mode]


def _music(score: Score, voice: _Voice, unit: Fraction) -> Iterator[str]:
    """The lines of one voice: music, and fields where metre, key or tempo change or a repeat goes back behind a change.
    There they stand behind the repeat sign, since abc2midi repeats what it finds between the signs."""
    line: list[str] = []
    slots: list[tuple[Syllable | None, ...]] = []  # of the line's notes
    held: list[bool] = []
    full_bars = 0
    again = changing_repeats(score.bars)
    if voice.id > 1 and score.bars and 0 not in again and _key(score.bars[-1].key) != _key(score.bars[0].key):
        yield f"K:{_key(score.bars[0].key)}"  # music21 goes on in the last key of the voice before
    for i, bar in enumerate(score.bars):
        if not line:
            yield from _fields(bar, voice.id == 1) if i in again else _changes(score.bars, i, voice.id == 1)
            line, full_bars = ["|:"] if bar.repeat_start and (i == 0 or i not in again) else [], 0
        if bar.ending and line and line[-1] in ("|", ":|"):
            line[-1] += bar.ending
        elif bar.ending:
            line.append(f"[{bar.ending}")
        line.append(_signed_bar(score, voice, i, unit))
        slots.extend(_syllables(voice, i))
        full_bars += bar.metre is None or bar.length >= bar.metre.length or i > 0
        at_end = i + 1 == len(score.bars) or i + 1 in again
        ends_line = at_end or full_bars == BARS_PER_LINE or any(_changes(score.bars, i + 1, True))
        line.append(_bar_line(score.bars, i, ends_line and i + 1 not in again))
        if ends_line:
            yield " ".join(line)
            yield from lyric_lines(slots, held)
            line, slots = [], []


def _signed_bar(score: Score, voice: _Voice, i: int, unit: Fraction) -> str:
    """A bar with the jumps that its ends have, in the first voice alone."""
    text, bar = _bar(score, voice, i, unit), score.bars[i]
    return f"{start_signs(bar)}{text}{' ' * bool(end_signs(bar))}{end_signs(bar)}" if voice.id == 1 else text


def _syllables(voice: _Voice, i: int) -> Iterator[tuple[Syllable | None, ...]]:
    """What is sung on each written note of a bar."""
    before = None
    for value in voice.values[i]:
        if value.event is not None:
            event = voice.events[i][value.event]
            yield next((n.lyrics for n in event if n.lyrics), ()) if value.event != before else ()
        before = value.event


def _bar_line(bars: Sequence[Bar], i: int, alone: bool) -> str:
    """The bar line behind bar ``i``; if it is ``alone``, a repeat that starts there is written on the next line."""
    bar = bars[i]
    end = ("::|" if bar.times == 3 else ":|") if bar.repeat_end else ""
    if i + 1 == len(bars):
        return end or _LINES.get(bar.line, "|]")
    starts = bars[i + 1].repeat_start and not alone
    if end or starts:
        return "::" if end == ":|" and starts else end + ":" * starts if end else "|:"
    closes = bar.ending_stop and not bars[i + 1].ending
    return _LINES.get(bar.line) or ("||" if closes else "|")


def _fields(bar: Bar, with_tempo: bool) -> Iterator[str]:
    yield f"M:{_metre(bar.metre)}"
    yield f"K:{_key(bar.key)}"
    if with_tempo and (bar.tempo or bar.words):
        yield f"Q:{_tempo(bar.tempo, bar.words)}"


def _changes(bars: Sequence[Bar], i: int, with_tempo: bool) -> Iterator[str]:
    """Fields for what changes at bar ``i``: on lines of their own, since music21 skips them within a line."""
    if i == 0:
        return
    before, bar = bars[i - 1], bars[i]
    if bar.metre != before.metre:
        yield f"M:{_metre(bar.metre)}"
    if _key(bar.key) != _key(before.key):
        yield f"K:{_key(bar.key)}"
    tempo = bar.tempo if bar.tempo != before.tempo else None
    if with_tempo and (tempo or bar.words):
        yield f"Q:{_tempo(tempo, bar.words)}"


def _bar(score: Score, voice: _Voice, i: int, unit: Fraction) -> str:
    """The notes of one voice in one bar, neighbours in a beam without a space between them."""
    rest = "z" if voice.leads_staff else "x"
    events, values, beside = voice.events[i], voice.values[i], list(voice.around[i])
    if not values:
        return _rest(rest, Fraction(0), score.bars[i].length, unit, beside) + _rest_of(beside)
    pitches = _BarPitches(voice, i, score.bars[i].key)
    pieces: list[str] = []
    after: tuple[Pitch, ...] = ()  # grace notes that end the event before
    for v, value in enumerate(values):
        text = _tuplet(values, v) if value.bracket_start else ""
        following = values[v + 1].start if v + 1 < len(values) else score.bars[i].length
        if value.event is None:
            plain = value.actual == value.normal
            text += (
                _rest(rest, value.start, following, unit, beside)
                if plain
                else _taken(beside, following) + rest + _length(value.written / unit)
            )
        else:
            first = v == 0 or values[v - 1].event != value.event
            last = v + 1 == len(values) or values[v + 1].event != value.event
            text += _taken(beside, following)
            text += _chord(events[value.event], _length(value.written / unit), value.tied, first, last, pitches, after)
            after = next((note.after for note in events[value.event] if note.after), ()) if last else ()
        joined = value.beam and v and values[v - 1].beam == value.beam
        pieces.append(text if joined or not v else " " + text)
    if after:
        pieces.append(f" {{{''.join(pitches.write(pitch, enclosed=True) for pitch in after)}}}")
    return "".join(pieces) + _rest_of(beside)


def _rest(sign: str, start: Fraction, end: Fraction, unit: Fraction, beside: Around) -> str:
    """A rest, cut where a chord symbol or a dynamic stands inside of it."""
    cuts = rest_cuts(start, end, beside)
    return " ".join(_taken(beside, b) + sign + _length((b - a) / unit) for a, b in pairwise(cuts))


def rest_cuts(start: Fraction, end: Fraction, beside: Around) -> list[Fraction]:
    """Where the pieces of a rest begin, and its end: it is cut where something stands ``beside`` it."""
    inside = {at for at, _ in beside if start < at < end}
    return [start, *sorted(at for at in inside if _is_dyadic(at - start)), end]


def _is_dyadic(number: Fraction) -> bool:
    return number.denominator & (number.denominator - 1) == 0


def _taken(beside: Around, end: Fraction) -> str:
    """The texts in front of a note that goes on up to ``end``, taken from ``beside``."""
    texts = [text for at, text in beside if at < end]
    del beside[: len(texts)]
    return "".join(texts)


def _rest_of(beside: Around) -> str:
    """What stands at the end of the bar."""
    return "".join(f" {text}" for _, text in beside)


def _tuplet(values: Sequence[Value], first: int) -> str:
    """The opening of the tuplet that begins with ``values[first]``: ``(3`` or ``(p:q:r``."""
    count = next(i for i in range(first, len(values)) if values[i].bracket_stop) - first + 1
    actual, normal = values[first].actual, values[first].normal
    return "(3" if (actual, normal, count) == (3, 2, 3) else f"({actual}:{normal}:{count}"


def _chord(
    chord: Sequence[Note],
    length: str,
    goes_on: bool,
    first: bool,
    last: bool,
    pitches: _BarPitches,
    after: tuple[Pitch, ...],
) -> str:
    """A note or chord with what belongs to it: one that ``goes_on`` in the next value, the ``first`` or the ``last`` of
    the tied values that write it. Small notes ``after`` the event before it can only be written in front of it."""
    grace = (*after, *next((note.grace for note in chord if note.grace), ())) if first else ()
    opening = "(" * sum(note.slur_start for note in chord) if first else ""
    closing = ")" * sum(note.slur_stop for note in chord) if last else ""
    opening += f"{{{''.join(pitches.write(pitch, enclosed=True) for pitch in grace)}}}" if grace else ""
    opening += decorations(chord, first, last)
    heads = [pitches.write_note(note, enclosed=len(chord) > 1) for note in chord]
    tied = [goes_on or note.tie for note in chord]
    if len(chord) == 1:
        return f"{opening}{heads[0]}{length}{'-' if tied[0] else ''}{closing}"
    if not all(tied):
        heads = [head + "-" if tie else head for head, tie in zip(heads, tied, strict=True)]
    return f"{opening}[{''.join(heads)}]{length}{'-' if all(tied) else ''}{closing}"


@lru_cache(maxsize=1024)
def _length(factor: Fraction) -> str:
    """A note length as a factor of L:."""
    if factor.denominator == 1:
        return "" if factor == 1 else str(factor)
    return f"{factor.numerator if factor.numerator > 1 else ''}/{factor.denominator if factor.denominator > 2 else ''}"


class _BarPitches:
    """Writes the pitches of one voice in one bar, with the accidentals that they need."""

    def __init__(self, voice: _Voice, i: int, key: Key) -> None:
        self.key = key
        self.drums = voice.drums
        self.uses = voice.staff_uses[i]
        self.octave_shift = CLEF_OCTAVES.get(voice.clef[-2:], 0)
        self.shown: set[tuple[str, int]] = set()  # (step, octave) that had an accidental
        self.last: dict[str, tuple[int, int] | None] = {}  # step -> (octave, alter) of the note before

    def write_note(self, note: Note, enclosed: bool) -> str:
        """A note with its pitch, or the sign of its drum."""
        if self.drums:
            return self.drums[note.pitch.midi, percussion.place(note)[0]]
        return self.write(note.pitch, enclosed)

    def write(self, pitch: Pitch, enclosed: bool) -> str:
        """A pitch as ABC has it. Programs do not agree whether the accidentals of grace notes and chords, the
        ``enclosed`` pitches, hold for later notes, and music21 does not let others hold for them."""
        if self.drums:
            return self.drums[pitch.midi, percussion.usual_place(pitch.midi)[0]]
        pitch = _writable(pitch, self.key)
        step, alter, octave = pitch.step, pitch.alter, pitch.octave
        alters, voices = self.uses[step]
        foreign = alter != _signature(self.key)[step]
        if len(alters) == 1:
            needed = foreign and (enclosed or (step, octave) not in self.shown)
        elif step not in self.last and len(voices) == 1:
            needed = foreign or enclosed
        else:
            needed = enclosed or len(voices) > 1 or self.last[step] != (octave, alter)
        self.last[step] = None if enclosed else (octave, alter)
        if not enclosed:
            self.shown.add((step, octave))
        octave += self.octave_shift
        name = step + "," * (4 - octave) if octave < 5 else step.lower() + "'" * (octave - 5)
        return ACCIDENTALS[alter] + name if needed else name


def _staff_uses(score: Score, part: Part, staff: Staff) -> list[StepUses]:
    """For each bar of a staff: step -> (alterations it has in the bar, voices that have it)."""
    uses: list[StepUses] = []
    for bar, notes in zip(score.bars, part.bars, strict=True):
        steps: StepUses = {}
        for note in notes:
            if note.voice in staff.voices:
                for pitch in (note.pitch, *note.grace, *note.after):
                    pitch = _writable(pitch, bar.key)
                    alters, voices = steps.setdefault(pitch.step, (set(), set()))
                    alters.add(pitch.alter)
                    voices.add(note.voice)
        uses.append(steps)
    return uses


def _writable(pitch: Pitch, key: Key) -> Pitch:
    """The pitch itself, respelled where ABC has no accidental for it."""
    return pitch if -2 <= pitch.alter <= 2 else spell([pitch.midi], key)[0]


@lru_cache
def _signature(key: Key) -> dict[str, int]:
    """What the written signature does to each step."""
    return {step: 0 if _key(key) == "none" else key.alter(step) for step in FIFTHS}
