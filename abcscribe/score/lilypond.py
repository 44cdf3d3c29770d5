"""Score -> LilyPond 2.24 source: voices as variables, repeats with their alternatives, words, chords, drums.

Written here, because lytk's writer nests a repeat into itself where a piece has more than two endings. Pitches are
absolute and sounding, note names Dutch, as LilyPond's own default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from abcscribe.score import instruments
from abcscribe.score.durations import Value, bar_offsets, chords, write_rhythm
from abcscribe.score.lilypond_signs import (
    DRUM_NAMES,
    after_note,
    chord_symbol,
    duration,
    end_marks,
    lyrics,
    pitch_name,
    quoted,
    start_marks,
    tempo_mark,
)
from abcscribe.score.model import Bar, Key, Note, Part, Pitch, Score
from abcscribe.score.repeats import brackets, sections, turns, with_plain_repeats

VERSION = "2.24.0"
_CLEFS = {
    "treble-8": "treble_8",
    "treble+8": "treble^8",
    "bass-8": "bass_8",
    "mezzo": "mezzosoprano",
    "perc": "percussion",
}
_FLAT_MODES = {"none": "major"}


@dataclass(frozen=True, slots=True)
class _Voice:
    """A voice and its variable."""

    name: str
    part: Part
    number: int  # of the voice in its part
    staff: int  # 1-based
    place: int  # among the voices of its staff, 0-based
    leads: bool  # the first voice of the score: it carries tempo and jumps


def to_lilypond(score: Score) -> str:
    """The source text of a score."""
    return to_lilypond_book([score])


def to_lilypond_book(scores: Sequence[Score]) -> str:
    """The source text of several pieces, one after another."""
    lines = [f'\\version "{VERSION}"']
    for number, score in enumerate(scores):
        lines.extend(_piece(replace(score, bars=with_plain_repeats(score.bars)), _letters(number) if number else ""))
    return "\n".join(lines) + "\n"


def _piece(score: Score, prefix: str) -> Iterator[str]:
    voices = [
        _Voice(f"music{prefix}{_letters(p)}{_letters(number)}", part, number, s, v, p == 0 and s == 1 and v == 0)
        for p, part in enumerate(score.parts)
        for s, staff in enumerate(part.staves, 1)
        for v, number in enumerate(staff.voices)
    ]
    for voice in voices:
        writer = _VoiceWriter(score, voice)
        kind = "\\drummode " if voice.part.program == instruments.PERCUSSION else ""
        yield f"{voice.name} = {kind}{{\n{_structured(score.bars, writer.bar)}\n}}"
        for verse, text in enumerate(lyrics(score, voice.part, voice.number)):
            yield f"{voice.name}Words{_letters(verse)} = \\lyricmode {{ {text} }}"
    if any(bar.harmonies for bar in score.bars):
        yield f"harmonies{prefix} = \\chordmode {{\n{_structured(score.bars, lambda i: chord_bar(score.bars, i))}\n}}"
    yield "\\score {"
    yield f"\\header {{ title = {quoted(score.title)} composer = {quoted(score.composer)} }}"
    yield "<<"
    if any(bar.harmonies for bar in score.bars):
        yield f"\\new ChordNames \\harmonies{prefix}"
    for part in score.parts:
        yield from _part(score, part, [voice for voice in voices if voice.part is part])
    yield ">>\n\\layout { }\n}"


def _letters(number: int) -> str:
    """0 -> A, 25 -> Z, 26 -> BA: names of variables have no digits."""
    text = chr(65 + number % 26)
    return (_letters(number // 26) if number >= 26 else "") + text


def _part(score: Score, part: Part, voices: Sequence[_Voice]) -> Iterator[str]:
    name = f"instrumentName = {quoted(part.name)} " if part.name else ""
    sound = (
        ""
        if part.program == instruments.PERCUSSION
        else f'midiInstrument = "{instruments.name(part.program).lower()}" '
    )
    grand = len(part.staves) > 1
    if grand:
        yield f"\\new PianoStaff \\with {{ {name}}} <<"
    for number, staff in enumerate(part.staves, 1):
        kind = "DrumStaff" if part.program == instruments.PERCUSSION else "Staff"
        yield f"\\new {kind} \\with {{ {'' if grand else name}{sound}}} <<"
        own = [voice for voice in voices if voice.staff == number]
        for voice in own:
            context = "DrumVoice" if kind == "DrumStaff" else "Voice"
            stems = (
                ("\\voiceOne ", "\\voiceTwo ", "\\voiceThree ", "\\voiceFour ")[voice.place % 4] if len(own) > 1 else ""
            )
            clef = f"\\clef {quoted(_CLEFS.get(staff.clef, staff.clef))} " if voice.place == 0 else ""
            yield f'\\new {context} = "{voice.name}" {{ {clef}{stems}\\{voice.name} }}'
        yield ">>"
        for voice in own:
            for verse, _ in enumerate(lyrics(score, part, voice.number)):
                yield f'\\new Lyrics \\lyricsto "{voice.name}" \\{voice.name}Words{_letters(verse)}'
    if grand:
        yield ">>"


def _structured(bars: Sequence[Bar], write: Callable[[int], str]) -> str:
    """The bars of one voice with their repeats and alternatives."""
    lines: list[str] = []
    for section, endings in sections(bars):
        count = turns(bars, section, endings)
        if count == 1:
            lines.extend(write(i) for i in section)
            continue
        stretches = brackets(bars, section, endings)
        body_end = stretches[0].start if stretches else section.stop
        body_end = next((i + 1 for i in range(section.start, body_end) if bars[i].repeat_end), body_end)
        lines.append(f"\\repeat volta {count} {{")
        lines.extend(write(i) for i in range(section.start, body_end))
        lines.append("}")
        if stretches:
            plain = [bars[b.start].ending for b in stretches] == [str(n) for n in range(1, count + 1)]
            lines.append("\\alternative {")
            for bracket in stretches:
                volta = "" if plain else f"\\volta {bars[bracket.start].ending} "
                lines += [f"{volta}{{", *(write(i) for i in bracket), "}"]
            lines.append("}")
        behind = stretches[-1].stop if stretches else body_end
        lines.extend(write(i) for i in range(behind, section.stop))
    return "\n".join(lines)


def chord_bar(bars: Sequence[Bar], i: int) -> str:
    """The chord symbols of a bar in chord mode."""
    bar = bars[i]
    cuts = [h.start for h in bar.harmonies] + [bar.length]
    text = f"s1*{bar.length / 4}" if cuts[0] == bar.length else f"s1*{cuts[0] / 4}" if cuts[0] else ""
    for harmony, end in zip(bar.harmonies, cuts[1:], strict=True):
        text += " " + chord_symbol(harmony, end - harmony.start)
    last = i + 1 == len(bars) and bar.metre and bar.length < bar.metre.length  # not full
    return text.strip() + ("" if last else " |")


class _VoiceWriter:
    """Writes one voice bar by bar."""

    def __init__(self, score: Score, voice: _Voice) -> None:
        self.score, self.voice = score, voice
        self.offsets = bar_offsets(score.bars)
        self.drums = voice.part.program == instruments.PERCUSSION
        self.bars = list(score.voice_bars(voice.part, voice.number))
        self.slurs = 0
        parts = list(sections(score.bars))
        self.repeated = {i for section, ends in parts if turns(score.bars, section, ends) > 1 for i in section}

    def bar(self, i: int) -> str:
        bar = self.score.bars[i]
        start = " ".join(filter(None, (*self._changes(i), *(start_marks(bar) if self.voice.leads else ()))))
        end = " ".join(end_marks(bar)) if self.voice.leads else ""
        full = bar.metre.length if bar.metre else bar.length
        check = "|" if bar.length >= full or i == 0 or i + 1 < len(self.bars) else ""  # a short last bar is not full
        return " ".join(filter(None, (start, self._music(i), end, check)))

    def _changes(self, i: int) -> Iterator[str]:
        """Metre, key, tempo, and how long an irregular bar is."""
        bar, before = self.score.bars[i], self.score.bars[i - 1] if i else None
        if (before is None or bar.metre != before.metre) and bar.metre:
            yield f"\\time {bar.metre}"
        if bar.metre is None and (before is None or before.metre):
            yield "\\cadenzaOn"
        elif before and before.metre is None and bar.metre:
            yield "\\cadenzaOff"
        if (before is None or bar.key != before.key) and not self.drums:
            yield _key(bar.key)
        if self.voice.leads and (text := tempo_mark(bar, before)):
            yield text
        if bar.metre and bar.length < bar.metre.length and (i == 0 or (self._stands_alone(i) and i in self.repeated)):
            yield f"\\partial {_partial(bar.length)}"
        if bar.metre and before and before.metre:
            in_force = bar.metre.length if bar.metre != before.metre else self._timed(i - 1)
            if self._timed(i) != in_force:
                yield f"\\set Timing.measureLength = #(ly:make-moment {self._timed(i) / 4})"

    def _timed(self, i: int) -> Fraction:
        """How long LilyPond is to take a bar for. In repeats short ones are partial: there lytk reads no lengths."""
        bar = self.score.bars[i]
        full = bar.metre.length if bar.metre else bar.length
        return bar.length if bar.length > full or (self._stands_alone(i) and i not in self.repeated) else full

    def _stands_alone(self, i: int) -> bool:
        """Whether a short bar is neither the first, the last nor a piece of a bar that a sign divides, which LilyPond
        joins."""
        bars = self.score.bars
        if i == 0 or i + 1 == len(bars):
            return False
        completes, begins = self.offsets[i] > 0, self.offsets[i + 1] > 0
        return not ((completes and _sign_between(bars, i - 1)) or (begins and _sign_between(bars, i)))

    def _music(self, i: int) -> str:
        bar = self.score.bars[i]
        events = chords(self.bars[i])
        signs = self._directions(i)
        if not events:
            if (
                self.voice.place == 0 and not signs and bar.metre and bar.length < bar.metre.length
            ):  # R fills whole bars
                values = write_rhythm(((Fraction(0), bar.length),), bar.length, bar.metre, self.offsets[i])
                return " ".join(f"r{duration(value)}" for value in values)
            rest = "R" if self.voice.place == 0 and not signs else "s"
            return " ".join(_unsounded(rest, f"1*{length / 4}", texts) for length, texts in _cut(bar.length, signs))
        rhythm = tuple((event[0].start, event[0].duration) for event in events)
        values = write_rhythm(rhythm, bar.length, bar.metre, self.offsets[i])
        words: list[str] = []
        for v, value in enumerate(values):
            following = values[v + 1].start if v + 1 < len(values) else bar.length + 1
            first = v == 0 or values[v - 1].event != value.event
            last = v + 1 == len(values) or values[v + 1].event != value.event
            beside = [text for at, text in signs if value.start <= at < following]
            words.append(f"\\tuplet {value.actual}/{value.normal} {{" if value.bracket_start else "")
            words.append(self._value(value, None if value.event is None else events[value.event], first, last, beside))
            words.append("}" if value.bracket_stop else "")
        return " ".join(filter(None, words))

    def _directions(self, i: int) -> list[tuple[Fraction, str]]:
        """Dynamics, hairpins and words of the staff, in its first voice; those of a bar's end stand in the next one."""
        part = self.voice.part
        if self.voice.place or not part.directions:
            return []
        texts = {"dynamic": "\\{}", "hairpin": "\\{}", "words": "^{}"}
        last, late = i + 1 == len(self.bars), i and self.score.bars[i - 1].length
        before = [replace(d, start=Fraction(0)) for d in part.directions[i - 1] if d.start == late] if i else []
        now = [d for d in part.directions[i] if last or d.start < self.score.bars[i].length]
        return [
            (sign.start, texts[sign.kind].format(quoted(sign.text) if sign.kind == "words" else sign.text))
            for sign in before + now
            if sign.staff == self.voice.staff and sign.kind in texts
        ]

    def _value(self, value: Value, event: Sequence[Note] | None, first: bool, last: bool, beside: Sequence[str]) -> str:
        length = duration(value)
        if event is None:
            return _unsounded("s" if self.voice.place else "r", length, beside)
        grace = next((note.grace for note in event if note.grace), ()) if first else ()
        after = next((note.after for note in event if note.after), ()) if last else ()
        heads = [self._head(note) for note in event]
        text = heads[0] + length if len(heads) == 1 else f"<{' '.join(heads)}>{length}"
        if not all(note.tie for note in event) and any(note.tie for note in event) and not value.tied:
            heads = [head + "~" * note.tie for head, note in zip(heads, event, strict=True)]
            text = f"<{' '.join(heads)}>{length}"
            tie = ""
        else:
            tie = "~" if value.tied or event[0].tie else ""
        stops = min(sum(note.slur_stop for note in event), self.slurs) if last else 0
        starts = sum(note.slur_start for note in event) if first else 0
        self.slurs += starts - stops
        marks = after_note(event, first, last)
        breath = "\\breathe" if "\\breathe" in marks else ""  # an event of its own behind all that is the note's
        marks = marks.replace("\\breathe", "")
        text += tie + marks + ")" * bool(stops) + "(" * bool(starts) + "".join(beside)
        if after:
            text = f"\\afterGrace {text} {{ {' '.join(self._small(after))} }}"
        if grace:
            kind = "acciaccatura" if len(grace) == 1 else "grace"
            text = f"\\{kind} {{ {' '.join(self._small(grace))} }} {text}"
        return text + breath

    def _head(self, note: Note) -> str:
        return DRUM_NAMES.get(note.pitch.midi, "sn") if self.drums else pitch_name(note.pitch)

    def _small(self, pitches: Sequence[Pitch]) -> Iterator[str]:
        length = "8" if len(pitches) == 1 else "16"
        for pitch in pitches:
            yield self._head(Note(Fraction(0), Fraction(1), pitch)) + length


def _sign_between(bars: Sequence[Bar], i: int) -> bool:
    """Whether a repeat or a special bar line stands behind a bar."""
    return bool(bars[i].line) or bars[i].repeat_end or bars[i + 1].repeat_start or bool(bars[i + 1].ending)


def _unsounded(rest: str, length: str, signs: Sequence[str]) -> str:
    """A rest and the signs at it: texts at a chord of no notes, the others at a space, where lytk sees them."""
    texts = "".join(sign for sign in signs if sign.startswith("^"))
    others = "".join(sign for sign in signs if not sign.startswith("^"))
    return f"{f'<>{texts} ' if texts else ''}{'s' if others else rest}{length}{others}"


def _cut(length: Fraction, signs: Sequence[tuple[Fraction, str]]) -> list[tuple[Fraction, list[str]]]:
    """An empty bar in pieces that begin where signs stand: (quarters, signs)."""
    starts = sorted({Fraction(0), *(at for at, _ in signs if at < length)})
    ends = [*starts[1:], length]
    return [(b - a, [text for at, text in signs if at == a]) for a, b in zip(starts, ends, strict=True)]


def _partial(length: Fraction) -> str:
    whole = length / 4
    return (
        f"{whole.denominator}"
        if whole.numerator == 1 and not whole.denominator & (whole.denominator - 1)
        else f"1*{whole}"
    )


def _key(key: Key) -> str:
    if abs(key.fifths) > 7:
        return "\\key c \\major"
    mode = _FLAT_MODES.get(key.mode, key.mode)
    tonic = replace(key, mode=mode).tonic
    return f"\\key {tonic[0].lower()}{'is' * tonic.count('#')}{'es' * tonic.count('b')} \\{mode}"
