"""MySQL's target type against real MariaDB: every failure that it can be brought to, and that we do it no harm.

The servers resolve names, use the host cache, and block an address after 5 early hang-ups (max_connect_errors).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.mariadb import MAX_CONNECT_ERRORS, MariaDB
from scanready.model import Outcome, Owner, Report, Step, Target, Verdict
from scanready.run.engine import verify_all
from scanready.run.settings import Settings
from tests.interrupted import cancelled, out_of_time
from tests.ladder import WAIT, account, check_of, climb, expect, finding_of, passed, story, target

SCAN, POOR = account("scan"), account("poor")


def at(server: MariaDB, user: str | None = None, **options: Any) -> Target:
    return target("mysql", server.hostname, credential=account(user) if user else None, **options)


# As far as it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["standard", "tls", "tls-required"])
def test_ready_without_a_credential(lab: Lab, variant: str) -> None:
    server = lab.mariadb(variant)
    report = expect(climb(at(server), lab.agent), Verdict.READY)
    passed(report, Step.HANDSHAKE, Step.AUTH)
    assert report.facts["product"] == "MariaDB"
    assert report.facts["auth_methods"] == ["mysql_native_password"]
    assert report.facts["agent_seen_as"] == lab.agent.hostname
    assert ("tls" in report.facts) == (variant != "standard")
    assert (report.footprint.connections, report.footprint.probe_logins, report.footprint.login_attempts) == (1, 1, 0)


@pytest.mark.parametrize("variant", ["standard", "tls", "tls-required"])
def test_scannable_with_a_credential(lab: Lab, variant: str) -> None:
    server = lab.mariadb(variant)
    report = expect(climb(at(server, "scan"), lab.agent), Verdict.SCANNABLE)
    assert check_of(report, Step.ACCESS).summary == "read one row of pii.customers"
    assert report.facts["databases"] == ["pii"]
    assert (report.footprint.connections, report.footprint.probe_logins, report.footprint.login_attempts) == (1, 0, 1)


@pytest.mark.parametrize("user", [None, "scan"])
def test_an_independent_client_sees_the_same(lab: Lab, user: str | None) -> None:
    server = lab.mariadb("tls")
    report = climb(at(server, user), lab.agent)

    def theirs() -> tuple[str, str, str]:
        context = ssl.create_default_context()  # verifies: the agent trusts the lab's authority
        with pymysql.connect(host=server.hostname, user="scan", password=PASSWORD, ssl=context) as session:
            cursor = session.cursor()
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_%'")
            status = dict(cursor.fetchall())
            version = session.get_server_info()  # type: ignore[no-untyped-call]  # a gap in its stubs
            return version, status["Ssl_version"], status["Ssl_cipher"]

    version, tls, cipher = lab.agent.run(theirs)
    assert report.facts["version"] == version.removeprefix("5.5.5-")
    assert (report.facts["tls"], report.facts["tls_cipher"]) == (tls, cipher)
    assert not [check for check in report.checks if "certificate_faults" in check.facts], story(report)


def test_certificate_faults_are_only_told(lab: Lab) -> None:
    server = lab.mariadb("tls")
    for user in (None, "scan"):
        where = target("mysql", server.address6, credential=account(user) if user else None)  # not in the certificate
        report = climb(where, lab.agent)
        expect(report, Verdict.SCANNABLE if user else Verdict.READY)
        assert report.facts["certificate_faults"] == ["tls.name-mismatch"], story(report)
        assert check_of(report, Step.TLS).outcome is Outcome.PASSED


def test_a_named_database_and_table(lab: Lab) -> None:
    server = lab.mariadb("standard")
    for options in ({"database": "pii"}, {"database": "pii", "table": "customers"}, {"table": "pii.customers"}):
        report = expect(climb(at(server, "scan", **options), lab.agent), Verdict.SCANNABLE)
        assert "pii.customers" in check_of(report, Step.ACCESS).summary


def test_the_session_reads_only_and_not_for_long(lab: Lab) -> None:
    """The server's general log has only reads of our session, and a limit on their duration."""
    server = lab.mariadb("standard", label="listening")
    server.sql("SET GLOBAL log_output='TABLE'; SET GLOBAL general_log=ON")
    expect(climb(at(server, "scan"), lab.agent), Verdict.SCANNABLE)
    logged = [row[0] for row in server.sql("SELECT argument FROM mysql.general_log WHERE user_host LIKE '%[scan]%'")]
    assert "SET SESSION TRANSACTION READ ONLY" in logged
    assert any(statement.startswith("SET SESSION max_statement_time=") for statement in logged)
    assert "SELECT 1 FROM `pii`.`customers` LIMIT 1" in logged
    assert all(text.split()[0] in ("SET", "SELECT") for text in logged if text and "@" not in text.split()[0]), logged


# Refusals -------------------------------------------------------------------------------------------------------------


def test_host_not_allowed(lab: Lab) -> None:
    server = lab.mariadb("host-restricted")
    report = climb(at(server, "scan", database="pii"), lab.agent)
    agent = lab.agent.hostname  # the server resolves the agent's address: the account needs this name
    fix = f"CREATE USER 'scan'@'{agent}' IDENTIFIED BY '...'; GRANT SELECT ON `pii`.* TO 'scan'@'{agent}';"
    expect(report, Verdict.BLOCKED, "mysql.host-not-allowed", step=Step.HANDSHAKE, owner=Owner.DATABASE, fix=fix)
    assert report.footprint.login_attempts == report.footprint.probe_logins == 0
    expect(climb(at(server), lab.agent), Verdict.BLOCKED, "mysql.host-not-allowed", fix=f"'SCAN-ACCOUNT'@'{agent}'")


def test_the_fix_for_a_host_that_is_not_allowed_works(lab: Lab) -> None:
    server = lab.mariadb("host-restricted", label="repaired")
    fix = finding_of(climb(at(server, "scan", database="pii"), lab.agent)).fix
    server.sql(str(fix).replace("'...'", f"'{PASSWORD}'"))
    expect(climb(at(server, "scan", database="pii"), lab.agent), Verdict.SCANNABLE)


def test_host_blocked_and_then_left_alone(lab: Lab) -> None:
    server = lab.mariadb("observed", label="blocked")

    def hang_up() -> None:
        import socket

        for _ in range(MAX_CONNECT_ERRORS):
            with socket.create_connection((server.address, 3306), 5) as connection:
                connection.recv(1)

    lab.agent.run(hang_up)
    targets = [at(server), at(server, "scan", database="pii"), at(server, "poor"), at(server, database="pii")]

    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(concurrency=1))]

    reports = lab.agent.run(lambda: asyncio.run(run()))
    for report in reports:
        expect(
            report, Verdict.BLOCKED, "mysql.host-blocked", step=Step.HANDSHAKE, owner=Owner.DATABASE, fix="FLUSH HOSTS"
        )
    assert [report.footprint.connections for report in reports] == [1, 0, 0, 0]
    assert server.host_errors(lab.agent.address)["COUNT_HOST_BLOCKED_ERRORS"] == 1
    fix = finding_of(reports[0]).fix
    assert fix is not None
    server.sql(fix.partition(";")[0])
    expect(climb(at(server, "scan"), lab.agent), Verdict.SCANNABLE)


def test_too_many_connections(lab: Lab) -> None:
    server = lab.mariadb("few-connections")
    with server.full():
        for user in (None, "scan"):
            report = climb(at(server, user), lab.agent)
            expect(report, Verdict.BLOCKED, "mysql.too-many-connections", step=Step.HANDSHAKE, owner=Owner.DATABASE)
            assert report.footprint.login_attempts == 0


@pytest.mark.parametrize(
    ("user", "password", "code", "words"),
    [
        ("scan", "not-this-one", "login.refused", "using password: YES"),
        ("nobody-at-all", PASSWORD, "login.refused", "1045"),
        ("socketonly", PASSWORD, "login.refused", "1698"),
        ("tlsonly", PASSWORD, "login.refused", "for an account with REQUIRE SSL"),
        ("locked", PASSWORD, "login.locked", "4151"),
        ("expired", PASSWORD, "login.expired", "1820"),
    ],
)
def test_a_login_is_refused_once(lab: Lab, user: str, password: str, code: str, words: str) -> None:
    server = lab.mariadb("standard", label="refusing")
    attempts = server.log.count(f"Access denied for user '{user}'")
    report = climb(target("mysql", server.hostname, credential=account(user, password)), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.LOGIN, owner=Owner.IDENTITY)
    assert words in finding_of(report).detail
    assert (report.footprint.login_attempts, report.footprint.probe_logins) == (1, 0)
    assert server.log.count(f"Access denied for user '{user}'") - attempts <= 1


def test_an_account_that_requires_tls_gets_it(lab: Lab) -> None:
    server = lab.mariadb("tls")
    passed(climb(at(server, "tlsonly"), lab.agent), Step.TLS, Step.LOGIN)


def test_an_account_without_grants(lab: Lab) -> None:
    server = lab.mariadb("standard")
    denied: dict[str, Any] = {"step": Step.ACCESS, "owner": Owner.DATABASE}
    report = climb(at(server, "poor"), lab.agent)
    expect(report, Verdict.LIMITED, "access.denied", **denied, fix="GRANT SELECT ON *.* TO `poor`@`%`")
    for database in ("pii", "nowhere"):  # the server has one answer for both, and the account sees no database at all
        report = climb(at(server, "poor", database=database), lab.agent)
        expect(report, Verdict.LIMITED, "access.denied", **denied)
        assert finding_of(report).fix is None, "it would name a database that may not exist"


def test_a_table_without_grant(lab: Lab) -> None:
    server = lab.mariadb("standard", label="partly")
    server.sql("CREATE TABLE pii.orders(n INT); GRANT SELECT ON pii.orders TO poor@'%'")
    report = climb(at(server, "poor", database="pii", table="customers"), lab.agent)
    expect(
        report,
        Verdict.LIMITED,
        "access.denied",
        step=Step.ACCESS,
        fix="GRANT SELECT ON `pii`.`customers` TO `poor`@`%`",
    )
    fix = finding_of(report).fix
    assert fix is not None
    server.sql(fix)
    expect(climb(at(server, "poor", database="pii", table="customers"), lab.agent), Verdict.SCANNABLE)


def test_what_does_not_exist(lab: Lab) -> None:
    server = lab.mariadb("standard")
    missing = climb(at(server, "scan", database="pii", table="nothing"), lab.agent)
    expect(missing, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)
    nowhere = climb(at(server, "scan", database="nowhere"), lab.agent)  # MariaDB does not tell it from a missing grant
    expect(nowhere, Verdict.BLOCKED, "access.not-found", step=Step.ACCESS, owner=Owner.OPERATOR)
    assert "a missing database" in finding_of(nowhere).detail
    assert finding_of(nowhere).fix is None


def test_limits_of_an_account(lab: Lab) -> None:
    server = lab.mariadb("standard", label="limits")
    server.sql(f"CREATE USER thrifty@'%' IDENTIFIED BY '{PASSWORD}' WITH MAX_CONNECTIONS_PER_HOUR 1")
    climb(at(server, "thrifty"), lab.agent)
    report = climb(at(server, "thrifty"), lab.agent)
    expect(report, Verdict.BLOCKED, "mysql.user-limit", step=Step.LOGIN, owner=Owner.DATABASE)


def test_an_anonymous_account_is_told(lab: Lab) -> None:
    server = lab.mariadb("standard", label="anonymous")
    server.sql("CREATE USER ''@'%'")
    report = expect(climb(at(server), lab.agent), Verdict.READY)
    assert report.facts["anonymous"] is True
    assert "anonymous account" in check_of(report, Step.AUTH).summary


@pytest.mark.parametrize("database", [None, "hollow"])
def test_a_database_without_tables_is_no_refusal(lab: Lab, database: str | None) -> None:
    """The account's own grants tell an empty database from one whose tables are hidden."""
    server = lab.mariadb("standard", label="hollow")
    server.sql("CREATE DATABASE IF NOT EXISTS hollow")
    server.sql(f"CREATE OR REPLACE USER looker@'%' IDENTIFIED BY '{PASSWORD}'; GRANT SELECT ON hollow.* TO looker@'%'")
    server.sql(f"CREATE OR REPLACE USER runner@'%' IDENTIFIED BY '{PASSWORD}'; GRANT EXECUTE ON hollow.* TO runner@'%'")
    options = {"database": database} if database else {}
    report = climb(at(server, "looker", **options), lab.agent)
    if database:
        expect(report, Verdict.SCANNABLE)
        assert "none in database hollow" in check_of(report, Step.ACCESS).summary
    else:  # others may be hidden from it
        expect(report, Verdict.LIMITED, "access.denied", step=Step.ACCESS)
    expect(climb(at(server, "runner", **options), lab.agent), Verdict.LIMITED, "access.denied", step=Step.ACCESS)


@pytest.mark.parametrize(
    ("rule", "code", "owner"),
    [
        ("drop", "connect.filtered", Owner.NETWORK),
        ("reject with icmp type admin-prohibited", "connect.rejected", Owner.NETWORK),
        ("reject with tcp reset", "connect.refused", Owner.SERVER),
    ],
)
def test_the_firewall_in_the_middle(lab: Lab, rule: str, code: str, owner: Owner) -> None:
    server = lab.mariadb("standard")
    with lab.policy(f"ip daddr {server.address} tcp dport 3306 {rule}"):
        report = climb(target("mysql", server.address), lab.agent)
    expect(report, Verdict.BLOCKED, code, step=Step.CONNECT, owner=owner)


def test_something_else_on_the_port(lab: Lab) -> None:
    server = lab.openssh("password")
    report = climb(target("mysql", server.hostname, 22), lab.agent)
    expect(report, Verdict.BLOCKED, "handshake.other-protocol", step=Step.HANDSHAKE, owner=Owner.OPERATOR)
    silent = lab.misbehaving("silent", 3306)
    report = climb(target("mysql", silent.hostname), lab.agent, timeout=WAIT)
    expect(report, Verdict.BLOCKED, "handshake.silent", step=Step.HANDSHAKE, owner=Owner.NETWORK)


# No harm --------------------------------------------------------------------------------------------------------------


class Watched:
    """Watch the error counters of a server that no other test uses."""

    def __init__(self, server: MariaDB, agent_address: str) -> None:
        self.server = server
        self.address = agent_address
        self.mark = len(server.log)

    def aborted(self) -> int:
        """Return the server's count of connections that ended before their login was complete."""
        return int(self.server.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects_preauth'")[0][1])

    def assert_unharmed(self) -> None:
        assert self.aborted() == 0
        assert "unauthenticated" not in self.server.logged_since(self.mark)
        errors = self.server.host_errors(self.address)
        assert errors.get("SUM_CONNECT_ERRORS", 0) == errors.get("COUNT_HANDSHAKE_ERRORS", 0) == 0


@pytest.fixture(params=["observed", "tls"])
def watched(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Watched]:
    server = lab.mariadb(request.param, label="watched")
    server.forget_hosts()
    server.sql("FLUSH STATUS")
    yield Watched(server, lab.agent.address)
    expect(climb(at(server, "scan"), lab.agent), Verdict.SCANNABLE)  # the agent has not been blocked


def test_the_counters_do_count(lab: Lab) -> None:
    """The counters that the other tests find unchanged do increase when a client breaks off its login."""
    server = lab.mariadb("observed", label="offended")

    def hang_up() -> None:
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(host=server.address, user="scan", password=PASSWORD, ssl={"check_hostname": True})

    lab.agent.run(hang_up)
    watched = Watched(server, lab.agent.address)
    assert watched.aborted() == server.host_errors(lab.agent.address)["SUM_CONNECT_ERRORS"] == 1


def test_fifty_checks_of_every_depth(lab: Lab, watched: Watched) -> None:
    depths = (Step.CONNECT, Step.HANDSHAKE, Step.AUTH, Step.LOGIN, Step.ACCESS)
    for depth in depths * 10:
        report = climb(at(watched.server), lab.agent, depth=depth)
        assert report.verdict is (Verdict.READY if depth.height >= Step.AUTH.height else Verdict.UNDECIDED), story(
            report
        )
        assert report.footprint.probe_logins == 1
    watched.assert_unharmed()


def test_cancelled_at_every_piece_of_talk(lab: Lab, watched: Watched) -> None:
    """Greeting, [SSLRequest,] login, refusal: Ctrl-C at each, more often than the server forgives."""
    pieces = 4 if watched.server.variant == "tls" else 3
    for at_piece in range(1, pieces + 1):
        for _ in range(MAX_CONNECT_ERRORS):
            assert lab.agent.run(lambda n=at_piece: asyncio.run(cancelled(at(watched.server), n))) == pieces
    watched.assert_unharmed()


def test_cancelled_while_pymysql_logs_in(lab: Lab, watched: Watched) -> None:
    for _ in range(MAX_CONNECT_ERRORS + 1):
        lab.agent.run(lambda: asyncio.run(cancelled(at(watched.server, "scan"), 1)))
    watched.assert_unharmed()


def test_out_of_time_at_any_moment(lab: Lab, watched: Watched) -> None:
    """From no time at all to enough: wherever the deadline falls, the login is finished."""
    climb(at(watched.server), lab.agent)  # a server's very first connection is not the point
    verdicts: Counter[Verdict] = Counter()
    for milliseconds in (0.1, *range(1, 1000, 2)):
        watched.server.forget_hosts()  # cold: the server looks our name up before it greets
        report = lab.agent.run(lambda ms=milliseconds: asyncio.run(out_of_time(at(watched.server), ms / 1000)))
        verdicts[report.verdict] += 1
        if verdicts[Verdict.READY] == 10:
            break
    assert set(verdicts) == {Verdict.UNDECIDED, Verdict.READY}, "too short at first, enough in the end"
    watched.assert_unharmed()


def test_a_credential_that_is_withheld_is_no_hang_up(lab: Lab, watched: Watched) -> None:
    wrong = account("scan", "not-this-one")
    targets = [target("mysql", watched.server.hostname, credential=wrong, database=name) for name in ("pii", "a", "b")]

    async def run() -> list[Report]:
        return [report async for report in verify_all(targets, Settings(concurrency=1))]

    reports = lab.agent.run(lambda: asyncio.run(run()))
    assert [finding_of(report).cause.code for report in reports] == [
        "login.refused",
        "login.withheld",
        "login.withheld",
    ]
    assert sum(report.footprint.login_attempts for report in reports) == 1
    watched.assert_unharmed()


def test_an_account_with_a_hash_of_mysql_3_23_is_no_hang_up(lab: Lab, watched: Watched) -> None:
    """The server asks for it in the form of its time, and gets an empty answer: our library does not know the hash."""
    watched.server.sql("SET GLOBAL secure_auth=OFF")
    hashed = f"VIA mysql_old_password USING PASSWORD('{PASSWORD}')"
    watched.server.sql(f"CREATE OR REPLACE USER antique@'%' IDENTIFIED {hashed}; GRANT SELECT ON pii.* TO antique@'%'")
    report = climb(at(watched.server, "antique"), lab.agent)
    expect(report, Verdict.UNDECIDED, "scanready.limit", step=Step.LOGIN, owner=Owner.SCANREADY)
    assert "mysql_old_password" in finding_of(report).detail
    watched.assert_unharmed()


def test_both_addresses_of_a_name_are_left_politely(lab: Lab, watched: Watched) -> None:
    both = "mysql-both.lab"
    lab.topology.name({both: (watched.server.address, watched.server.address6)})
    report = expect(climb(target("mysql", both), lab.agent), Verdict.READY)
    assert (report.footprint.connections, report.footprint.probe_logins) == (2, 2)
    watched.assert_unharmed()
