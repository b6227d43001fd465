"""Throw old runs away: by their number, and by an age that a clock which was wrong for a while does not falsify."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from scanready.run import timestamps

from .database import close, open_for_writing
from .errors import StoreError, explained, roll_back
from .locks import is_running

#: A run: its number, name and beginning (UTC, ISO 8601).
_Row = tuple[int, str, str]


def prune(path: Path, keep: int | None = None, before: str | None = None) -> list[str]:
    """Throw away all but the newest ``keep`` runs, and those that began before (UTC, ISO 8601); return their names.

    A run that is being written stays.

    Raises:
        StoreError: the store cannot be written.
    """
    connection = open_for_writing(path)
    try:
        rows: list[_Row] = connection.execute("SELECT id, name, started FROM runs ORDER BY id").fetchall()
        old = [row for row in _chosen(rows, keep, before) if not is_running(path, row[0])]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM runs WHERE id = ?", [(number,) for number, *_ in old])
        connection.execute("COMMIT")
        with contextlib.suppress(sqlite3.Error):  # a run that is being written holds it: the room is used again anyway
            connection.execute("VACUUM")
    except sqlite3.Error as error:
        roll_back(connection)
        raise StoreError(explained(path, error)) from error
    finally:
        close(connection)
    return [name for _, name, _ in reversed(old)]


def _chosen(rows: Sequence[_Row], keep: int | None, before: str | None) -> list[_Row]:
    surplus = len(rows) - keep if keep is not None else 0
    began = beginnings([started for _, _, started in rows], timestamps.now())
    return [
        row
        for place, (row, moment) in enumerate(zip(rows, began, strict=True))
        if place < surplus or (before is not None and moment < before)
    ]


def beginnings(started: Sequence[str], now: str) -> list[str]:
    """Return when each run began, in the order of their numbers, as far as clocks that were wrong leave it open.

    A run is never older than one before it: a clock that was behind ages nothing. A run that is dated in the future
    began before the next one whose date is possible, and is as old as that; if there is none, it is new.

    Args:
        started: what the clock showed at each beginning (UTC, ISO 8601), oldest number first.
        now: the same for this moment.
    """
    found, latest = list[str](), ""
    for moment in started:
        if moment <= now:
            latest = max(latest, moment)
        found.append(latest if moment <= now else "")
    following = now
    for place in range(len(found) - 1, -1, -1):
        following = found[place] or following
        found[place] = following
    return found
