"""The owners of a failed connection, in each situation, with real routers, hosts and firewalls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

import pytest

from fixtures.lab.lab import Lab
from fixtures.lab.namespace import Namespace
from scanready.model import Owner, Report, Step, Target
from scanready.run.engine import Run
from scanready.run.settings import Settings
from tests.ladder import check_of, climb, finding_of, story, target

N, S, A, P = Owner.NETWORK, Owner.SERVER, Owner.AGENT, Owner.OPERATOR
Situation = Callable[[Lab], AbstractContextManager[str]]


def owners(report: Report) -> list[Owner]:
    found = finding_of(report)
    return [found.owner, *(other.owner for other in found.cause.also)]


@contextlib.contextmanager
def own_firewall(where: Namespace, hook: str, rule: str) -> Iterator[None]:
    """Filter what arrives at a host, or leaves it, at the host itself."""
    chain = f"type filter hook {hook} priority filter; policy accept;\n{rule}\n"
    where.nft(f"table inet own {{\nchain own {{\n{chain}}}\n}}\n")
    try:
        yield
    finally:
        where.nft("delete table inet own")


@contextlib.contextmanager
def route(lab: Lab, words: str) -> Iterator[None]:
    """Give the agent a route."""
    lab.agent.command(["ip", "route", "add", *words.split()], check=True)
    try:
        yield
    finally:
        lab.agent.command(["ip", "route", "del", *words.split()], check=True)


def by_the_router(rule: str) -> Situation:
    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        address = lab.openssh().address
        with lab.policy(f"ip daddr {address} tcp dport 22 {rule}"):
            yield address

    return situation


def by_the_host(rule: str) -> Situation:
    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        server = lab.openssh()
        with own_firewall(server.host, "input", f"tcp dport 22 {rule}"):
            yield server.address

    return situation


def by_the_neighbour(rule: str, version: int = 4) -> Situation:
    """The router is a host of the agent's own subnet, too."""

    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        lab.agent.command(["ip", "neigh", "flush", "all"], check=True)  # an old entry is no proof for some seconds
        with own_firewall(lab.topology.router, "input", f"tcp dport 22 {rule}"):
            yield lab.agent.gateway if version == 4 else lab.agent.gateway6

    return situation


def at(address: Callable[[Lab], str]) -> Situation:
    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        yield address(lab)

    return situation


def routed(words: str, address: str) -> Situation:
    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        with route(lab, words):
            yield address

    return situation


def by_the_agent(rule: str) -> Situation:
    @contextlib.contextmanager
    def situation(lab: Lab) -> Iterator[str]:
        address = lab.openssh().address
        with own_firewall(lab.agent, "output", f"ip daddr {address} tcp dport 22 {rule}"):
            yield address

    return situation


SITUATIONS: dict[str, tuple[Situation, str, str, list[Owner]]] = {
    "router drops": (by_the_router("drop"), "connect.filtered", "", [N, S]),
    "host drops": (by_the_host("drop"), "connect.filtered", "", [N, S]),
    "router resets": (by_the_router("reject with tcp reset"), "connect.refused", "", [S, P, N]),
    "host resets": (by_the_host("reject with tcp reset"), "connect.refused", "", [S, P, N]),
    "nothing listens": (at(lambda lab: lab.host("empty").address), "connect.refused", "", [S, P, N]),
    "router prohibits": (
        by_the_router("reject with icmp type admin-prohibited"),
        "connect.rejected",
        "by-router",
        [N],
    ),
    "host prohibits": (by_the_host("reject with icmp type admin-prohibited"), "connect.rejected", "by-target", [S, N]),
    "host rejects the port": (
        by_the_host("reject with icmp type port-unreachable"),
        "connect.rejected",
        "by-target",
        [S, N],
    ),
    "host rejects as a router": (
        by_the_host("reject with icmp type host-unreachable"),
        "connect.unreachable",
        "by-target",
        [S, N],
    ),
    "router has no such host": (at(lambda lab: lab.host("empty").absent), "connect.unreachable", "said-by", [N, S, P]),
    "router rejects like that": (
        by_the_router("reject with icmp type host-unreachable"),
        "connect.unreachable",
        "said-by",
        [N, S, P],
    ),
    "router has no such network": (at(lambda lab: "2001:db8:dead::1"), "connect.unreachable", "said-by-network", [N]),
    "router rejects the network": (
        by_the_router("reject with icmp type net-unreachable"),
        "connect.unreachable",
        "said-by-network",
        [N],
    ),
    "agent has no route": (
        routed("unreachable 198.51.100.0/24", "198.51.100.7"),
        "connect.unreachable",
        "no-route",
        [A],
    ),
    "gateway is off": (
        routed("203.0.113.0/24 via 10.77.0.99", "203.0.113.7"),
        "connect.unreachable",
        "no-gateway",
        [N, A],
    ),
    "neighbour is off": (at(lambda lab: lab.agent.absent), "connect.unreachable", "no-neighbour", [S, P, N]),
    "neighbour drops": (by_the_neighbour("drop"), "connect.filtered", "neighbour", [S, N]),
    "neighbour drops over IPv6": (by_the_neighbour("drop", 6), "connect.filtered", "neighbour", [S, N]),
    "neighbour resets": (by_the_neighbour("reject with tcp reset"), "connect.refused", "same-subnet", [S, P]),
    "neighbour prohibits": (
        by_the_neighbour("reject with icmp type admin-prohibited"),
        "connect.rejected",
        "by-target",
        [S, N],
    ),
    "nothing listens here": (at(lambda lab: "127.0.0.1"), "connect.refused", "same-subnet", [S, P]),
    "agent's own firewall rejects as a router": (
        by_the_agent("reject with icmp type host-unreachable"),
        "connect.local-limit",
        "",
        [A],
    ),
    "agent's own firewall": (by_the_agent("reject with icmp type admin-prohibited"), "connect.local-limit", "", [A]),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_owners_of_each_situation(lab: Lab, name: str) -> None:
    situation, code, case, expected = SITUATIONS[name]
    with situation(lab) as address:
        report = climb(target("ssh", address), lab.agent)
    found = finding_of(report)
    assert (found.cause.code, found.cause.case) == (code, case), story(report)
    assert owners(report) == expected
    reason = {"said-by-network": "said-by", "no-gateway": "no-neighbour", "by-target": "said-by"}.get(case, case)
    stated = check_of(report, Step.CONNECT).facts.get("reason")
    assert stated == (reason if code == "connect.unreachable" else None)


def test_the_agents_own_firewall_beside_an_old_entry_of_the_gateway(lab: Lab) -> None:
    """The gateway has only not been asked for some time: the rule stops the packets before they need it."""
    device, gateway = "eth0", lab.agent.gateway
    found = lab.agent.command(["ip", "neigh", "show", gateway, "dev", device]).stdout
    if "lladdr" not in found:
        climb(target("ssh", lab.openssh().address), lab.agent)
    with by_the_agent("reject with icmp type host-unreachable")(lab) as address:
        lab.agent.command(["ip", "neigh", "change", gateway, "dev", device, "nud", "stale"], check=True)
        report = climb(target("ssh", address), lab.agent)
    assert finding_of(report).cause.code == "connect.local-limit", story(report)
    assert owners(report) == [A]


def test_a_router_may_lead_to_an_address_of_the_own_subnet(lab: Lab) -> None:
    host, address = lab.host("moved-away"), "10.77.0.64"
    lab.topology.publish(host, f"{address}/32", [address])
    with route(lab, f"{address}/32 via {lab.agent.gateway}"):
        report = climb(target("ssh", address), lab.agent)
    assert (finding_of(report).cause.code, finding_of(report).cause.case) == ("connect.refused", ""), story(report)
    assert owners(report) == [S, P, N]


def test_a_neighbour_is_named_by_its_link_layer_address(lab: Lab) -> None:
    with by_the_neighbour("drop")(lab) as address:
        report = climb(target("ssh", address), lab.agent)
    shown = lab.topology.router.command(["cat", f"/sys/class/net/to-{lab.agent.subnet}/address"]).stdout
    assert check_of(report, Step.CONNECT).facts["neighbour"] == shown.strip()


def reports(lab: Lab, targets: Sequence[Target]) -> dict[str, Report]:
    """Verify several targets in one run."""

    async def every() -> list[Report]:
        async with Run(Settings()) as run:
            return [report async for report in run.results(targets)]

    return {report.target.type: report for report in lab.agent.run(lambda: asyncio.run(every()))}


def test_another_port_of_the_host_answers(lab: Lab) -> None:
    """The one that ends first has the evidence of the other."""
    server = lab.openssh()
    both = [target("ssh", server.address), target("imap", server.address)]  # nothing listens on the port of imap
    with lab.policy(f"ip daddr {server.address} tcp dport 143 drop"):
        found = reports(lab, both)["imap"]
    assert (finding_of(found).cause.case, owners(found)) == ("host-answers", [N, S])
    assert check_of(found, Step.CONNECT).facts["host_answers"] == [f"{server.address}:22"]
    with lab.policy(f"ip daddr {server.address} tcp dport 22 drop"):
        found = reports(lab, both)["ssh"]
    assert check_of(found, Step.CONNECT).facts["host_answers"] == [f"{server.address}:143"], "a refusal is an answer"


def test_no_port_of_the_host_answers(lab: Lab) -> None:
    server = lab.openssh()
    both = [target("ssh", server.address), target("imap", server.address)]
    with lab.policy(f"ip daddr {server.address} drop"):
        found = reports(lab, both)
    for report in found.values():
        assert (finding_of(report).cause.case, owners(report)) == ("host-silent", [N, S])
    assert check_of(found["imap"], Step.CONNECT).facts["host_silent"] == [f"{server.address}:22"]


def test_one_of_the_addresses_of_a_name(lab: Lab) -> None:
    server, dead = lab.openssh(), lab.host("empty").absent
    lab.dns().record("stale.lab", server.address, dead)
    report = climb(target("ssh", "stale.lab"), lab.agent)
    assert (finding_of(report).cause.code, finding_of(report).cause.case) == ("connect.unreachable", "other-address")
    assert owners(report) == [N, S]


def test_a_router_that_rejects_one_of_the_addresses(lab: Lab) -> None:
    """The device is known: the DNS does not matter."""
    server, other = lab.openssh(), lab.host("empty").address
    lab.dns().record("half.lab", server.address, other)
    with lab.policy(f"ip daddr {other} tcp dport 22 reject with icmp type admin-prohibited"):
        report = climb(target("ssh", "half.lab"), lab.agent)
    assert finding_of(report).cause.case == "by-router"
    assert owners(report) == [N]


def test_an_old_line_of_the_hosts_file(lab: Lab) -> None:
    lab.topology.name({"moved.lab": (lab.host("empty").absent,)})
    report = climb(target("ssh", "moved.lab"), lab.agent)
    assert finding_of(report).cause.case == "said-by+hosts-file"
    assert owners(report) == [N, S, P, A]
    assert check_of(report, Step.CONNECT).facts["hosts_file"].startswith("/etc/hosts:")
