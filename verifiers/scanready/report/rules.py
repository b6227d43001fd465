"""Build the firewall rules that a target needs, from the catalogue and, if there is one, from its result.

A rule permits connections from the agent's address to the target's, to one port or a range of ports. The catalogue
requires some ports only under a condition ("Windows Server 2003R2 and older"). The target's options and the result's
facts decide the condition; if they do not, the rule names it. For a port that a broker assigns (rpcbind, SQL Browser),
the rule has the port from the result, or the range of possible ports if there is no result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scanready.catalogue import Broker, Requirement, Seen, TargetType
from scanready.model import Credential, Target, is_address
from scanready.run.registry import catalogue

from .endpoints import places_seen, where


@dataclass(frozen=True, slots=True)
class Rule:
    """One firewall rule.

    Attributes:
        destination: an address, or the name if it was not resolved.
        host: the host of the target, as the inventory names it.
        ports: "445" or "49152-65535".
        types: the target types that need the rule.
        when: the condition under which the rule is needed; empty if it is always needed.
        why: the source of the ports.
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
        """The rule in words, for a ticket."""
        where = self.destination if self.destination == self.host else f"{self.destination} ({self.host})"
        condition = f" (only for {self.when})" if self.when else ""
        return f"permit {self.transport} from {self.source} to {where} port {self.ports}{condition}"


#: Stands between two conditions, one of which is enough.
_OR = ", or "
#: Returns the agent's own address for connections to this address.
Source = Callable[[str], str]


def rules_of_result(result: Mapping[str, Any]) -> list[Rule]:
    """Return the rules that the target of a result (schema 1) needs, with the result's agent as the source."""
    found, agent = result["target"], tuple(result["agent"]["addresses"])
    row = catalogue().get(found["type"])
    target = Target(found["host"], found["type"], found["port"], found["options"])
    account = found.get("credential")
    credential = Credential(str(account), str(found.get("user") or "")) if account else None
    target = replace(target, explicit_port=row is None or found["port"] != row.port, credential=credential)
    known = places_seen(result)
    return merged(
        rule
        for place in where(target)
        for rule in rules(place, lambda address: best_source(agent, address), known.get((place.host, place.port)))
    )


def rules(target: Target, source: Source, known: Seen | None = None) -> list[Rule]:
    """Return the rules, one for each port and address of the target; rules with a condition are last."""
    known = known or Seen()
    wanted = _wanted(target, known)
    host, addresses = target.host, known.addresses or (target.host,)
    row = catalogue().get(target.type)
    if proxy := row.relay(target) if row else None:
        host, addresses = proxy[0], (proxy[0],)
        wanted = [("tcp", str(proxy[1]), "", f"the proxy on the way to {target.host}")]
    made = [
        Rule(source(address), address, host, transport, ports, (target.type,), when, why)
        for transport, ports, when, why in wanted
        for address in addresses
    ]
    made += _elsewhere(target, source, known, {rule.destination for rule in made} | {host})
    return merged(made)


def merged(every: Iterable[Rule]) -> list[Rule]:
    """Join rules that differ only in their types and conditions; a rule that is always needed has no condition."""
    found: dict[tuple[str, ...], Rule] = {}
    for rule in every:
        key = (rule.source, rule.destination, rule.transport, rule.ports)
        other = found.get(key)
        if other is None:
            found[key] = rule
            continue
        certain = rule if other.when and not rule.when else other
        conditions = dict.fromkeys((*other.when.split(_OR), *rule.when.split(_OR)))
        when = _OR.join(conditions) if other.when and rule.when else ""
        found[key] = replace(certain, types=tuple(dict.fromkeys((*other.types, *rule.types))), when=when)
    return list(found.values())


def best_source(addresses: Sequence[str], destination: str) -> str:
    """Return the agent's first address of the destination's address family."""
    return next((one for one in addresses if (":" in one) == (":" in destination)), next(iter(addresses), "AGENT"))


_Wanted = tuple[str, str, str, str]  # transport, ports, when, why


def _wanted(target: Target, known: Seen) -> list[_Wanted]:
    """Return the target's own port, or the ports of its broker; then the further ports of the requirements."""
    row = catalogue().get(target.type)
    if not target.port:
        return []  # the plug-in of the type is broken, so its port is unknown
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
    if row.cost.login_port and target.credential is not None:
        use = row.cost.login_port_for
        wanted.append(("tcp", str(row.cost.login_port), use, f"a check uses it for {use}"))
    return sorted(wanted, key=lambda one: bool(one[2]))


def _own_port(lines: Sequence[Requirement], target: Target, known: Seen) -> _Wanted:
    first = next(iter(lines), None)
    if first is None:
        return "tcp", str(target.port), "", _asked_there(target)
    why = first.source if str(target.port) in first.ports.split(",") else _asked_there(target)
    return "tcp", str(target.port), "" if first.when.holds(target, known) else first.when.text, why


def _asked_there(target: Target) -> str:
    return f"the port of this target ({target.type})"


def _ports(row: TargetType, line: Requirement, target: Target, known: Seen, transport: str) -> list[str]:
    """Return the ports of a line: those found, else those that the target pins, else all possible ones."""
    fixed_by = [name for name in line.pinned_by if name in target.options]
    pins = [port for name in fixed_by for port in str(target.options[name]).split(",")]
    some = not line.pinned_by or len(fixed_by) < len(line.pinned_by)  # the services that are not pinned need the rest
    if line.ports == str(row.port):
        return [str(target.port)]  # the type's own, by another transport
    if line.ports != "dynamic":
        return list(dict.fromkeys([*pins, *(line.ports.split(",") if some else [])]))
    fixed = {target.port, *(int(other.ports) for other in row.requirements.lines if other.ports.isdigit())}
    found = {by: [port for port in _found(known, target, by) if port not in fixed] for by in ("tcp", "udp")}
    if any(found.values()):
        return [str(port) for port in found[transport]]
    return list(dict.fromkeys([*pins, *(broker.ports for broker in row.brokers if some)]))


def _found(known: Seen, target: Target, transport: str) -> list[int]:
    """Return the ports of the target that the result has."""
    here = {target.host, *known.addresses}
    return list(dict.fromkeys(port for host, port, by in known.endpoints if host in here and by == transport))


def _named_by(broker: Broker, what: str, target: Target, known: Seen) -> list[_Wanted]:
    """Return the broker's port and the port that it reported, which may change unless it is pinned."""
    found = [port for port in _found(known, target, "tcp") if port != broker.port]
    ports = [str(port) for port in found] or [broker.ports]
    why = f"the port of {what}, reported by {broker.name}" if found else f"the range of possible ports of {what}"
    return [
        (broker.transport, str(broker.port or target.port), "", f"{broker.name} reports the port of {what}"),
        *(("tcp", port, "", why) for port in ports),
    ]


def _elsewhere(target: Target, source: Source, known: Seen, covered: set[str]) -> list[Rule]:
    """Return the rules for other hosts and ports that the target named: a redirect, a dispatcher, a referral."""
    here = {target.host, *known.addresses}
    made: list[Rule] = []
    row = catalogue().get(target.type)
    ranged = row is not None and any(not line.ports.isdigit() for line in row.requirements.lines[1:])
    for host, port, transport in known.endpoints:
        away = host not in here and host not in covered
        if away or (not ranged and host in here and port != target.port and transport == "tcp"):
            why = f"{target.host} redirects to it"
            named = host if away else target.host
            made += [
                Rule(source(address), address, named, transport, str(port), (target.type,), "", why)
                for address in (known.addresses if host in here and known.addresses else (host,))
            ]
    return made
