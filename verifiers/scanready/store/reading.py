"""Read the runs that were kept, and the results of one."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scanready.redaction.userinfo import without_passwords

from .database import close, open_for_reading
from .errors import StoreError, explained
from .names import runs_back

_COLUMNS = "id, name, started, ended, seconds, interrupted, command, source, targets, version, agent, asked"


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run. ``agent`` and ``asked`` are JSON; ``ended`` is None while it goes on, and for one that was killed.

    ``seconds`` is wall time; ``verdicts`` counts its results.
    """

    number: int
    name: str
    started: str
    ended: str | None
    seconds: float
    interrupted: bool
    command: str
    source: str
    targets: int
    version: str
    agent: str
    asked: str
    verdicts: dict[str, int] = field(default_factory=dict)

    @property
    def finished(self) -> int:
        """The number of targets that have a result."""
        return sum(self.verdicts.values())


class Store:
    """A store that is there, for reading. Use as a context manager.

    Raises:
        StoreError: see :func:`open_for_reading`; any method may find the file damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = open_for_reading(path)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        close(self._connection)

    def runs(self, most: int | None = None) -> list[StoredRun]:
        """Return the newest runs first."""
        with self._told():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM runs ORDER BY id DESC LIMIT ?", (-1 if most is None else most,)
            ).fetchall()
            return [self._run(row) for row in rows]

    def runs_of(self, source: str, estate: str, most: int, before: int | None = None) -> list[StoredRun]:
        """Return the newest finished runs of the same targets from the same source, those before a run's number.

        Args:
            source: the inventory's file.
            estate: the key of all targets, as the run's ``asked`` has it.
            most: so many runs at the most.
            before: only runs with a lower number.
        """
        with self._told():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE source = ? AND instr(asked, ?) AND id < ?"
                " AND ended IS NOT NULL AND NOT interrupted ORDER BY id DESC LIMIT ?",
                (source, f'"estate":{json.dumps(estate)}', 1 << 62 if before is None else before, most),
            ).fetchall()
            return [self._run(row) for row in rows]

    def find(self, text: str) -> StoredRun:
        """Return the run that is called so: its name, a part of it that no other has, ``last`` or ``last~2``.

        Raises:
            StoreError: there is none, or more than one.
        """
        back = runs_back(text)
        if back is not None:
            found = self.runs(back + 1)[back:]
            if not found:
                raise StoreError(f"there is no run {text}: `scanready runs` lists the stored runs")
            return found[0]
        with self._told():
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM runs WHERE name = ?1 OR instr(name, ?1) ORDER BY name != ?1, id DESC",
                (text,),
            ).fetchmany(3)
        if not rows or not text.strip("-"):  # "-" is part of every name, and means standard input elsewhere
            raise StoreError(f"there is no run {without_passwords(text)!r}: `scanready runs` lists the stored runs")
        if len(rows) > 1 and rows[0][1] != text:
            raise StoreError(f"{text!r} matches {rows[0][1]} and {rows[1][1]}: write more of the name")
        return self._run(rows[0])

    def results(self, run: StoredRun) -> Iterator[str]:
        """Yield the results of a run as lines of JSON, in the order of its targets; one is in memory at a time."""
        with self._told():
            rows = self._connection.execute("SELECT result FROM results WHERE run = ? ORDER BY place", (run.number,))
            for (line,) in rows:
                yield line

    def keys(self, run: StoredRun) -> set[str]:
        """Return the keys of the targets that have a result."""
        with self._told():
            return {key for (key,) in self._connection.execute("SELECT key FROM results WHERE run = ?", (run.number,))}

    def agents(self, run: StoredRun) -> set[str]:
        """Return the names of the agents of a run that holds the results of several: their keys name the agent."""
        with self._told():
            rows = self._connection.execute(
                "SELECT DISTINCT substr(key, instr(key, '@') + 1) FROM results WHERE run = ?", (run.number,)
            )
            return {name for (name,) in rows}

    def attempts(self, run: StoredRun) -> list[tuple[str, str, str, str | None]]:
        """Return credential, host, place and outcome of each login that was begun.

        The outcome is the code of the cause that it failed with, "" for one that was accepted, None if the run was
        ended before there was one.
        """
        with self._told():
            return self._connection.execute(
                "SELECT credential, host, place, outcome FROM attempts WHERE run = ?", (run.number,)
            ).fetchall()

    def _run(self, row: tuple[object, ...]) -> StoredRun:
        counted = self._connection.execute("SELECT verdict, count(*) FROM results WHERE run = ? GROUP BY 1", row[:1])
        values = dict(zip(_COLUMNS.split(", "), row, strict=True))
        values |= {"number": values.pop("id"), "interrupted": bool(values["interrupted"])}
        return StoredRun(**values, verdicts=dict(counted.fetchall()))  # type: ignore[arg-type]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(explained(self.path, error)) from error
