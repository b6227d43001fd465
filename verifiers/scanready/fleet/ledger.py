"""Store a run of many agents: each result under its target and agent; a newer one takes the place of an earlier one.

A method returns after its commit, so the caller may then tell the broker to forget the message.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scanready.model import Report, Target
from scanready.report.parse import NotAResult, restored
from scanready.report.serialize import as_line, identity, identity_at
from scanready.run import timestamps
from scanready.store import AccountRecord, NewRun, RunLock, Store, StoredRun, StoreError
from scanready.store.database import close, open_for_writing
from scanready.store.errors import explained, roll_back
from scanready.store.journal import records
from scanready.store.names import new_name

from .account_memory import Going
from .names import run_key

#: The command of such a run in the store.
COMMAND = "fleet"
_PUT = """INSERT INTO results (run, place, key, verdict, result) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (run, key) DO UPDATE SET place = excluded.place, verdict = excluded.verdict, result = excluded.result"""
_NAMES_TRIED = 20


class Row(NamedTuple):
    """One result: its place, the key of its target and agent, its verdict, and its line of JSON."""

    place: int
    key: str
    verdict: str
    line: str


def row_of(place: int, report: Report) -> Row:
    """Return the row of a report."""
    return Row(place, identity_at(report), report.verdict.value, as_line(report))


#: Writes into the journal of accounts, within a transaction.
Note = Callable[[sqlite3.Connection], None]


class Ledger:
    """One run, for writing. Use as a context manager.

    Args:
        run: a new run, or the one that is continued.

    Attributes:
        going: the row of the run, and when it began.
        key: what names the run at the broker, where another coordinator may have a run of the same name.

    Raises:
        StoreError: the store cannot be written, or another process writes this run; any method may find that.
    """

    def __init__(self, path: Path, run: NewRun | StoredRun) -> None:
        self.path = path
        self._file = open_for_writing(path)
        try:
            self.number, self.name, self._lock = self._entered(run)
        except (StoreError, sqlite3.Error) as error:
            close(self._file)
            if isinstance(error, StoreError):
                raise
            raise StoreError(explained(path, error)) from error
        self.going = Going(self.number, run.started)
        self.key = run_key(self.name, json.loads(run.asked).get("token", ""))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        close(self._file)
        self._lock.release()

    def put(self, reports: Iterable[tuple[int, Report]]) -> None:
        """Store results with their places."""
        self.put_rows([row_of(place, report) for place, report in reports])

    def put_rows(self, rows: Iterable[Row]) -> None:
        """Store results as rows."""
        with self._committed():
            self._file.executemany(_PUT, ((self.number, *row) for row in rows))

    def result(self, target: Target, agent: str) -> Report | None:
        """Return the stored result of an agent for a target; None if there is none that can be read."""
        key = f"{identity(target)}@{agent}"
        try:
            found = self._file.execute("SELECT result FROM results WHERE run = ? AND key = ?", (self.number, key))
            row = found.fetchone()
        except sqlite3.Error as error:
            raise StoreError(explained(self.path, error)) from error
        try:
            return restored(json.loads(row[0]), target) if row else None
        except (NotAResult, ValueError):
            return None

    def login_sent(self, batch: str, agent: str, places: Sequence[int], note: Note) -> None:
        """Store a login batch that is sent next; ``note`` is stored with it. An error of that stores nothing.

        It is a row of the table that holds a run's logins; the name of the batch stands for the credential.
        """
        row = (self.number, batch, agent, json.dumps(places))
        with self._committed():
            note(self._file)
            self._file.execute("INSERT INTO attempts (run, credential, host, place) VALUES (?, ?, ?, ?)", row)

    def login_not_sent(self, batch: str, note: Note) -> None:
        """Delete a login batch that the broker has not taken; ``note`` is stored with that."""
        with self._committed():
            note(self._file)
            self._file.execute("DELETE FROM attempts WHERE run = ? AND credential = ?", (self.number, batch))

    def login_ended(self, batch: str, ends: Sequence[Mapping[str, Any]], note: Note) -> None:
        """Store what became of the logins of a batch, as JSON types; ``note`` is stored with it."""
        with self._committed():
            note(self._file)
            self._file.execute(
                "UPDATE attempts SET outcome = ? WHERE run = ? AND credential = ?",
                (json.dumps(ends), self.number, batch),
            )

    def is_going(self, run: int) -> bool:
        """Return whether another process writes the run of this row."""
        return self._lock.is_held_elsewhere(run)

    def accounts(self) -> list[AccountRecord]:
        """Return what the coordinator noted of the logins of all runs."""
        with self._committed():
            return records(self._file, of_fleet=True)

    def logins(self) -> list[tuple[str, str, list[int], list[dict[str, Any]] | None]]:
        """Return the login batches that were sent: name, agent, places, and the ends as stored; None if not known."""
        with self._committed():
            rows = self._file.execute(
                "SELECT credential, host, place, outcome FROM attempts WHERE run = ?", (self.number,)
            ).fetchall()
        return [
            (name, agent, json.loads(places), None if ends is None else json.loads(ends))
            for name, agent, places, ends in rows
        ]

    def end(self, asked: Mapping[str, Any], seconds: float, *, interrupted: bool) -> None:
        """Store how the run ended; ``asked`` takes the place of the text from its start."""
        with self._committed():
            self._file.execute(
                "UPDATE runs SET ended = ?, seconds = ?, interrupted = ?, asked = ? WHERE id = ?",
                (timestamps.now(), seconds, interrupted, json.dumps(asked, separators=(",", ":")), self.number),
            )

    def _entered(self, run: NewRun | StoredRun) -> tuple[int, str, RunLock]:
        if isinstance(run, StoredRun):
            lock = RunLock(self.path, run.number, run.name)
            with self._committed():
                self._file.execute("UPDATE runs SET ended = NULL, interrupted = 0 WHERE id = ?", (run.number,))
            return run.number, run.name, lock
        values = (run.started, run.command, run.source, run.targets, run.version, run.agent, run.asked)
        for _ in range(_NAMES_TRIED):
            name = new_name(datetime.datetime.fromisoformat(run.started))
            try:
                with self._committed():
                    row = self._file.execute(
                        "INSERT INTO runs (name, started, command, source, targets, version, agent, asked)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (name, *values),
                    )
                    number = int(row.lastrowid or 0)
                    lock = RunLock(self.path, number, name)  # before others can see the run
            except sqlite3.IntegrityError:
                continue  # another one of this minute has the name
            return number, name, lock
        raise StoreError(f"{self.path}: no name is left for a run of {run.started}")

    @contextlib.contextmanager
    def _committed(self) -> Iterator[None]:
        try:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                roll_back(self._file)
                raise
            self._file.execute("COMMIT")
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise StoreError(explained(self.path, error)) from error


def stored_results(store: Store, run: StoredRun) -> Iterator[Any]:
    """Yield the results of a run as JSON types, one in memory at a time."""
    return (json.loads(line) for line in store.results(run))
