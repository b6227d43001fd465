"""Check the agent at the first rung of every climb: does it meet the requirements of the target type?

A missing *requirement* of the document (a platform, a client program) fails the rung; the other rungs are climbed all
the same. A missing *recommendation* (an agent in the target's subnet, with the target's platform) is only a note. It
depends on the target's address and on the target's own description, so it is written after the climb.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, NamedTuple

from scanready.catalogue import Group, TargetType
from scanready.causes import common
from scanready.climb.probe import Probe
from scanready.model import Agent, Check, Step, reached
from scanready.net.interfaces import Interface

Verifier = Callable[[Probe], Awaitable[None]]

# The names that targets give for their system, each with its platform (platform.system()).
_FAMILIES = {
    "Debian": "Linux",
    "Ubuntu": "Linux",
    "Raspbian": "Linux",
    "Sun": "SunOS",
    "Cisco": "Cisco IOS",
    "ROSSSH": "RouterOS",
}


class AgentStep:
    """A verifier that looks at the agent first; :meth:`conclude` writes down what the climb added to that."""

    def __init__(self, verify: Verifier) -> None:
        self._verify = verify
        self._checks: list[Check] = []

    async def __call__(self, probe: Probe) -> None:
        """Look at the agent, then climb."""
        if probe.row.group is not Group.INFRASTRUCTURE:  # no agent is recommended beside the scanner's own servers
            await _look(probe, self._checks)
        await self._verify(probe)

    def conclude(self, probe: Probe) -> None:
        """Insert the rung below all others, with its notes.

        It is omitted for a guessed type that the host does not speak.
        """
        if probe.target.guessed and probe.checks:
            met = (reached(probe.checks) or Step.AGENT).height >= Step.HANDSHAKE.height
            if not met:
                return
        probe.checks[:0] = [_noted(check, probe) for check in self._checks]


# before the climb: what is demanded ---------------------------------------------------------------------------------


async def _look(probe: Probe, checks: list[Check]) -> None:
    agent, row = probe.shared.agent, probe.row
    wanted = row.requirements
    async with probe.step(Step.AGENT, agent.name, into=checks) as rung:
        if wanted.agent not in (None, agent.platform):
            rung.fail(common.PLATFORM_MISMATCH, mismatch(row.name, wanted.agent, agent))
        elif agent.assumed:
            rung.skip(f"an assumed {agent.platform} agent: nothing is known of it")
        elif wanted.client and (program := row.part("client")):
            program.describe(await probe.of_agent(program.NAME, program.present), rung)
        else:
            rung.ok(agent.distribution or agent.platform)


def mismatch(type_: str, wanted: str | None, agent: Agent) -> str:
    """Return the message that a target type requires another agent than this one."""
    return f"the requirements demand a {wanted} agent for {type_} targets; this agent runs {agent.platform}"


def unsuited(row: TargetType) -> str:
    """Return the note that another agent is recommended."""
    wanted = row.requirements.suits
    return f"the requirements allow {row.name} from this agent; newer scanner documentation requires a {wanted} agent"


# after the climb: what is recommended -------------------------------------------------------------------------------


def _noted(check: Check, probe: Probe) -> Check:
    """Return the check, now with notes on the document's recommendations; its outcome does not change."""
    notes: list[str] = []
    facts: dict[str, Any] = {}
    if probe.row.requirements.alike:
        notes += _platform(probe.shared.agent, _told(probe.checks), facts)
    if probe.row.requirements.suits not in (None, probe.shared.agent.platform):
        facts["platform_note"] = unsuited(probe.row)
        notes.append(facts["platform_note"])
    if probe.row.takes_a_relay:
        from .proxy_note import proxy_note  # loaded with the verifier of the type; most types take no proxy

        notes += proxy_note(probe, facts)
    if not probe.row.hostless:  # a cloud has no subnet
        notes += _subnet(probe.shared.agent, _addresses(probe), facts)
    if notes:
        check.summary, check.facts = "; ".join((check.summary, *notes)), check.facts | facts
    return check


def _told(checks: list[Check]) -> tuple[str, str]:
    """Return the target's name for its system and its platform, from the greeting or, better, from a command."""
    name = platform = ""
    for check in checks:
        if check.step is Step.HANDSHAKE and "os" in check.facts:
            name = str(check.facts["os"])
            platform = platform or _FAMILIES.get(name, name)
        if "system" in check.facts:
            platform = str(check.facts["system"]).partition(" ")[0]
    return (name if _FAMILIES.get(name, name) == platform else platform), platform


def _platform(agent: Agent, told: tuple[str, str], facts: dict[str, Any]) -> list[str]:
    name, platform = told
    if not platform:
        return []
    theirs, ours = platform, agent.platform
    if platform == agent.platform and name != platform and agent.distribution:
        theirs, ours = name, agent.distribution
    facts["same_platform"] = same = ours.partition(" ")[0] == theirs
    if same:
        return [f"the target runs {theirs}, as this agent does"]
    facts["platform_note"] = f"the target runs {theirs}, this agent {ours}; an agent like the target is recommended"
    return [facts["platform_note"]]


def _addresses(probe: Probe) -> list[str]:
    """Return the addresses of the target; none if a proxy resolves the name."""
    for check in () if probe.row.relay(probe.target) else probe.checks:
        if check.step is Step.RESOLVE and "addresses" in check.facts:
            listed = check.facts["addresses"]  # may come from another package
            if not isinstance(listed, list):
                return []
            return [one for one in listed if isinstance(one, str) and _parsed(one) is not None]
    return []


def _subnet(agent: Agent, addresses: list[str], facts: dict[str, Any]) -> list[str]:
    found = shared_subnets(agent, addresses)
    if found is None:
        return []
    facts["same_subnet"] = bool(found)
    if "" in found.values():
        return ["the target is this host"]
    if not found:
        return ["no subnet in common with the target"]
    subnets = ", ".join(dict.fromkeys(found.values()))
    rest = len(addresses) - len(found)
    return [f"in the target's subnet {subnets}" + (f" ({rest} of its addresses elsewhere)" if rest else "")]


def shared_subnets(agent: Agent, addresses: list[str]) -> dict[str, str] | None:
    """Return the addresses in a subnet of this agent, each with the subnet, "" for the agent's own; None if unknown."""
    if agent.assumed or not agent.networks or not addresses:
        return None
    own = _placed(agent.networks)
    found: dict[str, str] = {}
    for address in addresses:
        there = _parsed(address)
        assert there is not None, "addresses only"
        number = int(there)
        alike = [subnet for subnet in own if subnet.version == there.version]
        beside = next((subnet.name for subnet in alike if number & subnet.mask == subnet.first), None)
        if there.is_loopback or any(subnet.own == number for subnet in alike):
            found[address] = ""
        elif beside is not None and not there.is_link_local:
            found[address] = beside
    return found


class _Subnet(NamedTuple):
    """A subnet of this agent and its own address in it, as numbers: every target's address is compared with all."""

    version: int
    own: int
    first: int
    mask: int
    name: str


@lru_cache(maxsize=8)
def _placed(networks: tuple[str, ...]) -> list[_Subnet]:
    """Return the subnets that locate a host. A result may have others, which locate none, as its agent has said."""
    found = [ipaddress.ip_interface(network) for network in networks]
    here = [one for one in found if one.network.prefixlen and not (one.ip.is_loopback or one.ip.is_link_local)]
    return [
        _Subnet(one.version, _own(one), int(one.network.network_address), int(one.netmask), str(one.network))
        for one in here
    ]


def _own(interface: Interface) -> int:
    """Return the address as a number; none that a target has for one with a zone, as targets are compared without."""
    return -1 if getattr(interface, "scope_id", None) else int(interface.ip)


@lru_cache(maxsize=256)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address without its zone, None for any other text; each target asks twice."""
    try:
        return ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
