"""Score -> tablature for guitar, bass, ukulele and their like: as text, MusicXML and engraved."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from abcscribe.errors import ScoreError
from abcscribe.score.fingering import Fingering, Place, finger
from abcscribe.score.grips import advised_capo, chart
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


@dataclass(frozen=True, slots=True)
class Tablature:
    """A part on its strings."""

    part: Part
    strings: tuple[Pitch, ...]  # open, without the capo
    capo: int
    fingering: Fingering


def tablatures(score: Score, tuning: str | None = None, capo: int | None = None) -> list[Tablature]:
    """The parts of a score that are fretted, on the strings of ``tuning``, or each on its own or what is usual for it.

    Raises ScoreError if no part has pitches.
    """
    found = []
    for part in _fretted(score):
        strings = open_strings(tuning) if tuning else part.tuning or open_strings(usual_tuning(part))
        fret = part.capo if capo is None else capo
        found.append(Tablature(part, strings, fret, finger(part, score.bar_starts(), strings, fret)))
    return found


def remarks(score: Score, tuning: str | None = None, capo: int | None = None) -> list[str]:
    """What was done to play a score on its strings, a sentence for each part that does not stay as it is; and which
    parts have no tablature."""
    tabs = tablatures(score, tuning, capo)
    said = [
        f"{tab.part.name or 'Tablature'}: {', '.join(_done(tab.fingering))}." for tab in tabs if _done(tab.fingering)
    ]
    others = len(score.parts) - len(tabs)
    harmonies = [harmony for bar in score.bars for harmony in bar.harmonies]
    advised = advised_capo(harmonies)
    if advised and any(_is_guitar(tab) and not tab.capo for tab in tabs) and capo is None:
        said.append(f"With --capo {advised} the chords are open ones: {chart(harmonies, advised)}.")
    return [*said, *([f"{others} part{'s' * (others > 1)} without frets left out."] if others else [])]


def to_ascii(score: Score, tuning: str | None = None, capo: int | None = None) -> str:
    """Tablature as text."""
    title = " - ".join(text for text in (score.title, score.composer) if text)
    blocks = [title] if title else []
    for tab in tablatures(score, tuning, capo):
        blocks.append(_heading(tab))
        held = chart([harmony for bar in score.bars for harmony in bar.harmonies], tab.capo) if _is_guitar(tab) else ""
        blocks += [f"Grips: {held}"] if held else []
        blocks.extend(_systems(score.bars, tab.part, tab.strings, tab.fingering))
    return "\n\n".join(blocks) + "\n"


def to_tab_musicxml(score: Score, tuning: str | None = None, capo: int | None = None) -> str:
    """MusicXML with a staff of tablature below the notes of each part."""
    return to_musicxml(*with_tab_parts(score, tuning, capo))


def to_tab_pdf(score: Score, tuning: str | None = None, capo: int | None = None, notes: bool = True) -> bytes:
    """Tablature engraved on A4 pages, with the ``notes`` above or alone."""
    from abcscribe.score.engrave import to_pdf  # heavy

    return to_pdf(*with_tab_parts(score, tuning, capo, notes))


def with_tab_parts(
    score: Score, tuning: str | None = None, capo: int | None = None, notes: bool = True
) -> tuple[Score, dict[int, TabStaff]]:
    """The score with a part of tablature after each part, or in its place, and what stands in those (by index)."""
    parts: list[Part] = []
    tabs: dict[int, TabStaff] = {}
    for tab in tablatures(score, tuning, capo):
        tab_part, staff = _tab_part(tab)
        parts += [tab.part] if notes else []
        tabs[len(parts)] = staff
        parts.append(tab_part if notes else dataclasses.replace(tab_part, name=tab.part.name))
    return dataclasses.replace(score, parts=tuple(parts)), tabs


def _fretted(score: Score) -> list[Part]:
    """The parts to write: those of guitars and basses if there are any, otherwise all that have pitches."""
    pitched = [part for part in score.parts if part.program != PERCUSSION]
    plucked = [part for part in pitched if group(part.program) in ("guitar", "bass")]
    if not pitched:
        raise ScoreError("The score has no part with pitches to write as tablature.")
    return plucked or pitched


def _tab_part(tab: Tablature) -> tuple[Part, TabStaff]:
    """The notes that have a place, as they sound there, on one staff and without graces."""
    part, strings, fingering = tab.part, tab.strings, tab.fingering
    bars: list[tuple[Note, ...]] = []
    positions: dict[tuple[int, Note], Place] = {}
    for index, notes in enumerate(part.bars):
        bar = []
        for note in notes:
            if (index, note) not in fingering.places:
                continue
            string, fret = fingering.places[index, note]
            octaves = (strings[string].midi + tab.capo + fret - note.pitch.midi) // 12
            pitch = dataclasses.replace(note.pitch, octave=note.pitch.octave + octaves)
            bar.append(dataclasses.replace(note, pitch=pitch, grace=(), after=(), staff=0))
            positions[index, bar[-1]] = (len(strings) - string, fret)
        bars.append(tuple(bar))
    staff = Staff("treble-8", part.voices)
    tab_part = dataclasses.replace(part, bars=tuple(bars), name="", staves=(staff,), directions=())
    return tab_part, TabStaff(tuple(strings), positions, tab.capo)


def _is_guitar(tab: Tablature) -> bool:
    return tab.strings == open_strings("guitar")


def _heading(tab: Tablature) -> str:
    said = [f"tuning {' '.join(str(pitch) for pitch in tab.strings)}"]
    if tab.capo:
        said.append(f"capo {tab.capo}")
    return f"{tab.part.name or 'Tablature'} ({'; '.join([*said, *_done(tab.fingering)])})"


def _done(fingering: Fingering) -> list[str]:
    """What was done to the notes."""
    said = []
    if fingering.octaves:
        direction = "higher" if fingering.octaves > 0 else "lower"
        said.append(f"sounds {abs(fingering.octaves)} octave{'s' * (abs(fingering.octaves) > 1)} {direction}")
    if fingering.folded:
        said.append(f"{fingering.folded} note{'s' * (fingering.folded > 1)} moved by an octave")
    if fingering.left_out:
        said.append(f"{fingering.left_out} note{'s' * (fingering.left_out > 1)} of chords left out")
    return said


# --- text -------------------------------------------------------------------------------------------------------------


def _systems(bars: Sequence[Bar], part: Part, strings: Sequence[Pitch], fingering: Fingering) -> Iterator[str]:
    """Lines of strings, highest first, with the beats above; each as many bars as fit into LINE_WIDTH."""
    labels = [f"{pitch.step}{'#' * pitch.alter}{'b' * -pitch.alter}" for pitch in strings]
    width = max(len(label) for label in labels)
    named = any(bar.harmonies for bar in bars)  # a row of chord names on top
    start = [" " * (width + 1)] * (1 + named) + [f"{label:{width}}|" for label in reversed(labels)]
    rows, filled = start, False
    for index, bar in enumerate(bars):
        block = _bar_block(bar, _frets(part.bars[index], index, fingering), len(strings), named)
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


def _bar_block(bar: Bar, frets: dict[Fraction, list[Place]], strings: int, named: bool) -> list[str]:
    """One bar: chord names if it is ``named``, a row of beat numbers, then the strings from the highest, each ending
    in a bar line."""
    beat = bar.metre.beat if bar.metre else Fraction(1)
    beats = [i * beat for i in range(int(-(-bar.length // beat)))]
    symbols = {harmony.start: str(harmony) for harmony in bar.harmonies}
    columns = sorted({*frets, *beats, *symbols})
    rows = ["-" for _ in range(strings)]
    count = names = " "
    for column, following in zip(columns, [*columns[1:], bar.length], strict=True):
        texts = {string: str(fret) for string, fret in frets.get(column, ())}
        widest = max((len(text) for text in texts.values()), default=1)
        width = max(widest + 1, len(symbols.get(column, "")) + 1, round((following - column) * QUARTER_WIDTH))
        rows = [row + texts.get(string, "").ljust(width, "-") for string, row in enumerate(rows)]
        label = str(beats.index(column) + 1) if column in beats else ""
        count += label.ljust(width)
        names += symbols.get(column, "").ljust(width)
    return [*([f"{names} "] if named else []), f"{count} ", *(f"{row}|" for row in reversed(rows))]
