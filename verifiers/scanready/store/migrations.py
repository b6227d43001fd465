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
    # The history of each account, across runs: pruning runs must not forget a refusal.
    (
        """CREATE TABLE accounts (
            id INTEGER PRIMARY KEY,
            credential TEXT NOT NULL,
            username TEXT NOT NULL,
            authority TEXT NOT NULL,
            source TEXT NOT NULL,
            refusals INTEGER NOT NULL DEFAULT 0,
            refused_cause TEXT,
            refused_place TEXT,
            refused_at TEXT,
            refused_agent TEXT,
            refused_run INTEGER,
            refused_ambiguous INTEGER NOT NULL DEFAULT 0,
            accepted_place TEXT,
            accepted_at TEXT,
            accepted_agent TEXT,
            UNIQUE (credential, username, authority)
        )""",
        # Logins that no server accepted, by host: `begun` is set while the outcome is not known.
        """CREATE TABLE account_logins (
            account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
            host TEXT NOT NULL,
            place TEXT NOT NULL,
            agent TEXT NOT NULL,
            tries INTEGER NOT NULL,
            begun TEXT,
            cause TEXT,
            at TEXT,
            PRIMARY KEY (account, host)
        ) WITHOUT ROWID""",
    ),
    # A coordinator notes the logins of each agent of its fleet apart: each has a copy of the secret (`holder`).
    # `left_open` is when a login began that was still open when the next one at its host began.
    (
        """CREATE TABLE accounts_by_holder (
            id INTEGER PRIMARY KEY,
            credential TEXT NOT NULL,
            username TEXT NOT NULL,
            authority TEXT NOT NULL,
            holder TEXT NOT NULL,
            source TEXT NOT NULL,
            refusals INTEGER NOT NULL DEFAULT 0,
            refused_cause TEXT,
            refused_place TEXT,
            refused_at TEXT,
            refused_agent TEXT,
            refused_run INTEGER,
            refused_ambiguous INTEGER NOT NULL DEFAULT 0,
            accepted_place TEXT,
            accepted_at TEXT,
            accepted_agent TEXT,
            proved_at TEXT,
            UNIQUE (credential, username, authority, holder)
        )""",
        """INSERT INTO accounts_by_holder SELECT id, credential, username, authority, '', source, refusals,
            refused_cause, refused_place, refused_at, refused_agent, refused_run, refused_ambiguous, accepted_place,
            accepted_at, accepted_agent, accepted_at FROM accounts""",
        """CREATE TABLE logins_by_holder (
            account INTEGER NOT NULL REFERENCES accounts_by_holder ON DELETE CASCADE,
            host TEXT NOT NULL,
            place TEXT NOT NULL,
            agent TEXT NOT NULL,
            tries INTEGER NOT NULL,
            begun TEXT,
            cause TEXT,
            at TEXT,
            run INTEGER,
            left_open TEXT,
            PRIMARY KEY (account, host)
        ) WITHOUT ROWID""",
        """INSERT INTO logins_by_holder SELECT account, host, place, agent, tries, begun, cause, at, NULL, NULL
            FROM account_logins""",
        "DROP TABLE account_logins",
        "DROP TABLE accounts",
        "ALTER TABLE accounts_by_holder RENAME TO accounts",
        "ALTER TABLE logins_by_holder RENAME TO account_logins",
    ),
    # A wall clock may be set at any time. `steps` counts what happened to an account, so that the order of two notes
    # is known; `clock` is that of the host since its start; `noticed` is when a run found a note of a moment to come.
    (
        "ALTER TABLE accounts ADD COLUMN steps INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE accounts ADD COLUMN refused_step INTEGER",
        "ALTER TABLE accounts ADD COLUMN refused_clock TEXT",
        "ALTER TABLE accounts ADD COLUMN refused_noticed TEXT",
        "ALTER TABLE account_logins ADD COLUMN step INTEGER",
        "ALTER TABLE account_logins ADD COLUMN clock TEXT",
        "ALTER TABLE account_logins ADD COLUMN noticed TEXT",
    ),
)

VERSION = len(MIGRATIONS)
