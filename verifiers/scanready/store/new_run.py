"""Enter a new run into the store, under a name that no other has, locked before others can see it."""

from __future__ import annotations

import datetime
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from .errors import StoreError, roll_back
from .locks import RunLock
from .names import new_name

_NAMES_TRIED = 20


@dataclass(frozen=True, slots=True)
class NewRun:
    """The facts of a run at its start. ``agent`` and ``asked`` are JSON; ``started`` is UTC, ISO 8601.

    ``source`` is the inventory's file, or the targets; ``command`` is "check", "verify" or "merge". SQLite takes
    Unicode only, so a byte of a file name that is no text is stored as an escape.
    """

    started: str
    command: str
    source: str
    targets: int
    version: str
    agent: str
    asked: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", self.source.encode(errors="backslashreplace").decode())


def enter(connection: sqlite3.Connection, path: Path, run: NewRun) -> tuple[int, str, RunLock]:
    """Return the row, the name and the lock of a new run.

    Raises:
        StoreError: no name is left.
        sqlite3.Error: it cannot be written.
    """
    values = (run.started, run.command, run.source, run.targets, run.version, run.agent, run.asked)
    for _ in range(_NAMES_TRIED):
        name = new_name(datetime.datetime.fromisoformat(run.started))
        connection.execute("BEGIN IMMEDIATE")
        try:
            row = connection.execute(
                "INSERT INTO runs (name, started, command, source, targets, version, agent, asked)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (name, *values),
            )
            number = int(row.lastrowid or 0)
            lock = RunLock(path, number, name)  # before others can see the run
            connection.execute("COMMIT")
        except sqlite3.IntegrityError:
            roll_back(connection)
            continue  # another one of this minute has the name
        except (sqlite3.Error, StoreError):
            roll_back(connection)
            raise
        return number, name, lock
    raise StoreError(f"{path}: no name is left for a run of {run.started}")
