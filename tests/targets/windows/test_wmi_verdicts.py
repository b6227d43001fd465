"""The report on a WMI login, by way of the engine: verdict, step, cause, owner and fix.

The Windows is emulated (see test_wmi_login.py), and the agent is treated as a Windows agent.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fixtures.emulators import dcom
from scanready.climb.other_services import SERVICES
from scanready.model import Agent, Credential, Owner, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import (
    PLENTY,
    WAIT,
    account,
    check_of,
    climb,
    expect,
    finding_of,
    logins_end,
    passed,
    story,
    target,
)
from tests.targets.windows.wmi_peers import SCANNER, nothing_stays

__all__ = ["nothing_stays"]

PROXY = Agent("proxy", "Windows", ("127.0.0.1",), assumed=True)
SERVER, IDENTITY, NETWORK, OPERATOR = Owner.SERVER, Owner.IDENTITY, Owner.NETWORK, Owner.OPERATOR


def climbed(variant: str, timeout: float = PLENTY, credential: Credential | None = None) -> tuple[Report, dcom.Windows]:
    with dcom.in_background(variant) as host:
        where = target("windows", "127.0.0.1", host.mapper.port, credential or account(SCANNER))
        return climb(where, agent=PROXY, timeout=timeout), host


def test_a_name_alone_is_no_logon() -> None:
    report, host = climbed("healthy", credential=Credential("ad-scan", SCANNER))
    expect(report, Verdict.READY)
    assert check_of(report, Step.LOGIN).summary == "no password was given for ad-scan"
    assert report.footprint.login_attempts == host.counts["logons"] == 0


def test_scannable_at_the_price_of_two_logons() -> None:
    report, host = climbed("healthy")
    expect(report, Verdict.SCANNABLE)
    passed(report, Step.LOGIN)
    assert report.facts["os"] == "Microsoft Windows Server 2019 Standard"
    assert report.facts["dynamic_port"] == host.wmi_port
    assert report.footprint.login_attempts == host.counts["logons"] == 2
    assert host.offences == {}


def test_a_port_of_another_service_gets_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """The activation names where WMI is; the second logon would go there."""
    with dcom.in_background("healthy") as host:
        monkeypatch.setitem(SERVICES, host.wmi_port, "a printer")
        where = target("windows", "127.0.0.1", host.mapper.port, account(SCANNER))
        report = climb(where, agent=PROXY)
        (thief,) = (server for server in host.servers if server.port == host.wmi_port)
        assert thief.connections == []
    expect(report, Verdict.UNDECIDED, "scanready.not-followed", step=Step.ACCESS, owner=OPERATOR)
    assert f"127.0.0.1:{host.wmi_port}" in finding_of(report).detail
    assert report.footprint.login_attempts == host.counts["logons"] == 1


LOGINS = [
    ("logon-0x5", Verdict.BLOCKED, "login.refused", IDENTITY, None),
    ("logon-0x51f", Verdict.BLOCKED, "windows.no-logon-server", SERVER, None),
    ("logon-0x52e", Verdict.BLOCKED, "login.refused", IDENTITY, None),
    ("logon-0x52f", Verdict.BLOCKED, "windows.account-restricted", IDENTITY, None),
    ("logon-0x530", Verdict.BLOCKED, "windows.logon-hours", IDENTITY, "/times:all"),
    ("logon-0x531", Verdict.UNDECIDED, "windows.logon-workstation", IDENTITY, "-LogonWorkstations $null"),
    ("logon-0x532", Verdict.BLOCKED, "login.expired", IDENTITY, "Set-ADAccountPassword"),
    ("logon-0x533", Verdict.BLOCKED, "login.locked", IDENTITY, "Enable-ADAccount"),
    ("logon-0x569", Verdict.BLOCKED, "windows.logon-right", SERVER, "Access this computer from the network"),
    ("logon-0x576", Verdict.BLOCKED, "windows.clock-differs", SERVER, "w32tm /resync"),
    ("logon-0x6fe", Verdict.BLOCKED, "windows.no-logon-server", SERVER, "Test-ComputerSecureChannel -Repair"),
    ("logon-0x701", Verdict.BLOCKED, "login.expired", IDENTITY, "Clear-ADAccountExpiration"),
    ("logon-0x721", Verdict.UNDECIDED, "windows.logon-unexplained", IDENTITY, None),
    ("logon-0x773", Verdict.BLOCKED, "login.expired", IDENTITY, "-ChangePasswordAtLogon $false"),
    ("logon-0x775", Verdict.BLOCKED, "login.locked", IDENTITY, "Unlock-ADAccount"),
    ("logon-0x791", Verdict.UNDECIDED, "windows.ntlm-blocked", SERVER, None),
]


@pytest.mark.parametrize(("variant", "verdict", "code", "owner", "fix"), LOGINS, ids=[row[0] for row in LOGINS])
def test_refused_logon(variant: str, verdict: Verdict, code: str, owner: Owner, fix: str | None) -> None:
    report, host = climbed(variant)
    expect(report, verdict, code, step=Step.LOGIN, owner=owner, fix=fix)
    assert report.footprint.login_attempts == host.counts["logons"] == 1


DENIALS = [
    ("activation-denied", "windows.activation-denied", SERVER, "net localgroup Administrators"),
    ("activation-fault", "windows.activation-denied", SERVER, "net localgroup Administrators"),
    ("wmi-does-not-start", "windows.wmi-not-running", SERVER, "net start winmgmt"),
    ("no-tcp-binding", "windows.no-tcp-binding", SERVER, None),
    ("dynamic-port-closed", "windows.dynamic-port-blocked", NETWORK, "tcp dport"),
    ("namespace-denied", "windows.namespace-denied", SERVER, "Remote Enable"),
    ("namespace-missing", "windows.namespace-missing", SERVER, "winmgmt /salvagerepository"),
    ("class-missing", "windows.wmi-damaged", SERVER, "mofcomp"),
    ("activation-unheard-of", "windows.wmi-error", SERVER, None),
    ("closes-at-query", "windows.session-broken-off", SERVER, None),
]


@pytest.mark.parametrize(("variant", "code", "owner", "fix"), DENIALS, ids=[row[0] for row in DENIALS])
def test_denied_after_the_logon(variant: str, code: str, owner: Owner, fix: str | None) -> None:
    report, host = climbed(variant)
    expect(report, Verdict.BLOCKED, code, step=Step.ACCESS, owner=owner, fix=fix)
    passed(report, Step.LOGIN)
    assert report.footprint.login_attempts == host.counts["logons"] <= 2


@pytest.mark.parametrize("stage", ["logon", "activation", "dynamic-bind", "query"])
def test_silence_is_undecided_in_time(stage: str) -> None:
    report, _ = climbed(f"silent-at-{stage}", timeout=WAIT)
    expect(report, Verdict.UNDECIDED, "scanready.out-of-time", owner=OPERATOR)
    assert logins_end()


def test_what_was_refused_is_not_tried_again() -> None:
    """One wrong password for two hosts of one run: the second is never asked."""

    async def run(targets: list[Any]) -> list[Report]:
        return [report async for report in verify_all(targets, Settings(agent=PROXY))]

    with dcom.in_background("healthy") as first, dcom.in_background("healthy") as second:
        wrong = account(SCANNER, "wrong")
        targets = [target("windows", "127.0.0.1", host.mapper.port, wrong) for host in (first, second)]
        reports = asyncio.run(run(targets))
        tried = first.counts["logons"] + second.counts["logons"]
    codes = sorted(report.finding.cause.code if report.finding else story(report) for report in reports)
    assert codes == ["login.refused", "login.withheld"]
    assert tried == 1
