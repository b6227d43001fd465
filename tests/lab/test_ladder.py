"""The rungs below the protocol, against a real firewall, real absent hosts and real resolvers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from fixtures.lab.dns import SILENT_ZONE
from fixtures.lab.lab import Lab
from scanready.model import Outcome, Owner, Report, Step, Verdict
from scanready.net.this_agent import this_agent
from scanready.run.engine import verify
from scanready.run.settings import CANARY_PORT, Settings
from tests.ladder import BY_NAME, TYPES, check_of, climb, expect, story, target

BUILT = [row.name for row in TYPES]


@pytest.mark.parametrize(
    ("rule", "code", "names_the_router"),
    [
        ("drop", "connect.filtered", False),
        ("reject with tcp reset", "connect.refused", False),
        ("reject with icmp type admin-prohibited", "connect.rejected", True),
        ("reject with icmp type host-prohibited", "connect.rejected", True),
        ("reject with icmp type net-prohibited", "connect.rejected", True),
        ("reject with icmp type port-unreachable", "connect.rejected", True),
        ("reject with icmp type prot-unreachable", "connect.rejected", True),
        ("reject with icmp type host-unreachable", "connect.unreachable", True),
        ("reject with icmp type net-unreachable", "connect.unreachable", True),
    ],
)
def test_what_the_firewall_does(lab: Lab, rule: str, code: str, names_the_router: bool) -> None:
    server = lab.postgresql("scram")
    with lab.policy(f"ip daddr {server.address} tcp dport 5432 {rule}"):
        report = climb(target("postgresql", server.address), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.CONNECT)
    told_by = check_of(report, Step.CONNECT).facts.get("rejected_by")
    assert (told_by is not None) == names_the_router, story(report)
    if names_the_router:
        assert told_by is not None
        assert told_by != server.address
        assert told_by in check_of(report, Step.CONNECT).summary


@pytest.mark.parametrize("kind", ["admin-prohibited", "port-unreachable"])
def test_a_firewall_on_the_way_over_ipv6(lab: Lab, kind: str) -> None:
    server = lab.postgresql("scram")
    with lab.policy(f"ip6 daddr {server.address6} tcp dport 5432 reject with icmpv6 type {kind}"):
        report = climb(target("postgresql", server.address6), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.rejected", step=Step.CONNECT, fix=f"ip6 daddr {server.address6}")
    assert check_of(report, Step.CONNECT).facts["rejected_by"] != server.address6


def test_a_closed_port(lab: Lab) -> None:
    report = climb(target("postgresql", lab.host("empty").address), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_a_host_that_is_not_there(lab: Lab) -> None:
    report = climb(target("postgresql", lab.host("empty").absent), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.unreachable", step=Step.CONNECT, owner=Owner.NETWORK)


def test_no_route(lab: Lab) -> None:
    report = climb(target("postgresql", "2001:db8:dead::1"), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.unreachable", step=Step.CONNECT)


def test_a_name_with_one_dead_address(lab: Lab) -> None:
    server = lab.postgresql("scram")
    dead = lab.host("empty").absent
    lab.dns().record("both.lab", server.address, dead)
    report = climb(target("postgresql", "both.lab"), lab.agent)
    expect(report, Verdict.LIMITED, "connect.unreachable", step=Step.CONNECT)
    outcomes = {check.endpoint: check.outcome for check in report.checks if check.step is Step.CONNECT}
    assert outcomes == {f"{server.address}:5432": Outcome.PASSED, f"{dead}:5432": Outcome.WARNED}


def test_a_name_that_does_not_exist(lab: Lab) -> None:
    lab.dns()
    report = climb(target("postgresql", "nobody.lab"), lab.agent)
    expect(report, Verdict.BLOCKED, "resolve.not-found", step=Step.RESOLVE, owner=Owner.OPERATOR)
    assert report.footprint.connections == 0


def test_a_resolver_that_does_not_answer(lab: Lab) -> None:
    lab.dns()
    report = climb(target("postgresql", f"db.{SILENT_ZONE}"), lab.agent, timeout=6)
    expect(report, Verdict.BLOCKED, "resolve.no-answer", step=Step.RESOLVE, owner=Owner.NETWORK)


def test_a_resolver_that_had_no_time_to_ask_twice_is_not_blamed(lab: Lab) -> None:
    lab.dns()
    report = climb(target("postgresql", f"soon.{SILENT_ZONE}"), lab.agent, timeout=2)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", step=Step.RESOLVE)


def test_a_wait_too_short_to_tell_silence_blames_nobody(lab: Lab) -> None:
    """A short wait for a dropped SYN or a silent server proves nothing, in every type; more time tells them apart."""
    mute = lab.misbehaving("silent", 9)
    types = [name for name in BUILT if name != "master"]  # for this type, silence is the proof
    with lab.policy(f"ip daddr {mute.address} tcp dport 10 drop"):
        for port, code in ((9, "handshake.silent"), (10, "connect.filtered")):
            for type_ in types:
                [hasty] = _climbs(lab, mute.address, [type_], port, timeout=0.3)
                expect(hasty, Verdict.UNDECIDED, "scanready.out-of-time")
            for report in _climbs(lab, mute.address, types, port, timeout=10):
                expect(report, Verdict.BLOCKED, code)


def _climbs(lab: Lab, host: str, types: Sequence[str], port: int | None = None, timeout: float = 2) -> list[Report]:
    """One host as every one of these types, side by side, and each as if it were the only one."""

    def one(type_: str) -> Coroutine[None, None, Report]:
        row = BY_NAME[type_]
        # The Notes client, which this machine lacks, is not checked for an assumed agent.
        fit = this_agent(platform_name="Windows" if type_ == "notes" else row.requirements.agent)
        # Without these nothing would be asked, or of no consequence here.
        asked: dict[str, Any] = {
            one.name: True for one in row.options if one.name in ("allow_login_probe", "on_master")
        }
        return verify(target(type_, host, port, **asked), Settings(timeout=timeout, agent=fit))

    async def all_of_them() -> list[Report]:
        return await asyncio.gather(*map(one, types))

    return lab.agent.run(lambda: asyncio.run(all_of_them()))


def test_forbidden_by_this_hosts_own_firewall(lab: Lab) -> None:
    server = lab.postgresql("scram")
    table = "add table inet own; add chain inet own out { type filter hook output priority 0; }; "
    lab.agent.nft(table + f"add rule inet own out ip daddr {server.address} tcp dport 5432 reject")
    try:
        report = climb(target("postgresql", server.address), lab.agent)
    finally:
        lab.agent.nft("delete table inet own")
    expect(report, Verdict.BLOCKED, "connect.local-limit", step=Step.CONNECT, owner=Owner.AGENT)


def test_forbidden_by_this_hosts_own_routing(lab: Lab) -> None:
    server = lab.postgresql("scram")
    lab.agent.command(["ip", "route", "add", "prohibit", server.address])
    try:
        report = climb(target("postgresql", server.address), lab.agent)
    finally:
        lab.agent.command(["ip", "route", "del", "prohibit", server.address])
    expect(report, Verdict.BLOCKED, "connect.local-limit", step=Step.CONNECT, owner=Owner.AGENT)


@pytest.mark.parametrize("mode", ["silent", "close", "reset", "echo", "garbage", "half-open"])
def test_every_port_answered_by_one_listener_is_never_ready(lab: Lab, mode: str) -> None:
    trap = lab.misbehaving(mode, 9)
    with trap.host.every_port_leads_to(9):
        for report in _climbs(lab, trap.address, BUILT):
            assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)


@pytest.mark.parametrize(
    ("server", "variant", "port"),
    [
        ("openssh", "password", 22),
        ("postgresql", "scram", 5432),
        ("mariadb", "standard", 3306),
        ("dovecot", "no-tls", 143),
    ],
)
def test_a_real_service_behind_every_port_is_never_ready(lab: Lab, server: str, variant: str, port: int) -> None:
    """One real server redirected to from all ports: its own type must not be ready either."""
    real = getattr(lab, server)(variant, label="everywhere")
    with real.host.every_port_leads_to(port):
        for report in _climbs(lab, real.address, BUILT, timeout=4):
            assert report.verdict in (Verdict.BLOCKED, Verdict.UNDECIDED), story(report)


def test_false_open_says_so(lab: Lab) -> None:
    server = lab.postgresql("scram", label="everywhere")
    with server.host.every_port_leads_to(5432):
        report = climb(target("postgresql", server.address), lab.agent)
        assert climb(target("postgresql", server.address), lab.agent, canary=False).verdict is Verdict.READY
    expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)
    assert str(CANARY_PORT) in check_of(report, Step.HANDSHAKE).endpoint


def test_a_syn_proxy_that_accepts_for_all_ports_does_not_hide_the_real_service(lab: Lab) -> None:
    server = lab.postgresql("scram", label="behind-a-syn-proxy")
    trap = lab.misbehaving("silent", 9)
    table = "add table ip proxy; add chain ip proxy pre { type nat hook prerouting priority -100; }; "
    rule = f"add rule ip proxy pre ip daddr {server.address} tcp dport {CANARY_PORT} dnat to {trap.address}:9"
    lab.topology.router.nft(table + rule)
    try:
        report = climb(target("postgresql", server.address), lab.agent)
    finally:
        lab.topology.router.nft("delete table ip proxy")
    expect(report, Verdict.READY)
