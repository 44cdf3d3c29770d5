"""The recorded tones with which a page plays notes: which there are, and the few that a score needs as one text."""

from __future__ import annotations

import base64
import json
from functools import cache
from pathlib import Path
from typing import Any

from abcscribe.score.model import Score

WEB = Path(__file__).parent.parent / "server" / "web"  # what the browser gets
URL = "/static/"


@cache
def samples() -> dict[str, Any]:
    """``sets`` of tones by name, and for each program 0-128 the name of its set: docs/api.md, "What there is"."""
    found: dict[str, Any] = json.loads((WEB / "samples" / "index.json").read_text(encoding="utf-8"))
    return found


def embedded(score: Score) -> dict[str, Any]:
    """As `samples`, with the sets of this score's parts only and their sound inside as data: addresses."""
    everything = samples()
    wanted = {everything["programs"][part.program] for part in score.parts}
    sets = {
        name: {**own, "notes": [{**note, "url": _data(note["url"])} for note in own["notes"]]}
        for name, own in everything["sets"].items()
        if name in wanted
    }
    return {"sets": sets, "programs": everything["programs"]}


def _data(url: str) -> str:
    content = (WEB / url.removeprefix(URL)).read_bytes()
    return f"data:audio/mpeg;base64,{base64.b64encode(content).decode()}"
