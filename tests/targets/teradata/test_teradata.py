"""Teradata without a Teradata system: the configuration, every code, and a driver that is killed when it hangs."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, ssh, teradata
from fixtures.emulators.certificates import authority
from scanready.model import Credential, Owner, Report, Step, Verdict
from scanready.net import resolve
from scanready.net.sockets import Address
from scanready.targets.teradata import causes
from scanready.targets.teradata import nodes as shared
from scanready.targets.teradata.login import translate
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, target
from tests.played_driver import PlayedDriver, without_driver


def asked(
    behaviour: Behaviour, credential: Credential | None = None, timeout: float = PLENTY, **options: Any
) -> Report:
    with in_background(behaviour) as server:
        return climb(target("teradata", "127.0.0.1", server.port, credential, **options), timeout=timeout)


def test_the_configuration_is_the_prompt() -> None:
    report = expect(asked(teradata.gateway), Verdict.READY)
    assert report.facts["product"] == "Teradata"
    assert report.facts["version"] == "17.20.03.20"
    assert report.facts["tdgss"] == "17.20.3.1"
    assert report.footprint.login_attempts == 0


def test_the_logon_mechanisms_are_told_by_their_names() -> None:
    report = expect(asked(teradata.system()), Verdict.READY)
    assert report.facts["auth_methods"] == ["TD2", "LDAP", "KRB5"]
    assert check_of(report, Step.AUTH).summary == "offers a logon by TD2, LDAP, KRB5"


def test_a_gateway_that_takes_https_alone() -> None:
    report = asked(teradata.server(teradata.HTTPS_ONLY))
    expect(report, Verdict.LIMITED, "teradata.legacy-port-off", step=Step.AUTH, owner=Owner.DATABASE)


def test_an_error_in_its_place() -> None:
    report = asked(teradata.server(teradata.ERROR))
    expect(report, Verdict.UNDECIDED, "teradata.refused", step=Step.HANDSHAKE, owner=Owner.DATABASE)
    assert "8011" in check_of(report, Step.HANDSHAKE).summary


def test_another_protocol() -> None:
    report = asked(misbehave.says(ssh.BANNER_9_2))
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE)


def test_silence() -> None:
    report = asked(misbehave.silent, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE)


def test_a_credential_without_the_driver_is_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    without_driver(monkeypatch, "teradatasql")
    report = asked(teradata.gateway, account("er"), allow_cleartext=True)
    expect(report, Verdict.UNDECIDED, "agent.driver-missing", step=Step.LOGIN)
    assert report.footprint.login_attempts == 0


#: The vendor's driver, played: it sends an empty connect request; what it raises, and what it reads, is as its own
#: documentation has both.
DRIVER = """
import _socket, contextlib, os
class Error(Exception): pass
class Cursor:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def execute(self, statement, values=()):
        if os.environ["PLAYED_READING"] and "TablesV" in statement: raise Error(os.environ["PLAYED_READING"])
    def fetchone(self): return ["17.20.03.20"]
class Session(Cursor):
    def cursor(self): return Cursor()
def connect(**settings):
    assert settings["encryptdata"] == "true" and settings["cop"] == "false", settings
    with contextlib.closing(_socket.socket()) as server:  # of the system, as a library in C has it
        server.connect((settings["host"], int(settings["dbs_port"])))
        server.sendall(bytes([3, 1, 3]) + bytes(49))
        assert server.recv(52)
    if os.environ["PLAYED_LOGON"]: raise Error(os.environ["PLAYED_LOGON"])
    return Session()
"""


@pytest.fixture(scope="module")
def driver_module(tmp_path_factory: pytest.TempPathFactory) -> PlayedDriver:
    """The module in the place of the vendor's."""
    return PlayedDriver(tmp_path_factory.mktemp("vendor"), "teradatasql", DRIVER)


@pytest.fixture
def plays(driver_module: PlayedDriver, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let logins find that driver; the opt-in tier asks the real one."""

    def play(logon: str, reading: str) -> None:
        driver_module.play(monkeypatch, logon=logon, reading=reading)

    return play


def message(code: int) -> str:
    return f"[Version 20.0.0.72] [Session 1] [Teradata Database] [Error {code}] What the database says. at gosqldriver"


READING = (3523, 3524, 3802, 3807)


def test_with_a_driver_it_is_scannable(plays: Callable[[str, str], None]) -> None:
    plays("", "")
    report = asked(teradata.system(), account("er"), allow_cleartext=True)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["version"] == "17.20.03.20"
    assert report.footprint.login_attempts == 1


@pytest.mark.parametrize("code", sorted(set(causes.CODES) - set(READING)))
def test_a_refused_logon(code: int, plays: Callable[[str, str], None]) -> None:
    plays(message(code), "")
    cause = causes.CODES[code]
    expect(
        asked(teradata.system(), account("er"), allow_cleartext=True),
        Verdict.BLOCKED,
        cause.code,
        step=Step.LOGIN,
        owner=cause.of_database or cause.owner,
    )
    assert cause.remedy


@pytest.mark.parametrize("code", READING)
def test_what_may_not_be_read(code: int, plays: Callable[[str, str], None]) -> None:
    plays("", message(code))
    cause = causes.CODES[code]
    verdict = Verdict.LIMITED if cause.code == "access.denied" else Verdict.BLOCKED
    expect(
        asked(teradata.system(), account("er"), allow_cleartext=True),
        verdict,
        cause.code,
        step=Step.ACCESS,
        owner=cause.of_database or cause.owner,
    )


@pytest.mark.parametrize("code", sorted(causes.CODES))
def test_every_code_has_its_cause(code: int) -> None:
    found = translate(message(code))
    assert found.cause is causes.CODES[code]
    assert found.facts["error_code"] == code
    assert "What the database says" in found.detail


def test_codes_that_nobody_listed() -> None:
    assert translate("[Teradata Database] [Error 2631] Deadlock.").cause is causes.SERVER_ERROR
    assert translate("[Teradata SQL Driver] [Error 375] panic").cause.code == "scanready.limit"
    assert translate("[Teradata SQL Driver] [Error 518] i/o timeout").cause.code == "scanready.out-of-time"
    assert translate("").cause.code == "scanready.limit"


@pytest.mark.parametrize("tls", [True, False])
def test_the_https_port_where_1025_is_closed(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    context = authority().context() if tls else None
    with in_background(misbehave.silent if tls else misbehave.closes_at_once, "127.0.0.79", tls=context) as beside:
        monkeypatch.setattr(shared, "HTTPS", beside.port)
        report = climb(target("teradata", "127.0.0.79"))
    if tls:
        expect(report, Verdict.UNDECIDED, "teradata.https-port-only", step=Step.CONNECT, owner=Owner.NETWORK)
    else:
        expect(report, Verdict.BLOCKED, "connect.refused", step=Step.CONNECT, owner=Owner.SERVER)
    assert report.footprint.connections == 1


class TestCopNames:
    """A system of several nodes: td, tdcop1, tdcop2 ..., as the vendor's driver makes them (seen in its look-ups)."""

    @pytest.fixture
    def names(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        known: dict[str, str] = {}

        def lookup(host: str, port: int) -> list[Address]:
            if host not in known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET, (known[host], port))]

        monkeypatch.setattr(resolve, "_lookup", lookup)
        return known

    def test_every_node_is_asked(self, names: dict[str, str]) -> None:
        names |= {"td.lab": "127.0.0.81", "tdcop1.lab": "127.0.0.81", "tdcop2.lab": "127.0.0.82"}
        with (
            in_background(teradata.gateway, "127.0.0.81") as first,
            in_background(teradata.gateway, "127.0.0.82", port=first.port) as second,
        ):
            report = climb(target("teradata", "td.lab", first.port), canary=False)
            expect(report, Verdict.READY)
            assert (first.counts["configurations"], second.counts["configurations"]) == (1, 1)
        assert f"tdcop2.lab:{first.port}" in {check.endpoint for check in report.checks}

    def test_one_that_does_not_answer_limits(self, names: dict[str, str]) -> None:
        names |= {"td": "127.0.0.81", "tdcop1": "127.0.0.81", "tdcop2": "127.0.0.83"}
        with in_background(teradata.gateway, "127.0.0.81") as first:
            report = climb(target("teradata", "td", first.port), canary=False)
        fix = f"ip daddr 127.0.0.83 tcp dport {first.port} accept"
        expect(report, Verdict.LIMITED, "teradata.cop-unreachable", step=Step.CONNECT, owner=Owner.NETWORK, fix=fix)

    def test_the_system_may_have_no_other_name(self, names: dict[str, str]) -> None:
        names["tdcop1"] = "127.0.0.81"
        with in_background(teradata.gateway, "127.0.0.81") as first:
            report = climb(target("teradata", "td", first.port), canary=False)
        expect(report, Verdict.READY)
        assert "tdcop1 resolves to 127.0.0.81" in check_of(report, Step.RESOLVE).summary

    def test_a_name_that_is_none_stays_one(self, names: dict[str, str]) -> None:
        expect(climb(target("teradata", "td")), Verdict.BLOCKED, "resolve.not-found", step=Step.RESOLVE)

    def test_more_nodes_than_are_looked_for(self, names: dict[str, str]) -> None:
        names |= {"td": "127.0.0.81"} | {f"tdcop{number}": "127.0.0.81" for number in range(1, 300)}
        with in_background(teradata.gateway, "127.0.0.81") as first:
            report = climb(target("teradata", "td", first.port), canary=False)
        expect(report, Verdict.READY)
        assert report.footprint.connections <= 2


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
