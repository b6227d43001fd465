"""Define the tables, version by version (``PRAGMA user_version``); a released version is never changed."""

from __future__ import annotations

#: The statements that lead from each version to the next one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            started TEXT NOT NULL,
            ended TEXT,
            seconds REAL NOT NULL DEFAULT 0,
            interrupted INTEGER NOT NULL DEFAULT 0,
            command TEXT NOT NULL,
            source TEXT NOT NULL,
            targets INTEGER NOT NULL,
            version TEXT NOT NULL,
            agent TEXT NOT NULL,
            asked TEXT NOT NULL
        )""",
        # The narrow columns stand first: counting verdicts then reads no result.
        """CREATE TABLE results (
            id INTEGER PRIMARY KEY,
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
            place INTEGER NOT NULL,
            key TEXT NOT NULL,
            verdict TEXT NOT NULL,
            result TEXT NOT NULL,
            UNIQUE (run, key)
        )""",
        "CREATE INDEX places ON results (run, place)",
        "CREATE INDEX verdicts ON results (run, verdict)",
        # Written before a login goes out: what a killed run has tried is not tried again when it is resumed.
        """CREATE TABLE attempts (
            run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
            credential TEXT NOT NULL,
            host TEXT NOT NULL,
            place TEXT NOT NULL,
            PRIMARY KEY (run, credential, host)
        ) WITHOUT ROWID""",
    ),
    # The cause that the login failed with, "" for one that was accepted, NULL while it is not known.
    ("ALTER TABLE attempts ADD COLUMN outcome TEXT",),
)

VERSION = len(MIGRATIONS)
