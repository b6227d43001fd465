"""Keep what became of each account across runs, so that tonight's run does not repeat last night's wrong password.

The intent is written before the secret leaves. A row without an outcome is a login that a killed run has made: the
server may have counted it. No value comes from a secret.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .database import close, open_for_reading, open_for_writing
from .errors import StoreError, explained


@dataclass(frozen=True, slots=True)
class Account:
    """Identify an account. ``source`` tells where its secret comes from; a change of it makes the secret a new one."""

    credential: str
    username: str
    authority: str | None
    source: str
    agent: str


@dataclass(frozen=True, slots=True)
class Event:
    """One login of an earlier run. ``cause`` is a code, "" if accepted, None if unknown; ``when`` is UTC, ISO 8601.

    ``ambiguous`` says that the refusal may be about the agent's address.
    """

    cause: str | None
    place: str
    when: str
    agent: str
    ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class HostLogin:
    """The last login at one host that no server accepted; ``tries`` counts those in a row.

    ``killed`` says that its run ended in the middle of it.
    """

    host: str
    tries: int
    event: Event
    killed: bool


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The history of one account. ``refusals`` counts those in a row that bind every host."""

    credential: str
    username: str
    authority: str | None
    source: str
    refusals: int
    refused: Event | None
    accepted: Event | None
    logins: tuple[HostLogin, ...]


_FIND = "SELECT id FROM accounts WHERE credential = ? AND username = ? AND authority = ?"


def begin(connection: sqlite3.Connection, account: Account, host: str, place: str, now: str) -> None:
    """Write down a login that is about to be made. A secret from another source begins a new history."""
    key = account.credential, account.username, account.authority or ""
    connection.execute(
        "INSERT INTO accounts (credential, username, authority, source) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (*key, account.source),
    )
    number, source = connection.execute(
        "SELECT id, source FROM accounts WHERE credential = ? AND username = ? AND authority = ?", key
    ).fetchone()
    if source != account.source:
        connection.execute(
            "UPDATE accounts SET source = ?, refusals = 0, refused_at = NULL, accepted_at = NULL WHERE id = ?",
            (account.source, number),
        )
        connection.execute("DELETE FROM account_logins WHERE account = ?", (number,))
    connection.execute(
        """INSERT INTO account_logins (account, host, place, agent, tries, begun) VALUES (?, ?, ?, ?, 1, ?)
        ON CONFLICT (account, host) DO UPDATE SET tries = tries + 1, begun = excluded.begun, place = excluded.place,
            agent = excluded.agent""",
        (number, host.casefold(), place, account.agent, now),
    )


def end(
    connection: sqlite3.Connection, account: Account, host: str, cause: str, effect: str, run: int, now: str
) -> None:
    """Write down how a login ended; ``effect`` is that of :class:`scanready.climb.journal.Effect`."""
    found = connection.execute(_FIND, (account.credential, account.username, account.authority or "")).fetchone()
    if found is None:
        return  # somebody has cleared the entry
    number, here = found[0], (found[0], host.casefold())
    if effect == "nothing":
        connection.execute(
            "UPDATE account_logins SET tries = tries - 1, begun = NULL WHERE account = ? AND host = ?", here
        )
        connection.execute("DELETE FROM account_logins WHERE account = ? AND host = ? AND tries <= 0", here)
        return
    if effect == "refused here":
        connection.execute(
            "UPDATE account_logins SET begun = NULL, cause = ?, at = ? WHERE account = ? AND host = ?",
            (cause, now, *here),
        )
        return
    if effect == "unknown":
        connection.execute(
            "UPDATE account_logins SET begun = NULL, cause = NULL, at = ? WHERE account = ? AND host = ?", (now, *here)
        )
        return
    place = connection.execute("SELECT place FROM account_logins WHERE account = ? AND host = ?", here).fetchone()
    where = place[0] if place else host
    connection.execute("DELETE FROM account_logins WHERE account = ? AND host = ?", here)
    if effect == "proven":
        connection.execute(
            "UPDATE accounts SET refusals = 0, accepted_place = ?, accepted_at = ?, accepted_agent = ? WHERE id = ?",
            (where, now, account.agent, number),
        )
        return
    # A host is known by its name and its address: one login is reported twice, and counts once.
    connection.execute(
        """UPDATE accounts SET
            refusals = refusals + (refusals = 0 OR refused_run IS NOT :run OR refused_place IS NOT :place),
            refused_cause = :cause, refused_place = :place, refused_at = :now, refused_agent = :agent,
            refused_run = :run, refused_ambiguous = :ambiguous WHERE id = :id""",
        {
            "run": run,
            "place": where,
            "cause": cause,
            "now": now,
            "agent": account.agent,
            "id": number,
            "ambiguous": effect != "refused",
        },
    )


def read_accounts(path: Path) -> list[AccountRecord]:
    """Return the history of all accounts.

    Raises:
        StoreError: the store cannot be read.
    """
    connection = open_for_reading(path)
    with _closing(path, connection):
        logins: dict[int, list[HostLogin]] = {}
        for number, host, place, agent, tries, begun, cause, at in connection.execute(
            "SELECT account, host, place, agent, tries, begun, cause, at FROM account_logins ORDER BY account, host"
        ):
            event = Event(None, place, begun, agent) if begun is not None else Event(cause, place, at or "", agent)
            logins.setdefault(number, []).append(HostLogin(host, tries, event, begun is not None))
        rows = connection.execute(
            """SELECT id, credential, username, authority, source, refusals, refused_cause, refused_place, refused_at,
            refused_agent, refused_ambiguous, accepted_place, accepted_at, accepted_agent FROM accounts
            ORDER BY credential, username, authority"""
        )
        return [
            AccountRecord(
                credential,
                username,
                authority or None,
                source,
                refusals,
                _refusal(*refused) if refused[2] is not None else None,
                Event("", *accepted) if accepted[1] is not None else None,
                tuple(logins.get(number, ())),
            )
            for number, credential, username, authority, source, refusals, *events in rows
            for refused, accepted in [(events[:5], events[5:])]
        ]


def _refusal(cause: str, place: str, when: str, agent: str, ambiguous: int) -> Event:
    return Event(cause, place, when, agent, bool(ambiguous))


def forget(path: Path, credential: str) -> int:
    """Clear the entries of a credential; return how many there were.

    Raises:
        StoreError: the store cannot be written.
    """
    connection = open_for_writing(path)
    with _closing(path, connection):
        return connection.execute("DELETE FROM accounts WHERE credential = ?", (credential,)).rowcount


@contextlib.contextmanager
def _closing(path: Path, connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(explained(path, error)) from error
    finally:
        close(connection)
