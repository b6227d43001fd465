"""The vendor's driver takes the emulated system for one: configuration, TD2 logon, statements. Opt-in: 350 MB."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.emulators import Behaviour, in_background, misbehave, teradata
from scanready.climb.explain import Failure
from scanready.model import Owner, Report, Step, Verdict
from scanready.targets.teradata import causes
from scanready.targets.teradata.login import visit, where
from tests.in_process import in_process
from tests.ladder import PLENTY, WAIT, account, check_of, climb, expect, in_time, passed, story, target

driver: Any = pytest.importorskip("teradatasql", reason="the driver is opt-in: pip install 'scanready[teradata]'")


def said_of(behaviour: Behaviour) -> str:
    with in_background(behaviour) as server:
        where = {"host": "127.0.0.1", "dbs_port": str(server.port), "cop": "false", "sslmode": "DISABLE"}
        with pytest.raises(driver.Error) as caught:
            driver.connect(user="er", password="x", logon_timeout="3", connect_timeout="3000", **where)
        assert server.counts["configurations"] >= 1
    return str(caught.value)


@pytest.mark.parametrize("answer", [teradata.CONFIGURATION, teradata.HTTPS_ONLY])
def test_the_driver_reads_our_configuration_and_goes_on(answer: bytes) -> None:
    assert "[Teradata Security]" in said_of(teradata.server(answer))


def test_the_driver_misses_the_configuration_in_our_error() -> None:
    assert "did not provide the expected Config Response" in said_of(teradata.server(teradata.ERROR))


def test_a_silent_server_costs_no_more_than_the_deadline() -> None:
    with in_background(misbehave.silent) as server, in_time(3.5), pytest.raises((Failure, TimeoutError)):
        in_process(visit, where("127.0.0.1", server.port, None), account("er"), seconds=3.0, kill=3.5)


def test_our_climb_with_a_gateway_silent_at_the_logon() -> None:
    """The driver reads the configuration, begins its security talk, and waits; nothing that it sent is the password."""
    with in_background(teradata.gateway) as server:
        report = climb(target("teradata", "127.0.0.1", server.port, account("er"), allow_cleartext=True), timeout=WAIT)
        sent = b"".join(record.received for record in server.connections)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.finding is not None
    assert report.finding.cause.code in ("scanready.out-of-time", "scanready.limit"), story(report)
    assert report.footprint.login_attempts == 0
    assert not [word for word in (b"Passw0rd!", "Passw0rd!".encode("utf-16-le")) if word in sent]


#: The errors that refuse a statement, not the logon.
READING = (3523, 3524, 3802, 3807)


def our_climb(behaviour: Behaviour, **options: Any) -> tuple[Report, dict[str, int], bytes]:
    """Climb with the driver; return the report, the system's counts and all bytes that it received."""
    with in_background(behaviour) as server:
        report = climb(
            target("teradata", "127.0.0.1", server.port, account("er"), allow_cleartext=True, **options), timeout=PLENTY
        )
        server.wait(len(server.connections))
        return report, dict(server.counts), b"".join(record.received for record in server.connections)


@pytest.mark.parametrize("options", [{}, {"database": "hr"}])
def test_our_climb_logs_on_and_reads_a_row(options: dict[str, str]) -> None:
    report, counts, sent = our_climb(teradata.system(), **options)
    expect(report, Verdict.SCANNABLE)
    assert report.facts["version"] == "17.20.03.20"
    assert counts == {"configurations": 2, "logons": 1, "connects": 1, "statements": 2, "logoffs": 1}
    assert report.footprint.login_attempts == 1
    assert not [word for word in (b"Passw0rd!", "Passw0rd!".encode("utf-16-le"), b"TablesV") if word in sent]


def test_a_database_without_a_table_is_told() -> None:
    report, _, _ = our_climb(teradata.system(statements=(teradata.ROW, teradata.NO_ROW)), database="hr")
    expect(report, Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read DBC.TablesV of hr, which has no table"


@pytest.mark.parametrize("code", sorted(set(causes.CODES) - set(READING)))
def test_a_logon_refused_in_every_way_that_is_known(code: int) -> None:
    report, counts, _ = our_climb(teradata.system(teradata.refused(teradata.CONNECT, code)))
    cause = causes.CODES[code]
    expect(report, Verdict.BLOCKED, cause.code, step=Step.LOGIN, owner=cause.owner)
    assert f"error {code}" in check_of(report, Step.LOGIN).summary
    assert counts["connects"] == report.footprint.login_attempts == 1


@pytest.mark.parametrize("code", READING)
def test_a_statement_refused_in_every_way_that_is_known(code: int) -> None:
    statements = (teradata.ROW, teradata.refused(teradata.START, code))
    report, counts, _ = our_climb(teradata.system(statements=statements))
    cause = causes.CODES[code]
    denied = cause.code == "access.denied"  # of a database, so its administrators grant it
    verdict, owner = (Verdict.LIMITED, Owner.DATABASE) if denied else (Verdict.BLOCKED, cause.owner)
    expect(report, verdict, cause.code, step=Step.ACCESS, owner=owner)
    passed(report, Step.LOGIN)
    assert counts["logoffs"] == 1


def test_a_system_silent_after_the_logon_costs_no_more_than_the_deadline() -> None:
    with in_background(teradata.system(statements=())) as server:
        report = climb(target("teradata", "127.0.0.1", server.port, account("er"), allow_cleartext=True), timeout=WAIT)
    assert report.verdict is Verdict.UNDECIDED, story(report)
    assert report.footprint.login_attempts == 1
