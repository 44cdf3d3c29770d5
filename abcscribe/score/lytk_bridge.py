"""MusicXML, MXL, MIDI, Humdrum **kern and LilyPond files -> Score, through lytk's intermediate representation, and back
to LilyPond.

lytk (Rust) parses and its ``to_dict()`` is exact: durations are note values with dots and tuplet ratios, never floats.
This module knows that dict and nothing of the file formats. What the Score does not model (lyrics, slurs, dynamics,
mid-bar changes of metre, key or tempo) is left out; cue notes are silence. A tempo mark inside a bar counts from the
next bar line on.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import lytk

from abcscribe.errors import ScoreError
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import (
    MODE_FIFTHS,
    STEPS,
    Bar,
    Key,
    Metre,
    Note,
    Part,
    Pitch,
    Score,
    Staff,
    Tempo,
)  # fmt: skip
from abcscribe.score.musicxml import to_musicxml

Json = dict[str, Any]
VoiceKey = tuple[int, int]  # (staff, lytk's voice number), both 1-based

_CLEFS = {
    ("G", 2, 0): "treble", ("G", 2, -1): "treble-8", ("G", 2, 1): "treble+8", ("F", 4, 0): "bass",
    ("F", 4, -1): "bass-8", ("F", 3, 0): "baritone", ("C", 1, 0): "soprano", ("C", 2, 0): "mezzo",
    ("C", 3, 0): "alto", ("C", 4, 0): "tenor", ("C", 5, 0): "baritone",
}  # fmt: skip
_BEAT_UNITS = {
    "breve": Fraction(8), "whole": Fraction(4), "half": Fraction(2), "quarter": Fraction(1),
    "eighth": Fraction(1, 2), "16th": Fraction(1, 4), "32nd": Fraction(1, 8),
}  # fmt: skip
_LIST = "?"  # an ending for several turns, whose numbers are still to be found


def read_musicxml(path: str | Path) -> Score:
    """A .musicxml, .xml or compressed .mxl file. Raises ScoreError."""
    return _read(path, lytk.from_musicxml, "MusicXML")


def read_kern(path: str | Path) -> Score:
    """A Humdrum **kern file without spine splits. Raises ScoreError."""
    return _read(path, lytk.from_humdrum, "Humdrum **kern")


def read_midi(path: str | Path) -> Score:
    """A Standard MIDI File; one that was played rather than written is quantised. Raises ScoreError."""
    return _read(path, lytk.from_midi, "MIDI")


def read_lilypond(path: str | Path) -> Score:
    """The first movement of a LilyPond file. Raises ScoreError."""
    return _read(path, lytk.from_lilypond, "LilyPond")


def to_lilypond(score: Score) -> str:
    """LilyPond source. Raises ScoreError if lytk cannot write the score."""
    try:
        return lytk.to_lilypond(lytk.from_musicxml_string(to_musicxml(score)))
    except (lytk.LytkError, ValueError) as error:
        raise ScoreError(f"The score cannot be written as LilyPond: {error}.") from error


def _read(path: str | Path, parse: Callable[[str], lytk.Score], kind: str) -> Score:
    try:
        document = parse(str(path)).to_dict()
    except (lytk.LytkError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else "unknown reason"
        raise ScoreError(f"{path} cannot be read as {kind}: {reason}.") from error
    score = score_from_lytk(document)
    if not any(notes for part in score.parts for notes in part.bars):
        raise ScoreError(f"{path} holds no notes that can be read as {kind}.")
    return score


def score_from_lytk(document: Json) -> Score:
    """The Score that a ``lytk.Score.to_dict()`` describes."""
    sources = list(_flat_parts(document.get("children", ())))
    bar_count = max((len(source.get("measures", ())) for source in sources), default=0)
    drafts = [_draft_part(source) for source in sources]
    lengths = [
        max((draft.lengths[i] for draft in drafts if i < len(draft.lengths)), default=0) for i in range(bar_count)
    ]
    metadata = document.get("metadata", {})
    title, subtitle = _line(metadata.get("title")), _line(metadata.get("subtitle"))
    return Score(
        bars=_shared_bars(drafts, [Fraction(length) for length in lengths]),
        parts=tuple(_finished_part(draft, bar_count) for draft in drafts),
        title=title if subtitle in title else f"{title} - {subtitle}" if title else subtitle,
        composer=_line(metadata.get("composer")),
    )


def _line(text: str | None) -> str:
    """A name or title on one line: part names may be broken to fit in front of a staff."""
    return " ".join((text or "").split())


def _flat_parts(children: Iterable[Json]) -> Iterator[Json]:
    for child in children:
        if "Part" in child:
            yield child["Part"]
        for group in child.values():
            yield from _flat_parts(group.get("children", ()))


# --- one part ---------------------------------------------------------------------------------------------------------


@dataclass
class _DraftPart:
    """A part whose voices are not numbered yet."""

    source: Json
    bars: list[dict[VoiceKey, list[Note]]] = field(default_factory=list)
    lengths: list[Fraction] = field(default_factory=list)  # quarters that the longest voice of each bar fills
    shifts: list[tuple[int, int]] = field(default_factory=list)  # written -> sounding, (diatonic, chromatic) steps


def _draft_part(source: Json) -> _DraftPart:
    draft, shift = _DraftPart(source), (0, 0)
    grace: dict[int, list[Pitch]] = {}  # waiting for the next note of a voice, over bar lines
    for measure in source.get("measures", ()):
        shift = _transposition(measure, shift)
        bar: dict[VoiceKey, list[Note]] = {}
        length = Fraction(0)
        for voice in measure.get("voices", ()):
            number = voice.get("number", 1)
            notes, end, staff = _voice_notes(voice.get("elements", ()), shift, grace.setdefault(number, []))
            bar.setdefault((staff, number), []).extend(notes)
            length = max(length, end)
        draft.bars.append(bar)
        draft.lengths.append(length)
        draft.shifts.append(shift)
    return draft


def _transposition(measure: Json, shift: tuple[int, int]) -> tuple[int, int]:
    change = measure.get("attributes", {}).get("transpose")
    if change is None:
        return shift
    octaves = change.get("octave_change", 0)
    return change.get("diatonic", 0) + 7 * octaves, change.get("chromatic", 0) + 12 * octaves


def _voice_notes(
    elements: Iterable[Json], shift: tuple[int, int], grace: list[Pitch]
) -> tuple[list[Note], Fraction, int]:
    """Notes of one voice in one bar, the quarter at which it ends, and the staff on which most of it stands."""
    notes: list[Note] = []
    staves: Counter[int] = Counter()
    at = Fraction(0)
    for element in elements:
        ((kind, event),) = element.items()
        members = {"Chord": event.get("notes", ()), "Note": (event,)}.get(kind, ())
        if members and members[0].get("is_grace"):
            grace.extend(_sounding_pitch(member["pitch"], shift) for member in members)
            continue
        duration = _quarters(event["duration"])
        staves[(members[0] if members else event).get("staff", 1)] += len(members) * 1000 + 1  # rests only break ties
        if members and not members[0].get("is_cue"):
            chord = sorted((_note(member, at, duration, shift) for member in members), key=lambda note: note.pitch.midi)
            if grace:
                chord[0] = dataclasses.replace(chord[0], grace=tuple(grace))
                grace.clear()
            notes.extend(chord)
        at += duration
    return notes, at, staves.most_common(1)[0][0] if staves else 1


def _note(member: Json, start: Fraction, duration: Fraction, shift: tuple[int, int]) -> Note:
    tie = any(tie["tie_type"] == "Start" for tie in member.get("ties", ()))
    return Note(start, duration, _sounding_pitch(member["pitch"], shift), tie=tie)


def _quarters(duration: Json) -> Fraction:
    dots, actual, normal = duration.get("dots", 0), duration.get("tuplet_actual", 1), duration.get("tuplet_normal", 1)
    return _note_value(*duration["base"], dots, actual, normal)


@lru_cache(maxsize=4096)
def _note_value(numerator: int, denominator: int, dots: int, actual: int, normal: int) -> Fraction:
    """Quarters of a note value given in whole notes; each dot adds half of what the one before it added."""
    return Fraction(4 * numerator, denominator) * (2 - Fraction(1, 2**dots)) * Fraction(normal, actual)


def _sounding_pitch(pitch: Json, shift: tuple[int, int]) -> Pitch:
    numerator, denominator = pitch.get("alter", (0, 1))
    return _shifted(pitch["step"], round(numerator / denominator), pitch["octave"], *shift)


@lru_cache(maxsize=4096)
def _shifted(step: str, alter: int, octave: int, diatonic: int, chromatic: int) -> Pitch:
    written = Pitch(step, alter, octave)
    octaves, index = divmod(STEPS.index(step) + diatonic, 7)
    natural = Pitch(STEPS[index], 0, octave + octaves)
    return dataclasses.replace(natural, alter=written.midi + chromatic - natural.midi)


def _finished_part(draft: _DraftPart, bar_count: int) -> Part:
    """Number the voices staff by staff from the top, drop ties that lead nowhere, and pad missing bars."""
    keys = sorted({key for bar in draft.bars for key, notes in bar.items() if notes}) or [(1, 1)]
    numbers = {key: number for number, key in enumerate(keys, 1)}
    bars = [
        tuple(
            dataclasses.replace(note, voice=numbers[key]) for key in sorted(bar) for note in bar[key] if key in numbers
        )
        for bar in draft.bars
    ]
    bars += [()] * (bar_count - len(bars))
    source = draft.source
    percussion = source.get("midi_channel") == 10
    return Part(
        bars=_with_true_ties(bars, draft.lengths),
        name=_line(source.get("name")),
        program=PERCUSSION if percussion else source.get("midi_program", 0),
        staves=_staves(source, numbers),
    )


def _staves(source: Json, numbers: dict[VoiceKey, int]) -> tuple[Staff, ...]:
    clefs: dict[str, str] = {}
    for measure in source.get("measures", ()):
        for staff, clef in measure.get("attributes", {}).get("clefs", {}).items():
            clefs.setdefault(staff, _clef(clef))
    staves = sorted({staff for staff, _ in numbers})
    return tuple(
        Staff(clefs.get(str(staff), "treble"), tuple(n for (on, _), n in numbers.items() if on == staff))
        for staff in staves
    )


def _clef(clef: Json) -> str:
    if clef["sign"] == "Percussion":
        return "perc"
    return _CLEFS.get((clef["sign"], clef.get("line", 2), clef.get("octave_change", 0)), "treble")


def _with_true_ties(bars: list[tuple[Note, ...]], lengths: list[Fraction]) -> tuple[tuple[Note, ...], ...]:
    """Scores hold ties into another voice and into nothing; keep those that the same voice takes up at once."""
    starts = [{(note.voice, note.start, note.pitch.midi) for note in notes} for notes in bars]
    starts.append(set())

    def goes_on(index: int, note: Note) -> bool:
        if (note.voice, note.end, note.pitch.midi) in starts[index]:
            return True
        return note.end >= lengths[index] and (note.voice, 0, note.pitch.midi) in starts[index + 1]

    return tuple(
        tuple(dataclasses.replace(n, tie=False) if n.tie and not goes_on(i, n) else n for n in notes)
        for i, notes in enumerate(bars)
    )


# --- what the parts share ---------------------------------------------------------------------------------------------


def _shared_bars(drafts: list[_DraftPart], lengths: list[Fraction]) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    metres: list[Metre | None] = [Metre()] * len(drafts)  # of each part
    key, tempo, next_tempo = Key(), None, None
    for index, length in enumerate(lengths):
        measures = [(d.source["measures"][index], d.shifts[index]) for d in drafts if index < len(d.bars)]
        metres = _metres(drafts, index, metres)
        metre = _common_metre(metres, length)
        key = next((_key(m["attributes"]["key"], s) for m, s in measures if "key" in m.get("attributes", {})), key)
        tempo, next_tempo = _tempos((m for m, _ in measures), next_tempo or tempo)
        bars.append(
            Bar(
                length=length or (metre.length if metre else Fraction(4)),
                metre=metre,
                key=key,
                tempo=tempo,
                repeat_start=any(_barline(m, "left").get("repeat_direction") == "Forward" for m, _ in measures),
                repeat_end=any(_barline(m, "right").get("repeat_direction") == "Backward" for m, _ in measures),
                ending=next((e for m, _ in measures if (e := _ending(_barline(m, "left")))), ""),
            )
        )
    return _with_ending_lists(bars)


def _metres(drafts: list[_DraftPart], index: int, before: list[Metre | None]) -> list[Metre | None]:
    """The metre of each part in one bar. A part that says nothing while others change goes with the first of them."""
    measures = [d.source["measures"][index] if index < len(d.bars) else {} for d in drafts]
    stated = {i: _metre(measure["attributes"]) for i, measure in enumerate(measures) if _states_metre(measure)}
    first = next(iter(stated.values()), None)
    return [stated.get(i, first if stated else metre) for i, metre in enumerate(before)]


def _common_metre(metres: list[Metre | None], length: Fraction) -> Metre | None:
    """Parts may have different metres, such as 6/8 and 2/4 of dotted quarters: the one that the bar fills, or the
    longest."""
    return max(metres, key=lambda metre: (metre.length == length, metre.length) if metre else (False, Fraction(0)))


def _states_metre(measure: Json) -> bool:
    attributes = measure.get("attributes", {})
    return "time" in attributes or bool(attributes.get("senza_misura"))


def _metre(attributes: Json) -> Metre | None:
    if attributes.get("senza_misura") or "time" not in attributes:
        return None
    time = attributes["time"]
    return Metre(sum(int(beats) for beats in time["beats"].split("+")), time["beat_type"])


def _key(key: Json, shift: tuple[int, int]) -> Key:
    diatonic, chromatic = shift
    mode = key.get("mode", "major").lower()
    # an interval of d steps and c semitones is 7c - 12d places on the line of fifths: a whole tone (1, 2) is two
    return Key(key.get("fifths", 0) + 7 * chromatic - 12 * diatonic, mode if mode in MODE_FIFTHS else "major")


def _tempos(measures: Iterable[Json], tempo: Tempo | None) -> tuple[Tempo | None, Tempo | None]:
    """The tempo in force at the bar line, and the last one marked inside the bar (or None)."""
    later = None
    for measure in measures:
        for direction in measure.get("directions", ()):
            mark = direction.get("tempo", {})
            if not mark.get("per_minute"):
                continue
            dots = mark.get("dots", 0)
            beat = _BEAT_UNITS.get(mark.get("beat_unit", "quarter"), Fraction(1)) * (2 - Fraction(1, 2**dots))
            found = Tempo(mark["per_minute"], beat)
            if "offset" in direction:
                later = found
            else:
                tempo = found
    return tempo, later


def _barline(measure: Json, side: str) -> Json:
    return measure.get(f"{side}_barline") or {}


def _ending(barline: Json) -> str:
    if barline.get("ending_type", "").lower() != "start":
        return ""
    number = str(barline.get("ending_number", _LIST))
    return number if re.fullmatch("[1-9]", number) else _LIST


def _with_ending_lists(bars: list[Bar]) -> tuple[Bar, ...]:
    """lytk 0.6 drops ``number="1, 2"``: such an ending goes from where the one before it stopped to the next one."""
    last = 0
    for i, bar in enumerate(bars):
        if bar.repeat_start:
            last = 0
        if bar.ending == _LIST:
            following = next((b.ending for b in bars[i + 1 :] if b.ending.isdigit()), "")
            stop = int(following) if following and int(following) > last + 1 else last + 3
            bars[i] = dataclasses.replace(bar, ending=",".join(str(n) for n in range(last + 1, stop)))
        if bars[i].ending:
            last = int(bars[i].ending.split(",")[-1])
    return tuple(bars)
