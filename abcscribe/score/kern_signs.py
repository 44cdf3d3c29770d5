"""Words of Humdrum for its writer: values, notes, beams, signatures, texts. ``kern_tokens`` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from abcscribe.score import instruments
from abcscribe.score.durations import DOT_FACTORS, Value
from abcscribe.score.harmony import KINDS
from abcscribe.score.instruments import FAMILY_PROGRAM
from abcscribe.score.kern_tokens import BEATS, CLEFS, MODES, PROGRAMS, tremolo_value
from abcscribe.score.marks import MARKS
from abcscribe.score.model import Bar, Harmony, Key, Note, Pitch, Syllable, Tempo

_CLEF_TOKENS = {name: token for token, name in reversed(CLEFS.items())}
_MODE_TOKENS = {mode: token for token, mode in MODES.items()}
_PROGRAM_TOKENS = {program: code for code, program in reversed(PROGRAMS.items())}
_SHARPS, _FLATS = "fcgdaeb", "beadgcf"


def recip(duration: Fraction, dots: int = 0) -> str:
    """A value in quarters as Humdrum has it: ``4.``, ``12``, ``0`` for a breve, ``5%4`` for what no value says."""
    base = Fraction(4) / (duration / DOT_FACTORS[dots])
    breves = {Fraction(1, 2): "0", Fraction(1, 4): "00"}
    whole = f"{base.numerator}%{base.denominator}" if base.denominator > 1 else str(base.numerator)
    return breves.get(base, whole) + "." * dots


def rest(duration: Fraction, seen: bool) -> str:
    """A rest; what fills a second voice is not to be seen."""
    dots = next((d for d, factor in enumerate(DOT_FACTORS) if (4 / (duration / factor)).denominator == 1), 0)
    return f"{recip(duration, dots)}r{'' if seen else 'yy'}"


def pitch(of: Pitch) -> str:
    """``cc#`` for C sharp 5."""
    letters = of.step.lower() * (of.octave - 3) if of.octave >= 4 else of.step * (4 - of.octave)
    return letters + "#" * of.alter + "-" * -of.alter


def chord(notes: Sequence[Note], value: Value, first: bool, open_ties: set[int], beams: str) -> str:
    """The token of a chord on one of its tied values. ``open_ties``: pitches (MIDI) that are held into it."""
    length = recip(value.duration, value.dots)
    tokens = []
    for i, note in enumerate(notes):
        held, goes_on = note.pitch.midi in open_ties, value.tied or note.tie
        marks = "".join(_mark(name, value.duration) for name in note.marks) if first else ""
        slurs = ("(" * note.slur_start, ")" * note.slur_stop) if first else ("", "")
        begin, end = ("[" if goes_on and not held else ""), ("" if not held else "_" if goes_on else "]")
        tokens.append(f"{slurs[0]}{begin}{length}{pitch(note.pitch)}{marks}{end}{'' if i else beams}{slurs[1]}")
    return " ".join(tokens)


def _mark(name: str, duration: Fraction) -> str:
    if name.startswith("tremolo-"):
        return f"@{tremolo_value(int(name[-1]), duration)}@"
    return MARKS[name].kern


def beam_signs(values: Sequence[Value]) -> list[str]:
    """What each value of a voice says about its beams: L opens one, J closes one, K and k are short ones."""
    flags = [(v.beam, max(1, v.base.denominator.bit_length() - 1)) if v.beam else (0, 0) for v in values]
    signs = []
    for i, (beam, count) in enumerate(flags):
        before, after = (
            flags[j][1] if beam and 0 <= j < len(flags) and flags[j][0] == beam else 0 for j in (i - 1, i + 1)
        )
        short = count - max(before, after)
        opened = max(0, min(count, after) - before)
        closed = max(0, min(count, before) - after)
        signs.append("L" * opened + ("K" if after else "k") * (short if beam else 0) + "J" * closed)
    return signs


def grace_notes(pitches: Sequence[Pitch]) -> Iterator[str]:
    """One is struck through, several are sixteenths."""
    for one in pitches:
        yield f"{'8q' if len(pitches) == 1 else '16qq'}{pitch(one)}"


def clef(name: str) -> str:
    return f"*clef{_CLEF_TOKENS.get(name, 'G2')}"


def signature(key: Key) -> str:
    """``*k[f#c#]``; beyond seven accidentals the first ones are double."""
    letters, sign = (_SHARPS, "#") if key.fifths >= 0 else (_FLATS, "-")
    count = abs(key.fifths)
    signs = (letter + sign * len(range(i, count, 7)) for i, letter in enumerate(letters) if i < count)
    return f"*k[{''.join(signs)}]"


def tonic(key: Key) -> str:
    """``*b-:``, ``*d:dor``; ``*?:`` where there is no key."""
    if key.mode == "none":
        return "*?:"
    name = key.tonic.replace("b", "-")
    small = key.mode in ("minor", "dorian", "phrygian", "aeolian", "locrian")
    name = name[0].lower() + name[1:] if small else name
    return f"*{name}:{_MODE_TOKENS.get(key.mode, '')}"


def tempo(now: Tempo) -> str:
    """Quarters a minute."""
    return f"*MM{_number(now.quarter_bpm)}"


def designation(bar: Bar, tempo_now: Tempo | None) -> str:
    """What stands behind !!!OMD: words of tempo, and the metronome mark if it does not count quarters."""
    names = {beat: name for name, beat in BEATS.items()}
    beat = names.get(tempo_now.beat) if tempo_now and tempo_now.beat != 1 else None
    mark = f"[{beat}]={_number(tempo_now.bpm)}" if tempo_now and beat else ""
    return " ".join(filter(None, (line(bar.words), mark)))


def _number(number: float) -> str:
    return f"{number:.3f}".rstrip("0").rstrip(".")


def chord_symbol(harmony: Harmony) -> str:
    """A token of **mxhm, such as ``E- minor-seventh/G``; kinds without a name as they are printed."""
    if not harmony.root:
        return "none"
    kind = KINDS.get(harmony.kind) or line(harmony.kind)
    bass = f"/{_humdrum_flat(harmony.bass)}" if harmony.bass else ""
    return f"{_humdrum_flat(harmony.root)} {kind}{bass}"


def _humdrum_flat(name: str) -> str:
    return name.replace("b", "-")


def syllable(sung: Syllable, joins: bool) -> str:
    """``-ri-`` inside of a word, ``oh_`` for what is held; ``joins``: goes on with the word before it."""
    text = line(sung.text)
    return f"{'-' if joins else ''}{text}{'-' if sung.joined else ''}{'_' if sung.held else ''}"


def instrument(program: int) -> str:
    """The code of an instrument behind ``*I``, or of the nearest that Humdrum has one for."""
    family = FAMILY_PROGRAM.get(instruments.family(program), 0)
    return _PROGRAM_TOKENS.get(program) or _PROGRAM_TOKENS.get(family, "piano")


def layout(text: str) -> str:
    """A text as a parameter of a layout comment."""
    return line(text).replace("&", "&amp;").replace(":", "&colon;")


def line(text: str) -> str:
    """What is printed of a text, on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
