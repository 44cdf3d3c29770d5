"""The library's tables, as the steps that lead to them: a library of any earlier version is brought up to date.

A step is never changed once it was released; a change of the tables is another step at the end.
"""

from __future__ import annotations

import sqlite3

from abcscribe.errors import AbcscribeError

STEPS = (
    """
    CREATE TABLE recordings (
        id TEXT PRIMARY KEY, title TEXT NOT NULL, composer TEXT NOT NULL DEFAULT '', file_name TEXT NOT NULL,
        hash TEXT NOT NULL, bytes INTEGER NOT NULL, seconds REAL, codec TEXT NOT NULL,
        created TEXT NOT NULL, changed TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'new', error TEXT, warnings TEXT NOT NULL DEFAULT '[]',
        start REAL, "end" REAL, hints TEXT NOT NULL DEFAULT '{}', engine TEXT NOT NULL DEFAULT 'abcscribe',
        attempts INTEGER NOT NULL DEFAULT 0, current INTEGER,
        summary TEXT, confidence REAL
    );
    CREATE INDEX recordings_hash ON recordings (hash);
    CREATE INDEX recordings_created ON recordings (created);
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY AUTOINCREMENT, recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
        created TEXT NOT NULL, engine TEXT NOT NULL, seconds REAL NOT NULL, notes BLOB NOT NULL
    );
    CREATE INDEX runs_recording ON runs (recording);
    CREATE TABLE versions (
        recording TEXT NOT NULL REFERENCES recordings (id) ON DELETE CASCADE, number INTEGER NOT NULL,
        parent INTEGER, next INTEGER, label TEXT NOT NULL, created TEXT NOT NULL,
        run INTEGER REFERENCES runs (id), hints TEXT NOT NULL, corrections BLOB NOT NULL, dropped TEXT NOT NULL,
        score BLOB NOT NULL, PRIMARY KEY (recording, number)
    );
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, each step in one transaction.

    Raises:
        AbcscribeError: the library was made by a later version of the program.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise AbcscribeError("The library was made by a later version of abcscribe; install that one.")
    for number, step in enumerate(STEPS[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {step} PRAGMA user_version = {number}; COMMIT;")
