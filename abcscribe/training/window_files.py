"""Windows on disk: heard notes, their excerpt, and which note is which; numbers as npz, names as JSON in it.

Tokens and analysis are not stored: both are computed by the present version when a window is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from abcscribe.errors import AbcscribeError
from abcscribe.files import save_arrays
from abcscribe.model.note_features import HeardNotes, chords
from abcscribe.score.model import Metre
from abcscribe.synthesis.windows import Window, written
from abcscribe.tokens import Event, Excerpt, Span

FORMAT = 1
HEARD = ("onset", "offset", "pitch", "velocity", "family", "confidence")
EVENT = tuple(field.name for field in fields(Event))


def save(path: Path, windows: Sequence[Window]) -> None:
    """Write windows to one file, which appears once it is complete."""
    arrays: dict[str, np.ndarray] = {
        "about": np.frombuffer(
            json.dumps({"format": FORMAT, "windows": [_about(w) for w in windows]}).encode(), np.uint8
        ),
        "heard_ends": np.cumsum([len(window.heard) for window in windows], dtype=np.int64),
        "event_ends": np.cumsum([len(window.excerpt.events) for window in windows], dtype=np.int64),
        "events": np.array([[getattr(e, n) for n in EVENT] for w in windows for e in w.excerpt.events], np.int32),
        "behind": np.concatenate([window.behind for window in windows]),
    }
    arrays |= {name: np.concatenate([getattr(window.heard, name) for window in windows]) for name in HEARD}
    save_arrays(path, arrays)


def load(path: Path) -> list[Window]:
    """The windows of a file, without an analysis. Raises AbcscribeError if it is of another format."""
    with np.load(path) as file:
        arrays = dict(file)
    about = json.loads(arrays["about"].tobytes())
    if about["format"] != FORMAT:
        raise AbcscribeError(f"{path} has format {about['format']}, this version reads {FORMAT}: make it again.")
    heard = {name: np.split(arrays[name], arrays["heard_ends"][:-1]) for name in (*HEARD, "behind")}
    events = np.split(arrays["events"], arrays["event_ends"][:-1])
    made = []
    for index, row in enumerate(about["windows"]):
        columns = {name: heard[name][index] for name in HEARD}
        nothing = np.zeros((len(columns["onset"]), 0), np.float32)
        notes = HeardNotes(**columns, chord=chords(columns["onset"]), analysis=nothing)
        excerpt = _excerpt(row, events[index])
        window = written(excerpt, notes, heard["behind"][index], row["kind"])
        made += [window] if window else []  # one that this version's tokens cannot link is left out
    return made


def _about(window: Window) -> dict[str, Any]:
    """The data of a window besides its notes."""
    spans = [
        {**{name: getattr(span, name) for name in ("length", "fifths", "mode", "tempo")},
         "metre": span.metre and [span.metre.beats, span.metre.unit]}
        for span in window.excerpt.spans
    ]  # fmt: skip
    return {"kind": window.kind, "spans": spans, "parts": window.excerpt.parts, "whole": window.excerpt.whole}


def _excerpt(row: dict[str, Any], events: np.ndarray) -> Excerpt:
    spans = [
        Span(s["length"], Metre(*s["metre"]) if s["metre"] else None, s["fifths"], s["mode"], s["tempo"])
        for s in row["spans"]
    ]
    parts = tuple((program, tuple(clefs)) for program, clefs in row["parts"])
    return Excerpt(tuple(spans), parts, tuple(Event(*event) for event in events.tolist()), row["whole"])
