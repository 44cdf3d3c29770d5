"""What is kept of recordings: themselves, the notes heard, and every version of their scores. SQLite, in WAL mode.

Every change is one transaction, so that a crash leaves the library as it was before or after it, never between.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from abcscribe.errors import AbcscribeError
from abcscribe.score.json_format import from_json, to_json
from abcscribe.score.model import PlayedNote, Score
from abcscribe.server.files import Files
from abcscribe.server.migrations import migrate

RECENT_SCORES = 8  # decoded ones that are kept in memory


class NotFoundError(AbcscribeError):
    """There is no such recording, version or job."""


class ChangedError(AbcscribeError):
    """The score is no longer the one that was to be changed."""

    def __init__(self, current: int | None) -> None:
        super().__init__("The score was changed meanwhile, perhaps in another window; look at it again.")
        self.current = current


@dataclass(frozen=True, slots=True)
class Version:
    """One state of a score."""

    number: int
    parent: int | None
    next: int | None  # what redo leads to
    label: str
    created: str
    run: int
    hints: dict[str, Any]
    corrections: list[dict[str, Any]]  # in the order in which they were made
    dropped: list[str]
    score: Score  # with the performance of its run


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is not kept yet."""

    label: str
    run: int
    hints: Mapping[str, Any]
    corrections: Sequence[Mapping[str, Any]]
    dropped: Sequence[str]
    score: Score
    summary: str
    confidence: float | None


class Library:
    """One library in one folder. Its methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files = Files(folder)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(folder / "library.sqlite", check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        migrate(self._connection)
        self._score = lru_cache(RECENT_SCORES)(self._read_score)
        self._notes = lru_cache(RECENT_SCORES)(self._read_notes)
        self.files.sweep(row["hash"] for row in self._rows("SELECT hash FROM recordings"))

    def close(self) -> None:
        """Write everything into one file and let go of it."""
        with self._lock:
            self._connection.close()

    # --- recordings ---------------------------------------------------------------------------------------------------

    def add(self, temporary: Path, content: str, **values: Any) -> dict[str, Any]:
        """Take a complete temporary file in as a new recording; answers its row."""
        with self._lock:
            self.files.take(temporary, content)
            now = _now()
            row = {"id": secrets.token_hex(8), "hash": content, "created": now, "changed": now, **values}
            with self._writing() as connection:
                _insert(connection, "recordings", row)
            return self.recording(row["id"])

    def recording(self, name: str) -> dict[str, Any]:
        """The row of a recording. Raises NotFoundError."""
        rows = self._rows("SELECT * FROM recordings WHERE id = ?", name)
        if not rows:
            raise NotFoundError("There is no such recording; it may have been deleted.")
        return _decoded(rows[0])

    def search(self, words: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Recordings with all the words in what is known of them, newest first, and how many there are."""
        condition, values = ["1"], []
        for word in words.split():
            escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            condition.append(
                "title || ' ' || composer || ' ' || file_name || ' ' || ifnull(summary, '') LIKE ? ESCAPE '\\'"
            )
            values.append(f"%{escaped}%")
        where = " AND ".join(condition)
        rows = self._rows(
            f"SELECT * FROM recordings WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?",
            *values,
            limit,
            offset,
        )
        (count,) = self._rows(f"SELECT count(*) FROM recordings WHERE {where}", *values)[0]
        return [_decoded(row) for row in rows], count

    def with_hash(self, content: str) -> list[dict[str, Any]]:
        """The recordings with this content, the newest first."""
        query = "SELECT * FROM recordings WHERE hash = ? ORDER BY created DESC, rowid DESC"
        return [_decoded(row) for row in self._rows(query, content)]

    def all_ids(self) -> list[str]:
        """Every recording, the oldest first."""
        return [row["id"] for row in self._rows("SELECT id FROM recordings ORDER BY created, rowid")]

    def unfinished(self) -> list[dict[str, Any]]:
        """The recordings that waited or ran when the server ended."""
        rows = self._rows("SELECT * FROM recordings WHERE state IN ('waiting', 'running') ORDER BY changed, rowid")
        return [_decoded(row) for row in rows]

    def change(self, name: str, **values: Any) -> dict[str, Any]:
        """Set columns of a recording; answers its row. Raises NotFoundError."""
        encoded = {key: json.dumps(v) if key in ("warnings", "hints") else v for key, v in values.items()}
        encoded.setdefault("changed", _now())
        columns = ", ".join(f'"{key}" = ?' for key in encoded)
        with self._writing() as connection:
            done = connection.execute(f"UPDATE recordings SET {columns} WHERE id = ?", (*encoded.values(), name))
        if not done.rowcount:
            raise NotFoundError("There is no such recording; it may have been deleted.")
        return self.recording(name)

    def delete(self, name: str) -> None:
        """Forget a recording: its rows are overwritten, its file removed unless another recording has the same."""
        with self._lock:
            content = self.recording(name)["hash"]
            with self._writing() as connection:
                connection.execute("DELETE FROM versions WHERE recording = ?", (name,))
                connection.execute("DELETE FROM recordings WHERE id = ?", (name,))
            if not self._rows("SELECT 1 FROM recordings WHERE hash = ?", content):
                self.files.delete(content)
            self._score.cache_clear()
            self._notes.cache_clear()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the log has what was deleted, too

    # --- runs and versions --------------------------------------------------------------------------------------------

    def add_run(
        self, name: str, engine: str, draft: Draft, warnings: Sequence[str], length: float | None = None
    ) -> int:
        """Keep what a transcription gave: the notes heard, a version, and the recording's state, all or nothing.

        Args:
            length: seconds of the recording, where its header did not say.

        Returns:
            The number of the version.
        """
        values = (name, _now(), engine, draft.score.seconds or 0.0, _packed_notes(draft.score.performance))
        with self._writing() as connection:
            columns = "(recording, created, engine, seconds, notes)"
            run = connection.execute(f"INSERT INTO runs {columns} VALUES (?, ?, ?, ?, ?)", values).lastrowid
            assert run is not None
            number = self._add_version(connection, name, replace(draft, run=run))
            connection.execute(
                "UPDATE recordings SET state = 'ready', error = NULL, attempts = 0, warnings = ?,"
                " seconds = coalesce(seconds, ?) WHERE id = ?",
                (json.dumps(warnings), length, name),
            )
        return number

    def add_version(self, name: str, draft: Draft, base: int | None) -> int:
        """Keep a new version behind the current one.

        Raises:
            ChangedError: ``base`` is no longer the current one.
        """
        with self._writing() as connection:
            self._check_base(connection, name, base)
            return self._add_version(connection, name, draft)

    def version(self, name: str, number: int | None = None) -> Version:
        """A version, or the current one. Raises NotFoundError."""
        current = self.recording(name)["current"] if number is None else number
        rows = self._rows("SELECT * FROM versions WHERE recording = ? AND number = ?", name, current)
        if not rows:
            raise NotFoundError(
                "There is no score of this recording yet." if number is None else "There is no such version."
            )
        row = rows[0]
        return Version(
            row["number"],
            row["parent"],
            row["next"],
            row["label"],
            row["created"],
            row["run"],
            json.loads(row["hints"]),
            json.loads(zlib.decompress(row["corrections"])),
            json.loads(row["dropped"]),
            self._score(name, row["number"], row["run"]),
        )

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Number, parent, label and time of every version, the first one first."""
        self.recording(name)
        query = "SELECT number AS version, parent, label, created FROM versions WHERE recording = ? ORDER BY number"
        return [dict(row) for row in self._rows(query, name)]

    def label(self, name: str, number: int | None) -> str | None:
        """What led to a version; None if there is no such version."""
        rows = self._rows("SELECT label FROM versions WHERE recording = ? AND number = ?", name, number)
        return rows[0]["label"] if rows else None

    def go(self, name: str, number: int, summary: str, confidence: float | None) -> None:
        """Make a version the current one. If it is the parent of the current one, redo leads back."""
        with self._writing() as connection:
            current = connection.execute("SELECT current FROM recordings WHERE id = ?", (name,)).fetchone()["current"]
            parent = "(SELECT parent FROM versions WHERE recording = ? AND number = ?)"
            condition = f"recording = ? AND number = ? AND number = {parent}"
            connection.execute(
                f"UPDATE versions SET next = ? WHERE {condition}", (current, name, number, name, current)
            )
            connection.execute(
                "UPDATE recordings SET current = ?, changed = ?, summary = ?, confidence = ? WHERE id = ?",
                (number, _now(), summary, confidence, name),
            )

    def notes(self, run: int) -> tuple[tuple[PlayedNote, ...], float, str]:
        """The notes that a run heard, the seconds it listened to, and its engine."""
        return self._notes(run)

    def _check_base(self, connection: sqlite3.Connection, name: str, base: int | None) -> None:
        row = connection.execute("SELECT current FROM recordings WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError("There is no such recording; it may have been deleted.")
        if base is not None and row["current"] != base:
            raise ChangedError(row["current"])

    def _add_version(self, connection: sqlite3.Connection, name: str, draft: Draft) -> int:
        row = connection.execute("SELECT current FROM recordings WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise NotFoundError("The recording was deleted meanwhile.")
        (last,) = connection.execute("SELECT max(number) FROM versions WHERE recording = ?", (name,)).fetchone()
        number, parent = (last or 0) + 1, row["current"]
        _insert(connection, "versions", {
            "recording": name, "number": number, "parent": parent, "label": draft.label, "created": _now(),
            "run": draft.run, "hints": json.dumps(draft.hints),
            "corrections": zlib.compress(json.dumps(list(draft.corrections)).encode()),
            "dropped": json.dumps(list(draft.dropped)), "score": packed_score(draft.score),
        })  # fmt: skip
        connection.execute("UPDATE versions SET next = ? WHERE recording = ? AND number = ?", (number, name, parent))
        connection.execute(
            "UPDATE recordings SET current = ?, changed = ?, summary = ?, confidence = ? WHERE id = ?",
            (number, _now(), draft.summary, draft.confidence, name),
        )
        return number

    def _read_score(self, name: str, number: int, run: int) -> Score:
        rows = self._rows("SELECT score FROM versions WHERE recording = ? AND number = ?", name, number)
        return replace(unpacked_score(rows[0]["score"]), performance=self.notes(run)[0])

    def _read_notes(self, run: int) -> tuple[tuple[PlayedNote, ...], float, str]:
        row = self._rows("SELECT notes, seconds, engine FROM runs WHERE id = ?", run)[0]
        return _unpacked_notes(row["notes"]), row["seconds"], row["engine"]

    # --- settings, archive --------------------------------------------------------------------------------------------

    def setting(self, name: str) -> Any:
        """What was kept under a name, or None."""
        rows = self._rows("SELECT value FROM settings WHERE name = ?", name)
        return json.loads(rows[0]["value"]) if rows else None

    def set(self, name: str, value: Any) -> None:
        """Keep something under a name."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, json.dumps(value)))

    def rows_of(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """All rows of a recording, by table, for an archive."""
        return {
            "recordings": [dict(row) for row in self._rows("SELECT * FROM recordings WHERE id = ?", name)],
            "runs": [dict(row) for row in self._rows("SELECT * FROM runs WHERE recording = ? ORDER BY id", name)],
            "versions": [
                dict(row) for row in self._rows("SELECT * FROM versions WHERE recording = ? ORDER BY number", name)
            ],
        }

    def insert_rows(self, temporary: Path, content: str, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Take a recording in with its rows from ``rows_of``, whose runs get new numbers."""
        with self._lock:
            self.files.take(temporary, content)
            with self._writing() as connection:
                _insert(connection, "recordings", rows["recordings"][0])
                numbers: dict[int, int | None] = {}
                for run in rows["runs"]:
                    numbers[run["id"]] = _insert(connection, "runs", {k: v for k, v in run.items() if k != "id"})
                for version in rows["versions"]:
                    _insert(connection, "versions", {**version, "run": numbers[version["run"]]})

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def packed_score(score: Score) -> bytes:
    """A score without its performance, which its run has."""
    return zlib.compress(to_json(replace(score, performance=())).encode(), 3)


def unpacked_score(data: bytes) -> Score:
    """What ``packed_score`` packed. Raises ScoreError for anything else that is compressed."""
    return from_json(zlib.decompress(data).decode())


def _packed_notes(notes: Sequence[PlayedNote]) -> bytes:
    return zlib.compress(to_json(Score(performance=tuple(notes))).encode(), 3)


def _unpacked_notes(data: bytes) -> tuple[PlayedNote, ...]:
    return unpacked_score(data).performance


def _insert(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> int | None:
    columns = ", ".join(f'"{key}"' for key in row)
    marks = ", ".join("?" for _ in row)
    encoded = [json.dumps(v) if isinstance(v, dict | list) else v for v in row.values()]
    return connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", encoded).lastrowid


def _decoded(row: sqlite3.Row) -> dict[str, Any]:
    found = dict(row)
    return found | {"warnings": json.loads(found["warnings"]), "hints": json.loads(found["hints"])}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
