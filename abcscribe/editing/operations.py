"""Edits as JSON objects, the form in which they are sent, kept and made again: docs/api.md, "Edits"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from abcscribe.editing import notes, parts
from abcscribe.editing.notes import EditError
from abcscribe.hints import HintError, parse_key
from abcscribe.score.instruments import PERCUSSION
from abcscribe.score.model import Key, Pitch, Score

Edit = Mapping[str, Any]

LONGEST = Fraction(64)  # quarters
MOST_DENOMINATOR = 960  # of a length: every tuplet that is written
LONGEST_NAME = 200  # characters
_PITCH = re.compile(r"([A-G])(#{0,2}|b{0,2})(-?\d)")


def edited(score: Score, edit: Edit) -> Score:
    """The score after one edit.

    Raises:
        EditError: it is not an edit, or it cannot be made in this score.
    """
    make = OPERATIONS.get(str(edit.get("op")))
    if make is None:
        raise EditError(f"There is no edit {edit.get('op')!r}.")
    new = make(score, edit)
    if problems := new.problems():
        raise EditError(f"That edit does not fit: {problems[0]}.")
    return new


def label(edit: Edit) -> str:
    """What an edit does, in a few words for the history."""
    op = str(edit.get("op"))
    count = len(edit.get("notes") or edit.get("anchors") or ())
    what = "note" if count == 1 else f"{count} notes"
    said = {
        "pitch": f"Pitch of {what}",
        "accidental": f"Accidental of {what}",
        "respell": f"Spelling of {what}",
        "length": f"Length of {what}",
        "tie": "Tie" if edit.get("tie", True) else "Tie removed",
        "delete": f"Delete {what}",
        "add": f"Add {edit.get('pitch')}",
        "shift": f"Shift {what}",
        "move": f"Move {what}",
        "part": "Part",
        "merge": "Merge parts",
        "split": "Split part",
        "hands": "Hands",
        "remove": "Remove part",
        "order": "Order of parts",
        "transpose": "Transpose",
        "header": "Header",
    }
    return said.get(op, op)


def pitch(text: object) -> Pitch:
    """``F#4``, ``Bb3``. Raises EditError."""
    match = _PITCH.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise EditError(f"{text!r} is no pitch; write it like F#4 or Bb3.")
    return Pitch(match[1], match[2].count("#") - match[2].count("b"), int(match[3]))


def quarters(value: object, lowest: Fraction = Fraction(-LONGEST)) -> Fraction:
    """An exact number of quarters from text such as ``3/2``. Raises EditError."""
    try:
        number = Fraction(value) if isinstance(value, str | int) else None
    except (ValueError, ZeroDivisionError):
        number = None
    if number is None or not lowest <= number <= LONGEST or number.denominator > MOST_DENOMINATOR:
        raise EditError(f"{value!r} is no length that can be written; give quarter notes such as 1/2 or 3/2.")
    return number


def _ids(edit: Edit) -> list[str]:
    ids = edit.get("notes")
    if not isinstance(ids, list) or not ids or not all(isinstance(name, str) for name in ids):
        raise EditError("The edit names no notes.")
    return ids


def _whole(edit: Edit, name: str, low: int, high: int, default: int | None = None) -> int:
    value = edit.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise EditError(f"{name} has to be a whole number from {low} to {high}.")
    return value


def _part_index(score: Score, edit: Edit) -> int:
    return _whole(edit, "part", 0, len(score.parts) - 1)


def _part_list(score: Score, edit: Edit) -> list[int]:
    indices = edit.get("parts")
    if not isinstance(indices, list) or not all(type(i) is int and 0 <= i < len(score.parts) for i in indices):
        raise EditError("The edit names parts that are not there.")
    return indices


def _pitch(score: Score, edit: Edit) -> Score:
    if "pitch" in edit:
        change = notes.to_pitch(pitch(edit["pitch"]))
    elif "steps" in edit:
        change = notes.by_steps(_whole(edit, "steps", -70, 70))
    elif "octaves" in edit:
        change = notes.by_semitones(12 * _whole(edit, "octaves", -9, 9))
    else:
        change = notes.by_semitones(_whole(edit, "semitones", -127, 127))
    return notes.repitched(score, _ids(edit), change)


def _add(score: Score, edit: Edit) -> Score:
    part = _part_index(score, edit)
    voice = _whole(edit, "voice", 1, 64, 1)
    bar = _whole(edit, "bar", 0, len(score.bars) - 1)
    start, duration = quarters(edit.get("start"), Fraction(0)), quarters(edit.get("duration"), Fraction(1, 960))
    if start >= score.bars[bar].length:
        raise EditError("The note would begin behind its bar.")
    if voice not in score.parts[part].voices:
        staff = _whole(edit, "staff", 0, 63, 0)
        score = notes.with_part(score, part, notes.with_voice(score.parts[part], voice, staff))
    return notes.added(score, part, voice, score.bar_starts()[bar] + start, duration, pitch(edit.get("pitch")))


def _move(score: Score, edit: Edit) -> Score:
    staff = _whole(edit, "staff", 0, 63) if edit.get("staff") is not None else None
    return notes.moved(score, _ids(edit), _part_index(score, edit), _whole(edit, "voice", 1, 64, 1), staff)


def _part(score: Score, edit: Edit) -> Score:
    name = edit.get("name")
    if name is not None and (not isinstance(name, str) or len(name) > LONGEST_NAME):
        raise EditError(f"A name is a text of {LONGEST_NAME} characters at most.")
    if name is not None:
        name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    program = _whole(edit, "program", 0, PERCUSSION) if edit.get("program") is not None else None
    clef = edit.get("clef")
    return parts.described(
        score, _part_index(score, edit), name=name, program=program, clef=clef, staff=_whole(edit, "staff", 0, 63, 0)
    )


def _split(score: Score, edit: Edit) -> Score:
    index = _part_index(score, edit)
    if edit.get("by") == "voice":
        return parts.split_by_voice(score, index)
    return parts.split_by_pitch(score, index, pitch(edit.get("at")).midi)


def _transpose(score: Score, edit: Edit) -> Score:
    semitones = _whole(edit, "semitones", -48, 48)
    if edit.get("part") is None:
        return parts.all_transposed(score, semitones)
    return parts.part_transposed(score, _part_index(score, edit), semitones)


def _key(text: object) -> Key:
    try:
        return parse_key(str(text))
    except HintError as error:
        raise EditError(str(error)) from None


def _header(score: Score, edit: Edit) -> Score:
    bar = _whole(edit, "bar", 0, len(score.bars) - 1, 0)
    if edit.get("metre") is not None:
        raise EditError("Another metre needs another analysis: give it as a hint.")
    if (key := edit.get("key")) is not None:
        score = parts.with_key(score, bar, _key(key))
    if (tempo := edit.get("tempo")) is not None:
        if not isinstance(tempo, int | float) or not math.isfinite(tempo) or not 10 <= tempo <= 600:
            raise EditError("A tempo is from 10 to 600 quarters a minute.")
        score = parts.with_tempo(score, bar, float(tempo))
    return score


OPERATIONS: dict[str, Callable[[Score, Edit], Score]] = {
    "pitch": _pitch,
    "accidental": lambda s, e: notes.repitched(s, _ids(e), notes.with_alter(_whole(e, "alter", -2, 2))),
    "respell": lambda s, e: notes.repitched(s, _ids(e), notes.respelled),
    "length": lambda s, e: notes.lengthened(s, _ids(e), quarters(e.get("duration"), Fraction(1, 960))),
    "tie": lambda s, e: notes.tied(s, _ids(e), bool(e.get("tie", True))),
    "delete": lambda s, e: notes.deleted(s, _ids(e)),
    "add": _add,
    "shift": lambda s, e: notes.shifted(s, _ids(e), quarters(e.get("quarters"))),
    "move": _move,
    "part": _part,
    "merge": lambda s, e: parts.merged(s, _part_list(s, e)),
    "split": _split,
    "hands": lambda s, e: parts.on_staves(s, _part_index(s, e), _whole(e, "staves", 1, 2)),
    "remove": lambda s, e: parts.removed(s, _part_index(s, e)),
    "order": lambda s, e: parts.ordered(s, _part_list(s, e)),
    "transpose": _transpose,
    "header": _header,
}
