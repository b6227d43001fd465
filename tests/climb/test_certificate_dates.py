"""A certificate that ends soon is a warning while it can still be renewed; one that is young is none."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fixtures.emulators import Server, in_background, postgresql
from fixtures.emulators.certificates import authority
from scanready.climb import certificates
from scanready.climb.certificate_dates import Ending, first, soon, within
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.climb.test_certificates import Chain
from tests.ladder import climb, expect, finding_of, story, target
from tests.websites import ER, OK, serving


def ending(left: float, lifetime: float, subject: str = "") -> Ending:
    """A certificate of which so many days are left from now on."""
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=left, minutes=5)
    return Ending(end - datetime.timedelta(days=lifetime), end, subject)


@pytest.mark.parametrize(
    ("left", "lifetime", "days", "words"),
    [
        (6, 90, 7, "the certificate ends in 6 days, on "),
        (1, 365, 7, "the certificate ends in 24 hours, on "),
        (0.05, 365, 7, "the certificate ends in 1 hour, on "),
        (7, 90, 7, ""),  # a day more than the bound
        (6, 7, 7, ""),  # a certificate for a week, and new
        (3, 7, 7, ""),  # renewed in time at a third of its lifetime
        (1, 7, 7, "the certificate ends in 24 hours, on "),
        (20, 90, 30, "the certificate ends in 20 days, on "),
        (25, 90, 30, ""),
        (1, 365, 0, ""),
        (0.4, 365, 0.5, "the certificate ends in 9 hours, on "),
    ],
)
def test_it_is_late_within_the_days_and_the_last_quarter(left: float, lifetime: float, days: float, words: str) -> None:
    found = soon(ending(left, lifetime), days)
    assert found.startswith(words)
    assert bool(found) == bool(words)


def test_an_end_within_a_month_is_mentioned_whatever_its_lifetime() -> None:
    assert within(ending(29, 30), 30).startswith("the certificate ends in 29 days")
    assert within(ending(31, 90), 30) == ""
    assert within(None, 30) == soon(None, 7) == ""


def test_the_first_end_counts() -> None:
    young, old = ending(80, 90), ending(2, 3650, "CN=CA")
    assert first([young, old]) is old
    assert first([]) is None
    assert within(old, 30).startswith("the CA certificate CN=CA ends in 2 days")


def test_an_authority_may_end_before_the_certificate(tmp_path: Path) -> None:
    chain = Chain(tmp_path, days=(400, 3, 30))
    judgement = certificates.judge(chain.session(), "db7.corp", str(chain.ca_file))
    assert judgement.faults == ()
    assert soon(judgement.ends, 7).startswith("the CA certificate CN=Between ends in 2 days")


@pytest.mark.parametrize("days", [(400, 90, -1), (400, -1, 30)])
def test_an_end_in_the_past_is_no_end_to_come(days: tuple[int, int, int], tmp_path: Path) -> None:
    chain = Chain(tmp_path, days=days)
    judgement = certificates.judge(chain.session(), "db7.corp", str(chain.ca_file))
    assert [cause.code for cause, _ in judgement.faults] == ["tls.expired"]
    assert soon(judgement.ends, 7) == ""


# in a climb -------------------------------------------------------------------------------------------------------


def met(server: Server, type_: str = "https", credential: Credential | None = None, **settings: Any) -> Report:
    where = target(type_, "127.0.0.1", server.port, credential)
    return climb(where, canary=False, ca_file=str(authority().ca_file), **settings)


def test_it_limits_a_type_whose_scanner_verifies() -> None:
    with serving(OK, tls=authority().context("ending")) as server:
        report = met(server)
        expect(report, Verdict.LIMITED, "tls.expires-soon", step=Step.TLS, owner=Owner.SERVER)
        assert finding_of(report).detail.startswith("the certificate ends in 2 days, on ")
        expect(met(server, certificate_days=0), Verdict.SCANNABLE)
        expect(met(server, certificate_days=1), Verdict.SCANNABLE)


def test_it_is_no_reason_to_withhold_a_password() -> None:
    with serving(OK, {"/": OK}, tls=authority().context("ending")) as server:
        report = met(server, credential=ER)
        expect(report, Verdict.LIMITED, "tls.expires-soon")
        assert "withheld" not in story(report)


def test_it_is_a_note_where_the_scanner_does_not_verify(monkeypatch: pytest.MonkeyPatch) -> None:
    ending_one = SimpleNamespace(context=lambda: authority().context("ending"))
    monkeypatch.setattr(postgresql, "authority", lambda: ending_one)
    with in_background(postgresql.server(postgresql.AUTH_SASL, tls=True)) as server:
        report = expect(met(server, "postgresql"), Verdict.READY)
        assert "the certificate ends in 2 days" in story(report)


def test_a_good_certificate_is_not_mentioned() -> None:
    with serving(OK, tls=authority().context("good")) as server:
        assert "ends in" not in story(expect(met(server), Verdict.SCANNABLE))
