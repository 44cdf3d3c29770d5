"""What can be chosen on the page: instruments, metres, keys, clefs, tunings, formats, engines, hints, sounds."""

from __future__ import annotations

from functools import cache
from typing import Any

from abcscribe import hearing
from abcscribe.formats import known
from abcscribe.playback.samples import samples
from abcscribe.score import instruments
from abcscribe.score.model import CLEFS, Key
from abcscribe.score.tab import TUNINGS
from abcscribe.score.writers import WRITERS
from abcscribe.server.pipeline import HINT_NAMES

METRES = ("4/4", "3/4", "2/4", "2/2", "6/8", "9/8", "12/8", "3/8", "3/2", "5/4", "5/8", "7/8", "7/4", "6/4")


@cache
def vocabulary() -> dict[str, Any]:
    """As docs/api.md has it."""
    return {
        "instruments": [
            {"program": program, "name": instruments.name(program), "family": instruments.family(program)}
            for program in range(instruments.PERCUSSION + 1)
        ],
        "metres": METRES,
        "keys": [str(Key(fifths, mode)) for mode in ("major", "minor") for fifths in range(-7, 8)],
        "clefs": CLEFS,
        "tunings": [{"name": name, "strings": strings} for name, strings in TUNINGS.items()],
        "formats": _formats(),
        "engines": [{"name": name, "summary": info.summary} for name, info in hearing.ENGINES.items()],
        "hints": [*HINT_NAMES, "writer"],
        "samples": samples(),
    }


def _formats() -> list[dict[str, Any]]:
    fretted = {name for name, writer in WRITERS.items() if writer.fretted}
    return [
        {"name": name, "suffix": suffix, "summary": summary, "fretted": name in fretted}
        for name, (suffix, summary) in known().items()
    ]
