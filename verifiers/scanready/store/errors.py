"""Define the error of the store, and explain SQLite's errors."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class StoreError(Exception):
    """The store cannot be used; the message says why, and what to do."""


def explained(path: Path, error: sqlite3.Error) -> str:
    """Return a message for an error of SQLite, with a remedy."""
    import sqlite3  # imported late: this module is loaded before the first packet

    words = str(error)
    if isinstance(error, sqlite3.DatabaseError) and ("not a database" in words or "malformed" in words):
        return f"{path}: it is damaged or not a run store ({words}); move it away, or name another file with --store"
    if "locked" in words or "busy" in words:
        return f"{path}: another program has locked it ({words}); close that program, or name another file with --store"
    if "disk is full" in words:
        return f"{path}: the disk is full; free some space, or name a file on another disk with --store"
    if "readonly" in words:
        return f"{path}: it cannot be written ({words}); fix its permissions, or name another file with --store"
    return f"{path}: {words}"


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed. SQLite ends some by itself (a full disk), and then has none to roll back."""
    import sqlite3

    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
