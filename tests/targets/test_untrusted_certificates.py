"""A credential goes over a certificate that proves who receives it, or where the operator permits another one.

The types are those whose scanner verifies certificates; each logs in as its library does.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fixtures.emulators import Behaviour, Reader, Record, Server, Writer, ews, imap, in_background
from fixtures.emulators.certificates import Kind, authority
from scanready.model import Credential, Report, Step, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.ladder import PLENTY, TYPES, check_of, climb, expect, story, target
from tests.targets.changing_certificates import Certificates
from tests.targets.imap.imap_peers import mailbox
from tests.websites import BASIC, OK, moved, site

SCAN = Credential("svc-scan", "er", "Passw0rd!")
SERVERS: dict[str, Behaviour] = {
    "https": site({"/": BASIC}, {"/": OK}),
    "imaps": mailbox(),
    "ews": ews.exchange,
}
#: Types whose scanner verifies certificates and that need no login, or none of their own.
WITHOUT_A_LOGIN = {"cloud", "console", "update"}
FAULTS: tuple[tuple[Kind, str], ...] = (
    ("self-signed", "tls.untrusted"),
    ("wrong-name", "tls.name-mismatch"),
)


def against(type_: str, kind: Kind, *, trusted: bool = True, **options: Any) -> tuple[Report, Server]:
    with in_background(SERVERS[type_], tls=authority().context(kind)) as server:
        where = target(type_, "127.0.0.1", server.port, SCAN, **options)
        ca_file = str(authority().ca_file) if trusted else None
        return climb(where, canary=False, ca_file=ca_file), server


def test_every_type_whose_scanner_verifies_is_held_to_it() -> None:
    verifying = {row.name for row in TYPES if row.requirements.verifies_certificate}
    assert verifying - WITHOUT_A_LOGIN == {*SERVERS, "imap"}
    for row in TYPES:
        if row.name in verifying - WITHOUT_A_LOGIN:
            assert "allow_untrusted" in {option.name for option in row.options}


@pytest.mark.parametrize("type_", SERVERS)
@pytest.mark.parametrize(("kind", "code"), FAULTS)
def test_a_certificate_that_proves_nothing_keeps_the_credential_here(type_: str, kind: Kind, code: str) -> None:
    report, server = against(type_, kind)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    assert [check.finding.cause.code for check in report.checks if check.step is Step.TLS and check.finding] == [code]
    assert "allow_untrusted" in check_of(report, Step.LOGIN).summary
    assert check_of(report, Step.AUTH).outcome.value in ("passed", "warned"), "the rest of the ladder stands"
    received = b"".join(record.received for record in server.connections)
    assert not any(word in received for word in (b"Authorization: Basic", b"LOGIN", b"AUTHENTICATE"))


@pytest.mark.parametrize("type_", SERVERS)
def test_an_unknown_authority_is_cured_by_its_file(type_: str) -> None:
    report, _ = against(type_, "good", trusted=False)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    report, _ = against(type_, "good", trusted=True)
    assert report.verdict is Verdict.SCANNABLE, story(report)


@pytest.mark.parametrize("type_", SERVERS)
@pytest.mark.parametrize(("kind", "code"), FAULTS)
def test_the_operator_may_permit_it(type_: str, kind: Kind, code: str) -> None:
    report, _ = against(type_, kind, allow_untrusted=True)
    expect(report, Verdict.LIMITED, code, step=Step.TLS)
    assert report.footprint.login_attempts == 1
    assert check_of(report, Step.ACCESS).outcome.value == "passed"


@pytest.mark.parametrize("type_", SERVERS)
def test_an_expired_certificate_still_proves_who_has_it(type_: str) -> None:
    report, _ = against(type_, "expired")
    expect(report, Verdict.LIMITED, "tls.expired", step=Step.TLS)
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize(("kind", "code"), FAULTS)
def test_starttls_is_no_better_than_tls(kind: Kind, code: str) -> None:
    behaviour = imap.server(imap.GREETING, imap.CAPABILITY, starttls=imap.STARTTLS_OK, certificate=kind)
    with in_background(behaviour) as server:
        where = target("imap", "127.0.0.1", server.port, SCAN)
        report = climb(where, canary=False, ca_file=str(authority().ca_file))
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0


def test_a_redirect_from_http_to_a_certificate_that_proves_nothing() -> None:
    """A device in the middle of the clear-text request also writes the redirect."""
    with in_background(SERVERS["https"], tls=authority().context("self-signed")) as secure:
        there = f"https://127.0.0.1:{secure.port}/"
        with in_background(site({"/": moved(there)})) as plain:
            where = target("http", "127.0.0.1", plain.port, SCAN, allow_cleartext=True)
            report = climb(where, canary=False)
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0


def test_the_port_of_the_target_in_tls_is_held_to_its_certificate_too() -> None:
    """One port may speak both: http there leads to https there, which counts as the target itself."""
    certificates = Certificates("self-signed")
    secure = certificates.around(SERVERS["https"])

    async def both(reader: Reader, writer: Writer, record: Record) -> None:
        plain = not server.counts["redirects"]
        record.count("redirects")
        where = f"https://127.0.0.1:{server.port}/"
        await (site({"/": moved(where, "302 Found", "Connection: close")}) if plain else secure)(reader, writer, record)

    with in_background(both) as server:
        where = target("http", "127.0.0.1", server.port, SCAN, allow_cleartext=True)
        report = climb(where, canary=False, ca_file=str(authority().ca_file))
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0
    assert not any(b"Authorization" in received for received in certificates.received("self-signed"))


@pytest.mark.parametrize("type_", ["https", "ews"])
def test_who_shares_an_observation_shares_what_it_says_of_the_certificate(type_: str) -> None:
    """Two accounts at one server: one handshake for both, and neither goes there."""
    with in_background(SERVERS[type_], tls=authority().context("self-signed")) as server:
        accounts = [SCAN, Credential("other", "bob", "Passw0rd!")]
        targets = [target(type_, "127.0.0.1", server.port, each) for each in accounts]

        async def both() -> list[Report]:
            return [report async for report in verify_all(targets, Settings(timeout=PLENTY, canary=False))]

        reports = asyncio.run(both())
    assert len(server.connections) == 1
    for report in reports:
        expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN)
    assert b"Authorization: Basic" not in server.connections[0].received
