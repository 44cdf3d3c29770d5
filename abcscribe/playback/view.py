"""Score -> the JSON object from which a page draws, plays and follows it: docs/api.md, "The score"."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from abcscribe.editing.timeline import identified
from abcscribe.playback.abc_positions import Written, positions
from abcscribe.score import instruments
from abcscribe.score.abc_writer import write_abc
from abcscribe.score.model import Part, Score
from abcscribe.score.names import plainly_named
from abcscribe.score.summary import USABLE, confidence, first_number, is_doubtful, summary
from abcscribe.score.timing import TimeMap, followed

DOUBTFUL_NOTE = 0.7  # probability that a note was played; a tenth of the notes of a clear recording lie below


def view(score: Score) -> dict[str, Any]:
    """Everything of a score that a page draws, plays or follows; parts with the names that musicians give them.

    Returns:
        A dict of plain JSON values. Times are seconds of the recording, lengths quarters as text.
    """
    score = replace(score, parts=tuple(plainly_named(part) for part in score.parts))
    text = write_abc(score)
    times, heard = followed(score)
    written = positions(score, text)
    sure = confidence(score)
    usable = sure is None or sure >= USABLE
    return {
        "title": score.title,
        "composer": score.composer,
        "seconds": score.seconds,
        "abc": text,
        "summary": summary(score),
        "confidence": sure,
        "usable": usable,
        "notice": None if usable else _notice(sure),
        "found": _found(score),
        "bars": _bars(score, times),
        "parts": [_part(part) for part in score.parts],
        "notes": _notes(score, times, written, heard),
        "rests": [_rest(value) for value in written if not value.notes],
        "times": [[round(float(q), 4), round(float(t), 3)] for q, t in zip(times.quarters, times.seconds, strict=True)],
        "performance": _performance(score, heard),
    }


def _notice(sure: float | None) -> str:
    return f"Only about {sure or 0:.0%} of these notes are expected to be right: take this as a sketch, not a score."


def _found(score: Score) -> dict[str, Any]:
    if not score.bars:
        return {"metre": None, "key": None, "tempo": None, "downbeat": None}
    first = score.bars[0]
    full = next((bar for bar in score.bars if bar.metre is None or bar.length == bar.metre.length), first)
    return {
        "metre": str(first.metre) if first.metre else None,
        "key": str(first.key),
        "tempo": round(first.tempo.quarter_bpm, 2) if first.tempo else None,
        "downbeat": full.seconds,
    }


def _bars(score: Score, times: TimeMap) -> list[dict[str, Any]]:
    starts = score.bar_starts()
    seconds = [round(times.at(start), 3) for start in starts]
    number = first_number(score)
    return [
        {
            "number": i + number,
            "seconds": seconds[i],
            "end": seconds[i + 1],
            "length": str(bar.length),
            "metre": str(bar.metre) if bar.metre else None,
            "key": str(bar.key),
            "tempo": round(bar.tempo.quarter_bpm, 2) if bar.tempo else None,
            "confidence": bar.confidence,
            "doubtful": is_doubtful(bar),
        }
        for i, bar in enumerate(score.bars)
    ]


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "program": part.program,
        "instrument": instruments.name(part.program),
        "staves": [{"clef": staff.clef, "voices": list(staff.voices)} for staff in part.staves],
    }


def _notes(
    score: Score, times: TimeMap, written: list[Written], heard: dict[tuple[int, Fraction, int], int]
) -> list[dict[str, Any]]:
    spans: dict[tuple[int, int, int, Fraction], list[list[int]]] = {}
    for value in written:
        if value.notes:
            place = value.part, value.bar, value.voice, value.notes[0].start
            spans.setdefault(place, []).append(list(value.chars))
    starts = score.bar_starts()
    found: list[dict[str, Any]] = []
    for p, part in enumerate(score.parts):
        staves = {voice: s for s, staff in enumerate(part.staves) for voice in staff.voices}
        open_ties: dict[tuple[int, int], tuple[Fraction, int | None]] = {}  # (voice, pitch): its end, the heard note
        for bar, note, name in identified(part, p):
            onset, key = starts[bar] + note.start, (note.voice, note.pitch.midi)
            before = open_ties.pop(key, None)
            tied = before is not None and before[0] == onset
            index = before[1] if before and tied else heard.get((p, onset, note.pitch.midi))
            if note.tie:
                open_ties[key] = onset + note.duration, index
            sure = score.performance[index].confidence if index is not None else None
            found.append({
                "id": name,
                "part": p,
                "staff": staves.get(note.voice, 0),
                "voice": note.voice,
                "bar": bar,
                "start": str(note.start),
                "duration": str(note.duration),
                "pitch": str(note.pitch),
                "midi": note.pitch.midi,
                "tie": note.tie,
                "tied": tied,
                "seconds": round(times.at(onset), 3),
                "end": round(times.at(onset + note.duration), 3),
                "confidence": None if sure is None else round(sure, 2),
                "doubtful": sure is not None and sure < DOUBTFUL_NOTE,
                "chars": spans.get((p, bar, note.voice, note.start), []),
                "grace": [str(pitch) for pitch in note.grace],
            })  # fmt: skip
    return found


def _rest(value: Written) -> dict[str, Any]:
    return {
        "part": value.part,
        "staff": value.staff,
        "voice": value.voice,
        "bar": value.bar,
        "start": str(value.start),
        "duration": str(value.duration),
        "chars": list(value.chars),
    }


def _performance(score: Score, heard: dict[tuple[int, Fraction, int], int]) -> list[list[Any]]:
    parts = {index: part for (part, _, _), index in heard.items()}
    return [
        [round(n.onset, 3), round(n.offset, 3), n.pitch, n.velocity, round(n.confidence, 2), n.family, parts.get(i)]
        for i, n in enumerate(score.performance)
    ]
