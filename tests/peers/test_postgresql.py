"""`postgresql` at poolers that are full or have no database behind them, and at PGlite behind pg-gateway."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.lab.accounts import PASSWORD
from fixtures.lab.lab import Lab
from fixtures.lab.namespace import wait_until
from fixtures.lab.pgbouncer import PgBouncer
from fixtures.lab.pglite import PGlite
from fixtures.lab.pgpool import CLOSED, Pgpool
from fixtures.lab.postgresql import STARTUP
from fixtures.lab.server import Server
from scanready.model import Credential, Owner, Report, Step, Verdict
from tests.ladder import account, climb, expect, finding_of, story, target
from tests.peers.running import by_psql, running, says

ER, WRONG = account("er"), account("er", "wrong")


def asked(
    lab: Lab, server: Server, credential: Credential | None = ER, database: str = "hr", **settings: Any
) -> Report:
    where = target("postgresql", server.hostname, server.port, credential, database=database)
    return climb(where, lab.agent, **settings)


def agrees(lab: Lab, server: Server, report: Report, database: str = "hr") -> None:
    """Assert that psql gets a row with the right password exactly where the check does."""
    got, printed = by_psql(lab, server.hostname, server.port, "er", database)
    assert got is (report.verdict is Verdict.SCANNABLE), f"{printed}\n{story(report)}"


@contextlib.contextmanager
def one_client(lab: Lab, server: Server) -> Iterator[None]:
    """Hold a connection that has begun to log in; a pooler notices later that the last client has left."""
    kept: list[socket.socket] = []

    def admitted() -> bool:
        held = lab.agent.run(lambda: socket.create_connection((server.address, server.port), 5))
        held.sendall(STARTUP)
        if held.recv(512).startswith(b"R"):
            kept.append(held)
            return True
        held.close()
        return False

    assert wait_until(admitted, interval=0.2), server.log
    with contextlib.closing(kept[0]):
        yield


# PgBouncer --------------------------------------------------------------------------------------------------------


def pgbouncer(lab: Lab, label: str, settings: str) -> PgBouncer:
    behind = lab.postgresql("scram")
    return lab.alone(f"pgbouncer-{label}", lambda host, own: PgBouncer(host, own, behind, "session", settings))


@pytest.mark.parametrize("credential", [None, ER], ids=["nobody", "er"])
def test_pgbouncer_is_full(lab: Lab, credential: Credential | None) -> None:
    server = pgbouncer(lab, "full", "max_client_conn = 1")
    with one_client(lab, server):
        report = asked(lab, server, credential)
        agrees(lab, server, report)
    expect(report, Verdict.BLOCKED, "postgresql.too-many-connections", step=Step.AUTH, owner=Owner.DATABASE)
    assert report.footprint.login_attempts == 0


def test_pgbouncer_has_no_connection_left_for_the_query(lab: Lab) -> None:
    """Its words come at the first statement, after the login: they are not our want of a transaction."""
    server = pgbouncer(lab, "taken", "query_wait_timeout = 1")
    taking = ["psql", "-XAtq", "-h", server.address, "-p", "6432", "-U", "er", "-d", "hr", "-c", "SELECT pg_sleep(60)"]
    busy = lab.agent.popen(taking, env={"PGPASSWORD": PASSWORD})
    try:
        assert lab.postgresql("scram").sql("SELECT pg_sleep(0.5)") == [[""]]
        report = asked(lab, server)
        agrees(lab, server, report)
    finally:
        busy.kill()
        busy.wait()
    expect(report, Verdict.BLOCKED, "postgresql.backend-unavailable", step=Step.ACCESS, owner=Owner.DATABASE)


def test_pgbouncer_without_its_database_is_silent_after_the_password(lab: Lab) -> None:
    server = pgbouncer(lab, "dead", "")
    expect(asked(lab, server, None, "dead"), Verdict.READY)
    report = asked(lab, server, ER, "dead", timeout=4)
    expect(report, Verdict.UNDECIDED, "login.too-slow", step=Step.LOGIN, owner=Owner.SERVER)
    assert "pooler" in finding_of(report).detail
    agrees(lab, server, report, "dead")


def test_pgbouncer_says_that_its_database_is_away(lab: Lab) -> None:
    """Once a login at the database failed, it says so at once (server_login_retry)."""
    server = pgbouncer(lab, "impatient", "query_wait_timeout = 1")
    report = asked(lab, server, ER, "dead")
    expect(report, Verdict.BLOCKED, "postgresql.backend-unavailable", step=Step.LOGIN, owner=Owner.DATABASE)


# pgpool2 ----------------------------------------------------------------------------------------------------------


def pgpool(lab: Lab, label: str, **settings: Any) -> Pgpool:
    behind = lab.postgresql("scram")
    return running(lab, Pgpool, f"pgpool-{label}", lambda host, own: Pgpool(host, own, behind, **settings))


def test_pgpool_is_healthy(lab: Lab) -> None:
    server = pgpool(lab, "healthy")
    report = expect(asked(lab, server), Verdict.SCANNABLE)
    assert report.footprint.login_attempts == 1
    agrees(lab, server, report)


@pytest.mark.parametrize(
    ("credential", "database", "code", "step", "owner"),
    [
        (WRONG, "hr", "login.refused", Step.LOGIN, Owner.IDENTITY),
        (ER, "unheard", "access.not-found", Step.ACCESS, Owner.OPERATOR),
    ],
    ids=["wrong-password", "no-such-database"],
)
def test_pgpool_refuses(lab: Lab, credential: Credential, database: str, code: str, step: Step, owner: Owner) -> None:
    expect(asked(lab, pgpool(lab, "healthy"), credential, database), Verdict.BLOCKED, code, step=step, owner=owner)


def test_a_user_that_we_invented_decides_nothing_at_pgpool(lab: Lab) -> None:
    assert asked(lab, pgpool(lab, "healthy"), None).verdict is Verdict.UNDECIDED


def test_pgpool_has_no_password_of_its_own_for_the_user(lab: Lab) -> None:
    server = pgpool(lab, "no-passwords", passwords=False)
    report = asked(lab, server)
    expect(report, Verdict.BLOCKED, "postgresql.session-refused", step=Step.AUTH, owner=Owner.DATABASE)
    assert 'pool_passwd file does not contain an entry for "er"' in finding_of(report).detail
    agrees(lab, server, report)


def test_pgpool_has_no_database_behind_it(lab: Lab) -> None:
    server = pgpool(lab, "dead", port=CLOSED)
    report = asked(lab, server)
    expect(report, Verdict.BLOCKED, "postgresql.backend-unavailable", step=Step.LOGIN, owner=Owner.DATABASE)
    agrees(lab, server, report)


def test_pgpool_is_full(lab: Lab) -> None:
    server = pgpool(lab, "full", full=True)
    with one_client(lab, server):
        report = asked(lab, server)
        agrees(lab, server, report)
    expect(report, Verdict.BLOCKED, "postgresql.too-many-connections", step=Step.AUTH, owner=Owner.DATABASE)
    assert report.footprint.login_attempts == 0


# PGlite -----------------------------------------------------------------------------------------------------------


def pglite(lab: Lab, mode: str) -> PGlite:
    return running(lab, PGlite, f"pglite-{mode.lower()}", lambda host, own: PGlite(host, own, mode))


@pytest.mark.parametrize("mode", ["md5Password", "none"])
@pytest.mark.parametrize("table", ["employees", None])
def test_pglite_is_read(lab: Lab, mode: str, table: str | None) -> None:
    """It ends each message of the extended protocol as if it were a whole query, so only simple queries work."""
    server = pglite(lab, mode)
    options = {"table": table} if table else {}
    report = climb(target("postgresql", server.hostname, None, ER, **options), lab.agent)
    agrees(lab, server, expect(report, Verdict.SCANNABLE), "postgres")


def test_pglite_wants_the_password_in_clear(lab: Lab) -> None:
    server = pglite(lab, "cleartextPassword")
    report = asked(lab, server, database="postgres")
    expect(report, Verdict.UNDECIDED, "login.withheld", step=Step.LOGIN, owner=Owner.OPERATOR)
    assert report.footprint.login_attempts == 0
    permitted = target("postgresql", server.hostname, None, ER, allow_cleartext=True)
    agrees(lab, server, expect(climb(permitted, lab.agent), Verdict.SCANNABLE), "postgres")


def test_pglite_refuses_a_wrong_password(lab: Lab) -> None:
    report = asked(lab, pglite(lab, "md5Password"), WRONG, "postgres")
    expect(report, Verdict.BLOCKED, "login.refused", step=Step.LOGIN, owner=Owner.IDENTITY)


def test_psycopgs_extended_protocol_fails_there(lab: Lab) -> None:
    """The reason for simple queries: what a second client, of the same library, gets with parameters."""
    server = pglite(lab, "none")
    script = (
        "import psycopg, sys\n"
        "with psycopg.connect(sys.argv[1], autocommit=True) as session:\n"
        "    print(session.execute('SELECT %s::text', ('x',)).fetchone())\n"
    )
    words = f"host={server.address} user=er dbname=postgres"
    got, printed = says(lab, sys.executable, "-c", script, words)
    assert not got, printed
