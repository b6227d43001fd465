"""The owners of a failed connection are exactly those that the evidence allows."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest

from scanready.causes import common
from scanready.model import Agent, Cause, Check, Finding, Footprint, Outcome, Owner, Report, Step, Target, Verdict
from scanready.net import hosts_file as hosts_file_
from scanready.net.hosts_file import line_of
from scanready.net.neighbours import NextHop
from scanready.net.rtnetlink import Neighbour
from scanready.report.parse import restored
from scanready.report.serialize import as_line
from scanready.run import address_evidence, host_evidence
from scanready.run.address_evidence import narrow
from scanready.run.conclusion import conclude
from scanready.run.host_evidence import HostEvidence
from scanready.run.jobs.report_form import Causes
from scanready.run.timestamps import now

AGENT = Agent("proxy", "Linux", ("10.1.0.5",), networks=("10.1.0.5/24", "fd00::5/64"))
N, S, A, P = Owner.NETWORK, Owner.SERVER, Owner.AGENT, Owner.OPERATOR
FAR, NEAR = "10.9.0.7:22", "10.1.0.7:22"


def failed(cause: Cause, endpoint: str = FAR, case: str = "", seconds: float = 4.0, **facts: str) -> Check:
    fix = "permit it" if cause in (common.FILTERED, common.REJECTED) else None
    finding = Finding(cause, "what was seen", fix, case=case)
    return Check(Step.CONNECT, endpoint, Outcome.FAILED, "what was seen", dict(facts), finding, seconds)


def finding_in(check: Check) -> Finding:
    assert check.finding is not None
    return check.finding


def owners(check: Check) -> list[Owner]:
    found = finding_in(check)
    return [found.owner, *(other.owner for other in found.cause.also)]


@pytest.mark.parametrize(
    ("check", "case", "expected"),
    [
        (failed(common.REFUSED), "", [S, P, N]),
        (failed(common.REFUSED, NEAR), "same-subnet", [S, P]),
        (failed(common.REFUSED, "[fd00::7]:22"), "same-subnet", [S, P]),
        (failed(common.REFUSED, "127.0.0.1:22"), "same-subnet", [S, P]),
        (failed(common.REFUSED, case="other-address"), "other-address", [S, N]),
        (failed(common.FILTERED), "", [N, S]),
        (failed(common.FILTERED, NEAR), "neighbour", [S, N]),
        (failed(common.FILTERED, "10.1.0.8:22"), "", [N, S]),
        (failed(common.FILTERED, case="other-address"), "other-address", [N, S]),
        (failed(common.REJECTED), "", [N, S]),
        (failed(common.REJECTED, case="by-router", rejected_by="10.1.0.1"), "by-router", [N]),
        (failed(common.REJECTED, case="by-router", rejected_by="10.9.0.7"), "by-target", [S, N]),
        (failed(common.UNREACHABLE, case="no-route", seconds=0), "no-route", [A]),
        (failed(common.UNREACHABLE, case="said-by", seconds=0), "said-by", [N, S, P]),
        (failed(common.UNREACHABLE, case="said-by-network", seconds=0), "said-by-network", [N]),
        (failed(common.UNREACHABLE, NEAR, seconds=3.05), "no-neighbour", [S, P, N]),
        (failed(common.UNREACHABLE, case="no-gateway"), "no-gateway", [N, A]),
        (failed(common.UNREACHABLE, seconds=3.05), "", [N, S]),
        (failed(common.UNREACHABLE, seconds=0.1), "", [N, S]),
        (failed(common.UDP_SILENT), "", [N, S]),
    ],
    ids=lambda value: f"{finding_in(value).cause.code}-{value.endpoint}" if isinstance(value, Check) else None,
)
def test_the_owners_are_those_of_the_evidence(
    check: Check, case: str, expected: list[Owner], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {
        "10.1.0.7": NextHop("", Neighbour(True, False, "02:00:00:00:00:07")),
        "10.1.0.8": NextHop("", Neighbour(False, False, "")),
    }
    monkeypatch.setattr(address_evidence, "next_hop", table.get)
    monkeypatch.setattr(address_evidence, "has_gateway", lambda _: False)  # the subnets are made up
    code = check.finding.cause.code if check.finding else ""
    narrow(check, AGENT, ())
    assert check.finding is not None
    assert (check.finding.cause.code, check.finding.cause.case, owners(check)) == (code, case, expected)
    fixes = {check.finding.owner: check.finding.fix, **dict(check.finding.also)}
    if code in ("connect.filtered", "connect.rejected"):
        assert fixes[N] == "permit it", "the firewall rule stays with the network team"


@pytest.mark.parametrize("agent", [Agent("proxy", "Linux"), Agent("proxy", "Windows", assumed=True)])
def test_nothing_is_concluded_without_the_subnets(agent: Agent) -> None:
    for cause in (common.REFUSED, common.FILTERED, common.UNREACHABLE):
        check = failed(cause, NEAR)
        narrow(check, agent, ())
        assert check.finding is not None
        assert check.finding.cause is cause


def report(port: int, *checks: Check, host: str = "db7") -> Report:
    target = Target(host, "ssh", port)
    day = datetime.date(2026, 1, 1)
    made = [Check(Step.RESOLVE, host, Outcome.PASSED, "10.9.0.7"), *checks]
    return conclude(AGENT, target, made, Footprint(1), Step.AUTH, Step.ACCESS, started=now(), seconds=1.0, day=day)


def accepted(endpoint: str) -> Check:
    return Check(Step.CONNECT, endpoint, Outcome.PASSED, "connected")


def test_a_port_waits_for_the_others_of_its_host() -> None:
    dead, alive, other = (
        report(22, failed(common.FILTERED, "10.9.0.7:22")),
        report(23, accepted("10.9.0.7:23")),
        report(22, failed(common.FILTERED, "10.9.0.9:22"), host="db9"),
    )
    evidence = HostEvidence([dead.target, alive.target, other.target])
    assert evidence.settled(dead) == [], "it is not known yet whether another port answers"
    assert evidence.settled(other) == [other]
    first, second = evidence.settled(alive)
    assert second is alive
    assert first.cause is not None
    assert (first.cause.case, first.facts["host_answers"]) == ("host-answers", ["10.9.0.7:23"])
    assert first.finding is first.checks[1].finding
    assert first.finding is not None
    assert first.finding.detail.endswith("; the same host answers at port 23")
    assert first.verdict is Verdict.BLOCKED
    assert list(evidence.rest()) == []


def test_a_host_that_does_not_answer_anywhere() -> None:
    every = [report(port, failed(common.FILTERED, f"10.9.0.7:{port}")) for port in (22, 80, 443, 445, 3306)]
    evidence = HostEvidence([one.target for one in every])
    assert [evidence.settled(one) for one in every[:-1]] == [[]] * 4
    found = evidence.settled(every[-1])
    assert len(found) == 5
    assert {one.cause.case for one in found if one.cause} == {"host-silent"}
    assert found[0].finding is not None
    assert found[0].finding.detail.endswith(", nor at ports 80, 443, 445 and 1 more")


def test_a_host_of_many_ports_takes_no_time_for_each_pair() -> None:
    """Each report is compared with a list that is sorted once: 20,000 times 20,000 endpoints would take minutes."""
    every = [report(port, failed(common.FILTERED, f"10.9.0.7:{port}")) for port in range(1, 20_001)]
    evidence = HostEvidence([one.target for one in every])
    sorts = Counter[str]()
    with mock.patch.object(host_evidence, "sorted", lambda ports: sorts.update(["sort"]) or sorted(ports), create=True):
        found = [one for report_ in every for one in evidence.settled(report_)]
    assert [one.target.port for one in found] == list(range(1, 20_001))
    assert found[0].facts["host_silent"] == [f"10.9.0.7:{port}" for port in range(2, 18)]
    assert sorts["sort"] <= 2, "once those that answer, once the others"


@pytest.mark.parametrize("endpoint", ["db7", "10.9.0.7", "10.9.0.7:22/udp", "", ":", "10.9.0.7:\u0662"])
def test_an_endpoint_of_another_packages_type_is_no_fault(endpoint: str) -> None:
    dead, alive = report(22, failed(common.FILTERED, endpoint)), report(23, accepted(endpoint))
    evidence = HostEvidence([dead.target, alive.target])
    assert evidence.settled(dead) == []
    assert [one.target.port for one in evidence.settled(alive)] == [22, 23]


def test_the_checks_of_another_report_stay_as_they_are() -> None:
    """Types that meet on a port may have one check in common."""
    check = failed(common.FILTERED, "10.9.0.7:22")
    first, second, third = report(22, check), report(22, check), report(23, accepted("10.9.0.7:23"))
    evidence = HostEvidence([first.target, second.target, third.target])
    assert evidence.settled(first) == evidence.settled(second) == []
    for one in evidence.settled(third)[:2]:
        assert one.cause is not None
        assert (one.cause.case, one.finding is one.checks[1].finding) == ("host-answers", True)
    assert finding_in(check).cause is common.FILTERED


def test_a_refusal_is_an_answer_and_another_address_is_none() -> None:
    dead = report(22, failed(common.FILTERED, "10.9.0.7:22"))
    elsewhere = report(23, failed(common.REFUSED, "10.9.0.8:23"))
    evidence = HostEvidence([dead.target, elsewhere.target])
    evidence.settled(dead)
    assert {one.cause.case for one in evidence.settled(elsewhere) if one.cause} == {""}
    refused = report(23, failed(common.REFUSED, "10.9.0.7:23"))
    evidence = HostEvidence([dead.target, refused.target])
    evidence.settled(report(22, failed(common.FILTERED, "10.9.0.7:22")))
    assert [one.cause.case for one in evidence.settled(refused) if one.cause] == ["host-answers", ""]


def test_what_waits_is_not_lost_when_the_run_is_stopped() -> None:
    dead = report(22, failed(common.FILTERED, "10.9.0.7:22"))
    evidence = HostEvidence([dead.target, Target("db7", "ssh", 23)])
    assert evidence.settled(dead) == []
    assert [one.target for one in evidence.rest()] == [dead.target]


def test_its_own_ports_count_for_one_target() -> None:
    one = report(22, accepted("10.9.0.7:111"), failed(common.FILTERED, "10.9.0.7:22"))
    (found,) = HostEvidence([one.target]).settled(one)
    assert found.cause is not None
    assert found.cause.case == "host-answers"


def test_a_case_is_kept_in_stored_results_and_between_processes() -> None:
    every = [case.name for cause in vars(common).values() if isinstance(cause, Cause) for case in cause.cases]
    assert len(every) >= 12
    for cause in (common.REFUSED, common.FILTERED, common.REJECTED, common.UNREACHABLE):
        for case in cause.cases:
            narrowed = cause.narrowed(case.name)
            assert narrowed is cause.narrowed(case.name), "one object for each, as verifiers compare by identity"
            assert (narrowed.scope, narrowed.code, narrowed.step) == (cause.scope, cause.code, cause.step)
            check = failed(cause)
            check.finding = finding_in(check).narrowed(case.name)
            line = as_line(report(22, check))
            again = restored(json.loads(line))
            assert again.cause is narrowed
            assert as_line(again) == line
            forms = Causes()
            assert forms.of(json.loads(json.dumps(forms.form(narrowed)))) is narrowed
        another = replace(cause, code="another.package")
        assert forms.of(json.loads(json.dumps(forms.form(another)))) == another
    stored = json.loads(as_line(report(22, failed(common.FILTERED))))
    stored["cause"]["case"] = stored["checks"][1]["case"] = "a case of a newer version"
    assert restored(stored).cause is common.FILTERED


@pytest.fixture
def hosts_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "hosts"
    file.write_bytes(
        b"# 10.9.0.9 db7\n127.0.0.1 localhost\n10.9.0.7\tDB7.corp db7 # old\n\xff\n10.9.0.7 db7\nfd00:0::7 six\n"
        b"10.1.0.5 proxy\n"
    )
    monkeypatch.setattr(hosts_file_, "_path", lambda: file)
    return file


def test_the_line_of_the_hosts_file(hosts_file: Path) -> None:
    assert line_of("db7", "10.9.0.7") == line_of("Db7.corp.", "10.9.0.7") == f"{hosts_file}:3"
    assert line_of("six", "fd00::7") == f"{hosts_file}:6"
    assert (line_of("db7", "10.9.0.9"), line_of("db8", "10.9.0.7")) == ("", "")
    hosts_file.write_text("10.9.0.7 db8\n")
    assert (line_of("db7", "10.9.0.7"), line_of("db8", "10.9.0.7")) == ("", f"{hosts_file}:1")
    hosts_file.unlink()
    assert line_of("db8", "10.9.0.7") == ""


def test_an_address_of_the_hosts_file_is_the_agents_as_well(hosts_file: Path) -> None:
    for cause, case, expected in (
        (common.FILTERED, "", [N, S, A]),
        (common.REFUSED, "", [S, P, N, A]),
        (common.UNREACHABLE, "said-by", [N, S, P, A]),
        (common.UNREACHABLE, "no-route", [A]),
    ):
        check = failed(cause, case=case)
        narrow(check, AGENT, ["db7"])
        assert owners(check) == expected
        assert ("hosts_file" in check.facts) == (case != "no-route")
    dead = report(22, failed(common.FILTERED, "10.9.0.7:22"))
    narrow(dead.checks[1], AGENT, ["db7"])
    dead = replace(dead, finding=dead.checks[1].finding)
    alive = report(23, accepted("10.9.0.7:23"))
    evidence = HostEvidence([dead.target, alive.target])
    assert evidence.settled(dead) == []
    found = evidence.settled(alive)[0]
    assert found.cause is not None
    assert found.cause.case == "host-answers+hosts-file"
    assert restored(json.loads(as_line(found))).cause is found.cause
    assert found.cause.meaning.endswith("this port. The address is from this agent's hosts file.")


@pytest.mark.parametrize(("name", "address"), [("localhost", "127.0.0.1"), ("proxy", "10.1.0.5")])
@pytest.mark.parametrize("agent", [AGENT, Agent("proxy", "Linux")])
def test_this_host_has_no_other_address(hosts_file: Path, name: str, address: str, agent: Agent) -> None:
    """Every hosts file has localhost."""
    check = failed(common.REFUSED, f"{address}:22")
    narrow(check, agent, [name])
    assert ("hosts_file" in check.facts) == (agent is not AGENT and name == "proxy"), "its addresses are not known then"
