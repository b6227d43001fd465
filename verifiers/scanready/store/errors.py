"""The one error of the store, and what SQLite's own mean."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path


class StoreError(Exception):
    """The store cannot be used; the message says why, and what to do."""


def explained(path: Path, error: sqlite3.Error) -> str:
    """Return what an error of SQLite means for its reader."""
    words = str(error)
    if isinstance(error, sqlite3.DatabaseError) and ("not a database" in words or "malformed" in words):
        return f"{path}: it is damaged, or no run store ({words}); move it away, or name another one with --store"
    if "locked" in words or "busy" in words:
        return f"{path}: another program holds it ({words})"
    if "disk is full" in words:
        return f"{path}: the disk is full; free some space, or name a file on another disk with --store"
    if "readonly" in words:
        return f"{path}: it cannot be written ({words}); see to its permissions, or name another one with --store"
    return f"{path}: {words}"


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction that failed. SQLite ends some by itself (a full disk), and then has none to roll back."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
