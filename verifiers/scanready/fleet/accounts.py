"""Decide which account may be tried where, and by which agent: never two secrets for an unproven account. No I/O.

Each agent has its own copy of a credential, and one of them may be out of date. So an account is tried by one agent at
one target first. Once a server has accepted it, each other agent makes its own first login by itself, and only then
gets batches. After a refusal the account is withheld from every agent; after the account was accepted elsewhere, and
no authority is written in the inventory, a refusal binds its host.

An agent that logs in at a host that has not accepted it has the host for itself, so that a host which judges the
account by itself counts one refusal, whatever the number of agents.

A refusal of an earlier run holds logins back (:mod:`.account_memory`). A login that is held is offered to its agent
with the age of the refusal; the agent makes it only with a newer secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .account_memory import MOST_FAILED, Hold, Memory
from .login_end import End, LoginEnd
from .messages import MOST_TARGETS

#: The account and its authority, as the lockout guard has them.
Key = tuple[str, str]
#: Hosts that accepted an account of an authority, from which on nothing limits its logins side by side.
_ESTABLISHED = 16
#: Visits of an unproven account that ended before its secret left.
_MOST_UNSENT = 25
#: Batches of one account that an agent has at once.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Visit:
    """Identify one target of an agent: its place in the run, and the name of its credential."""

    place: int
    agent: str
    host: str
    credential: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Permit one agent to log in with one account at some targets; with ``hold``, only with a newer secret."""

    key: Key
    agent: str
    visits: tuple[Visit, ...]
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """Deny a login. ``withheld``: the account is protected; otherwise no login is possible, and none is missing.

    ``refused_at`` is the endpoint that refused the account; empty if none is known to have.
    """

    visit: Visit
    words: str
    withheld: bool
    refused_at: str = ""


@dataclass(frozen=True, slots=True)
class _Bar:
    """Say why logins end. ``{}`` in ``words`` stands for the name of the credential."""

    words: str
    withheld: bool = True
    refused_at: str = ""

    def denied(self, visit: Visit) -> Denied:
        return Denied(visit, self.words.replace("{}", repr(visit.credential)), self.withheld, self.refused_at)


@dataclass(slots=True)
class _Account:
    """Hold what is known of one account: visits that wait by agent and host, and the agents that a host accepted.

    The bars are those of all agents, of those that are not proven, of a host, of an agent, and of an agent at a host.
    """

    judged_alike: bool = False
    waiting: dict[str, dict[str, list[Visit]]] = field(default_factory=dict)
    flight: list[Grant] = field(default_factory=list)
    proven: set[str] = field(default_factory=set)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    stop: _Bar | None = None
    strangers: _Bar | None = None
    hosts: dict[str, _Bar] = field(default_factory=dict)
    agents: dict[str, _Bar] = field(default_factory=dict)
    places: dict[str, dict[str, _Bar]] = field(default_factory=dict)
    ambiguous: int = 0
    failed: int = 0
    unsent: dict[str, int] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    away: Collection[str] = ()

    def remember(self, memory: Memory) -> None:
        """Begin with what earlier runs found out."""
        self.memory, self.ambiguous, self.failed = memory, memory.ambiguous, memory.failures

    def hold_of(self, agent: str) -> Hold | None:
        """Return what an earlier run holds against each login of an agent."""
        known, found = self.memory, list[Hold | None]()
        if not self.accepted:
            found.append(known.everyone)
        if agent not in self.proven:
            found.append(known.agents.get(agent))
            if agent not in known.proven and self.proven <= known.proven:
                found.append(known.strangers)
        return _latest(found)

    def hold_at(self, agent: str, host: str) -> Hold | None:
        """Return what an earlier run holds against a login of an agent at a host."""
        return _latest((self.hold_of(agent), self.memory.hosts.get(host) if host not in self.accepted else None))

    def sifted(self) -> Iterator[Denied]:
        """Take the visits that make no login out of those that wait."""
        for agent, hosts in self.waiting.items():
            whole = self.stop or self.agents.get(agent) or (self.strangers if agent not in self.proven else None)
            there = self.places.get(agent, {}) | self.hosts
            for host in list(hosts) if whole else [host for host in there if host in hosts]:
                bar = whole or there[host]
                yield from map(bar.denied, hosts.pop(host))

    def is_free(self, agent: str, host: str) -> bool:
        """Return whether an agent may log in at a host now: one at a time, until the host has accepted its secret."""
        there = self.accepted.get(host, ())
        if agent in there or (self.judged_alike and there and agent in self.proven):
            return True
        return all(host != visit.host for grant in self.flight for visit in grant.visits) and not (
            not there and self.is_owed(agent, host)
        )

    def is_owed(self, agent: str, host: str) -> bool:
        """Return whether the agent whose login holds a host back visits it yet: it knows what became of that login."""
        hold = self.memory.hosts.get(host)
        if hold is None or hold.agent == agent or hold.agent in self.away:
            return False
        return host in self.waiting.get(hold.agent, ())

    @property
    def room(self) -> int:
        """The number of targets that may be sent now: few, until enough hosts have accepted an authority's account."""
        if not self.judged_alike or len(self.accepted) >= _ESTABLISHED:
            return MOST_TARGETS
        return min(MOST_TARGETS, 2 * len(self.accepted) - sum(len(grant.visits) for grant in self.flight))

    def chosen(self, away: Collection[str]) -> tuple[Visit, ...]:
        """Take out the visits of the next batch; empty if none may be sent now."""
        self.away = away
        there = [agent for agent, hosts in self.waiting.items() if hosts and agent not in away]
        if self.stop or not there:
            return ()
        if not self.accepted:
            return () if self.flight else self._first(sorted(there, key=self._rank))
        for agent in there:
            busy = sum(grant.agent == agent for grant in self.flight)
            if agent in self.proven and busy < _AT_ONCE and (found := self._taken(agent, self.room)):
                return found
        if self.room < 1 or any(grant.agent not in self.proven for grant in self.flight):
            return ()
        return self._first(agent for agent in there if agent not in self.proven)

    def _rank(self, agent: str) -> tuple[object, ...]:
        """Return the place of an agent among those that may make the first login: it is the same one every night.

        The agent whose login holds the account back knows best what became of it. Otherwise one whose secret was
        accepted in an earlier run comes first, and one whose secret was refused comes last.
        """
        known = self.memory
        holder = known.everyone is not None and known.everyone.agent == agent
        order = agent not in known.proven, agent in known.failed
        return (self.unsent.get(agent, 0), not holder, *order, agent)

    def _first(self, agents: Iterable[str]) -> tuple[Visit, ...]:
        """Take the first login of an agent, at a host that has accepted the account if there is one."""
        for agent in agents:
            hosts = self.waiting[agent]
            if free := [host for host in hosts if self.is_free(agent, host)]:
                held = self.memory.hosts
                first = min(free, key=lambda host: (host not in self.accepted, host in held, hosts[host][0].place))
                return self._out(agent, first, 1)
        return ()

    def _taken(self, agent: str, most: int) -> tuple[Visit, ...]:
        """Take as many visits of an agent, of any free hosts: those that nothing holds back, or else the others."""
        for held in (False, True) if self.memory.hosts else (False,):
            found: list[Visit] = []
            for host in list(self.waiting[agent]):
                if len(found) >= most:
                    break
                if self.is_free(agent, host) and held == (self.hold_at(agent, host) is not None):
                    found += self._out(agent, host, most - len(found))
            if found:
                return tuple(found)
        return ()

    def _out(self, agent: str, host: str, most: int) -> tuple[Visit, ...]:
        visits = self.waiting[agent][host]
        if len(visits) <= most:
            return tuple(self.waiting[agent].pop(host))
        self.waiting[agent][host] = visits[most:]
        return tuple(visits[:most])

    def prove(self, agent: str, host: str) -> None:
        """Take note that a server accepted the secret of an agent. Agents begin at different hosts from then on."""
        self.accepted.setdefault(host, set()).add(agent)
        if agent not in self.proven:
            if agent not in self.memory.proven:
                self.failed = 0  # further logins of an agent say nothing about the copies of others
            self.proven.add(agent)
            if hosts := list(self.waiting.get(agent, {}).items()):
                start = len(hosts) * list(self.waiting).index(agent) // len(self.waiting)
                self.waiting[agent] = dict(hosts[start:] + hosts[:start])

    def fail(self, agent: str, host: str, bar: _Bar, *, end: End) -> None:
        """Take note of a login that a server did not accept."""
        everywhere = end in (End.REFUSED, End.AMBIGUOUS, End.UNKNOWN)
        if end is End.AMBIGUOUS and (self.judged_alike or agent not in self.proven):
            self.ambiguous += 1
            self.agents.setdefault(agent, bar)
            if self.ambiguous == 1:  # it may be about the agent's address: one further agent may try
                self._count_first(agent, bar)
                return
        if not self.accepted:
            if everywhere or self.ambiguous:
                self.stop = self.stop or bar
            self.hosts.setdefault(host, bar)
            return
        if self.judged_alike and end in (End.REFUSED, End.AMBIGUOUS):
            self.stop = self.stop or bar
        self.hosts.setdefault(host, bar)
        if everywhere:
            self._count_first(agent, bar)

    def _count_first(self, agent: str, bar: _Bar) -> None:
        """Count the first login of an agent that failed after another agent's secret was accepted."""
        if self.accepted and agent not in self.proven:
            self.agents.setdefault(agent, bar)
            self.failed += 1
            if self.failed >= MOST_FAILED:
                self.strangers = self.strangers or bar

    def hold_back(self, agent: str, host: str) -> None:
        """Take note of a login that an agent did not make: its secret is not newer than a refusal of an earlier run."""
        if (hold := self.hold_of(agent)) is not None:
            self.agents.setdefault(agent, _held(hold))
        elif (hold := self.hold_at(agent, host)) is not None:
            self.places.setdefault(agent, {}).setdefault(host, _held(hold))

    def leave(self, agent: str, detail: str) -> None:
        """Take note of a visit whose secret did not leave."""
        self.unsent[agent] = self.unsent.get(agent, 0) + 1
        if not self.accepted and sum(self.unsent.values()) >= _MOST_UNSENT:
            last = f", the last one because {detail}" if detail else ""
            words = (
                f"no login was made: {_MOST_UNSENT} visits with the credential {{}} ended before it was judged{last}"
            )
            self.stop = self.stop or _Bar(words, withheld=False)


class Accounts:
    """Hold all accounts of a run. A login that :meth:`next` grants has to be concluded before others depend on it."""

    def __init__(self) -> None:
        self._accounts: dict[Key, _Account] = {}
        self._fresh: set[Key] = set()
        self._away: frozenset[str] = frozenset()

    def add(self, key: Key, visit: Visit, *, judged_alike: bool) -> None:
        """Add a target where the account may be tried."""
        account = self._accounts.setdefault(key, _Account())
        account.judged_alike = account.judged_alike or judged_alike
        account.waiting.setdefault(visit.agent, {}).setdefault(visit.host, []).append(visit)
        self._fresh.add(key)

    def remember(self, key: Key, memory: Memory) -> None:
        """Begin with what earlier runs found out about an account. Call it before :meth:`next`."""
        self._accounts.setdefault(key, _Account()).remember(memory)
        self._fresh.add(key)

    def bind(self, key: Key, words: str, host: str | None, refused_at: str) -> None:
        """Withhold an account because of an earlier login, at one host or everywhere (None)."""
        account, bar = self._accounts.setdefault(key, _Account()), _Bar(words, refused_at=refused_at)
        if host is None:
            account.stop = account.stop or bar
        else:
            account.hosts.setdefault(host, bar)
        self._fresh.add(key)

    def grant(self, grant: Grant, *, judged_alike: bool) -> None:
        """Take over a grant of an earlier part of the run; its visits are not among those added."""
        account = self._accounts.setdefault(grant.key, _Account())
        account.judged_alike = account.judged_alike or judged_alike
        account.flight.append(grant)
        self._fresh.add(grant.key)

    def next(self, away: Collection[str] = ()) -> tuple[list[Grant], list[Denied]]:
        """Return the logins that may be made now, and those that are denied for this run.

        Args:
            away: agents that are lost: they get nothing.
        """
        if self._away != frozenset(away):
            self._away = frozenset(away)
            self._fresh.update(self._accounts)
        grants: list[Grant] = []
        denied: list[Denied] = []
        for key in sorted(self._fresh):
            account = self._accounts[key]
            denied += account.sifted()
            while visits := account.chosen(self._away):
                grants.append(Grant(key, visits[0].agent, visits, self.hold(key, visits)))
                account.flight.append(grants[-1])
        self._fresh.clear()
        return grants, denied

    def conclude(self, grant: Grant, ends: Sequence[LoginEnd]) -> list[Denied]:
        """Take what became of a grant; return the visits that made no login, with the agent's reason.

        A host of it that ``ends`` does not name counts as unknown.
        """
        account = self._accounts[grant.key]
        account.flight.remove(grant)
        self._fresh.add(grant.key)
        named = {one.host for one in ends}
        for end in ends:
            self._apply(account, grant.agent, end)
        for host in dict.fromkeys(visit.host for visit in grant.visits):
            if host not in named:
                self._apply(account, grant.agent, LoginEnd("", host, End.UNKNOWN))
        unsent = {one.host: one for one in ends if one.end in _LOCAL}
        return [_unsent(visit, unsent[visit.host], grant.hold) for visit in grant.visits if visit.host in unsent]

    def hold(self, key: Key, visits: Iterable[Visit]) -> Hold | None:
        """Return what an earlier run holds against logins."""
        account = self._accounts.get(key, _Account())
        return _latest(account.hold_at(visit.agent, visit.host) for visit in visits)

    def is_own_place(self, grant: Grant) -> bool:
        """Return whether a refusal binds its host only: the agent's secret is proven, and no authority is known."""
        account = self._accounts[grant.key]
        return grant.agent in account.proven and not account.judged_alike

    def waiting(self) -> Iterator[tuple[Visit, str]]:
        """Yield each visit that waits, and the agent whose login decides about it; empty if its own agent is lost."""
        for account in self._accounts.values():
            holder = account.flight[0].agent if account.flight and not account.accepted else ""
            lost = next((grant.agent for grant in account.flight if grant.agent in self._away), holder)
            for agent, hosts in account.waiting.items():
                awaited = holder if agent in self._away else lost
                yield from ((visit, awaited) for visits in hosts.values() for visit in visits)

    def _apply(self, account: _Account, agent: str, end: LoginEnd) -> None:
        where = end.where or end.host
        match end.end:
            case End.ACCEPTED:
                account.prove(agent, end.host)
            case End.REFUSED | End.AMBIGUOUS | End.REFUSED_HERE | End.UNKNOWN:
                place = "" if end.end is End.UNKNOWN else where
                account.fail(agent, end.host, _Bar(_words(where, agent, end.end), refused_at=place), end=end.end)
            case End.EARLIER:
                bar = _Bar(end.detail or _words(where, agent, End.REFUSED), refused_at=end.where)
                if account.accepted or account.hold_of(agent) is not None:
                    account.agents.setdefault(agent, bar)
                else:
                    account.stop = account.stop or bar
            case End.HELD:
                account.hold_back(agent, end.host)
            case End.EARLIER_HERE:
                words = end.detail or _words(where, agent, End.REFUSED_HERE)
                account.hosts.setdefault(end.host, _Bar(words, refused_at=end.where))
            case End.UNABLE:
                account.agents.setdefault(agent, _Bar(f"no login was made: {end.detail}", withheld=False))
            case End.UNUSABLE:
                account.agents.setdefault(agent, _Bar(f"no login was made: {end.detail}"))
            case End.NOT_SENT:
                account.leave(agent, end.detail)


#: The ends of a visit that the agent did not begin, or that changed nothing: the words are the coordinator's.
_LOCAL = (End.UNABLE, End.UNUSABLE, End.HELD)


def told(end: LoginEnd, grant: Grant) -> LoginEnd:
    """Return the end of a login with the words of what held it back: later it may hold nothing back."""
    if end.end is not End.HELD:
        return end
    words = grant.hold.words if grant.hold is not None else "no login was made: the agent held it back"
    return replace(end, where=grant.hold.refused_at if grant.hold is not None else "", detail=words)


def _latest(holds: Iterable[Hold | None]) -> Hold | None:
    return max((one for one in holds if one is not None), key=lambda one: one.since, default=None)


def _held(hold: Hold) -> _Bar:
    return _Bar(hold.words, refused_at=hold.refused_at)


def _unsent(visit: Visit, end: LoginEnd, hold: Hold | None) -> Denied:
    if end.end is End.HELD:
        bar = _held(hold) if hold is not None else _Bar(end.detail, refused_at=end.where)
        return bar.denied(visit)
    return Denied(visit, f"no login was made: {end.detail}", end.end is End.UNUSABLE)


def _words(where: str, agent: str, end: End) -> str:
    """Return the sentence of a withheld login. It begins with the place."""
    if end is End.UNKNOWN:
        return (
            f"{where} did not answer a login with the credential {{}} from the agent {agent}, and may have counted it "
            "as a failed login; it is not tried again in this run"
        )
    there = " again at this host" if end is End.REFUSED_HERE else " again in this run"
    return f"{where} refused the credential {{}} from the agent {agent}; it is not tried{there}, to protect the account"
