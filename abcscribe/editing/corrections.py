"""Corrections that outlive the score they were made in: edits that know where in the recording they belong.

When the notes of a recording are analysed again under other hints, bars, voices and ids change, but a wrong note is
still wrong. So an edit is kept with anchors - the moment and pitch of each note it names, the instrument of each part -
and made again in the new score where these are found. Lengths follow the pace: what was a quarter is an eighth when the
tempo was halved.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

from abcscribe.editing.notes import EditError
from abcscribe.editing.operations import Edit, edited, label, pitch, quarters
from abcscribe.editing.timeline import Held, held_notes
from abcscribe.score.model import Score
from abcscribe.score.timing import TimeMap, time_map

NEAR = 0.3  # seconds: of the notes of its pitch so close to an anchor the nearest is meant
SNAP = 0.06  # seconds: an added note this close to an onset that is written begins with it
GRID = (Fraction(1, 4), Fraction(1, 3))  # quarters: where else an added note may begin
DOUBLED = 0.25  # octaves of pace: how far from 2 or 1/2 the ratio of two paces may lie to count as that

Anchored = dict[str, Any]  # an edit with "anchors", "part_at", ...: plain JSON


@dataclass(frozen=True)
class Places:
    """Where things lie in one score."""

    score: Score
    times: TimeMap

    def pace(self, quarter: float) -> float:
        """Seconds of a quarter around a place."""
        return self.times.at(quarter + 0.5) - self.times.at(quarter - 0.5)


def corrected(score: Score, edits: Sequence[Edit]) -> tuple[Score, list[Anchored]]:
    """The score after edits whose ids are those of ``score``, and the edits with their anchors. All or none.

    Raises:
        EditError: one of them cannot be made.
    """
    if not all(map(_finite, edits)):
        raise EditError("An edit holds a number that is infinite or none.")
    times = time_map(score)
    kept = [anchored(Places(score, times), edit) for edit in edits]
    for number, (edit, anchors) in enumerate(zip(edits, kept, strict=True)):
        if number:  # ids may mean other notes by now
            edit = found(Places(score, times), anchors)
        score = edited(score, edit)
    return score, kept


def _finite(value: object) -> bool:
    """Whether all numbers in what was sent are finite: JSON has no others, though Python reads and writes them."""
    if isinstance(value, Mapping):
        return all(map(_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def made_again(score: Score, corrections: Iterable[Anchored]) -> tuple[Score, list[str]]:
    """The score with corrections that were made in an earlier one, and a sentence for each that no longer fits."""
    times = time_map(score)
    dropped: list[str] = []
    for correction in corrections:
        try:
            if correction.get("op") == "text":
                score, lost = _text_again(score, times, correction)
                dropped += lost
            else:
                score = edited(score, found(Places(score, times), correction))
        except EditError as error:
            dropped.append(f"{label(correction)}{_when(correction)} was left out: {error}")
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):  # of a damaged or foreign archive
            dropped.append("A correction that cannot be read was left out.")
    return score, dropped


def text_correction(before: Score, after: Score) -> Anchored:
    """What a new text changed, as a correction: which sounding notes went and which came."""
    times = time_map(before)
    old, new = _sounding(before), _sounding(after)
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    places = Places(before, times)
    return {
        "op": "text",
        "gone": [_anchor(places, part, held) for part, held in _taken(before, gone)],
        "come": [_anchor(places, part, held) | {"pitch": str(held.pitch)} for part, held in _taken(after, come)],
    }


def anchored(places: Places, edit: Edit) -> Anchored:
    """The edit with what finds its notes, parts and bars again in another score."""
    kept: Anchored = {key: value for key, value in edit.items() if key in _KEPT}
    score, parts = places.score, len(places.score.parts)
    if isinstance(ids := edit.get("notes"), list):
        wanted = set(map(str, ids))
        named = [(i, held) for i in range(parts) for held in held_notes(score, i) if not wanted.isdisjoint(held.ids)]
        if not named:
            raise EditError("That note is not in this version of the score.")
        kept["anchors"] = [_anchor(places, i, held) for i, held in named]
    if isinstance(index := edit.get("part"), int) and 0 <= index < parts:
        kept["part_at"] = _part_anchor(score, index)
    if isinstance(indices := edit.get("parts"), list):
        kept["parts_at"] = [_part_anchor(score, i) for i in indices if isinstance(i, int) and 0 <= i < parts]
    if isinstance(bar := edit.get("bar"), int) and 0 <= bar < len(score.bars):
        quarter = score.bar_starts()[bar]
        if edit.get("op") == "add":
            quarter += quarters(edit.get("start"))
        kept |= {"seconds": round(places.times.at(quarter), 3), "pace": places.pace(float(quarter))}
    return kept


def found(places: Places, correction: Anchored) -> Anchored:
    """The edit that a correction means in another score, with that score's ids and indices.

    Raises:
        EditError: its place is not there.
    """
    edit = {key: value for key, value in correction.items() if key in _KEPT}
    if "anchors" in correction:
        notes = [_note(places, anchor) for anchor in correction["anchors"]]
        edit["notes"] = [name for _, held in notes for name in _pieces_meant(held, edit)]
        factor = _factor(correction["anchors"][0]["pace"], places.pace(float(notes[0][1].onset)))
        for key in ("duration", "quarters"):
            if key in edit:
                edit[key] = str(quarters(edit[key]) * factor)
    if "part_at" in correction:
        edit["part"] = _part(places.score, correction["part_at"])
    if "parts_at" in correction:
        edit["parts"] = [_part(places.score, anchor) for anchor in correction["parts_at"]]
    if "seconds" in correction:
        _place(places, correction, edit)
    return edit


_KEPT = frozenset({
    "op", "pitch", "semitones", "steps", "octaves", "alter", "duration", "tie", "quarters", "voice", "staff", "name",
    "program", "clef", "by", "at", "staves", "key", "tempo", "metre", "start", "part", "parts", "bar",
})  # fmt: skip


def _anchor(places: Places, part: int, held: Held) -> Anchored:
    return {
        "seconds": round(places.times.at(held.onset), 3),
        "midi": held.pitch.midi,
        "part": part,
        "voice": held.voice,
        "duration": str(held.duration),
        "pace": round(places.pace(float(held.onset)), 4),
    }


def _note(places: Places, anchor: Anchored) -> tuple[int, Held]:
    """The note that an anchor means: of its pitch, nearest in time, in its own part if there are several."""
    best: tuple[bool, float, int, Held] | None = None
    for part in range(len(places.score.parts)):
        for held in held_notes(places.score, part):
            if held.pitch.midi == anchor["midi"]:
                off = abs(places.times.at(held.onset) - anchor["seconds"])
                if off <= NEAR and (best is None or (part != anchor["part"], off) < best[:2]):
                    best = part != anchor["part"], off, part, held
    if best is None:
        raise EditError("its note is not there any more.")
    return best[2], best[3]


def _pieces_meant(held: Held, edit: Edit) -> tuple[str, ...]:
    """All pieces of a note; to part a tie, the first."""
    return held.ids[:1] if edit.get("op") == "tie" else held.ids


def _factor(before: float, now: float) -> Fraction:
    """2 or 1/2, 4 ... where the pace was changed by about that, else 1."""
    if before <= 0 or now <= 0:
        return Fraction(1)
    octaves = math.log2(before / now)
    whole = round(octaves)
    return Fraction(2) ** whole if abs(octaves - whole) <= DOUBLED else Fraction(1)


def _part_anchor(score: Score, index: int) -> Anchored:
    part = score.parts[index]
    return {"index": index, "count": len(score.parts), "program": part.program, "name": part.name}


def _part(score: Score, anchor: Anchored) -> int:
    """The part that an anchor means: in its place if there are as many parts as before, else the only one like it."""
    if anchor["count"] == len(score.parts):
        return int(anchor["index"])
    alike = [i for i, part in enumerate(score.parts) if part.program == anchor["program"]]
    named = [i for i in alike if score.parts[i].name == anchor["name"]]
    for choice in (named, alike):
        if len(choice) == 1:
            return choice[0]
    raise EditError("its part is not there any more.")


def _place(places: Places, correction: Anchored, edit: Anchored) -> None:
    """Set ``bar``, and ``start`` and ``duration`` of a note to add, from the moment of a correction."""
    starts = places.score.bar_starts()
    quarter = Fraction(places.times.quarter(correction["seconds"])).limit_denominator(960)
    if edit["op"] != "add":
        edit["bar"] = min(range(len(starts) - 1), key=lambda i: abs(starts[i] - quarter), default=0)
        return
    onset = _snapped(places, quarter, correction["seconds"])
    if not 0 <= onset < starts[-1]:
        raise EditError("its bar is not there any more.")
    bar = bisect_right(starts, onset) - 1
    factor = _factor(correction["pace"], places.pace(float(onset)))
    edit |= {"bar": bar, "start": str(onset - starts[bar]), "duration": str(quarters(edit["duration"]) * factor)}
    if edit.get("voice") not in places.score.parts[edit["part"]].voices:
        edit["voice"] = places.score.parts[edit["part"]].voices[0]


def _snapped(places: Places, quarter: Fraction, seconds: float) -> Fraction:
    onsets = {held.onset for part in range(len(places.score.parts)) for held in held_notes(places.score, part)}
    nearest = min(onsets, key=lambda onset: abs(onset - quarter), default=None)
    if nearest is not None and abs(places.times.at(nearest) - seconds) <= SNAP:
        return nearest
    return min((round(quarter / step) * step for step in GRID), key=lambda place: abs(place - quarter))


def _text_again(score: Score, times: TimeMap, correction: Anchored) -> tuple[Score, list[str]]:
    """A text's notes taken away and added one by one, and what of it did not fit."""
    lost = 0
    for anchor in correction["gone"]:
        try:
            ids = _note(Places(score, times), anchor)[1].ids
            score = edited(score, {"op": "delete", "notes": list(ids)})
        except EditError:
            lost += 1
    for anchor in correction["come"]:
        edit = {"op": "add", "part": min(anchor["part"], len(score.parts) - 1)}
        edit |= {key: anchor[key] for key in ("pitch", "duration", "voice")}
        try:
            _place(Places(score, times), anchor, edit)
            score = edited(score, edit)
        except EditError:
            lost += 1
    count = len(correction["gone"]) + len(correction["come"])
    return score, [
        f"{lost} of {count} changes made in the text were left out: their notes are not there."
    ] if lost else []


def _when(correction: Mapping[str, Any]) -> str:
    seconds = correction["anchors"][0]["seconds"] if correction.get("anchors") else correction.get("seconds")
    return "" if seconds is None else f" at {int(seconds // 60)}:{seconds % 60:04.1f}"


_Sound = tuple[int, Fraction, Fraction, str]  # part, onset, duration, pitch


def _sounding(score: Score) -> list[_Sound]:
    return [
        (part, held.onset, held.duration, str(held.pitch))
        for part in range(len(score.parts))
        for held in held_notes(score, part)
    ]


def _taken(score: Score, counts: Counter[_Sound]) -> list[tuple[int, Held]]:
    """The notes of a score that ``counts`` names."""
    taken: list[tuple[int, Held]] = []
    left = counts.copy()
    for part in range(len(score.parts)):
        for held in held_notes(score, part):
            key = part, held.onset, held.duration, str(held.pitch)
            if left[key] > 0:
                left[key] -= 1
                taken.append((part, held))
    return taken


def with_recording(before: Score, after: Score) -> Score:
    """``after``, read from a text, with what only ``before`` knows: the performance, and of every bar that is still in
    its place when it begins in the recording and how sure it is."""
    if len(after.bars) == len(before.bars):
        pairs: list[int | None] = list(range(len(after.bars)))
    else:
        pairs = _aligned(before, after)
    bars = tuple(
        replace(bar, seconds=before.bars[i].seconds, confidence=before.bars[i].confidence) if i is not None else bar
        for bar, i in zip(after.bars, pairs, strict=True)
    )
    return replace(after, bars=bars, performance=before.performance, seconds=before.seconds)


def _aligned(before: Score, after: Score) -> list[int | None]:
    """For each bar of ``after`` the bar of ``before`` that it was."""
    matcher = SequenceMatcher(None, _contents(before), _contents(after), autojunk=False)
    pairs: list[int | None] = [None] * len(after.bars)
    for a, b, size in matcher.get_matching_blocks():
        for offset in range(size):
            pairs[b + offset] = a + offset
    return pairs


def _contents(score: Score) -> list[tuple[Any, ...]]:
    return [
        tuple((p, n.start, n.duration, n.pitch.midi) for p, part in enumerate(score.parts) for n in part.bars[i])
        for i in range(len(score.bars))
    ]


__all__ = ["Anchored", "corrected", "label", "made_again", "pitch", "text_correction", "with_recording"]
