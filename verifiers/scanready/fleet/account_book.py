"""Write an agent's journal of accounts, in the run store that ``verify`` on the same agent reads and writes.

Each intent is committed before the secret leaves.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from scanready.climb.journal import Effect
from scanready.model import Credential
from scanready.run import timestamps
from scanready.store import Account, AccountRecord, RunLock, StoreError, agent_number, read_accounts, settled
from scanready.store import journal as history
from scanready.store.database import close, open_for_writing
from scanready.store.errors import explained, roll_back
from scanready.store.locks import is_running

from .earlier_logins import Hindrance, Judge


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
        self._held: RunLock | None = None
        self._write(lambda file: history.notice(file, timestamps.now()))

    def records(self) -> Sequence[AccountRecord]:
        """Return the history of all accounts.

        Raises:
            StoreError: the file cannot be read.
        """
        return read_accounts(self.path) if self.path.exists() else ()

    def settled(self) -> Sequence[AccountRecord]:
        """Return the history without the logins that other processes of this host are making.

        Raises:
            StoreError: the file cannot be read.
        """
        return settled(self.records(), self._is_held)

    def intend(
        self, credential: Credential, host: str, where: str, run: str, judge: Judge | None = None
    ) -> Hindrance | None:
        """Note a login of a run that is about to be made; or return what withholds it, and note nothing.

        Args:
            judge: asked in the same transaction: of two processes at once, one comes second.

        Raises:
            StoreError: the note is not written.
        """
        account, found = self._account(credential), list[Hindrance | None]([None])
        self._own_lock()

        def note(file: sqlite3.Connection) -> None:
            if judge is not None:
                found[0] = judge(account, host, history.records(file), _number_of(run))
            if found[0] is None:
                history.begin(file, account, host, where, timestamps.now(), _number_of(run))

        self._write(note)
        return found[0]

    def conclude(self, credential: Credential, host: str, cause: str, effect: Effect, run: str) -> None:
        """Note the end of a login of a run.

        Raises:
            StoreError: the note is not written: the login stays one without an outcome.
        """
        account = self._account(credential)
        number = _number_of(run)
        self._write(lambda file: history.end(file, account, host, cause, effect.value, number, timestamps.now()))

    def _own_lock(self) -> RunLock | None:
        """Return the lock which tells other processes that this agent makes logins; None while another one has it."""
        with self._lock:
            if self._held is None:
                with contextlib.suppress(StoreError):  # a process of the same agent, which ends soon
                    self._held = RunLock(self.path, agent_number(self._agent), self._agent)
            return self._held

    def _is_held(self, number: int) -> bool:
        lock = self._own_lock()
        return is_running(self.path, number) if lock is None else lock.is_held_elsewhere(number)

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


def _number_of(run: str) -> int:
    """Return the number of a coordinator's run in the journal; those of stored runs are positive."""
    return -1 - zlib.crc32(run.encode())
