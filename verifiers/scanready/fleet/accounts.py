"""Decide which account may be tried where, and by which agent: never two secrets for an unproven account. No I/O.

Each agent has its own copy of a credential, and one of them may be out of date. So an account is tried by one agent at
one target first. Once a server has accepted it, each other agent makes its own first login by itself, and only then
gets batches. After a refusal the account is withheld from every agent; after the account was accepted elsewhere, and no
authority is written in the inventory, a refusal binds its host and a stranger's copy, and three in a row all strangers.
An agent may lie: what it says of its own logins proves the copy of no other agent.

An agent that logs in at a host that has not accepted its secret has the host for itself, so that a host which judges
the account by itself counts one refusal, whatever the number of agents and of its names.

A refusal of an earlier run holds logins back (:mod:`.account_memory`). A login that is held is offered to its agent
with the age of the refusal; the agent makes it only with a newer secret.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from scanready.model import is_address

from .account_memory import MOST_FAILED, Hold, Memory
from .grants import Bar, Denied, Grant, Key, Visit, earlier, held_by, latest, not_made, words_of
from .login_end import End, LoginEnd
from .messages import MOST_TARGETS
from .places import Places

#: Places that accepted an agent's secret for an authority, from which on nothing limits its logins side by side.
_ESTABLISHED = 16
#: Visits of an agent with an unproven account that ended before its secret left.
_MOST_UNSENT = 25
#: Share of the hosts between two first logins of an agent that said nothing: no multiples are spread more evenly.
_STRIDE = (5**0.5 - 1) / 2
#: Batches of one account that an agent has at once.
_AT_ONCE = 4
#: The ends of a visit that the agent did not begin, or held back: the words are the coordinator's.
_LOCAL = (End.UNABLE, End.UNUSABLE, End.NOT_PERMITTED, End.HELD)


@dataclass(slots=True)
class _Account:
    """Hold what is known of one account.

    Attributes:
        waiting: visits by agent and host.
        accepted: by agent, the places that accepted its secret. Nothing in it concerns another agent's logins.
        known: the places that accepted the secret of any agent: another one does well to begin there.
        stop: why no agent logs in.
        strangers: why no agent logs in whose secret was not accepted.
        hosts, agents: why no login is made at a host, or by an agent.
        held: by agent and host, why an earlier run holds its login back.
        lacking: by agent and name of the credential, why it cannot log in with it.
        ambiguous: refusals that may be about the address of the agent.
        failed: agents in a row whose secret was not accepted after that of another one had been.
        fruitless: by agent, first logins that said nothing.
        unsent: those of them that were visits.
        memory: what other runs found out.
        is_lifted: a server has accepted the account since.
        away: the agents that are lost.
    """

    places: Places
    judged_alike: bool = False
    waiting: dict[str, dict[str, list[Visit]]] = field(default_factory=dict)
    flight: list[Grant] = field(default_factory=list)
    accepted: dict[str, set[str]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    stop: Bar | None = None
    strangers: Bar | None = None
    hosts: dict[str, Bar] = field(default_factory=dict)
    agents: dict[str, Bar] = field(default_factory=dict)
    held: dict[str, dict[str, Bar]] = field(default_factory=dict)
    lacking: dict[str, dict[str, Bar]] = field(default_factory=dict)
    ambiguous: int = 0
    failed: int = 0
    fruitless: dict[str, int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    is_lifted: bool = False
    away: Collection[str] = ()
    _counts: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def remember(self, memory: Memory) -> None:
        """Begin with what earlier runs found out."""
        self.memory, self.ambiguous, self.failed = memory, memory.ambiguous, memory.failures

    def remind(self, memory: Memory) -> None:
        """Take over what other runs have found out since; what this run has found out stays."""
        self.ambiguous += memory.ambiguous - self.memory.ambiguous
        self.failed += memory.failures - self.memory.failures
        self.memory, self.is_lifted = memory, False

    def hold_of(self, agent: str) -> Hold | None:
        """Return what an earlier run holds against each login of an agent."""
        known, found = self.memory, list[Hold | None]()
        if not self.is_lifted:
            found.append(known.everyone)
        if agent not in self.accepted:
            found.append(known.agents.get(agent))
            if agent not in known.proven and self.accepted.keys() <= known.proven:
                found.append(known.strangers)
        return latest(found)

    def hold_at(self, agent: str, host: str) -> Hold | None:
        """Return what an earlier run holds against a login of an agent at a host."""
        return latest((self.hold_of(agent), self._hold_there(host)))

    def _hold_there(self, host: str) -> Hold | None:
        """Return what an earlier run holds against each login at a host, by whichever of its names."""
        if not self.memory.hosts or self.places.one(host) in self.known:
            return None
        return latest(self.memory.hosts.get(one) for one in (host, *self.places.others(host)))

    def sifted(self) -> Iterator[Denied]:
        """Take the visits that make no login out of those that wait."""
        closed = self._closed()
        for agent, hosts in self.waiting.items():
            whole = self.stop or self.agents.get(agent) or (self.strangers if agent not in self.accepted else None)
            there = self.held[agent] | closed if agent in self.held else closed
            for host in list(hosts) if whole else [host for host in there if host in hosts]:
                bar = whole or there[host]
                yield from map(bar.denied, hosts.pop(host))
            if agent in self.lacking:
                yield from _taken_out(hosts, self.lacking[agent])

    def _closed(self) -> dict[str, Bar]:
        """Return the hosts where no login is made, those that have an address of such a host included."""
        closed = dict(self.hosts)
        for host, bar in self.hosts.items():
            for other in self.places.others(host):
                closed.setdefault(other, bar.by_address(host, other))
        return closed

    def _busy(self) -> set[str]:
        """Return the names and addresses of the hosts where a login is under way."""
        visits = (visit for grant in self.flight for visit in grant.visits)
        return set[str]().union(*(self.places.keys(host) for host in {visit.host for visit in visits}))

    def _is_free(self, agent: str, host: str, busy: Set[str]) -> bool:
        """Return whether an agent may log in at a host now: one at a time, until the host has accepted its secret."""
        if self.places.one(host) in self.accepted.get(agent, ()):
            return True
        return busy.isdisjoint(self.places.keys(host)) and not self._is_owed(agent, host)

    def _is_owed(self, agent: str, host: str) -> bool:
        """Return whether the agent whose login holds a host back visits it yet: it knows what became of that login."""
        hold = self._hold_there(host)
        if hold is None or hold.agent == agent or hold.agent in self.away:
            return False
        return host in self.waiting.get(hold.agent, ())

    def _room(self, agent: str) -> int:
        """Return the number of targets that may be sent now to an agent whose secret was accepted.

        They are few until enough places of a written authority have accepted it. Those of other agents that are as far
        count as well: one server that accepts whatever it is given must not open the account for all.
        """
        if not self.judged_alike or self._is_established(agent):
            return MOST_TARGETS
        return min(MOST_TARGETS, 2 * self._count(agent) - self._under_way)

    @property
    def _under_way(self) -> int:
        return sum(len(grant.visits) for grant in self.flight if not self._is_established(grant.agent))

    @property
    def _is_crowded(self) -> bool:
        """True while the first login of another agent would be one too many beside those that are under way."""
        if any(grant.agent not in self.accepted for grant in self.flight):
            return True
        return self.judged_alike and self._under_way >= 2 * len(self.known) > 0

    def _is_established(self, agent: str) -> bool:
        return self._count(agent) == _ESTABLISHED

    def _count(self, agent: str) -> int:
        """Return the number of places that accepted an agent's secret, as far as it matters."""
        places = self.accepted.get(agent, ())
        *known, count = self._counts.get(agent, (0, 0, 0))
        if known != [len(places), self.places.changes]:
            count = self.places.count(places, _ESTABLISHED)
            self._counts[agent] = len(places), self.places.changes, count
        return count

    def chosen(self, away: Collection[str]) -> tuple[Visit, ...]:
        """Take out the visits of the next batch; empty if none may be sent now."""
        self.away = away
        there = [agent for agent, hosts in self.waiting.items() if hosts and agent not in away]
        if self.stop or not there:
            return ()
        busy = self._busy()
        for agent in there:
            grants = sum(grant.agent == agent for grant in self.flight)
            if agent in self.accepted and grants < _AT_ONCE and (found := self._taken(agent, self._room(agent), busy)):
                return found
        if self._is_crowded:
            return ()
        return self._first(sorted((agent for agent in there if agent not in self.accepted), key=self._rank), busy)

    def _rank(self, agent: str) -> tuple[object, ...]:
        """Return the place of an agent among those that may make the first login: it is the same one every night.

        The agent whose login holds the account back knows best what became of it. Otherwise one whose secret was
        accepted in an earlier run comes first, and one whose secret was refused comes last.
        """
        known = self.memory
        holder = known.everyone is not None and known.everyone.agent == agent
        return self.fruitless.get(agent, 0), not holder, agent not in known.proven, agent in known.failed, agent

    def _first(self, agents: Iterable[str], busy: Set[str]) -> tuple[Visit, ...]:
        """Take the first login of an agent, at a host that has accepted the account if there is one.

        After a try that said nothing, the next host is far from those before: a file permits the hosts of one site.
        """
        for agent in agents:
            hosts, tries = self.waiting[agent], self.fruitless.get(agent, 0)
            if free := [host for host in hosts if self._is_free(agent, host, busy)]:
                free = [host for host in free if self._hold_there(host) is None] or free
                known = [host for host in free if self.places.one(host) in self.known]
                pool = sorted(known if known and tries % 2 == 0 else free, key=lambda host: hosts[host][0].place)
                return self._out(agent, pool[int(len(pool) * (tries * _STRIDE % 1))], 1)
        return ()

    def _taken(self, agent: str, most: int, busy: Set[str]) -> tuple[Visit, ...]:
        """Take as many visits of an agent, of any free hosts: those that nothing holds back, or else the others."""
        for held in (False, True) if self.memory.hosts else (False,):
            found: list[Visit] = []
            for host in list(self.waiting[agent]):
                if len(found) >= most:
                    break
                if self._is_free(agent, host, busy) and held == (self._hold_there(host) is not None):
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
        place = self.places.one(host)
        self.is_lifted = True
        self.known.add(place)
        if agent not in self.accepted and agent not in self.memory.proven:
            # Further logins of an agent say nothing about the copies of others. A copy that was refused before any was
            # accepted, perhaps for its agent's address, is one of those that fail.
            self.failed = 0 if self.accepted else self.ambiguous
        if agent not in self.accepted and (hosts := list(self.waiting.get(agent, {}).items())):
            start = len(hosts) * list(self.waiting).index(agent) // len(self.waiting)
            self.waiting[agent] = dict(hosts[start:] + hosts[:start])
        self.accepted.setdefault(agent, set()).add(place)

    def rename(self, before: str, after: str) -> None:
        """Take note of what stands for a place from now on."""
        for places in (self.known, *self.accepted.values()):
            if before in places:
                places.discard(before)
                places.add(after)

    def fail(self, agent: str, host: str, bar: Bar, *, end: End) -> None:
        """Take note of a login that a server did not accept."""
        is_stranger = agent not in self.accepted
        if end is End.AMBIGUOUS and (self.judged_alike or is_stranger):
            self.ambiguous += 1
            self.agents.setdefault(agent, bar)
            if self.ambiguous == 1:  # it may be about the agent's address: one further agent may try
                if self.accepted and is_stranger:
                    self.close(agent, bar)
                return
        # A refused copy does not tell the verdict of others once another copy was accepted.
        of_others = replace(bar, refused_at="") if is_stranger and self.accepted else bar
        if self.judged_alike and end in (End.REFUSED, End.AMBIGUOUS):
            self.stop = self.stop or of_others
        self.hosts.setdefault(host, of_others)
        if is_stranger and (self.ambiguous or end in (End.REFUSED, End.AMBIGUOUS, End.UNKNOWN)):
            self.close(agent, bar)

    def close(self, agent: str, bar: Bar) -> None:
        """Withhold the account from an agent, and from all whose own secret was not accepted.

        Once another agent says that its secret was, the copies of three agents have to fail for that: one of them may
        be out of date, or that agent may lie.
        """
        self.agents.setdefault(agent, bar)
        if not self.accepted:
            self.strangers = self.strangers or bar
            return
        self.failed += 1
        if self.failed >= MOST_FAILED:
            self.strangers = self.strangers or replace(bar, refused_at="")

    def hold_back(self, agent: str, host: str) -> None:
        """Take note of a login that an agent did not make: its secret is not newer than a refusal of an earlier run."""
        if (hold := self.hold_of(agent)) is not None:
            self.agents.setdefault(agent, held_by(hold))
        elif (hold := self.hold_at(agent, host)) is not None:
            self.held.setdefault(agent, {}).setdefault(host, held_by(hold))

    def lack(self, agent: str, credential: str, bar: Bar) -> None:
        """Take note that an agent has no such credential. It may have the account by another name."""
        self.lacking.setdefault(agent, {}).setdefault(credential, bar)

    def pass_on(self, agent: str) -> None:
        """Take note that a login was not made, and cost nothing: others have their turn first."""
        self.fruitless[agent] = self.fruitless.get(agent, 0) + 1

    def leave(self, agent: str, detail: str) -> None:
        """Take note of a visit whose secret did not leave. Many of them end the tries of that agent."""
        self.pass_on(agent)
        self.unsent[agent] = self.unsent.get(agent, 0) + 1
        if agent not in self.accepted and self.unsent[agent] >= _MOST_UNSENT:
            last = f", the last one because {detail}" if detail else ""
            words = (
                f"no login was made: {_MOST_UNSENT} visits of this agent with the credential {{}} ended before it was "
                f"judged{last}"
            )
            self.agents.setdefault(agent, Bar(words, withheld=False))


def _taken_out(hosts: dict[str, list[Visit]], bars: Mapping[str, Bar]) -> Iterator[Denied]:
    """Take out the visits with some credentials."""
    for host, visits in list(hosts.items()):
        yield from (bars[visit.credential].denied(visit) for visit in visits if visit.credential in bars)
        hosts[host] = [visit for visit in visits if visit.credential not in bars]
        if not hosts[host]:
            del hosts[host]


class Accounts:
    """Hold all accounts of a run. A login that :meth:`next` grants has to be concluded before others depend on it."""

    def __init__(self) -> None:
        self._accounts: dict[Key, _Account] = {}
        self._places = Places()
        self._fresh: set[Key] = set()
        self._away: frozenset[str] = frozenset()

    def know(self, host: str, addresses: Iterable[str]) -> None:
        """Take note of what a host's name resolves to at one agent: it may be the same host as another name."""
        before = self._places.one(host)
        self._places.learn(host, addresses)
        if (after := self._places.one(host)) != before:
            for account in self._accounts.values():
                account.rename(before, after)

    def add(self, key: Key, visit: Visit, *, judged_alike: bool) -> None:
        """Add a target where the account may be tried."""
        account = self._account(key)
        if is_address(visit.host):
            self.know(visit.host, ())
        account.judged_alike = account.judged_alike or judged_alike
        account.waiting.setdefault(visit.agent, {}).setdefault(visit.host, []).append(visit)
        self._fresh.add(key)

    def remember(self, key: Key, memory: Memory) -> None:
        """Begin with what earlier runs found out about an account. Call it before :meth:`next`."""
        self._account(key).remember(memory)
        self._fresh.add(key)

    def remind(self, grant: Grant, memory: Memory) -> Grant:
        """Take over what other runs found out about an account since; return the grant with what holds it back now."""
        account = self._account(grant.key)
        account.remind(memory)
        self._fresh.add(grant.key)
        renewed = replace(grant, hold=self.hold(grant.key, grant.visits))
        account.flight[account.flight.index(grant)] = renewed
        return renewed

    def withdraw(self, grant: Grant) -> None:
        """Take a grant back that its agent never heard of: another agent may log in first."""
        account = self._account(grant.key)
        account.flight.remove(grant)
        for visit in grant.visits:
            account.waiting.setdefault(visit.agent, {}).setdefault(visit.host, []).append(visit)
        self._fresh.add(grant.key)

    def bind(self, key: Key, words: str, host: str | None, refused_at: str) -> None:
        """Withhold an account because of an earlier login, at one host or everywhere (None)."""
        account, bar = self._account(key), Bar(words, refused_at=refused_at)
        if host is None:
            account.stop = account.stop or bar
        else:
            account.hosts.setdefault(host, bar)
        self._fresh.add(key)

    def grant(self, grant: Grant, *, judged_alike: bool) -> None:
        """Take over a grant of an earlier part of the run; its visits are not among those added."""
        account = self._account(grant.key)
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
        if left := [end for end in ends if end.end is End.NOT_SENT]:  # a host without a type has several
            account.leave(grant.agent, left[0].detail)
        for host in dict.fromkeys(visit.host for visit in grant.visits):
            if host not in named:
                self._apply(account, grant.agent, LoginEnd("", host, End.UNKNOWN))
        unsent = {(one.credential, one.host): one for one in ends if one.end in _LOCAL}
        keys = ((visit, (visit.credential, visit.host)) for visit in grant.visits)
        return [not_made(visit, unsent[key], grant.hold) for visit, key in keys if key in unsent]

    def hold(self, key: Key, visits: Iterable[Visit]) -> Hold | None:
        """Return what an earlier run holds against logins."""
        account = self._account(key)
        return latest(account.hold_at(visit.agent, visit.host) for visit in visits)

    def is_accepted(self, key: Key) -> bool:
        """Return whether a server has accepted the account in this run."""
        return bool(self._account(key).accepted)

    def is_own_place(self, grant: Grant) -> bool:
        """Return whether a refusal binds its host only: the agent's secret is proven, and no authority is known."""
        account = self._accounts[grant.key]
        return grant.agent in account.accepted and not account.judged_alike

    def waiting(self) -> Iterator[tuple[Visit, str]]:
        """Yield each visit that waits, and the agent whose login decides about it; empty if its own agent is lost."""
        for account in self._accounts.values():
            holder = account.flight[0].agent if account.flight and not account.accepted else ""
            lost = next((grant.agent for grant in account.flight if grant.agent in self._away), holder)
            for agent, hosts in account.waiting.items():
                awaited = holder if agent in self._away else lost
                yield from ((visit, awaited) for visits in hosts.values() for visit in visits)

    def _account(self, key: Key) -> _Account:
        return self._accounts.setdefault(key, _Account(self._places))

    def _apply(self, account: _Account, agent: str, end: LoginEnd) -> None:
        where = end.where or end.host
        match end.end:
            case End.ACCEPTED:
                account.prove(agent, end.host)
            case End.REFUSED | End.AMBIGUOUS | End.REFUSED_HERE | End.UNKNOWN:
                place = "" if end.end is End.UNKNOWN else end.where
                account.fail(agent, end.host, Bar(words_of(where, agent, end.end), refused_at=place), end=end.end)
            case End.EARLIER:
                bar = earlier(where, agent, end, End.REFUSED)
                if account.accepted or account.hold_of(agent) is not None:
                    account.agents.setdefault(agent, bar)
                else:
                    account.close(agent, bar)
            case End.HELD:
                account.hold_back(agent, end.host)
            case End.EARLIER_HERE:
                account.hosts.setdefault(end.host, earlier(where, agent, end, End.REFUSED_HERE))
            case End.UNABLE | End.UNUSABLE:
                bar = Bar(f"no login was made: {end.detail}", withheld=end.end is End.UNUSABLE)
                account.lack(agent, end.credential, bar)
                account.pass_on(agent)
            case End.NOT_PERMITTED:
                account.pass_on(agent)
            case End.NOT_SENT:
                pass  # one visit may have several
