"""A Windows host without a login: from the endpoint mapper to a dynamic port, and every way in which that goes wrong.

The emulated Windows is synthesised from the specifications (no Windows took part); Samba's answers are captured.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.emulators import Behaviour, dcom, in_background, misbehave
from fixtures.transcripts import load
from scanready.causes import common
from scanready.climb.explain import Failure
from scanready.climb.other_services import SERVICES
from scanready.model import Credential, Outcome, Owner, Report, Step, Verdict
from scanready.run.registry import catalogue
from scanready.targets.windows import login as wmi
from scanready.targets.windows.dynamic_ports import candidates
from scanready.wire.epm import INTERFACE, Tower
from tests.ladder import account, check_of, climb, expect, finding_of, passed, pasted, story, target
from tests.targets.windows.windows_peers import (
    ABSENT,
    ACCEPTED,
    AGENT,
    FAULT_5,
    FEATURES,
    HANGS_UP,
    NO_FEATURES,
    NOT_NOW,
    ack,
    alive,
    asked,
    climbed,
    closed_ports,
    fault,
    mapper,
    nak,
    response,
    rpc_service,
    table,
)


def inferred(report: Report) -> bool:
    return report.facts.get("inferred") is True


class TestReady:
    def test_a_windows(self) -> None:
        with dcom.in_background("healthy") as host:
            report = expect(climbed(host.mapper.port), Verdict.READY)
            for server in host.servers:
                server.wait()
            assert {record.ended for server in host.servers for record in server.connections} == {"fin"}
        passed(report, Step.CONNECT, Step.HANDSHAKE, Step.AUTH)
        told = {
            name: report.facts[name] for name in ("product", "version", "server_name", "domain", "clock_skew_seconds")
        }
        assert told == {
            "product": "Windows",
            "version": "10.0.17763",
            "server_name": "win-srv19.corp.example",
            "domain": "corp.example",
            "clock_skew_seconds": 0,
        }
        assert report.facts["os"].startswith("Windows Server 2019")
        assert report.facts["bindings"] == ["WIN-SRV19", "127.0.0.1"]
        assert "ntlm" in report.facts["auth_methods"]
        assert report.facts["ports"] == [host.wmi_port]
        assert (report.footprint.connections, report.footprint.login_attempts) == (2, 0), story(report)
        assert (host.counts["logons"], host.offences) == (0, {})

    def test_the_range_is_inferred_and_says_so(self) -> None:
        with dcom.in_background("healthy") as host:
            report = climbed(host.mapper.port)
        check = check_of(report, Step.CONNECT)
        assert check.endpoint == f"127.0.0.1:{host.wmi_port}"
        assert "Inferred: " in check.summary
        assert (check.facts["inferred"], check.facts["dynamic_port"]) == (True, host.wmi_port)

    @pytest.mark.parametrize("variant", ["paged-lookup", "empty-lookup", "lookup-refused", "anonymous-refused"])
    def test_whatever_it_keeps_to_itself_of_the_table(self, variant: str) -> None:
        with dcom.in_background(variant) as host:
            expect(climbed(host.mapper.port), Verdict.READY)
        assert host.offences == {}

    def test_a_server_that_takes_up_one_interface_a_time(self) -> None:
        """As Samba's own tests say that Windows does."""
        expect(asked(bind=ack(ACCEPTED, NOT_NOW, NOT_NOW, NO_FEATURES)), Verdict.READY)

    def test_windows_2000_has_no_remote_scm_activator(self) -> None:
        expect(asked(bind=ack(ACCEPTED, NOT_NOW, ABSENT, NO_FEATURES)), Verdict.READY)

    def test_pages_are_read_to_the_fitting_end_and_the_handle_is_given_back(self) -> None:
        handle = b"a handle of 20 bytes"
        with in_background(rpc_service) as service:
            pages = [table(service.port, handle=handle)]
            with in_background(mapper(lookup=pages)) as host:
                expect(climbed(host.port), Verdict.READY)
        assert (host.counts["lookup"], host.counts["free"]) == (8, 1)

    @pytest.mark.parametrize("then", [FAULT_5, HANGS_UP, table(status=5)])
    def test_what_there_is_of_a_table_counts(self, then: bytes) -> None:
        with in_background(rpc_service) as service:
            first = table(service.port, handle=b"a handle of 20 bytes")
            with in_background(mapper(lookup=[first, then])) as host:
                expect(climbed(host.port), Verdict.READY)

    def test_a_login_that_begins_only_in_a_bind(self) -> None:
        for refusal in (FAULT_5, HANGS_UP, nak(0)):
            report = asked(login=refusal)
            expect(report, Verdict.READY)
            assert report.footprint.connections == 3, story(report)
            assert report.facts["server_name"] == "win-srv19.corp.example"

    def test_a_login_that_nobody_answers_is_told_by_the_bindings(self) -> None:
        report = asked(login=FAULT_5, login_bind=HANGS_UP)
        expect(report, Verdict.READY)
        assert report.facts["auth_methods"][:3] == ["negotiate", "kerberos", "ntlm"]
        assert "its security bindings list" in check_of(report, Step.AUTH).summary


class TestAgent:
    def test_the_document_demands_a_windows_agent(self) -> None:
        with dcom.in_background("healthy") as host:
            report = climb(target("windows", "127.0.0.1", host.mapper.port))
            expect(report, Verdict.BLOCKED, "agent.platform-mismatch", step=Step.AGENT, owner=Owner.AGENT)
            passed(report, Step.HANDSHAKE, Step.AUTH, Step.CONNECT)
            expect(climbed(host.mapper.port), Verdict.READY)


class TestNoWindows:
    SAMBA = load("dcerpc/samba4.17-bind-ack-features.s2c.hex")

    def test_samba(self) -> None:
        report = asked(bind=self.SAMBA, login=load("dcerpc/samba4.17-alter-ack-ntlm2.s2c.hex"))
        expect(report, Verdict.BLOCKED, "windows.no-dcom", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        check = check_of(report, Step.HANDSHAKE)
        assert check.summary == "endpoint mapper without DCOM: not WMI-scannable (Samba)"
        assert report.facts["product"] == "Samba"
        assert report.facts["server_name"] == "labdc.lab.example"
        assert "os" not in report.facts
        assert report.footprint.connections == 1

    @pytest.mark.parametrize("login", [HANGS_UP, FAULT_5, ack(ACCEPTED, kind=15), response(b"")])
    def test_a_mapper_that_does_not_say_whose_it_is(self, login: bytes) -> None:
        report = asked(bind=self.SAMBA, login=login, login_bind=HANGS_UP)
        expect(report, Verdict.BLOCKED, "windows.no-dcom", step=Step.HANDSHAKE)
        assert "product" not in report.facts

    def test_an_rpc_service_that_is_no_mapper(self) -> None:
        report = asked(bind=ack(ABSENT, ABSENT, ABSENT, FEATURES))
        expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
        assert "neither an endpoint mapper nor DCOM" in check_of(report, Step.HANDSHAKE).summary


class TestRefusedToStrangers:
    @pytest.mark.parametrize("refusal", [nak(0), nak(4), FAULT_5])
    def test_the_bind(self, refusal: bytes) -> None:
        report = asked(bind=refusal)
        expect(report, Verdict.UNDECIDED, "windows.rpc-refused", step=Step.HANDSHAKE, owner=Owner.SERVER)
        assert report.footprint.connections == 1

    @pytest.mark.parametrize("refusal", [nak(1), nak(2), fault(0x1C010014)])
    def test_too_busy(self, refusal: bytes) -> None:
        expect(asked(bind=refusal), Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)

    def test_too_busy_for_a_login(self) -> None:
        expect(asked(login=FAULT_5, login_bind=nak(1)), Verdict.UNDECIDED, "handshake.throttled", step=Step.HANDSHAKE)

    @pytest.mark.parametrize("refusal", [nak(8), FAULT_5])
    def test_ntlm(self, refusal: bytes) -> None:
        report = asked(login=FAULT_5, login_bind=refusal)
        expect(report, Verdict.LIMITED, "windows.ntlm-refused", step=Step.AUTH, owner=Owner.SERVER)
        assert "ntlm" not in report.facts["auth_methods"]
        assert "kerberos" in report.facts["auth_methods"]

    def test_every_word_of_a_login(self) -> None:
        report = asked(login=FAULT_5, login_bind=HANGS_UP, alive=FAULT_5)
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.AUTH)


class TestBindings:
    def test_none_of_them_leads_to_the_address_that_was_reached(self) -> None:
        report = asked(alive=alive("WIN-SRV19"))
        expect(report, Verdict.LIMITED, "windows.nat-or-multihomed", step=Step.HANDSHAKE, owner=Owner.NETWORK)
        assert report.finding is not None
        assert report.finding.fix is None
        ((owner, fix),) = report.finding.also
        assert (owner, pasted(fix)) == (Owner.AGENT, "127.0.0.1 WIN-SRV19")
        assert fix.startswith("# On the agent ")
        assert "in the hosts file" in fix.splitlines()[0]
        assert "10.0.19.63" in report.finding.detail

    def test_a_name_that_resolves_to_it_is_as_good(self) -> None:
        report = asked(alive=alive("localhost"))
        expect(report, Verdict.READY)
        assert report.facts["bindings"] == ["localhost", "10.0.19.63", "192.168.56.1"]

    def test_addresses_alone_have_no_line_for_the_hosts_file(self) -> None:
        report = asked(alive=alive("10.1.2.34"))
        expect(report, Verdict.LIMITED, "windows.nat-or-multihomed")
        assert report.finding is not None
        assert (report.finding.fix, report.finding.also) == (None, ())

    def test_the_emulated_windows(self) -> None:
        with dcom.in_background("foreign-bindings") as host:
            expect(climbed(host.mapper.port), Verdict.LIMITED, "windows.nat-or-multihomed")


@pytest.mark.parametrize(("variant", "sign", "words"), [("clock-ahead", 1, "ahead of"), ("clock-behind", -1, "behind")])
def test_clocks_that_differ(variant: str, sign: int, words: str) -> None:
    with dcom.in_background(variant) as host:
        report = climbed(host.mapper.port)
    expect(report, Verdict.LIMITED, "windows.clock-skew", step=Step.AUTH, owner=Owner.SERVER)
    assert report.facts["clock_skew_seconds"] == pytest.approx(sign * 900, abs=2)
    assert words in check_of(report, Step.AUTH).summary


def test_four_minutes_are_no_matter() -> None:
    with dcom.in_background(replace(dcom.HEALTHY, skew=240.0)) as host:
        expect(climbed(host.mapper.port), Verdict.READY)


class TestDynamicPorts:
    @pytest.mark.parametrize(
        "answers",
        [
            {"lookup": FAULT_5, "map": FAULT_5},
            {"lookup": HANGS_UP},
            {"lookup": table()},
            {"lookup": table(status=0x16C9A0CD)},
            {"lookup": table(135), "map": FAULT_5},
            {"lookup": table(22, 80, 3389, 1433)},  # of other services: never dialled
        ],
    )
    def test_unknown_without_a_listed_one(self, answers: dict[str, bytes]) -> None:
        report = asked(**answers)
        expect(report, Verdict.UNDECIDED, "windows.dynamic-range-unknown", step=Step.CONNECT, owner=Owner.OPERATOR)
        assert not inferred(report)
        assert check_of(report, Step.AUTH).outcome is Outcome.PASSED, story(report)

    def test_ports_of_other_services_get_no_byte(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(rpc_service) as thief, in_background(mapper(lookup=table(thief.port))) as host:
            monkeypatch.setitem(SERVICES, thief.port, "a printer")
            report = climbed(host.port)
        expect(report, Verdict.UNDECIDED, "windows.dynamic-range-unknown", step=Step.CONNECT)
        assert f"{thief.port} (a printer)" in finding_of(report).detail
        assert thief.connections == []

    def test_two_that_reset_are_a_firewall(self) -> None:
        """The same rule as for silence, and as with a login: the host has just named both as its services'."""
        with closed_ports(2) as ports, in_background(mapper(lookup=table(*ports))) as host:
            report = climbed(host.port)
        rule = f"ip saddr 127.0.0.1 ip daddr 127.0.0.1 tcp dport {ports[0]} accept"
        expect(
            report, Verdict.BLOCKED, "windows.dynamic-port-blocked", step=Step.CONNECT, owner=Owner.NETWORK, fix=rule
        )
        assert all(str(port) in check_of(report, Step.CONNECT).summary for port in ports)
        assert "Inferred: " in finding_of(report).detail
        ((owner, fix),) = finding_of(report).also
        assert (owner, "netsh advfirewall" in fix) == (Owner.SERVER, True)

    def test_one_alone_that_resets_is_a_firewall_or_a_service_that_ended(self) -> None:
        with closed_ports(1) as ports, in_background(mapper(lookup=table(*ports))) as host:
            report = climbed(host.port)
        rule = f"ip saddr 127.0.0.1 ip daddr 127.0.0.1 tcp dport {ports[0]} accept"
        expect(report, Verdict.UNDECIDED, "windows.dynamic-port-refused", owner=Owner.NETWORK, fix=rule)

    def test_one_that_ended_beside_one_that_answers(self) -> None:
        with in_background(rpc_service) as service, closed_ports(1, beside=service.port) as ports:
            lists = mapper(lookup=table(*ports, service.port))
            with in_background(lists) as host:
                report = climbed(host.port)
        assert expect(report, Verdict.READY).facts["dynamic_port"] == service.port
        assert "reset" in check_of(report, Step.CONNECT).summary

    @pytest.mark.parametrize(
        "peer",
        [misbehave.closes_at_once, misbehave.resets, misbehave.silent, misbehave.says(b"HTTP/1.1 400 Bad\r\n\r\n")],
    )
    def test_one_that_is_open_and_no_rpc_proves_nothing(self, peer: Behaviour) -> None:
        with in_background(peer) as service, in_background(mapper(lookup=table(service.port))) as host:
            report = climbed(host.port)
        expect(report, Verdict.UNDECIDED, "windows.dynamic-range-unknown", step=Step.CONNECT)
        assert not inferred(report)

    def test_a_service_that_refuses_the_bind_is_rpc_all_the_same(self) -> None:
        with in_background(mapper(bind=nak(4))) as service, in_background(mapper(lookup=table(service.port))) as host:
            expect(climbed(host.port), Verdict.READY)

    def test_what_listens_on_another_network_of_the_host_is_asked_last(self) -> None:
        """Closed here, it would be dropped by a Windows whose firewall hides closed ports, and tell nothing."""
        with in_background(rpc_service) as service, closed_ports(4, beside=service.port) as ports:
            first, second, third, fourth = ports
            others = [("10.9.9.9", first), ("10.9.9.9", second), ("127.0.0.2", third), ("10.9.9.9", fourth)]
            with in_background(mapper(lookup=table(*others, ("127.0.0.1", service.port)))) as host:
                report = expect(climbed(host.port), Verdict.READY)
        assert report.facts["ports"] == [service.port, first, second, fourth]
        assert report.footprint.connections == 2, story(report)

    def test_two_at_the_most_and_those_of_the_version(self) -> None:
        foreign = catalogue().foreign_ports()
        services = [Tower(INTERFACE, port) for port in (1026, 1433, 5001, 49664, 3306, 49665, 49666, None)]
        assert [one.port for one in candidates(services, old=False, foreign=foreign)] == [49664, 49665]
        assert [one.port for one in candidates(services, old=True, foreign=foreign)] == [1026]
        configured = [Tower(INTERFACE, port) for port in (22, 5001, 5002, 5003)]
        assert [one.port for one in candidates(configured, old=False, foreign=foreign)] == [5001, 5002]
        assert candidates([Tower(INTERFACE, None)], old=False, foreign=foreign) == []


class TestFixedPort:
    """The port that the inventory states for WMI: it is tested itself, and nothing is inferred."""

    def climbed(self, port: int, fixed: int, credential: Credential | None = None) -> Report:
        return climb(target("windows", "127.0.0.1", port, credential, wmi_port=fixed), agent=AGENT)

    def test_it_is_dialled_and_no_listed_port_is(self) -> None:
        with in_background(rpc_service) as fixed, in_background(rpc_service) as listed:
            with in_background(mapper(lookup=table(listed.port))) as host:
                report = expect(self.climbed(host.port, fixed.port), Verdict.READY)
            assert listed.connections == []
        assert report.facts["dynamic_port"] == fixed.port
        assert not inferred(report)
        assert "WMI's fixed port" in check_of(report, Step.CONNECT).summary
        assert report.footprint.connections == 2, story(report)

    def test_one_that_refuses_may_have_a_wmi_that_does_not_run(self) -> None:
        with closed_ports(1) as ports, in_background(mapper()) as host:
            report = self.climbed(host.port, ports[0])
        rule = f"ip saddr 127.0.0.1 ip daddr 127.0.0.1 tcp dport {ports[0]} accept"
        expect(report, Verdict.UNDECIDED, "windows.fixed-port-refused", owner=Owner.SERVER, fix=rule)

    @pytest.mark.parametrize("peer", [misbehave.silent, misbehave.closes_at_once, misbehave.says(b"220 ftp\r\n")])
    def test_one_without_rpc_proves_nothing(self, peer: Behaviour) -> None:
        with in_background(peer) as fixed, in_background(mapper()) as host:
            report = self.climbed(host.port, fixed.port)
        expect(report, Verdict.UNDECIDED, "windows.fixed-port-refused", step=Step.CONNECT)

    def test_that_of_another_service_gets_no_byte(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(rpc_service) as printer, in_background(mapper()) as host:
            monkeypatch.setitem(SERVICES, printer.port, "a printer")
            report = self.climbed(host.port, printer.port)
            assert printer.connections == []
        expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.CONNECT)

    def test_a_login_compares_it_with_wmi_s_own(self) -> None:
        scanner = account(r"CORP\svc-scan")
        with dcom.in_background("healthy") as host:
            expect(self.climbed(host.mapper.port, host.wmi_port, scanner), Verdict.SCANNABLE)
        with dcom.in_background("healthy") as host:
            report = self.climbed(host.mapper.port, 24158, scanner)
        expect(report, Verdict.LIMITED, "windows.wmi-port-differs", step=Step.ACCESS, owner=Owner.SERVER)
        assert f"WMI is on port {host.wmi_port}, and the inventory says 24158" in finding_of(report).detail


class TestDepth:
    @pytest.mark.parametrize(("depth", "connections"), [(Step.CONNECT, 1), (Step.HANDSHAKE, 1), (Step.AUTH, 2)])
    def test_ends_politely_wherever(self, depth: Step, connections: int) -> None:
        with dcom.in_background("healthy") as host:
            report = climbed(host.mapper.port, depth=depth)
            host.mapper.wait()
            assert {record.ended for record in host.mapper.connections} == {"fin"}
        assert report.verdict is (Verdict.READY if depth is Step.AUTH else Verdict.UNDECIDED)
        assert report.footprint.connections == connections
        assert host.offences == {}


def test_the_agent_of_these_tests_is_a_windows() -> None:
    assert (AGENT.platform, AGENT.assumed) == ("Windows", True)


class TestWithACredential:
    """A climb with a credential. The verdicts of the login itself are in test_wmi_verdicts.py."""

    SCANNER = account(r"CORP\svc-scan")

    def test_nothing_is_inferred(self) -> None:
        with dcom.in_background("healthy") as host:
            report = expect(climbed(host.mapper.port, self.SCANNER), Verdict.SCANNABLE)
        assert not inferred(report)
        assert report.facts["dynamic_port"] == host.wmi_port
        assert check_of(report, Step.ACCESS).outcome is Outcome.SKIPPED  # ADMIN$ is advice, whatever it says
        assert "advice: " in check_of(report, Step.ACCESS).summary

    def test_a_login_that_was_not_tried_leaves_it_to_inference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def no_driver(*_: object) -> None:
            raise Failure(common.DRIVER_MISSING, "impacket is not installed")

        monkeypatch.setattr(wmi, "visit", no_driver)
        with dcom.in_background("healthy") as host:
            report = climbed(host.mapper.port, self.SCANNER)
        expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
        assert inferred(report)
        with closed_ports(1) as ports, in_background(mapper(lookup=table(*ports))) as peer:
            report = climbed(peer.port, self.SCANNER)
        assert report.verdict is Verdict.UNDECIDED
        assert "windows.dynamic-port-refused" in str(report.checks)

    def test_who_does_not_talk_with_strangers_is_logged_in_to_all_the_same(self) -> None:
        refuses_once = mapper(bind=nak(4))
        with in_background(refuses_once) as host:
            report = climbed(host.port, self.SCANNER)
        first, login = check_of(report, Step.HANDSHAKE), check_of(report, Step.LOGIN)
        assert (first.outcome, login.outcome) == (Outcome.PASSED, Outcome.FAILED), story(report)
        assert "rejects anonymous calls" in first.summary

    def test_at_depth_auth_nobody_logs_in(self) -> None:
        with dcom.in_background("healthy") as host:
            report = climbed(host.mapper.port, self.SCANNER, depth=Step.AUTH)
            expect(report, Verdict.READY)
            assert (report.footprint.login_attempts, inferred(report)) == (0, True)
