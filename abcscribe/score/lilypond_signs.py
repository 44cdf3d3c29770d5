"""Words of LilyPond: names of pitches and drums, values, marks, chord symbols, jumps, lyrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from abcscribe.score.durations import DOT_FACTORS, Value, chords
from abcscribe.score.marks import MARKS
from abcscribe.score.model import Bar, Harmony, Note, Part, Pitch, Score, Syllable, Tempo

DRUM_NAMES = {
    35: "bda", 36: "bd", 37: "ss", 38: "sn", 39: "hc", 40: "sne", 41: "tomfl", 42: "hhc", 43: "tomfh", 44: "hhp",
    45: "toml", 46: "hho", 47: "tomml", 48: "tommh", 49: "cymca", 50: "tomh", 51: "cymra", 52: "cymch", 53: "rb",
    54: "tamb", 55: "cyms", 56: "cb", 57: "cymcb", 58: "vibs", 59: "cymrb", 60: "boh", 61: "bol", 62: "cghm",
    63: "cgho",
    64: "cgl", 65: "timh", 66: "timl", 67: "agh", 68: "agl", 69: "cab", 70: "mar", 71: "whs", 72: "whl", 73: "guis",
    74: "guil", 75: "cl", 76: "wbh", 77: "wbl", 78: "cuim", 79: "cuio", 80: "trim", 81: "trio",
}  # fmt: skip
CHORD_KINDS = {  # chord mode's text behind the root
    "": "", "m": ":m", "7": ":7", "maj7": ":maj7", "m7": ":m7", "dim": ":dim", "dim7": ":dim7", "aug": ":aug",
    "m7b5": ":m7.5-", "aug7": ":aug7", "m(maj7)": ":m7+", "6": ":6", "m6": ":m6", "9": ":9", "maj9": ":maj9",
    "m9": ":m9",
    "11": ":11", "maj11": ":maj11", "m11": ":m11", "13": ":13", "maj13": ":maj13", "m13": ":m13", "sus2": ":sus2",
    "sus4": ":sus4", "5": ":1.5",
}  # fmt: skip
_LAST = ("fermata", "breath-mark", "caesura")  # of tied values they stand on the last


def pitch_name(pitch: Pitch) -> str:
    """``fis'`` for F sharp 4."""
    octave = "'" * (pitch.octave - 3) if pitch.octave >= 3 else "," * (3 - pitch.octave)
    return _step(pitch.step, pitch.alter) + octave


def _step(step: str, alter: int) -> str:
    return step.lower() + ("is" * alter if alter > 0 else "es" * -alter)


def duration(value: Value) -> str:
    """``4.``, ``\\breve``."""
    base = "\\breve" if value.base == 8 else "\\longa" if value.base == 16 else str(Fraction(4) / value.base)
    return base + "." * value.dots


def quoted(text: str) -> str:
    """A string of LilyPond."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return '"' + line.replace("\\", "\\\\").replace('"', '\\"') + '"'


def after_note(event: Sequence[Note], first: bool, last: bool) -> str:
    """The marks of a chord on one of its tied values."""
    names = dict.fromkeys(name for note in event for name in note.marks)
    shown = (name for name in names if (last if name in _LAST else first))
    return "".join(MARKS[name].lilypond for name in sorted(shown, key=lambda name: MARKS[name].lilypond[:1] != ":"))


def tempo_mark(bar: Bar, before: Bar | None) -> str:
    """\\tempo with words, a number or both, where they change."""
    tempo = bar.tempo if before is None or bar.tempo != before.tempo else None
    if not (tempo or bar.words):
        return ""
    words = quoted(bar.words) + " " if bar.words else ""
    return f"\\tempo {words}{_metronome(tempo) if tempo else ''}".strip()


def _metronome(tempo: Tempo) -> str:
    base, dots = next(
        ((tempo.beat / f, d) for d, f in enumerate(DOT_FACTORS) if (4 * f / tempo.beat).denominator == 1),
        (Fraction(1), 0),
    )
    bpm = tempo.quarter_bpm / float(base * DOT_FACTORS[dots])
    return f"{Fraction(4) / base}{'.' * dots} = {round(bpm)}"


def start_marks(bar: Bar) -> Iterator[str]:
    """Segno and coda."""
    for sign in bar.signs:
        if sign in ("segno", "coda"):
            yield f'\\mark \\markup {{ \\musicglyph "scripts.{sign}" }}'


def end_marks(bar: Bar) -> Iterator[str]:
    """Jumps and special bar lines."""
    for sign in bar.signs:
        if sign not in ("segno", "coda"):
            yield f'\\mark "{ {"fine": "Fine", "to coda": "To Coda"}.get(sign, sign) }"'
    if line := {"double": "||", "final": "|.", "dashed": "!"}.get(bar.line):
        yield f'\\bar "{line}"'


def chord_symbol(harmony: Harmony, length: Fraction) -> str:
    """A chord of chord mode, so many quarters long."""
    value = f"1*{length / 4}"
    if not harmony.root:
        return f"r{value}"
    bass = f"/{_name(harmony.bass)}" if harmony.bass else ""
    return f"{_name(harmony.root)}{value}{CHORD_KINDS.get(harmony.kind, '')}{bass}"


def _name(text: str) -> str:
    return _step(text[0], text.count("#") - text.count("b"))


def lyrics(score: Score, part: Part, voice: int) -> list[str]:
    """The verses of a voice in lyric mode: a syllable for each note that neither a tie nor a slur continues."""
    slots, hidden = sung_slots(score, part, voice)
    del hidden
    verses = max((len(slot) for slot in slots), default=0)
    return [" ".join(_sung(slots, verse)) for verse in range(verses)]


def sung_slots(score: Score, part: Part, voice: int) -> tuple[list[tuple[Syllable | None, ...]], int]:
    """(what is sung on the notes that take a syllable, number of syllables on notes that take none)."""
    slots: list[tuple[Syllable | None, ...]] = []
    slurs = hidden = 0
    tied: set[int] = set()
    for notes in score.voice_bars(part, voice):
        for chord in chords(notes):
            words = next((note.lyrics for note in chord if note.lyrics), ())
            goes_on = slurs > 0 or any(note.pitch.midi in tied for note in chord)
            hidden += goes_on and any(words)
            if not goes_on:
                slots.append(words)
            slurs = max(0, slurs - sum(n.slur_stop for n in chord)) + sum(n.slur_start for n in chord)
            tied = {note.pitch.midi for note in chord if note.tie}
    while slots and not any(slots[-1]):
        slots.pop()
    return slots, hidden


def _sung(slots: Sequence[tuple[Syllable | None, ...]], verse: int) -> Iterator[str]:
    for slot in slots:
        syllable = slot[verse] if verse < len(slot) else None
        if syllable is None:
            yield "_"
        else:
            yield quoted(syllable.text)
            if syllable.joined or syllable.held:
                yield "--" if syllable.joined else "__"
