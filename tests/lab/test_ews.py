"""Exchange's web services against Apache with real NTLM and Basic over HTTPS; exchangelib logs in for real."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from fixtures.lab.exchange import SITES
from fixtures.lab.lab import Lab
from scanready.model import Check, Credential, Outcome, Owner, Report, Step, Verdict
from tests.ladder import account, check_of, climb, expect, passed, target

SCAN = account("LAB\\scan")
ROLE = "New-ManagementRoleAssignment"


def asked(lab: Lab, site: str, credential: Credential | None = None, **options: Any) -> Report:
    where = lab.exchange().site(site)
    return climb(target("ews", where.hostname, None, credential, **options), lab.agent)


@pytest.mark.parametrize(
    ("site", "verdict", "code", "step", "owner"),
    [
        ("exchange", Verdict.READY, None, None, None),
        ("negotiate", Verdict.READY, None, None, None),
        ("self-signed", Verdict.LIMITED, "tls.untrusted", Step.TLS, Owner.SERVER),
        ("expired", Verdict.LIMITED, "tls.expired", Step.TLS, Owner.SERVER),
        ("basic", Verdict.LIMITED, "ews.basic-preauth", Step.AUTH, Owner.SERVER),
        ("kerberos", Verdict.UNDECIDED, "ews.kerberos-only", Step.AUTH, Owner.SERVER),
        ("bearer", Verdict.BLOCKED, "ews.modern-auth-only", Step.AUTH, Owner.SERVER),
        ("unhealthy", Verdict.LIMITED, "ews.unhealthy", Step.HANDSHAKE, Owner.SERVER),
        ("sso", Verdict.BLOCKED, "ews.preauthentication", Step.HANDSHAKE, Owner.NETWORK),
        ("form", Verdict.BLOCKED, "ews.preauthentication", Step.HANDSHAKE, Owner.NETWORK),
        ("timed-out", Verdict.BLOCKED, "ews.preauthentication", Step.HANDSHAKE, Owner.NETWORK),
        ("forbidden", Verdict.BLOCKED, "ews.forbidden", Step.HANDSHAKE, Owner.SERVER),
        ("missing", Verdict.BLOCKED, "ews.not-here", Step.HANDSHAKE, Owner.OPERATOR),
        ("stopped", Verdict.BLOCKED, "ews.service-down", Step.HANDSHAKE, Owner.SERVER),
        ("guarded", Verdict.UNDECIDED, "ews.unconfirmed", Step.HANDSHAKE, Owner.OPERATOR),
    ],
)
def test_every_site(
    lab: Lab, site: str, verdict: Verdict, code: str | None, step: Step | None, owner: Owner | None
) -> None:
    report = asked(lab, site)
    expect(report, verdict, code, step=step, owner=owner)
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (0, 0)


def test_the_challenge_of_a_real_ntlm_server_is_understood(lab: Lab) -> None:
    report = expect(asked(lab, "exchange"), Verdict.READY)
    assert report.facts["auth_methods"] == ["Negotiate", "NTLM"]
    assert report.facts["server_name"]
    assert report.facts["back_end"] == "EX01.mail.lab"
    assert abs(report.facts["clock_skew_seconds"]) <= 2
    assert report.footprint.connections == 1


# --- login and access ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["exchange", "negotiate", "self-signed"])
def test_exchangelib_logs_in_and_reads_the_inbox(lab: Lab, site: str) -> None:
    server = lab.exchange()
    before = len(server.requests())
    report = asked(lab, site, SCAN, allow_untrusted=site == "self-signed")
    passed(report, Step.LOGIN, Step.ACCESS)
    assert report.verdict is (Verdict.LIMITED if site == "self-signed" else Verdict.SCANNABLE)
    assert "41 items, the id of one was read" in check_of(report, Step.ACCESS).summary
    assert report.footprint.login_attempts == 1
    new = [line for line in server.requests()[before:] if "POST" in line]
    assert all("scanready/" in line for line in new)
    accepted = [line for line in new if '" 200 ' in line]
    assert len(accepted) == 2, f"the inbox and one item: {new}"
    assert len(new) - len(accepted) == 2, f"one NTLM exchange: {new}"


def test_an_account_does_not_go_to_a_server_that_vouches_for_itself(lab: Lab) -> None:
    server = lab.exchange()
    before = len(server.requests())
    expect(asked(lab, "self-signed", SCAN), Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert not [line for line in server.requests()[before:] if "POST" in line]


def test_basic_over_tls(lab: Lab) -> None:
    report = asked(lab, "basic", account("scan"))
    expect(report, Verdict.LIMITED, "ews.basic-preauth", step=Step.AUTH, owner=Owner.SERVER)
    passed(report, Step.LOGIN, Step.ACCESS)


@pytest.mark.parametrize(("site", "user"), [("exchange", "LAB\\scan"), ("basic", "scan")])
def test_a_wrong_password_is_tried_once(lab: Lab, site: str, user: str) -> None:
    server = lab.exchange()
    before = len(server.requests())
    report = asked(lab, site, account(user, "wrong"))
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)
    posts = [line for line in server.requests()[before:] if "POST" in line]
    assert len(posts) == (3 if site == "exchange" else 1), posts
    assert report.footprint.login_attempts == 1


def test_for_another_mailbox(lab: Lab) -> None:
    expect(asked(lab, "exchange", SCAN, mailbox="ada@corp.lab"), Verdict.SCANNABLE)
    report = asked(lab, "exchange", account("LAB\\plain"), mailbox="ada@corp.lab")
    expect(report, Verdict.LIMITED, "ews.impersonation-denied", step=Step.ACCESS, owner=Owner.SERVER, fix=ROLE)
    report = asked(lab, "exchange", SCAN, mailbox="nobody@corp.lab")
    expect(report, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)


@pytest.mark.parametrize(
    ("user", "verdict", "code", "owner"),
    [
        ("plain", Verdict.SCANNABLE, None, None),
        ("bare", Verdict.BLOCKED, "ews.no-mailbox", Owner.SERVER),
        ("busy", Verdict.UNDECIDED, "ews.busy", Owner.SERVER),
        ("barred", Verdict.UNDECIDED, "ews.access-policy", Owner.SERVER),
    ],
)
def test_what_is_said_inside(lab: Lab, user: str, verdict: Verdict, code: str | None, owner: Owner | None) -> None:
    report = asked(lab, "exchange", account(f"LAB\\{user}"))
    expect(report, verdict, code, step=Step.ACCESS if code else None, owner=owner)
    assert check_of(report, Step.LOGIN).outcome is Outcome.PASSED


def test_no_login_where_a_password_cannot_do_it(lab: Lab) -> None:
    report = asked(lab, "kerberos", SCAN)
    expect(report, Verdict.UNDECIDED, "ews.kerberos-only", step=Step.AUTH)
    assert report.footprint.login_attempts == 0


def test_a_right_password_behind_who_breaks_ntlm(lab: Lab) -> None:
    behind = lab.exchange_behind()
    report = climb(target("ews", behind.hostname, None, SCAN), lab.agent)
    expect(report, Verdict.BLOCKED, "ews.extended-protection", step=Step.LOGIN, owner=Owner.IDENTITY)
    assert "nginx" in check_of(report, Step.LOGIN).summary


# --- from a mail domain ---------------------------------------------------------------------------------------------


def discovered(lab: Lab, domain: str, credential: Credential | None = None) -> Report:
    lab.exchange()
    lab.dns()
    return climb(target("ews", domain, None, credential, autodiscover=True), lab.agent)


def places(report: Report) -> list[tuple[str, Outcome]]:
    found: list[Check] = [check for check in report.checks if check.step is Step.RESOLVE]
    return [(check.endpoint, check.outcome) for check in found]


SKIPPED, PASSED = Outcome.SKIPPED, Outcome.PASSED


@pytest.mark.parametrize(
    ("domain", "contacted"),
    [
        ("own.corp.lab", [("own.corp.lab:443", PASSED)]),
        ("name.corp.lab", [("name.corp.lab:443", SKIPPED), ("autodiscover.name.corp.lab:443", PASSED)]),
        (
            "redirect.corp.lab",
            [
                ("redirect.corp.lab:443", SKIPPED),
                ("autodiscover.redirect.corp.lab:443", SKIPPED),
                ("autodiscover.redirect.corp.lab:80", PASSED),
                ("autodiscover.redirect2.redirect.corp.lab:443", PASSED),
            ],
        ),
        (
            "srv.corp.lab",
            [
                ("srv.corp.lab:443", SKIPPED),
                ("autodiscover.srv.corp.lab:443", SKIPPED),
                ("autodiscover.srv.corp.lab:80", SKIPPED),
                ("_autodiscover._tcp.srv.corp.lab", PASSED),
                ("exchange.mail.lab:443", PASSED),
            ],
        ),
    ],
)
def test_a_mail_domain_leads_to_its_exchange(lab: Lab, domain: str, contacted: list[tuple[str, Outcome]]) -> None:
    report = expect(discovered(lab, domain), Verdict.READY)
    assert places(report) == contacted
    passed(report, Step.CONNECT, Step.TLS, Step.HANDSHAKE, Step.AUTH)


def test_a_credential_goes_to_the_mail_domains_own_hosts_alone(lab: Lab) -> None:
    server = lab.exchange()
    before = len(server.requests())
    expect(discovered(lab, "name.corp.lab", SCAN), Verdict.SCANNABLE)
    on_the_way = [line for line in server.requests()[before:] if "/autodiscover/" in line]
    assert on_the_way
    assert all('"GET /' in line and '" 401 ' in line for line in on_the_way), "asked, and nothing posted"
    before = len(server.requests())
    report = discovered(lab, "srv.corp.lab", SCAN)
    asked = [line for line in server.requests()[before:] if "/autodiscover/" in line]
    assert asked
    assert all('"HEAD /autodiscover/autodiscover.xml ' in line for line in asked), "a host outside the mail domain"
    fix = "ews://exchange.mail.lab:443"
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR, fix=fix)
    assert report.footprint.login_attempts == 0


def test_a_mail_domain_without_exchange(lab: Lab) -> None:
    report = discovered(lab, "astray.corp.lab")
    expect(report, Verdict.BLOCKED, "ews.autodiscover-nothing", step=Step.RESOLVE, owner=Owner.OPERATOR)
    assert [outcome for _, outcome in places(report)[:-1]] == [SKIPPED] * 4


def test_without_dnspython_nobody_says_that_there_is_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dns", "dns.resolver", "dns.exception"):
        monkeypatch.setitem(sys.modules, name, None)
    report = discovered(lab, "astray.corp.lab")
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.RESOLVE, owner=Owner.AGENT)


def test_a_firewall_before_autodiscover_is_named(lab: Lab) -> None:
    lab.exchange()
    address = lab.exchange().site("exchange").address
    with lab.policy(f"ip daddr {address} tcp dport 443 reject with icmp type admin-prohibited"):
        report = discovered(lab, "name.corp.lab")
    expect(report, Verdict.BLOCKED, "connect.rejected", step=Step.CONNECT, owner=Owner.NETWORK)


def test_every_site_is_asked() -> None:
    marks = test_every_site.pytestmark  # type: ignore[attr-defined]  # set by pytest's decorator
    listed = {mark.args[1][at][0] for mark in marks for at in range(len(mark.args[1]))}
    assert listed == set(SITES) - {"to-https"}
