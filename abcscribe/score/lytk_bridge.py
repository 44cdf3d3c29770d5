"""MIDI and LilyPond files -> Score, through lytk's intermediate representation.

lytk (Rust) parses and its ``to_dict()`` is exact: durations are note values with dots and tuplet ratios, never floats.
This module knows that dict and nothing of the file formats; ``drafts`` makes a Score of what it finds. Cue notes are
silence. A tempo mark inside a bar counts from the next bar line on.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import lytk

from abcscribe.errors import ScoreError
from abcscribe.score import harmony, instruments, musicxml_reader
from abcscribe.score.drafts import DraftBar, DraftPart, add_voice, build, one_line
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.marks import DYNAMICS, MARKS
from abcscribe.score.midi_drums import with_placed_drums
from abcscribe.score.model import MODE_FIFTHS, Direction, Harmony, Key, Metre, Note, Part, Pitch, Score, Syllable, Tempo
from abcscribe.score.musicxml_measures import CLEFS
from abcscribe.score.repeats import jump_named
from abcscribe.score.transpose import interval_pitch

Json = dict[str, Any]
Shift = tuple[int, int]  # (steps, semitones) from written to sounding

_BEAT_UNITS = {
    "breve": Fraction(8), "whole": Fraction(4), "half": Fraction(2), "quarter": Fraction(1),
    "eighth": Fraction(1, 2), "16th": Fraction(1, 4), "32nd": Fraction(1, 8),
}  # fmt: skip
_BAR_LINES = {"Double": "double", "LightLight": "double", "Final": "final", "Dashed": "dashed"}
_WEDGES = {"crescendo": "<", "diminuendo": ">", "decrescendo": ">", "stop": "!"}
_LIST = "?"  # an ending for several turns, whose numbers are still to be found


def read_musicxml(path: str | Path) -> Score:
    """A .musicxml, .xml or compressed .mxl file without a word about what it leaves out. Raises ScoreError."""
    return musicxml_reader.read_musicxml(path)[0]


def read_midi(path: str | Path) -> Score:
    """A Standard MIDI File; one that was played rather than written is quantised. Raises ScoreError."""
    score = _read(path, lytk.from_midi, "MIDI")
    parts = tuple(_as_printed(part) for part in score.parts)
    return with_placed_drums(dataclasses.replace(score, parts=parts), Path(path).read_bytes())


def _as_printed(part: Part) -> Part:
    """Without dynamics, which lytk guesses from velocities, and without the name that it gives to a track that has
    none; keys are released early, where lytk writes quintuplets and tiny rests."""
    name = "" if re.fullmatch(r"Track( \d+)?", part.name) else part.name
    bars = tuple(_released(_untied(notes)) for notes in part.bars)
    return dataclasses.replace(part, bars=bars, directions=(), name=name)


def _untied(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """Lengths that lytk puts together of values that are tied inside of a bar are one length again."""
    whole: list[Note] = []
    for note in notes:
        tied = next((i for i, n in enumerate(whole) if n.tie and n.end == note.start and _same(n, note)), None)
        if tied is None or not _is_odd(note.start):
            whole.append(note)
        else:
            whole[tied] = dataclasses.replace(whole[tied], duration=note.end - whole[tied].start, tie=note.tie)
    return tuple(whole)


def _same(one: Note, other: Note) -> bool:
    return (one.voice, one.pitch) == (other.voice, other.pitch)


def _released(notes: tuple[Note, ...]) -> tuple[Note, ...]:
    """A note whose end fits neither values nor triplets goes to the next sixteenth, or the next note of its voice."""
    starts = sorted({(note.voice, note.start) for note in notes})
    whole = []
    for note in notes:
        if not note.tie and _is_odd(note.end) and not _is_odd(note.start):
            end = Fraction(-(-note.end * 4 // 1), 4)
            following = (start for voice, start in starts if voice == note.voice and start >= note.end)
            note = dataclasses.replace(note, duration=min(end, next(following, end)) - note.start)
        whole.append(note)
    return tuple(whole)


def _is_odd(time: Fraction) -> bool:
    return 96 % time.denominator != 0


def read_lilypond(path: str | Path) -> Score:
    """The first movement of a LilyPond file. Raises ScoreError."""
    return _with_programs(_read(path, lytk.from_lilypond, "LilyPond"), path)


def _with_programs(score: Score, path: str | Path) -> Score:
    """lytk drops ``midiInstrument``; where the file names one for each part, they are taken in order."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    named = [instruments.named(name) for name in re.findall(r'midiInstrument\s*=\s*#?"([^"]*)"', text)]
    names = [program or 0 for program in named]
    staves = [len(part.staves) for part in score.parts if part.program != PERCUSSION]
    if sum(staves) != len(names):
        names = [0] * sum(staves)
    parts = []
    for part in score.parts:
        programs = [] if part.program == PERCUSSION else names[: len(part.staves)]
        names = names[len(programs) :]
        program = next((p for p in programs if p), 0) or instruments.named(part.name) or part.program
        parts.append(dataclasses.replace(part, program=program if part.program == 0 else part.program))
    return dataclasses.replace(score, parts=tuple(parts))


def read_lilypond_book(path: str | Path) -> list[Score]:
    """Every movement of a LilyPond file that has notes. Raises ScoreError."""
    first = read_lilypond(path)
    try:
        documents = [movement.to_dict() for movement in lytk.from_lilypond_movements(str(path))]
    except (lytk.LytkError, OSError):
        return [first]
    if len(documents) < 2:
        return [first]
    scores = [score_from_lytk(document) for document in documents]
    return [score for score in scores if any(notes for part in score.parts for notes in part.bars)] or [first]


def _read(path: str | Path, parse: Callable[[str], lytk.Score], kind: str) -> Score:
    try:
        document = parse(str(path)).to_dict()
    except (lytk.LytkError, OSError) as error:
        raise ScoreError(f"{path} cannot be read as {kind}: {_reason(error)}.") from error
    score = score_from_lytk(document)
    if not any(notes for part in score.parts for notes in part.bars):
        raise ScoreError(f"{path} holds no notes that can be read as {kind}.")
    return score


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else "unknown reason"


def score_from_lytk(document: Json) -> Score:
    """The Score that a ``lytk.Score.to_dict()`` describes."""
    drafts = [_PartReader(source).read() for source in _flat_parts(document.get("children", ()))]
    for draft in drafts:
        _with_ending_lists(draft.bars)
    metadata = document.get("metadata", {})
    title, subtitle = one_line(metadata.get("title")), one_line(metadata.get("subtitle"))
    whole_title = title if subtitle in title else f"{title} - {subtitle}" if title else subtitle
    return build(drafts, whole_title, one_line(metadata.get("composer")))


def _flat_parts(children: Iterable[Json]) -> Iterator[Json]:
    for child in children:
        if "Part" in child:
            yield child["Part"]
        for group in child.values():
            yield from _flat_parts(group.get("children", ()))


class _PartReader:
    """Reads one part of lytk's dict."""

    def __init__(self, source: Json) -> None:
        self.source = source
        percussion = source.get("midi_channel") == 10
        self.draft = DraftPart(
            one_line(source.get("name")), PERCUSSION if percussion else source.get("midi_program", 0)
        )
        self.shift: Shift = (0, 0)
        self.grace: dict[int, list[Pitch]] = {}  # waiting for the next note of a voice, over bar lines

    def read(self) -> DraftPart:
        for measure in self.source.get("measures", ()):
            self.draft.bars.append(self._measure(measure))
        if self.draft.program == PERCUSSION:
            self.draft.clefs = dict.fromkeys(self.draft.clefs or {1: ""}, "perc")
        return self.draft

    def _measure(self, measure: Json) -> DraftBar:
        bar, attributes = DraftBar(), measure.get("attributes", {})
        if change := attributes.get("transpose"):
            octaves = change.get("octave_change", 0)
            self.shift = change.get("diatonic", 0) + 7 * octaves, change.get("chromatic", 0) + 12 * octaves
            self.draft.transposition = self.draft.transposition or self.shift
        for staff, clef in attributes.get("clefs", {}).items():
            self.draft.clefs.setdefault(int(staff), _clef(clef))
        if "time" in attributes or attributes.get("senza_misura"):
            bar.metre = (_metre(attributes),)
        if "key" in attributes:
            bar.key = _key(attributes["key"], self.shift)
        for voice in measure.get("voices", ()):
            number = voice.get("number", 1)
            notes, end, staff = _voice_notes(voice.get("elements", ()), self.shift, self.grace.setdefault(number, []))
            add_voice(bar, staff, number, notes)
            bar.length = max(bar.length, end)
        self._beside(measure, bar)
        _bar_lines(measure, bar)
        return bar

    def _beside(self, measure: Json, bar: DraftBar) -> None:
        """Tempo, dynamics, hairpins, words, jumps and chord symbols."""
        for direction in measure.get("directions", ()):
            start, staff = _offset(direction), direction.get("staff", 1)
            if mark := direction.get("tempo"):
                _tempo(mark, "offset" in direction, bar)
            if text := (direction.get("dynamic") or {}).get("sign"):
                kind = "dynamic" if text in DYNAMICS else "words"
                bar.directions.append(Direction(start, kind, text, staff))
            if wedge := _WEDGES.get((direction.get("wedge") or {}).get("wedge_type", "").lower()):
                bar.directions.append(Direction(start, "hairpin", wedge, staff))
            if words := _words(direction):
                self._text(words, start, staff, bar)
        fifths = 7 * self.shift[1] - 12 * self.shift[0]
        for symbol in measure.get("harmonies", ()):
            if found := _harmony(symbol):
                bar.harmonies.append(harmony.moved(found, fifths))

    def _text(self, words: str, start: Fraction, staff: int, bar: DraftBar) -> None:
        jump = jump_named(words)
        if jump and start == 0 and len(self.draft.bars) > 0:
            self.draft.bars[-1].signs.append(jump)  # it stands at the bar line before
        elif sign := jump or (words.casefold() if words.casefold() in ("segno", "coda") else ""):
            bar.signs.append(sign)
        else:
            bar.directions.append(Direction(start, "words", words, staff))


def _words(direction: Json) -> str:
    """What a direction says in words, jumps included."""
    for name in ("words", "text", "rehearsal"):
        value = direction.get(name)
        text = one_line(value.get("text") if isinstance(value, dict) else value if isinstance(value, str) else "")
        if text:
            return text
    jumps = ("segno", "coda", "da_capo", "dal_segno", "fine", "to_coda")
    return next((name.replace("_", " ") for name in jumps if direction.get(name)), "")


def _offset(item: Json) -> Fraction:
    """Quarters from the bar line; lytk counts whole notes."""
    numerator, denominator = item.get("offset", (0, 1))
    return max(Fraction(0), Fraction(4 * numerator, denominator))


def _harmony(symbol: Json) -> Harmony | None:
    root = symbol.get("root")
    if not root:
        return None
    bass = symbol.get("bass") or {}
    kind = harmony.from_musicxml_kind(symbol.get("kind", "major"), symbol.get("kind_text") or symbol.get("text"))
    return Harmony(_offset(symbol), _name(root), kind, _name(bass) if bass else "")


def _name(step: Json) -> str:
    alter = round(step.get("alter") or 0)  # a number here, a pair in pitches
    return step["step"] + ("#" * alter if alter > 0 else "b" * -alter)


# --- notes ------------------------------------------------------------------------------------------------------------


def _voice_notes(elements: Iterable[Json], shift: Shift, grace: list[Pitch]) -> tuple[list[Note], Fraction, int]:
    """Notes of one voice in one bar, the quarter at which it ends, and the staff on which most of it stands."""
    notes: list[Note] = []
    staves: Counter[int] = Counter()
    at = Fraction(0)
    leader: int | None = None  # index of the last chord's first note
    for element in elements:
        ((kind, event),) = element.items()
        members = {"Chord": event.get("notes", ()), "Note": (event,)}.get(kind, ())
        if members and members[0].get("is_grace"):
            pitches = [_sounding_pitch(member["pitch"], shift) for member in members]
            if members[0].get("after_grace") and leader is not None:
                notes[leader] = dataclasses.replace(notes[leader], after=(*notes[leader].after, *pitches))
            else:
                grace.extend(pitches)
            continue
        duration = _quarters(event["duration"])
        staves[(members[0] if members else event).get("staff", 1)] += len(members) * 1000 + 1  # rests only break ties
        if members and not members[0].get("is_cue"):
            chord = sorted((_note(member, at, duration, shift) for member in members), key=lambda note: note.pitch.midi)
            chord[0] = _with_signs(chord[0], [event, *members], tuple(grace))
            grace.clear()
            leader = len(notes)
            notes.extend(chord)
        at += duration
    return notes, at, staves.most_common(1)[0][0] if staves else 1


def _note(member: Json, start: Fraction, duration: Fraction, shift: Shift) -> Note:
    tie = any(tie["tie_type"] == "Start" for tie in member.get("ties", ()))
    technicals = {sign.get("name"): str(sign.get("value", "")) for sign in member.get("technicals", ())}
    string, fret = technicals.get("string", ""), technicals.get("fret", "")
    note = Note(start, duration, _sounding_pitch(member["pitch"], shift), tie=tie)
    if string.isdigit() and fret.isdigit() and 0 < int(string) <= 16 and int(fret) <= 36:
        return dataclasses.replace(note, string=int(string), fret=int(fret))
    return note


def _with_signs(note: Note, sources: list[Json], grace: tuple[Pitch, ...]) -> Note:
    """The first note of a chord with what its members and the chord itself carry."""
    names: list[str] = []
    slurs: Counter[str] = Counter()
    for i, source in enumerate(sources):
        if i and source is sources[0]:
            continue
        signs = (sign for group in ("articulations", "ornaments", "technicals") for sign in source.get(group) or ())
        names.extend(_mark(sign) for sign in signs)
        names.extend(["fermata"] if source.get("fermata") else [])
        slurs.update(slur.get("slur_type", "") for slur in source.get("slurs") or ())
    lyrics = next((source["lyrics"] for source in sources if source.get("lyrics")), ())
    return dataclasses.replace(
        note,
        grace=grace,
        marks=tuple(dict.fromkeys(name for name in names if name)),
        slur_start=slurs["Start"],
        slur_stop=slurs["Stop"],
        lyrics=tuple(_syllable(lyric) for lyric in lyrics),
    )


def _mark(sign: Json) -> str:
    name, value = str(sign.get("name", "")), str(sign.get("value", ""))
    if name == "tremolo" and value in ("1", "2", "3"):
        return f"tremolo-{value}"
    if name in ("fingering", "finger"):
        return f"finger-{value}" if f"finger-{value}" in MARKS else ""
    return name if name in MARKS else {"trill": "trill-mark", "marcato": "strong-accent"}.get(name, "")


def _syllable(lyric: Json) -> Syllable | None:
    text = one_line(lyric.get("text"))
    joined = lyric.get("syllabic", "").lower() in ("begin", "middle")
    return Syllable(text, joined, bool(lyric.get("extend"))) if text else None


def _quarters(duration: Json) -> Fraction:
    dots, actual, normal = duration.get("dots", 0), duration.get("tuplet_actual", 1), duration.get("tuplet_normal", 1)
    return _note_value(*duration["base"], dots, actual, normal)


@lru_cache(maxsize=4096)
def _note_value(numerator: int, denominator: int, dots: int, actual: int, normal: int) -> Fraction:
    """Quarters of a note value given in whole notes; each dot adds half of what the one before it added."""
    return Fraction(4 * numerator, denominator) * (2 - Fraction(1, 2**dots)) * Fraction(normal, actual)


def _sounding_pitch(pitch: Json, shift: Shift) -> Pitch:
    numerator, denominator = pitch.get("alter", (0, 1))
    return interval_pitch(Pitch(pitch["step"], round(numerator / denominator), pitch["octave"]), *shift)


# --- bars -------------------------------------------------------------------------------------------------------------


def _clef(clef: Json) -> str:
    if clef["sign"] == "Percussion":
        return "perc"
    if clef["sign"] == "Tab":
        return "treble-8"
    return CLEFS.get((clef["sign"], clef.get("line", 2), clef.get("octave_change", 0)), "treble")


def _metre(attributes: Json) -> Metre | None:
    if attributes.get("senza_misura") or "time" not in attributes:
        return None
    time = attributes["time"]
    return Metre(sum(int(beats) for beats in time["beats"].split("+")), time["beat_type"])


def _key(key: Json, shift: Shift) -> Key:
    steps, semitones = shift
    mode = key.get("mode", "major").lower()
    # an interval of d steps and c semitones is 7c - 12d places on the line of fifths: a whole tone (1, 2) is two
    return Key(key.get("fifths", 0) + 7 * semitones - 12 * steps, mode if mode in MODE_FIFTHS else "major")


def _tempo(mark: Json, inside: bool, bar: DraftBar) -> None:
    """A metronome mark, words of tempo or both."""
    if not inside and (text := one_line(mark.get("text"))):
        bar.words = bar.words or text
    if not mark.get("per_minute"):
        return
    beat = _BEAT_UNITS.get(mark.get("beat_unit", "quarter"), Fraction(1)) * (2 - Fraction(1, 2 ** mark.get("dots", 0)))
    tempo = Tempo(mark["per_minute"], beat)
    if inside:
        bar.later_tempo = tempo
    else:
        bar.tempo = tempo


def _bar_lines(measure: Json, bar: DraftBar) -> None:
    left, right = measure.get("left_barline") or {}, measure.get("right_barline") or {}
    bar.repeat_start = left.get("repeat_direction") == "Forward"
    bar.repeat_end = right.get("repeat_direction") == "Backward"
    bar.times = max(2, min(right.get("repeat_times") or 2, 9))
    if left.get("ending_type", "").lower() == "start":
        number = str(left.get("ending_number", _LIST))
        bar.ending = number if re.fullmatch("[1-9]", number) else _LIST
    bar.ending_stop = right.get("ending_type", "").lower() in ("stop", "discontinue")
    bar.line = _BAR_LINES.get(right.get("style", ""), "")


def _with_ending_lists(bars: list[DraftBar]) -> None:
    """lytk 0.6 drops ``number="1, 2"``: such an ending goes from where the one before it stopped to the next one."""
    last = 0
    for i, bar in enumerate(bars):
        if bar.repeat_start:
            last = 0
        if bar.ending == _LIST:
            following = next((b.ending for b in bars[i + 1 :] if b.ending.isdigit()), "")
            stop = int(following) if following and int(following) > last + 1 else last + 3
            bar.ending = ",".join(str(n) for n in range(last + 1, stop))
        if bar.ending:
            last = int(bar.ending.split(",")[-1])
