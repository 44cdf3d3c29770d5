"""The Mutopia Project: volunteers' LilyPond sources. Every folder has terms of its own, in ``LICENCES.csv``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from abcscribe.corpora.licences import FREE, RESTRICTED, Licence
from abcscribe.corpora.score_set import ScoreSet, table_rows

TABLE = "LICENCES.csv"  # columns: folder, licence
_UNLISTED = Licence("not stated", RESTRICTED, "the folder is not in LICENCES.csv")


def licence_of(home: Path, path: Path) -> Licence:
    """The terms of the innermost folder of a file that is in the table."""
    table = _table(home)
    folders = (folder.relative_to(home).as_posix() for folder in path.parents if home in (folder, *folder.parents))
    return next((table[folder] for folder in folders if folder in table), _UNLISTED)


@cache
def _table(home: Path) -> dict[str, Licence]:
    if not (home / TABLE).is_file():
        return {}
    return {row["folder"].strip("/"): _licence(row["licence"]) for row in table_rows(home / TABLE)}


def _licence(name: str) -> Licence:
    """Public domain and plain attribution are free; anything else, share-alike above all, is not used."""
    plain = name.strip().lower().replace("-", " ")
    bound = any(word in plain for word in ("sa", "share", "nc", "noncommercial"))
    free = plain == "public domain" or (plain.startswith(("cc by", "creative commons attribution")) and not bound)
    return Licence(name.strip(), FREE if free else RESTRICTED, "LICENCES.csv of the collection")


SETS = (
    ScoreSet(
        "mutopia", "https://github.com/MutopiaProject/MutopiaProject", "The Mutopia Project and its contributors",
        _UNLISTED, licence_of=licence_of,
    ),
)  # fmt: skip
