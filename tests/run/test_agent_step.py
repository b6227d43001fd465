"""The first rung: what the document demands of the agent fails it, what it recommends is a note, never a warning."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from fixtures.emulators import in_background, misbehave, mysql, postgresql, smb, ssh
from scanready.model import Agent, Outcome, Owner, Report, Step, Target, Verdict
from scanready.net import interfaces
from scanready.net import this_agent as vantage
from scanready.net.this_agent import this_agent
from scanready.report.findings import besides
from scanready.run.agent_step import shared_subnets
from scanready.run.engine import verify
from scanready.run.settings import Settings
from tests.ladder import PLENTY, WAIT, check_of, climb, expect, finding_of, target
from tests.net.test_proxy_settings import VARIABLES

DEBIAN = dataclasses.replace(this_agent(), platform="Linux", distribution="Debian 12")
AGENT = Agent("proxy", "Linux", ("10.0.1.5",), networks=("10.0.1.5/24", "fd00::5/64"))


def unix(agent: Agent, type_: str = "unix") -> Report:
    with in_background(ssh.openssh_9_2) as server:
        return asyncio.run(verify(Target("127.0.0.1", type_, server.port), Settings(timeout=PLENTY, agent=agent)))


def test_the_rung_is_the_first_of_every_climb() -> None:
    report = climb(target("postgresql", "127.0.0.1", 1))
    first = report.checks[0]
    assert (first.step, first.outcome, first.finding) == (Step.AGENT, Outcome.PASSED, None)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)


def test_an_agent_like_its_target() -> None:
    report = expect(unix(DEBIAN), Verdict.READY)
    rung = check_of(report, Step.AGENT)
    assert rung.outcome is Outcome.PASSED
    assert "the target runs Debian, as this agent does" in rung.summary
    assert rung.facts["same_platform"] is True


def test_another_distribution_is_a_note_and_no_warning() -> None:
    report = expect(unix(dataclasses.replace(DEBIAN, distribution="Ubuntu 24.04")), Verdict.READY)
    rung = check_of(report, Step.AGENT)
    assert rung.outcome is Outcome.PASSED
    assert rung.facts["same_platform"] is False
    note = "the target runs Debian, this agent Ubuntu 24.04; an agent like the target is recommended"
    assert rung.facts["platform_note"] == note


def test_the_document_recommends_that_for_hosts_and_not_for_shares() -> None:
    rung = check_of(unix(dataclasses.replace(DEBIAN, distribution="Ubuntu 24.04"), "ssh"), Step.AGENT)
    assert "platform_note" not in rung.facts
    assert "ssh client" in rung.summary


def test_shares_suit_a_windows_agent_better_and_do_not_demand_one() -> None:
    def share(agent: Agent) -> Report:
        with in_background(smb.samba) as server:
            where = Target("127.0.0.1", "smb", server.port)
            return expect(asyncio.run(verify(where, Settings(timeout=PLENTY, agent=agent))), Verdict.READY)

    assert (
        "newer scanner documentation requires a Windows agent"
        in check_of(share(DEBIAN), Step.AGENT).facts["platform_note"]
    )
    assert "platform_note" not in share(dataclasses.replace(DEBIAN, platform="Windows")).facts


def test_the_target_may_be_this_host() -> None:
    report = climb(target("postgresql", "127.0.0.1", 1))
    assert report.facts["same_subnet"] is True
    assert check_of(report, Step.AGENT).summary.endswith("the target is this host")


@pytest.mark.parametrize(
    ("addresses", "found"),
    [
        (["10.0.1.77"], {"10.0.1.77": "10.0.1.0/24"}),
        (["10.0.2.77"], {}),
        (["10.0.2.77", "fd00::77"], {"fd00::77": "fd00::/64"}),
        (["10.0.1.5"], {"10.0.1.5": ""}),
        (["::1"], {"::1": ""}),
        (["fe80::1%eth0"], {}),
        ([], None),
    ],
)
def test_subnets(addresses: list[str], found: dict[str, str] | None) -> None:
    assert shared_subnets(AGENT, addresses) == found


@pytest.mark.parametrize("network", ["127.0.0.1/8", "169.254.0.5/16", "fe80::5/64", "10.0.1.5/0", "::/0"])
def test_a_subnet_that_every_host_has_locates_none(network: str) -> None:
    for address in ("10.0.1.77", "169.254.0.9", "fe80::9", "fd00::9"):
        assert shared_subnets(Agent("a", "Linux", ("10.0.1.5",), networks=(network,)), [address]) == {}


def test_of_an_agent_that_is_not_known_nothing_is_said() -> None:
    assert shared_subnets(Agent("w", "Windows", ("10.0.1.5",), assumed=True), ["10.0.1.77"]) is None
    assert shared_subnets(Agent("s", "SunOS", ("10.0.1.5",)), ["10.0.1.77"]) is None


def test_an_assumed_agent_of_the_demanded_platform() -> None:
    report = climb(target("windows", "127.0.0.1", 1), agent=None)
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    (second,) = besides(report)
    assert (second.cause.code, second.owner) == ("agent.platform-mismatch", Owner.AGENT)
    assumed = asyncio.run(verify(target("windows", "127.0.0.1", 1), Settings(agent=this_agent("w", "Windows"))))
    expect(assumed, Verdict.BLOCKED, "connect.refused")
    assert check_of(assumed, Step.AGENT).outcome is Outcome.SKIPPED


def test_a_guess_that_nobody_answers_says_nothing_of_the_agent() -> None:
    with in_background(postgresql.server(postgresql.AUTH_SASL)) as server:
        guess = Target("127.0.0.1", "windows", server.port, guessed=True)
        report = climb(guess)
    assert [check for check in report.checks if check.step is Step.AGENT] == []


def test_own_addresses_are_as_the_system_lists_them() -> None:
    placed = interfaces.placed()
    assert placed is not None
    assert "127.0.0.1/8" in [str(entry.where) for entry in placed]
    assert not [network for network in vantage.this_agent().networks if network.startswith(("127.", "fe80", "::1"))]


def test_elsewhere_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "sunos5")
    assert interfaces.placed() is None


def test_the_targets_own_cause_leads_over_the_agents() -> None:
    """Each windows target of a Linux agent, and each ssh target without a client, has the same cause of the agent."""
    with in_background(mysql.mariadb_10_11) as server:
        report = climb(target("windows", "127.0.0.1", server.port), agent=None)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    assert "MySQL" in finding_of(report).detail or "MariaDB" in finding_of(report).detail
    assert [second.cause.code for second in besides(report)] == ["agent.platform-mismatch"]


def test_an_unsure_cause_of_the_target_does_not_lead_over_a_sure_one_of_the_agent() -> None:
    """It would hide why the scan fails for certain."""
    with in_background(misbehave.says(b"\x05")) as server:
        report = climb(target("windows", "127.0.0.1", server.port), agent=None, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "agent.platform-mismatch", step=Step.AGENT, owner=Owner.AGENT)
    assert [second.verdict for second in besides(report)] == [Verdict.UNDECIDED]


@pytest.mark.parametrize(
    ("type_", "options", "bypass", "named"),
    [
        ("https", {}, "", True),
        ("ews", {}, "corp", True),
        ("https", {}, "127.0.0.0/8", False),
        ("https", {"proxy": "127.0.0.1:1"}, "", False),
        ("http", {}, "", False),
        ("postgresql", {}, "", False),
    ],
)
def test_a_proxy_that_the_environment_names_for_the_target_is_a_note(
    monkeypatch: pytest.MonkeyPatch, type_: str, options: dict[str, Any], bypass: str, named: bool
) -> None:
    """The check connects directly all the same: what it reports is what it did."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://er:hunter2@proxy.corp:3128")
    monkeypatch.setenv("no_proxy", bypass)
    rung = check_of(climb(target(type_, "127.0.0.1", 1, **options)), Step.AGENT)
    assert rung.outcome is Outcome.PASSED
    assert ("agent_proxy" in rung.facts) is named
    assert "hunter2" not in repr(rung)
    if named:
        assert rung.facts["agent_proxy"].endswith("@proxy.corp:3128")
        assert "https_proxy of this agent names the proxy" in rung.summary


def test_of_an_assumed_agent_no_proxy_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.corp:3128")
    settings = Settings(timeout=WAIT, agent=Agent("a", "Windows", ("127.0.0.1",), assumed=True))
    report = asyncio.run(verify(Target("127.0.0.1", "https", 1), settings))
    assert "agent_proxy" not in report.facts
