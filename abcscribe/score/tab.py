"""Score -> tablature for guitar, bass, ukulele and their like: as text, MusicXML and engraved."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from abcscribe.errors import ScoreError
from abcscribe.score.fingering import Fingering, Place, finger
from abcscribe.score.instruments import PERCUSSION, group
from abcscribe.score.model import Bar, Note, Part, Pitch, Score, Staff
from abcscribe.score.musicxml import TabStaff, to_musicxml

# Open strings from the lowest to the highest, or as the strings lie where the order is reentrant.
TUNINGS = {
    "guitar": "E2 A2 D3 G3 B3 E4",
    "guitar-drop-d": "D2 A2 D3 G3 B3 E4",
    "guitar-dadgad": "D2 A2 D3 G3 A3 D4",
    "guitar-open-g": "D2 G2 D3 G3 B3 D4",
    "guitar-open-d": "D2 A2 D3 F#3 A3 D4",
    "guitar-half-step-down": "Eb2 Ab2 Db3 Gb3 Bb3 Eb4",
    "guitar-7": "B1 E2 A2 D3 G3 B3 E4",
    "bass": "E1 A1 D2 G2",
    "bass-5": "B0 E1 A1 D2 G2",
    "ukulele": "G4 C4 E4 A4",
    "ukulele-baritone": "D3 G3 B3 E4",
    "mandolin": "G3 D4 A4 E5",
    "banjo": "G4 D3 G3 B3 D4",
}
LINE_WIDTH = 78  # characters
MOST_STRINGS = 12
QUARTER_WIDTH = 4  # characters that a quarter takes at least

_PITCH = re.compile(r"([A-Ga-g])(#|b)?(\d)")


def open_strings(tuning: str) -> tuple[Pitch, ...]:
    """The strings of a tuning, by its name in TUNINGS or as text such as "D2 A2 D3 G3 B3 E4". Raises ScoreError."""
    names = TUNINGS.get(tuning.strip().lower(), tuning).split()
    matches = [match for name in names if (match := _PITCH.fullmatch(name))]
    if not 0 < len(matches) == len(names) <= MOST_STRINGS:
        known = ", ".join(TUNINGS)
        raise ScoreError(f'{tuning!r} is no tuning; name one ({known}) or its open strings, such as "E1 A1 D2 G2".')
    alters = {"#": 1, "b": -1, None: 0}
    return tuple(Pitch(match[1].upper(), alters[match[2]], int(match[3])) for match in matches)


def usual_tuning(part: Part) -> str:
    """The tuning of the instrument that a part names; the guitar's for all that have no frets."""
    if group(part.program) == "bass":
        return "bass"
    return next((name for name in ("ukulele", "mandolin", "banjo", "bass") if name in part.name.lower()), "guitar")


def to_ascii(score: Score, tuning: str | None = None) -> str:
    """Tablature as text; parts are played on the strings of ``tuning``, or each on what is usual for it."""
    title = " - ".join(text for text in (score.title, score.composer) if text)
    blocks = [title] if title else []
    for part in _fretted(score):
        strings = open_strings(tuning or usual_tuning(part))
        fingering = finger(part, score.bar_starts(), strings)
        blocks.append(_heading(part, strings, fingering))
        blocks.extend(_systems(score.bars, part, strings, fingering))
    return "\n\n".join(blocks) + "\n"


def to_tab_musicxml(score: Score, tuning: str | None = None) -> str:
    """MusicXML with a staff of tablature below the notes of each part."""
    return to_musicxml(*with_tab_parts(score, tuning))


def to_tab_pdf(score: Score, tuning: str | None = None) -> bytes:
    """Notes with tablature below, engraved on A4 pages."""
    from abcscribe.score.engrave import to_pdf  # heavy

    return to_pdf(*with_tab_parts(score, tuning))


def with_tab_parts(score: Score, tuning: str | None = None) -> tuple[Score, dict[int, TabStaff]]:
    """The score with a part of tablature after each part, and what stands in those (by index)."""
    parts: list[Part] = []
    tabs: dict[int, TabStaff] = {}
    for part in _fretted(score):
        strings = open_strings(tuning or usual_tuning(part))
        tab_part, staff = _tab_part(part, strings, finger(part, score.bar_starts(), strings))
        tabs[len(parts) + 1] = staff
        parts += [part, tab_part]
    return dataclasses.replace(score, parts=tuple(parts)), tabs


def _fretted(score: Score) -> list[Part]:
    """The parts to write: those of guitars and basses if there are any, otherwise all that have pitches."""
    pitched = [part for part in score.parts if part.program != PERCUSSION]
    plucked = [part for part in pitched if group(part.program) in ("guitar", "bass")]
    if not pitched:
        raise ScoreError("The score has no part with pitches to write as tablature.")
    return plucked or pitched


def _tab_part(part: Part, strings: Sequence[Pitch], fingering: Fingering) -> tuple[Part, TabStaff]:
    """The notes that have a place, as they sound there, on one staff and without graces."""
    bars: list[tuple[Note, ...]] = []
    positions: dict[tuple[int, Note], Place] = {}
    for index, notes in enumerate(part.bars):
        bar = []
        for note in notes:
            if (index, note) not in fingering.places:
                continue
            string, fret = fingering.places[index, note]
            octaves = (strings[string].midi + fret - note.pitch.midi) // 12
            pitch = dataclasses.replace(note.pitch, octave=note.pitch.octave + octaves)
            bar.append(dataclasses.replace(note, pitch=pitch, grace=(), staff=0))
            positions[index, bar[-1]] = (len(strings) - string, fret)
        bars.append(tuple(bar))
    tab_part = dataclasses.replace(part, bars=tuple(bars), name="", staves=(Staff(voices=part.voices),))
    return tab_part, TabStaff(tuple(strings), positions)


def _heading(part: Part, strings: Sequence[Pitch], fingering: Fingering) -> str:
    remarks = [f"tuning {' '.join(str(pitch) for pitch in strings)}"]
    if fingering.octaves:
        direction = "higher" if fingering.octaves > 0 else "lower"
        remarks.append(f"sounds {abs(fingering.octaves)} octave{'s' * (abs(fingering.octaves) > 1)} {direction}")
    if fingering.folded:
        remarks.append(f"{fingering.folded} notes moved by an octave")
    if fingering.left_out:
        remarks.append(f"{fingering.left_out} notes of chords left out")
    return f"{part.name or 'Tablature'} ({'; '.join(remarks)})"


# --- text -------------------------------------------------------------------------------------------------------------


def _systems(bars: Sequence[Bar], part: Part, strings: Sequence[Pitch], fingering: Fingering) -> Iterator[str]:
    """Lines of strings, highest first, with the beats above; each as many bars as fit into LINE_WIDTH."""
    labels = [f"{pitch.step}{'#' * pitch.alter}{'b' * -pitch.alter}" for pitch in strings]
    width = max(len(label) for label in labels)
    start = [" " * (width + 1), *(f"{label:{width}}|" for label in reversed(labels))]
    rows, filled = start, False
    for index, bar in enumerate(bars):
        block = _bar_block(bar, _frets(part.bars[index], index, fingering), len(strings))
        if filled and len(rows[0]) + len(block[0]) > LINE_WIDTH:
            yield "\n".join(row.rstrip() for row in rows)
            rows = start
        rows = [row + new for row, new in zip(rows, block, strict=True)]
        filled = True
    if filled:
        yield "\n".join(row.rstrip() for row in rows)


def _frets(notes: Sequence[Note], index: int, fingering: Fingering) -> dict[Fraction, list[Place]]:
    """Places by position in the bar, of the notes that are struck."""
    frets: dict[Fraction, list[Place]] = {}
    for note in notes:
        place = fingering.places.get((index, note))
        if place is not None and (index, note) in fingering.struck:
            frets.setdefault(note.start, []).append(place)
    return frets


def _bar_block(bar: Bar, frets: dict[Fraction, list[Place]], strings: int) -> list[str]:
    """One bar: a row of beat numbers, then the strings from the highest, each ending in a bar line."""
    beat = bar.metre.beat if bar.metre else Fraction(1)
    beats = [i * beat for i in range(int(-(-bar.length // beat)))]
    columns = sorted({*frets, *beats})
    rows = ["-" for _ in range(strings)]
    count = " "
    for column, following in zip(columns, [*columns[1:], bar.length], strict=True):
        texts = {string: str(fret) for string, fret in frets.get(column, ())}
        widest = max((len(text) for text in texts.values()), default=1)
        width = max(widest + 1, round((following - column) * QUARTER_WIDTH))
        rows = [row + texts.get(string, "").ljust(width, "-") for string, row in enumerate(rows)]
        label = str(beats.index(column) + 1) if column in beats else ""
        count += label.ljust(width)
    return [f"{count} ", *(f"{row}|" for row in reversed(rows))]
