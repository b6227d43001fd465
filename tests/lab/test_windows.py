"""A Windows host without a login: Samba's real endpoint mappers, and an emulated Windows behind the real firewall."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from impacket.dcerpc.v5 import epm, transport

from fixtures.lab.lab import Lab
from fixtures.lab.misbehave import Misbehaving
from fixtures.lab.windows import Windows
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.net.dial import dial
from scanready.net.this_agent import this_agent
from scanready.targets.windows import endpoint_mapper
from tests.lab import cli
from tests.ladder import PLENTY, account, check_of, climb, expect, passed, pasted, story, target

AGENT = this_agent("proxy", "Windows")


def climbed(lab: Lab, host: str, credential: Credential | None = None) -> Report:
    """Climb as from a Windows agent at the lab agent's address."""
    where = target("windows", host, credential=credential)
    return climb(where, lab.agent, agent=AGENT)


def impackets_table(address: str) -> list[tuple[str, int | None]]:
    """The mapper's table as impacket reads it: interfaces, and their TCP ports where they have one."""
    talk = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{address}[135]").get_dce_rpc()
    talk.connect()
    talk.request = functools.partial(talk.request, checkError=False)  # "not registered" is how Samba ends a table
    found = []
    for entry in epm.hept_lookup(address, dce=talk):
        floors = entry["tower"]["Floors"]
        interface = uuid.UUID(str(floors[0]).split()[0])
        binding = epm.PrintStringBinding(floors)
        over_tcp = re.fullmatch(r"ncacn_ip_tcp:.*\[(\d+)\]", binding)
        found.append((str(interface), int(over_tcp[1]) if over_tcp else None))
    return found


def rules(lab: Lab, host: str, *ports: int | str) -> str:
    return "\n".join(f"ip saddr {lab.agent.address} ip daddr {host} tcp dport {port} accept" for port in ports)


class TestSamba:
    """An endpoint mapper is no Windows."""

    def test_beside_a_file_server(self, lab: Lab) -> None:
        server = lab.samba_rpc()
        before = server.log
        report = climbed(lab, server.address)
        expect(report, Verdict.BLOCKED, "windows.no-dcom", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        summary = check_of(report, Step.HANDSHAKE).summary
        assert summary == "endpoint mapper without DCOM: not WMI-scannable (Samba)", story(report)
        assert (report.facts["product"], report.facts["server_name"]) == ("Samba", server.netbios_name)
        assert "os" not in report.facts
        assert report.footprint.connections == 1
        assert server.log == before

    def test_of_a_domain_controller(self, lab: Lab) -> None:
        server = lab.samba_dc()
        before = server.log
        report = climbed(lab, server.address)
        expect(report, Verdict.BLOCKED, "windows.no-dcom", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        assert report.facts["domain"] == "lab.example"
        assert report.footprint.connections == 1
        assert server.log == before

    def test_that_has_no_ntlm(self, lab: Lab) -> None:
        expect(climbed(lab, lab.samba_dc("no-ntlm").address), Verdict.BLOCKED, "windows.no-dcom", step=Step.HANDSHAKE)

    def test_we_read_a_real_table_page_by_page(self, lab: Lab) -> None:
        async def read(address: str) -> endpoint_mapper.Listing:
            stream = await dial((socket.AF_INET, (address, 135)), asyncio.get_running_loop().time() + 5)
            try:
                talk = endpoint_mapper.Talk(stream)
                await talk.bind()
                return await endpoint_mapper.listing(talk, 135, address)
            finally:
                await stream.close()

        for server, least in ((lab.samba_rpc(), 38), (lab.samba_dc(), 53)):
            found = lab.agent.run(lambda where=server.address: asyncio.run(read(where)))
            assert sorted(found.ports) == [49152, 49153, 49154]
            assert found.entries >= least
            assert not found.refused
            theirs = lab.agent.run(impackets_table, server.address)
            assert found.entries == len(theirs)
            over_tcp = {(uuid, port) for uuid, port in theirs if port not in (None, 135)}
            assert {port for _, port in over_tcp} == set(found.ports)
            assert {(str(one.interface[0]), one.port) for one in found.services} <= over_tcp


class TestFirewall:
    """135 is open, and 49152 to 65535 are what the router makes of them."""

    def test_open(self, lab: Lab) -> None:
        host = lab.windows("healthy")
        report = expect(climbed(lab, host.hostname), Verdict.READY)
        assert report.facts["ports"][0] == report.facts["dynamic_port"] == 49664
        assert report.facts["inferred"] is True
        assert report.footprint.connections == 2, story(report)

    def test_dropped(self, lab: Lab) -> None:
        host = lab.windows("healthy")
        with lab.policy(f"ip daddr {host.address} tcp dport 49152-65535 drop"):
            report = climbed(lab, host.address)
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", step=Step.CONNECT, owner=Owner.NETWORK)
        assert report.finding is not None
        assert pasted(report.finding.fix) == rules(lab, host.address, 49664, 49665, "49152-65535")
        assert "49664: no answer" in report.finding.detail
        assert "Inferred: " in report.finding.detail
        assert report.seconds < PLENTY / 2
        passed(report, Step.HANDSHAKE, Step.AUTH)

    def test_dropped_by_the_command_line(self, lab: Lab) -> None:
        host = lab.windows("healthy")
        command = ["check", f"windows://{host.address}", "--json"]
        command += ["--timeout", str(PLENTY)]
        with lab.policy(f"ip daddr {host.address} tcp dport 49152-65535 drop"):
            done = cli.scanready(lab.agent, *command, "--assume-agent", "windows")
            assert done.returncode == 1, done.stderr
            (result,) = json.loads(done.stdout)["results"]
            assert result["seconds"] < PLENTY / 2
            assert (result["verdict"], result["cause"]["code"]) == ("blocked", "windows.dynamic-port-blocked")
            assert "tcp dport 49664 accept" in result["cause"]["fix"]
            assert "tcp dport 49152-65535 accept" in result["cause"]["fix"]
            done = cli.scanready(lab.agent, *command, "--assume-agent", "linux")
            (result,) = json.loads(done.stdout)["results"]
            assert (result["verdict"], result["cause"]["code"]) == ("blocked", "windows.dynamic-port-blocked")
            assert [cause["code"] for cause in result["besides"]] == ["agent.platform-mismatch"]
            climbed_to = {check["step"]: check["outcome"] for check in result["checks"]}
            assert (climbed_to["auth"], climbed_to["connect"]) == ("passed", "failed")

    @pytest.mark.parametrize("word", ["admin-prohibited", "host-unreachable", "port-unreachable"])
    def test_rejected(self, lab: Lab, word: str) -> None:
        host = lab.windows("healthy")
        with lab.policy(f"ip daddr {host.address} tcp dport 49152-65535 reject with icmp type {word}"):
            report = climbed(lab, host.address)
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", step=Step.CONNECT, owner=Owner.NETWORK)
        assert "from 10.77.0.1" in check_of(report, Step.CONNECT).summary, story(report)
        assert report.seconds < PLENTY / 2

    def test_reset(self, lab: Lab) -> None:
        """Two ports that the host itself names do not both belong to services that have just ended."""
        host = lab.windows("healthy")
        with lab.policy(f"ip daddr {host.address} tcp dport 49152-65535 reject with tcp reset"):
            report = climbed(lab, host.address)
        fix = rules(lab, host.address, 49664, 49665, "49152-65535")
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", owner=Owner.NETWORK, fix=fix)

    def test_one_of_two_dropped(self, lab: Lab) -> None:
        host = lab.windows("healthy")
        with lab.policy(f"ip daddr {host.address} tcp dport 49664 drop"):
            report = climbed(lab, host.address)
        expect(report, Verdict.UNDECIDED, "windows.dynamic-range-unknown", step=Step.CONNECT)
        assert "one of two listed ports is open" in check_of(report, Step.CONNECT).summary

    def test_a_fixed_port_is_the_only_one_that_counts(self, lab: Lab) -> None:
        host = lab.windows("healthy")
        fixed = target("windows", host.address, wmi_port=host.wmi_port)
        with lab.policy(f"ip daddr {host.address} tcp dport != {{ 135, {host.wmi_port} }} drop"):
            report = expect(climb(fixed, lab.agent, agent=AGENT), Verdict.READY)
        assert report.facts["dynamic_port"] == host.wmi_port
        with lab.policy(f"ip daddr {host.address} tcp dport {host.wmi_port} drop"):
            report = climb(fixed, lab.agent, agent=AGENT)
        fix = rules(lab, host.address, host.wmi_port)
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", step=Step.CONNECT, owner=Owner.NETWORK, fix=fix)
        assert f"WMI's fixed port {host.wmi_port}: " in str(report.finding)

    def test_the_port_of_wmi_alone_is_open(self, lab: Lab) -> None:
        """Windows's own firewall does that, with its predefined rules: with a credential nothing is inferred."""
        host = lab.windows("healthy")
        closed = f"ip daddr {host.address} tcp dport != {{ 135, {host.wmi_port} }} drop"
        with lab.policy(closed):
            report = climbed(lab, host.address, account(host.user))
        expect(report, Verdict.SCANNABLE)
        assert report.facts["dynamic_port"] == host.wmi_port
        assert "inferred" not in report.facts
        with lab.policy(f"ip daddr {host.address} tcp dport {host.wmi_port} drop"):
            report = climbed(lab, host.address, account(host.user))
        fix = rules(lab, host.address, host.wmi_port)
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", step=Step.ACCESS, owner=Owner.NETWORK, fix=fix)


@contextmanager
def listens(host: Windows, port: int) -> Iterator[None]:
    """Let somebody accept connections on a further port of the host, and listen."""
    peer = Misbehaving(host.host, host.directory / f"port-{port}", "half-open", port).start()
    try:
        yield
    finally:
        peer.stop()


class TestServer2003:
    def test_needs_139_or_445_besides(self, lab: Lab) -> None:
        host = lab.windows("windows-2003")
        report = climbed(lab, host.address)
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
        assert report.facts["os"] == "Windows Server 2003 (5.2.3790)"
        with listens(host, 445):
            report = expect(climbed(lab, host.address), Verdict.READY)
        assert [check.outcome for check in report.checks if check.endpoint.endswith((":139", ":445"))] == [
            *(Outcome.SKIPPED, Outcome.PASSED)
        ]
        assert report.facts["dynamic_port"] == 1026  # 1025 is also Teradata's

    def test_139_dropped(self, lab: Lab) -> None:
        host = lab.windows("windows-2003")
        with listens(host, 445), lab.policy(f"ip daddr {host.address} tcp dport 139 drop"):
            report = climbed(lab, host.address)
        fix = rules(lab, host.address, 139)
        expect(report, Verdict.LIMITED, "connect.filtered", step=Step.CONNECT, owner=Owner.NETWORK, fix=fix)

    def test_dynamic_ports_dropped(self, lab: Lab) -> None:
        host = lab.windows("windows-2003")
        with listens(host, 445), lab.policy(f"ip daddr {host.address} tcp dport 1024-65535 drop"):
            report = climbed(lab, host.address)
        fix = rules(lab, host.address, 1026, 1027, "1024-65535")
        expect(report, Verdict.BLOCKED, "windows.dynamic-port-blocked", owner=Owner.NETWORK, fix=fix)


def test_the_mapper_itself_is_filtered(lab: Lab) -> None:
    host = lab.windows("healthy")
    with lab.policy(f"ip daddr {host.address} tcp dport 135 drop"):
        report = climbed(lab, host.address)
    expect(report, Verdict.BLOCKED, "connect.filtered", step=Step.CONNECT, fix=rules(lab, host.address, 135))


@pytest.mark.parametrize(("mode", "code"), [("close", "handshake.hung-up"), ("answer", "handshake.other-protocol")])
def test_somebody_else_on_135(lab: Lab, mode: str, code: str) -> None:
    peer = lab.misbehaving(mode, 135)
    expect(climbed(lab, peer.address), Verdict.BLOCKED, code, step=Step.HANDSHAKE)
