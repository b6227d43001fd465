"""Sort the results of several agents by target, in a private temporary file.

A file of several agents may have its results in any order. Only one of them is in memory at a time.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import click

from scanready.report.parse import target_restored
from scanready.report.serialize import identity

#: Kibibytes of the file that SQLite keeps in memory.
_CACHE = 8192


class Ordered:
    """Hold results so that those of one target are adjacent, in the order in which the targets first appear.

    SQLite makes its file in the system's temporary folder, for this user only, and removes its name at once: nothing
    is left behind, however the process ends.

    Args:
        results: results as JSON types.

    Raises:
        NotAResult: one has no target.
        click.UsageError: the temporary folder has no room.
    """

    def __init__(self, results: Iterable[Any]) -> None:
        with _told():
            self._file = sqlite3.connect("")
            self._file.execute(f"PRAGMA cache_size = -{_CACHE}")
            self._file.execute("CREATE TABLE results (target INTEGER, agent TEXT, line TEXT)")
            places: dict[str, int] = {}
            for result in results:
                key = identity(target_restored(result.get("target") if isinstance(result, dict) else None))
                place = places.setdefault(key, len(places))
                row = (place, agent_of(result), json.dumps(result, separators=(",", ":")))
                self._file.execute("INSERT INTO results VALUES (?, ?, ?)", row)
            self._file.execute("CREATE INDEX order_of ON results (target, agent)")

    def results(self) -> Iterator[Any]:
        """Yield the results target by target, from the start at each call."""
        with _told():
            for (line,) in self._file.execute("SELECT line FROM results ORDER BY target, agent, rowid"):
                yield json.loads(line)

    def close(self) -> None:
        """Remove the temporary file."""
        self._file.close()


def agent_of(result: Any) -> str:
    """Return the name of a result's agent; empty if it is malformed, which its reader reports."""
    agent = result.get("agent") if isinstance(result, dict) else None
    name = agent.get("name") if isinstance(agent, dict) else None
    return name.encode("utf-8", "backslashreplace").decode() if isinstance(name, str) else ""


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        where = "set TMPDIR to a folder with more room"
        raise click.UsageError(f"cannot sort the results in the temporary folder: {error}; {where}") from error
