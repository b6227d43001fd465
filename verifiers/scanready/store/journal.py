"""Keep what became of each account across runs, so that tonight's run does not repeat last night's wrong password.

The intent is written before the secret leaves. A row without an outcome is a login that a killed run has made: the
server may have counted it. No value comes from a secret.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanready.run import timestamps

from . import boot_clock
from .database import close, open_for_reading, open_for_writing
from .errors import StoreError, explained


@dataclass(frozen=True, slots=True)
class Account:
    """Identify an account. ``source`` tells where its secret comes from; a change of it makes the secret a new one.

    ``holder`` is the agent whose copy of the secret is meant, in the notes of a coordinator; empty for this host's own.
    """

    credential: str
    username: str
    authority: str | None
    source: str
    agent: str
    holder: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return the columns that tell it from others."""
        return self.credential, self.username, self.authority or "", self.holder


@dataclass(frozen=True, slots=True)
class Event:
    """One login of an earlier run. ``cause`` is a code, "" if accepted, None if unknown; ``when`` is UTC, ISO 8601.

    ``ambiguous`` says that the refusal may be about the agent's address. ``run`` is its row in the store; None if that
    is not known. ``counted_from`` is the moment from which its age counts: ``when``, unless the clock was set since.
    """

    cause: str | None
    place: str
    when: str
    agent: str
    ambiguous: bool = False
    run: int | None = field(default=None, compare=False)
    counted_from: str = field(default="", compare=False)

    @property
    def since(self) -> str:
        """The moment from which its age counts."""
        return self.counted_from or self.when


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
    """The history of one account. ``refusals`` counts those in a row that bind every host.

    ``holder`` is as that of :class:`Account`. ``proved`` is when a server accepted the secret for the first time, or
    for the first time after a refusal: UTC, ISO 8601; empty if none did.
    """

    credential: str
    username: str
    authority: str | None
    source: str
    refusals: int
    refused: Event | None
    accepted: Event | None
    logins: tuple[HostLogin, ...]
    holder: str = ""
    proved: str = ""


_FIND = "SELECT id, source FROM accounts WHERE credential = ? AND username = ? AND authority = ? AND holder = ?"
# A host is known by its name and its address: one login is reported twice, and counts once. The row of a run that was
# pruned may be that of a later run. Earlier tries there whose outcome is not known may have been refused, too.
_REFUSED = """UPDATE accounts SET
    refusals = refusals + :tries * (refusals = 0 OR refused_run IS NOT :run OR refused_place IS NOT :place
        OR coalesce(:step > refused_step, 0)),
    refused_cause = :cause, refused_place = :place, refused_at = :now, refused_agent = :agent, refused_run = :run,
    refused_ambiguous = :ambiguous, refused_step = steps, refused_clock = :clock, refused_noticed = NULL
    WHERE id = :id"""
_CLOSED = "UPDATE account_logins SET begun = NULL, left_open = NULL, noticed = NULL, clock = ?"
_STEP = "UPDATE accounts SET steps = steps + 1 WHERE id = ?"
#: An account of a fleet, with all of its holders.
_OF_FLEET = "SELECT id FROM accounts WHERE credential = ? AND username = ? AND authority = ? AND holder != ''"


def begin(
    connection: sqlite3.Connection, account: Account, host: str, place: str, now: str, run: int | None = None
) -> None:
    """Write down a login that is about to be made. A secret from another source begins a new history."""
    connection.execute(
        "INSERT INTO accounts (credential, username, authority, holder, source) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (*account.key, account.source),
    )
    number, source = connection.execute(_FIND, account.key).fetchone()
    if source != account.source:
        connection.execute(
            "UPDATE accounts SET source = ?, refusals = 0, refused_at = NULL, accepted_at = NULL, proved_at = NULL"
            " WHERE id = ?",
            (account.source, number),
        )
        connection.execute("DELETE FROM account_logins WHERE account = ?", (number,))
    connection.execute(_STEP, (number,))
    connection.execute(
        """INSERT INTO account_logins (account, host, place, agent, tries, begun, run, step, clock)
        SELECT id, ?, ?, ?, 1, ?, ?, steps, ? FROM accounts WHERE id = ?
        ON CONFLICT (account, host) DO UPDATE SET tries = tries + 1, left_open = coalesce(begun, left_open),
            begun = excluded.begun, place = excluded.place, agent = excluded.agent, run = excluded.run,
            step = excluded.step, clock = excluded.clock, noticed = NULL""",
        (host.casefold(), place, account.agent, now, run, boot_clock.reading(), number),
    )


def end(
    connection: sqlite3.Connection,
    account: Account,
    host: str,
    cause: str,
    effect: str,
    run: int,
    now: str,
    *,
    place: str = "",
) -> None:
    """Write down how a login ended.

    Args:
        cause: the code that it failed with.
        effect: that of :class:`scanready.climb.journal.Effect`.
        run: the row of the run.
        place: the endpoint, if it was not known at the beginning.
    """
    found = connection.execute(_FIND, account.key).fetchone()
    if effect not in ("nothing", "proven") and _was_cleared(connection, account, host, found, effect):
        begin(connection, account, host, place or host, now, run)
        found = connection.execute(_FIND, account.key).fetchone()
    if found is None:
        return
    number, here = found[0], (found[0], host.casefold())
    clock = boot_clock.reading()
    connection.execute(_STEP, (number,))
    if place:
        connection.execute("UPDATE account_logins SET place = ? WHERE account = ? AND host = ?", (place, *here))
    if effect == "nothing":
        connection.execute(
            "UPDATE account_logins SET tries = tries - 1, begun = left_open, left_open = NULL"
            " WHERE account = ? AND host = ?",
            here,
        )
        connection.execute("DELETE FROM account_logins WHERE account = ? AND host = ? AND tries <= 0", here)
        return
    if effect in ("refused here", "unknown"):
        known = cause if effect == "refused here" else None
        connection.execute(f"{_CLOSED}, cause = ?, at = ? WHERE account = ? AND host = ?", (clock, known, now, *here))
        return
    row = connection.execute(
        "SELECT place, step, CASE WHEN cause IS NULL THEN tries ELSE 1 END FROM account_logins"
        " WHERE account = ? AND host = ?",
        here,
    ).fetchone()
    known_place, step, tries = row or (host, None, 1)
    where = place or known_place
    connection.execute("DELETE FROM account_logins WHERE account = ? AND host = ?", here)
    if effect == "proven":
        connection.execute(
            "UPDATE accounts SET proved_at = CASE WHEN accepted_at IS NULL OR refusals > 0 THEN ?2 ELSE proved_at END,"
            " refusals = 0, accepted_place = ?1, accepted_at = ?2, accepted_agent = ?3 WHERE id = ?4",
            (where, now, account.agent, number),
        )
        return
    ambiguous = effect != "refused"
    refusal = {"run": run, "step": step, "tries": tries, "place": where, "cause": cause, "now": now, "id": number}
    connection.execute(_REFUSED, refusal | {"agent": account.agent, "ambiguous": ambiguous, "clock": clock})


def _was_cleared(
    connection: sqlite3.Connection, account: Account, host: str, found: tuple[int, str] | None, effect: str
) -> bool:
    """Return whether somebody has cleared the entry while a login was under way that no server accepted."""
    if found is None or effect not in ("refused here", "unknown") or found[1] != account.source:
        return found is None
    here = found[0], host.casefold()
    return not connection.execute("SELECT 1 FROM account_logins WHERE account = ? AND host = ?", here).fetchone()


def renew(connection: sqlite3.Connection, account: Account) -> None:
    """Begin a new history of an account of a fleet, for all of its holders: one of them has a new secret.

    Logins that are under way stay: they may have the old secret.
    """
    connection.execute(
        f"UPDATE accounts SET refusals = 0, refused_at = NULL WHERE id IN ({_OF_FLEET})", account.key[:3]
    )
    connection.execute(f"DELETE FROM account_logins WHERE begun IS NULL AND account IN ({_OF_FLEET})", account.key[:3])


def latest(connection: sqlite3.Connection, account: Account) -> str:
    """Return when an account of a fleet was refused or accepted last, for all of its holders; empty if never."""
    (found,) = connection.execute(
        f"SELECT max(max(coalesce(refused_at, ''), coalesce(accepted_at, ''))) FROM accounts WHERE id IN ({_OF_FLEET})",
        account.key[:3],
    ).fetchone()
    return found or ""


def settle(connection: sqlite3.Connection, account: Account, host: str) -> None:
    """Forget the refusals of an account of a fleet at a host that has accepted it from one of its holders."""
    connection.execute(
        f"DELETE FROM account_logins WHERE begun IS NULL AND account IN ({_OF_FLEET}) AND host = ?",
        (*account.key[:3], host.casefold()),
    )


def read_accounts(path: Path, *, of_fleet: bool = False) -> list[AccountRecord]:
    """Return the history of all accounts of this host, or of those that a coordinator noted.

    Raises:
        StoreError: the store cannot be read.
    """
    connection = open_for_reading(path)
    with _closing(path, connection):
        return records(connection, of_fleet=of_fleet)


def records(connection: sqlite3.Connection, *, of_fleet: bool = False, now: str = "") -> list[AccountRecord]:
    """Return what :func:`read_accounts` returns, from an open store. ``now`` is this moment, if it is known already."""
    now, this = now or timestamps.now(), boot_clock.reading()

    def event_of(cause: str | None, place: str, when: str, agent: str, *more: Any) -> Event:
        ambiguous, run, clock, noticed = more
        since = boot_clock.counted_from(when, clock or "", noticed or "", now, this)
        return Event(cause, place, when, agent, bool(ambiguous), run, since)

    logins: dict[int, list[HostLogin]] = {}
    for number, host, place, agent, tries, begun, cause, at, *more in connection.execute(
        "SELECT account, host, place, agent, tries, begun, cause, at, run, clock, noticed FROM account_logins"
        " ORDER BY account, host"
    ):
        is_open = begun is not None
        event = event_of(None if is_open else cause, place, begun or at or "", agent, 0, *more)
        logins.setdefault(number, []).append(HostLogin(host, tries, event, is_open))
    rows = connection.execute(
        """SELECT id, credential, username, authority, source, holder, proved_at, refusals, refused_cause,
        refused_place, refused_at, refused_agent, refused_ambiguous, refused_run, refused_clock, refused_noticed,
        accepted_place, accepted_at, accepted_agent FROM accounts WHERE (holder != '') = ?
        ORDER BY credential, username, authority, holder""",
        (of_fleet,),
    )
    return [
        AccountRecord(
            credential,
            username,
            authority or None,
            source,
            refusals,
            event_of(*refused) if refused[2] is not None else None,
            Event("", *accepted) if accepted[1] is not None else None,
            tuple(logins.get(number, ())),
            holder,
            proved or "",
        )
        for number, credential, username, authority, source, holder, proved, refusals, *events in rows
        for refused, accepted in [(events[:8], events[8:])]
    ]


def notice(connection: sqlite3.Connection, now: str) -> None:
    """Mark the notes that are of a moment to come: the clock was set back, and their age counts from now.

    A mark that is itself of a moment to come is written again.
    """
    connection.execute(
        "UPDATE accounts SET refused_noticed = ?1"
        " WHERE refused_at > ?1 AND (refused_noticed IS NULL OR refused_noticed > ?1)",
        (now,),
    )
    connection.execute(
        "UPDATE account_logins SET noticed = ?1 WHERE coalesce(begun, at) > ?1 AND (noticed IS NULL OR noticed > ?1)",
        (now,),
    )


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
