"""What a firewall must let through for a target: from the catalogue, and from what was found where a result is given.

A rule is from the agent's address to the target's, to one port or a range of them. What the catalogue demands under a
condition ("Windows Server 2003R2 and older") is decided from the target's options and a result's facts where that is
possible, and told as a condition otherwise. A port that a broker gives out (rpcbind, SQL Browser) is the one that was
found, if a result names it; without, it is the range it will be of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanready.catalogue import BY_NAME, Requirement
from scanready.model import Target, is_address

from .conditions import holds
from .endpoints import Seen, places_seen, where

#: Where nobody pinned them, rpcbind names ports of the system's own choice: below 1024 where a daemon asks for a
#: reserved one (bindresvport starts at 600), above 32767 elsewhere; servers that are no Unix have their own habits.
ASSIGNED = "600-65535"
#: Of these Windows takes the port of a named SQL Server instance that nobody pinned.
WINDOWS_DYNAMIC = "49152-65535"
_SQL_BROWSER = 1434


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
    row = BY_NAME.get(found["type"])
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
    if proxy := _proxy(target):
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
    """The target's own port, then what the catalogue says of further ones."""
    row = BY_NAME.get(target.type)
    requirements = row.requirements if row else ()
    first = next(iter(requirements), None)
    wanted: list[_Wanted] = []
    if target.type == "mssql" and target.options.get("instance") and not target.explicit_port:
        wanted += _instance(target, known)
    else:
        own = first is None or str(target.port) in first.ports.split(",")
        why = first.source if first and own else f"the port that this target is asked on ({target.type})"
        when = "" if first is None or holds(first.when, target, known) else first.when
        wanted.append(("tcp", str(target.port), when, why))
    for line in requirements[1:] if first else ():
        if (met := holds(line.when, target, known)) is False:
            continue
        when = "" if met else line.when
        for transport in line.transport.split(","):
            wanted += [(transport, ports, when, line.source) for ports in _ports(line, target, known, transport)]
    return sorted(wanted, key=lambda one: bool(one[2]))


def _ports(line: Requirement, target: Target, known: Seen, transport: str) -> list[str]:
    if line.ports != "dynamic":
        return line.ports.split(",")
    fixed = {target.port, *(int(other.ports) for other in BY_NAME[target.type].requirements if other.ports.isdigit())}
    found = {by: [port for port in _found(known, target, by) if port not in fixed] for by in ("tcp", "udp")}
    return [str(port) for port in found[transport]] if any(found.values()) else [ASSIGNED]


def _found(known: Seen, target: Target, transport: str) -> list[int]:
    """The ports of the target that were talked to."""
    here = {target.host, *known.addresses}
    return list(dict.fromkeys(port for host, port, by in known.endpoints if host in here and by == transport))


def _instance(target: Target, known: Seen) -> list[_Wanted]:
    """A named instance of SQL Server: SQL Browser tells its port, which is a dynamic one unless somebody pinned it."""
    name = target.options["instance"]
    found = [port for port in _found(known, target, "tcp") if port != _SQL_BROWSER]
    ports = [str(port) for port in found] or [WINDOWS_DYNAMIC]
    told = (
        f"the port of instance {name}, as SQL Browser told it" if found else f"any port that instance {name} may have"
    )
    return [
        ("udp", str(_SQL_BROWSER), "", f"SQL Browser tells the port of instance {name}"),
        *(("tcp", port, "", told) for port in ports),
    ]


def _elsewhere(target: Target, source: Source, known: Seen, told: set[str]) -> list[Rule]:
    """Other hosts and ports that the check was led to: a redirect, a dispatcher, a referral."""
    here = {target.host, *known.addresses}
    made: list[Rule] = []
    row = BY_NAME.get(target.type)
    ranged = row is not None and len(row.requirements) > 1
    for host, port, transport in known.endpoints:
        away = host not in here and host not in told
        if away or (not ranged and host in here and port != target.port and transport == "tcp"):
            why = f"{target.host} leads there"
            named = host if away else target.host
            for address in known.addresses if host in here and known.addresses else (host,):
                made.append(Rule(source(address), address, named, transport, str(port), (target.type,), "", why))
    return made


def _proxy(target: Target) -> tuple[str, int] | None:
    """Host and port of the proxy that a target is reached through."""
    value = target.options.get("proxy")
    where = re.fullmatch(r"(?:https?://)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+):(\d{1,5})/?", str(value)) if value else None
    return (where[1].strip("[]"), int(where[2])) if where else None
