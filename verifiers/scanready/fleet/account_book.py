"""Write an agent's journal of accounts, in the run store that ``verify`` on the same agent reads and writes.

Each intent is committed before the secret leaves.
"""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from scanready.climb.journal import Effect
from scanready.model import Credential
from scanready.run import timestamps
from scanready.store import Account, AccountRecord, StoreError, read_accounts
from scanready.store import journal as history
from scanready.store.database import close, open_for_writing
from scanready.store.errors import explained, roll_back


class AccountBook:
    """The journal. Its methods may be called in any thread; each opens the file, which may be another one by then.

    Args:
        agent: the name of this agent.

    Raises:
        StoreError: the file cannot be written.
    """

    def __init__(self, path: Path, agent: str) -> None:
        self.path, self._agent = path, agent
        self._lock = threading.Lock()
        self._write(lambda file: history.notice(file, timestamps.now()))

    def records(self) -> Sequence[AccountRecord]:
        """Return the history of all accounts.

        Raises:
            StoreError: the file cannot be read.
        """
        return read_accounts(self.path) if self.path.exists() else ()

    def intend(self, credential: Credential, host: str, where: str) -> None:
        """Note a login that is about to be made.

        Raises:
            StoreError: the note is not written.
        """
        account = self._account(credential)
        self._write(lambda file: history.begin(file, account, host, where, timestamps.now()))

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect, run: str) -> None:
        """Note the end of a login of a run.

        Raises:
            StoreError: the note is not written: the login stays one without an outcome.
        """
        account = self._account(credential)
        number = -1 - zlib.crc32(run.encode())  # no number of a stored run: those are positive
        self._write(lambda file: history.end(file, account, host, cause, effect.value, number, timestamps.now()))

    def _account(self, credential: Credential) -> Account:
        return Account(credential.name, credential.username, credential.authority, credential.source, self._agent)

    def _write(self, change: Callable[[sqlite3.Connection], None]) -> None:
        with self._lock:
            file = open_for_writing(self.path)
            try:
                file.execute("BEGIN IMMEDIATE")
                try:
                    change(file)
                except BaseException:
                    roll_back(file)
                    raise
                file.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreError(explained(self.path, error)) from error
            finally:
                close(file)
