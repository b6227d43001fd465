"""Keep what an agent has done in a file of its own: deliveries of a batch, and its results until they are not needed.

A batch that was carried out is not carried out again when the broker delivers it again: its results are sent again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scanready.climb.journal import Effect
from scanready.store import boot_clock
from scanready.store.errors import explained, roll_back

#: Seconds that a batch is remembered. A broker that stays away longer than this gets its targets checked again.
KEPT = 7 * 86_400.0
#: Seconds between two times that old batches are deleted: an agent runs for months.
_TIDY = 3600.0
#: The number at the start of an agent's file ("srfa").
_OURS = 0x73726661
_TABLES = """
    CREATE TABLE IF NOT EXISTS batches (
        run TEXT NOT NULL, batch TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
        at REAL NOT NULL, PRIMARY KEY (run, batch));
    CREATE TABLE IF NOT EXISTS results (
        run TEXT NOT NULL, batch TEXT NOT NULL, place INTEGER NOT NULL, line TEXT NOT NULL,
        PRIMARY KEY (run, batch, place));
    CREATE TABLE IF NOT EXISTS cancelled (run TEXT PRIMARY KEY, at REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS logins (
        id INTEGER PRIMARY KEY, run TEXT NOT NULL, batch TEXT NOT NULL, credential TEXT NOT NULL, host TEXT NOT NULL,
        place TEXT NOT NULL, effect TEXT);
    CREATE INDEX IF NOT EXISTS logins_of_batch ON logins (run, batch);
    CREATE TABLE IF NOT EXISTS ends (run TEXT NOT NULL, batch TEXT NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (run, batch));
"""


#: The tables whose rows have a time.
_AGING = ("batches", "cancelled")


@dataclass(frozen=True, slots=True)
class LoginRow:
    """One login of a batch, noted once for each name of its host. ``effect`` is None until it is known."""

    credential: str
    host: str
    place: str
    effect: str | None


class JournalError(Exception):
    """Raised if the file cannot be used; the message names it, and says what to do."""


class Journal:
    """The file. Its methods may be called in any thread. Each raises JournalError if the file cannot be used.

    Raises:
        JournalError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._tidied = time.monotonic()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._demand_own_file()
            self._file.executescript(
                f"PRAGMA application_id = {_OURS}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_TABLES}"
            )
            self._add_clocks()
            self._forget()
        except (OSError, sqlite3.Error) as error:
            raise JournalError(f"{path}: {error}: name another file with --store") from error

    def _demand_own_file(self) -> None:
        """Leave a file of another kind as it is. The run store is one, and other commands call it --store.

        Raises:
            JournalError: it is none of an agent.
        """
        (mark,) = self._file.execute("PRAGMA application_id").fetchone()
        tables = {name for (name,) in self._file.execute("SELECT name FROM sqlite_master")}
        if mark != _OURS and (mark or (tables and "batches" not in tables)):  # earlier versions set no mark
            self._file.close()
            raise JournalError(
                f"{self._path}: it is no file of an agent (the run store is --journal): name another file with --store"
            )

    def _add_clocks(self) -> None:
        """Give a file of an earlier version the column of the time since the host started."""
        for table in _AGING:
            if "clock" not in {row[1] for row in self._file.execute(f"PRAGMA table_info({table})")}:
                self._file.execute(f"ALTER TABLE {table} ADD COLUMN clock TEXT")

    def begin(self, run: str, batch: str) -> int:
        """Note that a batch is begun; return how many times it has been, this time included."""
        if time.monotonic() > self._tidied + _TIDY:
            self._forget()
        with self._committed() as file:
            file.execute(
                "INSERT INTO batches (run, batch, begun, at, clock) VALUES (?, ?, 1, ?, ?)"
                " ON CONFLICT (run, batch) DO UPDATE SET begun = begun + 1",
                (run, batch, time.time(), boot_clock.reading()),
            )
            row = file.execute("SELECT begun FROM batches WHERE run = ? AND batch = ?", (run, batch)).fetchone()
            return int(row[0])

    def begun(self, run: str, batch: str) -> int:
        """Return how many times a batch has been begun."""
        with self._committed() as file:
            row = file.execute("SELECT begun FROM batches WHERE run = ? AND batch = ?", (run, batch)).fetchone()
            return int(row[0]) if row else 0

    def finish(self, run: str, batch: str) -> None:
        """Note that all targets of a batch have a result."""
        with self._committed() as file:
            file.execute("UPDATE batches SET finished = 1 WHERE run = ? AND batch = ?", (run, batch))

    def put_back(self, run: str, batch: str) -> None:
        """Note that a batch was begun, and goes back because this process ends: that is no failed try."""
        with self._committed() as file:
            file.execute("UPDATE batches SET begun = begun - 1 WHERE run = ? AND batch = ? AND begun > 0", (run, batch))

    def is_finished(self, run: str, batch: str) -> bool:
        """Return True if all targets of a batch have a result."""
        with self._committed() as file:
            found = file.execute("SELECT finished FROM batches WHERE run = ? AND batch = ?", (run, batch)).fetchone()
            return bool(found and found[0])

    def keep(self, run: str, batch: str, place: int, line: str) -> None:
        """Keep one result."""
        with self._committed() as file:
            file.execute("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?)", (run, batch, place, line))

    def results(self, run: str, batch: str) -> dict[int, str]:
        """Return the results of a batch by their places."""
        with self._committed() as file:
            rows = file.execute("SELECT place, line FROM results WHERE run = ? AND batch = ?", (run, batch))
            return dict(rows.fetchall())

    def intend(self, run: str, batch: str, credential: str, host: str, place: str) -> None:
        """Note a login that is about to be made."""
        with self._committed() as file:
            file.execute(
                "INSERT INTO logins (run, batch, credential, host, place) VALUES (?, ?, ?, ?, ?)",
                (run, batch, credential, host.casefold(), place),
            )

    def conclude(self, run: str, batch: str, credential: str, host: str, effect: str) -> None:
        """Note what the end of a login means."""
        with self._committed() as file:
            file.execute(
                "UPDATE logins SET effect = ? WHERE run = ? AND batch = ? AND credential = ? AND host = ?"
                " AND effect IS NULL",
                (effect, run, batch, credential, host.casefold()),
            )

    def logins(self, run: str, batch: str) -> list[LoginRow]:
        """Return the logins of a batch, in their order."""
        with self._committed() as file:
            rows = file.execute(
                "SELECT credential, host, place, effect FROM logins WHERE run = ? AND batch = ? ORDER BY id",
                (run, batch),
            )
            return [LoginRow(*row) for row in rows.fetchall()]

    def proven(self, run: str, credential: str) -> list[str]:
        """Return the places that accepted a credential in a run."""
        with self._committed() as file:
            rows = file.execute(
                "SELECT DISTINCT place FROM logins WHERE run = ? AND credential = ? AND effect = ?",
                (run, credential, Effect.PROVEN.value),
            )
            return [place for (place,) in rows.fetchall()]

    def keep_ends(self, run: str, batch: str, text: str) -> None:
        """Keep what became of the logins of a batch, those that were not made included."""
        with self._committed() as file:
            file.execute("INSERT OR REPLACE INTO ends VALUES (?, ?, ?)", (run, batch, text))

    def ends(self, run: str, batch: str) -> str | None:
        """Return what :meth:`keep_ends` kept; None if it kept nothing."""
        with self._committed() as file:
            row = file.execute("SELECT text FROM ends WHERE run = ? AND batch = ?", (run, batch)).fetchone()
            return str(row[0]) if row else None

    def cancel(self, run: str) -> None:
        """Note that a run is cancelled."""
        with self._committed() as file:
            now = time.time(), boot_clock.reading()
            file.execute("INSERT OR REPLACE INTO cancelled (run, at, clock) VALUES (?, ?, ?)", (run, *now))

    def is_cancelled(self, run: str) -> bool:
        """Return True if a run was cancelled."""
        with self._committed() as file:
            return file.execute("SELECT 1 FROM cancelled WHERE run = ?", (run,)).fetchone() is not None

    def _forget(self) -> None:
        self._tidied = time.monotonic()
        with self._committed() as file:
            for row in _old(file, "batches"):
                for table in ("results", "logins", "ends"):
                    of_old = "(run, batch) = (SELECT run, batch FROM batches WHERE rowid = ?)"
                    file.execute(f"DELETE FROM {table} WHERE {of_old}", row)
                file.execute("DELETE FROM batches WHERE rowid = ?", row)
            file.executemany("DELETE FROM cancelled WHERE rowid = ?", _old(file, "cancelled"))

    @contextlib.contextmanager
    def _committed(self) -> Iterator[sqlite3.Connection]:
        """Commit what is done in between. A transaction that fails stays open in no case: it would fail all others."""
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                yield self._file
                self._file.execute("COMMIT")
            except BaseException as error:
                roll_back(self._file)
                if isinstance(error, sqlite3.Error):
                    raise JournalError(explained(self._path, error)) from error
                raise


def _old(file: sqlite3.Connection, table: str) -> list[tuple[int]]:
    """Return the rows that are older than :data:`KEPT`, whatever was done to the wall clock since the host started.

    A row from before that start has only its wall clock. If that says a moment to come, its age counts from now.
    """
    now, this = time.time(), boot_clock.reading()
    old, odd = list[tuple[int]](), list[tuple[float, str, int]]()
    for number, at, clock in file.execute(f"SELECT rowid, at, clock FROM {table}"):
        age = boot_clock.passed(clock or "", this)
        if age is None and at > now:
            odd.append((now, this, number))
        elif (now - at if age is None else age) > KEPT:
            old.append((number,))
    file.executemany(f"UPDATE {table} SET at = ?, clock = ? WHERE rowid = ?", odd)
    return old
