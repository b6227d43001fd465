"""Note the logins of a fleet in the coordinator's journal of accounts, apart for the copy that each agent has.

Each function writes in the transaction of its caller, so that a login is noted if and only if it is sent.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from scanready.causes import common
from scanready.climb.journal import Effect
from scanready.model import Credential
from scanready.run import timestamps
from scanready.store import Account, AccountRecord, journal

from .grants import Grant, Key
from .login_end import End, LoginEnd

#: The credentials of a run that mean one account, by name.
Names = Mapping[str, Credential]
_EFFECTS: Mapping[End, Effect] = {
    End.ACCEPTED: Effect.PROVEN,
    End.REFUSED: Effect.REFUSED,
    End.AMBIGUOUS: Effect.REFUSED_OR_ADDRESS,
    End.REFUSED_HERE: Effect.REFUSED_HERE,
    End.UNKNOWN: Effect.UNKNOWN,
}
_REFUSED = (Effect.REFUSED, Effect.REFUSED_OR_ADDRESS)


def by_account(records: Iterable[AccountRecord]) -> dict[Key, list[AccountRecord]]:
    """Return the records of each account."""
    found: dict[Key, list[AccountRecord]] = {}
    for record in records:
        key = Credential(record.credential, record.username, authority=record.authority).guarded_by
        found.setdefault(key, []).append(record)
    return found


def note_sent(file: sqlite3.Connection, run: int, grant: Grant, names: Names, now: str) -> None:
    """Note logins that are sent next; ``run`` is the row of the run."""
    for name, host in dict.fromkeys((visit.credential, visit.host) for visit in grant.visits):
        journal.begin(file, _account(names[name], grant.agent), host, host, now, run)


def note_not_sent(file: sqlite3.Connection, run: int, grant: Grant, names: Names, now: str) -> None:
    """Take back the notes of :func:`note_sent`: the logins did not leave."""
    for name, host in dict.fromkeys((visit.credential, visit.host) for visit in grant.visits):
        journal.end(file, _account(names[name], grant.agent), host, "", Effect.NOTHING.value, run, now)


def note_ended(
    file: sqlite3.Connection,
    run: int,
    grant: Grant,
    ends: Sequence[LoginEnd],
    names: Names,
    now: str,
    *,
    is_own_place: bool,
) -> None:
    """Note what became of logins that were sent. A host that ``ends`` does not name counts as unknown.

    Args:
        is_own_place: a refusal binds its host only.
    """
    sent = dict.fromkeys((visit.credential, visit.host) for visit in grant.visits)
    now = max([now, *(_after(journal.latest(file, _account(one, grant.agent))) for one in names.values())])
    for end in ends:
        account = _account(names.get(end.credential) or names[grant.visits[0].credential], grant.agent)
        if (end.credential, end.host) not in sent:
            journal.begin(file, account, end.host, end.where or end.host, now, run)
        effect = _EFFECTS.get(end.end, Effect.NOTHING)
        if effect in _REFUSED and is_own_place:
            effect = Effect.REFUSED_HERE
        elif effect in _REFUSED and grant.hold is not None:
            journal.renew(file, account)  # the agent had a newer secret, or it would not have made this login
        cause = common.LOGIN_REFUSED.code
        where = end.where if effect is not Effect.NOTHING else ""
        journal.end(file, account, end.host, cause, effect.value, run, now, place=where)
        if end.end is End.ACCEPTED:
            journal.settle(file, account, end.host)
    named = {end.host for end in ends}
    for name, host in sent:
        if host not in named:
            journal.end(file, _account(names[name], grant.agent), host, "", Effect.UNKNOWN.value, run, now)


def _after(moment: str) -> str:
    """Return the moment after another one. A later event is later in the journal, wherever the clock was set to."""
    try:
        return timestamps.written(datetime.datetime.fromisoformat(moment) + datetime.timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        return ""


def _account(credential: Credential, agent: str) -> Account:
    """Return an account; what its secret comes from is known to the agent only."""
    return Account(credential.name, credential.username, credential.authority, "", agent, agent)
