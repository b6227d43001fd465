"""Write a run whose results are there already, file by file: those of a file that turns out damaged are taken back.

Transactions are short, so that a check that runs meanwhile stores its own results without a wait.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scanready.run import timestamps

from .database import close, open_for_writing
from .errors import StoreError, explained, roll_back
from .new_run import NewRun, enter

#: Results in one transaction: some 20 ms.
_MOST = 512
#: KiB of pages in memory. The indexes of 800,000 results have 80 MB and are written in no order.
_CACHE = 96 << 10
#: Pages of the write-ahead log before they go into the file, 40 MB. Each time the disk is waited for.
_LOG = 10_000
_INSERT = "INSERT INTO results (run, place, key, verdict, result) VALUES (?, ?, ?, ?, ?)"
_REPLACE = """UPDATE results SET (place, verdict, result) =
    (SELECT place, verdict, result FROM temp.newer WHERE newer.key = results.key)
    WHERE run = ? AND key IN (SELECT key FROM temp.newer)"""


class Row(NamedTuple):
    """One result: ``place`` is its position in the run, ``key`` is unique in the run, ``line`` is its JSON."""

    place: int
    key: str
    verdict: str
    line: str


class BulkWriter:
    """Write one run. Use as a context manager: the run is deleted unless :meth:`end` was called.

    Raises:
        StoreError: the store cannot be written; any method may find that.
    """

    def __init__(self, path: Path, run: NewRun) -> None:
        self.path = path
        self._rows: dict[str, Row] = {}
        self._newer: dict[str, Row] = {}
        self._last = 0
        self._ended = self._replaces = False
        self._connection = open_for_writing(path)
        try:
            with self._told():
                self._connection.execute(f"PRAGMA cache_size = -{_CACHE}")
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG}")
                self._connection.execute(
                    "CREATE TEMP TABLE newer (place INTEGER, key TEXT PRIMARY KEY, verdict TEXT, result TEXT)"
                )
                self._number, self.name, self._lock = enter(self._connection, path, run)
        except StoreError:
            close(self._connection)
            raise

    def __enter__(self) -> BulkWriter:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self._ended:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("DELETE FROM runs WHERE id = ?", (self._number,))
        finally:
            close(self._connection)
            self._lock.release()

    def add(self, row: Row) -> None:
        """Add a result whose key is new."""
        self._rows[row.key] = row
        if len(self._rows) >= _MOST:
            self._flush()

    def stored(self, key: str) -> str:
        """Return the line of an earlier result.

        Raises:
            KeyError: there is none.
        """
        if key in self._newer or key in self._rows:
            return (self._newer.get(key) or self._rows[key]).line
        with self._told():
            found = self._connection.execute(
                "SELECT result FROM temp.newer WHERE key = ?2"
                " UNION ALL SELECT result FROM results WHERE run = ?1 AND key = ?2",
                (self._number, key),
            ).fetchone()
        if found is None:
            raise KeyError(key)
        return str(found[0])

    def replace(self, row: Row) -> None:
        """Put a newer result in place of the earlier one with its key, once the file is accepted."""
        self._newer[row.key] = row
        self._replaces = True
        if len(self._newer) >= _MOST:
            self._flush()

    def withdraw(self, key: str) -> None:
        """Take back a result since the last call of :meth:`accept`; an earlier one with its key stays."""
        if self._newer.pop(key, None) is not None or self._rows.pop(key, None) is not None:
            return
        with self._transaction():
            self._connection.execute("DELETE FROM temp.newer WHERE key = ?", (key,))
            self._connection.execute(
                "DELETE FROM results WHERE run = ? AND key = ? AND id > ?", (self._number, key, self._last)
            )

    def accept(self) -> None:
        """Keep the results since the last call."""
        self._flush()
        if self._replaces:
            with self._transaction():
                self._connection.execute(_REPLACE, (self._number,))
                self._connection.execute("DELETE FROM temp.newer")
            self._replaces = False
        with self._told():
            found = self._connection.execute("SELECT max(id) FROM results").fetchone()
            self._last = found[0] or 0

    def reject(self) -> None:
        """Delete the results since the last call of :meth:`accept`."""
        self._rows.clear()
        self._newer.clear()
        self._replaces = False
        with self._transaction():
            self._connection.execute("DELETE FROM results WHERE +run = ? AND id > ?", (self._number, self._last))
            self._connection.execute("DELETE FROM temp.newer")

    def end(self, targets: int, asked: str, seconds: float) -> None:
        """Write what is known only now, and the end of the run."""
        with self._transaction():
            self._connection.execute(
                "UPDATE runs SET targets = ?, asked = ?, ended = ?, seconds = ? WHERE id = ?",
                (targets, asked, timestamps.now(), seconds, self._number),
            )
        self._ended = True

    def _flush(self) -> None:
        if not (self._rows or self._newer):
            return
        with self._transaction():
            self._connection.executemany(_INSERT, [(self._number, *row) for row in self._rows.values()])
            self._connection.executemany(
                "INSERT OR REPLACE INTO temp.newer (place, key, verdict, result) VALUES (?, ?, ?, ?)",
                list(self._newer.values()),
            )
        self._rows.clear()
        self._newer.clear()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:  # also of a value that SQLite does not take, which is no error of it
                roll_back(self._connection)
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(explained(self.path, error)) from error
