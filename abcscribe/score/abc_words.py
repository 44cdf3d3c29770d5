"""What the ABC writer puts around notes: decorations, chord symbols, words below the music, names of drums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from abcscribe.score import percussion
from abcscribe.score.abc_signs import HAIRPINS, HEAD_DECORATIONS, lyric_text
from abcscribe.score.abc_text import escape
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.marks import ABC_SHORTHAND, DYNAMICS, MARKS
from abcscribe.score.model import Bar, Direction, Note, Part, Pitch, Syllable

Around = list[tuple[Fraction, str]]  # (quarters from the bar line, text in front of the note there), by start

_HAIRPIN_NAMES = {("<", "<"): "<(", ("!", "<"): "<)", (">", ">"): ">(", ("!", ">"): ">)"}
_SHORT = {"staccato": ".", "roll": "~"}  # written as one letter; the others are clearer by name
_JUMPS = {"fine": "fine", "to coda": "dacoda", "D.C. al Fine": "D.C.alfine", "D.C. al Coda": "D.C.alcoda",
          "D.S. al Fine": "D.S.alfine", "D.S. al Coda": "D.S.alcoda"}  # fmt: skip
_LAST = ("fermata", "breath-mark", "caesura")  # of tied values they stand on the last
_ACCIDENTALS = ("", "^", "_", "=", "^^", "__")

assert ABC_SHORTHAND["."] == "staccato"
assert set(HAIRPINS) >= set(_HAIRPIN_NAMES.values())


def around(bar: Bar, directions: Iterable[Direction], with_harmonies: bool, open_hairpins: list[str]) -> Around:
    """Chord symbols, dynamics, hairpins and words of one staff in a bar. ``open_hairpins`` goes on from bar to bar."""
    texts: Around = [(h.start, f'"{h}"') for h in bar.harmonies if with_harmonies]
    for sign in directions:
        if sign.kind == "dynamic" and sign.text in DYNAMICS:
            texts.append((sign.start, f"!{sign.text}!"))
        elif sign.kind == "hairpin":
            kind = sign.text if sign.text != "!" else open_hairpins.pop() if open_hairpins else "<"
            if sign.text != "!":
                open_hairpins.append(kind)
            texts.append((sign.start, f"!{_HAIRPIN_NAMES[sign.text, kind]}!"))
        elif sign.kind in ("words", "dynamic"):
            texts.append((sign.start, f'"^{escape(sign.text, quoted=True)}"'))
    return sorted(texts, key=lambda text: text[0])


def decorations(event: Sequence[Note], first: bool, last: bool) -> str:
    """The marks of a chord on one of its tied values, and the head of its notes."""
    names = dict.fromkeys(name for note in event for name in note.marks)
    shown = (name for name in names if (last if name in _LAST else first))
    head = next((note.head for note in event if note.head in HEAD_DECORATIONS), "")
    return (HEAD_DECORATIONS[head] if head else "") + "".join(
        _SHORT.get(name) or f"!{MARKS[name].abc}!" for name in shown
    )


def start_signs(bar: Bar) -> str:
    """Segno and coda, in front of the first note."""
    return "".join(f"!{sign}!" for sign in bar.signs if sign in ("segno", "coda"))


def end_signs(bar: Bar) -> str:
    """Fine, D.C. and the like, in front of the bar line."""
    return "".join(f"!{_JUMPS.get(sign, sign)}!" for sign in bar.signs if sign not in ("segno", "coda"))


def lyric_lines(slots: Sequence[tuple[Syllable | None, ...]], held: list[bool]) -> Iterator[str]:
    """The w: lines below a line of music.

    Args:
        slots: for each written note of the line its syllables by verse, () for none.
        held: by verse, whether the last syllable before this line is sung on; goes on from line to line.
    """
    verses = max((len(slot) for slot in slots), default=0)
    for verse in range(verses):
        held.extend([False] * (verse + 1 - len(held)))
        words: list[str] = []
        for slot in slots:
            syllable = slot[verse] if verse < len(slot) else None
            if syllable:
                words.append(lyric_text(syllable))
                held[verse] = syllable.held
            else:
                words.append("_" if held[verse] else "*")
        if slots and verse < len(slots[-1]) and held[verse]:
            words.append("_")  # sung on in the next line
        yield "w: " + _spaced(words).rstrip("* ") if any(word not in "*_" for word in words) else "w: *"
    for verse in range(verses, len(held)):
        held[verse] = held[verse] and not slots


def _spaced(words: Sequence[str]) -> str:
    """Syllables with the blanks between words; what goes on from one stands at it."""
    text = ""
    for word in words:
        glued = text.endswith("-") or word == "_" or not text
        text += word if glued else f" {word}"
    return text


def drum_names(part: Part) -> dict[tuple[int, Pitch], str]:
    """What is written for each drum of a percussion part: (key, where it stands) -> a note of ABC. Drums that share a
    place are told apart by accidentals."""
    if part.program != PERCUSSION:
        return {}
    notes = [note for bar in part.bars for note in bar]
    places = dict.fromkeys((note.pitch.midi, percussion.place(note)[0]) for note in notes)
    small = (pitch.midi for note in notes for pitch in (*note.grace, *note.after))
    places |= dict.fromkeys((key, percussion.usual_place(key)[0]) for key in small)
    taken: dict[str, int] = {}
    names: dict[tuple[int, Pitch], str] = {}
    for key, line in sorted(places, key=lambda place: place[0]):
        plain = line.step + "," * (4 - line.octave) if line.octave < 5 else line.step.lower() + "'" * (line.octave - 5)
        count = taken.get(plain, 0)
        taken[plain] = count + 1
        names[key, line] = _ACCIDENTALS[min(count, 5)] + plain
    return names
