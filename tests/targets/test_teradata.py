"""Teradata without a Teradata system: the configuration, every code, and a driver that is killed when it hangs."""

from __future__ import annotations

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, ssh, teradata
from scanready.causes import teradata as causes
from scanready.logins import killable
from scanready.logins.teradata import understood
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.climb import account, check_of, climb, expect, target


def asked(behaviour: Behaviour, credential: Credential | None = None, timeout: float = 5.0) -> Report:
    with in_background(behaviour) as server:
        return climb(target("teradata", "127.0.0.1", server.port, credential), timeout=timeout)


def test_the_configuration_is_the_prompt() -> None:
    report = expect(asked(teradata.gateway), Verdict.READY)
    assert report.facts["product"] == "Teradata"
    assert report.facts["version"] == "17.20.03.20"
    assert report.facts["tdgss"] == "17.20.3.1"
    assert report.footprint.login_attempts == 0


def test_a_gateway_that_takes_https_alone() -> None:
    report = asked(teradata.server(teradata.HTTPS_ONLY))
    expect(report, Verdict.LIMITED, "teradata.legacy-port-off", step=Step.AUTH, owner=Owner.DATABASE)


def test_an_error_in_its_place() -> None:
    report = asked(teradata.server(teradata.ERROR))
    expect(report, Verdict.BLOCKED, "teradata.refused", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    assert "8011" in check_of(report, Step.HANDSHAKE).summary


def test_another_protocol() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)


def test_silence() -> None:
    report = asked(misbehave.silent, timeout=2.0)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)
    assert report.seconds < 2.5


def test_a_credential_without_the_driver_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(killable, "_START", "import sys; sys.modules['teradatasql'] = None; " + killable._START)
    report = asked(teradata.gateway, account("er"))
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0


@pytest.mark.parametrize("code", sorted(causes.CODES))
def test_every_code_has_its_cause(code: int) -> None:
    said = f"[Version 20.0.0.72] [Session 1] [Teradata Database] [Error {code}] What the database says. at gosqldriver"
    found = understood(said)
    assert found.cause is causes.CODES[code]
    assert found.facts["error_code"] == code
    assert "What the database says" in found.detail


def test_codes_that_nobody_listed() -> None:
    assert understood("[Teradata Database] [Error 2631] Deadlock.").cause is causes.SERVER_ERROR
    assert understood("[Teradata SQL Driver] [Error 375] panic").cause.code == "scanready.limit"
    assert understood("[Teradata SQL Driver] [Error 518] i/o timeout").cause.code == "scanready.out-of-time"
    assert understood("").cause.code == "scanready.limit"


def test_the_https_port_where_1025_is_closed() -> None:
    """That is only said if TLS answers on 443 of the same address, which it does not here."""
    report = climb(target("teradata", "127.0.0.78"))
    expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (8017, "login.refused"),
        (3016, "login.expired"),
        (5577, "login.locked"),
        (3006, "teradata.logons-disabled"),
        (8063, "teradata.logon-mechanism"),
        (3523, "access.denied"),
        (3807, "access.not-found"),
    ],
)
def test_what_the_codes_are_known_for(number: int, code: str) -> None:
    assert causes.CODES[number].code == code
