"""Build the firewall rules for targets from the catalogue, a stored run, a live query and DNS."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Iterable, Sequence

from scanready.catalogue import Seen
from scanready.cli.messages import warn
from scanready.model import Report, Target
from scanready.report.endpoints import evidence, places_seen
from scanready.report.groups import worth_telling
from scanready.report.rules import Rule, best_source, merged, rules
from scanready.report.serialize import as_object, identity
from scanready.run.any_type import reports_of
from scanready.run.registry import catalogue

from .messages import fitting
from .selection import Judgement
from .source import opened

#: Seconds to wait for the look-up of one name.
_LOOKUP = 10


def _names_ports(target: Target) -> bool:
    """Return whether the target has ports that only a query reveals; other types have theirs in the requirements."""
    row = catalogue().get(target.type)
    return row is not None and bool(row.brokers)


class Known:
    """Hold the findings of runs.

    Attributes:
        agents: the addresses of their agents.
        only_agent: the name of the agent that all results are of; None if there are several.
        several: a run has the results of several agents, so ``agents`` are the addresses of different hosts.
        judged: what a run found of each target, by identity.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, int], Seen] = {}
        self.agents: tuple[str, ...] = ()
        self.only_agent: str | None = None
        self.judged: dict[str, Judgement] = {}
        self.several = False

    def read(self, run: str, store: str | None, agent: str | None = None) -> None:
        """Add the findings of a run, named by its name or file.

        Args:
            agent: take judgements and addresses of this agent's results only; None takes those of all results. The
                ports of a target are the same for all agents.

        Raises:
            click.UsageError: there is no such run, or it cannot be read.
        """
        agents: dict[str, None] = {}
        names: set[str] = set()
        with opened(run, store) as source:
            self.several = source.has_several_agents()
            for report in source.reports():
                names.add(report.agent.name)
                if agent in (None, report.agent.name):
                    self.judged |= _judged(report)
                    agents.update(dict.fromkeys(report.agent.addresses))
                for one in reports_of(report):
                    self._add(one)
        self.agents = tuple(agents)
        self.only_agent = names.pop() if len(names) == 1 else None

    def _add(self, report: Report) -> None:
        for (host, port), met in places_seen(as_object(report)).items():
            self._seen[_key(host, report.target.type, port)] = met
            self._seen.setdefault(_key(host, "", 0), Seen(met.addresses))

    def ask(self, targets: Sequence[Target]) -> None:
        """Climb to the login prompt, without a credential, of the targets that reveal ports only when asked."""
        asked = [dataclasses.replace(one, credential=None) for one in targets if _names_ports(one)]
        asyncio.run(self._climb(asked))

    async def _climb(self, targets: Sequence[Target]) -> None:
        from scanready.model import Step
        from scanready.run.engine import Run
        from scanready.run.settings import Settings

        async with Run(Settings(depth=Step.AUTH, canary=False)) as run:
            async for report in run.results(targets):
                target = report.target
                self._seen[_key(target.host, target.type, target.port)] = evidence(as_object(report))

    def of(self, target: Target) -> Seen | None:
        """Return the findings of a target, or else the addresses of its host; None if neither is known."""
        return self._seen.get(_key(target.host, target.type, target.port)) or self._seen.get(_key(target.host, "", 0))


def _judged(report: Report) -> dict[str, Judgement]:
    """Return the judgement of each contacted target, by identity.

    A host without a type has one for each of its types. If some of them answer, the others have no owner and no cause:
    a service that does not exist needs no rule.
    """
    telling = worth_telling(report)
    unknown = telling == [report]
    found = {}
    for one in reports_of(report):
        judgement = dataclasses.replace(Judgement.of(one), agents=())  # `agent=` is about the inventory
        if not unknown and one not in telling:
            judgement = Judgement(judgement.verdict, (), ())
        found[identity(one.target)] = judgement
    return found


def _key(host: str, kind: str, port: int) -> tuple[str, str, int]:
    return host.lower(), kind, port


def permitted(targets: Sequence[Target], known: Known, agents: Sequence[str]) -> list[Rule]:
    """Return every rule once, in the order of the targets; without ``agents``, the source is this host."""

    def source(destination: str) -> str:
        return _source(agents, destination)

    return merged(rule for target in targets for rule in rules(target, source, known.of(target)))


def resolved(found: Sequence[Rule], agents: Sequence[str]) -> list[Rule]:
    """Return the rules with one rule for each address of a name; warn of a name that does not resolve and keep it."""
    names = list(dict.fromkeys(rule.destination for rule in found if not rule.resolved))
    addresses = asyncio.run(_addresses(names))
    for name in names:
        if name not in addresses:
            warn(f"{fitting(name)} does not resolve: its rule keeps the name")
    return merged(
        dataclasses.replace(rule, destination=address, source=_source(agents, address))
        for rule in found
        for address in (addresses.get(rule.destination) or (rule.destination,))
    )


async def _addresses(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Look up each name once; leave out the names that do not resolve."""
    import socket

    from scanready.net.resolve import Resolver

    resolver = Resolver()

    async def one(name: str) -> tuple[str, tuple[str, ...]]:
        try:
            found = await resolver.addresses(name, 9, asyncio.get_running_loop().time() + _LOOKUP)
        except (socket.gaierror, TimeoutError):
            return name, ()
        return name, tuple(dict.fromkeys(str(where[0]) for _, where in found))

    try:
        return {name: found for name, found in await asyncio.gather(*map(one, names)) if found}
    finally:
        resolver.close()


def _source(agents: Sequence[str], destination: str) -> str:
    return best_source(agents, destination) if agents else _own_address(destination)


def _own_address(destination: str) -> str:
    """Return the address that this host would use, from its routing table; send nothing."""
    import socket

    from scanready.net.resolve import literal
    from scanready.net.sockets import source_address
    from scanready.net.this_agent import this_agent

    address: str | None = None
    with contextlib.suppress(socket.gaierror):  # the zone of the address is not an interface of this host
        where = literal(destination, 9)
        address = source_address(where) if where else None
    return address or best_source(this_agent().addresses, destination)
