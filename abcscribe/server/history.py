"""A score's versions: what each request of the page makes of the current one.

A version knows the hints and the corrections that led to it, so that other hints can be tried on the notes heard and
the corrections made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from abcscribe.editing import corrections, operations
from abcscribe.editing.notes import EditError
from abcscribe.hints import HintError
from abcscribe.playback.view import view
from abcscribe.score.abc_reader import read_abc
from abcscribe.score.abc_tokens import Problem
from abcscribe.score.model import Score
from abcscribe.score.summary import confidence, summary
from abcscribe.server import pipeline
from abcscribe.server.library import ChangedError, Draft, Library, NotFoundError, Version

MOST_EDITS = 1_000  # in one request
TEMPI = (10.0, 600.0)  # quarters a minute, as hints may be


def shown(library: Library, name: str, number: int | None = None) -> dict[str, Any]:
    """A version of the score as docs/api.md has it."""
    recording = library.recording(name)
    version = library.version(name, number)
    return {
        "recording": name,
        "version": version.number,
        "preview": False,
        "undo": version.label if version.parent is not None else None,
        "redo": library.label(name, version.next),
        **view(titled(recording, version.score)),
        "hints": version.hints,
        "problems": [],
        "dropped": version.dropped,
    }


def titled(recording: Mapping[str, Any], score: Score) -> Score:
    """The score with the title and composer of its recording."""
    return replace(score, title=recording["title"], composer=recording["composer"])


def draft(
    label: str,
    run: int,
    hints: Mapping[str, Any],
    made: Sequence[Mapping[str, Any]],
    dropped: Sequence[str],
    score: Score,
) -> Draft:
    """A version to keep, with what the list of recordings says of it."""
    return Draft(label, run, hints, made, dropped, score, summary(score), confidence(score))


def hinted(library: Library, name: str, hints: Mapping[str, Any], factor: float | None, base: int | None) -> None:
    """Analyse and write the notes again under other hints, and correct the new score as the old one was."""
    version = _current(library, name, base)
    hints = {key: value for key, value in hints.items() if value is not None}
    if factor is not None:
        hints["tempo"] = _scaled_tempo(version.score, factor)
    pipeline.hints(hints)
    notes, seconds, engine = library.notes(version.run)
    score = pipeline.written_again(notes, hints, seconds, engine)
    score, dropped = corrections.made_again(score, version.corrections)
    label = _hints_label(version.hints, hints)
    library.add_version(name, draft(label, version.run, hints, version.corrections, dropped, score), version.number)


def _scaled_tempo(score: Score, factor: float) -> float:
    tempo = score.bars[0].tempo if score.bars else None
    if tempo is None or factor not in (0.5, 2, 2.0):
        raise HintError("The tempo can be doubled or halved, where there is one.")
    new = tempo.quarter_bpm * factor
    if not TEMPI[0] <= new <= TEMPI[1]:
        raise HintError(f"A tempo of {new:.0f} quarters a minute is beyond what can be written.")
    return round(new, 2)


def _hints_label(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    changed = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    said = [f"{key} {_short(after[key])}" if key in after else f"{key} by ear" for key in changed]
    label = ", ".join(said) or "written again"
    return label[:1].upper() + label[1:]


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def edited(library: Library, name: str, edits: Sequence[Mapping[str, Any]], base: int | None) -> None:
    """Make edits in the current score, all or none."""
    if not 0 < len(edits) <= MOST_EDITS or not all(isinstance(edit, Mapping) for edit in edits):
        raise EditError(f"A request holds 1 to {MOST_EDITS} edits.")
    version = _current(library, name, base)
    score, made = corrections.corrected(version.score, edits)
    label = operations.label(edits[0]) if len(edits) == 1 else f"{len(edits)} edits"
    new = draft(label, version.run, version.hints, [*version.corrections, *made], version.dropped, score)
    library.add_version(name, new, version.number)


def _current(library: Library, name: str, base: int | None) -> Version:
    """The current version. Raises ChangedError if the user saw another one."""
    version = library.version(name)
    if base is not None and base != version.number:
        raise ChangedError(version.number)
    return version


def _same(version: Version) -> Draft:
    return draft(version.label, version.run, version.hints, version.corrections, version.dropped, version.score)


def written(library: Library, name: str, abc: str, base: int | None) -> list[dict[str, Any]]:
    """Make a text the current score; answers what could not be read as it stands."""
    version = _current(library, name, base)
    score, problems = read_abc(abc)
    if not any(notes for part in score.parts for notes in part.bars):
        raise EditError("There is no music in this text.")
    score = corrections.with_recording(version.score, score)
    made = corrections.text_correction(version.score, score)
    new = draft("ABC text", version.run, version.hints, [*version.corrections, made], version.dropped, score)
    library.add_version(name, new, version.number)
    if score.title and score.title != library.recording(name)["title"]:
        library.change(name, title=score.title)
    if score.composer != library.recording(name)["composer"]:
        library.change(name, composer=score.composer)
    return placed_problems(abc, problems)


def checked(abc: str) -> dict[str, Any]:
    """What is wrong with a text, and how much music it holds."""
    score, problems = read_abc(abc)
    notes = sum(len(bar) for part in score.parts for bar in part.bars)
    return {"problems": placed_problems(abc, problems), "bars": len(score.bars), "notes": notes}


def placed_problems(abc: str, problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems with their offsets in the text, in UTF-16 units as JavaScript counts."""
    starts = [0]
    lines = abc.splitlines(keepends=True)
    for line in lines:
        starts.append(starts[-1] + _units(line))
    found = []
    for problem in problems:
        row = min(problem.line - 1, len(lines) - 1) if lines else 0
        line = lines[row] if lines else ""
        column = max(problem.column - 1, 0)
        start = min(starts[row] + _units(line[:column]), starts[-1])
        end = min(start + 1, max(starts[-1], start))
        message = f"{problem.what}; {problem.assumed}"
        found.append({"line": problem.line, "column": column, "start": start, "end": end, "message": message})
    return found


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def undone(library: Library, name: str) -> None:
    """Back to the version before the current one."""
    parent = library.version(name).parent
    if parent is None:
        raise EditError("There is nothing to undo.")
    _go(library, name, parent)


def redone(library: Library, name: str) -> None:
    """Forward to the version that undo left."""
    following = library.version(name).next
    if following is None:
        raise EditError("There is nothing to redo.")
    _go(library, name, following)


def restored(library: Library, name: str, number: int) -> None:
    """An earlier version once more, as a new one."""
    try:
        version = library.version(name, number)
    except NotFoundError:
        raise EditError("There is no such version.") from None
    library.add_version(name, replace(_same(version), label=f"Back to version {number}"), None)


def _go(library: Library, name: str, number: int) -> None:
    score = library.version(name, number).score
    library.go(name, number, summary(score), confidence(score))
