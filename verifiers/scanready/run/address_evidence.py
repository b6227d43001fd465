"""Narrow a failed connection down to its owners, by the evidence at the address itself.

Nothing is sent for that. :mod:`scanready.run.host_evidence` adds the evidence of other ports of the host.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import replace

from scanready.catalogue.facts import HOSTS_FILE, NEIGHBOUR, REASON, REJECTED_BY
from scanready.causes import common, connect
from scanready.model import Agent, Check, Finding, host_of, is_address
from scanready.net.hosts_file import line_of
from scanready.net.neighbours import has_gateway, next_hop

from .agent_step import shared_subnets

#: The reasons of an unreachable host, by the cases of the cause.
_REASONS = {
    "no-route": "no-route",
    "no-neighbour": "no-neighbour",
    "no-gateway": "no-neighbour",
    "said-by": "said-by",
    "said-by-network": "said-by",
    "by-target": "said-by",
}
#: The cases of an ICMP message; the host itself may have sent it.
_SENT_BY = ("by-router", "said-by", "said-by-network")
#: The cases in which another address of the host would make no difference.
_OF_NO_ADDRESS = ("no-route", "no-gateway", "said-by-network")
#: A neighbour is given up after three seconds; a route that forbids the address says so at once.
_AT_ONCE = 0.5


def narrow(check: Check, agent: Agent, names: Iterable[str]) -> None:
    """Narrow down the finding of a check, and add the facts that show it; leave it if the evidence fits any owner.

    Args:
        names: the names that the address of the check may have been resolved from.
    """
    found = check.finding
    address = host_of(check.endpoint)
    if found is None or not found.cause.cases or not is_address(address):
        return
    shared = shared_subnets(agent, [address])
    subnet = None if shared is None else shared.get(address)
    case = found.case or _case(check, found, subnet, shared is not None)
    if case in _SENT_BY and check.facts.get(REJECTED_BY.name) == address:
        case = "by-target"
    if case == "neighbour":
        case = _neighbour(check, address)
    if found.cause is common.UNREACHABLE and (reason := _REASONS.get(case)):
        check.facts = {**check.facts, REASON.name: reason}
    own = subnet == "" or ipaddress.ip_address(address.partition("%")[0]).is_loopback
    place = "" if own or case in _OF_NO_ADDRESS else next(filter(None, (line_of(one, address) for one in names)), "")
    if place:
        check.facts = {**check.facts, HOSTS_FILE.name: place}
        found = replace(found, detail=f"{found.detail}; the address is from {place}")
        case = "+".join(filter(None, (case, connect.HOSTS_FILE.name)))
    check.finding = found.narrowed(case)


def _case(check: Check, found: Finding, subnet: str | None, known: bool) -> str:
    """Return the case of an error that names no sender.

    Args:
        subnet: the subnet of this agent that has the address: "" for an address of its own, None if it is in none.
        known: whether the agent's subnets are known.
    """
    if found.cause is common.REFUSED:
        is_routed = subnet is None or (
            subnet and has_gateway(host_of(check.endpoint))
        )  # a narrower route may lead away
        return "" if is_routed else "same-subnet"
    if found.cause is common.FILTERED:
        return "neighbour" if subnet else ""
    if found.cause is common.UNREACHABLE and known and check.seconds >= _AT_ONCE:
        return "" if subnet is None else "no-neighbour"  # elsewhere it may be the word of a router
    return ""


def _neighbour(check: Check, address: str) -> str:
    """Return the case of a host in this agent's subnet, if it has answered at the link layer."""
    hop = next_hop(address)
    if hop is None or hop.gateway or not hop.neighbour.reachable:
        return ""
    check.facts = {**check.facts, NEIGHBOUR.name: hop.neighbour.link_address}
    return "neighbour"
