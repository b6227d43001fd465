"""Check emulated SQL Servers on their real ports behind a firewall, since no real SQL Server is available.

The network is real: UDP 1434, a dynamic port, routers and firewalls. FreeTDS and pytds, which query only port 1434,
confirm that the emulated Browser answers as a real one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import pytds.instance_browser_client
import pytest

from fixtures.emulators import Server as Played
from fixtures.emulators import in_background, mssql, mssql_browser
from fixtures.emulators.mssql import Server
from fixtures.lab.lab import Lab
from fixtures.lab.net import Host
from scanready.model import Credential, Owner, Step, Target, Verdict
from tests.ladder import account, check_of, climb, expect, passed, story, target

T = TypeVar("T")

ER = account(mssql.USER, mssql.PASSWORD)
DYNAMIC = 51433


@contextlib.contextmanager
def at(host: Host, making: Callable[[], contextlib.AbstractContextManager[T]]) -> Iterator[T]:
    """Enter a context in the host's namespace, so that its sockets and threads are the host's; leave it outside."""
    context = host.run(making)
    playing = host.run(context.__enter__)
    try:
        yield playing
    finally:
        context.__exit__(None, None, None)


@contextlib.contextmanager
def sql_server(
    host: Host, port: int, behaviour: Server, instances: Mapping[str, int | None] | None = None
) -> Iterator[Played]:
    """A SQL Server on that port and, if it is to know any ``instances``, a Browser beside it."""
    with contextlib.ExitStack() as held:
        served = held.enter_context(at(host, lambda: in_background(behaviour, "0.0.0.0", port=port)))
        if instances is not None:
            held.enter_context(at(host, lambda: mssql_browser.in_background(instances, "0.0.0.0", mssql_browser.PORT)))
        yield served


@pytest.fixture
def host(lab: Lab) -> Host:
    return lab.host("sql1")


@pytest.fixture
def hr(host: Host) -> Iterator[Played]:
    """The instance HR on its dynamic port, and the Browser that knows it."""
    with sql_server(host, DYNAMIC, Server(instance="HR"), {"HR": DYNAMIC}) as server:
        yield server


def named(host: Host, instance: str = "HR", credential: Credential | None = None) -> Target:
    return target("mssql", host.hostname, 1433, credential, instance=instance)


def test_ready_and_scannable_on_1433(lab: Lab, host: Host) -> None:
    with sql_server(host, 1433, Server()) as server:
        report = expect(climb(target("mssql", host.hostname), lab.agent), Verdict.READY)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 0)
        report = expect(climb(target("mssql", host.hostname, credential=ER), lab.agent), Verdict.SCANNABLE)
        assert (report.footprint.connections, report.footprint.login_attempts) == (1, 1)
        server.wait(2)
        assert server.offences == {}, story(report)


def test_an_instance_is_found_by_its_name(lab: Lab, host: Host, hr: Played) -> None:
    report = expect(climb(named(host, credential=ER), lab.agent), Verdict.SCANNABLE)
    assert report.facts["ports"] == [DYNAMIC]
    assert check_of(report, Step.HANDSHAKE).endpoint == f"{host.hostname}:{DYNAMIC}"
    expect(climb(named(host), lab.agent), Verdict.READY)
    assert hr.counts["logins"] == 1


def test_a_dynamic_port_that_the_firewall_does_not_know(lab: Lab, host: Host, hr: Played) -> None:
    with lab.policy(f"ip daddr {host.address} tcp dport {DYNAMIC} drop"):
        report = climb(named(host), lab.agent)
    fix = f"ip saddr {lab.agent.address} ip daddr {host.address} tcp dport {DYNAMIC} accept"
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=fix)
    assert "listens on 51433" in story(report)


def test_a_browser_behind_a_firewall_is_undecided(lab: Lab, host: Host, hr: Played) -> None:
    with lab.policy("udp dport 1434 drop"):
        report = climb(named(host), lab.agent)
    fix = f"ip saddr {lab.agent.address} ip daddr {host.address} udp dport 1434 accept"
    expect(report, Verdict.UNDECIDED, "connect.udp-silent", step=Step.CONNECT, owner=Owner.NETWORK, fix=fix)
    assert not hr.connections


def test_a_browser_that_a_router_forbids(lab: Lab, host: Host, hr: Played) -> None:
    with lab.policy("udp dport 1434 reject with icmp type admin-prohibited"):
        report = climb(named(host), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.rejected", step=Step.CONNECT, owner=Owner.NETWORK, fix="udp dport 1434")
    assert lab.agent.gateway in check_of(report, Step.CONNECT).summary


def test_a_host_without_a_browser(lab: Lab, host: Host) -> None:
    report = climb(named(host), lab.agent)
    expect(report, Verdict.BLOCKED, "mssql.browser-off", step=Step.CONNECT, owner=Owner.DATABASE)
    assert host.address in check_of(report, Step.CONNECT).summary


def test_the_right_server_on_another_port(lab: Lab, host: Host, hr: Played) -> None:
    report = climb(target("mssql", host.hostname), lab.agent)
    fix = f"mssql://{host.hostname}:{DYNAMIC}"
    expect(report, Verdict.BLOCKED, "mssql.other-port", step=Step.CONNECT, owner=Owner.OPERATOR, fix=fix)
    assert len(hr.connections) == 1
    assert hr.counts == {"prelogins": 1}


def test_a_windows_firewall_is_silent_for_ports_where_nobody_listens(lab: Lab, host: Host, hr: Played) -> None:
    with lab.policy(f"ip daddr {host.address} tcp dport 1433 drop"):
        report = climb(target("mssql", host.hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "mssql.other-port", fix=f":{DYNAMIC}")


def test_a_port_that_the_browser_confirms_is_kept_from_us(lab: Lab, host: Host) -> None:
    with sql_server(host, 1433, Server(), {"MSSQLSERVER": 1433}):
        with lab.policy(f"ip daddr {host.address} tcp dport 1433 drop"):
            report = climb(target("mssql", host.hostname), lab.agent)
        expect(report, Verdict.BLOCKED, "connect.filtered", fix="tcp dport 1433 accept")
        assert "between agent and server" in check_of(report, Step.CONNECT).summary


def test_strict_on_1433(lab: Lab, host: Host) -> None:
    with sql_server(host, 1433, Server(strict=True)):
        report = climb(target("mssql", host.hostname, credential=ER), lab.agent)
    expect(report, Verdict.LIMITED, "mssql.strict-only")
    passed(report, Step.LOGIN, Step.ACCESS)


class TestJudges:
    """Clients that ask a Browser as we do."""

    def test_freetds(self, lab: Lab, host: Host, hr: Played) -> None:
        output = lab.agent.command(["tsql", "-LH", host.hostname]).stderr
        assert "InstanceName HR" in " ".join(output.split())
        assert f"tcp {DYNAMIC}" in " ".join(output.split())

    def test_pytds(self, lab: Lab, host: Host, hr: Played) -> None:
        browse = pytds.instance_browser_client
        assert lab.agent.run(lambda: browse.resolve_instance_port(host.hostname, None, "HR")) == DYNAMIC
