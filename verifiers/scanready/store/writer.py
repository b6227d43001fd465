"""Write one run from one thread, so that the event loop waits for no disk and no lock.

Results that arrive during a commit go into the next one together: a busy run needs few commits, and a slow one commits
each result immediately. A callback reports each commit. It also reports results that cannot be committed, since the
store never holds results back: the first failure is reported once, and later results pass through.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanready.run import timestamps

from . import journal
from .database import close, open_for_writing
from .errors import StoreError, explained, roll_back
from .journal import Account, AccountRecord
from .locks import RunLock
from .new_run import NewRun, enter

#: In one transaction at most. A commit of so many takes some 10 ms.
_MOST = 256
#: A login begins, perhaps a further one at that host; an account that was accepted there has nothing to fear of it.
_BEGUN = """INSERT INTO attempts (run, credential, host, place) VALUES (?, ?, ?, ?)
    ON CONFLICT (run, credential, host) DO UPDATE SET place = excluded.place, outcome = NULL
    WHERE outcome IS NOT NULL AND outcome != ''"""
_ENDED = "UPDATE attempts SET outcome = ? WHERE run = ? AND credential = ? AND host = ?"


#: Says what keeps a login from being made: its account and host, the journal as it is now, and the row of this run.
Judge = Callable[[Account, str, Sequence[AccountRecord], int], object | None]


@dataclass(frozen=True, slots=True)
class _Result:
    place: int
    key: str
    verdict: str
    line: str


@dataclass(frozen=True, slots=True)
class _Attempt:
    account: Account
    host: str
    place: str
    done: Callable[[object | None], None]


@dataclass(frozen=True, slots=True)
class _Outcome:
    account: Account
    host: str
    cause: str
    effect: str


@dataclass(frozen=True, slots=True)
class _End:
    seconds: float
    interrupted: bool


class Writer:
    """Write one run. ``name`` is the run's name; None before it is stored, or if it cannot be stored.

    Args:
        run: a new run, or the name of a run that is continued.
        committed: called with the number of newly stored results, in the writer's thread.
        on_failure: called once with the reason, in the writer's thread.
        judge: asked before each login is noted, in the same transaction: of two runs at once, one comes second. Its
            answer, if it is not None, keeps the login from being noted, and ``done`` gets it.
    """

    def __init__(
        self,
        path: Path,
        run: NewRun | str,
        committed: Callable[[int], None],
        on_failure: Callable[[str], None],
        judge: Judge = lambda *_: None,
    ) -> None:
        self._judge, self._version, self._records = judge, -1, list[AccountRecord]()
        self._path, self._run, self._committed, self._on_failure = path, run, committed, on_failure
        self._waiting: queue.SimpleQueue[_Result | _Attempt | _Outcome | _End] = queue.SimpleQueue()
        self._failed = False
        self.name: str | None = None
        self._lock: RunLock | None = None
        self._thread = threading.Thread(target=self._serve, name="run store", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """True once nothing is kept any more."""
        return self._failed

    def result(self, place: int, key: str, verdict: str, line: str) -> None:
        """Keep one result. One that is there already stays as it is.

        ``place`` is the target's in what was asked for, from 0; ``key`` tells it from all others of the run.
        """
        self._waiting.put(_Result(place, key, verdict, line))

    def attempt(self, account: Account, host: str, place: str, done: Callable[[object | None], None]) -> None:
        """Keep, before it is sent, that a login goes out.

        ``done`` is called, in the writer's thread, once that is kept, with None; or with what keeps it from going out.
        """
        self._waiting.put(_Attempt(account, host, place, done))

    def outcome(self, account: Account, host: str, cause: str, effect: str) -> None:
        """Keep what became of a login: the cause that it failed with, or "" for one that was accepted.

        ``effect`` is what that means for the account, see :func:`scanready.store.journal.end`.
        """
        self._waiting.put(_Outcome(account, host, cause, effect))

    def end(self, seconds: float, interrupted: bool, patience: float) -> None:
        """Write how the run ended, and wait for that, ``patience`` seconds at most."""
        self._waiting.put(_End(seconds, interrupted))
        self._thread.join(patience)

    def give_up(self, why: str) -> None:
        """Keep nothing any more, and say so, the first time."""
        if not self._failed:
            self._failed = True
            self._on_failure(why)

    def _serve(self) -> None:
        connection, number = self._begun()
        going = True
        while going:
            batch = [self._waiting.get()]
            while len(batch) < _MOST and not self._waiting.empty():
                batch.append(self._waiting.get())
            hindered: dict[int, object] = {}
            if connection is not None and not self._failed:
                hindered = self._write(connection, number, batch)
            if results := sum(isinstance(item, _Result) for item in batch):
                self._committed(results)
            for item in batch:
                if isinstance(item, _Attempt):
                    item.done(hindered.get(id(item)))
                elif isinstance(item, _End):
                    going = False
        if connection is not None:
            close(connection)
        if self._lock is not None:
            self._lock.release()

    def _begun(self) -> tuple[sqlite3.Connection | None, int]:
        connection = None
        try:
            connection = open_for_writing(self._path)
            number = self._number(connection)
            journal.notice(connection, timestamps.now())
            return connection, number
        except (StoreError, sqlite3.Error) as error:
            if connection is not None:
                close(connection)
            self.give_up(str(error) if isinstance(error, StoreError) else explained(self._path, error))
            return None, 0

    def _number(self, connection: sqlite3.Connection) -> int:
        """Return the row of the run, made if it is new. A run that is continued is locked already."""
        if isinstance(self._run, str):
            found = connection.execute("SELECT id FROM runs WHERE name = ?", (self._run,)).fetchone()
            if found is None:
                raise StoreError(f"{self._path}: the run {self._run} no longer exists")
            connection.execute("UPDATE runs SET ended = NULL, interrupted = 0 WHERE id = ?", found)
            self.name = self._run
            return int(found[0])
        number, self.name, self._lock = enter(connection, self._path, self._run)
        return number

    def _hindrance(self, connection: sqlite3.Connection, number: int, item: _Attempt) -> object | None:
        version = connection.execute("PRAGMA data_version").fetchone()[0]  # writes of this connection leave it as it is
        if version != self._version:
            self._version, self._records = version, journal.records(connection)
        found = self._judge(item.account, item.host, self._records, number)
        if found is None:
            return None
        self._records = journal.records(connection)  # this run may have proven the account since
        return self._judge(item.account, item.host, self._records, number)

    def _write(
        self, connection: sqlite3.Connection, number: int, batch: list[_Result | _Attempt | _Outcome | _End]
    ) -> dict[int, object]:
        """Write a batch; return what keeps its logins from going out, by their identity."""
        hindered: dict[int, object] = {}
        try:
            connection.execute("BEGIN IMMEDIATE")
            for item in batch:  # in their order: a further attempt has no outcome yet
                if isinstance(item, _Attempt):
                    if (found := self._hindrance(connection, number, item)) is not None:
                        hindered[id(item)] = found
                        continue
                    connection.execute(_BEGUN, (number, item.account.credential, item.host, item.place))
                    journal.begin(connection, item.account, item.host, item.place, timestamps.now(), number)
                elif isinstance(item, _Outcome):
                    connection.execute(_ENDED, (item.cause, number, item.account.credential, item.host))
                    journal.end(connection, item.account, item.host, item.cause, item.effect, number, timestamps.now())
            connection.executemany(
                "INSERT OR IGNORE INTO results (run, place, key, verdict, result) VALUES (?, ?, ?, ?, ?)",
                [(number, one.place, one.key, one.verdict, one.line) for one in batch if isinstance(one, _Result)],
            )
            for item in batch:
                if isinstance(item, _End):
                    connection.execute(
                        "UPDATE runs SET ended = ?, seconds = ?, interrupted = ? WHERE id = ?",
                        (timestamps.now(), item.seconds, item.interrupted, number),
                    )
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.give_up(explained(self._path, error))
            roll_back(connection)  # or other runs would find it locked as long as this one lasts
        return hindered
