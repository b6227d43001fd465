"""What a firewall must let through for a target: from the catalogue, and from what was found where a result is given.

A rule is from the agent's address to the target's, to one port or a range of them. What the catalogue demands under a
condition ("Windows Server 2003R2 and older") is decided from the target's options and a result's facts where that is
possible, and told as a condition otherwise. A port that a broker gives out (rpcbind, SQL Browser) is the one that was
found, if a result names it; without, it is the range it will be of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanready.catalogue import Broker, Requirement, Seen, TargetType
from scanready.model import Target, is_address
from scanready.run.registry import catalogue

from .endpoints import places_seen, where


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to permit.

    ``destination`` is an address, or the name itself where nobody resolved it; ``host`` the target as the inventory
    names it. ``ports`` is "445" or "49152-65535". ``when`` is the condition under which it is needed, empty if it is.
    ``why`` says where the ports come from. ``types`` are those that need it.
    """

    source: str
    destination: str
    host: str
    transport: str
    ports: str
    types: tuple[str, ...]
    when: str = ""
    why: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last port."""
        first, _, last = self.ports.partition("-")
        return int(first), int(last or first)

    @property
    def resolved(self) -> bool:
        """True if the destination is an address."""
        return is_address(self.destination)

    @property
    def sentence(self) -> str:
        """In words, for a ticket."""
        where = self.destination if self.destination == self.host else f"{self.destination} ({self.host})"
        condition = f" (only for {self.when})" if self.when else ""
        return f"permit {self.transport} from {self.source} to {where} port {self.ports}{condition}"


#: Says which of the agent's addresses a connection to this one comes from.
Source = Callable[[str], str]


def rules_of_result(result: Mapping[str, Any]) -> list[Rule]:
    """Return the rules that the target of a result (schema 1) needs, as its agent."""
    found, agent = result["target"], tuple(result["agent"]["addresses"])
    row = catalogue().get(found["type"])
    target = Target(found["host"], found["type"], found["port"], found["options"])
    target = replace(target, explicit_port=row is None or found["port"] != row.port)
    known = places_seen(result)
    return merged(
        rule
        for place in where(target)
        for rule in rules(place, lambda address: best_source(agent, address), known.get((place.host, place.port)))
    )


def rules(target: Target, source: Source, known: Seen | None = None) -> list[Rule]:
    """Return what must be let through, one rule for each address of the target, most certain first."""
    known = known or Seen()
    wanted = _wanted(target, known)
    host, addresses = target.host, known.addresses or (target.host,)
    row = catalogue().get(target.type)
    if proxy := row.relay(target) if row else None:
        host, addresses = proxy[0], (proxy[0],)
        wanted = [("tcp", str(proxy[1]), "", f"the proxy that {target.host} is reached through")]
    made = [
        Rule(source(address), address, host, transport, ports, (target.type,), when, why)
        for transport, ports, when, why in wanted
        for address in addresses
    ]
    made += _elsewhere(target, source, known, {rule.destination for rule in made} | {host})
    return merged(made)


def merged(every: Iterable[Rule]) -> list[Rule]:
    """Join rules that differ in their types only; what one type needs for certain is not conditional for another."""
    found: dict[tuple[str, ...], Rule] = {}
    for rule in every:
        key = (rule.source, rule.destination, rule.transport, rule.ports)
        other = found.get(key)
        if other is None:
            found[key] = rule
            continue
        certain = rule if other.when and not rule.when else other
        found[key] = replace(certain, types=tuple(dict.fromkeys((*other.types, *rule.types))))
    return list(found.values())


def best_source(addresses: Sequence[str], destination: str) -> str:
    """Return the first of the agent's addresses that is of the destination's family."""
    return next((one for one in addresses if (":" in one) == (":" in destination)), next(iter(addresses), "AGENT"))


_Wanted = tuple[str, str, str, str]  # transport, ports, when, why


def _wanted(target: Target, known: Seen) -> list[_Wanted]:
    """The target's own port, or what a broker names in its place; then what the requirements say of further ones."""
    row = catalogue().get(target.type)
    if not target.port:
        return []  # a plug-in is broken, and with it the port of its type is not known
    if row is None:
        return [("tcp", str(target.port), "", _asked_there(target))]
    lines = row.requirements.lines
    wanted: list[_Wanted] = []
    named = [(broker, what) for broker in row.brokers if (what := broker.names(target))]
    for broker, what in named:
        wanted += _named_by(broker, what, target, known)
    if not named:
        wanted.append(_own_port(lines, target, known))
    for line in lines[1:]:
        if (met := line.when.holds(target, known)) is False:
            continue
        when = "" if met else line.when.text
        for transport in line.transport.split(","):
            wanted += [(transport, ports, when, line.source) for ports in _ports(row, line, target, known, transport)]
    return sorted(wanted, key=lambda one: bool(one[2]))


def _own_port(lines: Sequence[Requirement], target: Target, known: Seen) -> _Wanted:
    first = next(iter(lines), None)
    if first is None:
        return "tcp", str(target.port), "", _asked_there(target)
    why = first.source if str(target.port) in first.ports.split(",") else _asked_there(target)
    return "tcp", str(target.port), "" if first.when.holds(target, known) else first.when.text, why


def _asked_there(target: Target) -> str:
    return f"the port that this target is asked on ({target.type})"


def _ports(row: TargetType, line: Requirement, target: Target, known: Seen, transport: str) -> list[str]:
    if line.ports != "dynamic":
        return line.ports.split(",")
    fixed = {target.port, *(int(other.ports) for other in row.requirements.lines if other.ports.isdigit())}
    found = {by: [port for port in _found(known, target, by) if port not in fixed] for by in ("tcp", "udp")}
    if any(found.values()):
        return [str(port) for port in found[transport]]
    return list(dict.fromkeys(broker.ports for broker in row.brokers))


def _found(known: Seen, target: Target, transport: str) -> list[int]:
    """The ports of the target that were talked to."""
    here = {target.host, *known.addresses}
    return list(dict.fromkeys(port for host, port, by in known.endpoints if host in here and by == transport))


def _named_by(broker: Broker, what: str, target: Target, known: Seen) -> list[_Wanted]:
    """The broker itself, and the port that it named, which is a dynamic one unless somebody pinned it."""
    found = [port for port in _found(known, target, "tcp") if port != broker.port]
    ports = [str(port) for port in found] or [broker.ports]
    told = f"the port of {what}, as {broker.name} told it" if found else f"any port that {what} may have"
    return [
        (broker.transport, str(broker.port or target.port), "", f"{broker.name} tells the port of {what}"),
        *(("tcp", port, "", told) for port in ports),
    ]


def _elsewhere(target: Target, source: Source, known: Seen, told: set[str]) -> list[Rule]:
    """Other hosts and ports that the check was led to: a redirect, a dispatcher, a referral."""
    here = {target.host, *known.addresses}
    made: list[Rule] = []
    row = catalogue().get(target.type)
    ranged = row is not None and len(row.requirements.lines) > 1
    for host, port, transport in known.endpoints:
        away = host not in here and host not in told
        if away or (not ranged and host in here and port != target.port and transport == "tcp"):
            why = f"{target.host} leads there"
            named = host if away else target.host
            made += [
                Rule(source(address), address, named, transport, str(port), (target.type,), "", why)
                for address in (known.addresses if host in here and known.addresses else (host,))
            ]
    return made
