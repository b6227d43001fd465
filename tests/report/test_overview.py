"""The overview of a host without a type has one line for each service, with its cause, and a summary of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from scanready.causes import common
from scanready.model import Check, Finding, Outcome, Report, Step, Verdict
from scanready.report.look import Look
from scanready.report.overview import draw
from scanready.report.summary import traits
from tests.report.reports import ready

CERTIFICATE = {"tls": "TLSv1.3", "tls_issuer": "CN=Corp CA\\, EMEA,O=Corp", "tls_expires": "2027-01-31T00:00:00+00:00"}


def service(kind: str, **facts: Any) -> Report:
    report = ready("h", kind)
    report.facts = facts
    return report


def stopped(kind: str, cause: Any, detail: str, verdict: Verdict = Verdict.BLOCKED) -> Report:
    """Return the report of a service that answered."""
    report = ready("h", kind)
    report.verdict, report.reached, report.finding = verdict, Step.CONNECT, Finding(cause, detail)
    report.checks = [
        Check(Step.CONNECT, "h:3306", Outcome.PASSED, "connected"),
        Check(Step.HANDSHAKE, "h:3306", Outcome.FAILED, detail, {}, report.finding),
    ]
    return report


def test_product_login_and_encryption() -> None:
    report = service("mysql", product="MariaDB", version="10.11", auth_methods=["a", "b"], **CERTIFICATE)
    assert traits(report) == [
        "MariaDB 10.11",
        "login by a, b",
        "TLSv1.3, certificate issued by Corp CA\\, EMEA, valid until 2027-01-31",
    ]


def test_what_a_protocol_does_not_tell_is_said() -> None:
    report = service("postgresql", product="PostgreSQL", auth_methods=["scram-sha-256"])
    report.checks.insert(1, Check(Step.TLS, "h:5432", Outcome.SKIPPED, "the server does not offer TLS"))
    assert traits(report) == ["PostgreSQL (version not reported before login)", "login by scram-sha-256", "no TLS"]
    report.checks.append(Check(Step.LOGIN, "h:5432", Outcome.PASSED, "logged in as er"))
    assert traits(report)[0] == "PostgreSQL (version not reported)"


def test_a_protocol_stands_for_a_product_that_is_not_known() -> None:
    report = service("postgresql", auth_methods=["scram-sha-256"], **CERTIFICATE)
    summary = "speaks the PostgreSQL protocol (3.0); and more"
    report.checks.insert(0, Check(Step.HANDSHAKE, "h:5432", Outcome.PASSED, summary))
    assert traits(report)[:2] == ["speaks the PostgreSQL protocol (3.0)", "login by scram-sha-256"]


def test_methods_that_were_not_asked_for_leave_the_rungs_own_words() -> None:
    assert traits(service("ssh", product="OpenSSH", version="9.2p1")) == ["OpenSSH 9.2p1", "auth holds"]
    assert traits(service("mood")) == ["auth holds"], "no product: a third party's type, say"


def test_a_faulty_certificate_and_an_open_page() -> None:
    facts = {
        "product": "nginx",
        "version": "1.2",
        "auth_methods": ["anonymous"],
        "encryption": "STARTTLS",
        **CERTIFICATE,
    }
    words = traits(service("https", **facts, certificate_faults=["tls.untrusted", "tls.expired"]))
    assert words[1:] == [
        "no login required",
        "TLSv1.3 with STARTTLS, certificate issued by Corp CA\\, EMEA, valid until 2027-01-31 (untrusted, expired)",
    ]


@pytest.mark.parametrize("told", [5, True, {"a": 1}, [None, [1]], "x"])
def test_facts_of_any_kind_have_words(told: Any) -> None:
    """A file of results may come from any program, and a fact may come from another package."""
    names = ("product", "version", "auth_methods", "tls", "encryption", "tls_issuer", "tls_expires")
    words = traits(service("https", **dict.fromkeys((*names, "certificate_faults"), told)))
    assert all(isinstance(word, str) for word in words)
    assert len(words) == 3


def test_what_is_limited_says_what_it_is_and_what_is_wrong_with_it() -> None:
    report = service("https", product="nginx", version="1.2", auth_methods=["anonymous"])
    report.verdict, report.finding = Verdict.LIMITED, Finding(common.TLS_EXPIRED, "expired yesterday")
    text = draw("h", [report], Look(100))
    assert "nginx 1.2; no login required\n" in text
    assert "tls.expired (server) expired yesterday\n" in text
    assert text.endswith("`scanready check https://h:3306` shows the ladder and, if one exists, the fix\n")


def test_types_that_met_the_same_end_on_one_port_share_a_line() -> None:
    foreign = [stopped(kind, common.OTHER_PROTOCOL, "this port speaks mysql") for kind in ("ssh", "imap", "http")]
    text = draw("h", [service("mysql", product="MariaDB"), *foreign], Look(100))
    assert "handshake.other-protocol  this port speaks mysql (port 3306), not ssh, imap, http\n" in text
    assert text.count("speaks mysql") == 1


def test_a_single_failure_is_told_whole_and_says_where_to_read_on() -> None:
    text = draw("h", [stopped("mysql", common.HUNG_UP, "the server closed the connection")], Look(120))
    assert text.startswith("h cannot be scanned as the one type tried\n")
    assert "mysql  3306  blocked  handshake.hung-up (server) the server closed the connection\n" in text
    assert "`scanready check mysql://h:3306` shows the ladder" in text


def test_what_could_not_be_decided_is_not_said_to_be_impossible() -> None:
    text = draw("h", [stopped("mysql", common.THROTTLED, "wait", Verdict.UNDECIDED)], Look(100))
    assert text.startswith("h cannot be scanned as the one type tried; undecided: mysql\n")


def test_hostile_words_of_a_server_stay_harmless() -> None:
    text = draw("h", [service("mysql", product="Ma\x1b[2Jria", version="1\n2", auth_methods=["\u202ex"])], Look(100))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "Ma\\x1b[2Jria 1\\x0a2; login by \\u202ex" in text
