"""The scanner's own servers in the lab: fake Masters of every kind, nginx as the console and as the update server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fixtures.lab.certificates import Authority
from fixtures.lab.lab import Lab
from fixtures.lab.net import Host
from fixtures.lab.web import Website
from scanready.model import Owner, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import CANARY_PORT, Settings
from tests.ladder import check_of, climb, expect, passed, story, target

# --- master ------------------------------------------------------------------------------------------------------


def asked(lab: Lab, mode: str, banner: str = "ssh", **settings: Any) -> Report:
    fake = lab.misbehaving(mode, 11117, banner)
    return climb(target("master", fake.hostname), lab.agent, **settings)


@pytest.mark.parametrize("mode", ["silent", "half-open"])
def test_a_connection_that_stands_where_no_other_port_takes_one(lab: Lab, mode: str) -> None:
    report = expect(asked(lab, mode), Verdict.READY)
    passed(report, Step.AGENT, Step.RESOLVE, Step.CONNECT, Step.HANDSHAKE)
    first, neighbour = (check for check in report.checks if check.step is Step.HANDSHAKE)
    assert "connection-level proof" in first.summary
    assert neighbour.endpoint.endswith(f":{CANARY_PORT}")
    assert report.footprint.connections == 1


def test_a_neighbour_that_is_dropped_does_not_take_a_connection_either(lab: Lab) -> None:
    fake = lab.misbehaving("half-open", 11117)
    with lab.policy(f"ip daddr {fake.address} tcp dport != 11117 drop"):
        expect(climb(target("master", fake.hostname), lab.agent), Verdict.READY)


@pytest.mark.parametrize("mode", ["close", "reset", "late-close", "late-reset"])
def test_a_connection_that_does_not_stand(lab: Lab, mode: str) -> None:
    report = asked(lab, mode)
    expect(report, Verdict.BLOCKED, "handshake.hung-up", step=Step.HANDSHAKE, owner=Owner.SERVER)


@pytest.mark.parametrize("banner", ["http", "ssh", "smtp", "tls-alert"])
def test_another_protocol_on_its_port(lab: Lab, banner: str) -> None:
    report = asked(lab, "banner", banner)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_bytes_that_nobody_knows(lab: Lab) -> None:
    report = asked(lab, "banner", "0a0b0c0d")
    expect(report, Verdict.UNDECIDED, "master.unknown-greeting", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_a_device_that_takes_connections_on_every_port(lab: Lab) -> None:
    fake = lab.misbehaving("half-open", 11117)
    with fake.host.every_port_leads_to(11117):
        report = climb(target("master", fake.hostname), lab.agent)
        expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE, owner=Owner.NETWORK)
        report = climb(target("master", fake.hostname), lab.agent, canary=False)
    expect(report, Verdict.UNDECIDED, "master.neighbour-unknown", step=Step.HANDSHAKE, owner=Owner.OPERATOR)


def test_a_master_behind_a_firewall_names_the_rule(lab: Lab) -> None:
    fake = lab.misbehaving("half-open", 11117)
    rule = f"ip saddr {lab.agent.address} ip daddr {fake.address} tcp dport 11117 accept"
    with lab.policy(f"ip daddr {fake.address} tcp dport 11117 drop"):
        report = climb(target("master", fake.hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)


def test_a_machine_where_no_master_runs(lab: Lab) -> None:
    report = climb(target("master", lab.host("no-master").hostname), lab.agent)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


# --- console and update ------------------------------------------------------------------------------------------


class Appliance(Website):
    """nginx in the Master's place: the console on 80 and 443, and TLS on 8843 as the update server."""

    ports = (80, 443, 8843)

    def prepare(self) -> None:
        super().prepare()
        config = self.directory / "nginx.conf"
        config.write_text(config.read_text().replace("listen *:443 ssl;", "listen *:443 ssl; listen *:8843 ssl;"))


def appliance(lab: Lab, kind: str = "good") -> Appliance:
    host = lab.host(f"appliance-{kind}")
    names = [host.hostname]

    def make(host: Host, own: Path) -> Appliance:
        authority = Authority(lab.directory / "appliance-authority") if kind == "private" else lab.authority
        start, end = (-90, -30) if kind == "expired" else (-30, 365)
        return Appliance(host, own, authority.issue(f"appliance-{kind}", names, start=start, end=end))

    return lab._one(f"appliance-{kind}", "", make)


def test_a_console_that_answers_is_ready_and_port_80_is_a_fact(lab: Lab) -> None:
    server = appliance(lab)
    report = expect(climb(target("console", server.hostname), lab.agent), Verdict.READY)
    plain = check_of(report, Step.HANDSHAKE)
    assert (plain.endpoint, plain.summary) == (f"{server.hostname}:80", "answers 200 OK (nginx/1.22.1)")
    with lab.policy(f"ip daddr {server.address} tcp dport 80 reject with tcp reset"):
        report = expect(climb(target("console", server.hostname), lab.agent), Verdict.READY)
    assert "no page over plain HTTP" in check_of(report, Step.HANDSHAKE).summary
    expect(climb(target("console", server.hostname, 80), lab.agent), Verdict.READY)


@pytest.mark.parametrize(("kind", "code"), [("expired", "tls.expired"), ("private", "tls.untrusted")])
def test_the_certificates_of_both_are_judged(lab: Lab, kind: str, code: str) -> None:
    host = appliance(lab, kind).hostname
    report = climb(target("console", host), lab.agent)
    expect(report, Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)
    report = climb(target("update", host, on_master=True), lab.agent)
    expect(report, Verdict.LIMITED, code, step=Step.TLS, owner=Owner.SERVER)


def test_a_console_without_a_page(lab: Lab) -> None:
    apache = lab.apache()
    report = climb(target("console", apache.site("ntlm").hostname), lab.agent)
    assert report.verdict is Verdict.READY, story(report)
    report = climb(target("console", lab.nginx().site("not-found").hostname, 80), lab.agent)
    expect(report, Verdict.UNDECIDED, "console.no-page", step=Step.HANDSHAKE, owner=Owner.SERVER)


def test_the_update_server_seen_from_the_master_and_from_an_agent(lab: Lab) -> None:
    server = appliance(lab)
    mark = len((server.directory / "access.log").read_text())
    report = expect(climb(target("update", server.hostname, on_master=True), lab.agent), Verdict.READY)
    passed(report, Step.TLS)
    assert (server.directory / "access.log").read_text()[mark:] == "", "nothing is asked inside"
    report = climb(target("update", server.hostname), lab.agent)
    expect(report, Verdict.UNDECIDED, "update.not-the-master", step=Step.AGENT, owner=Owner.OPERATOR)
    passed(report, Step.TLS)


def test_a_closed_way_to_the_update_server_blocks_the_master_alone(lab: Lab) -> None:
    server = appliance(lab)
    rule = f"ip saddr {lab.agent.address} ip daddr {server.address} tcp dport 8843 accept"
    with lab.policy(f"ip daddr {server.address} tcp dport 8843 drop"):
        report = climb(target("update", server.hostname, on_master=True), lab.agent)
        expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule)
        report = climb(target("update", server.hostname), lab.agent)
        expect(report, Verdict.UNDECIDED, "update.not-the-master", step=Step.AGENT)


def test_all_three_of_one_machine(lab: Lab) -> None:
    """Each port has a connection of its own, and what one says is not held against another."""
    host = appliance(lab).hostname
    targets = [target(type_, host) for type_ in ("console", "update", "https", "http")]

    async def run() -> dict[str, Report]:
        return {report.target.type: report async for report in verify_all(targets, Settings())}

    found = lab.agent.run(lambda: asyncio.run(run()))
    assert {name: str(report.verdict) for name, report in found.items()} == {
        "console": "ready",
        "update": "undecided",
        "https": "scannable",
        "http": "scannable",
    }
