"""Withhold what servers refused in earlier runs: for how long, at which hosts, and what ends that."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanready.inventory.sources import changes_unseen
from scanready.model import Credential, host_of
from scanready.run import timestamps
from scanready.run.refusals import bound
from scanready.wire.printable import visible

from .policy import Policy

if TYPE_CHECKING:
    from scanready.climb.guard import LockoutGuard
    from scanready.store import AccountRecord, Event, RunLock

#: Entries of the journal in one export; the readers of one accept more.
_MOST_ENTRIES = 20_000


@dataclass(frozen=True, slots=True)
class Binding:
    """One refusal that binds.

    Attributes:
        event: the last login.
        host: the only host that it binds; None for all.
        until: the end of it; None if time does not end it.
        tries: how many logins in a row were refused, or had no answer.
    """

    event: Event
    host: str | None
    until: str | None
    tries: int

    def detail(self, name: str, record: AccountRecord) -> str:
        """Return the sentence that ``login.withheld`` has for the credential ``name``.

        A directory knows one account under several names; ``record`` has that of the journal.
        """
        entry = record.credential
        word, forgotten, retried = visible(name, 120), _argument(entry), _argument(name)
        did = "refused" if self.event.cause else "did not answer"
        what = f"the credential {word!r}" if self.event.cause else f"a login with the credential {word!r}"
        who = f" from the agent {visible(self.event.agent, 80)}" if self.event.agent else ""
        counted = "" if self.event.cause else ", and may have counted it as a failed login"
        where = "" if self.host is None else " at this host"
        until = f"until {self.until}" if self.until else "until one of these is done"
        forget, retry = f"run `scanready credentials --forget {forgotten}`", f"verify with `--retry-refused={retried}`"
        if changes_unseen(record.source):
            remedy = (
                f"correct the credential and {retry}, since a new value cannot be seen where it is kept; or {forget}"
            )
        else:
            remedy = f"correct the credential, or {forget}, or {retry}"
        return (
            f"{visible(self.event.place, 200)} {did} {what}{who} on {self.event.when}{counted}; it is not tried "
            f"again{where} {until}: {remedy}"
        )


def _argument(name: str) -> str:
    return shlex.quote(visible(name, 120))


def bindings(record: AccountRecord, policy: Policy, now: str) -> Iterator[Binding]:
    """Yield what binds an account whose secret has not changed, those that bind every host first."""
    unknown = {login.event.place: login for login in record.logins if login.event.cause is None}
    unproven = record.accepted is None or record.refusals > 0
    refusals = record.refusals + (sum(login.tries for login in unknown.values()) if unproven else 0)
    everywhere = [record.refused] if record.refusals and record.refused else []
    everywhere += [login.event for login in unknown.values()] if unproven else []
    for event in sorted(everywhere, key=lambda one: one.since, reverse=True)[:1]:
        yield from _binding(event, None, refusals, policy, now)
    for login in record.logins:
        if login.event.cause is None and not login.killed and not unproven:
            continue  # as within a run: a host that did not answer in time says nothing about an account that works
        yield from _binding(login.event, login.host, login.tries, policy, now)


def _binding(event: Event, host: str | None, refusals: int, policy: Policy, now: str) -> Iterator[Binding]:
    if (found := bound(event.since, refusals, policy.retry_after, now)) is not None:
        yield Binding(event, host, found.until, refusals)


def account_of(record: AccountRecord) -> tuple[str, str]:
    """Return the key of the lockout guard."""
    return Credential(record.credential, record.username, authority=record.authority).guarded_by


def bind_earlier(
    guard: LockoutGuard, credentials: Collection[Credential], records: Collection[AccountRecord], policy: Policy
) -> None:
    """Tell the guard which accounts earlier runs found refused, as far as that binds now."""
    for record, accounts, binding in _bound_now(credentials, records, policy):
        for credential in accounts:
            event, detail = binding.event, binding.detail(credential.name, record)
            guard.bind(credential, event.place, detail, binding.host, refused=event.cause is not None)
    for credential, record, binding in _by_other_names(credentials, records, policy):
        event, detail = binding.event, binding.detail(credential.name, record)
        guard.bind(credential, event.place, detail, binding.host, refused=event.cause is not None)


def entries(
    credentials: Collection[Credential], records: Iterable[AccountRecord], policy: Policy
) -> list[dict[str, Any]]:
    """Return what binds now, as the accounts of an export have it: this run does not try these, and says why."""
    found: dict[tuple[tuple[str, str], Event], dict[str, Any]] = {}
    for record, _, binding in _bound_now(credentials, records, policy):
        events = [binding.event, *acceptance_of(record)]
        found |= {(account_of(record), event): entry(record, event, binding.tries) for event in events}
    return list(found.values())[:_MOST_ENTRIES]


def entry(record: AccountRecord, event: Event, tries: int) -> dict[str, Any]:
    """Return one login of the journal as the accounts of an export have it.

    ``tries`` is how many logins in a row were refused. The journal has an acceptance only if the secret was checked.
    """
    more = {"proven": True} if event.cause == "" else {"ambiguous": event.ambiguous, "tries": max(1, tries)}
    return {
        "credential": record.credential,
        "user": record.username,
        "authority": record.authority,
        "outcome": "accepted" if event.cause == "" else event.cause,
        "where": event.place,
        "when": event.when,
        "agent": event.agent,
        **more,
    }


def acceptance_of(record: AccountRecord) -> list[Event]:
    """Return the acceptance of an account; none if its time is that of a later one than the refusal that followed it.

    The clock was set back in between. The readers of a file would take the refusal for one that is over.
    """
    accepted, refused = record.accepted, record.refused if record.refusals else None
    return [] if accepted is None or (refused is not None and refused.when <= accepted.when) else [accepted]


@dataclass(frozen=True, slots=True)
class Known:
    """Hold what an export says of accounts beside the results of its run.

    Attributes:
        entries: what earlier runs and other agents found.
        in_a_row: how many refusals earlier runs had in a row, by the account's key of the lockout guard.
    """

    entries: Sequence[Mapping[str, Any]] = ()
    in_a_row: Mapping[tuple[str, str], int] = field(default_factory=dict)


def known(
    credentials: Collection[Credential], records: Sequence[AccountRecord], policy: Policy, resumed: int | None = None
) -> Known:
    """Return what the journal knows before a run; ``resumed`` is the row of a run that goes on now."""
    sources = {(one.guarded_by, one.source) for one in credentials}
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        if record.refused is not None and (account_of(record), record.source) in sources:
            of_this_run = resumed is not None and record.refused.run == resumed
            counts[account_of(record)] = max(0, record.refusals - of_this_run)
    return Known(entries(credentials, records, policy), counts)


def _bound_now(
    credentials: Collection[Credential], records: Iterable[AccountRecord], policy: Policy
) -> Iterator[tuple[AccountRecord, Sequence[Credential], Binding]]:
    """Yield each account with its credentials and one thing that binds it."""
    users: dict[tuple[str, str], list[Credential]] = {}
    for one in credentials:
        users.setdefault(one.guarded_by, []).append(one)
    now = timestamps.now()
    for record in records:
        accounts = users.get(account_of(record), [])
        names = {record.credential, *(one.name for one in accounts)}
        if not accounts or policy.retries(names):
            continue
        if all(one.source != record.source for one in accounts):
            continue  # the secret comes from elsewhere, or its file is newer
        for binding in bindings(record, policy, now):
            yield record, accounts, binding


def _by_other_names(
    credentials: Collection[Credential], records: Collection[AccountRecord], policy: Policy
) -> Iterator[tuple[Credential, AccountRecord, Binding]]:
    """Yield what binds an account at a host that knows it by another credential: the same user, and the same secret.

    Without an authority, an account has the name of its credential, which may be another one than the night before.
    """
    now = timestamps.now()
    same: dict[tuple[str, str], list[Credential]] = {}
    for one in credentials:
        if one.source not in ("", "{}") and not one.is_unused:
            same.setdefault((one.username.casefold(), one.source), []).append(one)
    # An acceptance of a moment to come, by a clock that was set back since, may be older than the refusal.
    accepted = {
        account_of(record): record.accepted.when
        for record in records
        if record.accepted and record.accepted.when <= now
    }
    for record in records:
        key, own = (record.username.casefold(), record.source), account_of(record)
        others = [one for one in same.get(key, ()) if one.guarded_by != own]
        if not others or policy.retries({record.credential, *(one.name for one in others)}):
            continue
        for binding in bindings(record, policy, now):
            there = replace(binding, host=(binding.host or host_of(binding.event.place)).casefold())
            for one in others:
                if accepted.get(one.guarded_by, "") < binding.event.when:
                    yield one, record, there


def journal_of(path: Path, lock: RunLock | None = None) -> Sequence[AccountRecord]:
    """Return the history of the accounts; empty if there is no store, or none that can be read.

    It lacks the logins that another process is making. The run that follows warns of a store that cannot be used.

    Args:
        lock: the one that this process holds in the store.
    """
    from scanready.store import StoreError, read_accounts, settled
    from scanready.store.locks import is_running

    is_held = lock.is_held_elsewhere if lock is not None else partial(is_running, path)
    try:
        return settled(read_accounts(path), is_held) if os.path.exists(path) else ()
    except StoreError:
        return ()
