"""The SQL Server Browser: instances by name, and "right protocol, wrong port". Here it listens on any free UDP port."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave, mssql, mssql_browser
from fixtures.emulators.mssql import Server
from scanready.climb.other_services import SERVICES
from scanready.model import Credential, Outcome, Owner, Report, Step, Target, Verdict
from scanready.targets.mssql import browser as sql_browser
from tests.ladder import PLENTY, check_of, climb, expect, finding_of, passed, pasted, story
from tests.targets.mssql.mssql_peers import ER


@contextlib.contextmanager
def browser(monkeypatch: pytest.MonkeyPatch, instances: dict[str, int | None], **options: Any) -> Iterator[Any]:
    with mssql_browser.in_background(instances, **options) as there:
        monkeypatch.setattr(sql_browser, "PORT", there.port)
        yield there


def closed_port(kind: int = socket.SOCK_STREAM) -> socket.socket:
    """Reserve a closed port: the test binds it, so that no other process listens there."""
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    return sock


def by_name(instance: str, credential: Credential | None = None, **settings: Any) -> Report:
    """Climb for an instance that is named without a port."""
    return climb(Target("127.0.0.1", "mssql", 1433, {"instance": instance}, credential), canary=False, **settings)


def by_port(port: int, **options: Any) -> Report:
    return climb(Target("127.0.0.1", "mssql", port, options, explicit_port=True), canary=False)


class TestByName:
    @pytest.mark.parametrize("name", ["HR", "hr"])
    def test_the_port_is_found_and_probed(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        with in_background(Server(instance="HR")) as server:
            with browser(monkeypatch, {"MSSQLSERVER": 1433, "HR": server.port}) as there:
                report = by_name(name)
            server.wait()
        expect(report, Verdict.READY)
        assert there.heard == [b"\x04" + name.encode() + b"\0"]
        assert (report.facts["ports"], report.facts["instance"]) == ([server.port], "HR")
        assert report.facts["server_name"] == "SQL1"
        assert [check.endpoint for check in report.checks if check.step is Step.CONNECT] == [
            f"127.0.0.1:{there.port}/udp",
            f"127.0.0.1:{server.port}",
        ]
        assert ", instance " in check_of(report, Step.HANDSHAKE).summary
        assert report.footprint.connections == 2, "one question, one connection"

    def test_and_logged_in_to(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(Server(instance="HR")) as server, browser(monkeypatch, {"HR": server.port}):
            report = by_name("HR", ER)
            server.wait()
        expect(report, Verdict.SCANNABLE)
        assert (report.footprint.connections, report.footprint.login_attempts) == (2, 1)
        assert server.offences == {}

    def test_a_strict_instance_is_asked_on_its_own_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(Server(instance="HR", strict=True)) as server, browser(monkeypatch, {"HR": server.port}):
            expect(by_name("HR", ER), Verdict.LIMITED, "mssql.strict-only")

    def test_a_lost_question_is_asked_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            in_background(Server(instance="HR")) as server,
            browser(monkeypatch, {"HR": server.port}, deaf=1) as there,
        ):
            expect(by_name("HR"), Verdict.READY)
        assert there.heard == [b"\x04HR\0"] * 2

    def test_the_default_instance_needs_no_browser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sql_browser, "find", None)
        with closed_port() as free:
            port = free.getsockname()[1]
        monkeypatch.setattr("scanready.targets.mssql.browser.suggest", _nothing)
        report = climb(Target("127.0.0.1", "mssql", port, {"instance": "MSSQLSERVER"}), canary=False)
        expect(report, Verdict.BLOCKED, "connect.refused")

    def test_another_instance_answers_on_its_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The Browser reports a port that another instance uses now."""
        with in_background(Server(instance="OTHER")) as server, browser(monkeypatch, {"HR": server.port}):
            report = by_name("HR")
        expect(report, Verdict.BLOCKED, "mssql.instance-mismatch", step=Step.HANDSHAKE, owner=Owner.OPERATOR)

    def test_its_port_is_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with closed_port() as free, browser(monkeypatch, {"HR": free.getsockname()[1]}):
            report = by_name("HR")
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
        assert check_of(report, Step.CONNECT).endpoint.endswith(str(report.facts["ports"][0]))

    def test_an_unknown_instance(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with browser(monkeypatch, {"MSSQLSERVER": 1433, "SALES": 51433}) as there:
            report = by_name("HR")
        expect(report, Verdict.BLOCKED, "mssql.instance-unknown", step=Step.CONNECT, owner=Owner.OPERATOR)
        assert "MSSQLSERVER, SALES" in check_of(report, Step.CONNECT).summary
        assert set(there.heard) == {b"\x04HR\0", b"\x03"}

    def test_one_that_answers_with_others(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reply = mssql_browser.answer(mssql_browser.told("SALES", 51433))
        with browser(monkeypatch, {}, reply=reply):
            expect(by_name("HR"), Verdict.BLOCKED, "mssql.instance-unknown")

    @pytest.mark.parametrize("name", ["A" * 40, "\u0416"])
    def test_a_name_that_no_instance_has(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        with browser(monkeypatch, {}) as there:
            expect(by_name(name), Verdict.BLOCKED, "mssql.instance-unknown")
        assert there.heard == []

    def test_a_port_of_another_service_gets_no_byte(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(Server(instance="HR")) as thief, browser(monkeypatch, {"HR": thief.port}):
            monkeypatch.setitem(SERVICES, thief.port, "a printer")
            report = by_name("HR")
        expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.CONNECT, owner=Owner.OPERATOR)
        assert f"listens on {thief.port}, a port of a printer" in finding_of(report).detail
        assert thief.connections == []

    @pytest.mark.parametrize("port", [22, 25, 443, 3306, 3389, 6379, 9100])
    def test_well_known_ports_are_not_dialled(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        with browser(monkeypatch, {"HR": port}):
            report = by_name("HR")
        expect(report, Verdict.UNDECIDED, "scanready.not-followed")
        assert report.footprint.connections == 1, "the question to the Browser"

    def test_without_tcp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with browser(monkeypatch, {"HR": None}):
            report = by_name("HR")
        expect(report, Verdict.BLOCKED, "mssql.tcp-disabled", step=Step.CONNECT, owner=Owner.DATABASE)

    @pytest.mark.parametrize("port", [0, 70_000])
    def test_a_port_that_is_none_decides_nothing(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        with browser(monkeypatch, {"HR": port}):
            report = by_name("HR")
        expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.CONNECT, owner=Owner.SCANREADY)
        assert f"the TCP port that the Browser reports is '{port}'" in finding_of(report).detail

    def test_nobody_listens_on_udp(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with closed_port(socket.SOCK_DGRAM) as sock:
            port = sock.getsockname()[1]
        monkeypatch.setattr(sql_browser, "PORT", port)
        report = by_name("HR")
        expect(report, Verdict.BLOCKED, "mssql.browser-off", step=Step.CONNECT, owner=Owner.DATABASE)
        assert report.finding is not None
        assert "port:" in report.finding.cause.remedy

    def test_silence_is_undecided_and_never_blocked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with browser(monkeypatch, {"HR": 1}, deaf=100) as there:
            report = by_name("HR")
        expect(report, Verdict.UNDECIDED, "connect.udp-silent", step=Step.CONNECT, owner=Owner.NETWORK)
        assert report.finding is not None
        rule = f"ip saddr 127.0.0.1 ip daddr 127.0.0.1 udp dport {there.port} accept"
        assert pasted(report.finding.fix) == rule
        assert "`port:` at the target" in report.finding.detail
        assert report.seconds < PLENTY / 2, "an answer to UDP is not waited for until the time is over"

    @pytest.mark.parametrize("reply", [b"\x05\x10\x00short", b"HTTP/1.1", b"\x05\x04\x00;;;;"])
    def test_nonsense(self, monkeypatch: pytest.MonkeyPatch, reply: bytes) -> None:
        with browser(monkeypatch, {}, reply=reply):
            report = by_name("HR")
        if reply.endswith(b";"):
            expect(report, Verdict.BLOCKED, "mssql.instance-unknown", step=Step.CONNECT)
        else:
            expect(report, Verdict.BLOCKED, "handshake.malformed", step=Step.HANDSHAKE)

    def test_the_deadline_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with browser(monkeypatch, {}, deaf=100):
            expect(by_name("HR", timeout=1.0), Verdict.UNDECIDED, "scanready.out-of-time")

    def test_at_a_depth_below_the_handshake_nothing_is_said_to_the_instance(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with in_background(Server(instance="HR")) as server:
            with browser(monkeypatch, {"HR": server.port}):
                expect(by_name("HR", depth=Step.CONNECT), Verdict.UNDECIDED, "scanready.depth-limited")
            server.wait()
            assert server.connections[0].received == b""


async def _nothing(*_: object) -> None:
    return None


class TestWrongPort:
    """One question and one connection more, never a search."""

    def test_refused_and_the_browser_knows_better(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(Server()) as server, closed_port() as free:
            with browser(monkeypatch, {"SALES": 1, "MSSQLSERVER": server.port}) as there:
                report = by_port(free.getsockname()[1])
            server.wait()
        fix = f"mssql://127.0.0.1:{server.port}"
        expect(report, Verdict.BLOCKED, "mssql.other-port", step=Step.CONNECT, owner=Owner.OPERATOR, fix=fix)
        assert "Microsoft SQL Server 2022 16.0.4135 answers" in check_of(report, Step.CONNECT).summary
        assert report.facts["ports"] == [server.port]
        assert there.heard == [b"\x03"]
        assert server.counts == {"prelogins": 1}
        assert report.footprint.connections == 2

    def test_a_port_of_another_service_is_told_and_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            in_background(Server()) as thief,
            closed_port() as free,
            browser(monkeypatch, {"MSSQLSERVER": thief.port}),
        ):
            monkeypatch.setitem(SERVICES, thief.port, "a printer")
            report = by_port(free.getsockname()[1])
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
        assert f"{thief.port}, a port of a printer" in finding_of(report).detail
        assert thief.connections == []

    def test_an_instance_named_is_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            in_background(Server(instance="HR")) as server,
            closed_port() as free,
            browser(monkeypatch, {"MSSQLSERVER": 1, "HR": server.port}) as there,
        ):
            report = by_port(free.getsockname()[1], instance="HR")
        expect(report, Verdict.BLOCKED, "mssql.other-port", fix=f":{server.port}")
        assert there.heard == [b"\x04HR\0"]

    def test_another_instance_answers_on_the_port_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            in_background(Server(instance="HR")) as right,
            in_background(Server(instance="OTHER")) as wrong,
            browser(monkeypatch, {"HR": right.port, "OTHER": wrong.port}),
        ):
            report = by_port(wrong.port, instance="HR")
        expect(report, Verdict.BLOCKED, "mssql.other-port", step=Step.HANDSHAKE, fix=f":{right.port}")

    def test_another_protocol_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            in_background(Server()) as right,
            in_background(misbehave.says(b"SSH-2.0-x\r\n")) as wrong,
            browser(monkeypatch, {"MSSQLSERVER": right.port}),
        ):
            report = by_port(wrong.port)
        expect(report, Verdict.BLOCKED, "mssql.other-port", step=Step.HANDSHAKE, fix=f":{right.port}")
        assert "an SSH server" in check_of(report, Step.HANDSHAKE).summary

    def test_the_browser_names_the_same_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with closed_port() as free, browser(monkeypatch, {"MSSQLSERVER": free.getsockname()[1]}):
            report = by_port(free.getsockname()[1])
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
        assert "between agent and server" in check_of(report, Step.CONNECT).summary

    def test_the_other_port_refuses_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with (
            closed_port() as free,
            closed_port() as other,
            browser(monkeypatch, {"MSSQLSERVER": other.getsockname()[1]}),
        ):
            report = by_port(free.getsockname()[1])
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)
        assert "where no SQL Server answers: 127.0.0.1:" in check_of(report, Step.CONNECT).summary

    @pytest.mark.parametrize("instances", [{}, {"HR": None}])
    def test_a_browser_without_an_answer_changes_nothing(
        self, monkeypatch: pytest.MonkeyPatch, instances: dict[str, int | None]
    ) -> None:
        with closed_port() as free, browser(monkeypatch, instances):
            expect(by_port(free.getsockname()[1]), Verdict.BLOCKED, "connect.refused")

    def test_a_type_that_nobody_named_asks_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with closed_port() as free, browser(monkeypatch, {"MSSQLSERVER": 1}) as there:
            where = Target("127.0.0.1", "mssql", free.getsockname()[1], explicit_port=True, guessed=True)
            expect(climb(where, canary=False), Verdict.BLOCKED, "connect.refused")
        assert there.heard == []

    def test_nobody_asks_after_a_refused_login(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with in_background(Server(refusal=mssql.REFUSALS[18456])) as server, browser(monkeypatch, {}) as there:
            where = Target("127.0.0.1", "mssql", server.port, {}, ER, explicit_port=True)
            expect(climb(where, canary=False), Verdict.BLOCKED, "login.refused")
        assert there.heard == []

    def test_the_canary_asks_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The canary runs the same verifier on a closed port; an answer of the Browser would spoil its result."""
        with in_background(Server()) as server, browser(monkeypatch, {"MSSQLSERVER": server.port}) as there:
            report = climb(Target("127.0.0.1", "mssql", server.port, {}, explicit_port=True))
        expect(report, Verdict.READY)
        assert there.heard == [], story(report)
        assert not [check for check in report.checks if check.outcome is Outcome.WARNED]
        passed(report, Step.AUTH)

    def test_a_proxy_that_answers_on_every_port_is_told_from_an_instance(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("scanready.run.canary.CANARY_PORT", 0)
        with in_background(Server(instance="HR")) as server, in_background(Server(instance="HR")) as everywhere:
            monkeypatch.setattr("scanready.run.canary.CANARY_PORT", everywhere.port)
            with browser(monkeypatch, {"HR": server.port}):
                report = climb(Target("127.0.0.1", "mssql", 1433, {"instance": "HR"}))
        expect(report, Verdict.UNDECIDED, "handshake.false-open", step=Step.HANDSHAKE)
