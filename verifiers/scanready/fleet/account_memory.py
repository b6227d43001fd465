"""Work out what the coordinator's notes of earlier runs say about an account. No I/O.

A note names the agent whose copy of the secret was tried. The coordinator sees no secret, so it cannot tell whether one
has changed. A refusal is therefore a :class:`Hold`: the login is offered with the age of the refusal, and the agent
makes it only with a newer secret.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from scanready.run.refusals import bound
from scanready.store import AccountRecord, Event
from scanready.wire.printable import visible

from .messages import Login

#: Agents in a row whose secret was refused, after which no further agent tries an account that another one has proven.
MOST_FAILED = 3
#: Refusals that may be about the address of an agent: after the first, one further agent may try.
_MOST_AMBIGUOUS = 2
#: Stands for every credential in ``--retry-refused``.
EVERY_ONE = "*"


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold logins back that would be made with a secret that is not newer than a refusal.

    Attributes:
        words: the sentence of a login that is held back; ``{}`` stands for the name of the credential.
        refused_at: the endpoint that refused it; empty if it had no answer.
        since: the moment from which the age of the refusal counts, by the clock as it is now: UTC, ISO 8601.
        agent: the agent whose login it was.
    """

    words: str
    refused_at: str
    since: str
    agent: str


@dataclass(frozen=True, slots=True)
class Memory:
    """Hold what earlier runs found out about one account.

    Attributes:
        proven: the agents whose secret was accepted, and not refused since.
        failed: the agents whose secret was refused.
        everyone: what holds each login, until a server accepts the account.
        strangers: what holds each agent whose secret was never accepted, until one of them is accepted.
        agents: what holds the logins of an agent.
        hosts: what holds the logins at a host, until that host accepts the account.
        ambiguous: the logins in a row that were not accepted: after one of them, a refusal that may be about the
            address of an agent lets no further agent try.
        failures: the agents in a row whose secret was refused after that of another one had been accepted.
    """

    proven: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    everyone: Hold | None = None
    strangers: Hold | None = None
    agents: Mapping[str, Hold] = field(default_factory=dict)
    hosts: Mapping[str, Hold] = field(default_factory=dict)
    ambiguous: int = 0
    failures: int = 0


class Going(NamedTuple):
    """A run that goes on: its row in the store, and when it began (UTC, ISO 8601)."""

    number: int
    began: str

    def made(self, event: Event) -> bool:
        """Return whether a login is one of this run. The row of a run that was pruned may be used again."""
        return event.run == self.number and event.when >= self.began


class _Noted(NamedTuple):
    """A login that was not accepted, and how many there were in a row."""

    event: Event
    tries: int


def remembered(
    records: Iterable[AccountRecord],
    names: Collection[str],
    login: Login,
    now: str,
    run: Going | None = None,
    beside: str = "",
) -> Memory:
    """Return what the notes about one account mean for a run.

    Args:
        records: the notes; of each agent, those under each name that the account has.
        names: the credentials of the run that mean this account.
        login: after which time an account is tried again, and which credential is tried once more in any case.
        now: this moment, UTC, ISO 8601.
        run: this run, if it goes on: its own logins bind nothing here.
        beside: the moment since which this run is under way (UTC, ISO 8601); empty before it. A refusal of another run
            since then binds a credential that is tried once more, too, and its open logins bind no host.
    """
    found = [record for record in records if record.holder]
    accepted = max((record.accepted.when for record in found if record.accepted), default="")
    copies = {record: list(_failures(record, run)) for record in found}
    hosts = _by_host(found, run, works=bool(accepted), beside=beside)
    spread = _spread(copies, accepted)
    failures = _failed_since(copies, max((record.proved for record in found), default="")) if accepted else []
    known = Memory(
        frozenset(record.holder for record in found if record.accepted and not record.refusals),
        frozenset(record.holder for record, ends in copies.items() if ends),
        ambiguous=sum(one.tries for one in spread),
        failures=len(failures),
    )
    if login.retried == EVERY_ONE or login.retried in {*names, *(record.credential for record in found)}:
        # One try, whichever agents there are.
        known = replace(known, ambiguous=min(1, known.ambiguous), failures=min(MOST_FAILED - 1, known.failures))
        if not beside:
            return known
        hosts = {host: _since(beside, ends) for host, ends in hosts.items()}
        copies = {record: _since(beside, ends) for record, ends in copies.items()}
        spread, failures = _spread(copies, accepted), _since(beside, failures)
    time = _Time(login.retry_after, now, next((record.credential for record in found), ""))
    may_be_address = (
        all(one.event.ambiguous for one in spread) and 0 < sum(one.tries for one in spread) < _MOST_AMBIGUOUS
    )
    return replace(
        known,
        everyone=None if may_be_address else time.hold(spread),
        strangers=time.hold(failures) if len(failures) >= MOST_FAILED else None,
        agents=time.holds({record.holder: ends for record, ends in copies.items()}),
        hosts=time.holds(hosts, " at this host"),
        ambiguous=min(1, known.ambiguous),
    )


@dataclass(frozen=True, slots=True)
class _Time:
    """Judge what binds at a moment; ``credential`` is the name in the notes."""

    retry_after: float
    now: str
    credential: str

    def hold(self, ends: Sequence[_Noted], where: str = "") -> Hold | None:
        """Return what holds logins after these ends; None if none of them binds any more."""
        if not ends:
            return None
        event = max((one.event for one in ends), key=lambda one: one.since)
        found = bound(event.since, sum(one.tries for one in ends), self.retry_after, self.now)
        if found is None:
            return None
        words = _words(event, self.credential, found.until, where)
        return Hold(words, event.place if event.cause else "", event.since, event.agent)

    def holds(self, ends: Mapping[str, Sequence[_Noted]], where: str = "") -> dict[str, Hold]:
        """Return what holds logins by agent, or by host."""
        found = {name: self.hold(one, where) for name, one in ends.items()}
        return {name: hold for name, hold in found.items() if hold is not None}


def _failures(record: AccountRecord, run: Going | None) -> Iterator[_Noted]:
    """Yield what speaks against the copy of an agent, before this run."""
    if record.refusals and record.refused and not _is_of(record.refused, run):
        yield _Noted(record.refused, record.refusals)
    if record.accepted is None or record.refusals:
        for login in record.logins:
            if login.event.cause is None and not _is_of(login.event, run):
                yield _Noted(login.event, login.tries)


def _is_of(event: Event, run: Going | None) -> bool:
    return run is not None and run.made(event)


def _spread(copies: Mapping[AccountRecord, Sequence[_Noted]], accepted: str) -> list[_Noted]:
    """Return the logins that bind every agent: those since the account was accepted, if one authority judges it."""
    alike = any(record.authority for record in copies)
    ends = [one for found in copies.values() for one in found]
    if not accepted:
        return ends
    return [one for one in ends if alike and one.event.cause is not None and one.event.when > accepted]


def _failed_since(copies: Mapping[AccountRecord, Sequence[_Noted]], proved: str) -> list[_Noted]:
    """Return one failure for each agent that failed since the last one was accepted for the first time."""
    latest: dict[str, _Noted] = {}
    for record, found in copies.items():
        for one in found:
            if one.event.when > proved:
                latest[record.holder] = one
    return list(latest.values())


def _since(moment: str, ends: Iterable[_Noted]) -> list[_Noted]:
    return [one for one in ends if one.event.when >= moment]


def _by_host(
    records: Iterable[AccountRecord], run: Going | None, *, works: bool, beside: str
) -> dict[str, list[_Noted]]:
    """Return the logins that bind one host. One without an answer in time says nothing about an account that works."""
    found: dict[str, list[_Noted]] = {}
    for record in records:
        for login in record.logins:
            is_going = login.killed and bool(beside) and login.event.when >= beside
            says_nothing = login.event.cause is None and works and (is_going or not login.killed)
            if not says_nothing and not _is_of(login.event, run):
                found.setdefault(login.host, []).append(_Noted(login.event, login.tries))
    return found


def _words(event: Event, credential: str, until: str | None, where: str) -> str:
    """Return the sentence of a login that is held back. It begins with the place."""
    place = visible(event.place, 200).replace("{}", "")
    who, name = visible(event.agent, 80), shlex.quote(visible(credential, 120).replace("{}", ""))
    if event.cause:
        did = f"refused the credential {{}} from the agent {who} on {event.when}"
    else:
        did = (
            f"did not answer a login with the credential {{}} from the agent {who} on {event.when}, and may have "
            "counted it as a failed login"
        )
    ends = f"until {until}" if until else "until one of these is done"
    return (
        f"{place} {did}; it is not tried again{where} {ends}: correct its file on the agent; or, if its secret has no "
        f"file, correct it and verify with `--retry-refused={name}`; or run `scanready credentials --forget {name}` at "
        "the coordinator and on that agent"
    )
