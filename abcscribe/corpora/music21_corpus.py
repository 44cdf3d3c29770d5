"""The corpus inside the music21 wheel: folk tunes, chorales, classical pieces, on many terms (`licences.MUSIC21`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from abcscribe.corpora import licences
from abcscribe.corpora.licences import Licence


def folders() -> Iterator[tuple[str, Path, Licence]]:
    """Source, folder and terms of each collection; none where music21 is not installed."""
    home = location()
    if home is None:
        return
    for folder in sorted(path for path in home.iterdir() if path.is_dir() and not path.name.startswith("_")):
        yield f"music21/{folder.name}", folder, licences.MUSIC21.get(folder.name, licences.UNREAD)


def location() -> Path | None:
    """The folder of the corpus. The package is found, not imported: importing it takes two seconds."""
    spec = importlib.util.find_spec("music21")
    return Path(spec.origin).parent / "corpus" if spec and spec.origin else None
