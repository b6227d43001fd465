"""The outcomes of logins, shared by the workers of pytest-xdist: each is written down before a secret leaves.

A worker may be killed in the middle of a login (pytest-timeout ends its process). The next worker must not send the
password again as if nothing had happened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scanready.climb.guard import LockoutGuard
from scanready.climb.journal import Effect
from scanready.files.atomic_file import AtomicFile
from scanready.model import Credential


class SharedGuard:
    """The journal of a lockout guard, in one file of a directory that processes share; they write in turns.

    Attributes:
        guard: the guard of this process.

    Args:
        directory: None where there is no other process.
    """

    def __init__(self, directory: Path | None) -> None:
        self._path = directory / "guard" if directory else None
        self._under_way: dict[tuple[tuple[str, str], str], str] = {}
        self.guard = LockoutGuard(self)

    async def intend(self, credential: Credential, host: str, where: str) -> None:
        """See :class:`scanready.climb.journal.Journal`: a login whose outcome is never written may have counted."""
        self._under_way[credential.guarded_by, host] = where
        self.write()

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect) -> None:
        """See :class:`scanready.climb.journal.Journal`. The guard takes note of it, and :meth:`write` of the guard."""
        self._under_way.pop((credential.guarded_by, host), None)

    def write(self) -> None:
        """Write all that is known, no secret, for the process that checks next."""
        if self._path is None:
            return
        accounts = self.guard.remembered()
        for account in accounts:
            key = tuple(account["account"])
            open_ = {host: where for (owner, host), where in self._under_way.items() if owner == key}
            account["unanswered"] = {**account["unanswered"], **open_}
        write(self._path, {"accounts": accounts})

    def recall(self) -> None:
        """Take over what the process before wrote."""
        content = read(self._path) if self._path else None
        if content:
            self.guard.recall(content["accounts"])


def write(path: Path, content: object) -> None:
    """Write JSON, all or nothing: others may be reading."""
    with AtomicFile(str(path), durable=False) as file:
        file.write(json.dumps(content).encode())
        file.commit()


def read(path: Path) -> dict[str, Any] | None:
    """Return the content of such a file; None if there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    content: dict[str, Any] = json.loads(text)
    return content
